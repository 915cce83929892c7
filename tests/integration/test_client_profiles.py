"""monqctl that speaks otherwise: layouts, languages, colours, line ends. What is read of it is the same."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.monqctl.client import Monqctl
from ansible_collections.monq.platform.plugins.module_utils.monqctl.reading import examine
from ansible_collections.monq.platform.plugins.module_utils.monqctl.registry import TEMPLATE, RegistryReplicas
from ansible_collections.monq.platform.plugins.module_utils.monqctl.tables import pairs
from support.harness import ROOT
from yaml import safe_load

sys.path.insert(0, str(ROOT / "tests" / "sandbox"))

import playback  # noqa: E402
from monqctl_profile import PROFILES, drawn  # noqa: E402

RULES = safe_load((ROOT / "roles" / "monq" / "vars" / "main" / "client_rules.yml").read_text())["_monq_client_rules"]
SEED = int(os.environ.get("MONQ_SEED") or 20261125)
DRAWN = [SEED + number for number in range(12)]


@pytest.fixture(scope="module")
def installation(install):
    return install("site-run", modules="pl", alias=True)


@pytest.mark.parametrize("profile", [*PROFILES, *DRAWN])
def test_every_reading_call_is_understood(installation, profile):
    """the registry's own files are the independent read; a number is the seed that a profile was drawn from"""
    chosen = PROFILES[profile] if profile in PROFILES else drawn(profile)
    installation.speak(chosen)
    facts = installation.facts
    client = Monqctl(facts["monqctl"], facts["monqctl_home"], {}, 60, facts["monqctl_context"], RULES)
    status = installation.registry("status")
    assert client.version() == (1, 1, 2), chosen
    assert client.current_context() == facts["monqctl_context"], chosen
    assert set(pairs(client.read("registry", "get", "status"))) == {row["Name"] for row in status}, chosen
    assert set(client.healthy_status(["Consul"])) == {row["Name"] for row in status}, chosen
    assert client.read_json(*TEMPLATE) == installation.registry("template"), chosen
    assert RegistryReplicas(client).counts() == installation.registry_counts(), chosen
    assert RegistryReplicas(client).probe() == [], chosen
    RegistryReplicas(client).put([("pl-tags-service", 1, 3)])
    assert installation.registry_counts()["pl-tags-service"] == 3, chosen
    RegistryReplicas(client).put([("pl-tags-service", 3, 1)])
    rows = examine(client, None, ["Consul"])
    assert [row["call"] for row in rows if row["problem"]] == [] and len(rows) == 6, chosen
    path = Path(facts["registry_dir"]) / "status.json"
    path.write_text(json.dumps([{**row, "State": "Failed"} for row in status]))
    try:
        with pytest.raises(CommandError, match="the registry is not healthy") as caught:
            client.healthy_status(["Consul"])
        named = [row["Name"] for row in status if row["Name"] in str(caught.value)]
        assert named == [row["Name"] for row in status], chosen
    finally:
        path.write_text(json.dumps(status))


def test_client_yml_shows_what_is_understood_and_what_to_set(installation):
    """The option that it prints is typed as it stands, and helps."""
    installation.speak(PROFILES["windows"])
    calls = len(installation.journal())
    fine = installation.play("client", confirm=False)
    assert fine.rc == 0 and "6 of 6 calls understood" in fine.text, fine.text[-3000:]
    path = Path(installation.facts["registry_dir"]) / "status.json"
    status = path.read_text()
    path.write_text(json.dumps([{**row, "State": "Blau"} for row in json.loads(status)]))
    try:
        odd = installation.play("client", confirm=False)
        assert odd.rc == 2 and "NOT UNDERSTOOD  monqctl registry get status" in odd.text, odd.text[-3000:]
        assert "5 of 6 calls understood" in odd.text and "said     " in odd.text
        option = re.search(r"-e '(\{\"monq_client_rules\".*?\})'", odd.text).group(1).replace("its words", "^blau$")
        helped = installation.play("client", "-e", option, confirm=False)
        assert helped.rc == 0 and "6 of 6 calls understood" in helped.text, helped.text[-3000:]
    finally:
        path.write_text(status)
    assert len(installation.journal()) == calls, "reading calls only"


@pytest.mark.parametrize("profile", ["boxes", "russian"])
def test_a_transcript_that_a_user_sends_is_played_back_with_the_same_verdicts(installation, profile, tmp_path):
    """No secret is in it, and the registry behind the recorded calls is not asked again."""
    installation.speak(PROFILES[profile])
    path = tmp_path / "monqctl.jsonl"
    recorded = installation.play("client", extra={"monq_client_transcript": str(path)}, confirm=False)
    assert recorded.rc == 0 and path.stat().st_mode & 0o777 == 0o600, recorded.text[-3000:]
    facts, calls = installation.facts, installation.journal()
    live = examine(
        Monqctl(facts["monqctl"], facts["monqctl_home"], {}, 60, facts["monqctl_context"], RULES), None, ["Consul"]
    )
    played = playback.install(path, tmp_path / "monqctl")
    asked = len(installation.journal())
    client = Monqctl(played, str(tmp_path), {}, 60, facts["monqctl_context"], RULES)
    again = examine(client, None, ["Consul"])
    assert len(installation.journal()) == asked and asked >= len(calls)
    shown = [[row[name] for name in ("call", "understood", "problem")] for row in again]
    assert shown == [[row[name] for name in ("call", "understood", "problem")] for row in live] and len(shown) == 6
    for row in playback.replies(path):
        verdict = client.rules.judge(row["argv"], row["status"], row["output"])
        assert (verdict.state, verdict.rule) == (row["verdict"], row["rule"]), row["argv"]
    with pytest.raises(CommandError, match="not in the transcript"):
        client.read("registry", "get", "services", "X")
