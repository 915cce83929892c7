"""The sandbox as tests see it: playbooks run as real processes; results are read independently, with kubectl, psql, the
journal and the audit log."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLI = ROOT / "tests" / "sandbox" / "sandbox"
LEDGER = "monq-upgrade-6.0.0"
READS = ("get", "list", "watch")


def environment(programs=None, **more):
    """The environment of a process of Ansible that runs this tree. programs: the folder of Ansible's programs; None for
    the one of the tests' own Python."""
    return {
        **os.environ,
        "PATH": f"{programs or Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
        **more,
    }


class Run:
    """A finished process: status, output and duration."""

    def __init__(self, rc, text, seconds):
        self.rc, self.text, self.seconds = rc, text, seconds

    def recap(self, name):
        """Returns the counters of PLAY RECAP for one host."""
        row = re.findall(rf"^{re.escape(name)} +: (.*)$", self.text, re.M)[-1]
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", row)}


class Sandbox:
    """One sandbox, in SANDBOX_DIR."""

    def __init__(self, directory=None):
        self.dir = Path(directory or os.environ.get("SANDBOX_DIR") or f"/var/tmp/monq-sandbox-{os.getuid()}")

    def __call__(self, *words, check=True):
        env = {**os.environ, "SANDBOX_DIR": str(self.dir)}
        done = subprocess.run(
            [str(CLI), *words],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"sandbox {' '.join(words)}: status {done.returncode}\n{done.stdout}")
        return done.stdout

    @property
    def facts(self):
        return json.loads((self.dir / "sandbox.json").read_text())

    def installation(self, name, modules="pl,sm,cl,fm", alias=True, secrets=None):
        """Returns a fresh 5.9.3 of that name, created or reset. secrets: used when it is created."""
        options = ["--modules", modules] + ([] if alias else ["--no-alias"])
        options += [word for what, value in (secrets or {}).items() for word in ("--secret", f"{what}={value}")]
        if name in self.facts["installations"]:
            self("reset", name, "--modules", modules, "--alias" if alias else "--no-alias")
        else:
            self("add", name, *options)
        return Installation(self, name)


