# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from ..errors import CommandError, InputError
from ..redaction.data import sanitise
from .client import Monqctl

CORRECT = "correct monq_registry_replica_commands; before an upgrade has begun, monq_registry_replicas: manual is another way"
REPLICA_COMMANDS = {
    "list": {"argv": ["registry", "get", "microservices", "--output", "json"], "query": "[].{name: Name, replicas: Replicas}"},
    "get": {"argv": ["registry", "get", "microservices", "{name}", "--output", "json"], "query": "Replicas"},
    "apply": {"argv": ["registry", "apply", "microservice", "{name}", "--file", "{file}"]},
}
TEMPLATE = ["registry", "get", "services", "K8s", "--output", "json"]


class RegistryReplicas:
    """Replica counts in the registry. The calls are assumed, so argv and JMESPath come from the operator's variables."""

    def __init__(self, monqctl: Monqctl, commands=None):
        self._monqctl = monqctl
        self._commands = {**REPLICA_COMMANDS, **(commands or {})}

    def counts(self, known=None):
        """{name: count}; known: the names that count, where a new service of another shape must not stop what is put back."""
        answer = self._monqctl.read_json(*self._commands["list"]["argv"])
        return registry_counts(self._search(answer), known, self._monqctl.secrets)

    def _search(self, answer):
        try:
            import jmespath
        except ImportError as exc:
            raise CommandError(
                "the Python library jmespath is missing", seen=str(exc), next_step="pip install jmespath, for the Python that runs modules"
            ) from exc
        query = self._commands["list"].get("query") or ""
        try:
            return jmespath.search(query, answer)
        except (jmespath.exceptions.JMESPathError, ValueError) as exc:
            raise InputError(
                "monq_registry_replica_commands holds a query that is no JMESPath", "monq_registry_replica_commands.list.query", "a JMESPath", query, str(exc)
            ) from exc

    def entries(self):
        """{name: the registry's whole answer on it}; nothing where the list is shaped so that an answer cannot be told from its name."""
        answer = self._monqctl.read_json(*self._commands["list"]["argv"])
        named = self._search(answer)
        if not isinstance(answer, list) or not isinstance(named, list) or len(answer) != len(named):
            return {}
        return {row["name"]: whole for row, whole in zip(named, answer) if isinstance(row, dict) and row.get("name") and isinstance(whole, dict)}

    def describe(self, name, entry, known=True):
        """Applies a saved entry, its count included; why not, in words, or nothing. One that is less complete than the present one is not applied."""
        if known and set(self._read(name)[0]) != set(entry):
            return "its saved entry is not as complete as the present one"
        try:
            self._monqctl.change(self._argv("apply", name), content=json.dumps(entry, ensure_ascii=False))
        except CommandError as exc:
            if known or exc.unknown:
                raise
            return "the registry does not know it any more, and does not take it back"
        return ""

    def probe(self):
        """Tries the calls that change nothing, so that an odd answer is found before the outage and not after Replace."""
        counts = self.counts()
        name = min(counts)
        _service, part, key = self._read(name)
        if part[key] != counts[name]:
            raise self._odd(name, f"{sanitise(part[key], self._monqctl.secrets)!r} where the list says {counts[name]}")
        return []

    def _read(self, name):
        """(the microservice, the part of it that holds the count, the count's key there)."""
        service = self._monqctl.read_json(*self._argv("get", name))
        *path, key = self._commands["get"]["query"].split(".")
        part = service
        try:
            for word in path:
                part = part[word]
            part[key]  # pylint: disable=pointless-statement
        except (KeyError, TypeError, IndexError) as exc:
            raise self._odd(name, repr(sanitise(service, self._monqctl.secrets))[:200]) from exc
        return service, part, key

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

    def put(self, name, count):
        """Reads one microservice, changes its count and nothing else, applies it."""
        service, part, key = self._read(name)
        part[key] = count
        self._monqctl.change(self._argv("apply", name), content=json.dumps(service, ensure_ascii=False))


def registry_counts(answer, known=None, secrets=()):
    """{name: count} out of what the configured JMESPath found: a list of objects with name and replicas. known: other names may be odd, and are left out."""
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
