"""Notifications and hooks as a play runs them: without a cluster, against servers of the test's own."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.harness import environment
from support.recorder import Recorder

KEY = "k9xw3f5nd1hunter2a7q"  # in a webhook's URL
BOT = "bot123456789:AAH-hunter2hunter2hun"
TOKEN = "Bearer hunter2hunter2"
PASSWORD = "hunter2-of-postgresql"
REQUIRED = {
    "monq_environment": "production",
    "monq_namespace": "production",
    "monq_modules": ["pl"],
    "monq_domain": "monq.example.org",
    "monq_ingress_secrets": [{"hosts": ["monq.example.org"], "secretName": "tls"}],
    "monq_monqctl_context": "production",
    "monq_credential_name": "c",
    "monq_postgresql_host": "db",
    "monq_postgresql_user": "u",
    "monq_postgresql_password": PASSWORD,
    "monq_kubeconfig": "/nowhere/config",
    "ansible_connection": "local",
    "ansible_python_interpreter": sys.executable,
}


def role(name, tasks_from="main", **more):
    call = {"name": "monq.platform.monq", "tasks_from": tasks_from}
    if tasks_from != "main":
        call["rolespec_validate"] = False
    return {"name": name, "ansible.builtin.import_role": call, **more}


def play():
    """The notifications and hooks of an upgrade in their order, as playbooks/tasks/upgrade.yml has them."""
    return [
        {
            "hosts": "monq",
            "gather_facts": False,
            "strategy": "ansible.builtin.host_pinned",
            "module_defaults": {"group/monq.platform.monq": "{{ _monq_run_defaults }}"},
            "tasks": [
                {
                    "block": [
                        role("Variables"),
                        role("Announced", "notify_announced"),
                        role("Before", "hook_before_cut"),
                        role("Begins", "notify_outage_begins"),
                        role("Over", "notify_outage_over"),
                        role("After", "hook_after_outage"),
                        role("Verified", "notify_verified"),
                    ],
                    "rescue": [role("Failure", "failure")],
                }
            ],
        }
    ]


def run(folder, *words, hosts):
    """Runs the play. hosts: {name: its variables}."""
    (folder / "play.yml").write_text(json.dumps(play()))
    values = {**REQUIRED, "monq_backup_dir": str(folder / "backup")}
    (folder / "hosts.json").write_text(json.dumps({"monq": {"hosts": hosts, "vars": values}}))
    env = environment(ANSIBLE_FORKS="8")
    argv = [Path(sys.executable).parent / "ansible-playbook", "-i", folder / "hosts.json", folder / "play.yml", *words]
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def hook(folder, name, *tasks):
    (folder / f"{name}.yml").write_text(json.dumps(list(tasks)))
    return str(folder / f"{name}.yml")


def mark(folder, name):
    return {"name": f"Mark {name}", "ansible.builtin.file": {"path": str(folder / name), "state": "touch"}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One play at the highest verbosity: a run that ends well, one whose hook stops it, and five that cannot begin."""
    folder = tmp_path_factory.mktemp("notify")
    (folder / "unknown_module.yml").write_text("- no_such_module_anywhere: {}\n")
    (folder / "no_list.yml").write_text("name: x\n")
    broken = hook(folder, "after", {"name": "Broken", "ansible.builtin.fail": {"msg": "the balancer is away"}})
    question = {"name": "Ask", "ansible.builtin.fail": {"msg": f"decide with monq_resolve {KEY}\n  second line"}}
    failing = {"name": "Worse", "ansible.builtin.fail": {"msg": "no pager"}}
    servers = {"webhook": Recorder(), "refusing": Recorder(500), "silent": Recorder(hang=30), "telegram": Recorder()}
    servers["other"] = Recorder()
    with contextlib.ExitStack() as stack:
        url = {name: stack.enter_context(server).url for name, server in servers.items()}
        text = run(
            folder,
            "-vvv",
            hosts={
                "good": {
                    "monq_notify": [
                        {"url": f"{url['webhook']}/{KEY}", "headers": {"Authorization": TOKEN}},
                        {"url": f"{url['refusing']}/hooks/{KEY}", "preset": "mattermost"},
                        {"url": f"{url['silent']}/{KEY}", "events": ["outage_begins"]},
                        {
                            "url": f"{url['telegram']}/{BOT}/sendMessage",
                            "preset": "telegram",
                            "body": {"chat_id": -100200},
                            "events": ["announced", "outage_over"],
                        },
                    ],
                    "monq_hooks": {
                        "before_cut": hook(folder, "before", mark(folder, "before")),
                        "after_outage": [broken],
                    },
                },
                "stopped": {
                    "monq_notify": [{"url": f"{url['other']}/{KEY}"}],
                    "monq_hooks": {
                        "before_cut": hook(folder, "asks", question),
                        "on_failure": hook(folder, "failed", mark(folder, "failed"), failing),
                    },
                },
                "pigeon": {"monq_notify": [{"url": f"{url['other']}/{KEY}", "preset": "pigeon"}]},
                "relative": {"monq_hooks": {"before_cut": "relative.yml"}},
                "unknown": {"monq_hooks": {"after_outage": str(folder / "unknown_module.yml")}},
                "no_list": {"monq_hooks": {"on_failure": str(folder / "no_list.yml")}},
                "misspelt": {"monq_hooks": {"after_cut": "x"}},
            },
        )
    return folder, text, servers


