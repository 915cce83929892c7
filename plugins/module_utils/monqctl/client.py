# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import fcntl
import os
import time
import uuid

from .. import process
from ..errors import CommandError, MonqError
from ..language import mark
from ..private_file import private_file, remove_abandoned
from ..redaction import text as redaction
from ..terminal import clean
from . import output, rules
from .output import tail

MARKER = ".monq-platform-home"
SQL = ["release", "update", "db"]
SWITCH = ["config", "use-context"]
FAILED = mark("monqctl {argv} failed")
NO_SUCCESS = mark("monqctl {argv} ended without a word of success")


class Monqctl:
    """The vendor's client, in one home. The runner is injected: tests replace it with a list of results."""

    def __init__(
        self,
        path="monqctl",
        home=None,
        environment=None,
        timeout=3600,
        context="",
        given_rules=None,
        runner=process.run,
        fence=None,
        secrets=(),
        transcript=None,
        progress=None,
        before=None,
    ):
        """before: called with argv before a changing call, and raises MonqError where it must not be made."""
        self.path = path
        self.home = os.path.expanduser(home or "~")
        self.context = context
        self._env = {**(environment or {}), "HOME": self.home}
        self._secrets = redaction.long_enough(secrets)
        self.secrets = redaction.Known(self._secrets)  # for code that shows a call's output
        self._timeout = timeout
        self.rules = rules.Rules(given_rules or {})
        self._runner = runner
        self._fence = fence or (lambda: None)
        self._transcript, self._seconds, self._progress = transcript, 0.0, progress
        self._before = before or (lambda argv: None)

    def _run(self, argv, timeout=None, watch=None):
        began = time.monotonic()
        watched = {"watch": watch} if watch else {}
        try:
            return self._runner([self.path, *argv], env=self._env, timeout=timeout or self._timeout, **watched)
        finally:
            self._seconds = time.monotonic() - began

    def read(self, *argv):
        """The cleaned output of a call that changes nothing; status and output are both checked."""
        limit = min(self._timeout, 120)
        result = self._run(argv, timeout=limit)
        try:
            self._judge(list(argv), result, "", limit)
        except CommandError as exc:
            exc.unknown = False  # whatever happened, nothing was changed
            raise
        return clean(result.stdout)

    def read_json(self, *argv):
        return output.json_reply(self.read(*argv), "monqctl " + " ".join(argv), self.secrets)

    def version(self):
        """The version as a tuple, such as (1, 1, 2)."""
        return output.version(self.rules, self.read(*output.VERSION), self.secrets)

    def current_context(self):
        """The name of the current context. Raises CommandError where the reply does not tell it."""
        return output.answer(self.rules, output.CONTEXT, self.read(*output.CONTEXT), self.secrets)

    def healthy_status(self, ignored):
        """{name: state} of the registry, redacted. Raises CommandError where it is not healthy."""
        return output.healthy_status(self.rules, self.read(*output.STATUS), ignored, self.secrets)

    def require_context(self):
        """Raises CommandError unless the expected context is current: another terminal may have switched it (trap
        11)."""
        seen = self.current_context()
        if seen != self.context:
            raise CommandError(
                "monqctl's current context is not the expected one",
                f"monqctl in {self.home}",
                self.context,
                redaction.redact(seen, self.secrets) or "none",
                f"monqctl config use-context {self.context}, then run the same command again",
            )

    def change(self, argv, secret="", content=None, in_context=True):
        """Makes one changing call and returns its output. Raises CommandError; its unknown says whether the work may
        have been done.

        in_context: compares the current context right before the call.
        """
        remove_abandoned(self.home)
        self._before(argv)  # may take minutes, so context and fence are asked after it
        with self._shared(exclusive=argv[:2] == SWITCH):
            if in_context:
                self.require_context()
            with private_file(content, self.home) as path:
                full = [word.replace("{secret}", secret).replace("{file}", path) for word in argv]
                self._ask_fence()
                result = self._run(full, watch=self._watch(argv, secret))
        return self._judge(argv, result, secret, self._timeout)

    def _watch(self, argv, secret):
        """Says the call, then the last line that it prints."""
        if not self._progress:
            return None
        self._progress.say(f"monqctl {self._shown(' '.join(argv), secret)}")
        return self._progress.heard(lambda text: self._shown(text, secret))

    @contextlib.contextmanager
    def batch(self):
        """Compares the context once before and once after a batch of changing calls; yields a callable that records
        what was written. Raises CommandError if the context was switched meanwhile."""
        written, failed = [], None
        with self._shared(exclusive=False):
            self.require_context()
            try:
                yield written.append
            except CommandError as exc:  # possibly for that very reason
                failed = exc
            seen = self.current_context()
        if seen != self.context:
            raise CommandError(
                "monqctl's current context was switched while counts were written",
                f"monqctl in {self.home}",
                f"{self.context}, as before the first call",
                f"{redaction.redact(seen, self.secrets) or 'none'} after the last; written in between, in one context "
                f"or the other: {', '.join(written) or 'none'}",
                "check these counts in the registries of both contexts; then monqctl config use-context "
                f"{self.context}, and run the same command again",
            ) from failed
        if failed:
            raise failed

    @contextlib.contextmanager
    def _shared(self, exclusive):
        """Keeps other runs on this machine from switching the context between comparison and call: two installations
        may share a home by mistake."""
        if not os.path.isdir(self.home):
            yield
            return
        folder = os.open(self.home, os.O_RDONLY)
        try:
            for pause in (0.2,) * 50 if exclusive else (None,):
                try:
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB if exclusive else fcntl.LOCK_SH)
                    break
                except BlockingIOError:
                    time.sleep(pause)
                except OSError:
                    break  # a file system without locks: only the comparison of contexts remains
            else:
                error = CommandError(
                    "another run is using this home of monqctl",
                    self.home,
                    "no call by another run while the context is switched",
                    "a call that has not finished",
                    "give each installation a monq_monqctl_home of its own, then run the same command again",
                )
                error.unknown = False  # nothing was called yet
                raise error
            yield
        finally:
            os.close(folder)

    def _ask_fence(self):
        try:
            self._fence()
        except MonqError as exc:
            exc.unknown = False  # nothing was called yet
            raise

    def _shown(self, text, secret):
        """The text without known secrets and without anything that looks like one, such as the registry's database
        password."""
        return redaction.redact(text, redaction.Known([secret, *self._secrets]))

    def _judge(self, argv, result, secret, limit):
        # Rules see the raw text; only the redacted one is shown.
        text = clean(result.stdout + ("\n" + result.stderr if result.stderr else ""))
        shown = self._shown(text, secret)
        verdict = self.rules.judge(argv, result.rc, text)
        if self._transcript:
            named = [self._shown(word, secret) for word in argv]
            known = verdict._replace(line=self._shown(verdict.line, secret))
            self._transcript.add(named, result, shown, known, self._seconds)
        if verdict.state == rules.DONE and not result.timed_out:
            return shown
        seen, unknown, then = self._reason(argv, result, text, verdict, secret, limit)
        what = NO_SUCCESS if verdict.state == rules.UNKNOWN else FAILED
        error = CommandError(
            what.format(argv=self.secrets.mask(" ".join(argv))),
            f"context {self.context or 'none'}",
            "exit status 0 and no failure in the output",
            seen + ("\n    " + tail(shown).replace("\n", "\n    ") if shown.strip() else ""),
            then,
            output=tail(shown, 50),
        )
        error.unknown, error.only_words = unknown, result.rc == 0 and not result.timed_out
        raise error

    def _reason(self, argv, result, text, verdict, secret, limit):
        """(what was seen, whether the work may have been done, what to do next)"""
        then = "fix the cause, then run the same command again"
        if result.timed_out:
            return f"timed out after {limit} s and was killed", True, then
        if result.rc < 0:
            return f"killed by signal {-result.rc}", True, then
        if result.rc:
            # An SQL file may be partly applied, whatever the status (trap 36).
            return f"exit status {result.rc}", argv[:3] == SQL and not self.rules.never_began(argv, text), then
        if verdict.state == rules.UNKNOWN:
            return f"exit status 0, but no rule of {rules.VARIABLE} for success matches the output", True, then
        line = self._shown(verdict.line, secret)
        harmless = rules.spare(argv, line) if line == verdict.line else rules.off(verdict.rule)
        seen = f"exit status 0, but the output says: {line}\n    rule {verdict.rule} of {rules.VARIABLE}"
        return seen, True, f"{then}; if that line means no failure, add\n    {harmless}"

    def marker(self):
        """The random marker of this home, or None if it has none yet."""
        try:
            with open(os.path.join(self.home, MARKER), encoding="ascii") as file:
                return file.read().strip() or None
        except FileNotFoundError:
            return None

    def make_marker(self):
        known = self.marker()
        if known:
            return known
        os.makedirs(self.home, mode=0o700, exist_ok=True)
        new = uuid.uuid4().hex
        with open(os.path.join(self.home, MARKER), "w", encoding="ascii") as file:
            file.write(new + "\n")
        return new
