"""The template transformation: what it puts and keeps, and which release a template is of."""

from __future__ import annotations

from copy import deepcopy

import pytest
from ansible_collections.monq.platform.plugins.module_utils.upgrade.template import (
    PARTLY,
    TRANSFORMED,
    UNTOUCHED,
    is_transformed,
    state,
    transform,
)
from fake_template import (
    ALIAS,
    ALIASES,
    FOREIGN_MOUNT,
    FOREIGN_PARAMETER,
    FOREIGN_VOLUME,
    MOUNT,
    OURS,
    ROUTING,
    SECRETS,
    SNIPPET,
    STALE_ALIAS,
    STALE_MOUNT,
    STALE_VOLUME,
    TLS,
    VOLUME,
    lists,
    template,
    with_value,
    without,
)

LISTS = [
    ("null lists, trap 16", "volumes", None, [VOLUME]),
    ("an empty list", "volumes", [], [VOLUME]),
    ("the vendor's place is the end", "volumes", [FOREIGN_VOLUME], [FOREIGN_VOLUME, VOLUME]),
    ("there already, trap 14", "volumes", [VOLUME, FOREIGN_VOLUME], [VOLUME, FOREIGN_VOLUME]),
    (
        "twice through the vendor's filter, trap 14",
        "volumes",
        [FOREIGN_VOLUME, VOLUME, VOLUME],
        [FOREIGN_VOLUME, VOLUME],
    ),
    (
        "the first stays with the right value, trap 14",
        "volumes",
        [STALE_VOLUME, FOREIGN_VOLUME, VOLUME],
        [VOLUME, FOREIGN_VOLUME],
    ),
    ("foreign duplicates stay, trap 14", "volumes", [FOREIGN_VOLUME] * 2, [FOREIGN_VOLUME, FOREIGN_VOLUME, VOLUME]),
    (
        "entries without a name stay, trap 14",
        "volumes",
        [None, "x", {}, {"name": 7}],
        [None, "x", {}, {"name": 7}, VOLUME],
    ),
    ("null mounts, trap 16", "api", None, [MOUNT]),
    ("mounts of others stay", "api", [FOREIGN_MOUNT], [FOREIGN_MOUNT, MOUNT]),
    ("mounted already, trap 14", "api", [MOUNT, FOREIGN_MOUNT], [MOUNT, FOREIGN_MOUNT]),
    ("mounted three times, trap 14", "console", [MOUNT, FOREIGN_MOUNT, MOUNT, MOUNT], [MOUNT, FOREIGN_MOUNT]),
    ("a mount with more to it gets the right value, trap 14", "console", [STALE_MOUNT], [MOUNT]),
    ("a trailing slash is the same mount, trap 14", "api", [{**MOUNT, "mountPath": "/certs/"}], [MOUNT]),
    (
        "our volume mounted elsewhere is not ours, trap 14",
        "api",
        [{**MOUNT, "mountPath": "/ca"}],
        [{**MOUNT, "mountPath": "/ca"}, MOUNT],
    ),
    (
        "a path below /certs is another one",
        "api",
        [{"name": "x", "mountPath": "/certs/x"}],
        [{"name": "x", "mountPath": "/certs/x"}, MOUNT],
    ),
    ("null Parameters, trap 16", "parameters", None, OURS),
    ("parameters of others stay", "parameters", [FOREIGN_PARAMETER], [FOREIGN_PARAMETER, *OURS]),
    ("parameters there already, trap 14", "parameters", [*OURS, FOREIGN_PARAMETER], [*OURS, FOREIGN_PARAMETER]),
    ("parameters twice, trap 14", "parameters", [*OURS, FOREIGN_PARAMETER, *OURS], [*OURS, FOREIGN_PARAMETER]),
    (
        "the first parameter stays with the new value, trap 14",
        "parameters",
        [STALE_ALIAS, ALIAS],
        [ALIAS, SNIPPET, TLS],
    ),
    ("names are case-sensitive", "parameters", [{"Name": "%aliasdomains%"}], [{"Name": "%aliasdomains%"}, *OURS]),
]


