# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible import constants as C
from ansible.utils.display import Display


def show(text, color=None):
    """Shows a text as it happens: whole lines only, so that it survives any terminal, pipe and log.

    The text is one message, so that no line of another host comes in between."""
    lines = text.splitlines()
    if lines:
        Display().display("\n".join(lines), color=color, stderr=is_json())


def warn(text):
    """Shows a warning, on standard error."""
    Display().warning(text)


def is_json():
    """Returns whether standard output is a document for machines, beside which no text may stand."""
    return C.DEFAULT_STDOUT_CALLBACK.rpartition(".")[2].startswith("json")
