# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

from .. import arguments, prerequisites
from ..errors import CommandError
from ..monqctl.registry import TEMPLATE, RegistryReplicas
from ..postgres.client import nearest
from ..redaction.text import redact
from ..upgrade import template
from ..upgrade.registry_token import RESTORE
from . import download, host, rules
from .examination import Examination
from .finding import STOP, finding, inside_outage, of_error

CREDENTIAL = "prepare.registry_token.credential"
NO_ICU = "valid ICU package"  # the runtime's words, in English whatever the language


def examine(client, given, run, stored, state):
    """Returns {findings, deferred}: all findings on monqctl and, through it, on the registry. deferred: the registry
    was not asked because the context does not exist yet.

    run: None if the ledger cannot be read. stored: returns the registry's token in the cluster. state: the preflight's;
    finished and cut are used.
    """
    made, works, deferred = Examination(client.secrets), [state["finished"]], []
    if not state["finished"]:
        made.make("monqctl", _version, client, given, works, subject=client.path)
        made.make("monqctl.home", _home, client, subject=client.home)
        _sources(made, given, state)
    asks = any(works) and _is_ours(made, client, given, deferred) and not state["finished"]
    if asks and run is None and not _making(given):  # the template cannot be judged without the ledger
        _health(made, client, given)
    elif asks and run is not None:
        gone = []
        made.make("identity.token", _token, given, run, stored, gone, subject="the registry's token")
        if not gone:
            made.make("identity.token", _waits, given, run, stored, deferred, subject="the registry's token")
        if not gone and not deferred:
            before = len(made.findings)
            _registry(made, client, given, run)
            if state["cut"]:
                made.findings[before:] = inside_outage(made.findings[before:])
    return {"findings": made.findings, "deferred": bool(deferred)}


def _is_ours(made, client, given, deferred):
    """Returns whether the current context is the expected one."""
    seen = []
    made.make("identity", _context, client, given, seen, deferred, subject=client.home)
    return seen == [client.context]


def _context(client, given, seen, deferred):
    try:
        seen.append(client.current_context())
        odd = None
    except CommandError as exc:  # a reply that no rule understands is a finding of its own
        odd = of_error("identity", exc) if exc.details.get("unreadable") else None
    if seen == [client.context]:
        return []
    if _making(given):
        deferred.append("the context does not exist yet")
        return []
    shown = redact("".join(seen), client.secrets) or "none"
    return [odd or finding("identity", STOP, home=client.home, context=client.context, current=shown)]


def _token(given, run, stored, gone):
    if not run.is_done("prepare.registry_token.secret") or stored():
        return []
    gone.append(given["plan"]["release"]["registry_token"]["secret"])
    return [finding("identity.token", STOP, next_step=RESTORE, namespace=given["namespace"], secret=gone[0])]


def _waits(given, run, stored, deferred):
    """Finds out whether the registry must be left alone until monqctl has a valid credential."""
    if _between(run, stored) or (_making(given) and not run.is_done(CREDENTIAL)):
        deferred.append("monqctl has no valid credential yet")
    return []


def _between(run, stored):
    """Returns whether the registry has its new token but monqctl does not: the registry then rejects monqctl, which
    must not stop the steps that fix this."""
    if "prepare.registry_token.env" not in run.ledger.entries:
        return False
    # Done before a killed rotation: this home still has the old token.
    return not run.is_done(CREDENTIAL) or run.corrected(CREDENTIAL, (run.step(CREDENTIAL).argv, stored() or ""))


def _sources(made, given, state):
    """Checks where the release comes from."""
    plan = given["plan"]
    variables = plan["variables"]
    wanted = {"release_source_dir": download.of_release(plan["release"], plan["modules"])}
    for name in ("registry_source_dir", "release_source_dir"):
        path = variables.get(name)
        if path:
            made.make("bundle.missing", download.folder, path, subject=path)
            made.make("bundle.incomplete", download.completeness, path, wanted.get(name, ()), subject=path)
    # Everything is downloaded once prepare is done, unless images are copied in the outage.
    if plan.get("online") and not (state.get("prepared") and plan.get("prefetch_images", True)):
        made.make("releasehub.unreachable", _hub, variables, given, subject="the Release Hub")


def _hub(variables, given):
    server = variables.get("releasehub_server")
    return download.hub(server, arguments.environment(given), arguments.known_secrets(given)) if server else []


def _version(client, given, works):
    """works: gets True if monqctl can be called at all."""
    try:
        seen = client.version()
    except CommandError as exc:
        if exc.not_started:
            return [host.monqctl(client.path, exc)]
        said = str(exc.details.get("output") or exc.seen)
        lines = [line.strip() for line in said.splitlines() if NO_ICU in line]
        if lines:
            command = prerequisites.package("'^libicu[0-9]+$'", "libicu")
            return [finding("monqctl.icu", STOP, home=client.home, line=lines[0][:200], command=command or "libicu")]
        raise
    works.append(True)
    return rules.monqctl_version(seen, given["plan"]["release"]["monqctl_version"])


def _home(client):
    """monqctl and the marker of its home are written there; a read-only one fails only after several steps."""
    near = nearest(client.home)
    if os.path.isdir(near) and os.access(near, os.W_OK | os.X_OK):
        return []
    seen = f"{near} is not writable" if os.path.isdir(near) else f"{near} is not a folder"
    return [finding("monqctl.home", STOP, home=client.home, problem=seen, command=prerequisites.folder(client.home))]


def _making(given):
    """Returns whether the context has yet to be configured from the variables."""
    return given["plan"]["configure"] and not given["final"]


def _registry(made, client, given, run):
    made.make("template", _template, client, given, run, subject="K8s template in the registry")
    _health(made, client, given)


def _health(made, client, given):
    made.make("status", _status, client, given["plan"]["release"]["ignored_status"], subject="the registry")
    if given["plan"]["registry_replicas"] == "monqctl":
        made.make("replicas", _replicas, client, given, subject="replica counts in the registry")


def _status(client, ignored):
    client.healthy_status(ignored)
    return []


def _replicas(client, given):
    return RegistryReplicas(client, given["replica_commands"]).probe()


def _template(client, given, run):
    answer = client.read_json(*TEMPLATE)
    if (
        run.is_done("prepare.registry_template.apply")
        and template.transform(answer, given["alias_domains"], given["ingress_secrets"]) != answer
    ):
        return [rules.template_of_prepare()]
    return rules.template(template.state(answer), "prepare.registry_template.apply" in run.ledger.entries)
