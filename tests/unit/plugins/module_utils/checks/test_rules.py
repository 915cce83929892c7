"""Everything that preflight can say, each rule with what it must not say."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import rules
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import of_error
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from fake_cluster import deployment, ingress
from repository import RELEASE

FULL = ["pl", "sm", "cl", "fm"]


def brief(found):
    return [(f["severity"], f["object"]) for f in found]


@pytest.mark.parametrize(
    ("major", "minor", "groups", "expected"),
    [
        ("1", "16", ["extensions/v1beta1/ingresses"], []),
        ("1", "20+", ["extensions/v1beta1/ingresses"], []),
        ("1", "21", ["extensions/v1beta1/ingresses"], []),
        ("1", "15", ["extensions/v1beta1/ingresses"], [("stop", "API server")]),
        (
            "1",
            "22",
            ["networking.k8s.io/v1/ingresses"],
            [("warning", "API server"), ("stop", "API extensions/v1beta1")],
        ),
        ("1", "20", [], [("stop", "API extensions/v1beta1")]),
        ("1", "20", ["extensions/v1beta1/deployments"], [("stop", "API extensions/v1beta1")]),
        ("", "", ["extensions/v1beta1/ingresses"], [("stop", "API server")]),
    ],
)
def test_server(major, minor, groups, expected):
    """trap 19"""
    found = rules.server({"major": major, "minor": minor, "gitVersion": "v1.x"}, groups)
    assert brief(found) == expected
    ids = {"API server": "MONQ-015", "API extensions/v1beta1": "MONQ-016"}
    assert [f["id"] for f in found] == [ids[name] for _severity, name in expected]


def installed(*modules):
    return [deployment(f"{m}-some-service") for m in modules]


def legacy(*modules):
    return [ingress(name, "monq.test") for m in modules for name in RELEASE["modules"][m]["legacy_routes"]]


@pytest.mark.parametrize(
    ("declared", "deployments", "ingresses", "expected"),
    [
        (FULL, installed(*FULL), legacy(*FULL), []),
        (["pl"], installed("pl"), legacy("pl"), []),
        (["pl"], installed("pl", "cl"), legacy("pl", "cl"), ["cl"]),
        (["pl"], installed("pl", "cl"), legacy("pl"), ["cl"]),
        (["pl"], installed("pl"), legacy("pl", "fm"), ["fm"]),
        (["pl", "sm"], installed("pl"), legacy("pl"), ["sm"]),
        (["pl"], [], [], ["pl"]),
        (["pl", "sm"], installed("pl"), legacy("pl", "cl"), ["cl", "sm"]),
        (["pl"], [*installed("pl"), deployment("small-thing"), deployment("xsm-x")], legacy("pl"), []),
    ],
)
def test_declared_against_detected_modules(declared, deployments, ingresses, expected):
    """trap 29"""
    assert brief(rules.modules(RELEASE, declared, deployments, ingresses)) == [
        ("stop", f"module {m}") for m in expected
    ]


@pytest.mark.parametrize(
    ("declared", "ingresses", "named"),
    [
        (["pl", "cl"], legacy("pl", "cl"), None),
        (["pl", "cl"], legacy("pl"), "cl"),
        (["pl", "cl"], [], "pl, cl"),
        (["pl"], legacy("pl")[:1], None),
    ],
)
def test_signature_of_the_release_before(declared, ingresses, named):
    """trap 22"""
    assert brief(rules.signature(RELEASE, declared, ingresses)) == (
        [("stop", f"old routes of {named}")] if named else []
    )


ROUTING = {"domain": "monq.test", "alias_domains": ["alias.test"], "alias_ingresses": []}


@pytest.mark.parametrize(
    ("beside", "given", "expected"),
    [
        pytest.param([], {}, [], id="old routes only"),
        pytest.param([ingress("frontend-alias", "alias.test")], {}, [], id="an alias route goes too"),
        pytest.param(
            [ingress("frontend-shop", "shop.test")],
            {},
            [("info", "frontend-shop")],
            id="trap 1: a stranger is told and stays",
        ),
        pytest.param([ingress("grafana", "grafana.test")], {}, [], id="somebody else's"),
        pytest.param(
            [ingress("other", "monq.test")], {}, [("stop", "other")], id="trap 2: a survivor on Monq's host and path"
        ),
        pytest.param([ingress("other", "alias.test")], {}, [("stop", "other")], id="trap 2: on an alias"),
        pytest.param([ingress("other", "monq.test", paths=("/own",))], {}, [], id="a path of its own"),
        pytest.param(
            [ingress("frontend-mixed", "alias.test", "shop.test")],
            {},
            [("stop", "frontend-mixed")],
            id="trap 1: mixed hosts",
        ),
        pytest.param([ingress("other", "alias.test")], {"alias_ingresses": ["other"]}, [], id="named as alias route"),
        pytest.param([], {"alias_ingresses": ["absent"]}, [("stop", "absent")], id="an alias route that is not there"),
    ],
)
def test_routing(beside, given, expected):
    """trap 24"""
    found = rules.routing(RELEASE, ["pl"], legacy("pl") + beside, {**ROUTING, **given})
    assert [(f["severity"], f["object"].rpartition("/")[2].replace("Ingress ", "")) for f in found] == expected


def test_routing_in_other_namespaces_is_looked_at_and_never_cut():
    """traps 1, 2: a neighbour's routes of the same names on Monq's host would block the new ones; on his own they
    are his"""
    found = rules.routing(
        RELEASE,
        ["pl"],
        legacy("pl"),
        {**ROUTING, "alias_ingresses": None},
        [
            ingress("frontend-box", "monq.test", uid="x"),
            ingress("frontend-box", "staging.test", uid="y"),
            ingress("frontend-x", "alias.test", uid="z"),
        ],
    )
    assert [(f["object"], f["seen"]) for f in found if f["severity"] == "stop"] == [
        ("Ingress /frontend-box", "monq.test/"),
        ("Ingress /frontend-x", "alias.test/"),
    ]


@pytest.mark.parametrize(
    ("deployments", "expected"),
    [
        ([deployment("a", 2), deployment("zero", 0)], []),
        ([deployment("b", 2, ready=1), deployment("a", 1, ready=0)], ["Deployment a", "Deployment b"]),
        ([deployment("a", 1, paused=True)], ["Deployment a"]),
    ],
)
def test_what_is_ill_warns(deployments, expected):
    """rule 10"""
    assert brief(rules.health(deployments)) == [("warning", name) for name in expected]


@pytest.mark.parametrize(
    ("seen", "stops"),
    [
        ((1, 1, 2), False),
        ((1, 2, 0), False),
        ((1, 10, 0), False),
        ((2, 0, 0), False),
        ((1, 1, 1), True),
        ((0, 9, 9), True),
    ],
)
def test_monqctl_version(seen, stops):
    """trap 22"""
    found = rules.monqctl_version(seen, RELEASE["monqctl_version"])
    assert [(f["id"], f["severity"]) for f in found] == [("MONQ-051", "stop")] * stops


@pytest.mark.parametrize(
    ("state", "begun", "stops"),
    [
        ("untouched", False, False),
        ("transformed", True, False),
        ("transformed", False, True),
        ("untouched", True, False),
    ],
)
def test_template(state, begun, stops):
    """traps 15, 22"""
    assert [(f["id"], f["severity"]) for f in rules.template(state, begun)] == [("MONQ-058", "stop")] * stops


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            MonqError("no answer", "api.test", "an answer", "timeout", "look"),
            ("api.test", "an answer", "no answer: timeout", "look"),
        ),
        (MonqError("no answer"), ("no answer", "no error", "", "")),
    ],
)
def test_an_error_as_a_finding(error, expected):
    found = of_error("kubernetes", error)
    assert (found["check"], found["severity"]) == ("kubernetes", "stop")
    assert tuple(found[name] for name in ("object", "expected", "seen", "next")) == expected


def held(obj, *finalizers, since=None):
    obj["metadata"].update({"finalizers": list(finalizers)}, **({"deletionTimestamp": since} if since else {}))
    return obj


@pytest.mark.parametrize(
    ("deployments", "ingresses", "found"),
    [
        ([deployment("pl-a")], [ingress("pl-r", "x")], []),
        ([held(deployment("pl-a"), "a/b")], [], []),
        ([held(deployment("pl-a"), "foregroundDeletion", since="2026-11-25T10:00:00Z")], [], [("stop", "pl-a")]),
        ([], [held(ingress("pl-r", "x"), "gone.example.org/controller")], [("warning", "pl-r")]),
        ([], [held(ingress("pl-r", "x"), "a/b", since="2026-11-25T10:00:00Z")], [("stop", "pl-r")]),
        ([], [held(ingress("pl-r", "x"), since="2026-11-25T10:00:00Z")], [("stop", "pl-r")]),
    ],
)
def test_what_is_being_deleted_is_found_before_the_outage(deployments, ingresses, found):
    rows = rules.leaving("production", deployments, ingresses)
    assert [(row["severity"], row["object"].rpartition("/")[2]) for row in rows] == found
    assert all(row["next"] and row["seen"] for row in rows)
