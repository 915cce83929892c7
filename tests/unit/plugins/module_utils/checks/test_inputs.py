"""What preflight says of the operator's variables alone."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import inputs

GIVEN = {
    "environment": "production",
    "confirm_outage": "",
    "confirmation_required": False,
    "domain": "monq.test",
    "alias_domains": ["alias.test", "*.wild.test"],
    "ingress_secrets": [
        {"hosts": ["monq.test", "alias.test"], "secretName": "a"},
        {"hosts": ["*.wild.test"], "secretName": "b"},
    ],
    "releasehub_token": "s3cret",
    "obsolete": [],
    "doubles": [],
    "shared": {},
}
PLAN = {"online": True, "configure": False}
VARIABLES = {
    "context": "production",
    "credential_name": "cred",
    "releasehub_name": "hub",
    "instance_name": "",
    "registry_server": "",
}


def given(changed):
    """What the module gets; a name in changed belongs to the plan or its variables where they know it."""
    names = {"monqctl_context": "context"}
    changed = {names.get(name, name): value for name, value in changed.items()}

    def of(known):
        return {**known, **{name: value for name, value in changed.items() if name in known}}

    return {**of(GIVEN), "plan": {**of(PLAN), "variables": of(VARIABLES)}}


def brief(found):
    return [(f["severity"], f["object"]) for f in found]


def test_sound_inputs_have_no_findings():
    assert inputs.examine(given({})) == []


IDS = {
    "monq_domain": "MONQ-004",
    "monq_confirm_outage": "MONQ-008",
    "monq_releasehub_token": "MONQ-009",
    "monq_releasehub_name": "MONQ-010",
    "monq_monqctl_context": "MONQ-010",
    "monq_credential_name": "MONQ-010",
    "monq_instance_name": "MONQ-010",
    "monq_registry_server": "MONQ-010",
    "monq_monqctl_home": "MONQ-135",
    "inventory": "MONQ-098",
}
COVER = [{"hosts": ["monq.test", "*.test", "*.wild.test", "*.monq.test"], "secretName": "a"}]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({"domain": ""}, ["monq_domain", "monq_ingress_secrets"], id="no domain"),
        pytest.param(
            {"domain": "monq", "alias_domains": [], "ingress_secrets": [{"hosts": ["monq"], "secretName": "a"}]},
            ["monq_domain"],
            id="one label",
        ),
        pytest.param({"domain": "https://monq.test"}, ["monq_domain", "monq_ingress_secrets"], id="a URL"),
        pytest.param({"domain": "Monq.test"}, ["monq_domain", "monq_ingress_secrets"], id="capitals"),
        pytest.param(
            {"alias_domains": ["alias.test, other.test"]},
            ["monq_alias_domains", "monq_ingress_secrets"],
            id="an alias with a space",
        ),
        pytest.param(
            {"alias_domains": ["alias.test,other.test"]},
            ["monq_alias_domains", "monq_ingress_secrets"],
            id="two in one",
        ),
        pytest.param(
            {"alias_domains": ["a.*.test"], "ingress_secrets": COVER},
            ["monq_alias_domains", "monq_ingress_secrets"],
            id="a star inside",
        ),
        pytest.param({"alias_domains": ["alias.test", "alias.test"]}, ["monq_alias_domains"], id="an alias twice"),
        pytest.param({"alias_domains": ["monq.test"]}, ["monq_alias_domains"], id="the main domain as alias"),
        pytest.param({"alias_domains": []}, [], id="no alias"),
        pytest.param({"ingress_secrets": COVER}, [], id="a wildcard covers one label"),
        pytest.param(
            {"alias_domains": ["x.y.test"], "ingress_secrets": COVER}, ["monq_ingress_secrets"], id="and no more"
        ),
        pytest.param({"ingress_secrets": []}, ["monq_ingress_secrets"], id="nothing covered"),
        pytest.param(
            {"ingress_secrets": [*GIVEN["ingress_secrets"], {"hosts": [], "secretName": "c"}]},
            ["monq_ingress_secrets"],
            id="without hosts",
        ),
        pytest.param(
            {"ingress_secrets": [*GIVEN["ingress_secrets"], {"hosts": ["x.test"]}]},
            ["monq_ingress_secrets"],
            id="without a name",
        ),
        pytest.param({"shared": {"monq_monqctl_home": ["b"]}}, ["monq_monqctl_home"], id="a home of two installations"),
        pytest.param({"doubles": ["old-name"]}, ["inventory"], id="two hosts for one installation"),
        pytest.param({"obsolete": ["monq_monqctl_failure_patterns"]}, ["monq_monqctl_failure_patterns"], id="obsolete"),
        pytest.param(
            {"ingress_secrets": [*GIVEN["ingress_secrets"], {}]}, ["monq_ingress_secrets"], id="without anything"
        ),
        pytest.param({"confirmation_required": True}, ["monq_confirm_outage"], id="the outage is not confirmed"),
        pytest.param(
            {"confirmation_required": True, "confirm_outage": "staging"}, ["monq_confirm_outage"], id="another one's is"
        ),
        pytest.param({"confirmation_required": True, "confirm_outage": "production"}, [], id="confirmed"),
        pytest.param({"confirm_outage": "nonsense"}, [], id="not asked for"),
        pytest.param({"releasehub_token": ""}, ["monq_releasehub_token"], id="trap 26: no token online"),
        pytest.param({"releasehub_token": "", "releasehub_name": "", "online": False}, [], id="offline needs none"),
        pytest.param({"releasehub_name": ""}, ["monq_releasehub_name"], id="no Release Hub"),
        pytest.param({"monqctl_context": ""}, ["monq_monqctl_context"], id="no context"),
        pytest.param({"credential_name": ""}, ["monq_credential_name"], id="no credential"),
        pytest.param({"configure": True}, ["monq_instance_name", "monq_registry_server"], id="configure needs more"),
        pytest.param({"configure": True, "instance_name": "i", "registry_server": "r"}, [], id="configure"),
        pytest.param(
            {"configure": True, "instance_name": "i", "registry_server": "r", "online": False, "releasehub_name": ""},
            ["monq_releasehub_name"],
            id="a context names a Release Hub, offline too",
        ),
        pytest.param(
            {"domain": "", "alias_domains": ["a b"], "credential_name": "", "releasehub_token": ""},
            [
                "monq_domain",
                "monq_alias_domains",
                "monq_ingress_secrets",
                "monq_releasehub_token",
                "monq_credential_name",
            ],
            id="all at once",
        ),
    ],
)
def test_inputs(changed, expected):
    """traps 4, 21"""
    found = inputs.examine(given(changed))
    assert brief(found) == [("stop", name) for name in expected]
    assert [f["id"] for f in found if f["object"] in IDS] == [IDS[name] for name in expected if name in IDS]
    assert "s3cret" not in str(found) and all(f["next"] for f in found)