def recap(text, host):
    return dict(pair.split("=") for pair in re.findall(rf"^{host} +: (.*)$", text, re.M)[-1].split())


def test_events_come_in_order_and_nobody_who_hangs_or_fails_stops_the_run(runs):
    folder, text, servers = runs
    webhook, refusing, telegram = (servers[name] for name in ("webhook", "refusing", "telegram"))
    assert recap(text, "good")["failed"] == "0", text[-3000:]
    events = [body["event"] for body in webhook.json()]
    assert events == ["announced", "outage_begins", "outage_over", "verified"]
    assert {request["headers"]["Authorization"] for request in webhook.requests} == {TOKEN}
    assert [sorted(body) for body in telegram.json()] == [["chat_id", "text"]] * 2
    assert "receives no events" in telegram.json()[0]["text"] and len(servers["silent"].requests) == 1
    assert len(refusing.requests) == 4 and list(refusing.json()[0]) == ["text"]
    assert "monq_notify[2] (mattermost), announced: status 500" in text
    assert "monq_notify[3] (webhook), outage_begins: no response" in text


def test_hooks_run_are_timed_and_after_the_outage_only_warn(runs):
    folder, text, _servers = runs
    assert (folder / "before").exists()
    assert "good: hook before_cut: " in text and " took " in text
    assert "hook after_outage has failed" in text and "the balancer is away" in text


def test_a_hook_that_fails_before_the_outage_stops_there_and_is_told(runs):
    folder, text, servers = runs
    bodies = servers["other"].json()
    assert recap(text, "stopped")["failed"] == "1"
    assert [body["event"] for body in bodies] == ["announced", "failed", "question_asked"], "no outage has begun"
    assert bodies[1]["failure"] == {"task": "Ask", "message": "decide with monq_resolve ********"}
    assert (folder / "failed").exists()
    assert "hook on_failure has failed" in text and "no pager" in text
    assert "FAILED on stopped: Ask" in text, "the last words are of what failed first"


def test_no_key_token_or_password_is_shown_or_sent(runs):
    _folder, text, servers = runs
    sent = "".join("".join(server.texts) for server in servers.values())
    kept = text.replace(f"monq_resolve {KEY}", "")  # the site's own hook has shown that
    for secret in (KEY, BOT, TOKEN, PASSWORD):
        assert secret not in kept and secret not in sent


@pytest.mark.parametrize(
    ("host", "word"),
    [
        ("pigeon", "monq_notify[1]"),
        ("relative", "monq_hooks.before_cut"),
        ("unknown", "monq_hooks.after_outage"),
        ("no_list", "monq_hooks.on_failure"),
        ("misspelt", "only these names: before_cut, after_outage, on_failure"),
    ],
)
def test_what_cannot_be_used_stops_the_run_before_it_begins(runs, host, word):
    _folder, text, _servers = runs
    [said] = re.findall(rf"^FAILED on {host}: .*", text, re.M)
    assert said.endswith(("Check whom to tell of the run", "Check the hooks of the site"))
    block = re.match(r".*\n((?:  .*\n)+)", text[text.index(f"\n{said}\n") + 1 :])[1]
    assert "cannot be used" in block.splitlines()[0] and word in block and "next command" in block, "one block, whole"
    assert "begins" not in recap(text, host) and int(recap(text, host)["failed"]) == 1
