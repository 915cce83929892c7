"""What people are told: facts, no secret, and what cannot be used is refused."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.action import notify
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError
from ansible_collections.monq.platform.plugins.modules import notify as module
from ansible_collections.monq.platform.plugins.plugin_utils import notification
from repository import RELEASE

KEY = "xk3a9q7zj3fw5nd1"
TELEGRAM = "https://api.telegram.org/bot123456789:AAH-hunter2hunter2/sendMessage"
LEDGER = {
    "platform": "down",
    "reachable": "DOWN since 2026-03-01T00:08:13Z: the old routes are removed and the upgrade is not finished",
    "outage_seconds": None,
    "steps": [
        {"key": "prepare.registry.update", "kind": "cluster", "started": "2026-03-01T00:00:00Z"},
        {"key": "upgrade.routing.cut", "kind": "cluster", "cutover": True, "started": "2026-03-01T00:08:13Z"},
        {"key": "upgrade.pl.cache.a", "kind": "cluster", "finished": "2026-03-01T00:19:40Z"},
        {"key": "upgrade.client.context", "kind": "client", "finished": "2026-03-01T09:00:00Z"},
    ],
}
OVER = {**LEDGER, "platform": "up", "reachable": "up", "outage_seconds": 687}


def facts(secrets=(), **more):
    given = {"host": "site-run", "environment": "production", "release": RELEASE, **more}
    return notification.facts_of(given, secrets)


def told(event, secrets=(), **more):
    return notification.text(event, facts(secrets, **more), secrets).splitlines()


def test_the_blind_interval_is_announced_before_and_listed_after():
    window = "2026-03-01T01:00:00+03:00/PT3H"
    before = told("announced", window=window, budget=1200)
    assert before[0] == "Monq site-run, environment production: the upgrade from 5.9.3 to 6.0.0 begins."
    assert "receives no events" in before[1] and window in before[2] and before[3] == "It may take 20 min 00 s."
    after = told("outage_over", ledger=OVER, seen={"seconds": 640})
    assert after[0].endswith("the outage is over.") and after[1] == "It took 11 min 27 s."
    assert "blind from 2026-03-01 00:08:13 UTC to 2026-03-01 00:19:40 UTC" in after[2]
    assert after[3] == "Users saw an outage of 10 min 40 s."


def test_what_is_not_known_is_not_told():
    assert len(told("announced")) == 2
    assert len(told("outage_over")) == 1


def test_a_resumed_run_says_since_when_monq_is_down():
    lines = told("announced", ledger=LEDGER)
    assert lines[0].endswith("goes on.") and "since 2026-03-01 00:08:13 UTC" in lines[1]


def test_a_rollback_says_since_when_monq_is_down_where_it_is():
    assert told("rollback_begins")[0].endswith("the rollback to 5.9.3 begins.") and len(told("rollback_begins")) == 2
    assert "since 2026-03-01 00:08:13 UTC" in told("rollback_begins", ledger=LEDGER)[1]
    assert len(told("rolled_back")) == 1
    assert "since 2026-03-01 00:08:13 UTC" in told("rolled_back", ledger=LEDGER)[1]


def test_a_failure_is_told_in_one_line_without_secrets():
    failure = {"task": "Run the SQL of pl", "message": "the call failed with hunter2x\n  object: password=abc"}
    lines = told("failed", ["hunter2x"], failure=failure, ledger=LEDGER)
    assert lines[0].endswith("failed in: Run the SQL of pl.") and lines[1] == "the call failed with ********"
    assert lines[2].startswith("The platform is DOWN since") and "abc" not in "".join(lines)
    found = facts(["hunter2x"], failure={**failure, "message": "x" * 999})["failure"]
    assert len(found["message"]) == notification.LONGEST


def test_every_event_has_its_text_and_every_text_its_event():
    assert set(notification.TEXTS) == {*notification.EVENTS, "resumed"}
    assert notify.SPEC == module.SPEC
    assert set(module.EVENTS) == {"checked", *notification.EVENTS}


@pytest.mark.parametrize(
    ("given", "payload"),
    [
        ({"url": "http://h/x", "preset": "mattermost"}, {"text": "words"}),
        (
            {"url": "http://h/x", "preset": "mattermost", "body": {"channel": "ops"}},
            {"text": "words", "channel": "ops"},
        ),
        ({"url": TELEGRAM, "preset": "telegram", "body": {"chat_id": -5}}, {"text": "words", "chat_id": -5}),
    ],
)
def test_presets_make_the_body(given, payload):
    assert notification.Target(given, 1).payload("failed", "words", {"host": "h"}) == payload


def test_a_webhook_gets_the_facts():
    body = notification.Target({"url": "http://h/x"}, 1).payload("outage_over", "words", facts(ledger=OVER))
    assert (body["event"], body["text"], body["host"]) == ("outage_over", "words", "site-run")
    assert body["outage"] == {"from": "2026-03-01T00:08:13Z", "to": "2026-03-01T00:19:40Z", "seconds": 687}
    assert body["release"] == {"product": "monq", "from": "5.9.3", "to": "6.0.0"}


@pytest.mark.parametrize(
    "given",
    [
        "http://h",
        {"preset": "webhook"},
        {"url": "ftp://h"},
        {"url": f"http://h/{KEY}", "preset": "slack"},
        {"url": f"http://h/{KEY}", "events": ["all"]},
        {"url": f"http://h/{KEY}", "event": ["failed"]},
        {"url": f"http://h/{KEY}", "headers": "x"},
        {"url": TELEGRAM, "preset": "telegram"},
    ],
)
def test_what_cannot_be_used_is_refused_and_not_shown(given):
    with pytest.raises(InputError) as caught:
        notification.targets([given])
    assert "monq_notify[1]" in str(caught.value)
    assert KEY not in str(caught.value) and "hunter2" not in str(caught.value)


def test_the_secrets_of_urls_and_headers_are_known():
    found = notification.secrets_of(
        [
            {"url": TELEGRAM, "headers": {"Authorization": "Bearer abc", "Content-Type": "application/json"}},
            {"url": f"https://mattermost/hooks/{KEY}?x=1"},
            {"url": f"https://h/production/?token={KEY}&a=b"},
            "no entry",
        ]
    )
    assert found == ["Bearer abc", "bot123456789:AAH-hunter2hunter2", KEY]
    assert notification.secrets_of("x") == []
