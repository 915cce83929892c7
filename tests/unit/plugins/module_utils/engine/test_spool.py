"""Copies of results beside the backup."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine.spool import Spool
from ansible_collections.monq.platform.plugins.module_utils.errors import LedgerError

ENTRY = {"state": "done", "attempt": "a1b2c3d"}


def copies(folder):
    return Spool(str(folder), "monq", "6.0.0")


def test_a_copy_is_private_and_found_again(tmp_path):
    path = copies(tmp_path).save(2, "upgrade.pl.images", ENTRY)
    assert path == str(tmp_path / "monq" / "6.0.0" / "2" / "ledger-upgrade.pl.images-a1b2c3d.json")
    assert (
        stat.S_IMODE(os.stat(path).st_mode) == 0o600 and stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    )
    assert copies(tmp_path).pending(2) == [(path, "upgrade.pl.images", ENTRY)]
    assert copies(tmp_path).pending(1) == []


@pytest.mark.parametrize(("imported", "ending"), [(True, "imported"), (False, "outdated")])
def test_a_settled_copy_stays_but_counts_no_more(tmp_path, imported, ending):
    path = copies(tmp_path).save(1, "upgrade.pl.images", ENTRY)
    copies(tmp_path).settle(path, imported)
    assert copies(tmp_path).pending(1) == []
    assert [name.rsplit(".", 1)[1] for name in os.listdir(os.path.dirname(path))] == [ending]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"key": "x"}', '{"key": "x", "entry": 3}', json.dumps({"entry": ENTRY})]
)
def test_a_torn_copy_counts_for_nothing(tmp_path, text):
    good = copies(tmp_path).save(1, "upgrade.pl.images", ENTRY)
    with open(os.path.join(os.path.dirname(good), "ledger-upgrade.pl.cache.x-a1.json"), "w", encoding="utf-8") as file:
        file.write(text)
    assert [row[1] for row in copies(tmp_path).pending(1)] == ["upgrade.pl.images"]


def test_no_folder_no_copy(tmp_path):
    with pytest.raises(LedgerError):
        Spool("", "monq", "6.0.0").save(1, "upgrade.pl.images", ENTRY)
    assert Spool("", "monq", "6.0.0").pending(1) == []
    (tmp_path / "monq").write_text("a file")
    with pytest.raises(LedgerError) as caught:
        copies(tmp_path).save(1, "upgrade.pl.images", ENTRY)
    assert str(tmp_path) in caught.value.obj


def test_a_full_disk_leaves_no_half_copy(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LedgerError) as caught:
        copies(tmp_path).save(1, "upgrade.pl.images", ENTRY)
    assert "No space left" in caught.value.seen
    assert copies(tmp_path).pending(1) == []
