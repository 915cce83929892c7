# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the operator's own client is understood: every reading call, one by one, none of which keeps another from being
made."""

from __future__ import annotations

import re

from ..errors import MonqError
from ..language import ENGLISH, mark
from ..redaction.text import redact
from .output import CONTEXT, STATUS, VERSION, tail
from .registry import TEMPLATE, RegistryReplicas

SAID = 12  # lines of a reply that are shown
JSON = re.compile(r"\[JSON, (\d+) characters\]")
TOLD = {"as": mark("as"), "problem": mark("problem"), "next": mark("next"), "said": mark("said")}


def examine(client, commands, ignored, manual=False):
    """[{call, understood, said, problem, next}], in the order of the calls. ignored: rows of the status that may fail.
    manual: the registry's counts are entered by hand."""
    replicas = RegistryReplicas(client, commands)
    readers = [
        (VERSION, lambda: ".".join(map(str, client.version()))),
        (CONTEXT, client.current_context),
        (STATUS, lambda: _listed(client.healthy_status(ignored))),
        (TEMPLATE, lambda: f"an object with {', '.join(sorted(client.read_json(*TEMPLATE))[:8])}"),
    ]
    if not manual:
        readers.append((("registry", "get", "microservices"), lambda: _listed(replicas.counts())))
        readers.append(
            (("registry", "get", "microservices", "NAME"), lambda: replicas.probe() or mark("the listed count"))
        )
    return [_row(client, argv, read) for argv, read in readers]


def _row(client, argv, read):
    heard, original = [], client.read

    def listening(*words):
        heard.append(original(*words))
        return heard[-1]

    call = " ".join(word for word in argv if word not in ("--output", "json"))
    row = {"call": call, "understood": "", "problem": "", "next": ""}
    client.read = listening
    try:
        row["understood"] = redact(read(), client.secrets)
    except MonqError as exc:
        row.update(problem=f"{exc.what}: {exc.seen}", next=exc.next_step)
    finally:
        client.read = original
    said = heard[-1] if heard else ""
    data = said.lstrip().startswith(("{", "["))
    row["said"] = f"[JSON, {len(said)} characters]" if data else redact(tail(said, SAID), client.secrets)
    return row


def _listed(found):
    rows = [f"{name}: {value}" for name, value in sorted(found.items())]
    more = f", … +{len(rows) - SAID}" if len(rows) > SAID else ""
    return ", ".join(rows[:SAID]) + more


def text(rows, words=ENGLISH):
    """The rows as text. words: a Language."""
    lines = []
    for row in rows:
        lines.append(f"{words._('NOT UNDERSTOOD') if row['problem'] else words._('understood')}  monqctl {row['call']}")
        told = [("as", row["understood"]), ("problem", row["problem"]), ("next", row["next"])]
        shown = [(words.gettext(TOLD[name]), words.sentence(said)) for name, said in told if said]
        shown += [(words.gettext(TOLD["said"]), _said(line, words)) for line in row["said"].splitlines()]
        lines += [f"    {name:<8} {said}" for name, said in shown]
    good = sum(1 for row in rows if not row["problem"])
    lines.append(words._("{good} of {total} calls understood", good=good, total=len(rows)))
    return "\n".join(lines)


def _said(line, words):
    """What monqctl has printed stays as it is."""
    size = JSON.fullmatch(line)
    return words._("[JSON, {size} characters]", size=size[1]) if size else line
