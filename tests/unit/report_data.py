"""Three runs as their ledgers, and the reports of them: finished, failed in the SQL of the second module, rolled
back."""

from __future__ import annotations

import datetime

import plans
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import finding
from ansible_collections.monq.platform.plugins.module_utils.engine import progress
from ansible_collections.monq.platform.plugins.module_utils.engine.runner import StepRunner
from ansible_collections.monq.platform.plugins.module_utils.report import document, rollback_document
from ansible_collections.monq.platform.plugins.module_utils.rollback import steps as rollback_steps
from repository import RELEASE

BEGUN = datetime.datetime(2026, 3, 1, 21, 58, 3)
NIGHT = datetime.datetime(2026, 3, 2, 0, 30, 0)
MADE = "2026-03-02T02:00:00Z"
CUT = "upgrade.routing.cut"
SQL = "upgrade.sm.database.pl-userspaces-api-service.userspace-configuration.sql"
SECONDS = {"backup": 41, "registry.update": 73, "images": 190, "routing.cut": 61, "database": 17, "replace": 96}
SECONDS.update({"replicas": 9, "rollout": 118, "cache": 4, "wait": 12})
EVIDENCE = {"catalogue": True, "inserted": 1204, "updated": 31, "deleted": 2}


class Ledger:
    """As far as progress.overview asks one."""

    name, closed, exists, generation = "monq-upgrade-6.0.0", None, True, 1

    def __init__(self, entries):
        self.entries = entries

    def get(self, key):
        return self.entries.get(key)


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def lasts(key):
    return next((seconds for word, seconds in SECONDS.items() if word in key), 2)


def dump(microservice):
    name = microservice.replace("-", "_")
    return {
        "database": name,
        "server": "pg.example.org:5432",
        "path": f"/var/backups/monq/production/6.0.0/1/{name}.20260301T220411.120Z.dump",
        "sha256": "9f" * 32,
        "bytes": 73_412_608,
        "tables": 24,
        "rows": 18_334,
        "started": "2026-03-01T22:03:30Z",
        "finished": "2026-03-01T22:04:11Z",
        "scratch": {"state": "restored", "server": "pg.example.org:5432"}
        if "grants" not in name
        else {"state": "skipped", "reason": "the database has 6442450944 bytes, the limit is 5368709120"},
    }


def result_of(key):
    if ".backup.database." in key:
        return {**dump(key.rsplit(".", 1)[1]), "reused": key.startswith("upgrade.")}
    if ".database." in key:
        return dict(EVIDENCE)
    if key == CUT:
        return {"removed": ["frontend-box", "frontend-box-api", "pl-routing-external"]}
    if key == "upgrade.routing.wait":
        return {"served": ["monq.example.org", "monq-alias.example.org"]}
    if key.endswith((".replicas.kubernetes", ".replicas.registry")):
        return {"changed": 3}
    return None


def entries(plan, until=None, **changed):
    """The ledger's entries, one step after the other; `until` is the last that is done. changed: of single steps."""
    made, now, lock = {}, BEGUN, "b61f0c2a9d11"
    for number, step in enumerate(plan):
        if step.key.startswith("upgrade.") and now < NIGHT:
            now, lock = NIGHT, "77aa01fe02cd"
        entry = {
            "state": "done",
            "attempt": f"a{number:07x}",
            "started": text(now),
            "host": "bastion",
            "pid": 4711,
            "lock": lock,
            "result": result_of(step.key),
        }
        now += datetime.timedelta(seconds=lasts(step.key))
        made[step.key] = {**entry, "finished": text(now), **changed.get(step.key, {})}
        if step.key == until:
            break
    return made


def counts(scale=0):
    names = [f"pl-service-{number:02d}" for number in range(30)] + [f"sm-service-{number:02d}" for number in range(12)]
    found = {
        name: {"kubernetes": 1 + (number + scale) % 3, "registry": 1, "hpa": number == 4}
        for number, name in enumerate(names)
    }
    return found


DEPLOYED = {
    "pl-i18n-service": ["env TZ is gone"],
    "sm-service-03": ["resources of container app differ", "tolerations differs"],
}
FINDING = {
    "check": "replicas",
    "severity": "warning",
    "object": "pl-service-07 in Kubernetes",
    "expected": "2",
    "seen": "3",
    "next": "no action needed if it was scaled on purpose",
}
PREFLIGHT = [
    {
        "at": text(BEGUN),
        "lock": "b61f0c2a9d11",
        "findings": [finding("health.unhealthy", "warning", deployment="sm-x")],
    },
    {"at": text(NIGHT), "lock": "77aa01fe02cd", "findings": []},
]
VERIFIED = {
    "counts": {
        **counts(),
        "pl-service-07": {"kubernetes": 3, "registry": 1, "hpa": False},
        "pl-routing-service": {"kubernetes": 1, "registry": 1, "hpa": False},
    },
    "routes": {
        "pl-routing": ["monq.example.org"],
        "pl-routing-alias": ["monq-alias.example.org"],
        "grafana": ["grafana.example.org"],
    },
    "drift": DEPLOYED,
    "findings": [FINDING],
    "versions": {"pl": "6.0.0", "sm": "6.0.0", "cl": "1.7.0", "fm": ""},
    "replicas": {
        "appeared": ["pl-routing-service"],
        "vanished": ["pl-legacy-router-service"],
        "hpa": ["pl-service-04"],
        "by_hand": {},
    },
    "software": {"collection": "1.0.0", "kubernetes_server": "v1.20.2", "monqctl": "1.1.2", "python": "3.11.2"},
}
BEFORE = {
    "replicas": {**counts(), "pl-legacy-router-service": {"kubernetes": 1, "registry": 1, "hpa": False}},
    "routes": {
        "frontend-box": ["monq.example.org"],
        "frontend-box-api": ["monq.example.org"],
        "pl-routing-external": ["monq.example.org"],
        "grafana": ["grafana.example.org"],
    },
}


