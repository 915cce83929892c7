"""Everything that preflight can say, each rule with what it must not say."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import rules
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import STOP, of_error
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from fake_cluster import deployment, ingress
from repository import RELEASE

FULL = ["pl", "sm", "cl", "fm"]
GIVEN = {
    "environment": "production",
    "confirm_outage": "",
    "confirmation_required": False,
    "domain": "monq.test",
    "alias_domains": ["alias.test", "*.wild.test"],
    "ingress_secrets": [{"hosts": ["monq.test", "alias.test"], "secretName": "a"}, {"hosts": ["*.wild.test"], "secretName": "b"}],
    "online": True,
    "configure": False,
    "monqctl_context": "production",
    "credential_name": "cred",
    "releasehub_name": "hub",
    "releasehub_token": "s3cret",
    "instance_name": "",
    "registry_server": "",
}


def brief(found):
    return [(f["severity"], f["object"]) for f in found]


def test_sound_inputs_have_no_findings():
    assert rules.inputs(GIVEN) == []


COVER = [{"hosts": ["monq.test", "*.test", "*.wild.test", "*.monq.test"], "secretName": "a"}]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({"domain": ""}, ["monq_domain", "monq_ingress_secrets"], id="no domain"),
        pytest.param({"domain": "monq", "alias_domains": [], "ingress_secrets": [{"hosts": ["monq"], "secretName": "a"}]}, ["monq_domain"], id="one label"),
        pytest.param({"domain": "https://monq.test"}, ["monq_domain", "monq_ingress_secrets"], id="a URL"),
        pytest.param({"domain": "Monq.test"}, ["monq_domain", "monq_ingress_secrets"], id="capitals"),
        pytest.param({"alias_domains": ["alias.test, other.test"]}, ["monq_alias_domains", "monq_ingress_secrets"], id="an alias with a space"),
        pytest.param({"alias_domains": ["alias.test,other.test"]}, ["monq_alias_domains", "monq_ingress_secrets"], id="two in one"),
        pytest.param({"alias_domains": ["a.*.test"], "ingress_secrets": COVER}, ["monq_alias_domains", "monq_ingress_secrets"], id="a star inside"),
        pytest.param({"alias_domains": ["alias.test", "alias.test"]}, ["monq_alias_domains"], id="an alias twice"),
        pytest.param({"alias_domains": ["monq.test"]}, ["monq_alias_domains"], id="the main domain as alias"),
        pytest.param({"alias_domains": []}, [], id="no alias"),
        pytest.param({"ingress_secrets": COVER}, [], id="a wildcard covers one label"),
        pytest.param({"alias_domains": ["x.y.test"], "ingress_secrets": COVER}, ["monq_ingress_secrets"], id="and no more"),
        pytest.param({"ingress_secrets": []}, ["monq_ingress_secrets"], id="nothing covered"),
        pytest.param({"ingress_secrets": [*GIVEN["ingress_secrets"], {"hosts": [], "secretName": "c"}]}, ["monq_ingress_secrets"], id="without hosts"),
        pytest.param({"ingress_secrets": [*GIVEN["ingress_secrets"], {"hosts": ["x.test"]}]}, ["monq_ingress_secrets"], id="without a name"),
        pytest.param({"ingress_secrets": [*GIVEN["ingress_secrets"], {}]}, ["monq_ingress_secrets"], id="without anything"),
        pytest.param({"confirmation_required": True}, ["monq_confirm_outage"], id="the outage is not confirmed"),
        pytest.param({"confirmation_required": True, "confirm_outage": "staging"}, ["monq_confirm_outage"], id="another one's is"),
        pytest.param({"confirmation_required": True, "confirm_outage": "production"}, [], id="confirmed"),
        pytest.param({"confirm_outage": "nonsense"}, [], id="not asked for"),
        pytest.param({"releasehub_token": ""}, ["monq_releasehub_token"], id="trap 26: no token online"),
        pytest.param({"releasehub_token": "", "releasehub_name": "", "online": False}, [], id="offline needs none"),
        pytest.param({"releasehub_name": ""}, ["monq_releasehub_name"], id="no Release Hub"),
        pytest.param({"monqctl_context": ""}, ["monq_monqctl_context"], id="no context"),
        pytest.param({"credential_name": ""}, ["monq_credential_name"], id="no credential"),
        pytest.param({"configure": True}, ["monq_instance_name", "monq_registry_server"], id="configure needs more"),
        pytest.param({"configure": True, "instance_name": "i", "registry_server": "r"}, [], id="configure"),
        pytest.param({"configure": True, "instance_name": "i", "registry_server": "r", "online": False, "releasehub_name": ""},
                     ["monq_releasehub_name"], id="a context names a Release Hub, offline too"),
        pytest.param({"domain": "", "alias_domains": ["a b"], "credential_name": "", "releasehub_token": ""},
                     ["monq_domain", "monq_alias_domains", "monq_ingress_secrets", "monq_releasehub_token", "monq_credential_name"], id="all at once"),
    ],
)  # fmt: skip
def test_inputs(changed, expected):
    """traps 4, 21"""
    found = rules.inputs({**GIVEN, **changed})
    assert brief(found) == [("stop", name) for name in expected]
    assert "s3cret" not in str(found) and all(f["next"] for f in found)


@pytest.mark.parametrize(
    ("major", "minor", "groups", "expected"),
    [
        ("1", "16", ["extensions/v1beta1/ingresses"], []),
        ("1", "20+", ["extensions/v1beta1/ingresses"], []),
        ("1", "21", ["extensions/v1beta1/ingresses"], []),
        ("1", "15", ["extensions/v1beta1/ingresses"], [("stop", "API server")]),
        ("1", "22", ["networking.k8s.io/v1/ingresses"], [("warning", "API server"), ("stop", "API extensions/v1beta1")]),
        ("1", "20", [], [("stop", "API extensions/v1beta1")]),
        ("1", "20", ["extensions/v1beta1/deployments"], [("stop", "API extensions/v1beta1")]),
        ("", "", ["extensions/v1beta1/ingresses"], [("stop", "API server")]),
    ],
)
def test_server(major, minor, groups, expected):
    """trap 19"""
    assert brief(rules.server({"major": major, "minor": minor, "gitVersion": "v1.x"}, groups)) == expected


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
    assert brief(rules.modules(RELEASE, declared, deployments, ingresses)) == [("stop", f"module {m}") for m in expected]


@pytest.mark.parametrize(
    ("declared", "ingresses", "named"),
    [(["pl", "cl"], legacy("pl", "cl"), None), (["pl", "cl"], legacy("pl"), "cl"), (["pl", "cl"], [], "pl, cl"), (["pl"], legacy("pl")[:1], None)],
)
def test_signature_of_the_release_before(declared, ingresses, named):
    """trap 22"""
    assert brief(rules.signature(RELEASE, declared, ingresses)) == ([("stop", f"old routes of {named}")] if named else [])


ROUTING = {"domain": "monq.test", "alias_domains": ["alias.test"], "alias_ingresses": []}


@pytest.mark.parametrize(
    ("beside", "given", "expected"),
    [
        pytest.param([], {}, [], id="old routes only"),
        pytest.param([ingress("frontend-alias", "alias.test")], {}, [], id="an alias route goes too"),
        pytest.param([ingress("frontend-shop", "shop.test")], {}, [("info", "frontend-shop")], id="trap 1: a stranger is told and stays"),
        pytest.param([ingress("grafana", "grafana.test")], {}, [], id="somebody else's"),
        pytest.param([ingress("other", "monq.test")], {}, [("stop", "other")], id="trap 2: a survivor on Monq's host and path"),
        pytest.param([ingress("other", "alias.test")], {}, [("stop", "other")], id="trap 2: on an alias"),
        pytest.param([ingress("other", "monq.test", paths=("/own",))], {}, [], id="a path of its own"),
        pytest.param([ingress("frontend-mixed", "alias.test", "shop.test")], {}, [("stop", "frontend-mixed")], id="trap 1: mixed hosts"),
        pytest.param([ingress("other", "alias.test")], {"alias_ingresses": ["other"]}, [], id="named as alias route"),
        pytest.param([], {"alias_ingresses": ["absent"]}, [("stop", "absent")], id="an alias route that is not there"),
    ],
)
def test_routing(beside, given, expected):
    """trap 24"""
    found = rules.routing(RELEASE, ["pl"], legacy("pl") + beside, {**ROUTING, **given})
    assert [(f["severity"], f["object"].rpartition("/")[2].replace("Ingress ", "")) for f in found] == expected


def test_routing_in_other_namespaces_is_looked_at_and_never_cut():
    """traps 1, 2: a neighbour's routes of the same names on Monq's host would block the new ones; on his own they are his"""
    found = rules.routing(
        RELEASE,
        ["pl"],
        legacy("pl"),
        {**ROUTING, "alias_ingresses": None},
        [ingress("frontend-box", "monq.test", uid="x"), ingress("frontend-box", "staging.test", uid="y"), ingress("frontend-x", "alias.test", uid="z")],
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
    ("seen", "stops"), [((1, 1, 2), False), ((1, 2, 0), False), ((1, 10, 0), False), ((2, 0, 0), False), ((1, 1, 1), True), ((0, 9, 9), True)]
)
def test_monqctl_version(seen, stops):
    """trap 22"""
    assert bool(rules.monqctl_version(seen, RELEASE["monqctl_version"])) is stops


@pytest.mark.parametrize(
    ("state", "begun", "stops"), [("untouched", False, False), ("transformed", True, False), ("transformed", False, True), ("untouched", True, False)]
)
def test_template(state, begun, stops):
    """traps 15, 22"""
    assert bool(rules.template(state, begun)) is stops


def certificate(hosts, names, expired=False, soon=True):
    return {
        "item": {"secret": "tls", "hosts": hosts},
        "subject_alt_name": names,
        "expired": expired,
        "not_after": "20300101000000Z",
        "valid_at": {"soon": soon},
    }


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (certificate(["monq.test"], ["DNS:monq.test"]), []),
        (certificate(["Monq.test"], ["DNS:MONQ.test"]), []),
        (certificate(["a.monq.test"], ["DNS:*.monq.test"]), []),
        (certificate(["a.b.monq.test"], ["DNS:*.monq.test"]), ["stop"]),
        (certificate(["monq.test"], ["DNS:*.monq.test"]), ["stop"]),
        (certificate(["*.monq.test"], ["DNS:a.monq.test"]), ["stop"]),
        (certificate(["monq.test"], None), ["stop"]),
        (certificate(["monq.test"], ["IP:10.0.0.1", "email:monq.test"]), ["stop"]),
        (certificate(["monq.test"], ["DNS:monq.test"], expired=True, soon=False), ["stop"]),
        (certificate(["monq.test"], ["DNS:monq.test"], soon=False), ["warning"]),
        (certificate(["monq.test"], ["DNS:x.test"], expired=True), ["stop", "stop"]),
    ],
)
def test_certificates(result, expected):
    """trap 21"""
    assert [f["severity"] for f in rules.certificates([result])] == expected
    assert STOP not in [f["severity"] for f in rules.certificates([result], cut=True)], "the way out of the outage is forward"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MonqError("no answer", "api.test", "an answer", "timeout", "look"), ("api.test", "an answer", "no answer: timeout", "look")),
        (MonqError("no answer"), ("no answer", "no error", "", "")),
    ],
)
def test_an_error_as_a_finding(error, expected):
    found = of_error("kubernetes", error)
    assert (found["check"], found["severity"]) == ("kubernetes", "stop")
    assert tuple(found[name] for name in ("object", "expected", "seen", "next")) == expected
