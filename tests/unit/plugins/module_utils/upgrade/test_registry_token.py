"""The registry's token: made once, given to one variable of the registry's own containers, and watched until it is
in force."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.k8s.cluster import STRATEGIC
from ansible_collections.monq.platform.plugins.module_utils.upgrade.registry_token import RegistryToken
from fake_cluster import DEPLOYMENTS, SECRETS, FakeCluster, deployment
from repository import RELEASE

NAME = "pl-microservice-registry-api-service"
PATH = f"{DEPLOYMENTS}/{NAME}"
SECRET = f"{SECRETS}/registry-token"
REFERENCE = {"name": "SECURE_TOKEN", "valueFrom": {"secretKeyRef": {"name": "registry-token", "key": "secure_token"}}}


class FakeRollouts:
    def __init__(self, cluster):
        self._cluster, self.waited = cluster, []

    def wait(self, patterns, before):
        self.waited.append((patterns, before))
        self._cluster.calls.append(("WAIT", ""))


@pytest.fixture
def rollouts(cluster):
    return FakeRollouts(cluster)


@pytest.fixture
def unit(cluster, rollouts):
    return RegistryToken(cluster, "production", RELEASE, rollouts)


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def store(cluster, token, **more):
    cluster.put(SECRET, {"data": {"secure_token": encoded(token), **more}})


def registry(cluster, **containers):
    """The Deployment; containers: name=env list."""
    found = deployment(NAME)
    found["spec"]["template"]["spec"]["containers"] = [
        {"name": name.replace("_", "-"), "image": "x", "env": env} for name, env in (containers or {NAME: []}).items()
    ]
    return cluster.put(PATH, found)


def env(cluster):
    return {c["name"]: c.get("env") for c in cluster.objects[PATH]["spec"]["template"]["spec"]["containers"]}


# ---- the Secret


def test_a_token_is_generated_where_there_is_none(cluster, unit):
    assert unit.stored() is None
    unit.check("", False)
    assert unit.ensure("") == {"generated": True}
    made = cluster.objects[SECRET]
    assert list(made["data"]) == ["secure_token"]
    assert len(base64.b64decode(unit.stored())) == 32  # as openssl rand -base64 32
    assert unit.generated and not unit.rotated


def test_no_two_tokens_are_alike(unit, rollouts):
    tokens = set()
    for _count in range(5):
        one = RegistryToken(FakeCluster(), "production", RELEASE, rollouts)
        one.ensure(None)
        tokens.add(one.stored())
    assert len(tokens) == 5


@pytest.mark.parametrize("wanted", ["", None, "stored"])
def test_a_stored_token_is_kept(cluster, unit, wanted):
    """trap 5"""
    store(cluster, "stored")
    unit.check(wanted, False)
    assert unit.ensure(wanted) == {"generated": False}
    assert unit.stored() == "stored" and cluster.bodies == [] and not unit.rotated


def test_the_operators_token_is_used_where_there_is_none(cluster, unit):
    unit.check("wanted", False)
    assert unit.ensure("wanted") == {"generated": False}
    assert unit.stored() == "wanted"


def test_another_token_is_refused(cluster, unit):
    """trap 5: cluster and monqctl would disagree"""
    store(cluster, "stored")
    with pytest.raises(InputError) as caught:
        unit.check("wanted", False)
    assert "monq_registry_token_rotate" in str(caught.value)
    assert "stored-" not in str(caught.value) and "wanted" not in str(caught.value) and caught.value.details == {}
    assert cluster.bodies == []


def test_another_token_replaces_the_stored_one_on_rotation_only(cluster, unit):
    store(cluster, "stored", other=encoded("kept"))
    unit.check("wanted", True)
    assert unit.differs("wanted") and unit.rotated
    assert unit.ensure("wanted") == {"generated": False}
    assert unit.stored() == "wanted" and cluster.objects[SECRET]["data"]["other"] == encoded("kept")
    assert not unit.differs("wanted")


def test_rotation_without_another_token_rotates_nothing(cluster, unit):
    store(cluster, "stored")
    unit.check("stored", True)
    unit.check("", True)
    assert not unit.rotated and unit.ensure("") == {"generated": False} and unit.stored() == "stored"


@pytest.mark.parametrize("data", [None, {}, {"other": "eA=="}, {"secure_token": ""}])
def test_a_secret_without_our_key_gets_it(cluster, unit, data):
    cluster.put(SECRET, {"data": data})
    assert unit.stored() is None
    unit.ensure("wanted")
    assert unit.stored() == "wanted"
    assert {key: value for key, value in cluster.objects[SECRET]["data"].items() if key != "secure_token"} == {
        key: value for key, value in (data or {}).items() if key != "secure_token"
    }


# ---- the variable


def test_the_variable_is_set_where_it_is_missing_and_the_rollout_waited_for(cluster, unit, rollouts):
    """trap 9"""
    registry(cluster)
    assert unit.ensure_env() == {"set": True, "rotation": ""}
    assert env(cluster) == {NAME: [REFERENCE]}
    assert rollouts.waited == [([NAME], {})]
    assert [call[0] for call in cluster.calls] == ["GET", "GET", "PATCH", "WAIT"] and unit.reasserted


def test_a_variable_that_stands_is_not_written_again(cluster, unit, rollouts):
    registry(cluster, **{NAME: [{"name": "TZ", "value": "UTC"}, REFERENCE]})
    assert unit.ensure_env() == {"set": False, "rotation": ""}
    assert cluster.bodies == [] and len(rollouts.waited) == 1 and not unit.reasserted


@pytest.mark.parametrize(
    "there",
    [
        [],
        None,
        [{"name": "SECURE_TOKEN", "value": "typed"}],
        [{"name": "SECURE_TOKEN", "valueFrom": {"secretKeyRef": {"name": "other", "key": "secure_token"}}}],
        [{"name": "SECURE_TOKEN", "valueFrom": {"secretKeyRef": {"name": "registry-token", "key": "other"}}}],
        [{"name": "SECURE_TOKEN", "valueFrom": {"configMapKeyRef": {"name": "registry-token", "key": "secure_token"}}}],
        [{"name": "secure_token", **{"valueFrom": REFERENCE["valueFrom"]}}],
    ],
    ids=["dropped", "no list", "a value", "another Secret", "another key", "a ConfigMap", "another name"],
)
def test_the_variable_is_given_again(cluster, unit, there):
    """trap 10: update and Replace may re-create the Deployment without it"""
    registry(cluster, **{NAME: [{"name": "TZ", "value": "UTC"}, *(there or [])] if there is not None else None})
    assert unit.ensure_env() == {"set": True, "rotation": ""}
    found = {e["name"]: e for e in env(cluster)[NAME]}
    assert found["SECURE_TOKEN"]["valueFrom"]["secretKeyRef"] == {"name": "registry-token", "key": "secure_token"}
    assert "value" not in found["SECURE_TOKEN"]
    if there is not None:
        assert found["TZ"] == {"name": "TZ", "value": "UTC"}


def test_a_sidecar_does_not_get_the_token(cluster, unit):
    """trap 8"""
    registry(cluster, **{"istio_proxy": [], NAME: [{"name": "TZ", "value": "UTC"}]})
    unit.ensure_env()
    assert env(cluster) == {"istio-proxy": [], NAME: [{"name": "TZ", "value": "UTC"}, REFERENCE]}


def test_where_no_container_bears_its_name_all_are_the_registrys(cluster, unit):
    registry(cluster, api=[], worker=[])
    unit.ensure_env()
    assert env(cluster) == {"api": [REFERENCE], "worker": [REFERENCE]}


def test_only_one_key_of_the_secret_is_used(cluster, unit):
    """trap 8: --from=secret would make every key a variable"""
    store(cluster, "stored", other=encoded("x"))
    registry(cluster)
    unit.ensure_env()
    assert [e["name"] for e in env(cluster)[NAME]] == ["SECURE_TOKEN"]


def test_a_rotation_restarts_what_has_the_variable_already(cluster, unit, rollouts):
    """trap 9: a changed Secret restarts nothing"""
    store(cluster, "stored")
    registry(cluster, **{NAME: [REFERENCE]})
    unit.check("wanted", True)
    unit.ensure("wanted")
    assert unit.ensure_env() == {"set": True, "rotation": unit.rotation()}
    assert cluster.objects[PATH]["spec"]["template"]["metadata"]["annotations"] == {
        "monq.platform/token-rotation": unit.rotation()
    }
    assert unit.ensure_env()["set"] is False, "once for each rotation"
    assert len(rollouts.waited) == 2


def test_a_rotation_that_was_killed_after_the_secret_is_ended_by_the_next_run(cluster, unit):
    """trap 5, 9: Secret, env, rollout and credential are one unit; the mark lies beside the token"""
    store(cluster, "stored")
    registry(cluster, **{NAME: [REFERENCE]})
    unit.check("wanted", True)
    unit.ensure("wanted")
    done_before = {"state": "done", "result": {"set": True, "rotation": ""}}
    unit.rotated = False  # the next run sees equal tokens
    assert not unit.differs("wanted") and unit.behind(done_before)
    assert not unit.behind({"state": "done", "result": {"rotation": unit.rotation()}})


def test_the_patch_merges_lists_by_name(cluster, unit):
    """a JSON merge patch would replace all containers"""
    registry(cluster)
    seen = []
    cluster.patch = lambda path, body, content_type: seen.append(content_type)
    unit.ensure_env()
    assert seen == [STRATEGIC]


def test_a_rollout_that_does_not_end_is_a_failure(cluster, unit, rollouts):
    registry(cluster)

    def never(patterns, before):
        raise MonqError("the rollout has not ended")

    rollouts.wait = never
    with pytest.raises(MonqError):
        unit.ensure_env()


def test_no_deployment_no_token(unit):
    with pytest.raises(MonqError) as caught:
        unit.ensure_env()
    assert NAME in str(caught.value) and "monq_namespace" in str(caught.value)


def test_a_token_of_other_bytes_is_named(cluster, unit):
    """somebody else's Secret"""
    store(cluster, "x", secure_token="//79")
    with pytest.raises(InputError, match="not text") as caught:
        unit.stored()
    assert "Secret production/registry-token" in str(caught.value)


def test_a_token_that_is_gone_is_an_error_where_it_is_needed(unit):
    assert unit.stored() is None
    with pytest.raises(MonqError) as caught:
        unit.required()
    assert caught.value.obj == "Secret production/registry-token" and "backup" in caught.value.next_step
