# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

from ..errors import CommandError, TemplateError
from ..monqctl.registry import TEMPLATE, RegistryReplicas
from ..postgres.client import nearest
from ..redaction.text import redact
from ..upgrade import template
from ..upgrade.registry_token import RESTORE
from . import rules
from .finding import STOP, finding, inside_outage, of_error

CREDENTIAL = "prepare.registry_token.credential"


def examine(client, given, run, stored, state):
    """Returns {findings, deferred}: all findings on monqctl and, through it, on the registry. deferred: the registry
    was not asked because the context does not exist yet.

    run: None if the ledger cannot be read. stored: returns the registry's token in the cluster. state: the preflight's;
    finished and cut are used.
    """
    found, works = ([], True) if state["finished"] else _version(client, given)
    found += [] if state["finished"] else _home(client) + _bundle(given)
    if not works:
        return {"findings": found, "deferred": False}
    (seen, odd), making = _context(client), given["plan"]["configure"] and not given["final"]
    if seen != client.context:
        if making:
            return {"findings": found, "deferred": True}
        return {"findings": [*found, odd or _other_context(client, seen)], "deferred": False}
    if state["finished"] or run is None:
        return {"findings": found, "deferred": False}
    if run.is_done("prepare.registry_token.secret") and not stored():
        secret = f"Secret {given['namespace']}/{given['plan']['release']['registry_token']['secret']}"
        found.append(finding("identity", STOP, secret, "the registry's token, created by prepare", "none", RESTORE))
        return {"findings": found, "deferred": False}
    if _between(run, stored) or (making and not run.is_done(CREDENTIAL)):
        return {"findings": found, "deferred": True}
    asked = _registry(client, given, run)
    return {"findings": found + (inside_outage(asked) if state["cut"] else asked), "deferred": False}


def _bundle(given):
    """Findings on the folders of an offline upgrade."""
    then = "export it as described in the docs on offline upgrades"
    variables = given["plan"]["variables"]
    folders = [variables.get(name) for name in ("registry_source_dir", "release_source_dir")]
    return [
        finding("bundle", STOP, path, "an exported bundle", "empty" if os.path.isdir(path) else "no such folder", then)
        for path in filter(None, folders)
        if not os.path.isdir(path) or not os.listdir(path)
    ]


def _version(client, given):
    """Returns findings, and whether monqctl can be called at all."""
    try:
        seen = client.version()
        return rules.monqctl_version(seen, given["plan"]["release"]["monqctl_version"]), True
    except CommandError as exc:
        return [of_error("monqctl", exc)], False


def _between(run, stored):
    """Returns whether the registry has its new token but monqctl does not: the registry then rejects monqctl, which
    must not stop the steps that fix this."""
    if "prepare.registry_token.env" not in run.ledger.entries:
        return False
    # Done before a killed rotation: this home still has the old token.
    return not run.is_done(CREDENTIAL) or run.corrected(CREDENTIAL, (run.step(CREDENTIAL).argv, stored() or ""))


def _context(client):
    """The current context, or nothing; and the finding on a reply that no rule understands."""
    try:
        return client.current_context(), None
    except CommandError as exc:
        return "", of_error("identity", exc) if exc.details.get("unreadable") else None


def _other_context(client, seen):
    return finding(
        "identity",
        STOP,
        f"monqctl's current context in {client.home}",
        client.context,
        redact(seen, client.secrets) or "none",
        f"monqctl config use-context {client.context}, or set monq_monqctl_configure: true",
    )


def _home(client):
    """monqctl and the marker of its home are written there; a read-only one fails only after several steps."""
    near = nearest(client.home)
    if os.path.isdir(near) and os.access(near, os.W_OK | os.X_OK):
        return []
    seen = f"{near} is not writable" if os.path.isdir(near) else f"{near} is not a folder"
    return [finding("monqctl", STOP, client.home, "a writable folder", seen, "set monq_monqctl_home to one")]


def _registry(client, given, run):
    checks = [
        ("status", lambda: _status(client, given["plan"]["release"]["ignored_status"])),
        ("template", lambda: _template(client, given, run)),
    ]
    if given["plan"]["registry_replicas"] == "monqctl":
        checks.append(("replicas", lambda: RegistryReplicas(client, given["replica_commands"]).probe()))
    found = []
    for name, check in checks:
        try:
            found += check()
        except (CommandError, TemplateError) as exc:
            found.append(of_error(name, exc))
    return found


def _status(client, ignored):
    client.healthy_status(ignored)
    return []


def _template(client, given, run):
    answer = client.read_json(*TEMPLATE)
    if (
        run.is_done("prepare.registry_template.apply")
        and template.transform(answer, given["alias_domains"], given["ingress_secrets"]) != answer
    ):
        return [rules.template_of_prepare()]
    return rules.template(template.state(answer), "prepare.registry_template.apply" in run.ledger.entries)
