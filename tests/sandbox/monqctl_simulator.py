# GNU General Public License v3.0+
"""The simulated monqctl. Its state lies under HOME; what it changes are the sandbox's registry, cluster, databases and
image store.

Which installation a call acts on is decided by the server of the current context's instance, as with the real one, not
by the path that it was started from;
that path decides only whose journal and faults are used.
"""

import json
import os
import sys
import time

import faults
from files import Locked, read_json, write_json
from monqctl_arguments import Usage, changing, masked, parse

VERSION = "1.1.2"


class Failure(Exception):
    """The call failed; printed as `Error: …`, exit status 1."""


class Home:
    """$HOME/.monqctl: contexts and prepared releases."""

    def __init__(self):
        home = os.environ.get("HOME")
        if not home:
            raise Failure("$HOME is not defined")
        self.dir = os.path.join(home, ".monqctl")
        self.file = os.path.join(self.dir, "config.json")
        self.config = read_json(self.file, {})

    def part(self, name):
        return self.config.setdefault(name, {})

    @property
    def context_name(self):
        return self.config.get("current-context", "")

    def save(self):
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        write_json(self.file, self.config)

    def context(self):
        name = self.context_name
        if not name:
            raise Failure("current-context is not set")
        if name not in self.part("contexts"):
            raise Failure(f'context "{name}" does not exist')
        return self.part("contexts")[name]

    def release_dir(self):
        return os.path.join(self.dir, "releases", self.context_name)


class Call:
    """One call, with what it needs opened when it is first needed."""

    def __init__(self, sandbox_dir, home, values, middle):
        self.sandbox_dir, self.home, self.values = sandbox_dir, home, values
        self.middle = (
            middle  # called once something is done and something is left: here a fault strikes "during" the call
        )
        self._state = self._kube = self._registry = self._name = None

    # --- the installation that the context points to
    # -----------------------------------------------------------------------------------------

    @property
    def state(self):
        if self._state is None:
            self._state = read_json(os.path.join(self.sandbox_dir, "state.json"))
        return self._state

    @property
    def name(self):
        """The installation whose registry the current context's instance names."""
        if self._name is None:
            context = self.home.context()
            instance = self.home.part("instances").get(context.get("instance"))
            if not instance:
                raise Failure(
                    f'instance "{context.get("instance")}" of context "{self.home.context_name}" does not exist'
                )
            server = instance["server"].rstrip("/")
            for name in self.state["installations"]:
                if server == f"http://127.0.0.1:{self.state['ports']['registry-' + name]}":
                    self._name = name
            if self._name is None:
                raise Failure(f'Get "{server}/api": dial tcp: connection refused')
        return self._name

    def path(self, *parts):
        return os.path.join(self.sandbox_dir, "installations", self.name, *parts)

    def facts(self):
        return read_json(os.path.join(self.sandbox_dir, "sandbox.json"))["installations"][self.name]

    def registry(self, method, path, body=None):
        """A request to the registry; while its pods restart it is tried again for a moment."""
        import web

        if self._registry is None:
            port = self.state["ports"]["registry-" + self.name]
            credential = self.home.part("credentials").get(self.home.context().get("credential")) or {}
            headers = {"X-Registry-Token": credential["registry-token"]} if credential.get("registry-token") else {}
            self._registry = web.Client(f"http://127.0.0.1:{port}", headers)
        deadline = time.monotonic() + 3
        while True:
            try:
                reply = self._registry.request(method, path, body)
            except web.WebError as error:
                raise Failure(f"registry: {error}") from error
            if reply.status != 503 or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        if reply.status >= 300:
            raise Failure(f"registry: {method} {path}: {reply.status} {(reply.json() or {}).get('error', '')}")
        return reply.json()

    @property
    def kube(self):
        if self._kube is None:
            from kube import Kube

            self._kube = Kube(read_json(os.path.join(self.sandbox_dir, "access", "monqctl.json")))
        return self._kube

    # --- the Release Hub
    # ------------------------------------------------------------------------------------------------

    def hub(self, *parts):
        """A folder of the Release Hub, for whoever has the new token."""
        import release_hub

        context = self.home.context()
        hub = self.home.part("releasehubs").get(context.get("releasehub"))
        if not hub:
            raise Failure(
                f'release hub "{context.get("releasehub")}" of context "{self.home.context_name}" does not exist'
            )
        if hub.get("server", "").rstrip("/") != release_hub.URL:
            raise Failure(f'Get "{hub.get("server")}": no such host')
        if hub.get("token") != self.state["tokens"][f"releasehub-{self.name}"]:
            raise Failure(f"{release_hub.URL}: 401 Unauthorized: the access token is not valid")
        path = self.path("release-hub", *parts)
        if not os.path.isdir(path):
            raise Failure(f"{release_hub.URL}: 404 Not Found: {'/'.join(parts)}")
        return path

    @staticmethod
    def complete(folder, index):
        """The folder's index, after a look at every file that it lists."""
        try:
            listed = read_json(os.path.join(folder, index))
        except ValueError as error:
            raise Failure(f"{folder}/{index}: {error}") from error
        if listed is None:
            raise Failure(f"{folder}: no {index}: not an exported folder")
        for name in listed["files"]:
            if not os.path.isfile(os.path.join(folder, name)):
                raise Failure(f"{folder}: {name} is missing")
        return listed

    def release(self, *parts):
        """A file of the release that use-version has prepared for this context in this HOME."""
        self.home.context()
        folder = self.home.release_dir()
        if not os.path.isfile(os.path.join(folder, "release.json")):
            raise Failure(
                f'no release is set for context "{self.home.context_name}": run monqctl release use-version first'
            )
        module = parts[0]
        if not os.path.isdir(os.path.join(folder, module)):
            raise Failure(f'module "{module}" is not part of the release')
        if module not in self.state["installations"][self.name]["modules"]:
            raise Failure(f'module "{module}" is not installed')
        path = os.path.normpath(os.path.join(folder, *parts))
        if not path.startswith(folder + os.sep) or not os.path.isfile(path):
            raise Failure(f"the release has no file {'/'.join(parts)}")
        return path


