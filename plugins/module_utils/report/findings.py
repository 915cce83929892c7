# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..checks import catalogue
from ..language import ENGLISH, mark

SEVERITIES = {"stop": mark("STOP"), "warning": mark("WARNING"), "info": mark("INFO")}


def severity(one, words):
    return words.gettext(SEVERITIES[one["severity"]])


def text(one, what, words):
    """One text of a finding: made of the catalogue's template and its parameters, if it comes from there."""
    said = str(one.get(what) or "")
    entry, given = catalogue.ENTRIES.get(one.get("id")) or {}, one.get("parameters") or {}
    try:
        if entry.get(what) and catalogue.text(entry, what, given) == said:
            told = {name: words.sentence(value) if isinstance(value, str) else value for name, value in given.items()}
            return catalogue.text({what: words.gettext(entry[what])}, what, told)
    except (KeyError, IndexError, ValueError, AttributeError):
        pass  # of another version of the collection
    return words.sentence(said)


def rows(found, words=ENGLISH):
    """The lines for some findings: id, check and object, then what was expected and seen, and what to do."""
    lines = []
    for one in found:
        number = f"{one['id']} " if one.get("id") else ""
        lines.append(f"[{severity(one, words)}] {number}{one['check']}: {text(one, 'object', words)}")
        lines += [
            f"  {words.row(name)}: {text(one, name, words)}" for name in ("expected", "seen", "next") if one.get(name)
        ]
        unchecked = (one.get("parameters") or {}).get("unchecked")
        if unchecked:
            lines.append("  " + words._("not checked because of this: {names}", names=", ".join(unchecked)))
    return lines


def explained(found, words=ENGLISH):
    """The line that says where ids are explained; none without an id."""
    known = [one["id"] for one in found if one.get("id")]
    if not known:
        return []
    docs = words.gettext(catalogue.PAGE)
    page = catalogue.page(known[0]).replace(catalogue.PAGE, docs)
    return [words._("Each id is explained in {docs}, such as {page}.", docs=docs, page=page)]
