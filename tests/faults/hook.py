"""Carries out one strike: waits for its step and place among the run's requests, then injects the fault. Nothing
depends on timing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from pathlib import Path

from support.api_proxy import DROP, Answer

from .points import step_class

AHEAD = ("api-500", "api-409", "api-restart")  # the request never arrives
ANSWERS = {
    "api-500": Answer(500, "InternalError"),
    "api-409": Answer(409, "Conflict"),
    "api-504": Answer(504, "Timeout"),
}
BEHIND = ("kill", "api-504", "api-hold", "api-reset")  # the work is done, but the run gets no response
MONQCTL = ("fail", "hang", "lie", "cheer", "die")
CHEER = {"kind": "lie", "text": "12 of 12 objects updated, 0 errors. Done.", "stream": "stdout"}
RESULT = "the write of its result"  # retried for a while: the API server is away until the run gives up


class Hook:
    """The proxy's hook for one run. `process` is set as soon as the run is started."""

    def __init__(self, strike, upgrade):
        self.strike, self.upgrade = strike, upgrade
        self.process = None
        self.armed = self.struck = self.away = False
        self.seen = ""  # where the strike took place
        self._once = threading.Lock()

    # ---- what the proxy asks

    def before(self, request):
        if self.away:
            return ANSWERS.get(self.strike.kind, DROP)
        written, ahead = request.ledger.get(self.strike.step), self.strike.kind in AHEAD
        if (
            written
            and written["state"] == "done"
            and (ahead or self.strike.kind == "kill")
            and self._waits_at("during", "after")
        ):
            return self._do(RESULT)  # a step without a call of its own can only be struck here
        if request.mutating and ahead and self._waits_at("during"):
            return self._do(f"{request.method} {request.path}")
        return None

    def after(self, request, status):
        written = request.ledger.get(self.strike.step)
        if written and written["state"] == "intent" and status < 300 and not self.armed:
            self.armed = True
            if self.strike.place == "before":
                return self._do("its intent")
            if self.strike.place == "during":
                self._arm()
        elif (
            self._waits_at("during")
            and self.strike.kind in BEHIND
            and (request.mutating or (written and written["state"] == "done"))
        ):
            return self._do(f"{request.method} {request.path}" if request.mutating else RESULT)
        return None

    def inside(self):
        """Called from the middle of monqctl or pg_dump."""
        if self._waits_at("during"):
            self._do("its call")

    def _waits_at(self, *places):
        return self.armed and not self.struck and self.strike.place in places

    def _arm(self):
        """Prepares the program that the step calls, if any: it strikes itself, or asks the hook when it is in the
        middle of its work."""
        kind = self.strike.kind
        if kind in MONQCTL:
            self.upgrade.faults({"match": [], "changing": True, "kind": kind, **(CHEER if kind == "cheer" else {})})
        elif kind in ("kill", "pg-restart"):
            when = "during" if kind == "kill" else "before"
            self.upgrade.faults(
                {"match": [], "changing": True, "kind": "exec", "when": when, "command": self.upgrade.proxy.point()}
            )
            self.upgrade.armed_dump.write_text("half" if kind == "kill" else "none")

    # ---- what

    def _do(self, seen):
        with self._once:
            if self.struck:
                return None
            self.struck, self.seen = True, seen
        kind, upgrade = self.strike.kind, self.upgrade
        # A single lost connection is tried again, and a run survives it: tests/integration/test_load.py.
        self.away = kind == "api-reset" or (seen == RESULT and kind in ("api-500", "api-504", "api-hold"))
        if kind == "kill":
            upgrade.kill(self.process)
            return DROP
        if kind in ("kill-ansible", "term"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL if kind == "kill-ansible" else signal.SIGTERM)
            return None
        if kind == "api-hold":
            with contextlib.suppress(Exception):
                self.process.wait(timeout=90)  # until the run's own timeout of 60 s
            return DROP
        if kind == "api-restart":
            upgrade.stop_process("kube-apiserver", signal.SIGKILL)  # go_on starts it again when the run has given up
            return DROP
        if kind == "pg-restart":
            upgrade.stop_process(f"postgresql-{upgrade.name}", signal.SIGQUIT)
            if (
                step_class(self.strike.step) != "SQL"
            ):  # for a dump, the restarted server no longer knows the snapshot; an SQL call finds no server
                upgrade.restart_soon()
            return None
        if kind == "disk-full":
            upgrade.fill_disk()
            return None
        return ANSWERS.get(kind, DROP)

    def settle(self):
        """Called at the end of the run, before anything is repaired: the simulator's file shows whether it has
        struck."""
        if self.strike.kind in MONQCTL and self.armed:
            rows = json.loads(Path(self.upgrade.facts["faults"]).read_text(encoding="utf-8"))
            self.struck = not any(row.get("times", 1) > 0 for row in rows)
