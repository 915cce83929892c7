"""Compares two installations, ignoring their names and generated values."""

from __future__ import annotations

import os
import re
import subprocess

GENERATED = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "ownerReferences",
)
OURS = "monq-upgrade-"


def state(installation):
    """Returns everything that the upgrade may change, normalised: the installation's own name is replaced by NAME."""
    return _neutral(
        {
            "deployments": {
                d["metadata"]["name"]: {"metadata": _meta(d), "spec": d["spec"]}
                for d in installation.objects("deployments")
            },
            "ingresses": {
                i["metadata"]["name"]: {"metadata": _meta(i), "spec": i["spec"]}
                for i in installation.objects("ingresses.v1beta1.extensions")
            },
            "secrets": {
                s["metadata"]["name"]: {"type": s["type"], "keys": sorted(s.get("data") or {})}
                for s in installation.objects("secrets")
                if not s["metadata"]["name"].startswith(OURS)
            },
            "template": installation.registry("template"),
            "microservices": installation.registry("microservices"),
            "status": installation.registry("status"),
            "registry_version": installation.registry("version"),
            "images": _json(installation.facts["images"]),
            "databases": {
                service: _dump(installation, database)
                for service, database in sorted(installation.facts["databases"].items())
            },
        },
        _generated(installation),
    )


def _generated(installation):
    """Returns the values that differ between any two installations, and their placeholders."""
    facts = installation.facts
    words = [
        (facts["postgresql"]["password"], "PASSWORD"),
        (str(facts["postgresql"]["port"]), "PORT"),
        (facts["registry_server"], "REGISTRY"),
    ]
    words.append((installation.sandbox.facts["api_server"], "API"))  # it occurs in the K8s template
    return [*words, (installation.name, "NAME")]


def _json(path):
    import json

    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _meta(obj):
    meta = {key: value for key, value in obj["metadata"].items() if key not in GENERATED}
    notes = {
        key: value
        for key, value in (meta.pop("annotations", None) or {}).items()
        if key != "deployment.kubernetes.io/revision"
    }
    return {**meta, **({"annotations": notes} if notes else {})}


def _dump(installation, database):
    """Returns schema and rows as SQL, without generated values: the times of migrations, and pg_dump's \restrict
    key."""
    server = installation.facts["postgresql"]
    argv = [
        "pg_dump",
        "--no-owner",
        "--inserts",
        "-h",
        server["host"],
        "-p",
        str(server["port"]),
        "-U",
        server["user"],
        database,
    ]
    done = subprocess.run(
        argv,
        env={**os.environ, "PGPASSWORD": server["password"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.M)
    return re.sub(r"(INSERT INTO public\.sandbox_migrations VALUES \(.*?)'\d{4}-\d\d-\d\d [^']*'", r"\1'TIME'", text)


def _neutral(value, words):
    if isinstance(value, dict):
        return {_neutral(key, words): _neutral(entry, words) for key, entry in value.items()}
    if isinstance(value, list):
        return [_neutral(entry, words) for entry in value]
    if isinstance(value, str):
        for seen, word in words:
            value = value.replace(seen, word)
    return value


def differences(left, right, path=()):
    """Returns [(path, left, right)] for every leaf that differs; a missing one is None."""
    if isinstance(left, dict) and isinstance(right, dict):
        found = []
        for key in sorted(set(left) | set(right), key=str):
            found += differences(left.get(key), right.get(key), (*path, key))
        return found
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [row for index, pair in enumerate(zip(left, right)) for row in differences(*pair, (*path, index))]
    return [] if left == right else [(path, left, right)]
