"""What the registry answers on replica counts, and what it is told."""

from __future__ import annotations

import contextlib
import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.monqctl import registry
from ansible_collections.monq.platform.plugins.module_utils.monqctl.registry import RegistryReplicas
from ansible_collections.monq.platform.plugins.module_utils.process import Result
from fake_monqctl import CONTEXT, OK


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([{"name": "a", "replicas": 3}, {"name": "b", "replicas": 0}], {"a": 3, "b": 0}),
        ([{"name": "a", "replicas": 1, "more": True}], {"a": 1}),
        ([{"name": "a", "replicas": "3"}, {"name": "b", "replicas": "0"}], {"a": 3, "b": 0}),
    ],
)
def test_registry_counts(answer, expected):
    assert registry.registry_counts(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"a": 3},
        "a",
        [["a", 3]],
        [{"name": "a"}],
        [{"replicas": 1}],
        [{"name": None, "replicas": 1}],
        [{"name": "a", "replicas": None}],
        [{"name": "a", "replicas": "three"}],
        [{"name": "a", "replicas": "-3"}],
        [{"name": "a", "replicas": ""}],
        [{"name": "a", "replicas": 1.5}],
        [{"name": "a", "replicas": True}],
        [{"name": "b", "replicas": 1}, {"name": "a", "replicas": None}],
    ],
)
def test_counts_that_cannot_be_read_are_not_guessed(answer):
    with pytest.raises(CommandError) as caught:
        registry.registry_counts(answer)
    assert "monq_registry_replica_commands" in str(caught.value) and "manual" in str(caught.value)


def test_a_new_service_of_an_odd_shape_does_not_stop_what_is_put_back():
    answer = [{"name": "a", "replicas": 2}, {"name": "new", "replicas": None}]
    assert registry.registry_counts(answer, known={"a": {}}) == {"a": 2}
    for known in (None, {"a": {}, "new": {}}):
        with pytest.raises(CommandError):
            registry.registry_counts(answer, known)


class Registry:
    """monqctl on a registry whose list shows less of a service than "get" does."""

    secrets = ()

    def __init__(self, **services):
        self.services, self.calls, self.written = services, [], []

    def read_json(self, *argv):
        if argv[3] in self.services:
            return dict(self.services[argv[3]])
        return [{"Name": name, "Replicas": entry["Replicas"]} for name, entry in self.services.items()]

    def change(self, argv, secret="", content=None, in_context=True):
        self.calls.append((argv[3], in_context))
        if argv[3] == "broken":
            raise CommandError("monqctl failed")
        self.services[argv[3]] = json.loads(content)

    @contextlib.contextmanager
    def batch(self):
        self.calls.append("before")
        yield self.written.append
        self.calls.append("after")


def entry(count, **more):
    return {"Name": "x", "Replicas": count, **more}


def test_nothing_but_the_count_of_a_service_is_changed():
    """What the list does not show of a service must not be lost by putting its count back."""
    client = Registry(a=entry(1), b=entry(1, Env={"HEAP": "4g"}), c=entry(1, Env={}))
    store, done = registry.RegistryReplicas(client), []
    store.counts()
    store.put([("a", 1, 3), ("b", 1, 2)], done.append)
    assert client.services == {"a": entry(3), "b": entry(2, Env={"HEAP": "4g"}), "c": entry(1, Env={})}
    assert done == [("a", 1, 3), ("b", 1, 2)]


def test_a_batch_compares_the_context_around_its_calls_and_says_what_it_writes():
    client = Registry(a=entry(1), broken=entry(1), z=entry(1))
    with pytest.raises(CommandError):
        registry.RegistryReplicas(client).put([("a", 1, 3), ("broken", 1, 2), ("z", 1, 2)])
    assert client.calls == ["before", ("a", False), ("broken", False)] and client.written == ["a", "broken"]
    assert client.services["z"] == entry(1)


# ---- by calls of the client


@pytest.mark.parametrize(
    "reply",
    [
        '[{"Name": "a", "Replicas": 0}, {"Name": "b", "Replicas": 4}]',
        '\ufeff{"items": [{"Name": "a", "Replicas": "0"}, {"Name": "b", "Replicas": "4"}], "total": 2}\r\n',
        'asking the registry\n[{"Name": "a", "Replicas": 0}, {"Name": "b", "Replicas": 4}]\n[INFO] 2 services\n',
    ],
)
def test_counts_of_the_registry(client, runner, reply):
    runner.answers["registry"] = Result(0, reply, "", False)
    replicas = RegistryReplicas(client)
    assert replicas.counts() == {"a": 0, "b": 4} and sorted(replicas.table()[1]) == ["a", "b"]


@pytest.mark.parametrize(
    ("commands", "service", "expected"),
    [
        (None, '{"Name": "a", "Replicas": 1, "Env": "Ж"}', '{"Name": "a", "Replicas": 0, "Env": "Ж"}'),
        (None, '{"Name": "a", "Replicas": "1"}', '{"Name": "a", "Replicas": "0"}'),
        (
            {"get": {"argv": ["registry", "get", "microservices", "{name}"], "query": "Spec.Scale"}},
            '{"Spec": {"Scale": 1, "x": 2}}',
            '{"Spec": {"Scale": 0, "x": 2}}',
        ),
    ],
)
def test_a_count_is_changed_and_nothing_else(client, runner, commands, service, expected):
    """trap 42"""
    applied = []

    def look(argv):
        if argv[2] == "apply":
            with open(argv[-1], encoding="utf-8") as file:
                applied.append((argv[1:-1], file.read()))

    runner.seen, runner.answers["registry"] = look, [Result(0, service, "", False), OK]
    RegistryReplicas(client, commands).put([("a", 1, 0)])
    assert applied == [(["registry", "apply", "microservice", "a", "--file"], expected)]
    assert [runner.calls[0], runner.calls[-1]] == [CONTEXT, CONTEXT]


@pytest.mark.parametrize(
    "answer", ["[]", '[{"Name": "a", "Replicas": 2}]', '{"Name": "a"}', '{"Name": "a", "Replicas": 3}']
)
def test_the_registrys_single_read_is_tried_before_the_outage(client, runner, answer):
    """trap 42"""
    runner.answers["registry"] = [Result(0, '[{"Name": "a", "Replicas": 2}]', "", False), Result(0, answer, "", False)]
    with pytest.raises(CommandError, match="replica counts cannot be read"):
        RegistryReplicas(client).probe()
