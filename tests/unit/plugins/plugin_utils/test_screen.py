"""Texts on the screen: a block is one message, so that the blocks of forty hosts stay whole."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.plugin_utils import screen


@pytest.fixture
def messages(monkeypatch):
    shown = []
    monkeypatch.setattr(screen.Display, "display", lambda _self, text, **kind: shown.append((text, kind)))
    return shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one", ["one"]),
        ("FAILED on a: x\n  expected: y\n  next: z\n", ["FAILED on a: x\n  expected: y\n  next: z"]),
        ("windows\r\nand\rbars", ["windows\nand\nbars"]),
        ("a blank line\n\n", ["a blank line\n"]),
        ("", []),
    ],
)
def test_a_block_is_one_message_of_whole_lines(messages, text, message):
    screen.show(text, color="red")
    assert [seen for seen, _kind in messages] == message
    assert all(kind == {"color": "red", "stderr": False} for _seen, kind in messages)
