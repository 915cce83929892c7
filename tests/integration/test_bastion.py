"""The whole upgrade over SSH, on a bastion with another user, a bare Python and a file system that it may hardly write
to; and the same with each prerequisite missing in turn: findings, and no change."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import time
from pathlib import Path

import pytest
import yaml
from support import bastion as bastions
from support.bastion import BACKUP, HOME, Bastion

pytestmark = pytest.mark.skipif(not bastions.possible(), reason="needs sshd and user namespaces")
DUMPED = {
    "pl_automaton_rules_api_service",
    "pl_i18n_service",
    "pl_identity_service",
    "pl_user_grants_api_service",
    "pl_userspaces_api_service",
}
NAME, SLOW = "site-run", "pl-i18n-service"
LINE = re.compile(rf"^\d\d:\d\d:\d\d {NAME}: outage \d\d:\d\d · step \d+ of \d+ pl rollout · \d+ of \d+ ready", re.M)


@pytest.fixture(scope="module")
def behind(install, sandbox):
    """(an installation, the bastion that reaches it), for all tests: the last one upgrades it."""
    installation = install(NAME, modules="pl", alias=False)
    shutil.rmtree(sandbox.dir / "bastion", ignore_errors=True)
    bastion = Bastion(installation, sandbox.dir / "bastion")
    yield installation, bastion
    bastion.close()


def controller(installation):
    """The environment of a controller whose home and temporary folder are empty."""
    names = {"HOME": "home", "TMPDIR": "tmp"}
    for name in names.values():
        (installation.work / name).mkdir(exist_ok=True)
    return {variable: str(installation.work / name) for variable, name in names.items()}


def hosts(installation, named):
    """Writes the inventory. named: {host: its variables}, on top of those of the installation."""
    local = installation._variables()  # pylint: disable=protected-access
    given = {"monq": {"hosts": {name: {**local, **more} for name, more in named.items()}}}
    (installation.inventory / "hosts.json").write_text(json.dumps(given))


def until(condition, process):
    """Waits for something that the running process does; the limit only matters if the code is broken."""
    deadline = time.monotonic() + 300
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, Path(process.log).read_text()[-3000:]
        time.sleep(0.2)


def slow(installation, **seconds):
    (Path(installation.facts["kubelet"])).write_text(json.dumps({"slow": seconds, "broken": {}}))


def files(folder):
    return [Path(path) / name for path, _folders, names in os.walk(folder) for name in names]


def test_the_bastion_lets_nobody_write_elsewhere(behind):
    """the test's own means"""
    _installation, bastion = behind
    places = (HOME, "/srv", "/etc", "/var/tmp", "/usr/local", str(bastions.ROOT))
    status, said = bastion.run("; ".join(f"touch {place}/x" for place in places))
    assert status and said.count("Read-only file system") == len(places), said
    status, said = bastion.run(f"id -un; echo ~; touch {BACKUP}/x /tmp/x && rm {BACKUP}/x /tmp/x")
    assert (status, said) == (0, f"operator\n{HOME}\n"), said
    assert "No module named 'ansible'" in bastion.run(f"{bastions.PYTHON} -c 'import ansible'")[1]
    assert not Path(HOME).exists() and not Path(BACKUP).exists(), "neither is on this side"


def text_of(findings):
    return "\n".join(f"{one['id']} {one['object']} | {one['seen']} | {one['next']}" for one in findings)


