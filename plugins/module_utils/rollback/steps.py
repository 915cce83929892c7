# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..engine.steps import DONE

CUT = "upgrade.routing.cut"
CHECK = "rollback.installation.check"
ARCHIVE = "rollback.ledger.archive"
# An entry with this key tells of SQL that an earlier attempt ran: every dump of the present attempt has it in it.
EARLIER = "earlier_attempt"


def plan(upgrade, databases, configure=False, registry_replicas="monqctl"):
    """The steps of a rollback, in order. upgrade: the upgrade's own list, whose client calls a fresh home of monqctl needs too."""
    steps = []

    def add(key, title, kind="cluster", **more):
        # Made from a step of the upgrade: whatever else a step carries has its neutral value there.
        blank = {"key": key, "kind": kind, "undo": "reversible", "ask": False, "argv": None, "secret": "", "file": "", "title": title}
        steps.append(upgrade[0]._replace(**{**blank, **more}))

    if configure:
        for known in upgrade:
            if known.kind == "client" and known.argv and known.key.startswith("prepare.monqctl."):
                add("rollback.monqctl." + known.key.rsplit(".", 1)[1], known.title, "client", argv=known.argv, secret=known.secret)
    add("rollback.diagnostics.save", "save what stands now, for whoever looks for the cause")
    if databases:
        add("rollback.deployments.stop", "stop the modules' Deployments, so that nothing is connected to the databases")
    for name in databases:
        add(f"rollback.backup.{name}", f"dump the database of {name} as it is now")
    for name in databases:
        add(f"rollback.database.{name}", f"put back the database of {name} from its dump of before the first SQL")
    add("rollback.routing.remove", "remove the new routes")
    add("rollback.registry.restore", "the registry's own Deployment stands, with its token and its count")
    for known in upgrade:
        if known.key == "prepare.registry_token.credential":  # a run that was killed right before it has left a registry that monqctl cannot ask
            add("rollback.registry.credential", known.title, "client", argv=known.argv, secret=known.secret)
    add("rollback.registry_template.apply", "put back the K8s template")
    add("rollback.deployments.restore", "put back the Deployments, with their counts")
    if registry_replicas == "monqctl":
        add("rollback.replicas.registry", "put back what the registry says of the microservices, with their counts")
    add("rollback.rollout.wait", "the Deployments are rolled out", "gate")
    add("rollback.routing.restore", "put back the old routes")
    add(CHECK, "the installation is what it was", "gate")
    add(ARCHIVE, "archive the upgrade's ledger and snapshots")
    return steps


def database_of(step):
    """The microservice whose database an SQL step changes: the key is <stage>.<module>.database.<microservice>.<file>."""
    return step.key.split(".")[3]


def irreversible(upgrade, entries, databases):
    """[{key, title}] of what was begun and stays; the SQL of a database that is put back does not stay."""
    stays = []
    for step in upgrade:
        entry = entries.get(step.key)
        if not entry or step.undo != "irreversible":
            continue
        if step.ask and (not _ran(entry) or (database_of(step) in databases and not entry.get(EARLIER))):
            continue
        stays.append({"key": step.key, "title": step.title})
    return stays


def carried(upgrade, entries, databases, attempt, new_id):
    """{key: entry} for the next attempt's ledger: SQL that is in a database must not run again by itself."""
    found = {}
    for step in upgrade:
        entry = entries.get(step.key)
        if not step.ask or not entry or not _ran(entry) or (database_of(step) in databases and not entry.get(EARLIER)):
            continue
        found[step.key] = {
            "state": "unknown",
            "attempt": new_id(),
            "started": entry.get("started") or entry.get("finished"),
            EARLIER: entry.get(EARLIER) or attempt,
            "error": f"applied in attempt {entry.get(EARLIER) or attempt}, and its database was not rolled back",
        }
    return found


def _ran(entry):
    """A failure that is known to have changed nothing did not run."""
    return entry.get("state") in (*DONE, "unknown", "intent")


def is_closed(upgrade, entries):
    """Whether the release is finished and verified."""
    return all((entries.get(step.key) or {}).get("state") in DONE for step in upgrade)


def may_roll_back(entries):
    """Nothing of the installation is changed before both halves of `original` are saved."""
    return all((entries.get(key) or {}).get("result") for key in ("prepare.snapshot.original", "prepare.replicas.original"))


def begun(entries, prefix):
    return any(key == prefix or key.startswith(prefix + ".") for key in entries)


def replaced(upgrade, entries):
    """The modules whose Replace was begun."""
    return [step.key.split(".")[1] for step in upgrade if step.key.endswith(".microservices.replace") and step.key in entries]


def dump_of(entries, microservice):
    """(step, result) of the latest dump of before the first SQL, or (None, None)."""
    for stage in ("upgrade.backup_in_outage.database.", "upgrade.backup.database.", "prepare.backup.database."):
        result = (entries.get(stage + microservice) or {}).get("result") or {}
        if result.get("path"):
            return stage + microservice, result
    return None, None


def platform(upgrade_down, entries):
    """Whether the platform can be reached, in words. upgrade_down: since when the upgrade's ledger calls it down, or None."""
    if (entries.get("rollback.routing.restore") or {}).get("state") in DONE:
        return "up: the old routes are back"
    since = upgrade_down or next((entries[key].get("started") for key in ("rollback.deployments.stop", "rollback.routing.remove") if key in entries), None)
    return f"DOWN since {since}: the old routes are not back yet" if since else "up"
