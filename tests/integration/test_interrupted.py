"""A migration that nobody saw end: killed in the middle, or answered with status 0 and an error."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

SQL = ("release", "update", "db", "pgsql")


@pytest.mark.parametrize("kind", ["killed", "lied"])
def test_a_migration_that_nobody_saw_end_stops_and_asks(sandbox, install, kind):
    """trap 35, 36: unknown is neither done nor failed."""
    installation = install("site-run", modules="pl", alias=False)
    fault = {"match": [*SQL, "--microservice=pl-i18n-service"], "when": "after", "text": "ERROR: deadlock detected"}
    installation.faults({**fault, "kind": "hang" if kind == "killed" else "lie"})
    process = installation.start("site")
    key = "upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql"
    if kind == "killed":
        deadline = time.monotonic() + 240
        while installation.migrations().get(("pl", "sqls/pl-i18n-service.sql", "pl-i18n-service")) != 1:
            assert time.monotonic() < deadline and process.poll() is None, Path(process.log).read_text()[-2000:]
            time.sleep(0.3)
        installation.kill(process)
    else:
        assert process.wait(timeout=600) == 2
    refused = installation.play("site")
    attempt = installation.ledger()[key]["attempt"]
    assert refused.rc == 2 and "nobody saw the end of this migration" in refused.text, refused.text[-2000:]
    assert attempt in refused.text and "retry" in refused.text and "DOWN" in refused.text
    other = installation.play("site", extra={"monq_resolve": {key: {"answer": "done", "attempt": "00000000"}}})
    assert other.rc == 2 and "answers another attempt" in other.text
    ended = installation.play("site", extra={"monq_resolve": {key: {"answer": "done", "attempt": attempt}}})
    assert ended.rc == 0, ended.text[-3000:]
    assert set(installation.migrations().values()) == {1}
    left = [row for row in Path("/proc").glob("[0-9]*/cmdline") if _is_monqctl(row, installation)]
    assert not left, "no monqctl outlives its run"


def _is_monqctl(path, installation):
    try:
        return installation.facts["monqctl"].encode() in path.read_bytes()
    except OSError:
        return False