class Prerequisites:
    """Hosts of one inventory behind one bastion: on each, one thing is missing."""

    def __init__(self, installation, bastion):
        self.installation, self.bastion = installation, bastion
        self.hosts, self.expected = {}, {}

    def host(self, name, expected=(), **given):
        """expected: {id: what its text must say}. A kubeconfig of its own: else it would be the same installation. And
        its own name for monqctl's home, which preflight only reads: else two hosts would share it."""
        mine = f"{HOME}/.kube/{name}"
        shutil.copy(self.bastion.real(bastions.KUBECONFIG), self.bastion.real(mine))
        home = bastions.MONQCTL_HOME + "/." * (len(self.hosts) + 1)
        own = {"monq_kubeconfig": mine, "monq_monqctl_home": home, "monq_confirm_outage": NAME}
        self.hosts[name] = {**self.bastion.variables(), **own, **given}
        self.expected[name] = dict(expected)

    def library(self, name, requirement, imported=None, **given):
        python = self.bastion.other_python(f"without-{name}", [imported or name])
        command = f"{python} -m ensurepip && {python} -m pip install '{requirement}'"
        self.host(f"library-{name}", {"MONQ-131": command}, ansible_python_interpreter=python, **given)

    def programs(self, name, expected, *without, **instead):
        folder = self.bastion.other_programs(f"bin-{name}", without, **instead)
        python = self.bastion.other_python(f"python-{name}", PATH=folder)
        self.host(name, expected, ansible_python_interpreter=python)

    def program(self, path, text, mode=0o755):
        real = self.bastion.real(path)
        real.write_text(text)
        real.chmod(mode)
        return path

    def run(self, playbook, *only):
        """{host: [finding]} of those that block. only: these hosts."""
        hosts(self.installation, {name: given for name, given in self.hosts.items() if not only or name in only})
        done = self.installation.play(playbook, "-f", "5", "-v", confirm=False, env=controller(self.installation))
        rows = re.findall(r'^ok: \[(\S+)\] => (\{.*"findings": .*\})$', done.text, re.M)
        results = [(name, json.loads(data)) for name, data in rows]
        found = {
            name: [one for one in result["findings"] if one["severity"] == "stop"]
            for name, result in results
            if "findings" in result
        }
        return done, found


PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "/srv/monq/plugin"}
ICU = 'echo "Process terminated. Couldn\'t find a valid ICU package installed on the system." >&2; exit 134'


