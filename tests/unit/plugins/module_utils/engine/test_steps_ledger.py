"""What the ledger makes of the plan: what is done and what is missing, the outage, the fingerprint."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError
from plans import keys, make
from repository import RELEASE, ROOT


@pytest.mark.parametrize(
    ("kind", "entry", "home", "expected"),
    [
        ("cluster", None, None, False),
        ("cluster", {}, None, False),
        ("cluster", {"state": "intent"}, None, False),
        ("cluster", {"state": "failed"}, None, False),
        ("cluster", {"state": "unknown"}, None, False),
        ("cluster", {"state": "done"}, None, True),
        ("cluster", {"state": "accepted"}, None, True),
        ("gate", {"state": "done"}, None, True),
        ("client", {"state": "done", "homes": ["a", "b"]}, "b", True),
        ("client", {"state": "done", "homes": ["a"]}, "b", False),
        ("client", {"state": "done", "homes": ["a"]}, None, False),
        ("client", {"state": "done"}, "a", False),
        ("client", {"state": "failed", "homes": ["a"]}, "a", False),
    ],
)
def test_is_done(kind, entry, home, expected):
    step = steps.Step("a.b.c", kind, "reversible", False, None, "", "", "")
    assert steps.is_done(step, entry, home) is expected


def all_done(plan, home="here"):
    return {step.key: {"state": "done", "homes": [home]} for step in plan}


def test_first_missing_names_the_first_in_order():
    plan = make()
    entries = all_done(plan)
    assert steps.first_missing(plan, entries, plan[-1].key, "here") is None
    assert steps.first_missing(plan, {}, plan[0].key, "here") is None
    assert steps.first_missing(plan, {}, plan[1].key, "here") == plan[0]
    for at in range(len(plan) - 1):
        without = {key: entry for key, entry in entries.items() if key != plan[at].key}
        assert steps.first_missing(plan, without, plan[-1].key, "here") == plan[at]


@pytest.mark.parametrize("key", ["upgrade.sm.images", "verify.nothing.check", ""])
def test_a_step_outside_the_plan_has_no_predecessors_but_an_error(key):
    plan = make(["pl"])
    with pytest.raises(InputError):
        steps.first_missing(plan, all_done(plan), key, "here")


def test_another_home_lacks_the_client_steps_but_verify_needs_them_in_some_home_only():
    """trap 47"""
    plan = make()
    entries = all_done(plan)
    assert (
        steps.first_missing(plan, entries, "upgrade.pl.cache.pl-i18n-service", "elsewhere").key
        == "prepare.release_hub.token"
    )
    assert steps.first_missing(plan, entries, "verify.installation.check", "elsewhere") is None
    entries["prepare.release.use-version"] = {"state": "failed"}
    assert (
        steps.first_missing(plan, entries, "verify.installation.check", "elsewhere").key
        == "prepare.release.use-version"
    )


# ---- the outage


def test_outage_lasts_from_the_cut_to_the_last_step_of_the_upgrade():
    plan = make()
    entries = all_done(plan, "elsewhere")
    found = keys(plan)
    seen = []
    for count in range(len(plan) + 1):
        seen.append(steps.outage(plan, {key: entries[key] for key in found[:count]}))
    cut, last = found.index("upgrade.routing.cut"), max(i for i, key in enumerate(found) if key.startswith("upgrade."))
    assert seen == ["up"] * (cut + 1) + ["down"] * (last - cut) + ["up"] * (len(plan) - last)


@pytest.mark.parametrize("state", ["intent", "failed", "unknown"])
def test_a_cut_that_was_begun_counts_as_down(state):
    assert steps.outage(make(), {"upgrade.routing.cut": {"state": state}}) == "down"


# ---- the fingerprint


def test_the_fingerprint_follows_the_plan():
    first = steps.fingerprint(make())
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert steps.fingerprint(make()) == first
    others = [
        make(["pl"]),
        make(prefetch_images=False),
        make(backup_in_outage=True),
        make(backup_databases=["cl-streams-service"]),
    ]
    assert len({first, *map(steps.fingerprint, others)}) == 5


def test_a_corrected_place_is_no_other_upgrade():
    """Where something lies, and which home monqctl has, may change between two runs of one upgrade."""
    others = [
        make(registry_k8s_api="https://x"),
        make(registry_source_dir="/srv"),
        make(release_source_dir="/srv", online=False),
        make(configure=True, context="c"),
    ]
    assert {steps.fingerprint(make()), *map(steps.fingerprint, others)} == {steps.fingerprint(make())}


def recorded():
    return json.loads((ROOT / "tests/unit/data/fingerprints-1.0.json").read_text(encoding="utf-8"))


def described(row):
    return " ".join(
        [*row["modules"], *[f"{name}={value}" for name, value in row.items() if name not in ("modules", "sha256")]]
    )


@pytest.mark.parametrize("row", recorded(), ids=described)
def test_an_upgrade_that_was_begun_with_version_1_0_has_the_same_steps(row):
    """Recorded with the code of then: only the order after Replace has changed, and such an upgrade is ended by this
    one."""
    given = {key: value for key, value in row.items() if key != "sha256"}
    plan = steps.plan(RELEASE, **given)
    assert row["sha256"] in steps.fingerprints(plan) and steps.fingerprint(plan) != row["sha256"]
    for other in (
        {"prefetch_images": not given.get("prefetch_images", True)},
        {"modules": ["pl"] if len(given["modules"]) > 1 else ["pl", "sm"]},
    ):
        assert row["sha256"] not in steps.fingerprints(steps.plan(RELEASE, **{**given, **other}))
