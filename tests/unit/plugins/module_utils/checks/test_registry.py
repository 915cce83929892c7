"""Preflight through monqctl, where the registry refuses the token that monqctl was told."""

from __future__ import annotations

import base64
import tempfile

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import registry as registry_checks
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.engine.runner import StepRunner
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.monqctl.client import Monqctl
from ansible_collections.monq.platform.plugins.module_utils.redaction.encodings import MASK
from ansible_collections.monq.platform.plugins.module_utils.upgrade.home import complete
from fake_cluster import FakeCluster
from fake_session import FakeSession, Runs
from repository import RELEASE, SHIPPED_RULES

ENV, CREDENTIAL = "prepare.registry_token.env", "prepare.registry_token.credential"
PLAN = steps.plan(RELEASE, ["pl"])
GIVEN = {
    "namespace": "production",
    "plan": {"release": RELEASE, "modules": ["pl"], "configure": False, "registry_replicas": "manual", "variables": {}},
    "final": False,
    "alias_domains": [],
    "ingress_secrets": [],
}


class Refused(Monqctl):
    """monqctl whose registry answers 401."""

    def __init__(self):
        super().__init__(home=tempfile.gettempdir(), context="production", given_rules=SHIPPED_RULES)
        self.told = []

    def current_context(self):
        return "production"

    def read(self, *argv):
        if argv == ("version",):
            return "monqctl version 99.0.0"
        raise CommandError("monqctl failed", "registry", "an answer", "401 Unauthorized")

    read_json = read

    def change(self, argv, secret="", content=None, in_context=True):
        self.told.append((argv, secret))


def run_with(entries, lock_id=""):
    run = StepRunner(
        plan=PLAN, ledger=Ledger(FakeCluster(), "production", "6.0.0").load(), lease=None, lock_id=lock_id, home="here"
    )
    run.ledger.entries.update(entries)
    return run


STATE = {"finished": False, "cut": False}


def credential(token):
    argv = next(step.argv for step in PLAN if step.key == CREDENTIAL)
    return {"state": "done", "homes": ["here"], "digests": {"here": run_with({}).digest(argv, token)}}


@pytest.mark.parametrize(
    ("entries", "deferred"),
    [
        pytest.param({}, False, id="a registry that refuses before the upgrade stops it"),
        pytest.param({ENV: {"state": "intent"}}, True, id="killed while the registry gets its token"),
        pytest.param({ENV: {"state": "done"}}, True, id="killed before monqctl gets it"),
        pytest.param(
            {ENV: {"state": "done"}, CREDENTIAL: credential("new")}, False, id="told, and refused all the same"
        ),
        pytest.param(
            {ENV: {"state": "intent"}, CREDENTIAL: credential("old")},
            True,
            id="a rotation killed while the registry gets its token",
        ),
        pytest.param(
            {ENV: {"state": "done"}, CREDENTIAL: credential("old")}, True, id="a rotation killed before monqctl gets it"
        ),
    ],
)
def test_a_registry_that_refuses_between_its_token_and_monqctls_stops_nothing(entries, deferred):
    seen = registry_checks.examine(Refused(), GIVEN, run_with(entries, "lock"), lambda: "new", STATE)
    assert seen["deferred"] is deferred and bool(seen["findings"]) is not deferred


def test_a_home_is_not_told_out_of_turn_after_a_rotation_that_was_killed():
    """The registry's own step must be done first, and that is refused to nobody."""
    blank = run_with({})
    done = {
        step.key: {"state": "done", "homes": ["here"], "digests": {"here": blank.digest(step.argv, "")}}
        for step in PLAN
    }
    run, client = run_with({**done, ENV: {"state": "intent"}, CREDENTIAL: credential("old")}, "lock"), Refused()
    complete(FakeSession(with_token("new"), run, monqctl=client))
    assert client.told == [] and run.done == []


def with_token(token):
    cluster = FakeCluster()
    text = base64.b64encode(token.encode()).decode()
    cluster.put(
        "/api/v1/namespaces/production/secrets/registry-token",
        {"metadata": {"name": "registry-token"}, "data": {"token": text}},
    )
    return cluster


def test_a_registry_token_that_is_gone_stops_preflight_and_is_never_told_as_an_empty_one():
    """Somebody pruned the Secret: monqctl's good token was overwritten with nothing."""
    done = {
        step.key: {"state": "done", "homes": ["here"], "digests": {"here": run_with({}).digest(step.argv, "")}}
        for step in PLAN
    }
    entries = {**done, CREDENTIAL: credential("good")}
    seen = registry_checks.examine(Refused(), GIVEN, run_with(entries, "lock"), lambda: None, STATE)
    assert [(row["id"], row["severity"], row["object"]) for row in seen["findings"]] == [
        ("MONQ-054", "stop", "Secret production/registry-token")
    ] and not seen["deferred"]
    client = Refused()
    with pytest.raises(MonqError, match=r"Secret production/registry-token"):
        complete(FakeSession(FakeCluster(), OnlyCredential(PLAN), monqctl=client))
    assert client.told == []


class OnlyCredential(Runs):
    """Told to do the one step."""

    def execute(self, key, action, renewed=False, configured=None):
        return action() if key == CREDENTIAL else None


