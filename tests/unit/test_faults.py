"""The fault harness's own logic: no step, kind or place escapes, and the page says what the last run found."""

from __future__ import annotations

import json
import sys

import pytest
import yaml
from repository import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from ansible_collections.monq.platform.plugins.module_utils.engine import steps as step_list  # noqa: E402
from faults import points, record  # noqa: E402
from faults.hook import Hook  # noqa: E402
from support.api_proxy import Answer, Request  # noqa: E402
from support.fixtures import folder  # noqa: E402

RELEASE = yaml.safe_load((ROOT / "roles/monq/vars/main/release.yml").read_text(encoding="utf-8"))["_monq_release"]
CHOICES = [["pl"], ["pl", "cl"], ["pl", "sm", "cl", "fm"]]
LEDGER = "/api/v1/namespaces/monq/configmaps/monq-upgrade-6.0.0"


def mutating(modules, **choice):
    plan = step_list.plan(RELEASE, modules, **choice)
    return points.recorded({step.key: {} for step in plan}, plan)


@pytest.mark.parametrize("choice", [{}, {"prefetch_images": False}, {"configure": True}], ids=str)
@pytest.mark.parametrize("modules", CHOICES, ids=",".join)
def test_every_mutating_step_has_a_class(modules, choice):
    plan = step_list.plan(RELEASE, modules, **choice)
    assert mutating(modules, **choice) == [step.key for step in plan if step.kind != "gate"]


def test_a_step_without_a_class_or_a_plan_is_refused():
    plan = step_list.plan(RELEASE, ["pl"])
    with pytest.raises(KeyError, match="upgrade.new.thing"):
        points.recorded({"upgrade.new.thing": {}}, plan)
    new = plan[0]._replace(key="prepare.teleport.everything", kind="cluster")
    with pytest.raises(KeyError, match="no class"):
        points.recorded({new.key: {}}, [new, *plan])


@pytest.mark.parametrize("modules", CHOICES, ids=",".join)
def test_the_share_leaves_nothing_out(modules):
    """two chains, every step in one of them"""
    chains, left = points.shares(mutating(modules), [], 2)
    strikes = [strike for chain in chains for strike in chain]
    assert left == [] and points.missing(mutating(modules), strikes) == []
    assert sorted(strike.step for strike in strikes) == sorted(mutating(modules))
    for strike in strikes:
        classes, place, _text = points.KINDS.get(strike.kind, (points.EVERYWHERE, strike.place, ""))
        assert points.step_class(strike.step) in classes and strike.place == place


def test_what_one_call_of_a_module_does_is_struck_in_different_chains():
    strikes = points.kind_chain(mutating(["pl"]), "kill-ansible")
    chains = points.apart(strikes)
    assert sorted(strike for chain in chains for strike in chain) == sorted(strikes)
    for chain in chains:
        calls = [points.call_of(strike.step) for strike in chain]
        assert len(calls) == len(set(calls))


@pytest.mark.parametrize("modules", CHOICES, ids=",".join)
def test_what_a_module_does_that_outlives_its_run_is_struck_by_no_other(modules):
    steps = mutating(modules)
    [survived] = [strike.step for strike in points.share(steps) if strike.kind == "kill-ansible"]
    assert [step for step in steps if points.call_of(step) == points.call_of(survived)][-1] == survived


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("upgrade.pl.microservices.replace", "upgrade.pl.replicas.registry", True),
        ("upgrade.pl.microservices.replace", "upgrade.cl.replicas.registry", False),
        ("upgrade.pl.database.a.b", "upgrade.pl.database.c.d", True),
        ("upgrade.pl.database.a.b", "upgrade.pl.cache.a", False),
        ("prepare.snapshot.original", "prepare.replicas.original", True),
        ("prepare.snapshot.original", "upgrade.snapshot.cut", False),
        ("prepare.registry.update", "prepare.registry.env", False),
    ],
)
def test_the_calls_are_those_of_the_roles(one, other, same):
    assert (points.call_of(one) == points.call_of(other)) is same


def test_missing_names_what_is_left_out():
    steps = mutating(["pl"])
    gaps = points.missing(steps, points.place_chain(steps[1:], "before"))
    assert steps[0] in gaps and "api-500" in gaps and "after" in gaps and "during" in gaps and "before" not in gaps


@pytest.mark.parametrize("kind", points.KINDS)
def test_each_kind_strikes_each_of_its_classes_once(kind):
    chosen = [points.step_class(strike.step) for strike in points.kind_chain(mutating(["pl"]), kind)]
    assert sorted(chosen) == sorted(points.KINDS[kind][0])


def test_points_of_the_record_go_where_the_share_strikes_nothing_else():
    steps = mutating(["pl"])
    chains, _left = points.shares(steps, [], 2)
    first, second = chains[0][0], chains[1][0]
    other = [first._replace(place="after", kind="kill"), first._replace(place="during", kind="kill"), second]
    with_record, left = points.shares(steps, other, 2)
    assert with_record[0] == chains[0] and with_record[1] == [other[0], *chains[1]]
    assert left == [other[1]], "the step is struck in both chains already; what the share does anyway is not left"


def test_the_share_strikes_the_whole_track_record():
    """in one installation with the modules of all points"""
    modules, found = record.modules("pl"), [strike for strikes in record.strikes().values() for strike in strikes]
    chains, left = points.shares(mutating(["pl"]), found, 2)
    assert left == [] and {strike for chain in chains for strike in chain} >= set(found) != set()
    assert {strike.step for chain in chains for strike in chain} <= set(mutating(modules))


def test_the_track_record_names_real_points():
    for row in record.track_record():
        assert set(row) == set(record.FIELDS)
        assert (
            row["step"] in mutating(row["modules"].split(","))
            and row["place"] in points.PLACES
            and row["kind"] in {"kill", *points.KINDS}
        )


