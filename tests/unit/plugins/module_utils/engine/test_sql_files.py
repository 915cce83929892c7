"""Fingerprints of the SQL files of an exported release."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import sql_files, steps
from repository import RELEASE

KEYS = {step.key for step in steps.plan(RELEASE, ["pl", "sm"]) if step.ask}


def export(root):
    for module in ("pl", "sm", "cl"):
        for sql in RELEASE["modules"][module]["sql"]:
            path = root / module / sql["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"-- {module} {sql['file']}")


@pytest.mark.parametrize("below", ["", "monq/6.0.0"])
def test_every_readable_file_of_the_selected_modules(tmp_path, below):
    export(tmp_path / below)
    found = sql_files.digests(RELEASE, ["pl", "sm"], str(tmp_path))
    assert set(found) == KEYS
    key = "upgrade.sm.database.pl-userspaces-api-service.userspace-configuration.sql"
    assert found[key] == hashlib.sha256(b"-- sm userspace-configuration.sql").hexdigest()
    assert found[key] != found[key.replace(".sm.", ".pl.")], "trap 33: one name, another content"


def test_what_cannot_be_read_is_left_out(tmp_path):
    export(tmp_path)
    (tmp_path / "pl" / "userspace-configuration.sql").unlink()
    assert KEYS - set(sql_files.digests(RELEASE, ["pl", "sm"], str(tmp_path))) == {
        "upgrade.pl.database.pl-userspaces-api-service.userspace-configuration.sql"
    }


@pytest.mark.parametrize("folder", ["", None, "/nonexistent"])
def test_without_an_export(folder):
    assert sql_files.digests(RELEASE, ["pl"], folder) == {}
