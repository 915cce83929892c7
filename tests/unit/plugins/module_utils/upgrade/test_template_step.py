"""The K8s template: read, transformed, applied; shown without its passwords."""

from __future__ import annotations

import json
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.upgrade.template import transform
from ansible_collections.monq.platform.plugins.module_utils.upgrade.template_step import KEY, TemplateStep
from fake_session import FakeSession, Runs
from repository import RELEASE, ROOT

ALIAS, SECRETS = ["alias.example.org"], [{"hosts": ["monq.example.org", "alias.example.org"], "secretName": "tls"}]


class Run(Runs):
    def __init__(self, predicts=False, **given):
        super().__init__(steps.plan(RELEASE, ["pl"]), **given)
        self._predicts = predicts

    def step(self, key):
        return next(step for step in self.plan if step.key == key)

    def execute(self, key, action, renewed=False, configured=None):
        if self._predicts:
            self.predicted.append(key)
            return None
        return super().execute(key, action)


@pytest.fixture
def template():
    found = json.loads((ROOT / "tests/sandbox/data/template-5.9.3.json").read_text(encoding="utf-8"))
    assert transform(found, ALIAS, SECRETS) != found
    return found


def step_of(template, run, configure=False, lies=False):
    applied = []

    def read_json(*argv):
        if template is None:
            raise CommandError("monqctl failed")
        return applied[-1][1] if applied and not lies else template

    def change(argv, secret="", content=None, in_context=True):
        applied.append((argv, json.loads(content), in_context))
        return "applied"

    monqctl = types.SimpleNamespace(read_json=read_json, change=change, secrets=())
    return TemplateStep(FakeSession(run=run, monqctl=monqctl, plan={"configure": configure}), ALIAS, SECRETS), applied


def test_the_transformed_template_is_applied(template):
    """trap 15; trap 11: in this context only"""
    found, applied = step_of(template, Run())
    assert found.execute() == "applied"
    assert applied == [
        (["registry", "apply", "service", "K8s", "--file", "{file}"], transform(template, ALIAS, SECRETS), True)
    ]


def test_a_template_that_is_not_there_after_success_is_not_applied(template):
    """The client's word is not enough."""
    run = Run(entries={KEY: {"state": "intent", "attempt": "a1"}})
    found, applied = step_of(template, run, lies=True)
    with pytest.raises(CommandError, match="its effect is not there") as caught:
        found.execute()
    assert caught.value.seen == "another template" and caught.value.unknown and len(applied) == 1


def passwords(value, name=""):
    if isinstance(value, dict):
        return [word for key, part in value.items() for word in passwords(part, key)]
    if isinstance(value, list):
        return [word for part in value for word in passwords(part, name)]
    return [value] if "password" in name.lower() and isinstance(value, str) and value else []


def test_the_diff_shows_no_password(template):
    """trap 7"""
    template["JsonConfig"]["Probe"] = {"password": "c4nary"}
    found, _applied = step_of(template, Run())
    found.execute()
    assert passwords(template) and found.diff["before"] != found.diff["after"]
    assert not [word for word in passwords(template) if word in str(found.diff)]


def test_check_mode_shows_the_diff_and_applies_nothing(template):
    found, applied = step_of(template, Run(predicts=True))
    assert found.execute() == "" and applied == [] and found.diff["before"] != found.diff["after"]


def test_check_mode_forgives_only_a_context_that_is_yet_to_be_made():
    found, _applied = step_of(None, Run(predicts=True), configure=True)
    assert found.execute() == "" and found.diff == {}
    found, _applied = step_of(None, Run(predicts=True))
    with pytest.raises(CommandError):
        found.execute()


def test_a_template_that_is_applied_is_not_read_again(template):
    found, applied = step_of(None, Run(entries={KEY: {"state": "done"}}))
    assert found.execute() == "" and applied == [] and found.diff == {}