@pytest.mark.parametrize(
    "field, before, after", [case[1:] for case in LISTS], ids=[f"{case[1]}: {case[0]}" for case in LISTS]
)
def test_each_entry_stands_once(field, before, after):
    given = template(**{field: before})
    assert lists(transform(given, ALIASES, SECRETS))[field] == after


@pytest.mark.parametrize(
    "path",
    [
        "Deployment.spec.template.spec.volumes",
        "Container-api.volumeMounts",
        "Container-console.volumeMounts",
        "Parameters",
    ],
)
def test_an_absent_list_is_an_empty_one(path):
    """trap 16"""
    given = template()
    assert transform(without(given, f"JsonConfig.{path}"), ALIASES, SECRETS) == transform(given, ALIASES, SECRETS)


def test_the_job_goes_and_the_routing_ingress_comes():
    given = template(
        Job={"kind": "Job"}, Service={"kind": "Service"}, routingIngress={"kind": "Ingress", "spec": {"rules": [1]}}
    )
    config = transform(given, ALIASES, SECRETS)["JsonConfig"]
    assert "Job" not in config
    assert config["routingIngress"] == ROUTING
    assert config["Service"] == {"kind": "Service"}


@pytest.mark.parametrize("aliases, text", [([], ""), (["a.b"], "a.b"), (["*.a.b", "пример.рф"], "*.a.b,пример.рф")])
def test_alias_domains_are_one_text(aliases, text):
    """trap 18"""
    assert {"Name": "%AliasDomains%", "Value": text} in lists(transform(template(), aliases, SECRETS))["parameters"]


def test_ingress_secrets_are_native_data():
    """trap 17, trap 18: an array, whatever blanks its texts hold"""
    secrets = [{"hosts": ["a.b", "*.a.b"], "secretName": "a b"}, {"hosts": ["c.d"], "secretName": "c"}]
    assert {"Name": "%IngressSecrets%", "Value": secrets} in lists(transform(template(), [], secrets))["parameters"]


def test_nothing_given_is_changed_or_shared():
    given, aliases, secrets = template(volumes=[FOREIGN_VOLUME]), list(ALIASES), deepcopy(SECRETS)
    kept = deepcopy((given, aliases, secrets))
    result = transform(given, aliases, secrets)
    fresh = deepcopy(result)
    lists(result)["volumes"][-1]["secret"]["optional"] = False
    lists(result)["volumes"][0]["emptyDir"]["x"] = 1
    lists(result)["parameters"][-1]["Value"][0]["hosts"].append("x")
    result["JsonConfig"]["routingIngress"]["spec"]["rules"].append(1)
    assert (given, aliases, secrets) == kept
    assert transform(given, aliases, secrets) == fresh


# ---- which release a template is of


def test_state_of_a_template_that_is_untouched():
    """trap 22"""
    assert state(template(Job={})) == state(template()) == UNTOUCHED
    assert not is_transformed(template())


def test_state_of_a_template_that_is_transformed():
    """trap 22: by name, so other domains and the vendor's doubles count too"""
    done = transform(template(Job={}), ALIASES, SECRETS)
    doubled = with_value(done, "JsonConfig.Parameters", [STALE_ALIAS, *lists(done)["parameters"]])
    assert state(done) == state(doubled) == TRANSFORMED
    assert is_transformed(done)


@pytest.mark.parametrize(
    "path, value",
    [
        ("JsonConfig.Deployment.spec.template.spec.volumes", None),
        ("JsonConfig.Container-api.volumeMounts", []),
        ("JsonConfig.Container-console.volumeMounts", [FOREIGN_MOUNT]),
        ("JsonConfig.routingIngress", None),
        ("JsonConfig.Parameters", OURS[:2]),
        ("JsonConfig.Job", {}),
    ],
)
def test_state_of_a_template_that_lacks_one_part(path, value):
    """trap 22"""
    given = with_value(transform(template(), ALIASES, SECRETS), path, value)
    assert state(given) == PARTLY
    assert state(transform(given, ALIASES, SECRETS)) == TRANSFORMED
