# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from ..errors import CommandError, InputError
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
    """Replica counts in the registry. The calls are assumed, so argv and JMESPath come from the operator's
    variables."""

    def __init__(self, monqctl: Monqctl, commands=None):
        self._monqctl = monqctl
        self._commands = {**REPLICA_COMMANDS, **(commands or {})}
        self._listed = {}  # the registry's whole answer on each name, as the last list had it

    def counts(self, known=None):
        """{name: count}; known: the names that matter, as a new service of another shape must not stop a restore."""
        answer = self._monqctl.read_json(*self._commands["list"]["argv"])
        named = self._search(answer)
        self._listed = _entries(answer, named)
        return registry_counts(named, known, self._monqctl.secrets)

    def table(self):
        """({name: count}, {name: the registry's whole answer on it}) out of one call."""
        counts = self.counts()
        return counts, dict(self._listed)

    def _search(self, answer):
        try:
            import jmespath
        except ImportError as exc:
            raise CommandError(
                "the Python library jmespath is missing",
                seen=str(exc),
                next_step="pip install jmespath, for the Python that runs modules",
            ) from exc
        query = self._commands["list"].get("query") or ""
        try:
            return jmespath.search(query, answer)
        except (jmespath.exceptions.JMESPathError, ValueError) as exc:
            name = "monq_registry_replica_commands"
            what = f"{name} contains a query that is not valid JMESPath"
            raise InputError(what, f"{name}.list.query", "valid JMESPath", query, str(exc)) from exc

    def entries(self):
        """{name: the registry's whole answer on it}; empty where the list's shape does not pair answers with names."""
        answer = self._monqctl.read_json(*self._commands["list"]["argv"])
        return _entries(answer, self._search(answer))

    def describe(self, name, entry, known=True):
        """Applies a saved entry, its count included; the reason why not, in words, or nothing. One that is less
        complete than the present one is not applied."""
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
        """Tries the calls that change nothing, so that an odd answer is found before the outage, not after Replace."""
        counts = self.counts()
        name = min(counts)
        part, key = self._place(name, self._get(name))
        if part[key] != counts[name]:
            seen = f"{sanitise(part[key], self._monqctl.secrets)!r} where the list says {counts[name]}"
            raise self._odd(name, seen)
        return []

    def _get(self, name):
        return self._monqctl.read_json(*self._argv("get", name))

    def _place(self, name, service):
        """(the part of a microservice that holds the count, the count's key there)."""
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
        """Changes counts, and nothing else of a microservice. changes: [(name, seen, wanted)]; done: called with each.

        The context is compared once before and once after all of them. Raises CommandError.
        """
        with self._monqctl.batch() as written:
            for change in changes:
                name, _seen, wanted = change
                service = self._get(name)  # the list may show less of it, and what is sent is all that stays
                part, key = self._place(name, service)
                part[key] = wanted
                content = json.dumps(service, ensure_ascii=False)
                written(name)
                self._monqctl.change(self._argv("apply", name), content=content, in_context=False)
                done(change)


def _entries(answer, named):
    """{name: whole answer}; empty where the list's shape does not pair answers with names."""
    if not isinstance(answer, list) or not isinstance(named, list) or len(answer) != len(named):
        return {}
    pairs = [(row, whole) for row, whole in zip(named, answer) if isinstance(row, dict) and isinstance(whole, dict)]
    return {row["name"]: whole for row, whole in pairs if row.get("name")}


def registry_counts(answer, known=None, secrets=()):
    """{name: count} out of what the configured JMESPath found: a list of objects with name and replicas. known:
    other names may be odd, and are left out."""
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
        if (
            not isinstance(row, dict)
            or not isinstance(row.get("name"), str)
            or isinstance(row.get("replicas"), bool)
            or not isinstance(row.get("replicas"), int)
        ):
            raise CommandError(
                "the registry's replica counts cannot be read",
                "registry get microservices",
                "objects with a name and a whole number of replicas",
                repr(sanitise(row, secrets))[:200],
                CORRECT,
            )
        counts[row["name"]] = row["replicas"]
    return counts
