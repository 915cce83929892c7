"""The silence in Alertmanager: a server of the test's own keeps its rules."""

from __future__ import annotations

import time

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.outage import silence
from support.recorder import Alertmanager, Recorder, moment

MATCHERS = [{"name": "service", "value": "monq.*", "isRegex": True}]
TOKEN = "Bearer hunter2hunter2"


def make(url, author="monq.platform production/monq", **more):
    given = {"url": url, "matchers": MATCHERS, "headers": {"Authorization": TOKEN}, **more}
    return silence.Silence(silence.Settings(given), author, "planned", timeout=2.0)


def lasts(one):
    return moment(one["endsAt"]) - time.time()


def test_it_is_created_once_prolonged_and_shortened():
    with Alertmanager() as server:
        made = make(server.url)
        made.prolong(600)
        [one] = server.active()
        assert 590 < lasts(one) <= 600
        assert one["matchers"] == [{"name": "service", "value": "monq.*", "isRegex": True, "isEqual": True}]
        made.prolong()
        [same] = server.silences.values()
        assert same["id"] == one["id"] and silence.LENGTH - 10 < lasts(same) <= silence.LENGTH
        assert made.shorten() == 1
        assert 290 < lasts(server.active()[0]) <= silence.REST
        assert made.shorten(600) == 1 and lasts(server.active()[0]) <= silence.REST, "never prolonged at the end"
        assert {request["headers"]["Authorization"] for request in server.requests} == {TOKEN}


def test_a_resumed_run_takes_the_silence_that_is_there_and_no_other_installations():
    with Alertmanager() as server:
        make(server.url).prolong(600)
        make(server.url, author="monq.platform staging/monq").prolong(600)
        make(server.url).prolong()
        assert len(server.silences) == 2
        assert sorted(round(lasts(one), -2) for one in server.active()) == [600, 1200]
        make(server.url).shorten()
        assert sorted(round(lasts(one), -2) for one in server.active()) == [300, 600]


def test_max_is_the_most_even_after_it_has_lapsed():
    with Alertmanager() as server:
        now = [time.time()]
        made = silence.Silence(silence.Settings({"url": server.url, "matchers": MATCHERS, "max": 900}), "me", "planned")
        made._now = lambda: now[0]
        made.prolong()
        assert lasts(server.active()[0]) <= 900
        now[0] += 901
        with pytest.raises(MonqError, match="max"):
            made.prolong()
        assert len(server.silences) == 1


@pytest.mark.parametrize("server", [Alertmanager(status=500), Alertmanager(hang=30), Recorder(body="<html>")])
def test_an_alertmanager_that_does_not_work_is_an_error_without_its_url_and_token(server):
    with server:
        made = make(server.url)
        made._timeout = 0.3
        with pytest.raises(MonqError) as caught:
            made.prolong()
        assert server.url not in str(caught.value) and "hunter2" not in str(caught.value)


def test_a_redirect_does_not_carry_the_token_elsewhere():
    with Recorder() as elsewhere, Recorder(302) as server:
        server.headers = {"Location": elsewhere.url}
        with pytest.raises(MonqError, match="did not take"):
            make(server.url).prolong()
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "given",
    [
        {"url": "", "matchers": MATCHERS},
        {"url": "http://a:b@host", "matchers": MATCHERS},
        {"url": "http://host", "matchers": []},
        {"url": "http://host", "matchers": [{"name": "a"}]},
        {"url": "http://host", "matchers": [{"name": "a", "value": "b", "regex": True}]},
        {"url": "http://host", "matchers": MATCHERS, "max": "x"},
        {"url": "http://host", "matchers": MATCHERS, "maximum": 5},
        {"url": "http://host", "matchers": MATCHERS, "headers": "x"},
    ],
)
def test_what_cannot_be_used_is_refused_before_anything(given):
    with pytest.raises(InputError, match="monq_silence"):
        silence.Settings(given)


def test_without_matchers_nothing_is_silenced():
    """An empty list would silence every alert there is."""
    with pytest.raises(InputError, match="matchers"):
        silence.Settings({"url": "http://host"})
