# GNU General Public License v3.0+
"""One simulated Monq 5.9.3: namespace, databases, registry, Release Hub, monqctl with its home."""

import os
import shutil
import threading
import time

import manifests
import release_hub
from etcd import Etcd
from files import read_json, write_json
from installation_objects import images_by_name, kubernetes_template, names, objects
from kube import AT_ONCE
from postgres import ROLE
from saved_state import put_back

HERE = os.path.dirname(os.path.abspath(__file__))
LABEL = "monq.platform/sandbox"
MODULES = ("pl", "sm", "cl", "fm")
OLD_TOKEN = "rh-5-issued-before-v6"
WIPED = (
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "Pod",
    "Ingress",
    "Secret",
    "ConfigMap",
    "Lease",
    "RoleBinding",
    "Role",
    "Event",
)


def all_services():
    """Returns the microservices of 5.9.3 in all modules."""
    catalogue = manifests.load("microservices")["modules"]
    return [row["name"] for module in MODULES for row in catalogue[module]["microservices"]]


class Beside(threading.Thread):
    """Runs a function in a thread, and keeps its result."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.function, self.args, self.failure = function, args, None

    def run(self):
        try:
            self.function(*self.args)
        except BaseException as error:  # SystemExit too: it carries the message
            self.failure = error

    def done(self):
        self.join()
        if self.failure is not None:
            raise SystemExit(f"databases: {self.failure}")


class Installation:
    def __init__(self, state, plane, postgres, processes, name):
        self.state, self.plane, self.postgres, self.processes, self.name = state, plane, postgres, processes, name
        self.catalogue = manifests.load("microservices")["modules"]
        self.dir = state.home(name)

    @property
    def settings(self):
        return self.state.installations[self.name]

    @property
    def modules(self):
        return self.settings["modules"]

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def services(self, modules):
        """Returns (module, row) of every microservice of 5.9.3 in these modules."""
        return [(module, row) for module in modules for row in self.catalogue[module]["microservices"]]

    def databases(self):
        return {row["name"]: row["name"].replace("-", "_") for _module, row in self.services(self.modules)}

    def postgresql(self):
        return {
            "host": "127.0.0.1",
            "port": self.state.port(f"postgresql-{self.name}"),
            "user": ROLE,
            "password": self.state.token(f"monq-{self.name}"),
            "sslmode": "disable",
        }

    def domains(self):
        host = names(self.name)
        return host["main"], [host["wildcard"], host["alias"]] if self.settings["alias"] else []

    def ingress_secrets(self):
        main, aliases = self.domains()
        rows = [{"hosts": [main], "secretName": f"{main}-tls"}]
        return rows + ([{"hosts": aliases, "secretName": f"{names(self.name)['alias']}-tls"}] if aliases else [])

    def registry_server(self):
        return f"http://127.0.0.1:{self.state.port('registry-' + self.name)}"

    # --- processes
    # ------------------------------------------------------------------------------------------------

    def access_file(self, user):
        path = self.state.path("access", user + ".json")
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        write_json(path, self.plane.access(user))
        return path

    def start(self):
        """Starts what is not running."""
        self.postgres.up(self.name)
        if not self.processes.pid(f"registry-{self.name}"):
            argv = [
                "/usr/bin/python3",
                "-B",
                os.path.join(HERE, "registry_service.py"),
                self.dir,
                str(self.state.port(f"registry-{self.name}")),
            ]
            self.processes.start(
                f"registry-{self.name}", [*argv, self.access_file("monqctl")], self.path("registry.log")
            )

    # --- Kubernetes
    # ------------------------------------------------------------------------------------------------

    def namespace(self, kube):
        found = kube.get("Namespace", "", self.name)
        if found and (found["metadata"].get("labels") or {}).get(LABEL) != "true":
            raise SystemExit(
                f"namespace {self.name} exists and is not the sandbox's (no label {LABEL}=true): nothing was touched; "
                f"choose another name"
            )
        return found

    def ensure_namespace(self, kube):
        found = self.namespace(kube)
        for _attempt in range(100):
            if not found or (found.get("status") or {}).get("phase") != "Terminating":
                break
            time.sleep(0.2)
            found = self.namespace(kube)
        if not found:
            kube.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": {LABEL: "true"}}}
            )

    def wipe(self, kube):
        """Deletes everything in the namespace, including what others have created. As controllers may still be working,
        this is repeated until nothing is left."""
        for _attempt in range(50):
            left = 0
            for kind in WIPED:
                if kube.list(kind, self.name):
                    left += kind != "Event"
                    kube.delete_all(kind, self.name, AT_ONCE)
            if not left:
                return
            time.sleep(0.05)
        raise SystemExit(f"namespace {self.name} does not get empty")

    def create_objects(self, kube):
        for body in objects(self):
            kube.create(body)

    def wait_ready(self, kube, seconds=180):
        deadline = time.monotonic() + seconds
        while True:
            late = [
                row["metadata"]["name"]
                for row in kube.list("Deployment", self.name)
                if row["spec"]["replicas"] != (row.get("status") or {}).get("availableReplicas", 0)
            ]
            if not late:
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"not ready after {seconds} s: {', '.join(late)}")
            time.sleep(0.1)

    # --- files
    # ------------------------------------------------------------------------------------------------

    def registry_files(self):
        folder, images = self.path("registry"), images_by_name(self)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o700)
        rows = [
            {
                "Name": row["name"],
                "Module": module,
                "Version": row.get("image_tag", self.catalogue[module]["old_version"]),
                "Kind": row.get("kind", "api"),
                "Replicas": row["registry"],
                "Image": images[row["name"]],
                "State": "Enabled",
            }
            for module, row in self.services(self.modules)
        ]
        write_json(os.path.join(folder, "microservices.json"), sorted(rows, key=lambda row: row["Name"]))
        write_json(os.path.join(folder, "template.json"), kubernetes_template(self))
        write_json(os.path.join(folder, "version.json"), {"Version": "3.1.0"})
        write_json(
            os.path.join(folder, "services.json"),
            [{"Name": name, "Type": name} for name in ("PostgreSQL", "Redis", "RabbitMQ", "K8s", "Consul")],
        )
        states = {**dict.fromkeys(("Registry", "PostgreSQL", "Redis", "RabbitMQ", "K8s"), "Ok"), "Consul": "Failed"}
        write_json(
            os.path.join(folder, "status.json"), [{"Name": name, "State": state} for name, state in states.items()]
        )
        write_json(os.path.join(folder, "caches.json"), [])

    def client_files(self):
        """Creates monqctl's home as the operator of 5.9.3 left it: a context, a credential without a token, a Release
        Hub with the old token."""
        names_ = self.names()
        shutil.rmtree(self.path("home"), ignore_errors=True)
        os.makedirs(self.path("home", ".monqctl"), mode=0o700)
        write_json(
            self.path("home", ".monqctl", "config.json"),
            {
                "current-context": names_["monqctl_context"],
                "instances": {names_["instance_name"]: {"server": self.registry_server()}},
                "credentials": {names_["credential_name"]: {}},
                "releasehubs": {names_["releasehub_name"]: {"server": release_hub.URL, "token": OLD_TOKEN}},
                "contexts": {
                    names_["monqctl_context"]: {
                        "instance": names_["instance_name"],
                        "credential": names_["credential_name"],
                        "releasehub": names_["releasehub_name"],
                    }
                },
            },
        )
        write_json(self.path("kubelet.json"), {"slow": {}, "broken": {}})
        write_json(self.path("faults.json"), [])
        write_json(self.path("profile.json"), None)
        broken = {row["name"] for _module, row in self.services(self.modules) if row.get("broken")}
        write_json(
            self.path("images.json"),
            sorted(image for name, image in images_by_name(self).items() if name not in broken),
        )
        with os.fdopen(os.open(self.path("journal.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"):
            pass
        os.makedirs(self.path("bin"), mode=0o700, exist_ok=True)
        with os.fdopen(os.open(self.path("bin", "monqctl"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w") as file:
            file.write(
                f"#!/usr/bin/python3 -ISB\nimport sys\nsys.pycache_prefix = "
                f"{self.state.path('cache', 'python')!r}\nsys.dont_write_bytecode = False\n"
                f"sys.path.insert(0, {HERE!r})\nimport monqctl_simulator\nmonqctl_simulator.main({self.state.dir!r}, "
                f"{self.name!r})\n"
            )

    def hub_files(self):
        release_hub.build(self.path("release-hub"))
        for source, target in (("registry/3.2.0", "registry-3.2.0"), ("monq/6.0.0", "monq-6.0.0")):
            shutil.rmtree(self.path("exported", target), ignore_errors=True)
            shutil.copytree(self.path("release-hub", source), self.path("exported", target))

    # --- what the CLI calls
    # ------------------------------------------------------------------------------------------------------------------

    def renew(self, say, databases=None, watchers=None):
        """Creates 5.9.3, or returns to it. databases: a thread that is already creating them; watchers: see
        saved_state."""
        kube = self.plane.kube()
        self.ensure_namespace(kube)
        os.makedirs(self.dir, mode=0o711, exist_ok=True)
        databases = databases or self.begin_databases(self.modules)
        self.client_files()
        self.registry_files()
        self.hub_files()
        pristine = read_json(self.path("pristine.json"))
        if pristine and pristine["settings"] == self.settings and watchers:
            # The objects of the first time are written back to etcd: a third of the time of creating them.
            put_back(self, pristine["objects"], watchers)
        else:
            pristine = None
            self.wipe(kube)
            self.create_objects(kube)
        say(f"{self.name}: Kubernetes objects")
        databases.done()
        self.start()
        say(f"{self.name}: databases")
        self.wait_ready(kube)
        if not pristine and self.state.data.get("etcd"):
            write_json(
                self.path("pristine.json"),
                {"settings": self.settings, "objects": Etcd(self.state.data["etcd"]).objects(self.name)},
            )
        self.state.save()
        say(f"{self.name}: Monq 5.9.3 is ready")

    def begin_databases(self, modules):
        """Creates the databases in a thread: this takes as long as the rest, and both mostly wait."""
        for token in ("postgres", f"monq-{self.name}"):
            self.state.token(token)
        self.state.port(f"postgresql-{self.name}")
        return self.begin(self.postgres.renew, self.name, [row["name"] for _module, row in self.services(modules)])

    def begin(self, function, *args):
        thread = Beside(function, *args)
        thread.start()
        return thread

    def remove(self):
        kube = self.plane.kube()
        if self.namespace(kube):
            self.wipe(kube)
            kube.delete("Namespace", "", self.name)
        self.stop()
        for folder in (self.dir, self.state.path("saved", self.name)):
            shutil.rmtree(folder, ignore_errors=True)

    def stop(self):
        self.processes.stop(f"registry-{self.name}")
        self.postgres.down(self.name)

    def names(self):
        return {
            "instance_name": self.name,
            "credential_name": f"{self.name}-credential",
            "releasehub_name": "monqlab",
            "monqctl_context": self.name,
        }

    def facts(self):
        main, aliases = self.domains()
        return {
            "namespace": self.name,
            "kube_context": f"sandbox-{self.name}",
            "modules": self.modules,
            "domain": main,
            "alias_domains": aliases,
            "ingress_secrets": self.ingress_secrets(),
            "monqctl": self.path("bin", "monqctl"),
            "monqctl_home": self.path("home"),
            **self.names(),
            "releasehub_server": release_hub.address(self.registry_server()),
            "releasehub_token": self.state.token(f"releasehub-{self.name}"),
            "registry_server": self.registry_server(),
            "journal": self.path("journal.jsonl"),
            "faults": self.path("faults.json"),
            "profile": self.path("profile.json"),
            "kubelet": self.path("kubelet.json"),
            "images": self.path("images.json"),
            "registry_dir": self.path("registry"),
            "registry_source_dir": self.path("exported", "registry-3.2.0"),
            "release_source_dir": self.path("exported", "monq-6.0.0"),
            "postgresql": self.postgresql(),
            "databases": self.databases(),
        }
