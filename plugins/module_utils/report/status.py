# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The screen of status.yml: one screen, with what to type next. Every sentence is a template with named parameters."""

from __future__ import annotations

import datetime
import re
import textwrap

from ..engine import progress
from ..language import ENGLISH, mark
from ..live_line import clock, short
from ..live_line import translated as live
from . import failure as failures

WIDTH = 100
INDENT = "    "
QUESTIONS = 2  # shown with their answers: more of them would push the rest off the screen

TEXTS = {
    "down": mark("{host}: Monq is DOWN since {since}{lasts}. The upgrade is not finished."),
    "down.back": mark("{host}: Monq is DOWN since {since}{lasts}. A rollback is not finished."),
    "up.before": mark("{host}: Monq is up. The old routes have not been touched."),
    "up.after": mark("{host}: Monq is up since {since}. The outage lasted {lasts}."),
    "up.verified": mark("{host}: Monq is up since {since}. The outage lasted {lasts}. Release {release} is verified."),
    "up": mark("{host}: Monq is up."),
    "lost": mark("{host}: whether Monq is up is UNKNOWN: the ledger was deleted."),
    "done": mark("done: {done} of {total}: {groups}"),
    "done.again": mark("done: {done} of {total} (generation {generation}): {groups}"),
    "done.nothing": mark("done: nothing has been started: 0 of {total} steps"),
    "running": mark("running now: {line}"),
    "running.unsaid": mark("running now: the run that holds the lock has not said what it does"),
    "running.last": mark("said last: {line}"),
    "failed": mark("failed at {at}: {task}: {message}"),
    "interrupted": mark("interrupted: {step}, started {since}: its run ended before it recorded a result"),
    "failed.step": mark("failed at {at}: {step}: {message}"),
    "exit": mark("stopped at the last exit at {at}: no SQL has run; the rest of the outage does not fit"),
    "question.sql": mark("question: was this SQL applied to the database? ({state} since {since}{error})"),
    "question": mark("question: the outcome of {step} is unknown ({state} since {since}{error})."),
    "question.more": mark("{count} more questions: shown when these are answered, and with -v"),
    "retry.sql": mark("it was not applied: add"),
    "done.sql": mark("it was applied completely: add"),
    "retry": mark("if nothing works on it any more on {machine}, add"),
    "no return": mark("point of no return: not passed; the first step that cannot be undone is {step}"),
    "no return.passed": mark("point of no return: PASSED; steps that cannot be undone: {count}"),
    "lock.free": mark("lock: free"),
    "lock.held": mark("lock: {holder}, id {id}, since {since}"),
    "lock.silent": mark("lock: {holder} since {since}, NOT renewed for {silent}: probably dead"),
    "next": mark("next:"),
    "next.nothing": mark("next: nothing; the release is finished and verified"),
    "next.wait": mark("next: wait; a run is at work. The same command shows how far it is."),
    "next.question": mark("next, with an answer of the above:"),
    "next.taken": mark("next (it takes the lock over {duration} s after the last renewal):"),
    "next.unlock": mark("or at once, if that run is known to be dead:"),
    "next.check": mark("next, to check everything first:"),
    "next.on": mark("to go on:"),
    "next.back": mark("to roll back:"),
    "files": mark("files: {folder}: {names}"),
    "files.none": mark("files: none yet; they will be in {folder}"),
    "files.dumps": mark("dumps: {count}"),
    "files.without": mark("no bundle (support.yml makes one)"),
    "all": mark("All {total} steps: the same command with -v, or with -e monq_status_all=true."),
}


def screen(ledger, commands, host, release, words=ENGLISH):
    """The text. ledger: what ledger_info returned. commands: see commands(). Lines are at most WIDTH long, except for
    words that cannot be broken."""
    return _Screen(words).whole(ledger, commands, host, release)


