"""1, 4, 10 and 40 small installations with --forks 10. FLEET chooses other sizes; SCALE changes the delays.

The delays are a third of realistic ones, so that one installation takes about 100 s and not five minutes: the CPU of
the collection weighs three times as much as it would, and the ratios are worse than real ones. SCALE=3 has realistic
ones."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from benchmarks import figures, measure
from support.fleet import Fleet

SCALE = float(os.environ.get("SCALE") or 1)
SIZES = [int(size) for size in (os.environ.get("FLEET") or "1 4 10 40").split()]
FORKS = 10
FORK = 150  # MiB
DISTURBED = 40  # from this size on one fails, one is locked and one is killed; all others end
START = 0.3  # seconds of each start of the client
TAKES = {
    ("release", "update", "images"): 20,
    ("registry", "update", "registry"): 10,
    ("release", "update", "db"): 2,
    ("release", "update", "microservices"): 15,
    ("instance", "clear", "cache"): 1,
}
SLOW = {"pl-identity-service": 5}  # seconds until a pod is ready


def delays():
    def row(match, seconds):
        command = ["sleep", str((seconds + START) * SCALE)]
        return {"match": list(match), "kind": "exec", "command": command, "times": 10**6}

    return [*(row(match, seconds) for match, seconds in TAKES.items()), row([], 0)]


@pytest.fixture(scope="module")
def fleet(install, tmp_path_factory):
    """made(size, part): a fleet of fresh installations."""

    def made(names, part):
        installations = [install(name, modules="pl", alias=False) for name in names]
        for one in installations:
            one.faults(*delays())
            Path(one.facts["kubelet"]).write_text(json.dumps({"slow": SLOW, "broken": {}}))
        return Fleet(installations, tmp_path_factory.mktemp(part))

    return made


def names(size):
    return [f"fl-{number:02}" for number in range(1, size + 1)]


def requests(installation, mark):
    """Requests to the API server of whoever runs Ansible, from the audit log, which holds reads too."""
    lines = Path(installation.sandbox.facts["audit_log"]).read_text().splitlines()[mark:]
    events = [json.loads(line) for line in lines]
    return len({event["auditID"] for event in events if event["user"]["username"] == "operator"})


def ended(made, but=()):
    for one in [one for one in made.installations.values() if one.name not in but]:
        assert one.ledger()["verify.installation.check"]["state"] == "done", one.name


def test_fleet(fleet):
    first = None
    for size in SIZES:
        made = fleet(names(size), f"of-{size}")
        one = next(iter(made.installations.values()))
        mark, used = one.audit_mark(), one.work / "used.json"
        out = tuple(made.installations)[-3:] if size >= DISTURBED else ()
        if out:
            done = made.disturbed(*out, "--forks", str(FORKS), wrapper=measure.counted(used, forks=True))
            assert done.rc == 2 and set(made.rows(done.text)) == set(made.installations), done.text[-3000:]
        else:
            process = made.start("site", "--forks", str(FORKS), wrapper=measure.counted(used, forks=True))
            assert process.wait() == 0, Path(process.log).read_text(errors="replace")[-3000:]
        ended(made, but=out)
        cost, asked = measure.read(used), requests(one, mark)
        first = first or (size, cost, asked)
        beside = f"{first[0]} installation" if first[0] == 1 and size > 1 else ""
        other = first[1] if beside else measure.Cost(None, None, None, None)
        what = f"{size} installations, --forks {FORKS}" if size > 1 else "1 installation"
        figures.add(f"wall time of {what}", cost.wall, beside, other.wall, goal=6 if size == 40 else None)
        assert size != 40 or SCALE < 3 or cost.wall <= 6 * first[1].wall, "forty with realistic delays"
        figures.add(f"CPU of {what}, each", cost.cpu / size, beside, other.cpu)
        figures.add(f"largest fork of {what}, with its module", cost.fork, beside, other.fork, "MiB")
        assert 0 < cost.fork < FORK, "MiB of a fork and of what it has started"
        figures.add(f"API requests of {what}, each", asked / size, beside, first[2] if beside else None, "")


def test_two_slices(fleet):
    """Two ansible-runner processes that take half of the inventory each, as AWX's job slices do."""
    size = max(size for size in SIZES if size <= 10)
    if size < 2:
        pytest.skip("half of one installation")
    made = fleet(names(size), "slices")
    began = time.monotonic()
    done = made.slices(2, FORKS // 2, next(iter(made.installations.values())).work / "slices")
    assert [rc for rc, _text in done] == [0, 0], done[0][1][-3000:]
    ended(made)
    figures.add(
        f"wall time of {size} installations in two ansible-runner processes", time.monotonic() - began, "", None
    )
