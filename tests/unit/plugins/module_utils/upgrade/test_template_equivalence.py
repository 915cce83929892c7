"""The template transformation equals the vendor's filter, run by jq itself on templates of all shapes."""

from __future__ import annotations

import json
import random
import subprocess

import pytest
from ansible_collections.monq.platform.plugins.module_utils.upgrade.template import (
    TRANSFORMED,
    UNTOUCHED,
    state,
    transform,
)
from repository import ROOT

VENDOR_FILTER = (ROOT / "tests/unit/data/vendor_filter.jq").read_text(encoding="utf-8")

WORDS = ["app", "logs", "журнал", "a b", 'quo"te', "back\\slash", "%AppName%", "😀", "", "new\nline", "tmp"]


class Generator:
    """Templates as 5.9.3 may have them: none of ours in them. The same seed gives the same templates."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        return " ".join(self.random.choices(WORDS, k=self.random.randint(1, 3)))

    def value(self, depth=2):
        makers = [
            self.text,
            lambda: None,
            lambda: self.random.random() < 0.5,
            lambda: self.random.randint(-(2**31), 2**31),
        ]
        if depth:
            makers += [
                lambda: [self.value(depth - 1) for _number in range(self.random.randint(0, 3))],
                lambda: {self.text(): self.value(depth - 1) for _number in range(self.random.randint(0, 3))},
            ]
        return self.random.choice(makers)()

    def set_list(self, owner, field, entry):
        """Null, absent, empty or filled."""
        kind = self.random.choice(["null", "absent", "empty", "filled", "filled"])
        if kind == "null":
            owner[field] = None
        elif kind != "absent":
            owner[field] = [entry() for _number in range(self.random.randint(1, 4))] if kind == "filled" else []

    def volume(self):
        return {"name": self.text(), self.random.choice(["emptyDir", "secret", "configMap"]): self.value()}

    def mount(self):
        return {"name": self.text(), "mountPath": "/" + self.text().replace("certs", "")}

    def parameter(self):
        return {"Name": f"%{self.text()}%", "Value": self.value()}

    def template(self):
        pod = {"containers": self.value()}
        self.set_list(pod, "volumes", self.volume)
        config = {
            "Deployment": {
                "kind": "Deployment",
                "spec": {"replicas": 1, "template": {"metadata": self.value(), "spec": pod}},
            }
        }
        for container in ("Container-api", "Container-console"):
            config[container] = {"image": self.text()}
            self.set_list(config[container], "volumeMounts", self.mount)
        self.set_list(config, "Parameters", self.parameter)
        for field in ("Job", "Service", self.text()):
            if self.random.random() < 0.5:
                config[field] = self.value()
        return {"Name": "K8s", "JsonConfig": config, **({"Extra": self.value()} if self.random.random() < 0.5 else {})}

    def domain(self):
        return self.random.choice(["monq.domain.com", "*.monq.domain.com", "монк.рф", "a.b", "xn--80ak6aa92e.com"])

    def call(self):
        """The template with the two variables that the vendor's filter takes."""
        return {
            "template": self.template(),
            "aliases": [self.domain() for _number in range(self.random.choice([0, 0, 1, 2, 5]))],
            "secrets": [
                {
                    "hosts": [self.domain() for _host in range(self.random.randint(1, 3))],
                    "secretName": self.text() + "-tls",
                }
                for _number in range(self.random.randint(0, 3))
            ],
        }


def vendor(calls):
    """What the vendor's filter makes of each call's template: one jq for all."""
    lines = [
        json.dumps(
            {"template": call["template"], "alias": ",".join(call["aliases"]), "secrets": call["secrets"]},
            ensure_ascii=False,
        )
        for call in calls
    ]
    program = f".alias as $alias | .secrets as $secrets | .template | {VENDOR_FILTER}"
    done = subprocess.run(
        ["jq", "-c", program], input="\n".join(lines), capture_output=True, text=True, encoding="utf-8", check=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(calls)
    return answers


def ours(call, given=None):
    return transform(call["template"] if given is None else given, call["aliases"], call["secrets"])


def text(whole):
    """Python holds 1 and True for equal; JSON does not."""
    return json.dumps(whole, sort_keys=True, ensure_ascii=False)


@pytest.fixture(scope="module")
def calls():
    generator = Generator(600)
    return [generator.call() for _number in range(400)]


@pytest.fixture(scope="module")
def once(calls):
    return vendor(calls)


def test_the_generator_makes_every_kind(calls):
    """Else the equivalence below would say less than it seems to."""
    seen = {"null": 0, "absent": 0, "empty": 0, "filled": 0}
    for call in calls:
        config = call["template"]["JsonConfig"]
        for owner, field in (
            (config["Deployment"]["spec"]["template"]["spec"], "volumes"),
            (config["Container-api"], "volumeMounts"),
            (config["Container-console"], "volumeMounts"),
            (config, "Parameters"),
        ):
            kind = (
                "absent"
                if field not in owner
                else "null"
                if owner[field] is None
                else "filled"
                if owner[field]
                else "empty"
            )
            seen[kind] += 1
    assert min(seen.values()) > 100
    assert any(not call["aliases"] for call in calls) and any(
        "*" in alias for call in calls for alias in call["aliases"]
    )
    assert any("Job" in call["template"]["JsonConfig"] for call in calls)
    assert not text([call["template"] for call in calls]).isascii()
    assert all(state(call["template"]) == UNTOUCHED for call in calls)


def test_equals_the_vendors_filter(calls, once):
    for call, expected in zip(calls, once):
        assert text(ours(call)) == text(expected)


def test_is_a_fixed_point(calls):
    """trap 14"""
    for call in calls:
        result = ours(call)
        assert text(ours(call, result)) == text(result)


def test_is_a_fixed_point_after_the_vendors_filter(calls, once):
    """trap 14: one run of the filter is left alone, the second and third are undone"""
    twice = vendor([{**call, "template": first} for call, first in zip(calls, once)])
    thrice = vendor([{**call, "template": second} for call, second in zip(calls, twice)])
    for call, first, second, third in zip(calls, once, twice, thrice):
        assert text(second) != text(first)
        assert text(ours(call, first)) == text(ours(call, second)) == text(ours(call, third)) == text(first)
        assert state(first) == state(second) == TRANSFORMED


def test_other_domains_replace_the_old_ones(calls, once):
    """trap 14, trap 15: what comes out does not depend on the domains of an earlier run"""
    others = calls[1:] + calls[:1]
    expected = vendor([{**other, "template": call["template"]} for call, other in zip(calls, others)])
    for first, other, right in zip(once, others, expected):
        assert text(ours(other, first)) == text(right)


def test_the_filter_is_the_vendors():
    """The data file is the text of the release notes: 8 lines, none of them ours."""
    assert VENDOR_FILTER.count("\n") == 8
    assert VENDOR_FILTER.count("|= . + [") == 6
    assert "$alias" in VENDOR_FILTER and "$secrets" in VENDOR_FILTER
