"""Actions that show a text of their own: in the language of the run."""

from __future__ import annotations

import re
import types

import pytest
from ansible_collections.monq.platform.plugins.action import batch, client_check, hook, notify
from ansible_collections.monq.platform.plugins.module_utils.monqctl import reading
from ansible_collections.monq.platform.plugins.plugin_utils import notification
from repository import RELEASE

ENGLISH = re.compile(r"\b(?:the|and|with|not|only|run|took|has|hook|list|told|status|response|another)\b")


@pytest.fixture
def spoken(monkeypatch):
    """Runs an action in Russian; returns its result and what was shown."""

    def run(module, args, replies=(), **variables):
        shown, replies = [], list(replies)
        monkeypatch.setattr(module.ActionBase, "run", lambda self, tmp=None, task_vars=None: {})
        monkeypatch.setattr(module, "show", lambda text, color=None: shown.append(text))
        if hasattr(module, "warn"):
            monkeypatch.setattr(module, "warn", shown.append)
        action = module.ActionModule.__new__(module.ActionModule)
        action.validate_argument_spec = lambda spec: (None, args)
        action._templar = types.SimpleNamespace(template=lambda value: value)
        action._task = types.SimpleNamespace(check_mode=False)
        action._execute_module = lambda **given: replies.pop(0)
        known = {"inventory_hostname": "production", "monq_language": "ru", **variables}
        return action.run(task_vars=known), shown

    return run


HOOK = {"name": "before_cut", "files": ["/s/x.yml"], "begun": 0, "task": "Call", "result": {}, "hooks": {}}


def test_what_became_of_a_hook(spoken, monkeypatch):
    monkeypatch.setattr(hook.time, "time", lambda: 61.0)
    _result, [ended] = spoken(hook, {**HOOK, "state": "ended"})
    assert ended == "production: задачи сайта before_cut: /s/x.yml, 1 мин 01 с"
    failed = {**HOOK, "state": "failed", "result": {"msg": "the Kubernetes API does not respond\n  object: x"}}
    _result, [warned] = spoken(hook, failed)
    assert "before_cut завершились ошибкой через 1 мин 01 с: Call: API Kubernetes не отвечает. Запуск" in warned


@pytest.mark.parametrize("hooks", [{"x": []}, {"before_cut": "x.yml"}], ids=["name", "path"])
def test_a_hook_that_cannot_be_used(spoken, hooks):
    result, _shown = spoken(hook, {**HOOK, "state": "checked", "hooks": hooks})
    assert result["failed"] and "значение не годится" in result["msg"] and "исправьте в inventory" in result["msg"]
    assert not ENGLISH.search(result["msg"]), result["msg"]


def notice(event, targets):
    empty = {"secrets": [], "window": "", "budget": 0, "ledger": {}, "failure": {}, "seen": {}}
    return {**empty, "event": event, "targets": targets, "host": "h", "environment": "e", "release": RELEASE}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ({"failed": True, "status": 500}, "код ответа 500"),
        ({"failed": True, "status": -1, "msg": "Request failed: timed out"}, "нет ответа: timed out"),
    ],
    ids=["status", "silence"],
)
def test_a_notification_that_did_not_arrive(spoken, reply, why):
    result, shown = spoken(notify, notice("failed", [{"url": "https://h/x"}]), [reply])
    assert shown == [f"уведомление не отправлено: monq_notify[1] (webhook), failed: {why}"] == result["problems"]


def test_a_notification_that_cannot_be_made(spoken, monkeypatch):
    monkeypatch.setattr(notification, "facts_of", lambda *_given: 1 / 0)
    _result, shown = spoken(notify, notice("failed", [{"url": "https://h/x"}]))
    assert shown == ["уведомление не отправлено: сообщение не составлено: ZeroDivisionError"]


@pytest.mark.parametrize(
    "target",
    [
        "http://h",
        {"url": "ftp://h"},
        {"url": "https://h", "preset": "slack"},
        {"url": "https://h", "events": ["all"]},
        {"url": "https://h", "event": ["failed"]},
        {"url": "https://h", "headers": "x"},
        {"url": "https://h", "preset": "telegram"},
    ],
    ids=["type", "url", "preset", "events", "key", "headers", "chat"],
)
def test_a_target_that_cannot_be_used(spoken, target):
    _result, [text] = spoken(notify, notice("checked", [target]))
    own = text.replace("telegram", "").replace(", ".join(notification.EVENTS), "")
    assert "monq_notify[1]" in own and "ожидалось" in own and not ENGLISH.search(own), text


def test_batches_that_ansible_did_not_make(spoken):
    hosts = ["a", "b"]
    known = {"ansible_play_hosts_all": hosts, "ansible_play_batch": hosts, "hostvars": {"a": {}, "b": {}}}
    args = {"serial": 1, "allowed": 0, "fact": "x"}
    result, _shown = spoken(batch, args, **known, inventory_hostname="a")
    assert result["failed"] and "ожидалось" in result["msg"] and "given" not in result["msg"]


def test_how_monqctl_is_understood(monkeypatch):
    rows = [{"call": "version", "understood": "1.1.2", "problem": "", "next": "", "said": "monqctl v1.1.2"}]
    found = {"calls": rows, "text": reading.text(rows)}
    monkeypatch.setattr(client_check.Normal, "run", lambda self, tmp=None, task_vars=None: dict(found))
    action = client_check.ActionModule.__new__(client_check.ActionModule)
    action._templar = types.SimpleNamespace(template=lambda value: value)
    assert action.run(task_vars={"monq_language": "en"}) == found
    assert action.run(task_vars={"monq_language": "ru"})["text"].endswith("\nпонятых вызовов: 1 из 1")