def descendants(root):
    """Returns every process below root, from /proc."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            pid, ppid = int(path.parent.name), int(path.read_text().rsplit(")", 1)[1].split()[1])
            parents.setdefault(ppid, []).append(pid)
    found = list(parents.get(root, []))
    for pid in found:
        found += parents.get(pid, [])
    return found


class Installation:
    """One simulated Monq, with its own inventory and working folder."""

    def __init__(self, sandbox, name):
        self.sandbox, self.name = sandbox, name
        self._made = self.audit_mark()
        self.work = Path(tempfile.mkdtemp(prefix=f"monq-test-{name}-"))
        self.backup = sandbox.dir / f"backup-{name}"
        shutil.rmtree(self.backup, ignore_errors=True)
        self.inventory = self.work / "inventory"
        self.inventory.mkdir()
        (self.inventory / "hosts.json").write_text(json.dumps({"monq": {"hosts": {name: self._variables()}}}))

    def _variables(self):
        """Returns plain values, as an operator writes them; inventories/sandbox looks each one up in the facts whenever
        it is used."""
        facts, server = self.facts, self.facts["postgresql"]
        same = ["namespace", "kube_context", "modules", "domain", "alias_domains", "ingress_secrets", "monqctl_home"]
        same += ["monqctl_context", "instance_name", "registry_server", "credential_name", "releasehub_name"]
        same += ["releasehub_server", "releasehub_token"]
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "monq_environment": self.name,
            "monq_kubeconfig": self.sandbox.facts["kubeconfig"],
            "monq_monqctl_path": facts["monqctl"],
            "monq_database_names": facts["databases"],
            "monq_backup_dir": str(self.backup),
            "monq_ingress_reload_pause": 0,
            "monq_lock_duration": 9,
            **{f"monq_{name}": facts[name] for name in same},
            **{f"monq_postgresql_{name}": server[name] for name in ("host", "port", "user", "password")},
        }

    @property
    def facts(self):
        return self.sandbox.facts["installations"][self.name]

    def close(self):
        shutil.rmtree(self.work, ignore_errors=True)

    # ---- acting

    def argv(self, playbook, *words, confirm=True, extra=None):
        values = {**({"monq_confirm_outage": self.name} if confirm else {}), **(extra or {})}
        return [
            "ansible-playbook",
            "-i",
            str(self.inventory),
            str(ROOT / "playbooks" / f"{playbook}.yml"),
            "-e",
            json.dumps(values),
            *words,
        ]

    def variables(self, **values):
        """Sets variables of the host in the inventory; None removes one."""
        path = self.inventory / "hosts.json"
        known = {**json.loads(path.read_text())["monq"]["hosts"][self.name], **values}
        known = {name: value for name, value in known.items() if value is not None}
        path.write_text(json.dumps({"monq": {"hosts": {self.name: known}}}))

    def start(self, playbook, *words, confirm=True, extra=None, env=None, python=None, wrapper=(), typed=""):
        """Starts the playbook as a process in its own group, with its output in a file. wrapper: words put before the
        command, such as strace's. typed: a command that was printed, instead of all others."""
        handle, path = tempfile.mkstemp(dir=self.work, suffix=".log")
        argv = shlex.split(typed) or self.argv(playbook, *words, confirm=confirm, extra=extra)
        folder = Path(python or sys.executable).parent
        full = environment(folder, SANDBOX_DIR=str(self.sandbox.dir), **(env or {}))
        process = subprocess.Popen(
            [*wrapper, str(folder / argv[0]), *argv[1:]],
            cwd=self.work,
            env=full,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.close(handle)
        process.log = path
        return process

    def play(self, playbook, *words, **options):
        began = time.monotonic()
        process = self.start(playbook, *words, **options)
        rc = process.wait(timeout=900)
        return Run(rc, Path(process.log).read_text(), time.monotonic() - began)

    @staticmethod
    def kill(process, sig=signal.SIGKILL):
        """Kills the whole process tree: Ansible's workers have their own sessions."""
        for pid in [*descendants(process.pid), process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sig)
        process.wait(timeout=60)

    def keep_report(self, generation, name="report"):
        """Leaves a run's report for `make browser`."""
        folder = ROOT / "tests" / "output" / "reports"
        folder.mkdir(parents=True, exist_ok=True)
        made = self.backup / self.name / "6.0.0" / str(generation)
        report = json.loads((made / f"{name}.json").read_text(encoding="utf-8"))
        for kind in ("json", "html"):
            shutil.copy(made / f"{name}.{kind}", folder / f"run-{report['outcome']}.{kind}")

    def faults(self, *rows):
        Path(self.facts["faults"]).write_text(json.dumps(list(rows)))

    def speak(self, profile):
        """From now on monqctl speaks otherwise; see tests/sandbox/monqctl_profile.py."""
        Path(self.facts["profile"]).write_text(json.dumps(profile, ensure_ascii=False))

    def reset(self, **options):
        return self.sandbox.installation(
            self.name,
            modules=options.get("modules", ",".join(self.facts["modules"])),
            alias=options.get("alias", bool(self.facts["alias_domains"])),
        )

    @staticmethod
    def printed(text, what):
        """The command that a failure prints below these words."""
        lines = [line.strip() for line in text.splitlines()]
        return lines[lines.index(f"{what}:") + 1]

    def vendor(self):
        """Follows the release notes by hand, command by command."""
        env = {**os.environ, "SANDBOX_DIR": str(self.sandbox.dir)}
        done = subprocess.run(
            [str(CLI.parent / "vendor_procedure.sh"), self.name],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout, 0)

    # ---- independent reads

    def kubectl(self, *words, user=None, check=True):
        context = user or self.facts["kube_context"]
        argv = [
            "kubectl",
            "--kubeconfig",
            self.sandbox.facts["kubeconfig"],
            "--context",
            context,
            "-n",
            self.facts["namespace"],
            *words,
        ]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(words)}: {done.stderr}")
        return done.stdout

    def objects(self, kind):
        return json.loads(self.kubectl("get", kind, "-o", "json"))["items"]

    def psql(self, service, sql):
        server = self.facts["postgresql"]
        argv = [
            "psql",
            "-X",
            "-A",
            "-t",
            "-h",
            server["host"],
            "-p",
            str(server["port"]),
            "-U",
            server["user"],
            "-d",
            self.facts["databases"][service],
            "-c",
            sql,
        ]
        done = subprocess.run(
            argv,
            env={**os.environ, "PGPASSWORD": server["password"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def migrations(self):
        """Returns how often each SQL file ran, counted in the databases themselves: {(module, file, service): runs}."""
        counted = {}
        for service in self.facts["databases"]:
            if self.psql(service, "select to_regclass('sandbox_migrations')"):
                for row in self.psql(
                    service, "select module, file, count(*) from sandbox_migrations group by 1, 2"
                ).splitlines():
                    module, file, count = row.split("|")
                    counted[(module, file, service)] = int(count)
        return counted

    def ledger(self):
        found = json.loads(self.kubectl("get", "configmap", LEDGER, "--ignore-not-found", "-o", "json") or "{}")
        return {key: json.loads(text) for key, text in (found.get("data") or {}).items()}

    def journal(self, changing=True):
        """Returns the argv of the finished calls, in order; by default only of those that change something."""
        path = Path(self.facts["journal"])
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [row["argv"] for row in rows if row["event"] == "end" and (row["changing"] or not changing)]

    def registry(self, name):
        return json.loads((Path(self.facts["registry_dir"]) / f"{name}.json").read_text())

    def registry_counts(self):
        found = self.registry("microservices")
        return {row["Name"]: row["Replicas"] for row in (found.values() if isinstance(found, dict) else found)}

    def kubernetes_counts(self):
        return {d["metadata"]["name"]: d["spec"]["replicas"] for d in self.objects("deployments")}

    def mutations(self, since=None, user="operator"):
        """Returns what the user changed, from the audit log: (verb, resource, name). Reads, reviews, dry runs and the
        Lease do not count as changes. since: a mark; without one, since this installation was made, as others of its
        name may have been before."""
        found, since = [], self._made if since is None else since
        for line in Path(self.sandbox.facts["audit_log"]).read_text().splitlines()[since:]:
            event = json.loads(line)
            where = event.get("objectRef") or {}
            if (
                event["user"]["username"] != user
                or event["verb"] in READS
                or event.get("stage") not in (None, "ResponseComplete")
            ):
                continue
            if where.get("apiGroup") == "authorization.k8s.io" or "dryRun=All" in event["requestURI"]:
                continue
            if where.get("resource") == "leases" and where.get("namespace") == self.facts["namespace"]:
                continue
            if where.get("namespace") == self.facts["namespace"]:
                found.append((event["verb"], where.get("resource"), where.get("name")))
        return found

    def audit_mark(self):
        return len(Path(self.sandbox.facts["audit_log"]).read_text().splitlines())
