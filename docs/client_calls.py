"""The table of the page client_rules: each call of monqctl, what is read of its reply, by which rules, which effect
decides, and how to overrule it. Taken from the plan, the rules and the code that looks at effects."""

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
