# GNU General Public License v3.0+
"""A simulated Monq 5.9.3 for rehearsals and tests. See README.md beside this file."""

import argparse
import json
import os
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from control_plane import ControlPlane, external  # noqa: E402
from files import Locked, write_json  # noqa: E402
from installation import MODULES, Installation, all_services  # noqa: E402
from postgres import Postgres  # noqa: E402
from processes import Processes  # noqa: E402
from saved_state import load, save  # noqa: E402
from state import State, folder  # noqa: E402

STARTED = time.monotonic()
SECRETS = {"postgresql": "monq", "releasehub": "releasehub"}  # as named by options and in state.json
HERE = os.path.dirname(os.path.realpath(__file__))


def say(text):
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


class Sandbox:
    def __init__(self):
        self.state = State()
        self.processes = Processes(self.state.path("processes"))
        self.plane = ControlPlane(self.state, self.processes)
        self.postgres = Postgres(self.state, self.processes, all_services())

    def installation(self, name):
        return Installation(self.state, self.plane, self.postgres, self.processes, name)

    def known(self, name):
        if name not in self.state.installations:
            raise SystemExit(f"no installation {name}; there are: {', '.join(self.state.installations) or 'none'}")
        return self.installation(name)

    def prepare(self):
        for part in ("cache", "installations"):
            os.makedirs(self.state.path(part), mode=0o711, exist_ok=True)

    def start(self):
        """Starts everything that should be running but is not."""
        self.prepare()
        self.plane.up(say)
        for name in self.state.installations:
            self.installation(name).start()
        self.start_kubelet()
        self.state.save()

    def start_kubelet(self):
        if not self.processes.pid("kubelet"):
            access = self.state.path("access", "kubelet.json")
            os.makedirs(os.path.dirname(access), mode=0o700, exist_ok=True)
            write_json(access, self.plane.access("kubelet"))
            argv = ["/usr/bin/python3", "-B", os.path.join(HERE, "kubelet.py"), self.state.dir, access]
            self.processes.start("kubelet", argv, self.state.path("kubelet.log"))

    def watchers(self):
        """Returns functions that stop and restart the processes watching the cluster while its state is replaced."""

        def pause():
            for name in ("kube-controller-manager", "kubelet"):
                self.processes.stop(name, signal.SIGKILL)

        def resume():
            self.plane.start_manager()
            self.start_kubelet()

        return pause, resume

    def running(self):
        if not self.state.data.get("api_server") or not self.processes.pid("kubelet"):
            raise SystemExit("the sandbox is not up: tests/sandbox/sandbox up")

    def create(self, name, modules, alias, version="5.9.3", internal_k8s=False, databases=None):
        if name in self.state.installations:
            raise SystemExit(f"installation {name} exists; use: reset {name}")
        if (
            not re.fullmatch(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?", name)
            or name in ("default", "admin")
            or name.startswith("kube-")
        ):
            raise SystemExit(f"not a usable name for a namespace: {name}")
        if version != "5.9.3":
            raise SystemExit(f"only 5.9.3 can be made, not {version}")
        made = self.installation(name)
        made.namespace(self.plane.kube())
        self.state.installations[name] = {"modules": modules, "alias": alias, "internal_k8s": internal_k8s}
        self.state.save()
        made.renew(say, databases)

    def write_facts(self):
        write_json(
            self.state.path("sandbox.json"),
            {
                "kubeconfig": self.plane.write_kubeconfig(),
                "api_server": self.state.data["api_server"],
                "audit_log": self.state.path("control-plane", "audit.log"),
                "installations": {name: self.installation(name).facts() for name in self.state.installations},
            },
        )
        self.state.save()  # facts may have created a token


def modules(text):
    chosen = [part for part in text.split(",") if part]
    if "pl" not in chosen or not set(chosen) <= set(MODULES):
        raise argparse.ArgumentTypeError(f"a list of {','.join(MODULES)} with pl in it")
    return [module for module in MODULES if module in chosen]


def up(sandbox, options):
    if external():
        for name in sandbox.state.installations or options.installation or ["production"]:
            sandbox.plane.up(say)
            sandbox.installation(name).namespace(sandbox.plane.kube())
    wanted = options.installation or ([] if sandbox.state.installations else ["production"])
    wanted = [name for name in wanted if name not in sandbox.state.installations]
    chosen, databases = options.modules or list(MODULES), {}
    sandbox.prepare()
    if wanted and not sandbox.plane.running():
        databases[wanted[0]] = sandbox.installation(wanted[0]).begin_databases(chosen)
    sandbox.start()
    for name in wanted:
        sandbox.create(
            name, chosen, not options.no_alias, internal_k8s=options.internal_k8s, databases=databases.get(name)
        )
    sandbox.write_facts()
    say(f"up; facts: {sandbox.state.path('sandbox.json')}")


def add(sandbox, options):
    sandbox.running()
    sandbox.start()
    for what, _sep, value in (secret.partition("=") for secret in options.secret):
        sandbox.state.data["tokens"][f"{SECRETS[what]}-{options.name}"] = value
    sandbox.create(
        options.name, options.modules or list(MODULES), not options.no_alias, options.version, options.internal_k8s
    )
    sandbox.write_facts()


def reset(sandbox, options):
    sandbox.running()
    chosen = [options.name] if options.name else list(sandbox.state.installations)
    for name in chosen:
        sandbox.known(name).namespace(sandbox.plane.kube())
    sandbox.start()
    for name in chosen:
        settings = sandbox.state.installations[name]
        settings["modules"] = options.modules or settings["modules"]
        settings["alias"] = settings["alias"] if options.alias is None else options.alias
        settings["internal_k8s"] = options.internal_k8s
        sandbox.known(name).renew(say, watchers=sandbox.watchers())
    sandbox.write_facts()


def remove(sandbox, options):
    sandbox.running()
    sandbox.known(options.name).remove()
    del sandbox.state.installations[options.name]
    for kind in ("registry", "postgresql"):
        sandbox.state.data["ports"].pop(f"{kind}-{options.name}", None)
    sandbox.state.save()
    sandbox.write_facts()
    say(f"{options.name}: removed")


def save_installation(sandbox, options):
    sandbox.running()
    save(sandbox.known(options.name), options.label)
    say(f"{options.name}: saved as {options.label}")


def load_installation(sandbox, options):
    sandbox.running()
    load(sandbox.known(options.name), options.label, sandbox.watchers())
    sandbox.state.save()
    sandbox.write_facts()
    say(f"{options.name}: loaded {options.label}")


def down(sandbox, _options):
    if sandbox.state.data.get("external_access"):
        for name in list(sandbox.state.installations):
            sandbox.installation(name).remove()
    # All data is deleted, so no process needs time to write it. Clients are stopped before their servers.
    for name in sorted(sandbox.processes.names(), key=lambda name: name.startswith(("etcd", "postgresql"))):
        sandbox.processes.stop(name, signal.SIGQUIT if name.startswith("postgresql") else signal.SIGKILL)
    shutil.rmtree(sandbox.state.dir, ignore_errors=True)
    say("down")


def status(sandbox, _options):
    for name in sandbox.processes.names():
        pid = sandbox.processes.pid(name)
        print(f"{name:36} {'pid ' + str(pid) if pid else 'DEAD (up restarts it)'}")
    for name, settings in sandbox.state.installations.items():
        print(
            f"installation {name:23} {','.join(settings['modules'])}{'' if settings['alias'] else ', no alias domains'}"
        )


def facts(sandbox, _options):
    try:
        with open(sandbox.state.path("sandbox.json"), encoding="utf-8") as file:
            print(json.dumps(json.load(file), indent=1, ensure_ascii=False))
    except FileNotFoundError:
        raise SystemExit("the sandbox is not up: tests/sandbox/sandbox up") from None


def parser():
    top = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, function, text, *positionals, made=False):
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(function=function)
        for positional in positionals:
            sub.add_argument(positional.strip("?"), nargs="?" if positional.endswith("?") else None)
        if made:
            sub.add_argument("--modules", type=modules, help="such as pl,cl (default: all)")
            sub.add_argument(
                "--internal-k8s",
                action="store_true",
                help="the registry stores https://kubernetes.default.svc.cluster.local",
            )
        return sub

    sub = command("up", up, "start what is not running; create an installation where there is none", made=True)
    sub.add_argument("--installation", action="append", metavar="NAME", help="may be repeated (default: production)")
    sub.add_argument("--no-alias", action="store_true")
    sub = command("add", add, "one more installation", "name", made=True)
    sub.add_argument("--no-alias", action="store_true")
    sub.add_argument("--version", default="5.9.3")
    sub.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="WHAT=VALUE",
        help="a chosen secret: postgresql or releasehub (default: random)",
    )
    sub = command("reset", reset, "back to 5.9.3 (all installations, or one)", "name?", made=True)
    sub.add_argument("--no-alias", dest="alias", action="store_false", default=None)
    sub.add_argument("--alias", dest="alias", action="store_true", default=None)
    command("save", save_installation, "keep the whole state of an installation under a label", "name", "label")
    command("load", load_installation, "put a kept state back", "name", "label")
    command("remove", remove, "remove an installation", "name")
    command("down", down, "stop everything and remove the state folder")
    command("status", status, "processes and installations")
    command("facts", facts, "print sandbox.json")
    return top


def main():
    options = parser().parse_args()
    path = folder()
    if options.function in (down, status, facts) and not os.path.isdir(path):
        say(f"nothing at {path}")
        return
    os.makedirs(path, mode=0o711, exist_ok=True)
    os.chmod(path, 0o711)
    if options.function in (status, facts):
        options.function(Sandbox(), options)
        return
    with Locked(path):
        options.function(Sandbox(), options)


if __name__ == "__main__":
    main()
