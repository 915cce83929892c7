"""The page client_rules. Its first table shows each call of monqctl, what is read of its reply, by which rules, which
effect decides, and how to overrule it: taken from the plan, the rules and the code that looks at effects."""

from __future__ import annotations

import re

from module_utils.monqctl import output, registry
from module_utils.monqctl.rules import Rules
from module_utils.upgrade import effects, images, traces

HEAD = ["call", "what is read", "by which rules", "what decides", "to overrule it"]
WIDTHS = [18, 14, 24, 28, 16]
NO_EFFECT = "none that can be seen: monqctl's word is all there is; the summary says so where nothing later proves it"
DECIDE = "``monq_resolve``: ``done``, ``retry``, or ``redo`` once it is recorded as done"
WORDS = "``monq_client_rules``"
READ = {
    tuple(output.VERSION): ("a version number", "preflight compares it with the oldest version that is known to work"),
    tuple(output.CONTEXT): ("the name of the current context", "compared with ``monq_monqctl_context``"),
    tuple(output.STATUS): ("a state for each row", "every row but ``Consul`` is healthy"),
    tuple(registry.TEMPLATE): ("a JSON object", "what was applied is read back"),
    ("registry", "get", "microservices"): (
        "a JSON list of objects",
        "``monq_registry_replica_commands`` finds the counts",
    ),
    ("registry", "get", "microservices", "NAME"): ("a JSON object", "it shows the count of the list"),
}
COUNTS = (("registry", "apply", "microservice"), "the registry's list shows the count that was written")


def leading(argv):
    """The words of a call without options, names and versions."""
    words = []
    for word in argv:
        if word.startswith(("-", "<", "{")) or word[:1].isdigit():
            break
        words.append(word)
    return tuple(words)


def shown_effects():
    """{leading words: the effect that is looked at}, from the docstrings of the code that does."""
    found = {}
    for kind in (effects.Context, effects.Registry, effects.Template, effects.Routes, effects.Replaced, images.Images):
        found[kind.argv] = _first(kind).partition(": ")[2] or _first(kind)
    found[traces.Traces.argv] = _first(traces.Traces).partition(": ")[2].partition(" Server, clock")[0]
    found[COUNTS[0]] = COUNTS[1]
    return found


def _first(kind):
    return re.sub(r"\s+", " ", kind.__doc__.strip())


def rows(rules, plan):
    """[call, what is read, by which rules, what decides, how to overrule it]"""
    known, looked = Rules(rules), shown_effects()
    changing = dict.fromkeys([leading(step.argv) for step in plan if step.argv] + [COUNTS[0]])
    found = [
        [_call(words), read, _rules(known, words, ("answer", "healthy", "failed", "failure")), decides, WORDS]
        for words, (read, decides) in READ.items()
    ]
    for words in changing:
        effect = next((text for argv, text in looked.items() if words[: len(argv)] == argv), "")
        read = "status and lines" if known.of(words, "failure") else "status"
        overrule = f"{WORDS}; {DECIDE}"
        found.append([_call(words), read, _rules(known, words, ("failure", "success")), effect or NO_EFFECT, overrule])
    return found


def _call(words):
    return f"``{' '.join(word for word in words if not word.startswith('-') and word != 'json')}``"


def _rules(known, words, kinds):
    """How many rules of each kind hold for the call, and which of them are its own."""
    parts = []
    for kind in kinds:
        names = known.names(list(words), kind)
        own = [f"``{name.rsplit('.', 1)[1]}``" for name in names if not name.startswith("*.")]
        common = len(names) - len(own)
        if names:
            parts.append(f"{kind}: " + ", ".join(([f"{common} for all calls"] if common else []) + own))
    return "\n".join(f"| {part}" for part in parts)


KINDS = {  # how monqctl's output is read
    "failure": "a line that means failure, whatever the exit status",
    "harmless": "words that mean nothing; they are taken out of a line before failure is looked for",
    "success": "one line must match, otherwise the outcome is not known",
    "never_began": "a first line after which the command has certainly done nothing",
    "answer": "finds the answer in a line; the first rule that matches decides",
    "failed": "a row of a status that has failed",
    "healthy": "a row of a status that is healthy; a row that is neither is not known",
}
OVERRULE = """\
.. code-block:: yaml

   monq_client_rules:
     release update db:   # leading words of the command, or "*"
       harmless: {mine: ^error_log rebuilt$}
       failure: {rolled_back: null}   # switched off"""


def rendered(page, table, rules, plan):
    """The page. page, table: of generate.py."""
    shipped = [
        [
            f"``{call}``",
            f"``{kind}``",
            f"``{name}``",
            "::\n\n   " + "\n   ".join([given] if isinstance(given, str) else given),
        ]
        for call, kinds in rules.items()
        for kind, named in kinds.items()
        for name, given in named.items()
    ]
    return page(
        "client_rules",
        "Rules for monqctl's output",
        "What monqctl prints is not documented. Its output is cleaned (byte order mark, escape sequences, carriage "
        "returns, encodings) and then read line by line, by rules.\nA rule that decided is named in the message as "
        "``command.kind.name``, with the line that it matched.",
        "Calls\n-----\n\nA status other than 0 is a failure of any call.",
        table(HEAD, rows(rules, plan), WIDTHS),
        "Kinds\n-----",
        table(["kind", "meaning"], [[f"``{kind}``", text] for kind, text in KINDS.items()], [15, 85]),
        "Changing a rule\n---------------\n\n``monq_client_rules`` is laid over the shipped rules, entry by entry.",
        OVERRULE,
        "Shipped rules\n-------------\n\nPython's regular expressions, from ``roles/monq/vars/main/client_rules.yml``.",
        table(["command", "kind", "name", "regular expressions"], shipped, [16, 10, 12, 62]),
    )