def table(rows):
    print("-------------------------")
    for row in rows:
        print(" | ".join(row))
        print("-------------------------")


def show(data):
    print(json.dumps(data, indent=2, ensure_ascii=False))


def from_file(path):
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        return json.loads(text)
    except OSError as error:
        raise Failure(f"open {path}: {error.strerror}") from error
    except ValueError as error:
        raise Failure(f"{path}: invalid JSON: {error}") from error


def json_only(values):
    if values.get("output") != "json":
        raise Usage(f"unknown output format: {values.get('output')}")


# --- version, config
# ----------------------------------------------------------------------------------------------------


def version(_call):
    print(f"monqctl v{VERSION}")
    print("simulated by the sandbox of monq.platform")


def current_context(call):
    if not call.home.context_name:
        raise Failure("current-context is not set")
    print(call.home.context_name)


def use_context(call):
    name = call.values["name"]
    if name not in call.home.part("contexts"):
        raise Failure(f'no context exists with the name: "{name}"')
    call.home.config["current-context"] = name
    call.home.save()
    print(f'Switched to context "{name}".')


def config_view(call):
    show(call.home.config)


def get_releasehubs(call):
    table([[name, row["server"]] for name, row in call.home.part("releasehubs").items()])


def get_credentials(call):
    table(
        [
            [name, "registry-token" if row.get("registry-token") else "-"]
            for name, row in call.home.part("credentials").items()
        ]
    )


def setting(part):
    def change(call):
        values = {key: value for key, value in call.values.items() if key != "name"}
        call.home.part(part).setdefault(call.values["name"], {}).update(values)
        call.home.save()
        print(f'{part[:-1]} "{call.values["name"]}" set.')

    return change


# --- registry
# ----------------------------------------------------------------------------------------------------