class _Screen:
    """The parts of the screen in one language."""

    def __init__(self, words):
        self._words = words

    def say(self, name, **parameters):
        return self._words._(TEXTS[name], **parameters)

    def _short(self, said):
        return short(self._words.sentence(said), WIDTH)

    def whole(self, ledger, commands, host, release):
        rows = ledger["steps"]
        lines = _wrapped(self._standing(ledger, host, release), "")
        lines += _wrapped(self._words.sentence(ledger.get("lost") or "") or self._done(ledger))
        lines += _wrapped(self._running(ledger))
        lines += _wrapped(self._failed(ledger)) + _wrapped([self._words.sentence(ledger.get("rollback") or "")])
        lines += self._questions(ledger)
        lines += _wrapped(self._no_return(rows)) if ledger["begun"] and not ledger.get("lost") else []
        lines += _wrapped(self._lock(ledger))
        lines += self._next(ledger, commands)
        lines += _wrapped(self._files(ledger.get("files") or {}))
        return "\n".join([*lines, "  " + self.say("all", total=len(rows))])

    def _standing(self, ledger, host, release):
        rows = ledger["steps"]
        if ledger.get("lost"):
            return self.say("lost", host=host)
        cut = next((row for row in rows if row["cutover"]), {})
        since = ledger.get("down_since", cut.get("started") if ledger["platform"] == "down" else None)
        if since:
            lasts = _between(since, ledger.get("now"))
            name = "down.back" if ledger.get("rollback") else "down"
            return self.say(name, host=host, since=since, lasts=f" ({clock(lasts)})" if lasts is not None else "")
        if ledger.get("rollback"):
            return self.say("up", host=host)
        if not cut.get("started"):
            return self.say("up.before", host=host)
        if ledger.get("outage_seconds") is None:
            return self.say("up", host=host)
        last = [row for row in rows if row["key"].startswith("upgrade.") and row["kind"] != "client"][-1]
        since, lasts = last["finished"], clock(ledger["outage_seconds"])
        name = "up.verified" if rows[-1]["state"] == "done" else "up.after"
        return self.say(name, host=host, since=since, lasts=lasts, release=release)

    def _done(self, ledger):
        rows, counts = ledger["steps"], {}
        for row in rows:
            found = counts.setdefault(group(row["key"]), [0, 0])
            found[0] += row["state"] in ("done", progress.ELSEWHERE)
            found[1] += 1
        done = sum(found[0] for found in counts.values())
        if not done and not ledger["begun"]:
            return self.say("done.nothing", total=len(rows))
        groups = ", ".join(f"{name} {some}/{all_}" for name, (some, all_) in counts.items())
        name = "done" if ledger["generation"] == 1 else "done.again"
        return self.say(name, done=done, total=len(rows), generation=ledger["generation"], groups=groups)

    def _running(self, ledger):
        line = short(live(ledger.get("running") or "", self._words), 2 * WIDTH - 40)
        if not ledger.get("holder"):
            return []
        if _silent(ledger) is not None:
            return [self.say("running.last", line=line)] if line else []
        return [self.say("running", line=line) if line else self.say("running.unsaid")]

    def _failed(self, ledger):
        found = ledger.get("failure") or {}
        if found.get("last_exit"):
            return [self.say("exit", at=found["at"])]
        if found:
            message = self._short(str(found.get("message") or "").partition("\n")[0])
            return [self.say("failed", at=found["at"], task=found.get("task") or found.get("step"), message=message)]
        held = (ledger.get("holder") or {}) and _silent(ledger) is None
        asked = [one["key"] for one in ledger.get("questions") or []]
        rows = [row for row in ledger["steps"] if row["state"] in ("failed", "unknown", "intent")]
        if held or ledger.get("rollback") or not rows or rows[-1]["key"] in asked:
            return []
        row = rows[-1]
        if row["state"] == "intent":
            return [self.say("interrupted", step=row["key"], since=row.get("started"))]
        return [
            self.say("failed.step", at=row["finished"], step=row["key"], message=self._short(row.get("error") or ""))
        ]

    def _questions(self, ledger):
        found = [] if ledger.get("rollback") else ledger.get("questions") or []
        lines = []
        for one in found[:QUESTIONS]:
            error = f": {self._short(one['error'])}" if one.get("error") else ""
            lines += _wrapped(
                self.say(
                    "question.sql" if one["sql"] else "question",
                    step=one["key"],
                    state=one["state"],
                    since=one["started"],
                    error=error,
                )
            )
            for answer, option in one["answers"].items():
                what = self.say(f"{answer}.sql") if one["sql"] else self.say(answer, machine=one.get("host"))
                lines += _wrapped(what, INDENT) + _option(option)
        more = len(found) - QUESTIONS
        return lines + (_wrapped(self.say("question.more", count=more)) if more > 0 else [])

    def _no_return(self, rows):
        kept = [row for row in rows if row["undo"] == "irreversible"]
        gone = [row for row in kept if row["state"] != "to do"]
        if gone:
            return self.say("no return.passed", count=len(gone))
        return self.say("no return", step=kept[0]["key"]) if kept else ""

    def _lock(self, ledger):
        holder = ledger.get("holder")
        if not holder:
            return self.say("lock.free")
        known, silent = {name: holder[name] for name in ("holder", "id")}, _silent(ledger)
        since = _whole(holder["since"])
        if silent is None:
            return self.say("lock.held", since=since, **known)
        return self.say("lock.silent", since=since, silent=clock(silent), **known)

    def _files(self, found):
        if not found:
            return []
        names = [self.say("files.dumps", count=found["dumps"])] if found["dumps"] else []
        names += found["pages"]
        if not names and not found["bundle"]:
            return self.say("files.none", folder=found["folder"])
        return self.say(
            "files", folder=found["folder"], names=", ".join([*names, found["bundle"] or self.say("files.without")])
        )

    def _next(self, ledger, commands):
        holder = ledger.get("holder")
        if ledger.get("lost"):
            return []  # what to do is in that text
        if holder and _silent(ledger) is None:
            return _wrapped(self.say("next.wait"))
        if ledger.get("rollback"):
            return self._taken(holder, commands["rollback"], commands)
        if ledger["steps"][-1]["state"] == "done" and not holder:
            return _wrapped(self.say("next.nothing"))
        if not ledger["begun"] and not holder:
            return self._typed("next.check", commands["preflight"])
        if (ledger.get("failure") or {}).get("last_exit"):
            return self._typed("next.on", commands["on"]) + self._typed("next.back", commands["rollback"])
        if ledger.get("questions"):
            return self._taken(holder, commands["site"], commands, "next.question")
        return self._taken(holder, commands["site"], commands)

    def _taken(self, holder, command, commands, name="next"):
        """The command; while a dead run holds the lock, also the one that takes it away at once."""
        if not holder:
            return self._typed(name, command)
        taken = self.say("next.taken", duration=holder["duration"])
        unlock = commands["unlock"].format(id=holder["id"])
        return _wrapped(taken) + _folded(command) + _wrapped(self.say("next.unlock")) + _folded(unlock)

    def _typed(self, name, command):
        return _wrapped(self.say(name)) + _folded(command)


