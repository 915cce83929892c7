"""summary.txt beside the backup: whole or not there, readable by its owner only."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.report import summary_file


def test_it_is_written_once(tmp_path):
    folder = tmp_path / "deep" / "folder"
    assert summary_file.keep(str(folder), "Сводка\n") is True
    path = folder / "summary.txt"
    assert path.read_text(encoding="utf-8") == "Сводка\n"
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)
    before = path.stat().st_mtime_ns
    assert summary_file.keep(str(folder), "Сводка\n") is False and path.stat().st_mtime_ns == before
    assert summary_file.keep(str(folder), "other\n") is True and os.listdir(folder) == ["summary.txt"]


def test_check_mode_writes_nothing(tmp_path):
    assert summary_file.keep(str(tmp_path / "x"), "text", check_mode=True) is True and os.listdir(tmp_path) == []


def test_a_disk_that_is_full_leaves_no_half_of_it(tmp_path, monkeypatch):
    summary_file.keep(str(tmp_path), "old\n")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(summary_file.os, "fsync", full)
    with pytest.raises(MonqError, match="No space left") as caught:
        summary_file.keep(str(tmp_path), "new\n")
    assert "monq_backup_dir" in caught.value.next_step and "verify.yml" in caught.value.next_step
    assert (tmp_path / "summary.txt").read_text() == "old\n" and os.listdir(tmp_path) == ["summary.txt"]
