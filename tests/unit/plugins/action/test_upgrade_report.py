"""The action: data from the host, views made here, files written there, and never the end of a run."""

from __future__ import annotations

import types

import pytest
import report_data
from ansible_collections.monq.platform.plugins.action import upgrade_report

DATA = {
    "reports": [{"name": "report", "content": report_data.finished()}],
    "folder": "/b/production/6.0.0/1",
    "generation": 1,
    "problems": [],
    "complete": True,
}


class Action(upgrade_report.ActionModule):
    """The action with modules that return what they are given."""

    def __init__(self, data, written=None, check=False, **args):
        self._task = types.SimpleNamespace(args=args, check_mode=check, async_val=0)
        self._supports_check_mode = True
        self.replies, self.calls = [data, written or {"changed": True}], []

    def _execute_module(self, module_name, module_args, task_vars=None):
        self.calls.append((module_name, module_args))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


@pytest.fixture(autouse=True)
def no_base(monkeypatch):
    monkeypatch.setattr(upgrade_report.ActionBase, "run", lambda self, tmp=None, task_vars=None: {})


def test_the_files_are_made_here_and_written_there():
    action = Action(DATA)
    result = action.run()
    assert result["changed"] and result["outcomes"] == {"report": "finished"} and result["problems"] == []
    assert result["files"][1] == "/b/production/6.0.0/1/report.html" and result["verdict"].endswith("Monq is up.")
    [(first, _args), (second, written)] = action.calls
    assert (first, second) == ("monq.platform.upgrade_report", "monq.platform.report_files")
    assert written["folder"] == DATA["folder"]
    assert list(written["files"]) == ["report.json", "report.html", "report.md"]
    assert "content" not in str(result), "the data stays out of the task's result"


@pytest.mark.parametrize(
    "replies",
    [
        (RuntimeError("broken pipe"),),
        ({"failed": True, "msg": "the Kubernetes API does not respond\n  object: x"},),
        ({"unreachable": True, "msg": "no route"},),
        ({**DATA, "reports": [{"name": "report", "content": {}}]},),
        (DATA, {"failed": True, "msg": "disk full"}),
    ],
    ids=["connection", "module", "unreachable", "view", "files"],
)
@pytest.mark.parametrize("required", [False, True])
def test_a_report_that_cannot_be_written_fails_only_where_it_is_required(replies, required):
    result = Action(*replies, required=required).run()
    assert result.get("failed", False) is required and not result["files"] and not result["changed"]
    assert "report.yml makes it" in result["problems"][0]
    assert required or result["warnings"]


@pytest.mark.parametrize("complete", [True, False])
def test_check_mode_predicts(complete):
    """Of a finished upgrade the files are compared; of any other, the real run writes a report that is not known
    yet."""
    action = Action({**DATA, "complete": complete}, {"changed": False}, check=True)
    assert action.run()["changed"] is not complete
    assert len(action.calls) == 1 + complete


def test_nothing_to_report_is_no_problem_unless_it_is_asked_for():
    nothing = {**DATA, "reports": [], "complete": False}
    assert Action(nothing).run().get("warnings") is None
    assert "no upgrade has been started" in Action(nothing, required=True).run()["msg"]


@pytest.mark.parametrize("required", [False, True])
def test_what_is_shown_is_in_the_language_of_the_run(required):
    """What the task returns for others is not."""
    action = Action({"failed": True, "msg": "the Kubernetes API does not respond\n  object: x"}, required=required)
    action._templar = types.SimpleNamespace(template=lambda value: value)
    result = action.run(task_vars={"monq_language": "ru"})
    said = "не записан: API Kubernetes не отвечает; report.yml составит его в любое время"
    assert result["problems"] == ["not written: the Kubernetes API does not respond; report.yml makes it at any time"]
    assert [result["msg"]] == [f"отчёт не записан: {said}"] if required else result["warnings"] == [f"отчёт: {said}"]
