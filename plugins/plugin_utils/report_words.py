# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every word of the report that is not in a template: looked up by id, and passed through gettext.

Extractors of catalogues find the texts as arguments of mark() and gettext(), and in templates of _() and ngettext().
"""

from __future__ import annotations

from ..module_utils import timestamp
from ..module_utils.language import ENGLISH, mark
from ..module_utils.report import findings

STATES = {
    "done": mark("done"),
    "accepted": mark("accepted by the operator"),
    "failed": mark("failed"),
    "unknown": mark("outcome unknown"),
    "intent": mark("started, no result"),
    "redo": mark("to be done again"),
    "to do": mark("not started"),
    "restored": mark("restored and compared"),
    "skipped": mark("not restored"),
}
STAGES = {
    "prepare": mark("Prepare"),
    "upgrade.begin": mark("Before the outage"),
    "upgrade.routing": mark("Routes"),
    "verify": mark("Verify"),
    "rollback": mark("Rollback"),
}
UNDO = {
    "reversible": mark("nothing to undo"),
    "compensable": mark("can be restored"),
    "irreversible": mark("cannot be undone"),
}
ANSWERS = {
    "done": mark("it was done"),
    "accept": mark("go on without it"),
    "retry": mark("do it again"),
    "redo": mark("it counted as done; do it again"),
}
MARKS = {
    "point": mark("point of no return"),
    "failure": mark("failure"),
    "answer": mark("answer of the operator"),
    "run": mark("another run takes the lock"),
}
PROBE = {
    "ok": mark("reachable"),
    "not_observed": mark("not observed"),
    "refused": mark("no connection"),
    "tls": mark("no TLS connection, or a wrong certificate"),
    "timeout": mark("no response within one second"),
    "not_found": mark("404: no route"),
    "server_error": mark("an error of the server (5xx)"),
    "unexpected": mark("another response than expected"),
}
# {outcome: (sentence, kind of verdict)}
VERDICTS = {
    "finished": (mark("The upgrade from %(from)s to %(to)s is finished and verified."), "good"),
    "failed": (mark("The upgrade from %(from)s to %(to)s has failed: %(done)s of %(steps)s steps are done."), "bad"),
    "running": (mark("A run is at work: %(done)s of %(steps)s steps are done."), "open"),
    "unfinished": (
        mark("The upgrade from %(from)s to %(to)s is not finished: %(done)s of %(steps)s steps are done."),
        "open",
    ),
    "rolled_back": (mark("The upgrade was rolled back; the release is %(from)s again."), "good"),
    "rollback_unfinished": (mark("The rollback is not finished: %(done)s of %(steps)s steps are done."), "open"),
    "rollback_failed": (mark("The rollback has failed: %(done)s of %(steps)s steps are done."), "bad"),
}
PLATFORM = {
    "up": mark("Monq is up."),
    "down": mark("Monq is DOWN."),
    "unknown": mark("Whether Monq is up is unknown."),
}


class Words:
    """The report's words in one language, and its numbers and times as text."""

    def __init__(self, translations=None, zone=None):
        """translations: a Language. zone: the time zone of local times; None for that of this machine."""
        self.translations = translations or ENGLISH
        self.gettext, self._zone = self.translations.gettext, zone

    def _known(self, table, name):
        return self.gettext(table[name]) if name in table else str(name)

    def state(self, name):
        return self._known(STATES, name)

    def stage(self, name):
        if name.startswith("upgrade.") and name not in STAGES:
            return self.gettext("Module %(name)s") % {"name": name.partition(".")[2]}
        return self._known(STAGES, name)

    def undo(self, name):
        return self._known(UNDO, name)

    def answer(self, name):
        return self._known(ANSWERS, name)

    def severity(self, name):
        return self._known(findings.SEVERITIES, name)

    def mark(self, name):
        return self._known(MARKS, name)

    def probe(self, name):
        return self._known(PROBE, name)

    def title(self, title):
        """The title of a step."""
        return self.said(title)

    def said(self, text):
        """What a module has said."""
        return self.translations.sentence(text) if text else ""

    def message(self, text):
        """The message of a failure."""
        return self.translations.message(text) if text else ""

    def finding(self, row, what):
        """One text of a finding."""
        return findings.text(row, what, self.translations)

    def verdict(self, report):
        """The verdict in one sentence, and whether Monq is up."""
        sentence, _kind = VERDICTS[report["outcome"]]
        values = {**report["release"], **report["counts"]}
        return f"{self.gettext(sentence) % values} {self.gettext(PLATFORM[report['platform']])}"

    @staticmethod
    def kind(report):
        """good, bad or open: the colour and the sign of the verdict."""
        return "bad" if report["platform"] == "down" else VERDICTS[report["outcome"]][1]

    def duration(self, seconds):
        """1 h 02 min 03 s; a dash where it is not known."""
        if seconds is None:
            return "–"
        hours, rest = divmod(int(seconds), 3600)
        minutes, left = divmod(rest, 60)
        if hours:
            return self.gettext("%(hours)d h %(minutes)02d min %(seconds)02d s") % {
                "hours": hours,
                "minutes": minutes,
                "seconds": left,
            }
        if minutes:
            return self.gettext("%(minutes)d min %(seconds)02d s") % {"minutes": minutes, "seconds": left}
        return self.gettext("%(seconds)d s") % {"seconds": left}

    def size(self, count):
        """Bytes, in the unit that fits."""
        if count is None:
            return "–"
        units, value = (
            [self.gettext("B"), self.gettext("KiB"), self.gettext("MiB"), self.gettext("GiB"), self.gettext("TiB")],
            float(count),
        )
        while value >= 1024 and len(units) > 1:
            value, units = value / 1024, units[1:]
        return f"{value:.0f} {units[0]}" if value == int(value) else f"{value:.1f} {units[0]}"

    # ---- times: of this machine, and UTC

    def local(self, text):
        return timestamp.parsed(text).astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S") if text else "–"

    def clock(self, text):
        return timestamp.parsed(text).astimezone(self._zone).strftime("%H:%M:%S")

    def utc(self, text):
        """The time in UTC; empty where the local time is the same."""
        if not text or not self.offset(text):
            return ""
        return timestamp.parsed(text).strftime("%Y-%m-%d %H:%M:%S")

    def offset(self, text):
        """+03:00; empty for UTC."""
        found = timestamp.parsed(text).astimezone(self._zone).strftime("%z")
        return "" if found == "+0000" else f"{found[:3]}:{found[3:]}"
