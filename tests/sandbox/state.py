# GNU General Public License v3.0+
"""The sandbox's folder: its paths, its state, and the facts file."""

import os
import random
import secrets
import socket

from files import read_json, write_json


def folder():
    return os.environ.get("SANDBOX_DIR") or f"/var/tmp/monq-sandbox-{os.getuid()}"


def free_port(taken):
    """Returns a port below the range that the kernel uses for outgoing connections, so that it stays free while its
    server restarts."""
    while True:
        port = random.randint(20000, 31999)
        if port in taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class State:
    """state.json: the sandbox's own state (private; tests read sandbox.json)."""

    def __init__(self, path=None):
        self.dir = os.path.abspath(path or folder())
        self.file = os.path.join(self.dir, "state.json")
        self.data = read_json(self.file, {}) or {}
        self.data.setdefault("installations", {})
        self.data.setdefault("ports", {})
        self.data.setdefault("tokens", {})

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def save(self):
        write_json(self.file, self.data)

    def port(self, name):
        if name not in self.data["ports"]:
            self.data["ports"][name] = free_port(set(self.data["ports"].values()))
        return self.data["ports"][name]

    def token(self, name):
        return self.data["tokens"].setdefault(name, secrets.token_urlsafe(24))

    @property
    def installations(self):
        return self.data["installations"]

    def home(self, name, *parts):
        return self.path("installations", name, *parts)
