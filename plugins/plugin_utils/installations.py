# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has made of each installation, gathered from the results of its tasks as they come in."""

from __future__ import annotations

from ..module_utils.language import ENGLISH
from ..module_utils.report import failure as failures
from ..module_utils.report import fleet
from .command_line import job, typed

OURS = "monq.platform."
UPGRADE = "batch"  # the first task of the playbooks that change an installation batch by batch
ROLLBACK = "rollback_step"


class Installations:
    """The rows of the table."""

    def __init__(self):
        self._rows, self._order, self._kinds, self.words = {}, [], set(), ENGLISH

    def expect(self, kinds):
        """kinds: names of our modules in the whole run."""
        self._kinds |= kinds

    def speak(self, words):
        """words: a Language."""
        self.words = words

    def take(self, host, action, task, data, failed=False, unreachable=False):
        """Takes the result of a task."""
        kind = action.removeprefix(OURS) if action.startswith(OURS) else ""
        if (self._rows.get(host) or {}).get("verdict") == "killed":  # there is a result after all
            self._rows[host] = self._rows[host]["before"]
        known = self._rows.get(host) or None
        if failed or unreachable:
            self._rows[host] = self._failed(known or {}, task, data, unreachable)
        elif data.get("skipped"):
            pass
        elif data.get("installation"):
            self._rows[host] = data["installation"]
        elif kind == "preflight" and known is None:
            ledger = data.get("ledger") or {}
            self._rows[host] = {**self._of(ledger), "verdict": "checked"}
        elif kind == "batch":
            self._order = list(data.get("hosts") or [])
            for name in [*self._order, host]:
                self._rows.setdefault(name, {"verdict": "checked"})
            self._rows[host]["verdict"] = "begun" if data.get("begins") else "not begun"
        elif kind == "verify":
            self._rows[host] = {"verdict": "done", "platform": "up", "outage": data.get("outage_seconds")}
        elif "__monq_batch_ended" in (data.get("ansible_facts") or {}):
            verdict = "rolled back" if ROLLBACK in self._kinds else "upgraded"
            self._rows[host] = {**(known or {}), "verdict": verdict, "platform": "up"}

    def kill(self, host, task):
        """The process of this host was killed, so that there is no result."""
        before = self._rows.get(host) or {}
        self._rows[host] = {**before, "verdict": "killed", "at": task, "before": before}

    def _failed(self, known, task, data, unreachable):
        if data.get("installation"):
            return data["installation"]
        if known.get("verdict") in ("failed", "question", "interrupted", "locked"):
            return known  # a hook, or the release of the lock, has failed as well
        at = str(data.get("msg") or "").splitlines()[0] if unreachable and data.get("msg") else task
        return {**known, "verdict": "unreachable" if unreachable else "failed", "at": at}

    @staticmethod
    def _of(ledger):
        return {"outage": ledger.get("outage_seconds"), "platform": ledger.get("platform", "")}

    def table(self):
        """The text; empty for a single installation."""
        if len(self._rows) < 2:
            return ""
        batched = UPGRADE in self._kinds
        rows = {
            host: {**one, "verdict": self._verdict(one.get("verdict", "unfinished"), batched)}
            for host, one in sorted(self._rows.items(), key=self._place)
        }
        return fleet.table(rows, self._command, self.words)

    def _place(self, row):
        """In the order of the inventory where a batch has told it, else by name: results come in any order."""
        return (self._order.index(row[0]), row[0]) if row[0] in self._order else (len(self._order), row[0])

    @staticmethod
    def _verdict(verdict, batched):
        """An installation that was checked only, in a run that upgrades, was not begun: its batch did not come."""
        if verdict == "begun":
            return "unfinished"
        return "not begun" if batched and verdict == "checked" else verdict

    def _command(self, hosts):
        limit = ",".join(hosts)
        if job():
            return f"{failures.relaunch(job(), '', self.words)}, limit: {limit}"
        return failures.resume_command({**typed(), "limit": limit})
