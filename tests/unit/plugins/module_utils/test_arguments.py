"""From a module's options to plan, ledger, lease and home."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils import arguments
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError
from repository import RELEASE, load

PLAN = {
    "release": RELEASE,
    "modules": ["pl"],
    "prefetch_images": True,
    "configure": False,
    "online": True,
    "registry_replicas": "monqctl",
    "backup_databases": [],
    "backup_in_outage": False,
    "variables": {"credential_name": "cred", "releasehub_name": "hub"},
}


@pytest.mark.parametrize(
    "namespace", ["", None, "Production", "a b", "a/b", "-a", "a-", "a.b", "a\n", "x" * 64, "production secrets"]
)
def test_a_namespace_that_is_none_is_refused_before_any_connection(namespace, monkeypatch):
    """trap 4: an empty one would make the first object's name the namespace"""
    monkeypatch.setattr(arguments.Cluster, "connect", lambda *given: pytest.fail("connected"))
    with pytest.raises(InputError) as caught:
        arguments.cluster({"namespace": namespace, "kubeconfig": None, "kube_context": None})
    assert "monq_namespace" in str(caught.value)


@pytest.mark.parametrize("namespace", ["a", "production", "monq-6", "x" * 63])
def test_a_namespace(namespace, monkeypatch):
    monkeypatch.setattr(arguments.Cluster, "connect", lambda *given: given)
    given = {
        "namespace": namespace,
        "kubeconfig": "k",
        "kube_context": "c",
        "mask": '["hunter2"]',
        "monqctl_environment": '{"A_TOKEN": "t0ken", "B": "x"}',
    }
    assert arguments.cluster(given) == ("k", "c", ["hunter2", "t0ken"])


def test_the_plan_of_the_options_is_the_plan():
    assert arguments.plan({"plan": PLAN}) == steps.plan(RELEASE, ["pl"], credential_name="cred", releasehub_name="hub")
    assert PLAN["variables"]  # the options are left as they are


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"mask": "", "monqctl_environment": ""}, []),
        ({"mask": None}, []),
        ({"mask": '["a b", "c\\u0026"]'}, ["a b", "c&"]),
        ({"mask": '["a"]', "monqctl_environment": '{"HTTPS_PROXY": "http://u:pr0xy@x", "LANG": "C"}'}, ["a", "pr0xy"]),
    ],
)
def test_the_known_secrets(given, expected):
    assert arguments.known_secrets(given) == expected


@pytest.mark.parametrize("text", ["{}", "[", "hunter2"])
def test_secrets_that_are_no_list_are_refused_and_not_repeated(text):
    with pytest.raises(InputError, match="mask is not a list") as caught:
        arguments.known_secrets({"mask": text})
    assert "hunter2" not in str(caught.value)


def test_the_role_hands_the_secrets_over_as_json():
    """As a list, no_log would mask each, however short, wherever a result holds it; an empty one is nothing."""
    wanted = "{{ '' if not _monq_secrets else _monq_secrets | to_json }}"
    found = load("roles/monq/vars/main/connection.yml")
    assert [found[name]["mask"] for name in ("_monq_run_defaults", "_monq_monqctl_defaults")] == [wanted, wanted]
    assert arguments.RUN["mask"] == arguments.MONQCTL["mask"] == {"type": "json", "default": "", "no_log": True}
