"""The plan's calls: the vendor's in the vendor's order, for every choice of modules, online and offline."""

from __future__ import annotations

import shlex

import pytest
from plans import BY_CHOICE, FULL, keys, make
from repository import load

# What stands in the notes for a value, and what the plan has in its place.
PLACEHOLDERS = {
    "<name>": "hub",
    "<cred name>": "cred",
    "$token": "{secret}",
    "registry-k8s-template.json": "{file}",
    "<папка с экспортированным обновлением>": "/media/bundle",
}


def vendor_calls(modules, offline=False):
    calls = []
    for section in load("tests/unit/data/vendor_calls.yml"):
        if section.get("module", "pl") in modules:
            for line in section["offline" if offline and "offline" in section else "calls"]:
                for placeholder, value in PLACEHOLDERS.items():
                    line = line.replace(placeholder, value)
                calls.append(shlex.split(line)[1:])
    return calls


@BY_CHOICE
def test_the_literal_order_is_the_vendors_call_for_call(modules):
    """traps 29, 30, 31, 33, 34, 40, 45"""
    plan = make(modules, prefetch_images=False)
    assert [step.argv for step in plan if step.argv] == vendor_calls(modules)


@BY_CHOICE
def test_the_order_in_which_modules_are_declared_does_not_matter(modules):
    assert keys(make(list(reversed(modules)))) == keys(make(modules))


@BY_CHOICE
def test_prefetch_moves_the_images_and_nothing_else(modules):
    """trap 25"""
    early, literal = make(modules), make(modules, prefetch_images=False)
    images = [["release", "update", "images", f"--module={m}"] for m in FULL if m in modules]

    def rest(plan):
        return [(step.key, step.argv) for step in plan if step.argv not in images]

    assert rest(early) == rest(literal)
    assert [step.argv for step in early if step.argv in images] == images
    assert keys(early).index(f"prepare.{[m for m in FULL if m in modules][-1]}.images") < keys(early).index(
        "upgrade.routing.cut"
    )
    assert all(key.startswith("upgrade.") for key in keys(literal) if key.endswith(".images"))


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (["pl"], ["pl"]),
        (["pl", "sm"], ["pl", "sm", "sm_monq.json"]),
        (["pl", "cl", "fm"], ["pl", "cl", "fm"]),
        (FULL, ["pl", "cl", "sm", "fm", "sm_monq.json"]),
    ],
)
def test_routing_has_an_order_of_its_own(modules, expected):
    """traps 29, 30, 31"""
    prefix = "upgrade.routing.apply."
    assert [key[len(prefix) :] for key in keys(make(modules)) if key.startswith(prefix)] == expected


def test_the_api_under_another_address():
    found = {step.key: step.argv for step in make(registry_k8s_api="https://10.0.0.1:6443")}
    assert found["prepare.registry.update"] == [
        "registry",
        "update",
        "registry",
        "--version=3.2.0",
        "--k8s-api=https://10.0.0.1:6443",
    ]


# ---- offline


@BY_CHOICE
def test_offline_the_vendors_call_for_call(modules):
    """trap 27"""
    plan = make(
        modules,
        prefetch_images=False,
        online=False,
        registry_source_dir="/media/bundle",
        release_source_dir="/media/bundle",
    )
    assert [step.argv for step in plan if step.argv] == vendor_calls(modules, offline=True)[
        1:
    ]  # the Release Hub is not there


def test_offline_needs_no_release_hub():
    """trap 26: the old token is of no interest where nothing is fetched"""
    online, offline = keys(make()), keys(make(online=False))
    assert [key for key in online if key not in offline] == ["prepare.release_hub.token"]


# ---- calls that change a home


def test_configure_puts_client_steps_first():
    """trap 47"""
    plain, plan = make(), make(configure=True)
    added = plan[: len(plan) - len(plain)]
    assert plan[len(added) :] == plain
    assert {step.kind for step in added} == {"client"}
    assert [step.argv for step in added] == [
        ["config", "set", "instance", "monq", "--server=https://registry.monq.test"],
        ["config", "set", "context", "production", "--instance=monq", "--credential=cred", "--releasehub=hub"],
        ["config", "use-context", "production"],
        ["config", "set", "credential", "cred", "--registry-token", "{secret}"],
    ]


def test_client_steps_are_those_that_change_a_home():
    plan = make(configure=True)
    clients = [step for step in plan if step.kind == "client"]
    assert [step.key for step in clients if not step.key.startswith("prepare.monqctl.")] == [
        "prepare.release_hub.token",
        "prepare.registry_token.credential",
        "prepare.release.use-version",
    ]
    cut = keys(plan).index("upgrade.routing.cut")
    assert all(keys(plan).index(step.key) < cut for step in clients)
