"""The live line of a real rollout: in a terminal, through ansible-runner and beside JSON; in the Lease for others.

Only the last steps before the rollout are made up: their ledger entries, and the snapshot that it reads."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
import yaml
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore
from support.harness import LEDGER, ROOT, environment

STEP, COUNTS, CUT = "upgrade.pl.microservices.rollout", "upgrade.replicas.cut", "upgrade.routing.cut"
SLOW, BROKEN = "pl-i18n-service", "pl-identity-service"
OUTAGE = 271  # seconds so far
LINE = re.compile(
    rf"^\d\d:\d\d:\d\d site-run: outage \d\d:\d\d of 20:00 · step \d+ of \d+ pl rollout · \d+ of \d+ ready, "
    rf"{BROKEN}: pod {BROKEN}-\S+: ImagePullBackOff: .*$",
    re.MULTILINE,
)
PLAY = [
    {
        "hosts": "monq",
        "gather_facts": False,
        "module_defaults": {"group/monq.platform.monq": "{{ _monq_run_defaults }}"},
        "tasks": [
            {"name": "Variables", "ansible.builtin.import_role": {"name": "monq.platform.monq"}},
            {
                "name": "Lock",
                "monq.platform.lock": {"state": "acquired", "preflight": True},
                "register": "__monq_lock",
            },
            {
                "block": [{"name": "Rollout", "monq.platform.rollout_wait": {"modules": ["pl"], "timeout": 600}}],
                "rescue": [
                    {
                        "name": "Failure",
                        "monq.platform.failure": {"task": "Rollout", "result": "{{ ansible_failed_result }}"},
                    }
                ],
                "always": [{"name": "Unlock", "monq.platform.lock": {"state": "released"}}],
            },
        ],
    }
]


@pytest.fixture(scope="module")
def rollout(install):
    """An installation whose ledger says that everything before the rollout of pl is done."""
    installation = install("site-run", modules="pl", alias=False)
    apply(installation, *before_the_rollout(installation))
    (installation.work / "live.yml").write_text(json.dumps(PLAY))
    (installation.work / "inventory" / "budget.json").write_text(
        json.dumps({"monq": {"vars": {"monq_outage_budget": 1200}}})
    )
    return installation


def before_the_rollout(installation):
    """Returns the ledger and the Secret of the snapshot, as objects."""
    made, marker = [], "of-this-test"
    cluster = types.SimpleNamespace(find=lambda path: None, create=lambda path, body: made.append(body))
    digest = SnapshotStore(cluster, installation.facts["namespace"], "6.0.0").save("cut-replicas", {})
    home = Path(installation.facts["monqctl_home"])
    home.mkdir(exist_ok=True)
    (home / ".monq-platform-home").write_text(marker)
    release = yaml.safe_load((ROOT / "roles/monq/vars/main/release.yml").read_text())["_monq_release"]
    begun = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=OUTAGE)
    entry = {"state": "done", "started": begun.strftime("%Y-%m-%dT%H:%M:%SZ"), "homes": [marker]}
    keys = [step.key for step in steps.plan(release, ["pl"])]
    data = {key: json.dumps(entry) for key in keys[: keys.index(STEP)]}
    data[COUNTS] = json.dumps({**entry, "result": digest})
    assert CUT in data
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LEDGER}, "data": data}, *made]


def apply(installation, *objects):
    path = installation.work / "objects.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    installation.kubectl("apply", "-f", str(path), user="sandbox-admin")


def order(installation, **orders):
    """Tells the sandbox's kubelet which pods start slowly, and which not at all."""
    (Path(installation.facts["faults"]).parent / "kubelet.json").write_text(json.dumps(orders))


def restart(installation, name):
    installation.kubectl("rollout", "restart", f"deployment/{name}", user="sandbox-admin")


def until(condition, process):
    """Waits for something that the running process does; the limit only matters if the code is broken."""
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, Path(process.log).read_text()[-3000:]
        time.sleep(0.1)


def annotation(installation):
    """Returns what another account sees of the run."""
    found = installation.kubectl(
        "get", "lease", "monq-upgrade", "-o", "json", "--ignore-not-found", user="sandbox-admin"
    )
    return json.loads(found or '{"metadata": {}}')["metadata"].get("annotations", {}).get("monq.platform/progress", "")


def test_a_terminal_shows_who_is_late_while_the_task_runs_and_others_see_it_in_the_lease(rollout):
    order(rollout, slow={SLOW: 3600})
    restart(rollout, SLOW)
    terminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    (rollout.work / "tmp").mkdir()
    wrapper, env = (sys.executable, "-c", terminal), {"TMPDIR": str(rollout.work / "tmp")}
    process = rollout.start(rollout.work / "live", wrapper=wrapper, env=env)
    until(lambda: "ready" in annotation(rollout), process)
    seen = annotation(rollout)
    said = r"outage \d\d:\d\d of 20:00 · step \d+ of \d+ pl rollout · \d+ of \d+ ready.*"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ " + said, seen), seen
    assert BROKEN not in Path(process.log).read_text()
    order(rollout, slow={SLOW: 3600}, broken={BROKEN: "ImagePullBackOff"})
    restart(rollout, BROKEN)
    assert process.wait(timeout=120) == 2
    text = Path(process.log).read_text()
    line = LINE.search(text.replace("\r\n", "\n"))
    assert line and text.index(line.group(0)) < text.index("fatal: ["), text[-3000:]
    assert not re.search(r" for ([6-9]|\d{2,}) s", line.group(0)), "named within five seconds after it was seen"
    assert "\r" not in text.replace("\r\n", "\n"), "whole lines only"
    assert annotation(rollout) == "", "the lock is free"
    assert list((rollout.work / "tmp").glob("monq-progress-*")) == [], "no file is left"


def test_ansible_runner_shows_the_line_as_an_event_before_the_failure(rollout):
    folder = rollout.work / "runner"
    folder.mkdir()
    binaries = Path(sys.executable).parent
    argv = [binaries / "ansible-runner", "run", folder, "-p", rollout.work / "live.yml", "-i", "one", "-q"]
    argv += ["--inventory", rollout.inventory]
    done = subprocess.run(
        argv, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    events = [json.loads(path.read_text()) for path in (folder / "artifacts/one/job_events").glob("*.json")]
    shown = [e["counter"] for e in events if e["event"] == "verbose" and LINE.search(e["stdout"])]
    failed = [e["counter"] for e in events if e["event"] == "runner_on_failed"]
    assert shown and failed and min(shown) < min(failed), done.stdout[-2000:] + done.stderr[-2000:]


def test_nothing_stands_beside_the_json_of_a_json_callback(rollout):
    errors = rollout.work / "errors.log"
    aside = ("sh", "-c", 'exec "$@" 2>"$0"', str(errors))
    process = rollout.start(rollout.work / "live", wrapper=aside, env={"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"})
    assert process.wait(timeout=120) == 2
    told = json.loads(Path(process.log).read_text())
    assert told["stats"][rollout.name]["rescued"] == 1
    beside = errors.read_text()
    assert LINE.search(beside) and "FAILED on site-run: Rollout" in beside and "Monq 5.9.3 -> 6.0.0" in beside
