"""The nodes of the workflow as AWX runs them, counts that change in between, and registry counts restored by hand."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.outage import child
from support import awx_kit, pod
from support.comparison import differences, state
from support.recorder import moment
from support.seen_outage import WEBHOOK_KEY, Seen

FRESH = {"monq_monqctl_configure": True}
# As a survey and -e key=value give them: texts, and empty ones for what is not set.
SURVEY = {
    "monq_monqctl_configure": "true",
    "monq_modules": "pl, cl",
    "monq_alias_ingresses": "",
    "monq_backup_databases": "",
    "monq_backup_in_outage": "false",
    "monq_prefetch_images": "yes",
    "monq_registry_token_rotate": "no",
    "monq_client_rules": "{}",
    "monq_ingress_reload_pause": "0",
    "monq_rollout_timeout": "900",
    "monq_rollout_gate": "",
    "monq_outage_budget": "",
    "monq_rollback_closed": "",
    "monq_plan": "",
    "monq_resolve": "",
}
# What roles/awx gives a template or a node by itself, and the words of a command.
NODES = awx_kit.nodes()


def secrets(installation):
    """What is typed into the credentials of the environment. The inventory then has none of it, but what the guide puts
    there."""
    typed = {
        "release_hub": {"token": installation.facts["releasehub_token"]},
        "postgresql": {"password": installation.facts["postgresql"]["password"]},
        "kubernetes": {"kubeconfig": Path(installation.sandbox.facts["kubeconfig"]).read_text()},
    }
    installation.variables(**awx_kit.documented(), monq_kubeconfig=None)
    known = (installation.inventory / "hosts.json").read_text()
    assert "kubeconfig" not in known
    assert typed["release_hub"]["token"] not in known and typed["postgresql"]["password"] not in known
    return typed


def refused(installation, held):
    """The workflow after a wrong answer to its survey: its first node, and the one that every failure leads to."""
    home = installation.work / "home-refused"
    home.mkdir()
    survey = {**SURVEY, "monq_confirm_outage": "another", "monq_monqctl_home": str(home)}
    given, _words = NODES["preflight"]
    first = pod.run(installation, "preflight", {**given, **survey}, name="refused-preflight", secrets=held)
    given, _words = NODES["report"]
    variables = {**given, **first.artifacts, **survey}
    last = pod.run(installation, "report", variables, name="refused-report", secrets=held)
    return {"refused, preflight": first, "refused, report": last}


@pytest.fixture(scope="module")
def stages(install):
    """Runs the nodes of the workflow, each in a pod of its own; counts change after prepare. What a node leaves reaches
    the later ones, and what the survey says wins, as in AWX."""
    apart, whole = install("site-run", modules="pl,cl", alias=True), install("by-hand", modules="pl,cl", alias=True)
    results, artifacts = {}, {}
    assert pod.passwd_entries() == []
    held = secrets(apart)
    results |= refused(apart, held)
    for stage, (given, words) in NODES.items():
        if stage == "plan":
            for installation in (apart, whole):
                installation.kubectl("scale", "deployment", "pl-tags-service", "--replicas=2", user="sandbox-admin")
                installation.kubectl(
                    "scale", "deployment", "pl-mail-sender-service", "--replicas=0", user="sandbox-admin"
                )
        home = apart.work / f"home-{stage}"
        home.mkdir()
        survey = {**SURVEY, "monq_confirm_outage": apart.name, "monq_monqctl_home": str(home)}
        results[stage] = pod.run(apart, stage, {**given, **artifacts, **survey}, *words, secrets=held)
        artifacts |= results[stage].artifacts
        if stage == "prepare":
            results["whole, prepare"] = whole.play("prepare")
        assert results[stage].rc == (2 if stage == "report" else 0), results[stage].text[-3000:]
    apart.variables(  # for what the tests run on this machine later
        monq_kubeconfig=apart.sandbox.facts["kubeconfig"],
        monq_releasehub_token=apart.facts["releasehub_token"],
        monq_postgresql_password=apart.facts["postgresql"]["password"],
    )
    before = (apart.registry_counts(), apart.kubernetes_counts())
    with Seen(whole) as results["seen"]:
        results["whole"] = whole.play("site", extra=results["seen"].variables)
    assert results["whole"].rc == 0, results["whole"].text[-3000:]
    return apart, whole, results, before


def test_four_stages_in_fresh_homes_equal_one_site_run(stages):
    """trap 47: nothing that a later stage needs is on the machine that ran the earlier one."""
    apart, whole, _results, _before = stages
    assert differences(state(apart), state(whole)) == []


def test_the_pods_user_is_another_one():
    """the test's own means"""
    if not pod.as_another_user():
        pytest.skip("without user namespaces the nodes of the workflow ran as the user of the tests")
    done = subprocess.run([*pod.as_another_user(), "id", "-u"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == pod.USER


def test_the_upgrade_was_held_to_the_plan_that_the_plan_node_left(stages):
    """The survey's monq_plan is empty, and wins over artifacts of the same name."""
    apart, _whole, results, _before = stages
    left = results["plan"].artifacts
    ledger = json.loads(apart.kubectl("get", "configmap", "monq-upgrade-6.0.0", "-o", "json"))
    assert left["monq_plan_made"] == {apart.name: ledger["metadata"]["annotations"]["monq.platform/plan"]}
    assert "WILL BE DELETED" in left["monq_summary"] and len(left["monq_summary"].encode()) <= 1024
    plan = json.loads(next(apart.backup.rglob("plan.json")).read_text())
    assert plan["id"] == left["monq_plan_made"][apart.name]
    shown = {row["key"]: row for row in plan["shown"]["steps"] if row["kind"] != "client"}  # those belong to a home
    since = {key for key, entry in apart.ledger().items() if key in shown and entry["started"] >= plan["made_at"]}
    assert since == {key for key, row in shown.items() if row["will_run"]}, "what prepare had done was not to run"
    assert "the installation is as it was at" in results["upgrade"].text


def test_the_node_after_a_failure_says_what_stopped_the_workflow_and_fails(stages):
    """Where preflight failed there is no ledger; what it left reaches the notification."""
    apart, _whole, results, _before = stages
    first, last = results["refused, preflight"], results["refused, report"]
    assert first.rc == last.rc == 2 and "monq_confirm_outage" in first.artifacts["monq_preflight_stopped"][apart.name]
    assert "there is nothing to report" in last.text, last.text[-3000:]
    said = last.artifacts["monq_summary"]
    assert said.startswith(f"{apart.name}: ") and "there is nothing to report" in said and "monq_confirm_outage" in said
    assert len(said.encode()) <= 1024
    end = results["report"]  # as if somebody had led a success there
    assert "Another node of this workflow has failed" in end.text and "Monq is up." in end.artifacts["monq_summary"]


def test_each_home_got_its_client_steps(stages):
    apart, _whole, results, _before = stages
    homes = apart.ledger()["prepare.monqctl.context"]["homes"]
    assert len(homes) == 3, "prepare, upgrade and verify each configured their own; preflight changes nothing"
    assert "repeats" not in results["preflight"].text


def test_counts_changed_between_prepare_and_upgrade_are_kept(stages):
    """trap 41, 42: the snapshot is taken right before the old routes are removed; 0 is a count too."""
    apart, _whole, _results, _before = stages
    counts = apart.kubernetes_counts()
    assert counts["pl-tags-service"] == 2 and counts["pl-mail-sender-service"] == 0
    assert counts["pl-notifications-service"] == 2 and apart.registry_counts()["pl-notifications-service"] == 4
    assert counts["pl-reports-service"] == 0
    assert counts["pl-search-service"] == 3, "left to its HPA"
    summary = (apart.backup / apart.name / "6.0.0" / "1" / "summary.txt").read_text()
    assert (
        "new services: pl-routing-service" in summary
        and "gone: pl-legacy-router-service" in summary
        and "HPA: pl-search-service" in summary
    )


def test_no_secret_in_ledger_summary_and_output(stages):
    """trap 7: tokens and passwords are in no output, no ConfigMap and no report."""
    apart, _whole, results, _before = stages
    secrets = [apart.facts["releasehub_token"], apart.facts["postgresql"]["password"]]
    secrets.append(apart.kubectl("get", "secret", "registry-token", "-o", "jsonpath={.data.secure_token}"))
    secrets.append(WEBHOOK_KEY)
    texts = [result.text for name, result in results.items() if name != "seen"] + [json.dumps(apart.ledger())]
    texts += [
        path.read_text(errors="replace")
        for path in apart.backup.rglob("*")
        if path.suffix in (".txt", ".json", ".html", ".md")
    ]
    for text in texts:
        assert not [secret for secret in secrets if secret in text]


def test_the_report_says_what_ledger_and_cluster_say_and_can_be_made_again(stages):
    """The numbers by kubectl; then everything beside the dumps is deleted, as with AWX's pod, and report.yml makes the
    report from the cluster, which it only reads."""
    apart, _whole, results, before = stages
    folder, ledger = apart.backup / apart.name / "6.0.0" / "1", apart.ledger()
    report = json.loads((folder / "report.json").read_text())
    rows = {row["key"]: row for row in report["steps"]}
    assert {key: (row["state"], row["started"], row["finished"]) for key, row in rows.items()} == {
        key: (entry["state"], entry["started"], entry["finished"]) for key, entry in ledger.items()
    }
    last = max(entry["finished"] for key, entry in ledger.items() if key.startswith("upgrade."))
    begin, end = (
        datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
        for text in (ledger["upgrade.routing.cut"]["started"], last)
    )
    assert report["outage"]["ledger"]["seconds"] == int((end - begin).total_seconds())
    went_on_with = [{row["id"] for row in run["findings"]} for run in report["preflight"]]
    shown = [set(re.findall(r"\[(?:WARNING|INFO)\] (MONQ-\d+) ", results[name].text)) for name in NODES]
    assert went_on_with[0] == shown[list(NODES).index("prepare")] != set()
    assert all(found in shown for found in went_on_with)
    assert report["outcome"] == "finished" and report["irreversible"]["sql"] == len(report["sql"]) == 8
    assert [row["seen"] for row in report["sql"]] == [ledger[row["key"]]["result"] for row in report["sql"]]
    assert {row["sha256"] for row in report["backups"]} == {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.dump")
    }
    registry, kubernetes = dict(before[0]), before[1]  # right after the upgrade
    for name in report["replicas"]["appeared"]:  # verify reads the registry's counts of services that were there before
        registry.pop(name)
    for store, counts in (("registry", registry), ("kubernetes", kubernetes)):
        seen = {name: row[store]["after"] for name, row in report["replicas"]["services"].items()}
        assert {name: count for name, count in seen.items() if count is not None} == counts
    names = {one["metadata"]["name"] for one in apart.objects("ingresses.v1beta1.extensions")}
    assert set(report["routes"]["after"]) == names and not names & set(report["routes"]["removed"])

    for path in folder.glob("report.*"):
        path.unlink()
    mark = apart.audit_mark()
    again = apart.play("report", confirm=False)
    assert again.rc == 0 and "is finished and verified. Monq is up." in again.text, again.text[-3000:]
    made = json.loads((folder / "report.json").read_text())
    assert {**made, "made": ""} == {**report, "made": ""} and apart.mutations(mark) == []
    assert (folder / "report.html").exists() and (folder / "report.md").exists()


def seconds(stamp):
    found = datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")
    return found.replace(tzinfo=datetime.timezone.utc).timestamp()


def test_the_outage_as_users_saw_it_is_what_kubectl_saw(stages):
    """Within two seconds; and the process that watched it is gone."""
    _apart, whole, results, _before = stages
    folder = whole.backup / whole.name / "6.0.0" / "1"
    seen, report = results["seen"], json.loads((folder / "report.json").read_text())
    whole.keep_report(1)
    (_start, _up), (down, _gone), (up, _back) = seen.changes
    asked = [row["object"] for row in report["findings"] if row["id"] == "MONQ-111"]
    assert asked and all(name.startswith(("pl-", "cl-")) for name in asked), "nobody answers for the domain"
    probe = report["outage"]["probe"]
    states = [row["state"] for row in probe["changes"]]
    assert states == ["ok", "not_found", "ok", "not_observed"] and probe["state"] == "ended"
    for told, true in ((probe["from"], down), (probe["to"], up)):
        assert abs(seconds(told) - true) <= 2
    assert abs(probe["seconds"] - (up - down)) <= 2 and probe["unseen_seconds"] == 0
    [file] = folder.glob("outage-watch-*")
    heading = json.loads(file.read_text().splitlines()[0])
    assert child.is_alive({**heading, "pid": os.getpid(), "started": process.start_time(os.getpid())})
    assert not child.is_alive(heading) and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not any(request["at"] > seconds(probe["changes"][-1]["at"]) + 2 for request in seen.monq.requests)


def test_people_are_told_in_order_and_alerts_are_silent_during_the_outage(stages):
    _apart, _whole, results, _before = stages
    seen, text = results["seen"], results["whole"].text
    bodies = seen.webhook.json()
    assert [body["event"] for body in bodies] == ["announced", "outage_begins", "outage_over", "verified"]
    assert bodies[2]["outage"]["seconds"] > 0 and bodies[2]["outage"]["to"]
    assert bodies[2]["seen"]["state"] == "ended" and "Monq was blind from" in bodies[2]["text"]
    announced, begins, over, verified = seen.silent
    assert announced == begins == [] and 280 <= over[0] <= 300 and 200 <= verified[0] <= 300
    posts = [json.loads(request["body"]) for request in seen.alerts.requests if request["method"] == "POST"]
    assert 1190 <= moment(posts[0]["endsAt"]) - moment(posts[0]["startsAt"]) <= 1201
    order = [
        text.index(words) for words in ("hook before_cut: ", "Watch the outage from outside", "hook after_outage: ")
    ]
    assert order == sorted(order)


OWN = [
    {
        "hosts": "monq",
        "gather_facts": False,
        "module_defaults": {
            "group/monq.platform.monq": "{{ _monq_run_defaults }}",
            "group/monq.platform.monqctl": "{{ _monq_monqctl_defaults }}",
        },
        "tasks": [
            {"import_role": {"name": "monq.platform.monq"}},
            {"monq.platform.replica_snapshot": {"name": "cut"}, "register": "saved"},
            {"monq.platform.replica_restore": {"module": "pl"}, "register": "restored"},
            {
                "monq.platform.monqctl_info": {"gather": ["version", "context", "status", "replicas"]},
                "register": "info",
            },
            {
                "copy": {
                    "content": "{{ [saved, restored, info] | to_json }}",
                    "dest": "{{ playbook_dir }}/seen.json",
                    "mode": "0600",
                }
            },
        ],
    }
]


def test_a_playbook_of_ones_own_reads_the_counts_by_the_modules_of_a_single_subject(stages):
    """With a finished ledger, replica_snapshot, replica_restore and monqctl_info read, and change nothing."""
    apart, _whole, _results, before = stages
    (apart.work / "own.yml").write_text(json.dumps(OWN))
    mark, calls = apart.audit_mark(), len(apart.journal())
    result = apart.play(apart.work / "own", extra={**FRESH, "monq_monqctl_home": str(apart.work / "home-verify")})
    assert result.rc == 0, result.text[-3000:]
    saved, restored, info = json.loads((apart.work / "seen.json").read_text())
    then = before[1]  # right after the upgrade
    assert {name: row["kubernetes"] for name, row in saved["replicas"].items() if name in then} == {
        name: count for name, count in then.items() if name in saved["replicas"]
    }
    assert saved["steps"] == {"done": [], "predicted": [], "skipped": ["upgrade.replicas.cut"]}
    assert restored["kubernetes"] == [] and len(restored["steps"]["skipped"]) == 2 and not restored["changed"]
    assert info["replicas"] == apart.registry_counts() and info["context"] == apart.name and info["status"]
    assert apart.mutations(mark) == [] and len(apart.journal()) == calls


def test_verify_of_a_closed_release_fails_where_a_promise_is_broken(stages):
    """Counts are up to the operator, but a Deployment that is not rolled out does not match the release."""
    apart, _whole, _results, _before = stages
    ledger, given = apart.ledger(), {**FRESH, "monq_monqctl_home": str(apart.work / "home-verify")}
    apart.kubectl("scale", "deployment", "pl-tags-service", "--replicas=3", user="sandbox-admin")
    apart.kubectl("rollout", "status", "deployment/pl-tags-service", "--timeout=60s", user="sandbox-admin")
    scaled = apart.play("verify", extra=given)
    assert scaled.rc == 0 and "pl-tags-service in Kubernetes" in scaled.text, scaled.text[-3000:]
    apart.kubectl("set", "image", "deployment/pl-tags-service", "*=nowhere/none:9", user="sandbox-admin")
    broken = apart.play("verify", extra=given)
    assert broken.rc == 2 and "the installation does not match the release" in broken.text, broken.text[-3000:]
    assert "Deployment pl-tags-service" in broken.text and apart.ledger() == ledger


def test_cleanup_removes_what_is_named_and_verify_still_passes(stages):
    """By kubectl and the folder. Without confirmation and in check mode nothing is touched, not even the lock."""
    _apart, whole, _results, _before = stages
    folder, mark = whole.backup / whole.name / "6.0.0" / "1", whole.audit_mark()

    def snapshots():
        names = {one["metadata"]["name"] for one in whole.objects("secrets")}
        return {name for name in names if name.startswith("monq-upgrade-6.0.0-")}

    def clean(*words, **extra):
        return whole.play("cleanup", *words, confirm=False, extra=extra)

    before, named = snapshots(), {"monq_cleanup_confirm": whole.name, "monq_cleanup_also": "snapshots, dumps"}
    listed, checked = clean(), clean("--check", **named)
    assert listed.rc == checked.rc == 0 and f"keep  {sorted(before)[0]}" in listed.text, listed.text[-3000:]
    assert checked.recap(whole.name)["changed"] == 1 and snapshots() == before and whole.mutations(mark) == []
    removed = clean(**named)
    assert removed.rc == 0 and "Removed: " in removed.text, removed.text[-3000:]
    assert before and snapshots() == set() and list(folder.glob("*.dump")) == []
    assert (folder / "manifest.json").exists() and (folder / "report.html").exists()
    report = (folder / "report.json").read_text()
    again = whole.play("verify")
    assert again.rc == 0 and "removed by cleanup.yml" in again.text, again.text[-3000:]
    assert (folder / "report.json").read_text() == report, "what was before is kept by verify's own record"


def test_manual_counts_are_listed_in_the_report(install):
    """If monqctl cannot write counts, those in Kubernetes are restored, and the report lists what to enter."""
    installation = install("site-run", modules="pl", alias=False)
    before = installation.registry_counts()
    result = installation.play("site", "-v", extra={"monq_registry_replicas": "manual"})
    assert result.rc == 0, result.text[-2000:]
    assert "enter in the registry by hand: pl-identity-service" in result.text
    assert installation.kubernetes_counts()["pl-identity-service"] == 4
    assert not [argv for argv in installation.journal() if argv[:3] == ["registry", "apply", "microservice"]]
    assert before["pl-identity-service"] != installation.registry_counts()["pl-identity-service"]
