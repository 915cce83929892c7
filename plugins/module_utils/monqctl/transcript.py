# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import os

from .. import timestamp

NAME = "transcript.jsonl"
LONGEST = 8000  # characters of one output
DATA = ("{", "[")  # JSON of the registry is not kept: its size says enough


class Transcript:
    """Keeps every call of monqctl beside the backup: one JSON object for each, redacted. It fails no call."""

    def __init__(self, folder, name=NAME, whole=False):
        """whole: outputs are kept as they are, JSON too, so that the transcript can be played back."""
        self.path, self._whole = os.path.join(folder, name), whole

    def add(self, argv, result, shown, verdict, seconds):
        """argv and shown: without secrets; result: of the process; verdict: by the rules."""
        row = {
            "time": timestamp.text(),
            "argv": argv,
            "status": result.rc,
            "timed_out": result.timed_out,
            "seconds": round(seconds, 3),
            "verdict": verdict.state,
            "rule": verdict.rule,
            "line": verdict.line,
            "output": shown if self._whole else _kept(shown),
        }
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def read(self):
        """The transcript's text; of a long one, the end."""
        try:
            with open(self.path, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""


def _kept(text):
    if text.lstrip().startswith(DATA):
        return f"[JSON, {len(text)} characters]"
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]}\n[…]\n{text[-half:]}"
