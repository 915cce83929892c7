"""What Replace took away besides the counts, in names and never in values."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.upgrade.drift import drift
from fake_cluster import deployment


def pod(env=(), name="a", **more):
    container = {
        "name": name,
        "image": more.pop("image", "x:1"),
        "env": list(env),
        **{k: more.pop(k) for k in ("resources",) if k in more},
    }
    found = deployment("a", more.pop("replicas", 1))
    found["spec"]["template"]["spec"] = {"containers": [container], **more}
    return found


SECRET = {"name": "TOKEN", "value": "s3cret"}


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        pytest.param(pod(), pod(), None, id="nothing"),
        pytest.param(pod(), pod(image="x:6.0.0", replicas=5), None, id="image and count are the upgrade's own"),
        pytest.param(pod([SECRET]), pod(), ["env TOKEN is gone"], id="trap 43: an env set by hand"),
        pytest.param(pod(), pod([SECRET]), None, id="what the release adds"),
        pytest.param(
            pod([SECRET]),
            pod([{"name": "TOKEN", "value": "s3cret2"}]),
            ["env TOKEN has a different value"],
            id="another value",
        ),
        pytest.param(
            pod(resources={"limits": {"cpu": "1"}}),
            pod(resources={"limits": {"cpu": "2"}}),
            ["resources of container a differ"],
            id="resources",
        ),
        pytest.param(pod(resources=None), pod(resources={}), None, id="null and empty are one"),
        pytest.param(pod(tolerations=[{"key": "monq"}]), pod(), ["tolerations differs"], id="trap 43: tolerations"),
        pytest.param(
            pod(nodeSelector={"disk": "ssd"}), pod(nodeSelector={}), ["nodeSelector differs"], id="nodeSelector"
        ),
        pytest.param(pod(tolerations=[]), pod(tolerations=None), None, id="an empty list is none"),
        pytest.param(pod(name="sidecar"), pod(), ["container sidecar is gone"], id="a container"),
        pytest.param(pod([SECRET], tolerations=[1]), pod(), ["env TOKEN is gone", "tolerations differs"], id="several"),
    ],
)
def test_drift(before, after, lines):
    """trap 43"""
    found = drift([before], [after])
    assert found == ({"a": lines} if lines else {})
    assert "s3cret" not in str(found)


def test_what_appears_or_vanishes_is_no_drift():
    assert drift([deployment("gone")], [deployment("new")]) == {}
