# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import shlex

from ..language import ENGLISH, mark
from ..redaction.text import redact

NEXT = mark("next command")
OUTAGE = "monq_confirm_outage"  # repeats the environment's name: not a secret
SHOWN = (OUTAGE, "monq_confirm_rollback", "monq_last_exit")
PLAN, PLAN_ID = "monq_plan", re.compile(r"sha256:[0-9a-f]{64}")  # what a resumed run must follow too
ANSWER = "monq_resolve"  # belongs to one attempt, so it is not repeated


def text(host, task, result, ledger, bundle, command, choices=(), words=ENGLISH):
    """The final text of a failing run: what failed, current state, support bundle, next command. choices: what ways
    returned, where there is a choice."""
    message = redact(first_message(result))
    lines = [words._("FAILED on {host}: {task}", host=host, task=task)]
    lines += ["  " + line for line in words.message(message).splitlines()]
    for row, key in (("changed", "changed_so_far"), ("platform", "reachable")):
        if f"\n  {row}: " not in message:
            lines.append(f"    {words.row(row)}: {standing(ledger, key, words)}")
    lines.append(words._("    support bundle: {kept}", kept=kept(bundle, words)))
    if "monq_resolve" in message:
        command += f" -e '<{words._('one of the choices above')}>'"
    for what, way in choices or [(NEXT, command)]:
        lines += [f"    {words.gettext(what)}:", f"      {way}"]
    return "\n".join(lines)


def ways(given, message, environment):
    """[(what, command)] to choose from at the last exit before SQL. given: see resume_command."""
    back = {
        **given,
        "playbooks": [
            re.sub(r"(site|upgrade)(\.ya?ml)?$", r"rollback\2", name) for name in given.get("playbooks") or []
        ],
        "extra_vars": [word for word in given.get("extra_vars") or [] if word.startswith("@")]
        + [f"monq_confirm_rollback={environment}"],
        "check": False,
        "start_at_task": None,
        "tags": [],
        "skip_tags": [],
    }
    return [
        (mark("to go on"), resume_command(given, message) + " -e monq_last_exit=continue"),
        (mark("to roll back"), resume_command(back, message)),
    ]


def in_short(host, task, result, command, words=ENGLISH):
    """The same in one line, for the task's message, which Ansible shows up to twice more."""
    return words._(
        "FAILED on {host}: {task}: {what}. Details above. Next command: {command}",
        host=host,
        task=task,
        what=words.sentence(redact(first_message(result).splitlines()[0])),
        command=command,
    )


def first_message(result):
    """The message of a task that failed, or of the first failed item of a loop."""
    failed = next((row for row in result.get("results") or [] if isinstance(row, dict) and row.get("failed")), result)
    message = str(failed.get("msg") or failed.get("censored") or "the task failed without a message").strip()
    crash = str(failed.get("module_stderr") or failed.get("exception") or "").strip().splitlines()
    if crash and crash[-1] not in message and not crash[-1].startswith("(traceback"):
        message += f"\n  seen: {crash[-1]}"
    return message


def standing(ledger, key, words=ENGLISH):
    if ledger.get(key):
        return words.sentence(ledger[key])
    why = str(ledger.get("msg") or "").splitlines()
    return words._("unknown: the ledger was not read") + (f" ({words.sentence(why[0])})" if why else "")


def kept(bundle, words=ENGLISH):
    """The support bundle's path, or the reason why there is none."""
    if bundle.get("path"):
        missing = bundle.get("missing") or {}
        without = words._(" (without {names}: see index.json in it)", names=", ".join(sorted(missing)))
        return bundle["path"] + (without if missing else "")
    if bundle.get("skipped") or not bundle:
        return words._(
            "none: this run held no lock, or no step has been started yet; run support.yml to create one at any time"
        )
    why = words.sentence(first_message(bundle).splitlines()[0])
    return words._("not written: {why}; run support.yml to try again", why=why)


def relaunch(job, template="", words=ENGLISH):
    """The next step in AWX, where nobody types commands."""
    return words._(
        "relaunch the job template {template} (this was job {job}; inside a workflow: relaunch from the failed node)",
        template=template or words._("of this job"),
        job=job,
    )


# How the inventory host is reached: {option: its flag}.
WAYS = {
    "remote_user": "-u",
    "private_key_file": "--private-key",
    "connection": "-c",
    "become_user": "--become-user",
    "become_method": "--become-method",
}
FLAGS = ("ask_pass", "become", "ask_vault_pass", "become_ask_pass", "check", "diff")
OPTIONS = ("extra_vars", "tags", "skip_tags", "vault_ids", "vault_password_files", *WAYS, *FLAGS)


def resume_command(given, message=""):
    """The command to type, from the options of ansible-playbook. Inline values may be secrets: only their names are
    shown."""
    words = ["ansible-playbook"]
    for path in given.get("inventory") or []:
        words += ["-i", path]
    words += given.get("playbooks") or []
    if given.get("limit"):
        words += ["--limit", given["limit"]]
    # A failure that asks for the whole playbook must not be repeated with the tags that caused it.
    if "--skip-tags" not in message:
        for option in ("tags", "skip_tags"):
            chosen = [tag for tag in given.get(option) or [] if tag != "all"]
            words += ["--" + option.replace("_", "-"), ",".join(chosen)] if chosen else []
    for option, flag in WAYS.items():
        words += [flag, given[option]] if given.get(option) else []
    for option in ("vault_ids", "vault_password_files"):
        for value in given.get(option) or []:
            words += ["--vault-id" if option == "vault_ids" else "--vault-password-file", value]
    words += [f"--{flag.replace('_', '-')}" for flag in FLAGS if given.get(flag)]
    quoted = [shlex.quote(word.replace("become-ask-pass", "ask-become-pass")) for word in words]
    return " ".join(quoted + [f"-e {shlex.quote(word)}" for word in extra_vars(given.get("extra_vars") or [])])


def extra_vars(given):
    """The -e values to repeat: files, the confirmation, and only the names of all others."""
    shown = []
    for word in given:
        if word.startswith("@"):
            shown.append(word)
            continue
        for name, value in pairs(word):
            if name in SHOWN or (name == PLAN and PLAN_ID.fullmatch(str(value))):
                shown.append(f"{name}={value}")
            elif name != ANSWER:
                shown.append(f"{name}=…")
    return list(dict.fromkeys(shown))


def pairs(word):
    """[(name, value)] of one -e, given as JSON, as YAML in braces, or as key=value."""
    if word.lstrip().startswith(("{", "[")):
        try:
            return [(str(name), value) for name, value in json.loads(word).items()]
        except (ValueError, AttributeError):
            found = re.search(rf"[\"']?{OUTAGE}[\"']?\s*:\s*[\"']?([\w.-]+)", word)
            return ([(OUTAGE, found.group(1))] if found else []) + [("<the other variables of this -e>", "")]
    try:
        parts = shlex.split(word)
    except ValueError:
        parts = word.split()
    return [(name, value) for name, sign, value in (part.partition("=") for part in parts) if sign]
