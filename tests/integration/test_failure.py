"""A failing run: its final text, the support bundle without secrets, and the command that finishes the upgrade."""

from __future__ import annotations

import base64
import json
import re
import shlex
import stat
import tarfile
from pathlib import Path
from urllib.parse import quote

SQL = ["release", "update", "db", "pgsql", "--microservice=pl-i18n-service"]


def secrets(installation):
    """Returns every secret of the sandbox that a run uses."""
    token = base64.b64decode(
        installation.kubectl(
            "get", "secret", "registry-token", "-o", "jsonpath={.data.secure_token}", user="sandbox-admin"
        )
    ).decode()
    kubeconfig = Path(installation.sandbox.facts["kubeconfig"]).read_text()
    tokens = re.findall(r"token\"?: \"?([\w.-]{8,})", kubeconfig)
    return {installation.facts["postgresql"]["password"], installation.facts["releasehub_token"], token, *tokens}


def spellings(secret):
    data = secret.encode()
    return {
        data,
        base64.b64encode(data).rstrip(b"="),
        quote(secret, safe="").encode(),
        json.dumps(secret)[1:-1].encode(),
    }


def loose_event(installation, text):
    """Creates an event with a secret in its message, as a careless service might cause it."""
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "careless"},
        "type": "Warning",
        "reason": "Careless",
        "message": text,
        "involvedObject": {
            "kind": "Deployment",
            "name": "pl-i18n-service",
            "namespace": installation.facts["namespace"],
        },
    }
    path = installation.work / "event.json"
    path.write_text(json.dumps(event))
    installation.kubectl("apply", "-f", str(path), user="sandbox-admin")


def assert_report(folder, outcome, known):
    """Checks the report that a failing run, and later the one that ends the upgrade, leaves beside the dumps."""
    report = json.loads((folder / "report.json").read_text())
    [failure] = report["failures"]
    assert report["outcome"] == outcome and failure["step"].startswith("upgrade.pl.database.pl-i18n-service.")
    assert "connection refused (a fault of the sandbox)" in failure["message"]
    assert (report["platform"], report["outage"]["ledger"]["to"] is None) == (
        ("down", True) if outcome == "failed" else ("up", False)
    )
    for name in ("report.json", "report.html", "report.md"):
        data = (folder / name).read_bytes()
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        assert not [secret for secret in known for spelling in spellings(secret) if spelling in data], name


def assert_support_alone(installation):
    """Checks support.yml on a healthy upgrade, and with an unreachable API server: the bundle says what is missing;
    nothing is changed, no lock is taken."""
    mark, calls = installation.audit_mark(), len(installation.journal())
    for extra, missing in ({}, False), ({"monq_kubeconfig": str(unreachable(installation))}, True):
        asked = installation.play("support", confirm=False, extra=extra)
        assert asked.rc == 0, asked.text[-3000:]
        with tarfile.open(re.search(r"Support bundle: (\S+\.tar\.gz)", asked.text).group(1)) as archive:
            index = json.loads(
                next(
                    archive.extractfile(member).read()
                    for member in archive.getmembers()
                    if member.name.rpartition("/")[2] == "index.json"
                )
            )
        assert ("pods.json" in index["missing"]) == missing, index
        assert ("not included: pods.json" in asked.text) == missing, asked.text
    assert installation.mutations(mark) == [] and len(installation.journal()) == calls


def unreachable(installation):
    """Returns a kubeconfig whose API server does not respond."""
    known = json.loads(Path(installation.sandbox.facts["kubeconfig"]).read_text())
    for row in known["clusters"]:
        row["cluster"] = {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}
    path = installation.work / "unreachable.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(known))
    return path


def test_a_failing_run_explains_itself_and_its_command_ends_the_upgrade(install):
    """trap 7, trap 13: shows what failed, what was changed, whether the platform is up, and the next command, but no
    secret."""
    installation = install("site-run", modules="pl", alias=False)
    password = installation.facts["postgresql"]["password"]
    loose_event(
        installation,
        f"cannot connect with {password}, that is {base64.b64encode(password.encode()).decode()}; "
        f"password=something-else",
    )
    installation.faults({"match": SQL, "kind": "fail"})
    failed = installation.play("site", "-e", '{"monq_monqctl_environment": {"X": "y-value"}}')
    assert failed.rc == 2 and installation.name in failed.text, failed.text[-3000:]
    assert (failed.recap(installation.name)["failed"], failed.recap(installation.name)["rescued"]) == (1, 1)

    text = failed.text[failed.text.rindex("FAILED on site-run: Run the SQL of pl\n") :]
    assert "connection refused (a fault of the sandbox)" in text, "the first failure"
    assert re.search(r"changed: \d+ of \d+ steps done, the last: upgrade\.\S+; \d+ of them under this lock", text)
    assert "platform: DOWN since" in text

    path = Path(re.search(r"support bundle: (\S+\.tar\.gz)", text).group(1))
    assert (
        path.parent == installation.backup / "site-run" / "6.0.0" / "1" and stat.S_IMODE(path.stat().st_mode) == 0o600
    )
    with tarfile.open(path) as archive:
        files = {member.name.rpartition("/")[2]: archive.extractfile(member).read() for member in archive.getmembers()}
    assert json.loads(files["index.json"])["missing"] == {}
    assert {"ledgers.json", "lease.json", "pods.json", "deployments.json", "events.json", "registry_status.txt"} <= set(
        files
    )
    assert re.search(r"Ingresses: \d+ gone: ", files["difference.txt"].decode()), "since right before the outage"
    assert stat.S_IMODE((path.parent / "before_outage.json").stat().st_mode) == 0o600
    hidden = json.loads(files["redactions.json"])
    assert {"file": "events.json", "rule": "a secret that the run knows"}.items() <= next(
        row for row in hidden if row["file"] == "events.json"
    ).items(), hidden
    calls = [json.loads(line) for line in files["monqctl_transcript.jsonl"].splitlines()]
    assert calls[-1]["argv"][:4] == SQL[:4] and SQL[-1] in calls[-1]["argv"]
    assert "connection refused" in calls[-1]["output"]
    assert (calls[-1]["verdict"], calls[-1]["status"]) == ("failed", 1) and len(calls) > 10
    assert b"Careless" in files["events.json"] and b"something-else" not in files["events.json"]
    for secret in secrets(installation):
        for spelling in spellings(secret):
            assert not [name for name, data in files.items() if spelling in data], "a secret in the bundle"
    assert_report(path.parent, "failed", secrets(installation))
    installation.keep_report(1)
    assert "secrets" not in {kind for _verb, kind, _name in installation.mutations() if _name == "careless"}

    command = re.search(r"next command:\n\s+(ansible-playbook .*)$", text, re.M).group(1)
    assert (
        "-e monq_confirm_outage=site-run" in command
        and "monq_monqctl_environment=…" in command
        and "y-value" not in command
    )
    words = [word for word in shlex.split(command) if "…" not in word]
    typed = [
        word
        for index, word in enumerate(words)
        if word != "-e" or (index + 1 < len(words) and words[index + 1].startswith("monq_"))
    ]
    installation.argv = lambda *_words, **_options: typed
    ended = installation.play("site")
    del installation.argv
    assert ended.rc == 0, ended.text[-3000:]
    assert set(installation.migrations().values()) == {1}
    assert_report(path.parent, "finished", secrets(installation))
    assert_support_alone(installation)
    assert (
        "point of no return: prepare.registry_token.secret, PASSED" in ended.text
        and "cannot be undone: upgrade.pl.database." in ended.text
    )
