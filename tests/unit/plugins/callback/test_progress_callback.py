"""The callback: steps instead of tasks, a recap, and results of every ansible-core from 2.17."""

from __future__ import annotations

import re
import types

import pytest

try:  # from ansible-core 2.19 on, what the inventory says has to be marked as such
    from ansible.template import trust_as_template
except ImportError:
    trust_as_template = str
from ansible_collections.monq.platform.plugins.callback import progress

PLAN = [{"key": f"upgrade.pl.cache.{name}", "state": "done" if name == "a" else "to do"} for name in "abcd"]


def new_result(data, host="production", task="Clear caches"):
    """As ansible-core hands it to a callback from 2.19 on."""
    named = types.SimpleNamespace(get_name=lambda: host)
    of = types.SimpleNamespace(get_name=lambda: task, _uuid=task)
    return types.SimpleNamespace(host=named, task=of, result=data)


def old_result(data, **given):
    """As it did until 2.18."""
    made = new_result(data, **given)
    return types.SimpleNamespace(_host=made.host, _task=made.task, _result=made.result)


@pytest.fixture
def shown(monkeypatch):
    lines = []
    monkeypatch.setattr(progress, "show", lines.append)
    return lines


@pytest.mark.parametrize("result", [new_result, old_result])
def test_steps_are_shown_with_their_number_and_other_tasks_are_not(shown, result):
    callback = progress.CallbackModule()
    begun = new_result({})
    callback.v2_runner_on_ok(result({"ledger": {"steps": PLAN}}))
    callback.v2_runner_on_start(begun.host, begun.task)
    callback.v2_runner_on_ok(result({"steps": {"done": ["upgrade.pl.cache.b", "upgrade.pl.cache.c"]}}))
    for data in ({"steps": {"done": [], "skipped": ["x"]}}, {"msg": "no"}, {"steps": None}, {}, {"steps": 3}):
        callback.v2_runner_on_ok(result(data))
    callback.v2_runner_on_ok(result({}, host="staging"))
    assert len(shown) == 1
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d production: step 3 of 4 pl cache c done in 00:0\d, the last of 2 steps", shown[0]
    )
    callback.v2_runner_on_failed(result({"msg": "no", "steps": {"done": []}}, task="Roll out"))
    callback.v2_runner_on_failed(result({"msg": "no"}, task="Harmless"), ignore_errors=True)
    callback.v2_playbook_on_stats(None)
    assert shown[1:] == [
        "production: 3 of 4 steps are done, 2 of them in this run; the longest: upgrade.pl.cache.c 00:00; "
        "FAILED: Roll out"
    ]


def test_without_a_plan_steps_have_no_number(shown):
    callback = progress.CallbackModule()
    callback.v2_runner_on_unreachable(new_result({"steps": {"done": ["rollback.a"]}}))
    callback.v2_playbook_on_stats(None)
    assert shown[0].endswith("production: step rollback.a done in 00:00")
    assert shown[1].startswith("production: 1 step done in this run; the longest: rollback.a 00:00")


def test_whatever_is_strange_disturbs_no_run(shown):
    callback = progress.CallbackModule()
    for strange in (types.SimpleNamespace(), new_result(None), new_result({"steps": [1]}), new_result([])):
        callback.v2_runner_on_ok(strange)
    callback.v2_playbook_on_stats(None)
    assert shown == []


def test_it_is_switched_on_by_who_wants_it():
    kind = progress.CallbackModule
    assert (kind.CALLBACK_TYPE, kind.CALLBACK_NEEDS_ENABLED) == ("aggregate", True)


@pytest.mark.parametrize("given", ["ru", "{{ of_the_site }}"])
def test_it_speaks_the_language_of_the_run(shown, given):
    variables = {"monq_language": trust_as_template(given), "of_the_site": "ru"}
    callback = progress.CallbackModule()
    manager = types.SimpleNamespace(get_vars=lambda **_given: variables)
    callback.v2_playbook_on_play_start(types.SimpleNamespace(get_variable_manager=lambda: manager))
    callback.v2_runner_on_ok(new_result({"ledger": {"steps": PLAN}}))
    callback.v2_runner_on_ok(new_result({"steps": {"done": ["upgrade.pl.cache.b", "upgrade.pl.cache.c"]}}))
    callback.v2_runner_on_failed(new_result({"steps": {"done": ["rollback.x"]}}, host="staging", task="Roll out"))
    callback.v2_playbook_on_stats(None)
    assert [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in shown] == [
        "production: шаг 3 из 4 pl cache c: выполнено за 00:00, последний из 2 шагов",
        "staging: шаг rollback.x: выполнено за 00:00",
        "production: выполнено шагов: 3 из 4, из них в этом запуске: 2; дольше всего: upgrade.pl.cache.c 00:00",
        "staging: в этом запуске выполнен 1 шаг; дольше всего: rollback.x 00:00; ОШИБКА: Roll out",
    ]