def test_each_prerequisite_that_is_missing_is_a_finding_with_its_remedy_and_nothing_changes(behind):
    installation, bastion = behind
    made = Prerequisites(installation, bastion)
    # Lacks only the confirmation, so that it is not upgraded either. Modules go through the pipe.
    unconfirmed = {"monq_confirm_outage": "", "ansible_remote_tmp": "/srv/none"}
    made.host("complete", {"MONQ-008": f"monq_confirm_outage={NAME}"}, **unconfirmed)
    made.library("urllib3", "urllib3>=1.26.5,<3")
    made.library("pyyaml", "pyyaml>=5.1", "yaml")
    made.library("psycopg2", "psycopg2-binary>=2.9.5,<3")
    made.library("jmespath", "jmespath>=1.0.0,<2")
    made.library("cryptography", "cryptography>=3.3")
    access = yaml.safe_load(bastion.real(bastions.KUBECONFIG).read_text())
    access["users"] = [{"name": one["name"], "user": {"exec": PLUGIN}} for one in access["users"]]
    bastion.real(f"{HOME}/.kube/plugin").write_text(json.dumps(access))
    kubernetes = f"{bastions.PYTHON} -m pip install 'kubernetes>=25.3.0,!=34.1.0,<38'"
    made.host("library-kubernetes", {"MONQ-131": kubernetes}, monq_kubeconfig=f"{HOME}/.kube/plugin")
    venv = "python3 -m venv /srv/no && /srv/no/bin/python -m pip install 'urllib3>=1.26.5,<3'"
    made.host("python", {"MONQ-133": venv}, ansible_python_interpreter="/srv/no/bin/python")
    installing = "install -D -m 0755 monqctl /srv/no/monqctl"
    made.host("monqctl", {"MONQ-132": installing}, monq_monqctl_path="/srv/no/monqctl")
    made.program("/srv/monq/plain", Path(installation.facts["monqctl"]).read_text(), 0o644)
    made.host("monqctl-mode", {"MONQ-132": "chmod a+rx /srv/monq/plain"}, monq_monqctl_path="/srv/monq/plain")
    made.program("/srv/monq/icu", f"#!/bin/sh\n{ICU}\n")
    made.host("icu", {"MONQ-050": "libicu"}, monq_monqctl_path="/srv/monq/icu")
    client = f"postgresql-client-{bastion.postgresql}"
    made.programs("pg_dump", {"MONQ-063": client}, "pg_dump")
    made.programs("pg_restore", {"MONQ-064": client}, "pg_restore")
    made.programs("pg_dump-old", {"MONQ-063": client}, pg_dump='echo "pg_dump (PostgreSQL) 9.6.24"')
    folder = "install -d -m 0700 -o operator /srv/no/backup"
    made.host("backup", {"MONQ-072": folder}, monq_backup_dir="/srv/no/backup")
    closed = f"{BACKUP}/closed"
    bastion.real(closed).mkdir(mode=0o500)
    folder = f"install -d -m 0700 -o operator {closed}"
    made.host("backup-closed", {"MONQ-072": folder}, monq_backup_dir=closed)
    shutil.copy(bastion.real(bastions.KUBECONFIG), bastion.real(f"{HOME}/.kube/closed")).chmod(0)
    access = f"chmod u+r {HOME}/.kube/closed"
    made.host("kubeconfig-closed", {"MONQ-013": access}, monq_kubeconfig=f"{HOME}/.kube/closed")
    access = f"install -D -m 0600 kubeconfig {HOME}/no"
    made.host("kubeconfig", {"MONQ-013": access}, monq_kubeconfig=f"{HOME}/no")
    home = "install -d -m 0700 -o operator /srv/no/home"
    made.host("home", {"MONQ-052": home, "MONQ-053": "use-context"}, monq_monqctl_home="/srv/no/home")
    everything = {
        "ansible_python_interpreter": bastion.other_python(
            "nothing",
            ["yaml", "psycopg2", "jmespath", "cryptography"],
            PATH=bastion.other_programs("bin-nothing", ["pg_dump"]),
        ),
        "monq_monqctl_path": "/srv/no/monqctl",
        "monq_backup_dir": "/srv/no/backup",
        "monq_monqctl_home": "/srv/no/other",
    }
    several = dict.fromkeys(("MONQ-052", "MONQ-063", "MONQ-072", "MONQ-131", "MONQ-132"), "")
    made.host("everything", several, **everything)

    before, backups = installation.audit_mark(), bastion.real(BACKUP)
    done, found = made.run("site")
    assert set(found) == set(made.hosts), done.text[-3000:]
    assert done.rc == 2 and "Traceback" not in done.text
    for name, expected in made.expected.items():
        assert {one["id"] for one in found[name]} == set(expected), (name, text_of(found[name]))
        for number, words in expected.items():
            assert words in text_of(one for one in found[name] if one["id"] == number), (name, text_of(found[name]))
    missing = [one["parameters"]["library"] for one in found["everything"] if one["id"] == "MONQ-131"]
    assert sorted(missing) == ["cryptography", "jmespath", "psycopg2", "yaml"], "all of them at once"

    assert installation.mutations(before) == [] and installation.journal() == [] and installation.ledger() == {}
    assert {path.name for path in files(backups)} == {"findings.json"}, "nothing else is written"
    for path in backups.iterdir():
        shutil.rmtree(path)
    assert bastion.left() == []
    assert_nothing_on_the_controller(installation)
    assert_its_command_repairs_it(made, found)


COMMAND = re.compile(r"(?:sudo )?(?:install -[dD]|chmod) [^;]*?(?=;|, or |$)")
REPAIRED = {
    "monqctl": "MONQ-132",
    "monqctl-mode": "MONQ-132",
    "backup": "MONQ-072",
    "backup-closed": "MONQ-072",
    "kubeconfig": "MONQ-013",
    "kubeconfig-closed": "MONQ-013",
    "home": "MONQ-052",
}


