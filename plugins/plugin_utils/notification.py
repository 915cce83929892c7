# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people who are not at the terminal are told: made of facts that a run has anyway. No input, no output."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..module_utils import timestamp
from ..module_utils.errors import InputError
from ..module_utils.language import mark
from ..module_utils.redaction.text import redact
from .report_words import Words

VARIABLE = "monq_notify"
KEYS = ("url", "preset", "events", "headers", "body")
PRESETS = ("webhook", "mattermost", "telegram")
LONGEST = 300  # characters of a failure's message
HARMLESS = ("content-type", "accept", "user-agent")  # headers that hold no secret
STAMP = "%Y-%m-%d %H:%M:%S UTC"

# Each event: the lines of its text. A line whose facts are missing is left out.
ABOUT = mark("Monq %(host)s, environment %(environment)s: ")
TEXTS = {
    "announced": (
        mark("the upgrade from %(previous)s to %(version)s begins."),
        mark("Monq itself will be down: until it is back, it watches nothing and receives no events."),
        mark("The outage takes place within %(window)s."),
        mark("It may take %(budget)s."),
    ),
    "resumed": (
        mark("the upgrade to %(version)s goes on."),
        mark("Monq has been down since %(from)s: it watches nothing and receives no events."),
    ),
    "outage_begins": (
        mark("the outage begins."),
        mark("From now on Monq watches nothing and receives no events."),
    ),
    "failed": (
        mark("the run has failed in: %(task)s."),
        mark("%(message)s"),
        mark("The platform is %(reachable)s."),
    ),
    "question_asked": (
        mark("the run needs a decision: %(message)s"),
        mark("The platform is %(reachable)s."),
        mark("The last lines of the run show the answers to choose from."),
    ),
    "outage_over": (
        mark("the outage is over."),
        mark("It took %(duration)s."),
        mark("Monq was blind from %(from)s to %(to)s: what happened in this time was not watched."),
        mark("Users saw an outage of %(seen)s."),
    ),
    "rollback_begins": (
        mark("the rollback to %(previous)s begins."),
        mark("Monq has been down since %(from)s."),
        mark("Until the rollback is finished, Monq may watch nothing and receive no events."),
    ),
    "rolled_back": (
        mark("the rollback to %(previous)s is finished."),
        mark("Monq had been down since %(from)s: what happened in this time was not watched."),
    ),
    "verified": (mark("the upgrade from %(previous)s to %(version)s is finished and verified."),),
}
EVENTS = (
    *("announced", "outage_begins", "failed", "question_asked", "outage_over", "verified"),
    *("rollback_begins", "rolled_back"),
)


class Target:
    """One entry of monq_notify."""

    def __init__(self, given, number):
        """Raises InputError for what cannot be used. It shows no value: a URL may be a secret."""
        self.name = f"{VARIABLE}[{number}]"
        if not isinstance(given, dict):
            raise self._wrong(mark("url, and what else is needed"), mark("something else"))
        unknown = sorted(set(given) - set(KEYS))
        if unknown:
            raise self._wrong(_listed(mark("only these keys: {names}"), KEYS), ", ".join(map(str, unknown)))
        self.url = str(given.get("url") or "")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise self._wrong(mark("a url of http or https"), mark("another, or none"))
        self.preset = given.get("preset") or "webhook"
        if self.preset not in PRESETS:
            raise self._wrong(_listed(mark("one of these presets: {names}"), PRESETS), mark("another preset"))
        self.events = list(given.get("events") or EVENTS)
        if set(self.events) - set(EVENTS):
            expected = _listed(mark("only these events: {names}"), EVENTS)
            raise self._wrong(expected, ", ".join(map(str, set(self.events) - set(EVENTS))))
        self.headers, self.body = given.get("headers") or {}, given.get("body") or {}
        if not isinstance(self.headers, dict) or not isinstance(self.body, dict):
            raise self._wrong(mark("headers and body with names and values"), mark("something else"))
        if self.preset == "telegram" and not self.body.get("chat_id"):
            raise self._wrong(mark("chat_id in body, which Telegram needs"), "none")

    def _wrong(self, expected, seen):
        return InputError(f"{VARIABLE} cannot be used", self.name, expected, seen, "correct it in the inventory")

    @property
    def secrets(self):
        """What no text may show."""
        return secrets_of([{"url": self.url, "headers": self.headers}])

    def payload(self, event, text, facts):
        """The body of the request. What the site gave in body is added, and wins."""
        made = {"text": text}
        if self.preset == "webhook":
            made = {"event": event, "text": text, **facts}
        return {**made, **self.body}