def about(made=MADE, holder=""):
    return {
        "made": made,
        "installation": {
            "host": "production",
            "environment": "production",
            "namespace": "production",
            "server": "https://10.0.0.1:6443",
            "modules": plans.FULL,
        },
        "collection": {"name": "monq.platform", "version": "1.0.0"},
        "holder": holder,
        "release": RELEASE,
        "modules": plans.FULL,
    }


def upgrade(made, facts=None, closed=None, holder="", digests=None):
    """The report of an upgrade with these entries."""
    plan = plans.make()
    ledger = Ledger(made)
    overview = progress.overview(StepRunner(plan=plan, ledger=ledger, lease=None, check_mode=True))
    given = {"entries": made, "digests": digests or {}, "closed": closed}
    return document.upgrade(about(holder=holder), overview, given, BEFORE, facts or {})


def finished():
    plan = plans.make()
    made = entries(
        plan,
        **{
            "upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql": {
                "redone": ["a00dead"],
                "retried": ["a00beef"],
            },
            "upgrade.pl.cache.pl-i18n-service": {"state": "accepted", "by": "operator"},
        },
    )
    digests = {step.key: "3c" * 32 for step in plan if ".database." in step.key and step.argv and "pgsql" in step.argv}
    facts = {"verified": VERIFIED, "preflight": PREFLIGHT}
    return upgrade(made, facts, "2026-03-02T01:40:00Z", digests=digests)


MESSAGE = """monqctl failed: run userspace-configuration.sql on the database of pl-userspaces-api-service
  object: monqctl release update db pgsql --module=sm
  expected: exit status 0
  seen: status 1: ERROR: relation "userspace_settings" does not exist <b>&
  next: check the database, then run the same command again"""


def failed():
    broken = {"state": "unknown", "error": "monqctl failed: status 1", "result": None}
    made = entries(plans.make(), until=SQL, **{SQL: broken})
    failure = {
        "at": made[SQL]["finished"],
        "task": "Run the SQL of sm",
        "step": SQL,
        "message": MESSAGE,
        "lock": "77aa01fe02cd",
    }
    seen = {name: VERIFIED[name] for name in ("counts", "routes", "drift")}
    return upgrade(made, {"failures": [failure], "seen_at_failure": {**seen, "findings": []}})


def rolled_back(until=None):
    """until: the rollback's last step that is done."""
    plan = plans.make()
    upgraded = entries(plan, until=SQL)
    names = ["pl-i18n-service"]
    made, now = {}, datetime.datetime(2026, 3, 2, 1, 2, 0)
    for number, step in enumerate(rollback_steps.plan(plan, names)):
        finish = now + datetime.timedelta(seconds=25)
        made[step.key] = {
            "state": "done",
            "attempt": f"b{number:07x}",
            "started": text(now),
            "finished": text(finish),
            "host": "bastion",
            "lock": "0c11d2e3f4a5",
        }
        now = finish
        if step.key == until:
            made[step.key].update(state="failed", error="pods of stopped Deployments do not terminate")
            break
    results = {
        "rollback.deployments.restore": {
            "created": ["pl-legacy-router-service"],
            "updated": ["pl-i18n-service"],
            "deleted": ["pl-routing-service"],
            "started": [],
        },
        "rollback.routing.remove": {"removed": ["pl-routing"]},
        "rollback.routing.restore": {"created": ["frontend-box", "frontend-box-api"], "updated": []},
        "rollback.database.pl-i18n-service": {
            **dump("pl-i18n-service"),
            "kept": "pl_i18n_service_before_rollback_1",
            "settings_left": ["work_mem"],
        },
        "rollback.replicas.registry": {
            "described": [],
            "counts": [],
            "left": {"pl-old-service": "unknown to the registry"},
        },
        "rollback.ledger.archive": {
            "ledger": "monq-upgrade-6.0.0-attempt-1",
            "generation": 1,
            "carried": ["upgrade.sm.database.x"],
        },
    }
    for key, result in results.items():
        if key in made:
            made[key]["result"] = result
    own = {"entries": made, "generation": 1, "databases": names}
    return rollback_document.rollback(about(), own, {"entries": upgraded, "generation": 1}, plan, False, "monqctl")
