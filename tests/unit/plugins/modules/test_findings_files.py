"""What verify and rollback find is written beside the backup too, above all what fails them."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import STOP, finding
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.modules import rollback_info, verify
from fake_session import opened, params

FOUND = finding("routes.unserved", STOP, "monq.example.org", "served by the new routes", "no Ingress", "look")


class Verification:
    """Finds one thing, and fails with it."""

    def __init__(self, fails=True):
        self.report, self._fails = {"findings": []}, fails

    def require(self):
        self.report["findings"].append(FOUND)
        if self._fails:
            raise MonqError("the installation does not match the release")


def read(folder, name):
    return json.loads((folder / "production" / "6.0.0" / "1" / name).read_text())


@pytest.mark.parametrize("fails", [True, False])
def test_verify_writes_what_it_finds(tmp_path, fails):
    session = opened(home=tmp_path, record=False)
    if fails:
        with pytest.raises(MonqError):
            verify.judge(session, Verification())
    else:
        assert verify.judge(session, Verification(False)).endswith("/findings-verify.json")
    told = read(tmp_path, "findings-verify.json")
    assert (told["checks"], told["passed"], told["counts"]["stop"]) == ("verify", False, 1)
    assert told["findings"][0]["id"] == FOUND["id"] and session.warnings == []


def test_a_file_that_cannot_be_written_is_a_warning_of_the_run(tmp_path):
    (tmp_path / "production").write_text("a file")
    session = opened(home=tmp_path, record=False)
    assert verify.judge(session, Verification(False)) == ""
    assert "the findings cannot be written" in session.warnings[0]


def test_check_mode_writes_nothing(tmp_path):
    assert verify.judge(opened(home=tmp_path, record=False, check_mode=True), Verification(False)) == ""
    assert list(tmp_path.iterdir()) == []


class Module:
    """AnsibleModule, as far as rollback_info uses it."""

    def __init__(self, given, check_mode=False):
        self.params, self.check_mode, self.told, self.warned = given, check_mode, {}, []

    def __call__(self, **_spec):
        return self

    def warn(self, text):
        self.warned.append(text)

    def exit_json(self, **told):
        self.told = told


@pytest.mark.parametrize(
    ("needed", "check_mode", "written"), [(True, False, True), (False, False, False), (True, True, False)]
)
def test_a_rollback_writes_what_it_finds(tmp_path, monkeypatch, needed, check_mode, written):
    found = {"needed": needed, "generation": 1, "findings": [FOUND]}
    module = Module(params(home=tmp_path), check_mode)
    monkeypatch.setattr(rollback_info, "AnsibleModule", module)
    monkeypatch.setattr(rollback_info, "open_session", lambda **_given: opened(home=tmp_path))
    monkeypatch.setattr(rollback_info, "Rollback", lambda _session: None)
    monkeypatch.setattr(rollback_info, "overview", lambda _rollback, _check: found)
    rollback_info.main()
    assert module.told["findings"] == [FOUND] and module.warned == []
    assert bool(module.told["findings_file"]) == written
    if written:
        assert read(tmp_path, "findings-rollback.json")["checks"] == "rollback"
    else:
        assert list(tmp_path.iterdir()) == []
