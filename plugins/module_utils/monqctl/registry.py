# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re

from ..errors import CommandError, InputError
from ..prerequisites import missing
from ..redaction.data import sanitise
from .client import Monqctl

CORRECT = "correct monq_registry_replica_commands; before an upgrade starts, monq_registry_replicas: manual works too"
REPLICA_COMMANDS = {
    "list": {
        "argv": ["registry", "get", "microservices", "--output", "json"],
        "query": "[].{name: Name, replicas: Replicas}",
    },
    "get": {"argv": ["registry", "get", "microservices", "{name}", "--output", "json"], "query": "Replicas"},
    "apply": {"argv": ["registry", "apply", "microservice", "{name}", "--file", "{file}"]},
}
TEMPLATE = ["registry", "get", "services", "K8s", "--output", "json"]


class RegistryReplicas:
    """Replica counts in the registry. These calls are assumptions, so the operator's variables define argv and
    JMESPath."""

    def __init__(self, monqctl: Monqctl, commands=None):
        self._monqctl = monqctl
        self._commands = {**REPLICA_COMMANDS, **(commands or {})}
        self._listed = {}  # the registry's whole entry for each name, from the last list

    def counts(self, known=None):
        """{name: count}; known: the names that matter, as an unreadable new service must not stop a restore."""
        answer = self._list()
        named = self._search(answer)
        self._listed = _entries(answer, named)
        return registry_counts(named, known, self._monqctl.secrets)

    def table(self):
        """({name: count}, {name: whole entry}) from one call."""
        counts = self.counts()
        return counts, dict(self._listed)

    def _list(self):
        """The list's reply; a list alone in an object, such as {"items": […]}, is taken for it."""
        answer = self._monqctl.read_json(*self._commands["list"]["argv"])
        inner = [value for value in answer.values() if isinstance(value, list)] if isinstance(answer, dict) else []
        return inner[0] if len(inner) == 1 else answer

    def _search(self, answer):
        try:
            import jmespath
        except ImportError as exc:
            raise missing("jmespath", exc) from exc
        query = self._commands["list"].get("query") or ""
        try:
            return jmespath.search(query, answer)
        except (jmespath.exceptions.JMESPathError, ValueError) as exc:
            name = "monq_registry_replica_commands"
            what = f"{name} contains a query that is not valid JMESPath"
            raise InputError(what, f"{name}.list.query", "valid JMESPath", query, str(exc)) from exc

    def entries(self):
        """{name: whole entry}; empty if the list's entries cannot be matched with names."""
        answer = self._list()
        return _entries(answer, self._search(answer))

    def describe(self, name, entry, known=True):
        """Applies a saved entry, including its count; returns the reason if not, or an empty string. An entry less
        complete than the current one is not applied."""
        if known and set(self._get(name)) != set(entry):
            return "its saved entry is less complete than the current one"
        try:
            self._monqctl.change(self._argv("apply", name), content=json.dumps(entry, ensure_ascii=False))
        except CommandError as exc:
            if known or exc.unknown:
                raise
            return "the registry no longer knows it and rejects its saved entry"
        return ""

    def probe(self):
        """Tries the read-only calls, so that an unexpected reply is found before the outage, not after Replace."""
        counts = self.counts()
        name = min(counts)
        part, key = self._place(name, self._get(name))
        if count(part[key]) != counts[name]:
            seen = f"{sanitise(part[key], self._monqctl.secrets)!r} where the list says {counts[name]}"
            raise self._odd(name, seen)
        return []

    def _get(self, name):
        return self._monqctl.read_json(*self._argv("get", name))

    def _place(self, name, service):
        """The part of a microservice that holds the count, and the count's key in it."""
        *path, key = self._commands["get"]["query"].split(".")
        part = service
        try:
            for word in path:
                part = part[word]
            part[key]  # pylint: disable=pointless-statement
        except (KeyError, TypeError, IndexError) as exc:
            raise self._odd(name, repr(sanitise(service, self._monqctl.secrets))[:200]) from exc
        return part, key

    def _argv(self, call, name):
        return [word.replace("{name}", name) for word in self._commands[call]["argv"]]

    def _odd(self, name, seen):
        return CommandError(
            "the registry's replica counts cannot be read",
            "monqctl " + " ".join(self._argv("get", name)),
            f"an object with {self._commands['get']['query']}",
            seen,
            CORRECT,
        )

    def put(self, changes, done=lambda _change: None):
        """Changes counts, and nothing else, of microservices. changes: [(name, seen, wanted)]; done: called with each.

        The context is compared once before and once after all of them. Raises CommandError.
        """
        with self._monqctl.batch() as written:
            for change in changes:
                name, _seen, wanted = change
                service = self._get(name)  # the list may show less of it, and what is not sent is lost
                part, key = self._place(name, service)
                part[key] = str(wanted) if isinstance(part[key], str) else wanted
                content = json.dumps(service, ensure_ascii=False)
                written(name)
                self._monqctl.change(self._argv("apply", name), content=content, in_context=False)
                done(change)


def _entries(answer, named):
    """{name: whole entry}; empty if the reply's entries cannot be matched with names."""
    if not isinstance(answer, list) or not isinstance(named, list) or len(answer) != len(named):
        return {}
    pairs = [(row, whole) for row, whole in zip(named, answer) if isinstance(row, dict) and isinstance(whole, dict)]
    return {row["name"]: whole for row, whole in pairs if row.get("name")}


def count(value):
    """The whole number that a reply means, as a number or a text; None if it means none."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def registry_counts(answer, known=None, secrets=()):
    """{name: count} from the configured JMESPath's result: a list of objects with name and replicas. known: all other
    names are ignored."""
    if not isinstance(answer, list) or not answer:
        raise CommandError(
            "the registry's replica counts cannot be read",
            "registry get microservices",
            "a list of objects with name and replicas",
            repr(sanitise(answer, secrets))[:200],
            CORRECT,
        )
    counts = {}
    for row in answer:
        if known is not None and isinstance(row, dict) and row.get("name") not in known:
            continue
        if not isinstance(row, dict) or not isinstance(row.get("name"), str) or count(row.get("replicas")) is None:
            raise CommandError(
                "the registry's replica counts cannot be read",
                "registry get microservices",
                "objects with a name and a whole number of replicas",
                repr(sanitise(row, secrets))[:200],
                CORRECT,
            )
        counts[row["name"]] = count(row["replicas"])
    return counts
