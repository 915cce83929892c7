"""What preflight asks the API server before anything is changed."""

from __future__ import annotations

from ansible_collections.monq.platform.plugins.module_utils.k8s import permissions


def test_every_verb_is_asked_for_in_the_namespace():
    made = permissions.reviews("production")
    assert len(made) == sum(len(verbs) for _group, _resource, verbs, _purpose in permissions.NEEDED)
    for review, purpose in made:
        assert (review["apiVersion"], review["kind"]) == (
            "authorization.k8s.io/v1",
            "SelfSubjectAccessReview",
        ) and purpose
        assert review["spec"]["resourceAttributes"]["namespace"] == "production"


def test_a_subresource_and_a_group_are_named_as_kubectl_does():
    said = [permissions.described(review) for review, _purpose in permissions.reviews("production")]
    assert "patch deployments/scale.apps" in said and "get configmaps" in said and "delete ingresses.extensions" in said
    assert len(set(said)) == len(said)


def test_a_single_object_is_asked_for_by_its_name():
    made = permissions.reviews("production", named={("", "configmaps", "get"): ("monq-upgrade-6.0.0",)})
    said = [permissions.described(review) for review, _purpose in made]
    assert "get configmaps/monq-upgrade-6.0.0" in said and "create configmaps" in said
    assert [
        review["spec"]["resourceAttributes"].get("name")
        for review, _purpose in made
        if "name" in review["spec"]["resourceAttributes"]
    ] == ["monq-upgrade-6.0.0"]


def test_another_table_is_asked_for_alike():
    made = permissions.reviews("production", (("apps", "deployments", ("delete",), "rollback"),))
    assert [(permissions.described(review), purpose) for review, purpose in made] == [
        ("delete deployments.apps", "rollback")
    ]