def assert_its_command_repairs_it(made, found):
    """Each is typed as it was shown, in a folder that has the files to install; those of packages need a network."""
    files_ = {"monqctl": made.installation.facts["monqctl"], "kubeconfig": made.bastion.real(bastions.KUBECONFIG)}
    for name, number in REPAIRED.items():
        [one] = [one for one in found[name] if one["id"] == number]
        command = COMMAND.search(one["next"]).group()
        status, said = made.bastion.administer(command, **files_)
        assert status == 0, (name, command, said)
    done, now = made.run("preflight", *REPAIRED)
    assert set(now) == set(REPAIRED), done.text[-3000:]
    for name, number in REPAIRED.items():
        assert number not in {one["id"] for one in now[name]}, (name, text_of(now[name]))
    made.bastion.real(f"{HOME}/no").unlink()
    for path in made.bastion.real(BACKUP).iterdir():
        shutil.rmtree(path)


def test_the_whole_upgrade_over_ssh(behind):
    installation, bastion = behind
    env = controller(installation)
    hosts(installation, {NAME: bastion.variables()})
    made = installation.play("plan", confirm=False, env=env)
    assert made.rc == 0 and not installation.mutations() and not installation.journal(), made.text[-3000:]
    plan = json.loads(next(bastion.real(BACKUP).rglob("plan.json")).read_text())

    slow(installation, **{SLOW: 3600})
    process = installation.start("site", extra={"monq_plan": plan["id"]}, env=env)
    until(lambda: LINE.search(Path(process.log).read_text()), process)
    slow(installation)
    assert process.wait(timeout=300) == 0, Path(process.log).read_text()[-3000:]
    text = Path(process.log).read_text()

    assert_upgraded(installation)
    assert_kept_on_the_bastion(installation, bastion, text)
    assert bastion.left() == [], "nothing in the home, no progress file in /tmp"
    assert_nothing_on_the_controller(installation)

    # What a local run would have done is done: it finds no difference, and changes nothing.
    known, calls, mark = installation.ledger(), installation.journal(), installation.audit_mark()
    hosts(installation, {NAME: {"monq_backup_dir": str(bastion.real(BACKUP))}})
    again = installation.play("site")
    assert again.rc == 0, again.text[-3000:]
    assert (installation.ledger(), installation.journal()) == (known, calls)
    assert installation.mutations(mark) == []


def assert_upgraded(installation):
    """by kubectl and psql"""
    assert {entry["state"] for entry in installation.ledger().values()} == {"done"}
    tags = {
        d["metadata"]["name"]: d["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
        for d in installation.objects("deployments")
        if d["metadata"]["name"].startswith("pl-") and "microservice-registry" not in d["metadata"]["name"]
    }
    assert tags and set(tags.values()) == {"6.0.0"}, tags
    runs = installation.migrations()
    assert len(runs) == 5 and set(runs.values()) == {1}, runs


def assert_kept_on_the_bastion(installation, bastion, text):
    kept = files(bastion.real(BACKUP))
    names = {path.name for path in kept}
    assert {"plan.json", "findings.json", "report.json", "report.html"} <= names, names
    assert {path.name.partition(".")[0] for path in kept if path.suffix == ".dump"} == DUMPED
    for path in kept:
        found = path.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, os.getuid()), path
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path
        assert path.parts[len(bastion.real(BACKUP).parts)] == NAME, path
    assert f"{BACKUP}/{NAME}/6.0.0/1/pl_i18n_service." in text, "the summary names the dumps where they are"


def assert_nothing_on_the_controller(installation):
    work = installation.work
    assert {path.parent.name for path in files(work / "home")} <= {"cp"}, "sockets of open connections"
    assert files(work / "tmp") == []
    logs = {path.name for path in work.glob("*.log")}
    assert {path.name for path in work.iterdir()} == {"home", "tmp", "inventory", *logs}
    assert not installation.backup.exists()
