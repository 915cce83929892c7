# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import threading
import time

from ansible.plugins.action.normal import ActionModule as Normal

from ..module_utils import live_line
from ..module_utils.language import ENGLISH
from . import languages, progress_file
from .screen import show


class HeartbeatAction(Normal):
    """Runs the module of the same name unchanged, while a thread shows what the module says it is doing, or that it is
    still running; never its arguments."""

    first, every = live_line.FIRST, live_line.EVERY
    texts = ()  # files and folders of module_utils whose texts the module itself makes, in the operator's language
    _words = ENGLISH

    def run(self, tmp=None, task_vars=None):
        task_vars = task_vars or {}
        host, budget = self._installation(task_vars), self._budget(task_vars)
        self._words = languages.chosen(self, task_vars)
        with self._file() as file:
            given = self._task.args
            if file:
                said = {**file.argument(), **({"budget": budget} if budget else {})}
                self._task.args = {**given, "progress": said}
            if self.texts and self._words.code != "en":
                self._task.args = {**self._task.args, "words": languages.part(self._words.code, *self.texts)}
            try:
                with self._beating(Beat(self, host, budget, file)):
                    return self._translated(super().run(tmp, task_vars))
            finally:
                self._task.args = given

    def _translated(self, result):
        """The result, with its warnings in the operator's language. What cannot be read as text stays as it is."""
        given = result.get("warnings")
        if self._words.code != "en" and isinstance(given, list):
            result["warnings"] = [self._warning(one) for one in given]
        return result

    def _warning(self, given):
        """given: a text, or from ansible-core 2.19 on an object with one."""
        text = given if isinstance(given, str) else getattr(getattr(given, "event", None), "msg", None)
        said = self._words.message(text) if isinstance(text, str) else text
        return given if said == text else said

    def _line(self, elapsed):
        """What is shown of a module that says nothing."""
        return self._words._(
            "{task}: still running after {seconds} s", task=self._task.get_name(), seconds=int(elapsed)
        )

    @staticmethod
    def _installation(task_vars):
        host = task_vars.get("inventory_hostname", "")
        return task_vars.get("monq_environment") or host if host == "localhost" else host

    def _budget(self, task_vars):
        """The seconds of outage that were agreed, if the variable is set."""
        with contextlib.suppress(Exception):
            return int(self._templar.template(task_vars["monq_outage_budget"]))
        return None

    @contextlib.contextmanager
    def _file(self):
        file = None
        with contextlib.suppress(Exception):  # then only the time is shown
            file = progress_file.opened(self)
        try:
            yield file
        finally:
            if file:
                file.close()

    @contextlib.contextmanager
    def _beating(self, beat):
        """Display sends a worker's lines to the main process through a locked queue, so any thread may call it
        (ansible-core 2.17 to 2.21)."""
        ended = threading.Event()
        thread = threading.Thread(target=beat.work, args=(ended,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


class Beat:
    """Looks at the file, and shows a line when one is due."""

    def __init__(self, action, host, budget, file):
        self._action, self._host, self._budget, self._file = action, host, budget, file
        self._started = time.monotonic()
        self._timing = live_line.Timing(self._started, action.first, action.every)
        self._row, self._down = {}, None  # when the outage began, on this clock

    def work(self, ended):
        pause = self._file.pause if self._file else min(1.0, self._action.first)
        while not ended.wait(pause):
            self._look()
        if self._file and self._file.last:
            self._take_rows()

    def _look(self):
        self._take_rows()
        self._show_if_due()

    def _take_rows(self):
        """Shows at once what is new about late objects."""
        for row in self._rows():
            self._row, outage = row, row.get("outage")
            # A row is read a little after it was written: the earliest beginning is the right one.
            began = [] if outage is None else [time.monotonic() - outage, self._down or time.monotonic()]
            self._down = min(began) if began else None
            self._show_if_due(late_only=True)

    def _rows(self):
        if not self._file:
            return []
        try:
            return self._file.rows()
        except Exception:  # pylint: disable=broad-exception-caught
            self._file.close()
            self._file = None  # asked once; from now on only the time is shown
            return []

    def _show_if_due(self, late_only=False):
        late, now = self._row.get("late") or (), time.monotonic()
        if self._timing.due(late, now, late_only=late_only):
            self._timing.shown(late, now)
            show(f"{time.strftime('%H:%M:%S')} {self._host}: {self._text(now)}")

    def _text(self, now):
        outage, elapsed = None if self._down is None else now - self._down, now - self._started
        row = self._row if self._row.get("text") else {**self._row, "text": self._action._line(elapsed)}
        return live_line.body(row, outage, self._budget, self._action._words)
