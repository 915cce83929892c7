"""The transformation of the registry's K8s template beside the vendor's filter in jq, from a small template to one that
no registry holds."""

from __future__ import annotations

import json
import statistics

import pytest
from benchmarks import figures, measure
from support.harness import ROOT

FILTER = ROOT / "tests" / "unit" / "data" / "vendor_filter.jq"
DOMAINS = ["alias.example.com"]
SECRETS = [{"hosts": ["monq.example.com"], "secretName": "monq-tls"}]
ROUNDS = 5


def template(size):
    """Of about so many bytes: the parameters are what grows."""
    pod = {"volumes": [{"name": "tmp", "emptyDir": {}}], "containers": []}
    config = {
        "Job": {"kind": "Job"},
        "Deployment": {"kind": "Deployment", "spec": {"template": {"spec": pod}}},
        "Container-api": {"volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]},
        "Container-console": {"volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]},
        "Parameters": [],
    }
    one = {"Name": "%Parameter000000%", "Value": {"limits": {"cpu": "1", "memory": "512Mi"}, "args": ["a", "b", 1]}}
    config["Parameters"] = [{**one, "Name": f"%Parameter{n:06}%"} for n in range(size // len(json.dumps(one)))]
    return {"Name": "K8s", "JsonConfig": config}


@pytest.mark.parametrize(("size", "text"), [(10**4, "10 kB"), (10**5, "100 kB"), (10**6, "1 MB"), (10**7, "10 MB")])
def test_template(tmp_path, size, text):
    path = tmp_path / "template.json"
    path.write_text(json.dumps(template(size)))
    domains, secrets = ",".join(DOMAINS), json.dumps(SECRETS)
    results = tmp_path / "ours.json", tmp_path / "jq.json"
    costs = [], []
    for _round in range(ROUNDS):
        with open(results[0], "wb") as out:
            costs[0].append(measure.program("transform", path, json.dumps(DOMAINS), secrets, stdout=out))
        with open(results[1], "wb") as out:
            argv = ["jq", "-c", "-f", FILTER, "--arg", "alias", domains, "--argjson", "secrets", secrets, path]
            costs[1].append(measure.cost(argv, stdout=out))
    assert json.loads(results[0].read_text()) == json.loads(results[1].read_text())
    ours, jq = (measure.Cost(*map(statistics.median, zip(*rounds))) for rounds in costs)
    figures.add(f"template of {text}", ours.wall, "jq", jq.wall)
    figures.add(f"template of {text}: memory", ours.memory, "jq", jq.memory, "MiB")