def _wrapped(texts, indent="  "):
    found = []
    for text in texts if isinstance(texts, list) else [texts]:
        found += textwrap.wrap(
            text,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent + "  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return found


# ---- what is


def group(key):
    """What a step belongs to: prepare, outage, a module, or verify."""
    stage, part = key.split(".")[:2]
    if stage != "upgrade":
        return stage
    return "cutover" if part in ("backup", "snapshot", "replicas", "routing", "backup_in_outage") else part


def _option(text):
    """An option in quotes, broken only where JSON has a space: a shell takes it over several lines."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=INDENT + "  ",
        subsequent_indent=INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _silent(ledger):
    return silent(ledger.get("holder"), ledger.get("now"))


def silent(holder, now):
    """Seconds without a renewal, by the API server's clock, if that is long enough for the lock to be taken over; else
    None."""
    seconds = _between((holder or {}).get("renewed"), now)
    return seconds if seconds is not None and seconds > holder["duration"] else None


# ---- what to type


def _folded(command):
    """A command on lines of at most WIDTH, with a backslash at the end of each but the last; as it is where a quoted
    word holds a space."""
    if len(command) + len(INDENT) <= WIDTH or re.search(r"'[^']*\s[^']*'", command):
        return [INDENT + command]
    lines = [""]
    for part in re.split(r" (?=-)", command):  # an option stays with its value
        if lines[-1] and len(INDENT) + 2 + len(lines[-1]) + len(part) + 3 > WIDTH:
            lines[-1] += " \\"
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + part
    return [INDENT + lines[0], *(f"{INDENT}  {line}" for line in lines[1:])]


def commands(given, environment, host="", job=False, words=ENGLISH):
    """{site, on, rollback, preflight, unlock}: the next commands, from the options of the ansible-playbook that runs
    status.yml. host: the one to limit them to, where the inventory has several. job: whether it runs in AWX."""
    outage, back = f"monq_confirm_outage={environment}", f"monq_confirm_rollback={environment}"

    def launched(playbook, given):
        return words._("launch the job template of {playbook} with {given}", playbook=playbook, given=given)

    if job:
        return {
            "site": launched("site.yml", outage),
            "on": launched("site.yml", f"{outage} monq_last_exit=continue"),
            "rollback": launched("rollback.yml", back),
            "preflight": words._("launch the job template of {playbook}", playbook="preflight.yml"),
            "unlock": launched("unlock.yml", "monq_lock_id={id}"),
        }
    kept = [word for word in given.get("extra_vars") or [] if not word.startswith("monq_status_all=")]
    given = {**given, "extra_vars": kept, "tags": [], "skip_tags": [], "check": False}
    if host:
        given["limit"] = host

    def typed(name, *extra):
        known = given.get("playbooks") or []
        playbooks = [re.sub(r"status(\.ya?ml)?$", rf"{name}\1", playbook) for playbook in known[:1]]
        if playbooks == known[:1]:
            playbooks = [f"monq.platform.{name}"]
        others = [word for word in kept if word.partition("=")[0] not in [one.partition("=")[0] for one in extra]]
        return failures.resume_command({**given, "playbooks": playbooks, "extra_vars": [*others, *extra]})

    return {
        "site": typed("site", outage),
        "on": typed("site", outage, "monq_last_exit=continue"),
        "rollback": typed("rollback", back),
        "preflight": typed("preflight"),
        "unlock": typed("unlock").replace("{", "{{").replace("}", "}}") + " -e monq_lock_id={id}",
    }


# ---- times


def _whole(text):
    """A time of the Lease to the second, in the ledger's form."""
    return f"{text[:19]}Z" if text else "?"


def _moment(text):
    return datetime.datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")


def _between(start, end):
    try:
        return int((_moment(end) - _moment(start)).total_seconds()) if start and end else None
    except ValueError:
        return None