def registry_status(call):
    table([[row["Name"], row["State"]] for row in call.registry("GET", "/status")])


def registry_services(call):
    table([[row["Name"], row["Type"]] for row in call.registry("GET", "/services")])


def get_template(call):
    json_only(call.values)
    show(call.registry("GET", "/services/K8s"))


def apply_template(call):
    call.registry("PUT", "/services/K8s", from_file(call.values["file"]))
    print("service K8s applied.")


def get_microservices(call):
    json_only(call.values)
    show(call.registry("GET", "/microservices"))


def get_microservice(call):
    json_only(call.values)
    show(call.registry("GET", f"/microservices/{call.values['name']}"))


def apply_microservice(call):
    call.registry("PUT", f"/microservices/{call.values['name']}", from_file(call.values["file"]))
    print(f"microservice {call.values['name']} applied.")


def update_registry(call):
    """The registry's own update: a new image, and the Deployment as the template has it, which loses what was set by
    hand (trap 10)."""
    import manifests

    values = call.values
    registry = call.registry("GET", "/version")
    folder = values["sourceDir"] if values.get("sourceDir") else call.hub("registry", values["version"])
    if call.complete(folder, "registry.json")["version"] != values["version"]:
        raise Failure(f"{folder} does not hold registry {values['version']}")
    template = call.registry("GET", "/services/K8s")
    address = values.get("k8s-api") or template.get("Uri") or ""
    if address.rstrip("/") != call.state["api_server"].rstrip("/"):
        raise Failure(f'Get "{address}/apis/apps/v1": dial tcp: lookup {address.partition("//")[2]}: no such host')
    manifest = read_json(os.path.join(folder, "manifest.json"))
    name, facts = manifest["Name"], call.facts()
    add_images(call, [manifest["Image"]])
    entry = call.registry("GET", f"/microservices/{name}")
    call.registry("PUT", f"/microservices/{name}", {**entry, "Version": values["version"], "Image": manifest["Image"]})
    call.registry("PUT", "/version", {**registry, "Version": values["version"]})
    print(f"Registry {registry['Version']} -> {values['version']}")
    running = call.kube.get("Deployment", call.name, name)
    body = manifests.deployment(
        template,
        call.name,
        "pl",
        name,
        "api",
        values["version"],
        manifest["Image"],
        manifests.environment(name, facts["databases"], facts["postgresql"]),
        running["spec"]["replicas"] if running else 1,
    )
    if running:
        call.kube.replace(body)
    else:
        call.kube.create(body)
    print("Registry updated.")


def export_registry(call):
    export(call.hub("registry", call.values["version"]), call.values["dest"])


# --- release
# ----------------------------------------------------------------------------------------------------


def export(source, target):
    import shutil

    shutil.copytree(source, target, dirs_exist_ok=True)
    print(f"Exported to {target}")


def export_release(call):
    export(call.hub(call.values["product"], call.values["version"]), call.values["dest"])


def use_version(call):
    import shutil

    values = call.values
    if call.registry("GET", "/version")["Version"] == "3.1.0":
        raise Failure(f"release {values['version']} needs registry 3.2.0 or later, this one is 3.1.0")
    folder = values["sourceDir"] if values.get("sourceDir") else call.hub(values["product"], values["version"])
    listed = call.complete(folder, "release.json")
    if (listed["product"], listed["version"]) != (values["product"], values["version"]):
        raise Failure(
            f"{folder} holds {listed['product']} {listed['version']}, not {values['product']} {values['version']}"
        )
    target = call.home.release_dir()
    shutil.rmtree(target, ignore_errors=True)
    for number, name in enumerate([*listed["files"], "release.json"], 1):
        os.makedirs(os.path.dirname(os.path.join(target, name)), mode=0o700, exist_ok=True)
        shutil.copyfile(os.path.join(folder, name), os.path.join(target, name))
        print(f"Downloading {name} ({number}/{len(listed['files']) + 1})", flush=True)
        call.middle()
    print(f'Release {values["product"]} {values["version"]} is used in context "{call.home.context_name}".')


