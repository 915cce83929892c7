"""Runs the rollback playbook at every stage: it restores the previous installation, except for what cannot be
undone."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path

import psycopg2
import pytest
from ansible_collections.monq.platform.plugins.module_utils import timestamp
from support.comparison import differences, state
from support.recorder import Recorder
from support.russian import english

FAULT = "Error: dial tcp: connect: connection refused (a fault of the sandbox)"  # see tests/sandbox/faults.py
REGISTRY = "pl-microservice-registry-api-service"
ROLLBACK = "monq-rollback-6.0.0"
DATABASES = [
    "pl-i18n-service",
    "pl-automaton-rules-api-service",
    "pl-user-grants-api-service",
    "pl-userspaces-api-service",
]


@pytest.fixture(scope="module")
def site(install):
    """Returns a 5.9.3 and its state; the tests of this file use it one after the other."""
    installation = install("site-run", modules="pl", alias=True)
    return installation, state(installation)


def roll_back(installation, *words, databases=(), confirm=True, **extra):
    given = {
        **({"monq_confirm_rollback": installation.name} if confirm else {}),
        "monq_rollback_databases": list(databases),
        **extra,
    }
    return installation.play("rollback", *words, confirm=False, extra=given)


def rollback_report(installation, generation):
    folder = installation.backup / installation.name / "6.0.0" / str(generation)
    return json.loads((folder / "rollback-report.json").read_text())


def config_map(installation, name):
    found = json.loads(installation.kubectl("get", "configmap", name, "--ignore-not-found", "-o", "json") or "{}")
    return found and (
        found["metadata"]["annotations"],
        {key: json.loads(text) for key, text in (found.get("data") or {}).items()},
    )


def seals(installation):
    return {
        s["metadata"]["name"]: s["data"]
        for s in installation.objects("secrets")
        if s["metadata"]["name"].startswith("monq-upgrade-")
    }


def leftovers(before, installation):
    """Returns every leaf that differs from the previous state and is not on the irreversible list: registry 3.2.0, its
    token, copied images."""
    after = state(installation)
    number = next(index for index, row in enumerate(before["microservices"]) if row["Name"] == REGISTRY)
    excused = [
        ("registry_version",),
        ("images",),
        ("secrets", "registry-token"),
        ("deployments", REGISTRY),
        ("microservices", number),
    ]
    return [row for row in differences(before, after) if not any(row[0][: len(path)] == path for path in excused)]


def window_that_does_not_fit(installation):
    """Two hours from now on; the rehearsal is the report of the first generation, in which one SQL file took three."""
    report = json.loads((installation.backup / installation.name / "6.0.0" / "1" / "report.json").read_text())
    next(row for row in report["steps"] if row["key"].startswith("upgrade.pl.database."))["seconds"] = 3 * 3600
    path = installation.work / "rehearsal.json"
    path.write_text(json.dumps(report))
    start = timestamp.of_seconds(time.time() - 60)
    return {"monq_outage_window": f"{start}/PT2H1M", "monq_forecast": str(path)}


def hooks(installation, ran):
    """monq_hooks whose files write their names into a file; that of before_cut fails, which keeps no rollback."""
    found = {}
    for name in ("before_cut", "after_outage", "on_failure"):
        tasks = [{"name": "Tell", "ansible.builtin.shell": f"echo {name} >> {ran}", "changed_when": False}]
        if name == "before_cut":
            tasks.append({"name": "Fail", "ansible.builtin.fail": {"msg": "the balancer is away"}})
        path = installation.work / f"hook-{name}.yml"
        path.write_text(json.dumps(tasks))
        found[name] = str(path)
    return found


def unchanged(installation, mark, calls):
    assert installation.mutations(mark) == [] and len(installation.journal()) == calls
    assert (
        config_map(installation, ROLLBACK) in ({}, None)
        or config_map(installation, ROLLBACK)[0]["monq.platform/state"] == "finished"
    )


def test_after_prepare_alone(site):
    """Before the cutover: check mode predicts, nothing changes without the confirmation, then only the template is
    restored; a second run changes nothing."""
    installation, before = site
    nothing = roll_back(installation)
    assert (
        nothing.rc == 0 and nothing.recap(installation.name)["changed"] == 0 and "nothing to roll back" in nothing.text
    ), nothing.text[-2000:]
    prepared = installation.play("prepare")
    assert prepared.rc == 0, prepared.text[-3000:]
    assert leftovers(before, installation) != []

    mark, calls = installation.audit_mark(), len(installation.journal())
    checked = roll_back(installation, "--check", confirm=False)
    assert checked.rc == 0, checked.text[-3000:]
    for words in ("K8s template in the registry: apply", "Cannot be undone:", "prepare.registry.update"):
        assert words in checked.text
    refused = roll_back(installation, confirm=False)
    assert refused.rc == 2 and "monq_confirm_rollback" in refused.text, refused.text[-2000:]
    installation.play(
        "rollback", "--start-at-task", "Put back the K8s template", confirm=False, extra={}
    )  # no step without the lock
    unchanged(installation, mark, calls)

    done = roll_back(installation)
    assert done.rc == 0, done.text[-3000:]
    assert leftovers(before, installation) == []
    assert checked.recap(installation.name)["changed"] == done.recap(installation.name)["changed"]
    annotations, entries = config_map(installation, ROLLBACK)
    assert annotations["monq.platform/attempt"] == "1" and annotations["monq.platform/state"] == "finished"
    assert sorted(entries) == sorted(re.findall(r"^ +to do  (rollback\S+)  ", checked.text, re.M))
    assert (
        installation.ledger() == {}
        and "prepare.snapshot.original" in config_map(installation, "monq-upgrade-6.0.0-attempt-1")[1]
    )
    assert {name.rsplit("-", 1)[0] for name in seals(installation)} == {
        f"monq-upgrade-6.0.0-attempt-1-{name}" for name in ("original", "original-replicas", "rollback")
    }

    report = rollback_report(installation, 1)
    assert (report["outcome"], report["platform"], report["kind"]) == ("rolled_back", "up", "rollback")
    assert {row["key"]: row["finished"] for row in report["steps"]} == {
        key: entry["finished"] for key, entry in entries.items()
    }

    mark, calls = installation.audit_mark(), len(installation.journal())
    again = roll_back(installation)
    assert again.rc == 0 and again.recap(installation.name)["changed"] == 0
    unchanged(installation, mark, calls)


def _begun(found, attempt, key):
    """Returns whether the ledger is that of this rollback: until it has the lock, the previous rollback's exists."""
    return bool(found) and found[0]["monq.platform/attempt"] == attempt and key in found[1]


