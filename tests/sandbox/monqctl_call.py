# GNU General Public License v3.0+
"""One call of the simulated monqctl: its home, the installation that it acts on, its input and output."""

import contextlib
import json
import os
import time

from files import read_json, write_json
from monqctl_arguments import Usage


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
    """One call. Resources are opened when they are first needed."""

    def __init__(self, sandbox_dir, home, values, middle, speaker):
        self.sandbox_dir, self.home, self.values, self.speaker = sandbox_dir, home, values, speaker
        self.middle = middle  # called when part of the work is done: a fault "during" the call strikes here
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
        """Returns the installation whose registry is the server of the current context's instance."""
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
        """Sends a request to the registry; retries for a moment while its pods restart."""
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
        """Returns a folder of the Release Hub, if the token is the new one."""
        import release_hub

        context = self.home.context()
        hub = self.home.part("releasehubs").get(context.get("releasehub"))
        if not hub:
            raise Failure(
                f'release hub "{context.get("releasehub")}" of context "{self.home.context_name}" does not exist'
            )
        if not release_hub.is_hub(hub.get("server", "")):
            raise Failure(f'Get "{hub.get("server")}": no such host')
        if hub.get("token") != self.state["tokens"][f"releasehub-{self.name}"]:
            raise Failure(f"{release_hub.URL}: 401 Unauthorized: the access token is not valid")
        path = self.path("release-hub", *parts)
        if not os.path.isdir(path):
            raise Failure(f"{release_hub.URL}: 404 Not Found: {'/'.join(parts)}")
        return path

    @staticmethod
    def complete(folder, index):
        """Returns the folder's index, after checking that every listed file exists."""
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
        """Returns a file of the release that use-version has prepared for this context in this HOME."""
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


class Plain:
    """Says things as we guess that monqctl does; monqctl_profile has other ways."""

    profile = {"replace": "anew"}

    def heard(self):
        return contextlib.nullcontext()

    def begin(self):
        pass

    def end(self, changing):
        pass

    def table(self, rows):
        print("-------------------------")
        for row in rows:
            print(" | ".join(row))
            print("-------------------------")

    def show(self, data):
        print(json.dumps(data, indent=2, ensure_ascii=False))

    def context(self, name):
        print(name)

    def version(self, number):
        print(f"monqctl v{number}")
        print("simulated by the sandbox of monq.platform")


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