def add_images(call, images):
    path = call.path("images.json")
    with Locked(os.path.dirname(path)):
        write_json(path, sorted({*read_json(path, []), *images}))


def update_images(call):
    images = read_json(call.release(call.values["module"], "images.json"))
    call.registry("GET", "/version")
    for number, image in enumerate(images, 1):
        print(f"Copying {image} ({number}/{len(images)})", flush=True)
    add_images(call, images)
    print(f"{len(images)} images copied.")


def update_routing(call):
    """The new Ingresses; refused like ingress-nginx's webhook does where a host and path are held by another one."""
    import manifests
    from kube import KubeError

    module = call.values["module"]
    routes = read_json(call.release(module, call.values.get("file", "routing.json")))
    template = call.registry("GET", "/services/K8s")
    held = {}
    for row in call.kube.call("GET", "/apis/extensions/v1beta1/ingresses").get("items") or []:
        for rule in row["spec"].get("rules") or []:
            for path in (rule.get("http") or {}).get("paths") or []:
                held[rule.get("host", ""), path.get("path", "/")] = (
                    row["metadata"]["namespace"],
                    row["metadata"]["name"],
                )
    for route in routes:
        try:
            body = manifests.routing_ingress(template, call.name, module, route["app"], route["paths"])
        except KeyError as error:
            raise Failure(f"service K8s has no {error.args[0]}: update the template first") from error
        for rule in body["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                owner = held.get((rule["host"], path["path"]))
                if owner and owner != (call.name, route["app"]):
                    raise Failure(
                        f'Ingress {route["app"]}: admission webhook "validate.nginx.ingress.kubernetes.io" denied the '
                        f"request: "
                        f'host "{rule["host"]}" and path "{path["path"]}" is already defined in ingress '
                        f"{'/'.join(owner)}"
                    )
        try:
            if call.kube.get("Ingress", call.name, route["app"]):
                call.kube.replace(body)
            else:
                call.kube.create(body)
        except KubeError as error:
            raise Failure(f"Ingress {route['app']}: {error}") from error
        print(f"ingress {route['app']} applied.", flush=True)
        call.middle()


def update_db(call):
    """Runs the file on the microservice's database. The statements are the release's: not repeatable, in no
    transaction."""
    module, service = call.values["module"], call.values["microservice"]
    file = call.release(module, call.values["file"])
    call.registry("GET", f"/microservices/{service}")
    facts = call.facts()
    server = facts["postgresql"]
    argv = [
        "psql",
        "-Xq",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        server["host"],
        "-p",
        str(server["port"]),
        "-U",
        server["user"],
        "-d",
        facts["databases"][service],
        "-f",
        file,
    ]
    env = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "PGPASSWORD": server["password"],
        "PGCONNECT_TIMEOUT": "5",
        "LC_ALL": "C.UTF-8",
    }
    print(f"Applying {call.values['file']} to {service}", flush=True)
    pid = os.posix_spawnp("psql", argv, env)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        raise Failure(f"{call.values['file']}: psql ended with {status}")
    print("Done.")