def test_before_the_first_sql_killed_in_the_middle(site):
    """The second generation has removed the old routes and applied the new ones, and has stopped at the last exit, as
    by the rehearsal's report the rest does not fit into the window; the rollback is the command that was printed. A
    killed rollback blocks every upgrade, and is finished by the same command."""
    installation, before = site
    failed = installation.play("site", extra=window_that_does_not_fit(installation))
    assert failed.rc == 2 and "DOWN" in failed.text, failed.text[-2000:]
    assert re.search(r"the rest, by the rehearsal: 3:00:\d\d, without \d+ steps", failed.text)
    assert re.search(r"left of the window: 1:5\d:\d\d", failed.text)
    assert "stopped at the last exit: no SQL has run" in failed.text and installation.migrations() == {}
    assert config_map(installation, "monq-upgrade-6.0.0")[0]["monq.platform/attempt"] == "2"
    strangers = {
        i["metadata"]["name"]: i["metadata"]["uid"] for i in installation.objects("ingresses.v1beta1.extensions")
    }
    process = installation.start("rollback", typed=installation.printed(failed.text, "to roll back"))
    deadline = time.monotonic() + 600
    while not _begun(config_map(installation, ROLLBACK), "2", "rollback.registry_template.apply"):
        assert process.poll() is None and time.monotonic() < deadline, Path(process.log).read_text()[-3000:]
        time.sleep(0.3)
    installation.kill(process)
    assert config_map(installation, ROLLBACK)[0]["monq.platform/attempt"] == "2"
    status = installation.play("status").text
    screen = status[status.index(f"{installation.name}: Monq is ") : status.index("monq_status_all=true.")]
    assert "DOWN since" in screen and "A ROLLBACK of generation 2" in screen and len(screen.splitlines()) <= 24, screen
    assert "next: wait" in screen or "monq_confirm_rollback=" in screen, "until the lock of the killed run has expired"
    mark, calls = installation.audit_mark(), len(installation.journal())
    upgrade = installation.play("upgrade")
    assert upgrade.rc == 2 and "a rollback is not finished" in upgrade.text, upgrade.text[-2000:]
    other = roll_back(installation, databases=DATABASES[:1])
    assert other.rc == 2 and "step list differs" in other.text, other.text[-2000:]
    last = other.text[other.text.index(f"FAILED on {installation.name}: ") :]
    assert re.search(r"changed: \d+ steps of the rollback done", last) and "platform: DOWN since" in last, last
    assert "next command:" in last and "-e monq_confirm_rollback=" in last, last
    assert installation.mutations(mark) == [] and len(installation.journal()) == calls
    ended = roll_back(installation)
    assert ended.rc == 0, ended.text[-3000:]
    assert leftovers(before, installation) == []
    assert config_map(installation, "monq-rollback-6.0.0-attempt-1")[0]["monq.platform/state"] == "finished"
    now = {i["metadata"]["name"]: i["metadata"]["uid"] for i in installation.objects("ingresses.v1beta1.extensions")}
    for name in ("frontend-grafana", "frontend-partner", "pl-landing"):
        assert now[name] == strangers[name], "strangers were not touched"


