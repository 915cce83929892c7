"""The lock under attack: many starters, a frozen holder, a dead one, an orphan."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml
from support.harness import ROOT, descendants

STARTERS = 30
ROUNDS = int(os.environ.get("MONQ_LOCK_ROUNDS", "3"))  # make faults has ten
UPDATE = ["registry", "update", "registry"]
STEP = "prepare.registry.update"


def until(condition, process=None, seconds=300):
    """Waits for an event; the limit only matters if the code is broken."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        assert process is None or process.poll() is None, Path(process.log).read_text()[-3000:]
        time.sleep(0.2)


def lease(installation):
    return json.loads(installation.kubectl("get", "lease", "monq-upgrade", "--ignore-not-found", "-o", "json") or "{}")


@contextlib.contextmanager
def renewed(installation):
    """Renews the Lease as long as it is held, as the winner's next tasks would."""
    stop = threading.Event()

    def beat():
        count = 0
        while not stop.wait(0.5):
            if lease(installation).get("spec", {}).get("holderIdentity"):
                count += 1
                change = json.dumps({"metadata": {"annotations": {"test/beat": str(count)}}})
                installation.kubectl(
                    "patch", "lease", "monq-upgrade", "--type=merge", "-p", change, user="sandbox-admin", check=False
                )

    thread = threading.Thread(target=beat)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_of_thirty_starters_one_wins_each_time(install):
    """Runs processes of the module itself. The losers name the holder, and write nothing at all."""
    installation = install("site-run", modules="pl", alias=False)
    release = yaml.safe_load((ROOT / "roles/monq/vars/main/release.yml").read_text())["_monq_release"]
    facts = installation.facts
    given = {
        "state": "acquired",
        "preflight": True,
        "kubeconfig": installation.sandbox.facts["kubeconfig"],
        "kube_context": facts["kube_context"],
        "namespace": facts["namespace"],
        "plan": {"release": release, "modules": ["pl"]},
    }
    arguments = installation.work / "lock.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": given}))
    argv = [sys.executable, "-m", "ansible_collections.monq.platform.plugins.modules.lock", str(arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")}
    for _round in range(ROUNDS):
        installation.kubectl("delete", "lease", "monq-upgrade", "--ignore-not-found", user="sandbox-admin")
        mark = installation.audit_mark()
        with renewed(installation):
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            starters = [subprocess.Popen(argv, env=env, **pipes) for _starter in range(STARTERS)]
            answers = [json.loads(process.communicate(timeout=300)[0]) for process in starters]
        won, lost = [a for a in answers if not a.get("failed")], [a for a in answers if a.get("failed")]
        assert len(won) == 1 and len(lost) == STARTERS - 1
        assert lease(installation)["metadata"]["annotations"]["monq.platform/lock-id"] == won[0]["id"]
        for answer in lost:
            assert "another run" in answer["msg"] and won[0]["id"] in answer["msg"], answer["msg"]
        assert installation.mutations(mark) == []
        assert reads_of_the_lease(installation, mark) <= STARTERS * 22, "10 s at two looks a second"


def reads_of_the_lease(installation, mark):
    events = map(json.loads, Path(installation.sandbox.facts["audit_log"]).read_text().splitlines()[mark:])
    return sum(
        e["verb"] == "get"
        and (e.get("objectRef") or {}).get("resource") == "leases"
        and e["user"]["username"] == "operator"
        for e in events
    )


def test_of_four_playbooks_one_wins(install):
    installation = install("site-run", modules="pl", alias=False)
    mark = installation.audit_mark()  # the log also contains an earlier installation of this name
    runs = [installation.start("prepare") for _run in range(4)]
    ended = [run.wait(timeout=900) for run in runs]
    texts = [Path(run.log).read_text() for run in runs]
    assert sorted(ended) == [0, 2, 2, 2], [text[-1500:] for text in texts]
    locks = {entry["lock"] for entry in installation.ledger().values()}
    assert len(locks) == 1
    refused = [text for rc, text in zip(ended, texts) if rc]
    assert all("another run" in text and next(iter(locks)) in text for text in refused), [
        text[-2000:] for text in refused
    ]
    created = [row for row in installation.mutations(mark) if row[0] == "create"]
    assert created and [row for row, count in Counter(created).items() if count > 1] == []
    assert [argv for argv, count in Counter(map(tuple, installation.journal())).items() if count > 1] == []


def test_a_frozen_holder_begins_nothing_after_it_wakes(install):
    """SIGSTOP for longer than the Lease, take-over, SIGCONT: the call in progress completes, and nothing else is
    started."""
    installation = install("site-run", modules="pl", alias=False)
    gate = installation.work / "go-on"
    wait = ["sh", "-c", f"while [ ! -e {gate} ]; do sleep 0.2; done"]
    installation.faults({"match": UPDATE, "kind": "exec", "command": wait, "when": "before"})
    frozen = installation.start("prepare")
    until(lambda: (installation.ledger().get(STEP) or {}).get("state") == "intent", frozen)
    old = lease(installation)["metadata"]["annotations"]["monq.platform/lock-id"]
    tree = [frozen.pid, *descendants(frozen.pid)]
    for pid in tree:
        os.kill(pid, signal.SIGSTOP)
    calls = installation.journal()
    taker = installation.play("prepare")
    assert taker.rc == 2 and "an earlier run is still working on this step" in taker.text and STEP in taker.text, (
        taker.text[-2500:]
    )
    assert lease(installation)["metadata"]["annotations"]["monq.platform/lock-id"] != old
    assert installation.journal() == calls
    mark = installation.audit_mark()
    for pid in reversed(tree):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    gate.touch()
    assert frozen.wait(timeout=300) == 2
    text = Path(frozen.log).read_text()
    assert "the result of a step cannot be written to the ledger" in text and "the next run imports it" in text, text[
        -3000:
    ]
    assert [argv for argv in installation.journal() if argv not in calls] == [
        argv for argv in installation.journal() if argv[:3] == UPDATE
    ]
    refused = [row for row in installation.mutations(mark) if row != ("patch", "configmaps", "monq-upgrade-6.0.0")]
    assert refused == [], "the ledger's own write alone was tried, and met another resourceVersion"
    assert installation.ledger()[STEP]["state"] == "intent"
    later = installation.play("prepare")
    assert later.rc == 0, later.text[-2500:]
    assert [argv[:3] for argv in installation.journal()].count(UPDATE) == 1, (
        "the result was imported, the call not repeated"
    )


def test_a_dead_holder_is_unlocked_by_the_id_of_the_refusal(install):
    installation = install("site-run", modules="pl", alias=False)
    installation.faults({"match": UPDATE, "kind": "hang"})
    long = {"monq_lock_duration": 3600}
    dead = installation.start("prepare", extra=long)
    until(lambda: STEP in installation.ledger(), dead)
    installation.kill(dead)
    installation.faults()
    lock_id = lease(installation)["metadata"]["annotations"]["monq.platform/lock-id"]
    wrong = installation.play("unlock", extra={"monq_lock_id": "0123456789ab"})
    assert wrong.rc == 2 and lock_id in wrong.text and lease(installation)["spec"]["holderIdentity"], wrong.text[-1500:]
    checked = installation.play("unlock", "--check", extra={"monq_lock_id": lock_id})
    assert (
        checked.rc == 0 and checked.recap("site-run")["changed"] == 1 and lease(installation)["spec"]["holderIdentity"]
    )
    broken = installation.play("unlock", extra={"monq_lock_id": lock_id})
    assert broken.rc == 0 and broken.recap("site-run")["changed"] == 1, broken.text[-1500:]
    assert not lease(installation)["spec"].get("holderIdentity")
    after = installation.play("prepare", extra=long)
    assert after.rc == 0, after.text[-2500:]


@pytest.fixture
def orphan(tmp_path):
    """Returns the file in which the test's orphan writes its pid; the orphan is always killed at the end."""
    path = tmp_path / "orphan"
    yield path
    if path.exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(path.read_text()), signal.SIGKILL)


def test_an_orphan_of_a_killed_run_is_known(install, orphan):
    """A process that left monqctl's session survives the kill of the whole tree; the resumed run finds it and stops."""
    installation = install("site-run", modules="pl", alias=False)
    leave = ["setsid", "-f", "sh", "-c", f"echo $$ > {orphan}; exec sleep 3600"]
    installation.faults(
        {"match": UPDATE, "kind": "exec", "command": leave, "when": "before"},
        {"match": UPDATE, "kind": "hang", "when": "after"},
    )
    killed = installation.start("prepare")
    until(lambda: installation.registry("version") and orphan.exists() and orphan.read_text().strip(), killed)
    installation.kill(killed)
    installation.faults()
    refused = installation.play("prepare")
    assert (
        refused.rc == 2
        and "an earlier run is still working on this step" in refused.text
        and orphan.read_text().strip() in refused.text
    ), refused.text[-2500:]
    os.kill(int(orphan.read_text()), signal.SIGKILL)
    until(lambda: not Path(f"/proc/{orphan.read_text().strip()}").exists())
    assert installation.play("prepare").rc == 0