def update_microservices(call):
    """Replace: new entries in the registry, new objects in Kubernetes; counts and everything else set by hand are
    gone."""
    import manifests
    from kube import KubeError

    module = call.values["module"]
    if call.values["k8s-merge-type"] != "Replace":
        raise Usage(f"unknown merge type: {call.values['k8s-merge-type']}")
    rows = read_json(call.release(module, "manifests.json"))
    template = call.registry("GET", "/services/K8s")
    before = [row["Name"] for row in call.registry("GET", "/microservices") if row["Module"] == module]
    call.registry("PUT", f"/modules/{module}", [{**row, "State": "Enabled"} for row in rows])
    facts = call.facts()
    try:
        for name in before:
            call.kube.delete(
                "Deployment",
                call.name,
                name,
                {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"},
            )
            print(f"deployment {name} deleted.", flush=True)
        call.middle()  # the worst moment: the module has no Deployment at all
        for row in rows:
            call.kube.create(
                manifests.deployment(
                    template,
                    call.name,
                    module,
                    row["Name"],
                    row["Kind"],
                    row["Version"],
                    row["Image"],
                    manifests.environment(row["Name"], facts["databases"], facts["postgresql"]),
                    row["Replicas"],
                )
            )
            print(f"deployment {row['Name']} created.", flush=True)
    except KubeError as error:
        raise Failure(str(error)) from error


def clear_cache(call):
    call.registry("POST", f"/cache/{call.values['microservice']}")
    print(f"Cache of {call.values['microservice']} cleared.")


HANDLERS = {
    "version": version,
    "config current-context": current_context,
    "config use-context <name>": use_context,
    "config view": config_view,
    "config get releasehubs": get_releasehubs,
    "config get credentials": get_credentials,
    "config set instance <name>": setting("instances"),
    "config set credential <name>": setting("credentials"),
    "config set releasehub <name>": setting("releasehubs"),
    "config set context <name>": setting("contexts"),
    "registry get status": registry_status,
    "registry get services": registry_services,
    "registry get services K8s": get_template,
    "registry apply service K8s": apply_template,
    "registry get microservices": get_microservices,
    "registry get microservices <name>": get_microservice,
    "registry apply microservice <name>": apply_microservice,
    "registry update registry": update_registry,
    "registry export registry <version>": export_registry,
    "release version export <version>": export_release,
    "release use-version <version>": use_version,
    "release update routing": update_routing,
    "release update images": update_images,
    "release update db pgsql": update_db,
    "release update microservices": update_microservices,
    "instance clear cache": clear_cache,
}


class Journal:
    """One line at the start and one at the end of each call, appended whole: a call without an end was killed."""

    def __init__(self, path, argv):
        self.path = path
        self.row = {
            "pid": os.getpid(),
            "home": os.environ.get("HOME"),
            "context": "",
            "argv": masked(argv),
            "changing": changing(argv),
        }

    def write(self, event, **more):
        line = json.dumps({"event": event, "time": time.time(), **self.row, **more}, ensure_ascii=False) + "\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)


def run(sandbox_dir, argv, journal, faults_file):
    try:
        home = Home()
        journal.row["context"] = home.context_name
        journal.write("start")
        fault = faults.take(faults_file, argv, "before")
        status = faults.commit(fault) if fault else None
        if status is not None:
            return status
        if fault:
            home = Home()  # a fault of kind exec may have switched the context
        key, values = parse(argv)

        def middle():
            due = faults.take(faults_file, argv, "during")
            if due and faults.commit(due):
                raise Failure("stopped in the middle")

        HANDLERS[key](Call(sandbox_dir, home, values, middle))
        middle()  # a call of one piece: all is done, and nobody knows yet
        sys.stdout.flush()
    except Usage as error:
        print(
            f"Error: {error}\nUsage: monqctl version | config … | registry … | release … | instance clear cache",
            file=sys.stderr,
        )
        return 2
    except Failure as error:
        sys.stdout.flush()
        print(f"Error: {error}", file=sys.stderr)
        return 1
    fault = faults.take(faults_file, argv, "after")
    status = faults.commit(fault) if fault else None
    return 0 if status is None else status


def main(sandbox_dir, name):
    argv = sys.argv[1:]
    folder = os.path.join(sandbox_dir, "installations", name)
    journal = Journal(os.path.join(folder, "journal.jsonl"), argv)
    status = 99
    try:
        status = run(sandbox_dir, argv, journal, os.path.join(folder, "faults.json"))
    except BrokenPipeError:
        pass  # whoever reads our output has gone, as with `monqctl … | head`
    except Exception:
        import traceback

        traceback.print_exc()
    finally:
        journal.write("end", rc=status)
    # Nothing is left to clean up: the interpreter's own end costs 10 ms.
    os._exit(status)