@pytest.fixture(scope="module")
def replaced(site, sandbox):
    """Brings the third generation past the last exit, with the command that was printed there, to the point where all
    SQL of pl and its Replace have run; counts and settings made by hand are lost. Saves this state, so that it can be
    rolled back twice."""
    installation, _before = site
    installation.variables(monq_outage_budget=1)
    stopped = installation.play("site")
    assert stopped.rc == 2 and installation.migrations() == {}, stopped.text[-3000:]
    installation.faults({"match": ["registry", "apply", "microservice"], "kind": "fail"})
    installation.variables(monq_language="ru")
    failed = installation.play("site", typed=installation.printed(stopped.text, "to go on"))
    installation.variables(monq_outage_budget=None, monq_language=None)
    assert failed.rc == 2 and "upgrade.pl.microservices.replace" in installation.ledger(), failed.text[-3000:]
    assert "ОШИБКА на " in failed.text and english(failed.text, FAULT) == []
    assert set(installation.migrations().values()) == {1}
    sandbox("save", installation.name, "replaced")
    return installation


def test_an_altered_dump_and_a_live_connection_refuse(site, replaced):
    installation, _before = site
    dump = Path(installation.ledger()["upgrade.backup.database.pl-i18n-service"]["result"]["path"])
    data, mark, calls = dump.read_bytes(), installation.audit_mark(), len(installation.journal())
    dump.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    for words in ([], ["--check"]):
        refused = roll_back(installation, *words, databases=DATABASES)
        assert refused.rc == 2 and "missing or altered" in refused.text, refused.text[-2000:]
    unchanged(installation, mark, calls)
    dump.write_bytes(data)


def test_after_sql_and_replace_with_the_databases_named(site, replaced):
    """At first there is a connection, so the database is left as it is. Then everything is restored, including the
    databases. People who are not at the terminal are told of both."""
    installation, before = site
    server = {
        key: value
        for key, value in installation.facts["postgresql"].items()
        if key in ("host", "port", "user", "password")
    }
    connection = psycopg2.connect(
        **server, dbname=installation.facts["databases"]["pl-i18n-service"], application_name="report-builder"
    )
    with Recorder() as webhook, Recorder(404) as monq:
        ran = installation.work / "hooks-of-the-rollback"
        told = {"databases": DATABASES, "monq_notify": [{"url": webhook.url}], "monq_probe_url": monq.url}
        told["monq_hooks"] = hooks(installation, ran)
        try:
            refused = roll_back(installation, **told)
        finally:
            connection.close()
        left_alone = installation.migrations()[("pl", "sqls/pl-i18n-service.sql", "pl-i18n-service")]
        back = OldRoutes(installation, monq)
        done = roll_back(installation, **told)
        back.join()
    installation.keep_report(3, "rollback-report")
    probe = rollback_report(installation, 3)["outage"]["probe"]
    assert probe["state"] == "ended" and abs(timestamp.seconds(probe["to"]) - back.at) <= 2, (probe, back.at)
    assert [row["state"] for row in probe["changes"]][-3:] == ["not_found", "ok", "not_observed"]
    assert ran.read_text().split() == ["on_failure", "after_outage"], "it was down already"
    assert [body["event"] for body in webhook.json()] == ["rollback_begins", "failed", "rollback_begins", "rolled_back"]
    assert "Monq has been down since " in webhook.json()[0]["text"]
    assert refused.rc == 2 and "live connections" in refused.text and "report-builder" in refused.text, refused.text[
        -2000:
    ]
    assert left_alone == 1, "still the migrated one"
    assert done.rc == 0, done.text[-3000:]
    left = leftovers(before, installation)
    new = {"pl-routing-service"}  # Replace added it to the registry: no known call removes it
    assert {row[0][0] for row in left} <= {"microservices"}, left
    assert without(before, new) == without(state(installation), new)
    assert all(name in done.text for name in new)
    assert installation.migrations() == {}
    kept = re.findall(r'DROP DATABASE \\?"(\w+)\\?"', done.text)
    assert sorted(set(kept)) == sorted(
        f"{installation.facts['databases'][name]}_before_rollback_3" for name in DATABASES
    )
    assert config_map(installation, "monq-upgrade-6.0.0") in ({}, None)


