"""The screen of status.yml in ten states: it fits, and says what to type next."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

import plans
import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.engine.questions import open_questions
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError
from ansible_collections.monq.platform.plugins.module_utils.report import facts, situation, status
from ansible_collections.monq.platform.plugins.module_utils.rollback.ledger import RollbackLedger
from ansible_collections.monq.platform.plugins.modules import ledger_info
from fake_cluster import CONFIGMAPS, LEASES, FakeCluster
from fake_session import opened, params

WHERE = ("production", "6.0.0")
CUT, CHECK = "upgrade.routing.cut", "verify.installation.check"
PLAN = plans.keys(plans.make())
SQL = [key for key in PLAN if ".database." in key and ".backup" not in key]
LONGEST = max(SQL, key=len)
NIGHT = 1772406000  # 2026-03-01T23:00:00Z
HOLDER = "root@bastion.example.org job 4711"
TYPED = {
    "playbooks": ["monq.platform.status"],
    "inventory": ["inventories/production"],
    "limit": None,
    "extra_vars": ["@/etc/monq/variables.yml", "monq_status_all=true", "monq_postgresql_password=hunter2"],
}
SITE = (
    "ansible-playbook -i inventories/production monq.platform.site -e @/etc/monq/variables.yml "
    "-e 'monq_postgresql_password=…' -e monq_confirm_outage=production"
)


class World:
    """An installation with four modules, in a state that the test makes."""

    def __init__(self, folder):
        self.cluster, self.folder = FakeCluster(), folder / "production" / "6.0.0" / "1"
        self.cluster.clock = lambda: NIGHT
        self.ledger = Ledger(self.cluster, *WHERE).load()
        self.given = {"home": folder, "plan": {"modules": plans.FULL, "variables": plans.VARIABLES}}

    def entry(self, key, state="done", **more):
        at = "2026-03-01T22:00:12Z"
        self.ledger.write(key, {"state": state, "started": at, "attempt": "a5f0c2a9", "finished": at, **more})

    def done(self, until):
        for key in PLAN[: PLAN.index(until)]:
            self.entry(key, homes=[])

    def fail(self, key, **more):
        self.entry(key, "failed", error="monqctl release update microservices failed: exit status 1", lock="0a1b2c3d")
        failed = {"at": "2026-03-01T22:40:00Z", "task": "Replace the microservices of pl", "step": key, **more}
        message = "monqctl release update microservices failed\n  object: pl\n  seen: exit status 1"
        record = facts.Recording(self.cluster, *WHERE, 1, [])
        record.failed({**failed, "message": message, "lock": "0a1b2c3d4e5f"}, {})

    def lock(self, renewed="22:59:58", progress="", lock_id="0a1b2c3d4e5f"):
        notes = {"monq.platform/lock-id": lock_id, "monq.platform/lock-holder": HOLDER}
        notes.update({"monq.platform/progress": progress} if progress else {})
        moments = {"acquireTime": "2026-03-01T21:58:03.123456Z", "renewTime": f"2026-03-01T{renewed}.000000Z"}
        spec = {"holderIdentity": HOLDER, "leaseDurationSeconds": 120, **moments}
        self.cluster.put(f"{LEASES}/monq-upgrade", {"metadata": {"annotations": notes}, "spec": spec})

    def keep(self, *names):
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (self.folder / name).write_text("")

    def look(self, monkeypatch):
        session = opened(self.cluster, **self.given)
        monkeypatch.setattr(ledger_info.Session, "open", lambda **_given: session)
        return ledger_info.look(params(**self.given))

    def screen(self, monkeypatch, **typed):
        commands = status.commands({**TYPED, **typed}, "production")
        return status.screen(self.look(monkeypatch), commands, "production", "6.0.0")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def begun(world):
    world.keep("pl_identity.20260301T220411.120Z.dump", "pl_grants.20260301T220411.120Z.dump", "plan.md", "plan.json")


def nothing(_world):
    pass


def prepared(world):
    world.done("upgrade.snapshot.cut")
    begun(world)


def running(world):
    prepared(world)
    world.done("upgrade.pl.microservices.rollout")
    world.entry("upgrade.pl.microservices.rollout", "intent", lock="0a1b2c3d4e5f")
    line = "2026-03-01T22:59:58Z outage 59:46 of 1:20:00 · step 47 of 78 pl rollout · 7 of 12 ready, "
    world.lock(progress=line + "pl-x: pod pl-x-5f8d: ImagePullBackOff, pl-y: 0 of 2 ready for 40 s")


def failed(world):
    prepared(world)
    world.done("upgrade.pl.microservices.replace")
    world.fail("upgrade.pl.microservices.replace")
    world.keep("support-20260301T224001.000Z.tar.gz", "support-20260301T214001.000Z.tar.gz", "report.html")


def asked(world):
    prepared(world)
    world.done(LONGEST)
    world.entry(LONGEST, "unknown", error="monqctl release update db pgsql failed: exit status 0, output: ERROR: boom")
    world.keep("support-20260301T224001.000Z.tar.gz", "report.html")


def at_the_last_exit(world):
    prepared(world)
    world.done(SQL[0])
    world.fail(SQL[0], last_exit=True)
    world.ledger.entries.pop(SQL[0])
    path = f"{CONFIGMAPS}/monq-upgrade-6.0.0"
    world.cluster.objects[path]["data"].pop(SQL[0])


def finished(world):
    prepared(world)
    world.done(CHECK)
    world.entry(CHECK)
    world.keep("report.html", "summary.txt")


def rolling_back(world):
    failed(world)
    own = RollbackLedger(world.cluster, *WHERE).load()
    own.annotations["monq.platform/attempt"] = "1"
    own.write("rollback.routing.remove", {"state": "done"})
    own.write("rollback.registry_template.apply", {"state": "failed", "attempt": "a1", "error": "no route"})


def lost(world):
    SnapshotStore(world.cluster, *WHERE).save("original", {"of": "original"})
    begun(world)


def dead(world):
    asked(world)
    world.entry(LONGEST, "intent", lock="0a1b2c3d4e5f", host="elsewhere", pid=7)
    world.lock("22:54:00", "2026-03-01T22:53:58Z outage 53:46 · step 47 of 78 sm database · monqctl: applying")


STATES = {
    nothing: [
        "production: Monq is up. The old routes have not been touched.",
        "done: nothing has been started: 0 of",
        "lock: free",
        "monq.platform.preflight -e @/etc/monq/variables.yml",
        "files: none yet",
    ],
    prepared: [
        "Monq is up. The old routes have not been touched.",
        "done: 29 of 74: prepare 22/22, cutover 7/16, pl 0/13, sm 0/6, cl 0/9, fm 0/7, verify 0/1",
        "point of no return: PASSED; steps that cannot be undone: 4",
        "lock: free",
        SITE,
        "dumps: 2, plan.md, no bundle (support.yml makes one)",
    ],
    running: [
        "Monq is DOWN since 2026-03-01T22:00:12Z (59:48)",
        "running now: 2026-03-01T22:59:58Z outage 59:46 of 1:20:00",
        "7 of 12 ready, pl-x: pod pl-x-5f8d: ImagePullBackOff, pl-y: 0 of 2 ready for 40 s",
        f"lock: {HOLDER}, id 0a1b2c3d4e5f, since 2026-03-01T21:58:03Z",
        "next: wait; a run is at work.",
    ],
    failed: [
        "Monq is DOWN",
        "failed at 2026-03-01T22:40:00Z: Replace the microservices of pl: monqctl release update microservices failed",
        "lock: free",
        SITE,
        "dumps: 2, plan.md, report.html, support-20260301T224001.000Z.tar.gz",
    ],
    asked: [
        "question: was this SQL applied to the database? (unknown since 2026-03-01T22:00:12Z: monqctl",
        "ERROR: boom)",
        "it was not applied: add",
        '{"answer": "retry", "attempt": "a5f0c2a9"}}}',
        "it was applied completely: add",
        '{"answer": "done", "attempt": "a5f0c2a9"}}}',
        f"next, with an answer of the above: {SITE}",
    ],
    at_the_last_exit: [
        "stopped at the last exit at 2026-03-01T22:40:00Z: no SQL has run",
        f"to go on: {SITE} -e monq_last_exit=continue",
        "to roll back: ansible-playbook -i inventories/production monq.platform.rollback",
        "-e monq_confirm_rollback=production",
    ],
    finished: [
        "Monq is up since 2026-03-01T22:00:12Z. The outage lasted 00:00. Release 6.0.0 is verified.",
        "verify 1/1",
        "next: nothing; the release is finished and verified",
        "plan.md, summary.txt, report.html",
    ],
    rolling_back: [
        "production: Monq is DOWN since 2026-03-01T22:00:12Z (59:48). A rollback is not finished.",
        "A ROLLBACK of generation 1 is not finished: 1 steps done; rollback.registry_template.apply (failed)",
        "next: ansible-playbook -i inventories/production monq.platform.rollback",
    ],
    lost: [
        "whether Monq is up is UNKNOWN: the ledger was deleted",
        "THE LEDGER IS GONE",
        "monq-upgrade-6.0.0-original-0",
    ],
    dead: [
        "said last: 2026-03-01T22:53:58Z outage 53:46",
        f"lock: {HOLDER} since 2026-03-01T21:58:03Z, NOT renewed for 06:00: probably dead",
        "question: was this SQL applied to the database? (intent since 2026-03-01T22:00:12Z)",
        f"next (it takes the lock over 120 s after the last renewal): {SITE}",
        "or at once, if that run is known to be dead: ansible-playbook -i inventories/production monq.platform.unlock",
        "-e monq_lock_id=0a1b2c3d4e5f",
    ],
}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_the_screen(world, monkeypatch, state):
    state(world)
    text = world.screen(monkeypatch).replace(str(world.folder), "/var/backups/monq/production/6.0.0/1")
    lines = text.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= status.WIDTH, f"{len(lines)} lines\n{text}"
    plain = " ".join(text.replace("\\\n", " ").split())
    for said in STATES[state]:
        assert said in plain, text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "production: Monq is up."),
        (["rollback.routing.remove"], "Monq is DOWN since 2026-03-01T23:30:00Z"),
        (["rollback.routing.remove", "rollback.routing.restore"], "production: Monq is up."),
    ],
    ids=["not cut yet", "cut", "back"],
)
def test_a_rollback_of_a_finished_upgrade(world, monkeypatch, steps, said):
    finished(world)
    own = RollbackLedger(world.cluster, *WHERE).load()
    own.annotations["monq.platform/attempt"] = "1"
    for key in ["rollback.diagnostics.save", *steps]:
        own.write(key, {"state": "done", "started": "2026-03-01T23:30:00Z", "lock": "mine"})
    assert said in world.screen(monkeypatch)
    session = opened(world.cluster, lock_id="mine", **world.given)
    monkeypatch.setattr(ledger_info.Session, "open", lambda **_given: session)
    seen = ledger_info.look(params(lock_id="mine", **world.given))
    assert seen["reachable"].startswith("DOWN since 2026-03-01T23:30" if len(steps) == 1 else "up")
    number = len(steps) + 1
    assert seen["changed_so_far"] == f"{number} steps of the rollback done; {number} of them under this lock"


@pytest.mark.parametrize("state", [asked, dead], ids=lambda state: state.__name__)
def test_an_answer_over_several_lines_is_one_word_for_a_shell(world, monkeypatch, state):
    state(world)
    options = re.findall(r"-e '\{\"monq_resolve\".*?'", world.screen(monkeypatch), re.S)
    given = [json.loads(shlex.split(option)[1])["monq_resolve"] for option in options]
    assert given == [{LONGEST: {"answer": answer, "attempt": "a5f0c2a9"}} for answer in ("retry", "done")]


def test_a_command_over_several_lines_is_one_command_for_a_shell(world, monkeypatch):
    finished(world)
    world.cluster.objects[f"{CONFIGMAPS}/monq-upgrade-6.0.0"]["data"].pop(CHECK)
    text = world.screen(monkeypatch)
    command = text[text.index("ansible-playbook") : text.index("\n  files")]
    assert " \\\n" in command
    script = command.replace("ansible-playbook", r"printf '%s\n' ansible-playbook", 1)
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == shlex.split(SITE)


def test_what_a_live_run_works_on_is_no_question(world):
    asked(world)
    world.entry(LONGEST, "intent", lock="0a1b2c3d4e5f", host="elsewhere", pid=7)
    run = opened(world.cluster, **world.given).run
    assert [one["key"] for one in open_questions(run)] == [LONGEST]
    assert open_questions(run, "0a1b2c3d4e5f") == []


@pytest.mark.parametrize("later", ["a step", "another run", "nothing"])
def test_a_failure_is_shown_until_something_is_done(world, monkeypatch, later):
    failed(world)
    if later == "a step":
        world.entry(SQL[0], finished="2026-03-01T22:50:00Z")
    elif later == "another run":
        world.lock(lock_id="fedcba987654")
    assert bool(world.look(monkeypatch)["failure"]) == (later == "nothing")


def test_what_cannot_be_read_hides_nothing_else(world, monkeypatch):
    failed(world)

    def before(method, path):
        if path.endswith("-report"):
            raise ApiError(403, "Forbidden", "no", method, path)

    world.cluster.before = before
    world.cluster.clock = lambda: None
    text = world.screen(monkeypatch)
    assert "failed at 2026-03-01T22:00:12Z: upgrade.pl.microservices.replace" in text and "DOWN since" in text


def test_an_interrupted_step_that_may_be_repeated_is_named(world, monkeypatch):
    prepared(world)
    world.done(CUT)
    world.entry(CUT, "intent")
    assert f"interrupted: {CUT}, started 2026-03-01T22:00:12Z" in world.screen(monkeypatch)


def test_an_attempt_on_another_machine_is_asked_about(world, monkeypatch):
    prepared(world)
    world.done("upgrade.pl.microservices.replace")
    world.entry("upgrade.pl.microservices.replace", "intent", host="elsewhere", pid=7)
    text = world.screen(monkeypatch)
    assert "question: the outcome of upgrade.pl.microservices.replace is unknown" in text
    assert "if nothing works on it any more on elsewhere, add" in text and '"answer": "done"' not in text


def test_more_questions_than_fit_are_counted(world, monkeypatch):
    prepared(world)
    for key in SQL:
        world.entry(key, "unknown")
    text = world.screen(monkeypatch)
    assert f"{len(SQL) - 2} more questions" in text and text.count("monq_resolve") == 4


def test_a_folder_that_is_not_there_has_no_files(tmp_path):
    found = {"folder": str(tmp_path / "x"), "dumps": 0, "pages": [], "bundle": ""}
    assert situation.files(str(tmp_path / "x")) == found


@pytest.mark.parametrize(
    ("typed", "host", "job", "site"),
    [
        ({"playbooks": ["playbooks/status.yml"]}, "", False, "ansible-playbook playbooks/site.yml -e {}"),
        ({"playbooks": ["ours.yml"]}, "", False, "ansible-playbook monq.platform.site -e {}"),
        ({"playbooks": ["a.status"], "tags": ["x"]}, "h", False, "ansible-playbook a.site --limit h -e {}"),
        ({}, "", True, "launch the job template of site.yml with {}"),
    ],
)
def test_the_next_command_is_made_from_the_one_that_was_typed(typed, host, job, site):
    made = status.commands(typed, "production", host, job)
    assert made["site"] == site.format("monq_confirm_outage=production")
    assert "monq_lock_id=7" in made["unlock"].format(id=7) and "monq_confirm_rollback=production" in made["rollback"]


def test_every_text_is_used_and_says_something(world):
    source = (situation.__file__, status.__file__)
    code = "".join(open(path, encoding="utf-8").read() for path in source)  # noqa: SIM115
    used = [name for name in status.TEXTS if f'"{name}"' in code.split("def say", 1)[1]]
    assert set(status.TEXTS) - set(used) == {"retry", "retry.sql", "done.sql"}  # made of the answer's name
