"""How a client is understood, call by call: one that is not keeps no other from being made."""

from __future__ import annotations

import re

import pytest
from ansible_collections.monq.platform.plugins.module_utils.monqctl import reading
from ansible_collections.monq.platform.plugins.module_utils.monqctl.client import Monqctl
from ansible_collections.monq.platform.plugins.module_utils.process import Result
from ansible_collections.monq.platform.plugins.plugin_utils import languages
from repository import SHIPPED_RULES

SAYS = {
    "version": "monqctl v1.1.2",
    "config current-context": "* production",
    "registry get status": "Consul | Failed\nPostgreSQL | OK at hunter2x",
    "registry get services K8s": '{"JsonConfig": {"password": "theirs"}}',
    "registry get microservices": '[{"Name": "a", "Replicas": 2}]',
    "registry get microservices a": '{"Name": "a", "Replicas": 2}',
}


def rows_of(manual=False, **changed):
    says = {**SAYS, **{name.replace("_", " "): text for name, text in changed.items()}}

    def runner(argv, env=None, timeout=None):
        words = " ".join(word for word in argv[1:] if word not in ("--output", "json"))
        return Result(0, says[words], "", False)

    client = Monqctl("m", "/home", {}, 60, "production", SHIPPED_RULES, runner, secrets=["hunter2x"])
    return reading.examine(client, None, ["Consul"], manual)


def test_everything_is_understood():
    rows = rows_of()
    assert [row["problem"] for row in rows] == [""] * 6
    assert [row["understood"] for row in rows[:3]] == [
        "1.1.2",
        "production",
        "Consul: Failed, PostgreSQL: OK at ********",
    ]
    assert rows[1]["said"] == "* production" and rows[3]["said"] == "[JSON, 38 characters]"
    assert "hunter2x" not in str(rows) and "theirs" not in str(rows)
    assert reading.text(rows).splitlines()[-1] == "6 of 6 calls understood"


@pytest.mark.parametrize(
    ("changed", "call"),
    [
        ({"version": "hello"}, "version"),
        ({"registry_get_status": "everything hunter2x is fine"}, "registry get status"),
        ({"registry_get_services_K8s": ""}, "registry get services K8s"),
    ],
)
def test_one_that_is_not_understood_is_shown_with_what_to_do(changed, call):
    rows = rows_of(**changed)
    (bad,) = [row for row in rows if row["problem"]]
    assert bad["call"] == call and bad["next"] and "hunter2x" not in str(rows)
    shown = reading.text(rows)
    assert f"NOT UNDERSTOOD  monqctl {call}" in shown and shown.endswith("5 of 6 calls understood")


def test_counts_that_are_entered_by_hand_are_not_asked_for():
    assert [row["call"] for row in rows_of(manual=True, registry_get_microservices="")][
        -1
    ] == "registry get services K8s"


def test_it_is_said_in_russian_but_for_what_monqctl_has_printed():
    rows = rows_of(registry_get_status="everything is fine")
    shown = reading.text(rows, languages.language("ru")).splitlines()
    assert shown[-1] == "понятых вызовов: 5 из 6" and "НЕ ПОНЯТ  monqctl registry get status" in shown
    assert "    ответ    everything is fine" in shown and "    ответ    [JSON, символов: 38]" in shown
    own = [line for line in shown if "monqctl" not in line and not line.startswith("    ответ")]
    assert not re.findall(r"\b(?:understood|said|problem|next|an object|the|of|with)\b", "\n".join(own)), own
