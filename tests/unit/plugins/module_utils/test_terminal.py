"""What a program printed, as plain text."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils import terminal

RUSSIAN = "psql: ОШИБКА:  отношение не существует, строка 3"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "koi8-r", "cp866"])
def test_decode(encoding):
    assert terminal.decode(RUSSIAN.encode(encoding)) == RUSSIAN


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", ""), (b"plain", "plain"), ("ж".encode()[:1] + b" cut", "\ufffd cut"), (b"\x80\x81\x82\x83", "\ufffd" * 4)],
)
def test_bytes_that_are_no_text_are_seen_as_such(data, expected):
    assert terminal.decode(data) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("\x1b[1;31mred\x1b[0m \x1b[K\x1b[2Jend", "red end"),
        ("\x1b]0;title\x07text \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "text link"),
        ("\x9b31mred", "red"),
        ("\ufeffmark\u200b\u2060", "mark"),
        ("safe\u202egnirts", "safegnirts"),
        ("a\x00b\x08c\x07d\x7f", "abcd"),
        ("no\u00a0break\ttab", "no break\ttab"),
        ("line\u2028line\x0cline", "line\nline\nline"),
        ("журнал — ✓ 错误", "журнал — ✓ 错误"),
        ("\x1b", ""),
    ],
)
def test_clean(text, expected):
    """nothing that is shown may move the cursor, hide a word or turn it round"""
    assert terminal.clean(text) == expected


def test_cleaning_twice_changes_nothing():
    text = terminal.clean("\x1b\x1b[31m[0mx\r\n\x1b[\x1b[0m31my")
    assert terminal.clean(text) == text and "\x1b" not in text


@pytest.mark.parametrize("size", [0, 99, 100, 101, 500])
def test_head_and_tail_of_a_long_stream_are_kept(size):
    data, kept = bytes(97 + number % 26 for number in range(size)), terminal.Kept(limit=100)
    for start in range(0, size, 7):
        kept.add(data[start : start + 7])
    if size <= 100:
        assert kept.text() == data.decode()
    else:
        head, tail = kept.text().split(terminal.CUT.format(size - 100))
        assert head == data[:50].decode() and tail == data[-50:].decode()


def test_lines():
    assert terminal.lines(" a \n\n\tb\n") == ["a", "b"]
