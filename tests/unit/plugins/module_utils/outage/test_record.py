"""The private file of what was seen: changes only, and until when somebody looked."""

from __future__ import annotations

import stat

import pytest
from ansible_collections.monq.platform.plugins.module_utils.outage import record

LOCK = "5f2c1f3b9a10"


def test_only_changes_are_kept_and_the_last_look(tmp_path):
    path = record.path_of(tmp_path, LOCK)
    kept = record.Record(path, {"pid": 7})
    for second, state in enumerate(["ok", "ok", "refused", "refused", "refused", "ok"]):
        kept.saw(state, 1_000 + second)
        found = record.spans(tmp_path)[LOCK]
        assert found["until"] == f"1970-01-01T00:16:{40 + second}Z", "known at every moment, also after a kill"
    assert [row["state"] for row in found["changes"]] == ["ok", "refused", "ok"]
    assert record.read(path)["heading"] == {"pid": 7}
    assert stat.S_IMODE(tmp_path.joinpath(f"outage-watch-{LOCK}.jsonl").stat().st_mode) == 0o600
    kept.close()


def test_a_gap_begins_with_the_last_look(tmp_path):
    kept = record.Record(record.path_of(tmp_path, LOCK), {"pid": 7})
    kept.unseen()
    kept.saw("ok", 1_000)
    kept.unseen()
    kept.saw("ok", 1_030)
    rows = [(row["at"][-3:-1], row["state"]) for row in record.spans(tmp_path)[LOCK]["changes"]]
    assert rows == [("40", "ok"), ("40", "not_observed"), ("10", "ok")]


def test_a_file_is_never_written_over(tmp_path):
    record.Record(record.path_of(tmp_path, LOCK), {"pid": 7})
    with pytest.raises(FileExistsError):
        record.Record(record.path_of(tmp_path, LOCK), {"pid": 8})
    assert record.free_path(tmp_path, LOCK).endswith(f"{LOCK}0.jsonl")


def test_a_flapping_page_does_not_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "LARGEST", 3)
    kept = record.Record(record.path_of(tmp_path, LOCK), {"pid": 7})
    for second in range(9):
        kept.saw(("ok", "refused")[second % 2], 1_000 + second)
    found = record.spans(tmp_path)[LOCK]
    assert len(found["changes"]) == 3 and found["until"].endswith("42Z"), "from then on nobody looks"


def test_damaged_lines_and_other_files_are_left_out(tmp_path):
    record.Record(record.path_of(tmp_path, LOCK), {"pid": 7}).saw("ok", 1_000)
    with open(record.path_of(tmp_path, LOCK), "a", encoding="utf-8") as file:
        file.write('{"at": "2026\n[]\n')
    (tmp_path / "outage-watch-x.jsonl.old").write_text("{}")
    assert list(record.spans(tmp_path)) == [LOCK] and len(record.spans(tmp_path)[LOCK]["changes"]) == 1
    assert record.spans(tmp_path / "none") == {}
