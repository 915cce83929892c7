# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html and report.md from the data of a report. Made on the controller: Jinja2 is Ansible's own dependency."""

from __future__ import annotations

import hashlib
import json
import os

from .report_timeline import picture
from .report_words import Words

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "report_templates")


def as_text(report):
    """report.json, whose sha256 the views show."""
    return json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def files(name, report, translations=None, language="en", zone=None):
    """{file name: text} of one report: JSON, HTML and Markdown."""
    text = as_text(report)
    words = Words(translations, zone)
    given = {
        "report": report,
        "words": words,
        "language": language,
        "name": name,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "picture": picture(report),
    }
    return {
        f"{name}.json": text,
        f"{name}.html": _environment(words, True).get_template("report.html.j2").render(given),
        f"{name}.md": _environment(words, False).get_template("report.md.j2").render(given),
    }


def _environment(words, autoescape):
    """autoescape: what a log or a name holds is text, never markup. In Markdown the filter cell does that."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(words.translations, newstyle=True)  # pylint: disable=no-member
    made.filters.update(cell=cell, said=words.said)
    return made


def cell(text):
    """A text for a cell of a Markdown table: one line, nothing in it is markup."""
    shown = " ".join(str(text).split())
    for sign in "\\`*_[]<>|#":
        shown = shown.replace(sign, "\\" + sign)
    return shown
