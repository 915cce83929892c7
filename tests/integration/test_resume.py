"""Failed, killed and misled runs: the same command finishes the upgrade, and nothing is done twice."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from support.comparison import differences, state
from support.recorder import Recorder
from support.refusal import Refusal

SNAPSHOTS = ("monq-upgrade-6.0.0-original-0", "monq-upgrade-6.0.0-original-replicas-0")
SQL = ("release", "update", "db", "pgsql")


def seals(installation):
    return {
        s["metadata"]["name"]: s["data"]
        for s in installation.objects("secrets")
        if s["metadata"]["name"].startswith("monq-upgrade-")
    }


def fail_pg_dump(installation, nth):
    """Puts a pg_dump on the PATH that fails at its nth dump."""
    folder = installation.work / "bin"
    folder.mkdir(exist_ok=True)
    count = folder / "count"
    script = folder / "pg_dump"
    script.write_text(
        f'#!/bin/sh\ncase "$1" in --version) exec /usr/bin/pg_dump --version;; esac\necho x >> {count}\n'
        f'if [ "$(wc -l < {count})" -eq {nth} ]; then echo "pg_dump: error: out of luck" >&2; exit 1; fi\nexec '
        f'/usr/bin/pg_dump "$@"\n'
    )
    script.chmod(0o755)
    return str(folder)


@pytest.fixture(scope="module")
def chain(install, reference, request):
    """Runs an upgrade that fails at six places in turn and is resumed each time by the same command; the share of the
    faults has every step. Meanwhile Alertmanager responds with 500 to every request for a silence."""
    broken = install("site-run", modules="pl", alias=True)
    env = {"PATH": f"{fail_pg_dump(broken, 3)}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    failures = []

    def run(name):
        failed = broken.play("site", env=env if name == "backup" else None)
        failures.append((name, failed.rc, failed.text, seals(broken)))

    alerts = Recorder(500)
    request.addfinalizer(alerts.__exit__)
    alerts.__enter__()
    broken.variables(monq_silence={"url": alerts.url, "matchers": [{"name": "service", "value": "monq"}]})
    run("backup")  # pg_dump itself fails
    # the Secret is rejected by the API server, from the step before it onwards
    secret = Refusal(broken, "secrets", "CREATE")
    broken.faults(
        {"match": ["config", "set", "releasehub"], "kind": "exec", "command": secret.command(), "when": "after"}
    )
    run("Secret")
    secret.lift()
    broken.faults({"match": ["registry", "apply", "service"], "kind": "fail"})
    run("template")
    broken.kubectl(
        "label", "ingress.v1beta1.extensions", "pl-routing-internal", "test-refuse=this", user="sandbox-admin"
    )
    ingress = Refusal(broken, "ingresses", "DELETE", {"matchLabels": {"test-refuse": "this"}})
    ingress.apply()
    run("an Ingress")
    ingress.lift()
    for name, match, skip in (
        ("second SQL", [*SQL, "--module=pl"], 1),
        ("Replace", ["release", "update", "microservices", "--module=pl"], 0),
    ):
        broken.faults({"match": match, "kind": "fail", "skip": skip})
        run(name)
    broken.faults()
    last = broken.play("site")
    assert alerts.requests, "nobody asked for a silence"
    return broken, reference("pl"), failures, last


def test_every_failing_call_stops_the_run_and_says_where_the_platform_is(chain):
    _broken, _smooth, failures, _last = chain
    assert len(failures) == 6
    for name, rc, text, _sealed in failures:
        assert rc == 2, f"{name}: {text[-1500:]}"
        assert "next:" in text, f"{name}: trap 13: the next command"
        down = "platform: DOWN" in text
        expected = name in ("an Ingress", "second SQL", "Replace")
        assert down == expected, f"{name}: trap 13: is the platform up?"


def test_the_same_command_ends_the_upgrade(chain):
    broken, smooth, _failures, last = chain
    assert last.rc == 0, last.text[-3000:]
    assert differences(state(broken), smooth["state"]) == []


def test_an_alertmanager_that_fails_is_a_warning(chain):
    _broken, _smooth, failures, last = chain
    for text in (dict((name, text) for name, _rc, text, _sealed in failures)["Replace"], last.text):
        assert "Alertmanager did not take the silence" in " ".join(text.split())


def test_each_sql_file_ran_exactly_once(chain):
    """trap 33, 35: counted in the databases."""
    broken, smooth, _failures, _last = chain
    assert set(broken.migrations().values()) == {1}
    assert {"|".join(key): times for key, times in broken.migrations().items()} == smooth["migrations"]
    assert len(smooth["migrations"]) == 5


def test_the_first_runs_snapshots_stay(chain):
    """trap 12, 15, 41: snapshots are written once."""
    broken, _smooth, failures, _last = chain
    first = failures[0][3]
    assert set(SNAPSHOTS) <= set(first)
    after = seals(broken)
    assert all(after[name] == data for name, data in first.items())
    cut = next(sealed for name, _rc, _text, sealed in failures if name == "second SQL")
    assert all(after[name] == data for name, data in cut.items())


def test_the_token_of_the_first_run_stays(chain):
    """trap 5: the Secret was created once."""
    broken, _smooth, _failures, _last = chain
    assert [row for row in broken.mutations() if row[1:] == ("secrets", "registry-token")][-1:] != []
    assert broken.kubectl("get", "secret", "registry-token", "-o", "jsonpath={.metadata.resourceVersion}")


def test_snapshots_cannot_be_patched(chain):
    broken = chain[0]
    argv = ("patch", "secret", SNAPSHOTS[0], "-p", '{"data": {"chunk": "eA=="}}')
    before = seals(broken)
    broken.kubectl(*argv, user="sandbox-admin", check=False)
    assert seals(broken) == before