# ---- what the proxy sees


def request(method, path, body=None):
    return Request(method, path, json.dumps(body).encode() if body is not None else b"")


def written(step, state, method="PATCH", path=LEDGER):
    return request(
        method, path, {"metadata": {"name": "monq-upgrade-6.0.0"}, "data": {step: json.dumps({"state": state})}}
    )


@pytest.mark.parametrize(
    "made",
    [written("a.b.c", "intent"), written("a.b.c", "intent", "POST", LEDGER.rpartition("/")[0])],
    ids=["patch", "create"],
)
def test_a_write_of_the_ledger_is_known(made):
    assert made.ledger == {"a.b.c": {"state": "intent"}} and not made.mutating


@pytest.mark.parametrize(
    ("method", "path", "mutates"),
    [
        ("GET", LEDGER, False),
        ("POST", "/api/v1/namespaces/monq/secrets", True),
        ("POST", "/api/v1/namespaces/monq/secrets?dryRun=All", False),
        ("PATCH", "/apis/coordination.k8s.io/v1/namespaces/monq/leases/monq-upgrade", False),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", False),
        ("DELETE", "/apis/extensions/v1beta1/namespaces/monq/ingresses/frontend-box", True),
    ],
)
def test_what_mutates(method, path, mutates):
    assert request(method, path, {} if method != "GET" else None).mutating is mutates


# ---- where a strike is done


class Upgrade:
    """What a hook does to an upgrade, noted."""

    def __init__(self, folder):
        self.killed, self.armed, self.name = [], [], "monq"
        self.armed_dump, self.proxy = folder / "armed", self

    def kill(self, process):
        self.killed.append(process)

    def faults(self, *rows):
        self.armed += rows

    def point(self):
        return ["ask"]


SECRET = request("POST", "/api/v1/namespaces/monq/secrets", {"data": {}})
STEP = "prepare.registry_token.secret"
TALK = [
    written("prepare.other.step", "intent"),
    SECRET,
    written("prepare.other.step", "done"),
    written(STEP, "intent"),
    SECRET,
    written(STEP, "done"),
]


@pytest.mark.parametrize(
    ("place", "kind", "seen"),
    [
        ("before", "kill", ("after", 3)),
        ("during", "kill", ("after", 4)),
        ("after", "kill", ("before", 5)),
        ("during", "api-500", ("before", 4)),
        ("during", "api-504", ("after", 4)),
        ("during", "api-reset", ("after", 4)),
    ],
)
def test_a_strike_is_done_once_at_its_place(tmp_path, place, kind, seen):
    hook, struck = Hook(points.Strike(STEP, place, kind), Upgrade(tmp_path)), []
    for index, made in enumerate([*TALK, *TALK]):
        struck += [("before", index)] * (hook.before(made) is not None)
        struck += [("after", index)] * (hook.after(made, 200) is not None)
    assert struck[0] == seen and hook.struck
    assert (struck[1:] == []) == (kind != "api-reset"), "a connection that is lost once is tried again"


@pytest.mark.parametrize(("times", "struck"), [(1, False), (0, True)])
def test_a_fault_that_monqctl_did_not_take_was_not_done(tmp_path, times, struck):
    upgrade = Upgrade(tmp_path)
    upgrade.facts = {"faults": str(tmp_path / "faults.json")}
    hook = Hook(points.Strike(STEP, "during", "fail"), upgrade)
    hook.after(written(STEP, "intent"), 200)
    (tmp_path / "faults.json").write_text(json.dumps([{**upgrade.armed[0], "times": times}]))
    hook.settle()
    assert hook.struck is struck


def test_a_step_without_a_call_is_struck_at_its_result(tmp_path):
    for kind, side in (("kill", "before"), ("api-500", "before"), ("api-504", "after")):
        hook = Hook(points.Strike(STEP, "during", kind), Upgrade(tmp_path))
        hook.after(written(STEP, "intent"), 200)
        assert (hook.before(written(STEP, "done")) is not None) == (side == "before")
        assert (hook.after(written(STEP, "done"), 200) is not None) == (side == "after")


def test_an_intent_that_was_refused_is_none(tmp_path):
    hook = Hook(points.Strike(STEP, "before", "kill"), Upgrade(tmp_path))
    assert hook.after(written(STEP, "intent"), 409) is None and not hook.struck


def test_the_api_servers_answers_are_its_own(tmp_path):
    hook = Hook(points.Strike(STEP, "during", "api-409"), Upgrade(tmp_path))
    hook.after(written(STEP, "intent"), 200)
    assert hook.before(SECRET) == Answer(409, "Conflict")


# ---- the page


def test_the_page_shows_the_last_run_and_the_record():
    written_page = record.PAGE.read_text(encoding="utf-8")
    assert record.page(written_page) == written_page, "run python -m faults.record in tests"
    for name in record.rendered():
        assert f".. begin {name}\n" in written_page and f".. end {name}\n" in written_page


@pytest.mark.parametrize(
    ("part", "given", "name"),
    [
        ("", {}, "test"),
        ("", {"PYTEST_XDIST_WORKER": "gw1"}, "gw1"),
        ("", {"MONQ_TEST_SANDBOX": "mine"}, "mine"),
        ("faults", {"MONQ_TEST_SANDBOX": "mine", "PYTEST_XDIST_WORKER": "gw1"}, "faults-mine-gw1"),
        ("faults", {}, "faults-test"),
    ],
)
def test_two_sessions_of_tests_have_a_sandbox_each(part, given, name):
    assert folder(part, {"PATH": "/", **given}).startswith(f"/var/tmp/monq-sandbox-{name}-")
