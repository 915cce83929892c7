"""What is left in English in the output of a run with monq_language: ru. A test of its own: test_russian_output.py."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

from ansible_collections.monq.platform.plugins.plugin_utils import languages

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = 79  # at which Ansible wraps its warnings where it writes to no terminal
# Ansible's own lines: tasks, their results, and the recap.
ANSIBLE = re.compile(
    r"(?:TASK|PLAY|RUNNING HANDLER|HANDLER) (?:\[|RECAP)|(?:ok|changed|skipping|included|fatal|failed): |"
    r"\.\.\.ignoring|task path: |Using .* as config file|Origin: |PLAY RECAP|.* : ok=\d"
)
ERROR = re.compile(r"\[ERROR\]: ")  # from ansible-core 2.19 on: the error of a task, and where the task is written
FAILED = re.compile(r"fatal: \[[^]]*\](?: -> \S+)?: FAILED! => (\{.*\})$")
AFTER_ERROR = re.compile(r"(?:fatal|failed): ")
WARNING = re.compile(r"\[(?:WARNING|DEPRECATION WARNING)\]: ")
# What stays as it is: kinds of objects, keys of steps in short, names of checks, commands, quoted text, ids, keys,
# paths, addresses, options, numbers with their signs.
STAYS = re.compile(
    r"\bDeployments\b|"
    r"(?<=: )context \S+$|шаг \d+ из \d+(?: [a-z]\S*)+|\b[a-z]+ \d+/\d+|MONQ-\d+ \S+:|out of shared memory|"
    r"`[^`]*`|'[^']*'|\"[^\"]*\"|«[^»]*»|"
    r"\b(?:ansible-playbook|kubectl|monqctl|psql|pip|helm)(?:: .*| [-a-z./].*?(?= failed$| ended |$))"
    r"|\b(?:DROP|ALTER|GRANT|CREATE|SELECT) .*|\S*[^\s\w,;()]\w\S*|--?\w\S*|\S*[\d_]\S*"
)
PLACE = re.compile(r"%\(\w+\)\w+|\{[^{}]*\}")  # for a value
WORD = re.compile(r"[A-Za-z]{2,}")


@functools.cache
def ours():
    """The English words of the catalogue, in small letters, but for those that a translation has too, such as names."""
    entries = languages.entries("ru")
    english = _words("\n".join(one["msgid"] + "\n" + (one["msgid_plural"] or "") for one in entries))
    kept = _words("\n".join("\n".join(one["msgstr"]) for one in entries))
    return english - kept


def _words(text):
    return {word.lower() for word in WORD.findall(STAYS.sub(" ", PLACE.sub("x ", text)))}


@functools.cache
def tasks():
    """The name of every task and play, which stay English, as an expression."""
    files = [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/**/*.yml")]
    named = [re.findall(r"^\s*- name: (.+)$", path.read_text(encoding="utf-8"), re.M) for path in files]
    names = {name.strip("\"'") for found in named for name in found if " " in name}
    patterns = [".*?".join(map(re.escape, re.split(r"\{\{.*?\}\}", name))) for name in names]
    return re.compile("|".join(sorted(patterns, key=len, reverse=True)))


def english(text, *foreign):
    """[line] of our own lines that hold English words of ours. foreign: what others have printed: texts, or compiled
    expressions for parts of a line."""
    return [line for line in own(text) if _left(line, foreign)]


def _left(line, foreign):
    warned = WARNING.match(line)
    if warned:  # one of Ansible's is no text of ours
        said = line[warned.end() :]
        return languages.language("ru").message(said) != said
    for known in (*foreign, tasks()):
        line = known.sub(" ", line) if hasattr(known, "sub") else line.replace(known, " ")
    return {word.lower() for word in WORD.findall(STAYS.sub(" ", line))} & ours()


def _said(line):
    """The lines of the text that a task has failed with, where it is one in the language of the run."""
    failed = FAILED.match(line)
    said = str(json.loads(failed[1]).get("msg")) if failed else ""
    return [one for one in said.splitlines() if one.strip()] if re.search("[а-яё]{3}", said) else []


def own(text):
    """The lines that are not Ansible's own. A warning is one line again."""
    found, wrapped, error = [], "", False
    for line in text.splitlines():
        found += _said(line)
        error = bool(ERROR.match(line)) or (error and not AFTER_ERROR.match(line))
        first = line.split(" ")[0]
        if wrapped and line and len(wrapped) + 1 + len(first) > COLUMNS and not WARNING.match(line):
            found[-1] += " " + line
            wrapped = line
            continue
        wrapped = ""
        if error or not line.strip() or ANSIBLE.match(line):
            continue
        wrapped = line if WARNING.match(line) else ""
        found.append(line)
    return found
