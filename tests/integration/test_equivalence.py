"""Compares site.yml with the vendor's procedure by hand: they are equal except for a list of differences, each with its
trap's number."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.comparison import differences, state
from support.harness import ROOT

sys.path.insert(0, str(ROOT / "tests" / "sandbox"))

from monqctl_profile import PROFILES  # noqa: E402

REGISTRY = "pl-microservice-registry-api-service"


def explain(path, ours, vendors):
    """Returns the trap that explains a difference, or None: all other differences are failures."""
    if path[0] == "ingresses" and path[1].startswith("frontend-alias") and ours is None:
        return 1  # kubectl knows no globs: the alias routes stay behind
    if (
        path[:2] == ("deployments", REGISTRY)
        and path[-1] == "env"
        and [e for e in ours if e["name"] != "SECURE_TOKEN"] == vendors
    ):
        return 10  # Replace drops the token's variable, and the notes do not set it again
    if path[:2] == ("deployments", "pl-search-service") and path[2:] == ("spec", "replicas"):
        return 42  # the HPA owns it
    return None


def changing(installation):
    """Returns the calls on the vendor's list: changing calls except those that restore counts; the path of the
    template's file is ignored."""
    calls = [argv for argv in installation.journal() if argv[:3] != ["registry", "apply", "microservice"]]
    calls = [[*argv[:-1], "FILE"] if argv[:3] == ["registry", "apply", "service"] else argv for argv in calls]
    hub = installation.facts["releasehub_server"]
    return [[word.replace(hub, "HUB").replace(installation.name, "NAME") for word in argv] for argv in calls]


def core217():
    """Returns the Python of the venv with ansible-core 2.17, which one converge uses."""
    path = subprocess.run(
        [str(ROOT / "tests" / "tools" / "venv"), "core217"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    return str(Path(path) / "bin" / "python")


@pytest.mark.parametrize(
    ("modules", "alias", "literal", "python", "profile"),
    [
        ("pl", True, True, core217, "russian"),
        ("pl,sm,cl,fm", True, False, None, "updating"),
    ],
    ids=["pl on core 2.17", "all, with one wait for all rollouts"],
)
def test_site_equals_the_vendors_procedure(install, modules, alias, literal, python, profile):
    """literal: with the vendor's own order, images inside the outage and a wait for each module's rollout. profile: how
    monqctl speaks to us, and whether it replaces objects or updates them."""
    ours, vendors = install("site-run", modules=modules, alias=alias), install("by-hand", modules=modules, alias=alias)
    ours.speak(PROFILES[profile])
    choices = {"monq_prefetch_images": not literal, "monq_rollout_gate": "module" if literal else "end"}
    plan = signed(ours, choices)
    if literal:
        assert_another_state_is_refused(ours, plan, choices)
    result = ours.play("site", extra={**choices, "monq_plan": plan["id"]}, python=python and python())
    assert result.rc == 0, result.text[-3000:]
    assert_the_plan_was_followed(ours, plan)
    by_hand = vendors.vendor()
    assert "0 monqctl calls failed" in by_hand.text, by_hand.text[-3000:]
    found = differences(state(ours), state(vendors))
    unexplained = [row for row in found if explain(*row) is None]
    assert not unexplained, json.dumps(unexplained, indent=1, ensure_ascii=False)[:4000]
    traps = {explain(*row) for row in found}
    assert 10 in traps, "trap 10: the vendor's registry has lost its token"
    assert (1 in traps) == alias, "trap 1: alias routes stay behind by hand"
    if literal:
        assert changing(ours) == changing(vendors), "call for call, in order (trap 31)"
    else:
        assert_caches_come_after_all_rollouts(ours)


def signed(ours, choices):
    """The plan of the installation; nothing is changed by making it."""
    made = ours.play("plan", extra=choices, confirm=False)
    assert made.rc == 0 and "WILL BE DELETED" in made.text, made.text[-3000:]
    plan = json.loads(next(ours.backup.rglob("plan.json")).read_text())
    assert plan["id"] in made.text and not ours.journal() and not ours.ledger()
    return plan


def assert_another_state_is_refused(ours, plan, choices):
    """before anything is changed, naming the part and the difference"""
    name = next(name for name, row in plan["parts"]["replicas"].items() if row["kubernetes"] == 1)
    ours.kubectl("scale", "deployment", name, "--replicas=2")
    refused = ours.play("site", extra={**choices, "monq_plan": plan["id"]})
    assert refused.rc == 2 and f"replicas.{name}.kubernetes: 1 -> 2" in refused.text, refused.text[-3000:]
    assert not ours.journal() and not ours.ledger()
    ours.kubectl("scale", "deployment", name, "--replicas=1")


def assert_the_plan_was_followed(ours, plan):
    """Its steps are those of the ledger, in order; what it said would be deleted is gone; it is used up."""
    entries, shown = ours.ledger(), plan["shown"]["steps"]
    assert {row["key"] for row in shown if row["will_run"]} == set(entries)
    ran = sorted((row for row in shown if row["kind"] != "client"), key=lambda row: entries[row["key"]]["finished"])
    assert [row["key"] for row in ran] == [row["key"] for row in shown if row["kind"] != "client"]
    uids = {route["metadata"]["uid"] for route in ours.objects("ingresses")}
    assert plan["parts"]["routes_removed"] and not uids & {r["uid"] for r in plan["parts"]["routes_removed"].values()}
    assert uids >= {route["uid"] for route in plan["parts"]["routes_kept"].values()}
    notes = json.loads(ours.kubectl("get", "configmap", "monq-upgrade-6.0.0", "-o", "json"))["metadata"]["annotations"]
    assert notes["monq.platform/plan"] == plan["id"]


def assert_caches_come_after_all_rollouts(installation):
    """trap 44: caches are filled only by new versions."""
    ledger, calls = installation.ledger(), changing(installation)
    replaced = [argv for argv in calls if argv[:3] == ["release", "update", "microservices"]]
    cleared = [argv for argv in calls if argv[:3] == ["instance", "clear", "cache"]]
    assert len(replaced) == 4 and len(cleared) > 1 and calls[-len(cleared) :] == cleared
    rolled = [entry for key, entry in ledger.items() if key.endswith(".microservices.rollout")]
    last_replace = max(entry["finished"] for key, entry in ledger.items() if key.endswith(".microservices.replace"))
    first_cache = min(entry["started"] for key, entry in ledger.items() if ".cache." in key)
    assert len(rolled) == 4
    assert all(last_replace <= entry["started"] and entry["finished"] <= first_cache for entry in rolled)


def test_the_comparison_sees_a_difference():
    assert differences({"a": {"b": 1}}, {"a": {"b": 2}}) == [(("a", "b"), 1, 2)]
    assert explain(("deployments", "pl-i18n-service", "spec", "replicas"), 1, 2) is None