class OldRoutes(threading.Thread):
    """Asks kubectl until the old routes are back, and has the page answer from then on."""

    def __init__(self, installation, monq):
        super().__init__(daemon=True)
        self._installation, self._monq, self.at = installation, monq, None
        self.start()

    def run(self):
        while "pl-routing-external" not in self._installation.kubectl("get", "ingresses", "-o", "name"):
            time.sleep(0.2)
        self._monq.status, self.at = 200, time.time()


def without(found, names):
    return [row for row in found["microservices"] if row["Name"] not in names | {REGISTRY}]


@pytest.fixture(scope="module")
def smooth(install):
    """Returns an undisturbed upgrade, and the state before it."""
    installation = install("by-hand", modules="pl", alias=True)
    before = state(installation)
    result = installation.play("site")
    assert result.rc == 0, result.text[-3000:]
    return installation, before


def test_sql_that_stays_is_asked_about_and_the_next_upgrade_ends_like_one(site, replaced, smooth, sandbox):
    """After a rollback without databases and another upgrade, no SQL has run again by itself, and the result is that of
    a single upgrade."""
    installation, _before = site
    sandbox("load", installation.name, "replaced")
    done = roll_back(installation, monq_language="ru")
    assert done.rc == 0, done.text[-3000:]
    assert english(done.text) == []
    assert set(installation.migrations().values()) == {1}
    entries = installation.ledger()
    assert len(entries) == 5 and {entry["state"] for entry in entries.values()} == {"unknown"}
    generation = int(config_map(installation, "monq-upgrade-6.0.0")[0]["monq.platform/attempt"])
    mark, calls = installation.audit_mark(), len(installation.journal())
    asked = installation.play("site")
    said = f"applied in generation {generation - 1}, and its database was not rolled back"
    assert asked.rc == 2 and said in asked.text, asked.text[-2000:]
    assert installation.mutations(mark) == [] and len(installation.journal()) == calls
    answers = {key: {"answer": "done", "attempt": entry["attempt"]} for key, entry in entries.items()}
    home = installation.work / "home"  # of another job: the registry requires its token from the first read onwards
    home.mkdir()
    upgraded = installation.play(
        "site", extra={"monq_resolve": answers, "monq_monqctl_configure": True, "monq_monqctl_home": str(home)}
    )
    assert upgraded.rc == 0, upgraded.text[-3000:]
    assert differences(state(installation), state(smooth[0])) == []
    assert installation.migrations() == smooth[0].migrations() and set(smooth[0].migrations().values()) == {1}


def test_a_finished_release_wants_a_word_more(smooth):
    """Without the second confirmation nothing is changed; with it, everything is undone from the last stage, and a new
    upgrade can start."""
    installation, before = smooth
    mark, calls = installation.audit_mark(), len(installation.journal())
    refused = roll_back(installation, databases=DATABASES)
    assert refused.rc == 2 and "monq_rollback_closed" in refused.text, refused.text[-2000:]
    assert installation.mutations(mark) == [] and len(installation.journal()) == calls
    ran = installation.work / "hooks-of-the-rollback"
    done = roll_back(installation, databases=DATABASES, monq_rollback_closed=True, monq_hooks=hooks(installation, ran))
    assert done.rc == 0, done.text[-3000:]
    assert ran.read_text().split() == ["before_cut", "after_outage"], "the rollback is an outage of its own"
    assert {row[0][0] for row in leftovers(before, installation)} <= {"microservices"}
    assert without(before, {"pl-routing-service"}) == without(state(installation), {"pl-routing-service"})
    assert installation.migrations() == {} and installation.ledger() == {}


def test_a_registry_that_demands_a_token_which_monqctl_does_not_know(install):
    """Prepare stopped between the two: monqctl gets the token, and the rollback finishes."""
    installation = install("by-hand", modules="pl", alias=True)
    before = state(installation)
    installation.faults({"match": ["config", "set", "credential"], "kind": "fail"})
    assert installation.play("prepare").rc == 2 and "prepare.registry_token.env" in installation.ledger()
    done = roll_back(installation)
    assert done.rc == 0, done.text[-3000:]
    assert leftovers(before, installation) == []
    assert config_map(installation, ROLLBACK)[1]["rollback.registry.credential"]["state"] == "done"