class Telling(Refused):
    """monqctl that repeats a secret wherever it can."""

    def __init__(self, version, context):
        super().__init__()
        self.secrets = ["hunter2x"]
        self._version, self._context = version, context

    def current_context(self):
        return self._context

    def read(self, *argv):
        return self._version if argv == ("version",) else "db   Failed hunter2x"


def examined(client):
    return registry_checks.examine(client, GIVEN, run_with({}), lambda: "", STATE)["findings"]


def test_a_home_that_cannot_be_written_is_found_before_anything_is_changed(tmp_path, monkeypatch):
    client = Telling("monqctl v99.0.0", "production")
    client.home = str(tmp_path / "new" / "home")
    assert not [row for row in examined(client) if row["object"] == client.home]
    (tmp_path / "new").write_text("")
    (row,) = [row for row in examined(client) if row["object"] == client.home]
    assert row["severity"] == "stop" and row["seen"] == f"{tmp_path / 'new'} is not a folder"
    (tmp_path / "new").unlink()
    monkeypatch.setattr(registry_checks.os, "access", lambda _path, _mode: False)
    (row,) = [row for row in examined(client) if row["object"] == client.home]
    assert row["seen"] == f"{tmp_path} is not writable" and "monq_monqctl_home" in row["next"]


class Mumbling(Telling):
    current_context = Monqctl.current_context

    def read(self, *argv):
        return "which context do you mean?" if argv == ("config", "current-context") else super().read(*argv)


def test_a_context_that_is_not_understood_shows_the_reply_and_the_rule():
    """not 'seen: none', which leads nowhere"""
    (row,) = [row for row in examined(Mumbling("monqctl v99.0.0", "")) if row["check"] == "identity"]
    assert "which context do you mean" in row["seen"] and "monq_client_rules" in row["next"]


@pytest.mark.parametrize(
    ("version", "context"),
    [("no hunter2x", "production"), ("monqctl version 99.0.0", "hunter2x"), ("monqctl version 99.0.0", "production")],
)
def test_no_finding_shows_a_known_secret(version, context):
    found = registry_checks.examine(Telling(version, context), GIVEN, run_with({}), lambda: "", STATE)
    assert MASK in str(found) and "hunter2x" not in str(found)


class Iculess(Telling):
    """A .NET program in an image without libicu."""

    def __init__(self, text):
        super().__init__("", "production")
        self.text = text

    def read(self, *argv):
        raise CommandError("monqctl failed", "monqctl", "status 0", "exit status 134", output=self.text)


ICU = "Process terminated. Couldn't find a valid ICU package installed on the system. Please install libicu"


def test_a_missing_icu_is_named_with_its_remedy():
    found = examined(Iculess(f"hello\n{ICU}\n   at System.Environment.FailFast"))
    (row,) = [row for row in found if row["id"] == "MONQ-050"]
    assert row["severity"] == "stop" and "Couldn't find a valid ICU package" in row["seen"]
    assert "{DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1'}" in row["next"] and "libicu" in row["next"]
    (row,) = [row for row in examined(Iculess("Segmentation fault")) if row["check"] == "monqctl"]
    assert row["id"] == "MONQ-049", "any other reason"


@pytest.mark.parametrize(
    ("plan", "state", "asked"),
    [
        ({"online": True}, {}, True),
        ({"online": False}, {}, False),
        ({"online": True}, {"finished": True}, False),
        ({"online": True}, {"prepared": True}, False),
        ({"online": True, "prefetch_images": False}, {"prepared": True}, True),
    ],
    ids=["online", "offline", "finished", "downloaded", "images are copied in the outage"],
)
def test_the_release_hub_is_asked_while_something_is_downloaded(monkeypatch, plan, state, asked):
    seen = []
    monkeypatch.setattr(registry_checks.download, "hub", lambda server, *_given: seen.append(server) or [])
    variables = {"variables": {"releasehub_server": "https://hub.test"}}
    given = {**GIVEN, "plan": {**GIVEN["plan"], **variables, **plan}}
    registry_checks.examine(Refused(), given, run_with({}), lambda: "", {**STATE, **state})
    assert seen == ["https://hub.test"] * asked


def test_folders_of_an_offline_upgrade_are_looked_through(tmp_path):
    (tmp_path / "registry.tar").write_text("")
    variables = {"registry_source_dir": str(tmp_path), "release_source_dir": "/nowhere"}
    given = {**GIVEN, "plan": {**GIVEN["plan"], "variables": variables}}
    found = registry_checks.examine(Refused(), given, run_with({}), lambda: "", STATE)["findings"]
    assert [(row["id"], row["object"]) for row in found if row["check"] == "bundle"] == [
        ("MONQ-061", str(tmp_path)),
        ("MONQ-060", "/nowhere"),
    ]


def test_without_the_ledger_the_registry_is_still_asked():
    found = registry_checks.examine(Refused(), GIVEN, None, lambda: "", STATE)["findings"]
    assert [row["id"] for row in found if row["check"] == "status"] == ["MONQ-055"]
    making = {**GIVEN, "plan": {**GIVEN["plan"], "configure": True}}
    found = registry_checks.examine(Refused(), making, None, lambda: "", STATE)["findings"]
    assert not [row for row in found if row["check"] == "status"], "monqctl may have no credential yet"