def _listed(text, names):
    return text.format(names=", ".join(names))


def secrets_of(given):
    """The secrets in URLs and headers of such entries: keys and tokens are parts of the URLs of webhooks. What is no
    entry has none."""
    found = []
    for one in given if isinstance(given, list) else []:
        if isinstance(one, dict):
            headers = one.get("headers") if isinstance(one.get("headers"), dict) else {}
            found += [str(value) for name, value in headers.items() if str(name).lower() not in HARMLESS]
            parts = urlsplit(str(one.get("url") or ""))
            # A short word of a path, such as the name of the environment, would mask half of a text.
            found += [piece for piece in [*parts.path.split("/"), *re.split(r"[&=]", parts.query)] if _is_key(piece)]
            found += [parts.password] if parts.password else []
    return [text for text in dict.fromkeys(found) if len(text) >= 4]


def _is_key(piece):
    return len(piece) >= 16 and any(sign.isdigit() for sign in piece)


def targets(given):
    """The entries of monq_notify. Raises InputError for what cannot be used."""
    if not isinstance(given, list):
        expected = mark("a list of targets")
        raise InputError(f"{VARIABLE} cannot be used", VARIABLE, expected, type(given).__name__, "correct it")
    return [Target(one, number) for number, one in enumerate(given, 1)]


def text(event, facts, secrets=(), translations=None):
    """The message of an event. facts: see facts_of."""
    words = Words(translations)
    values = {name: value for name, value in _values(facts, words).items() if value not in (None, "")}
    lines = []
    for line in TEXTS["resumed" if event == "announced" and facts.get("resumed") else event]:
        try:
            lines.append(words.gettext(line) % values)
        except KeyError:
            continue
    return redact(words.gettext(ABOUT) % values + "\n".join(lines), secrets)


def _values(facts, words):
    outage, failure = facts.get("outage") or {}, facts.get("failure") or {}
    seen = (facts.get("seen") or {}).get("seconds")
    return {
        "host": facts["host"],
        "environment": facts["environment"],
        "previous": facts["release"]["from"],
        "version": facts["release"]["to"],
        "window": facts.get("window"),
        "budget": words.duration(facts["budget"]) if facts.get("budget") else None,
        "task": failure.get("task"),
        "message": words.said(failure.get("message")),
        "reachable": words.said(facts.get("reachable")),
        "from": _time(outage.get("from")),
        "to": _time(outage.get("to")),
        "duration": words.duration(outage["seconds"]) if outage.get("seconds") is not None else None,
        "seen": words.duration(seen) if seen else None,
    }


def _time(stamp):
    return timestamp.parsed(stamp).strftime(STAMP) if stamp else None


def facts_of(given, secrets=()):
    """What is known of the run, as a webhook gets it. given: host, environment, release, window, budget, ledger,
    failure (task, message) and seen, as far as they are there."""
    release, ledger = given["release"], given.get("ledger") or {}
    found = {
        "host": given["host"],
        "environment": given["environment"],
        "release": {"product": release["product"], "from": release["previous"], "to": release["version"]},
        "window": given.get("window") or None,
        "budget": int(given.get("budget") or 0) or None,
        "platform": ledger.get("platform"),
        "reachable": ledger.get("reachable"),
        "outage": outage(ledger),
        "seen": {name: (given.get("seen") or {}).get(name) for name in ("state", "from", "to", "seconds")},
        "failure": None,
        "resumed": ledger.get("platform") == "down",
    }
    if given.get("failure"):
        message = str(given["failure"].get("message") or "").strip().splitlines()
        shown = redact(message[0] if message else "", secrets)
        shown = shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
        found["failure"] = {"task": given["failure"].get("task") or "", "message": shown}
    return found


def outage(ledger):
    """{from, to, seconds} of what ledger_info returned, or None before the outage; to and seconds: None during it."""
    rows = [row for row in ledger.get("steps") or [] if row["key"].startswith("upgrade.") and row["kind"] != "client"]
    cut = next((row for row in rows if row.get("cutover") and row.get("started")), None)
    if not cut:
        return None
    seconds = ledger.get("outage_seconds")
    ended = rows[-1].get("finished") if seconds is not None else None
    return {"from": cut["started"], "to": ended, "seconds": seconds}
