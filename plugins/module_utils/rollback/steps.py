# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..engine import redo
from ..engine.steps import DONE, MAKES_CONTEXT, OUTLIVES, REPAIRS, Step

CUT = "upgrade.routing.cut"
CHECK = "rollback.installation.check"
ARCHIVE = "rollback.ledger.archive"
# Marks SQL applied by an earlier generation; every dump taken in this one already includes it.
EARLIER = "earlier_attempt"


def plan(upgrade, databases, configure=False, registry_replicas="monqctl"):
    """The steps of a rollback, in order. upgrade: the upgrade's steps, whose client calls a fresh home of monqctl
    needs."""
    steps = []

    def add(key, title, kind="cluster", **more):
        steps.append(Step(key, kind, title=title, **more))

    if configure:
        for known in upgrade:
            if MAKES_CONTEXT in known.traits:
                key = "rollback.monqctl." + known.key.rsplit(".", 1)[1]
                add(key, known.title, "client", argv=known.argv, secret=known.secret, traits=known.traits)
    add("rollback.diagnostics.save", "save the present state for diagnosis")
    if databases:
        add("rollback.deployments.stop", "stop the modules' Deployments, so that nothing is connected to the databases")
    for name in databases:
        add(f"rollback.backup.{name}", f"dump the database of {name} as it is now")
    for name in databases:
        title = f"restore the database of {name} from its last dump before the first SQL"
        add(f"rollback.database.{name}", title, traits=frozenset({OUTLIVES}))
    add("rollback.routing.remove", "remove the new routes")
    add("rollback.registry.restore", "restore the registry's own Deployment, with its token and its count")
    for known in upgrade:
        # A run killed right before this step left a registry that rejects monqctl.
        if known.key == "prepare.registry_token.credential":
            add("rollback.registry.credential", known.title, "client", argv=known.argv, secret=known.secret)
    add("rollback.registry_template.apply", "restore the K8s template", traits=frozenset({OUTLIVES}))
    add("rollback.deployments.restore", "restore the Deployments, with their counts")
    if registry_replicas == "monqctl":
        title = "restore the registry's entries of the microservices, with their counts"
        add("rollback.replicas.registry", title, traits=frozenset({OUTLIVES}))
    add("rollback.rollout.wait", "wait until the Deployments are rolled out", "gate")
    add("rollback.routing.restore", "restore the old routes")
    add(CHECK, "check that the installation matches its pre-upgrade state", "gate", traits=frozenset({REPAIRS}))
    add(ARCHIVE, "archive the upgrade's ledger and snapshots")
    return steps


def database_of(step):
    """The microservice whose database an SQL step changes: the key is
    <stage>.<module>.database.<microservice>.<file>."""
    return step.key.split(".")[3]


def irreversible(upgrade, entries, databases):
    """[{key, title}] of started steps that cannot be undone, without the SQL of databases that are restored."""
    stays = []
    for step in upgrade:
        entry = entries.get(step.key)
        if not entry or step.undo != "irreversible":
            continue
        if step.ask and (not _ran(entry) or (database_of(step) in databases and not entry.get(EARLIER))):
            continue
        stays.append({"key": step.key, "title": step.title})
    return stays


def carried(upgrade, entries, databases, generation, new_id):
    """{key: entry} for the next generation's ledger, so that SQL in a database does not run again by itself."""
    found = {}
    for step in upgrade:
        entry = entries.get(step.key)
        if not step.ask or not entry or not _ran(entry) or (database_of(step) in databases and not entry.get(EARLIER)):
            continue
        found[step.key] = {
            "state": "unknown",
            "attempt": new_id(),
            "started": entry.get("started") or entry.get("finished"),
            EARLIER: entry.get(EARLIER) or generation,
            "error": f"applied in generation {entry.get(EARLIER) or generation}, and its database was not rolled back",
        }
    return found


def _ran(entry):
    """Returns whether the SQL may have run: a failure known to have changed nothing does not count."""
    return entry.get("state") in (*DONE, redo.STATE, "unknown", "intent")


def is_closed(upgrade, entries):
    """Returns whether the release is finished and verified."""
    return all((entries.get(step.key) or {}).get("state") in DONE for step in upgrade)


def may_roll_back(entries):
    """Returns whether both halves of `original` are saved: before that, nothing was changed."""
    return all(
        (entries.get(key) or {}).get("result") for key in ("prepare.snapshot.original", "prepare.replicas.original")
    )


def begun(entries, prefix):
    return any(key == prefix or key.startswith(prefix + ".") for key in entries)


def replaced(upgrade, entries):
    """The modules whose Replace was started."""
    return [
        step.key.split(".")[1]
        for step in upgrade
        if step.key.endswith(".microservices.replace") and step.key in entries
    ]


def dump_of(entries, microservice):
    """(step, result) of the last dump before the first SQL, or (None, None)."""
    for stage in ("upgrade.backup_in_outage.database.", "upgrade.backup.database.", "prepare.backup.database."):
        result = (entries.get(stage + microservice) or {}).get("result") or {}
        if result.get("path"):
            return stage + microservice, result
    return None, None


def platform(upgrade_down, entries):
    """The platform's availability as text. upgrade_down: since when it is down according to the upgrade's ledger, or
    None."""
    if (entries.get("rollback.routing.restore") or {}).get("state") in DONE:
        return "up: the old routes are back"
    since = down_since(upgrade_down, entries)
    return f"DOWN since {since}: the old routes are not back yet" if since else "up"


def down_since(upgrade_down, entries):
    """When the platform went down, or None. upgrade_down: as for platform()."""
    if (entries.get("rollback.routing.restore") or {}).get("state") in DONE:
        return None
    began = [key for key in ("rollback.deployments.stop", "rollback.routing.remove") if key in entries]
    return upgrade_down or next((entries[key].get("started") for key in began), None)
