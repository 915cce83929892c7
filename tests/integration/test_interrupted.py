"""A migration with unknown outcome: monqctl exits with status 0 and prints an error. For one killed in the middle, see
tests/faults."""

from __future__ import annotations

from pathlib import Path

SQL = ("release", "update", "db", "pgsql")


def test_a_migration_that_nobody_saw_end_stops_and_asks(install):
    """trap 35, 36: an unknown outcome is neither done nor failed."""
    installation = install("site-run", modules="pl", alias=False)
    installation.faults(
        {
            "match": [*SQL, "--microservice=pl-i18n-service"],
            "when": "after",
            "text": "ERROR: deadlock detected",
            "kind": "lie",
        }
    )
    lied = installation.play("site")
    assert lied.rc == 2, lied.text[-2000:]
    key = "upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql"
    refused = installation.play("site")
    attempt = installation.ledger()[key]["attempt"]
    assert refused.rc == 2 and "the outcome of this SQL step is unknown" in refused.text, refused.text[-2000:]
    assert attempt in refused.text and "retry" in refused.text and "DOWN" in refused.text
    other = installation.play("site", extra={"monq_resolve": {key: {"answer": "done", "attempt": "00000000"}}})
    assert other.rc == 2 and "refers to a different attempt" in other.text
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
