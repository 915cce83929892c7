"""Two hosts of an inventory that stand for one installation."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.filter.same_installation import FilterModule

doubles = FilterModule().filters()["same_installation"]
LOCAL = {"ansible_connection": "ansible.builtin.local"}
PRODUCTION = {"monq_namespace": "production", "monq_kube_context": "east", **LOCAL}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({**PRODUCTION}, True),
        ({**PRODUCTION, "monq_kubeconfig": ""}, True),
        ({**PRODUCTION, "monq_domain": "other.example.org", "ansible_connection": "local"}, True),
        ({**PRODUCTION, "monq_namespace": "staging"}, False),
        ({**PRODUCTION, "monq_kube_context": "west"}, False),
        ({**PRODUCTION, "monq_kubeconfig": "/other"}, False),
        ({**PRODUCTION, "ansible_connection": "ssh", "ansible_host": "bastion"}, False),
        ({}, False),
    ],
)
def test_an_installation_is_one_host(other, same):
    hostvars = {"a": PRODUCTION, "b": other, "c": {}}
    assert doubles(hostvars, ["a", "b", "c"], "a") == (["b"] if same else [])


def test_each_bastion_has_a_kubeconfig_of_its_own():
    one = {"monq_namespace": "monq", "ansible_connection": "ssh", "ansible_host": "bastion"}
    hostvars = {"a": one, "b": {**one, "ansible_host": "other"}, "c": {**one}}
    assert doubles(hostvars, ["a", "b", "c"], "a") == ["c"]


def test_hosts_without_a_namespace_are_not_compared():
    assert doubles({"a": {}, "b": {}}, ["a", "b"], "a") == []
