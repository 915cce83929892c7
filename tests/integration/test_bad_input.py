"""Bad input: each kind causes one clear message with what, which object, expected, seen and next, before the outage,
and nothing is changed."""

from __future__ import annotations

import atexit
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest


def fault(kind, *match, **more):
    return {"match": list(match), "kind": kind, "times": 99, **more}


def version(text):
    return fault("lie", "version", text=text, stream="stdout")


def spoil(name, change):
    """Returns a function that changes the registry's own data for one test."""

    def do(installation):
        path = Path(installation.facts["registry_dir"]) / f"{name}.json"
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return do


def double_parameters(template):
    template["JsonConfig"]["Parameters"] = [
        *(template["JsonConfig"].get("Parameters") or []),
        {"Name": "%AliasDomains%", "Value": ""},
    ]
    return template


def old_pg_dump(installation):
    folder = installation.work / "old"
    folder.mkdir(exist_ok=True)
    (folder / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    (folder / "pg_dump").chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def holder(installation):
    """Creates an Ingress that would remain after the cutover and uses a host and path of Monq (trap 2)."""
    manifest = {
        "apiVersion": "extensions/v1beta1",
        "kind": "Ingress",
        "metadata": {"name": "status-page"},
        "spec": {
            "rules": [
                {
                    "host": installation.facts["domain"],
                    "http": {"paths": [{"path": "/", "backend": {"serviceName": "x", "servicePort": 80}}]},
                }
            ]
        },
    }
    path = installation.work / "holder.json"
    path.write_text(json.dumps(manifest))
    installation.kubectl("apply", "-f", str(path), user="sandbox-admin")


def drop_database(installation):
    server = installation.facts["postgresql"]
    argv = [
        "psql",
        "-X",
        "-h",
        server["host"],
        "-p",
        str(server["port"]),
        "-U",
        server["user"],
        "-d",
        "postgres",
        "-c",
        "drop database pl_identity_service",
    ]
    subprocess.run(argv, check=True, env={**os.environ, "PGPASSWORD": server["password"]}, stdout=subprocess.DEVNULL)


def _failed(status):
    for row in status:
        if row["Name"] == "PostgreSQL":
            row["State"] = "Failed"
    return status


# name: (extra variables, faults, spoiled before, words of the message, playbook)
CASES = {
    "unknown module": ({"monq_modules": ["pl", "xx"]}, None, None, ["unknown module", "xx", "pl, sm, cl, fm"]),
    "double module": ({"monq_modules": ["pl", "cl", "cl"]}, None, None, ["names a module twice", "cl"]),
    "no pl": ({"monq_modules": ["cl"]}, None, None, ["does not contain the mandatory module", "pl"]),
    "empty namespace (trap 4)": ({"monq_namespace": ""}, None, None, ["monq_namespace", "namespace name"]),
    "no such namespace (trap 11)": (
        {"monq_namespace": "nowhere"},
        None,
        None,
        ["namespace nowhere", "not in this cluster"],
    ),
    "no monqctl": (
        {"monq_monqctl_path": "/nowhere/monqctl"},
        None,
        None,
        ["MONQ-132 monqctl: /nowhere/monqctl", "no such file"],
    ),
    "old monqctl (trap 22)": ({}, [version("monqctl v1.0.9")], None, ["1.1.2 or newer", "1.0.9"]),
    "monqctl hangs": (
        {"monq_monqctl_timeout": 3},
        [fault("hang", "registry", "get", "status")],
        None,
        ["registry get status", "timed out after 3 s"],
    ),
    "monqctl lies": (
        {},
        [fault("lie", "registry", "get", "services", "K8s", text='{"error": "no"}', stream="stdout")],
        None,
        ["K8s"],
    ),
    "template is an error object (trap 16)": (
        {},
        None,
        spoil("template", lambda t: {"error": "no such service"}),
        ["JsonConfig"],
    ),
    "template is an array (trap 16)": ({}, None, spoil("template", lambda t: [t]), ["the response is an array"]),
    "empty reply (trap 16)": (
        {},
        [fault("lie", "registry", "get", "services", "K8s", text=" ", stream="stdout")],
        None,
        ["an empty reply"],
    ),
    "API unreachable": ({"monq_kubeconfig": "KUBECONFIG"}, None, None, ["the Kubernetes API does not respond"]),
    "database server unreachable": ({"monq_postgresql_port": 9}, None, None, ["postgresql", "127.0.0.1:9"]),
}


@pytest.fixture(scope="module")
def installation(install):
    made = install("site-run", modules="pl,cl", alias=False)
    made.sandbox("save", made.name, "bad-input")
    return made


@pytest.mark.parametrize("case", CASES)
def test_bad_input(installation, case, tmp_path):
    extra, faults, before, words = CASES[case]
    extra = _resolved(extra, installation, tmp_path)
    env = None
    try:
        if before:
            env = before(installation)
        installation.faults(*(faults or []))
        mark, calls = installation.audit_mark(), len(installation.journal())
        result = installation.play(
            "site",
            extra={"monq_confirm_outage": installation.name, **extra},
            env=env if isinstance(env, dict) else None,
        )
        assert result.rc == 2, result.text[-1500:]
        for word in words:
            assert word in result.text, f"{word!r} is not in\n{result.text[-2500:]}"
        assert "Traceback" not in result.text
        assert "next:" in result.text or "next" in result.text
        assert (
            installation.mutations(mark) == [] and len(installation.journal()) == calls and installation.ledger() == {}
        )
    finally:
        installation.faults()
        if before:
            installation.sandbox("load", installation.name, "bad-input")


def _resolved(extra, installation, tmp_path):
    """Returns the variables with the values that only the running test knows."""
    extra = dict(extra)
    if extra.get("monq_kubeconfig") == "KUBECONFIG":
        text = (
            Path(installation.sandbox.facts["kubeconfig"])
            .read_text()
            .replace(installation.sandbox.facts["api_server"], "https://127.0.0.1:9")
        )
        path = tmp_path / "kubeconfig"
        path.write_text(text)
        path.chmod(stat.S_IRUSR)
        extra["monq_kubeconfig"] = str(path)
    return extra


def _small(tmp_path_factory):
    """Returns a folder without space: a tmpfs of 64 KiB for root, a file system without free space for others."""
    if os.getuid():
        return Path("/proc/sys/none")
    path = tmp_path_factory.mktemp("small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)], check=True)
    atexit.register(subprocess.run, ["umount", str(path)], check=False)
    return path / "backup"


NOPE = {
    "list": {
        "argv": ["registry", "get", "microservices", "--output", "json"],
        "query": "[].{name: Nope, replicas: Nope}",
    }
}

# Preflight collects all its findings and fails once, so that one run tests everything that can be wrong together.
FOUND_TOGETHER = {
    "undeclared module (trap 29)": ["module cl", "installed here, but not declared"],
    "declared, not installed (trap 29)": ["module sm", "none of its Deployments"],
    "alias with a space": ["monq_alias_domains", "a b.example.org", "without spaces"],
    "secret without hosts": ["monq_ingress_secrets", "hosts (a non-empty list)"],
    "domains not covered (trap 21)": ["not covered:", "other.example.org"],
    "no confirmation": ["monq_confirm_outage", "'staging'"],
    "database missing": ["pl_identity_service"],
    "old pg_dump (trap 39)": ["9.6"],
    "full disk": ["bytes free"],
    "TLS Secret missing (trap 21)": ["missing-tls", "kubernetes.io/tls"],
    "survivor on Monq's path (trap 2)": ["status-page", "no host and path that the new routes need"],
    "template touched (trap 22)": ["K8s template", "partly"],
    "replicas unreadable": ["replica counts cannot be read", "monq_registry_replicas"],
    "registry row failed (trap 28)": ["not healthy", "PostgreSQL"],
}


@pytest.fixture(scope="module")
def all_at_once(installation, tmp_path_factory):
    holder(installation)
    drop_database(installation)
    spoil("template", double_parameters)(installation)
    spoil("status", _failed)(installation)
    extra = {
        "monq_modules": ["pl", "sm"],
        "monq_alias_domains": ["a b.example.org", "other.example.org"],
        "monq_ingress_secrets": [
            {"secretName": "x"},
            {"hosts": [installation.facts["domain"]], "secretName": "missing-tls"},
        ],
        "monq_confirm_outage": "staging",
        "monq_backup_dir": str(_small(tmp_path_factory)),
        "monq_registry_replica_commands": NOPE,
    }
    mark, calls = installation.audit_mark(), len(installation.journal())
    try:
        result = installation.play("site", extra=extra, env=old_pg_dump(installation))
        assert (
            installation.mutations(mark) == [] and len(installation.journal()) == calls and installation.ledger() == {}
        )
        return result
    finally:
        installation.sandbox("load", installation.name, "bad-input")


@pytest.mark.parametrize("case", FOUND_TOGETHER)
def test_all_findings_in_one_report(all_at_once, case):
    assert all_at_once.rc == 2
    for word in FOUND_TOGETHER[case]:
        assert word in all_at_once.text, f"{word!r} is not in\n{all_at_once.text[-6000:]}"


def test_a_context_that_is_switched_between_two_steps_stops(installation):
    """trap 11: the context is compared again before each of these calls, within the same task."""
    home = installation.facts["monqctl_home"]
    switch = [
        "env",
        f"HOME={home}",
        installation.facts["monqctl"],
        "config",
        "set",
        "context",
        "other",
        "--instance=" + installation.facts["instance_name"],
    ]
    use = ["sh", "-c", " ".join(switch) + f" && HOME={home} {installation.facts['monqctl']} config use-context other"]
    installation.faults({"match": ["release", "use-version"], "kind": "exec", "command": use, "when": "after"})
    result = installation.play("prepare")
    assert result.rc == 2 and "current context is not the expected one" in result.text, result.text[-2000:]
    assert (
        "prepare.pl.images" in installation.ledger() and installation.ledger()["prepare.pl.images"]["state"] == "failed"
    )
    assert not [argv for argv in installation.journal() if argv[:3] == ["release", "update", "images"]]
