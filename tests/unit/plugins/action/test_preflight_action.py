"""The action of preflight: where no module can run on the inventory host, that is the finding."""

from __future__ import annotations

import types

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.monq.platform.plugins.action import preflight as action
from ansible_collections.monq.platform.plugins.module_utils.checks.preflight import Preflight
from fake_session import params

MISSING = {"failed": True, "rc": 127, "module_stdout": "", "module_stderr": "/bin/sh: 1: /srv/p/bin/python: not found"}


@pytest.fixture
def run(monkeypatch):
    """run(what the module returned or raised, what its Python answers, …): the action's result"""

    def make(result, tried=None, **variables):
        def module(self, tmp=None, task_vars=None):
            if isinstance(result, Exception):
                raise result
            return result

        monkeypatch.setattr(action.HeartbeatAction, "run", module)
        made = object.__new__(action.ActionModule)
        made.commands = []
        made._low_level_execute_command = lambda command, sudoable: made.commands.append(command) or tried
        made._templar = types.SimpleNamespace(template=lambda value: value.replace("{{ folder }}", "/srv/p"))
        return made.run(task_vars={"inventory_hostname": "production", **variables})

    return make


def test_a_python_that_is_not_there_is_the_only_finding_of_a_whole_report(run):
    result = run(MISSING, ansible_python_interpreter="{{ folder }}/bin/python")
    [found] = result["findings"]
    assert (found["id"], found["object"]) == ("MONQ-133", "/srv/p/bin/python on production")
    assert found["next"].startswith("python3 -m venv /srv/p &&") and not result.get("failed")
    report = Preflight(params(), lambda *_where: "").report
    assert {**result, "findings": []} == {"changed": False, "findings_file": "", **report}


def test_the_modules_own_result_is_returned_as_it_is(run):
    for result in ({"findings": [], "finished": True}, {"failed": True, "msg": "unsupported parameter"}):
        assert run(result) is result


GONE = AnsibleConnectionFailure('Data could not be sent to remote host "bastion": Broken pipe')


def test_a_python_that_is_not_there_is_not_taken_for_a_host_that_is_not_there(run):
    """It takes no input, so that sending the module fails: sooner or later, as it happens."""
    tried = {"rc": 127, "stdout": "", "stderr": "/bin/sh: 1: /srv/p/bin/python: not found"}
    [found] = run(GONE, tried, ansible_python_interpreter="/srv/p/bin/python")["findings"]
    assert (found["id"], found["seen"]) == ("MONQ-133", "/bin/sh: 1: /srv/p/bin/python: not found")


@pytest.mark.parametrize("python", ["", "/srv/p/bin/python"])
def test_a_host_that_cannot_be_reached_is_left_to_ansible(run, python):
    with pytest.raises(AnsibleConnectionFailure):
        run(GONE, {"rc": 0, "stdout": "", "stderr": ""}, ansible_python_interpreter=python)
