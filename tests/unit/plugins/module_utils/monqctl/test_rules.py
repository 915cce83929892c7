"""The rules that judge monqctl's output: those that are shipped, and how the operator's are laid over them."""

from __future__ import annotations

import gettext
import json
import re
from pathlib import Path

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError
from ansible_collections.monq.platform.plugins.module_utils.monqctl import rules
from ansible_collections.monq.platform.plugins.module_utils.monqctl.rules import DONE, FAILED, UNKNOWN, Rules
from ansible_collections.monq.platform.plugins.module_utils.terminal import clean
from repository import SHIPPED_RULES

RULES = Rules(SHIPPED_RULES)
SQL = ["release", "update", "db", "pgsql", "--module=pl", "--microservice=pl-i18n-service", "--file", "sqls/x.sql"]
IMAGES = ["release", "update", "images", "--module=pl"]
CACHE = ["instance", "clear", "cache"]
STATUS = ["registry", "get", "status"]
CONTEXT = ["config", "current-context"]
TEMPLATE = ["registry", "get", "services", "K8s", "--output", "json"]


def combined(base, over):
    """As Ansible's combine(recursive=true)."""
    result = dict(base)
    for name, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(name), dict)
        result[name] = combined(base[name], value) if both else value
    return result


@pytest.mark.parametrize(
    ("argv", "printed", "line"),
    [
        (SQL, "applying\nERROR:  relation does not exist\nmore", "ERROR:  relation does not exist"),
        (SQL, "psql:x.sql:3: ERROR:  syntax error", "psql:x.sql:3: ERROR:  syntax error"),
        (SQL, "FATAL:  the database system is shutting down", "FATAL:  the database system is shutting down"),
        (SQL, "transaction was rolled back", "transaction was rolled back"),
        (SQL, "42P01: relation x does not exist", "42P01: relation x does not exist"),
        (SQL, "psql:a:1: ОШИБКА:  отношение не существует", "psql:a:1: ОШИБКА:  отношение не существует"),
        (SQL, "\x1b[31mERROR: no rules\x1b[0m", "ERROR: no rules"),
        (IMAGES, "\x1b[31mERROR: no rules\x1b[0m", "ERROR: no rules"),
        (SQL, "running 40%\rrunning 60%\rError: closed", "Error: closed"),
        (SQL, "Unhandled exception. System.IO.IOException", "Unhandled exception. System.IO.IOException"),
        (IMAGES, "copied 12 images\nError: denied\n", "Error: denied"),
        (IMAGES, "  panic: runtime error", "panic: runtime error"),
        (IMAGES, "401 Unauthorized", "401 Unauthorized"),
        (IMAGES, "[2026-11-25 10:00:00] ошибка: нет места", "[2026-11-25 10:00:00] ошибка: нет места"),
        (IMAGES, "✗ Failed: 3", "✗ Failed: 3"),
        (IMAGES, "Couldn't find a valid ICU package", "Couldn't find a valid ICU package"),
        (IMAGES, "ok: 3, 10 errors, 0 warnings", "ok: 3, 10 errors, 0 warnings"),
        (IMAGES, "0 errors. Error: no space", "0 errors. Error: no space"),
        (CACHE, "Failed to connect", "Failed to connect"),
        (CACHE, "Unrecognized command or argument 'cache'", "Unrecognized command or argument 'cache'"),
    ],
)
def test_a_line_of_failure_fails_whatever_the_status(argv, printed, line):
    """trap 36: output is judged as well as the status"""
    verdict = RULES.judge(argv, 0, clean(printed))
    assert (verdict.state, verdict.line) == (FAILED, line) and verdict.rule.count(".failure.") == 1


@pytest.mark.parametrize(
    ("argv", "printed"),
    [
        (SQL, "INSERT 0 1\nUPDATE 3\n10 rows, 0 errors"),
        (SQL, "created table error_log"),
        (SQL, "NOTICE:  table errors does not exist, skipping"),
        (SQL, "Failed: 0\nErrors: none\nошибок: 0"),
        (IMAGES, "copied pl-error-service\nno failed images"),
        (IMAGES, "anonymous (unauthorized) pull: disabled\ndone"),
        (IMAGES, "copied pl-failed-jobs-service"),
        (CACHE, ""),
        (STATUS, "Consul | Failed"),
        (TEMPLATE, '{"error": "unauthorized"}\nfailed'),
        (CONTEXT, "failed"),
    ],
)
def test_a_line_without_failure_is_done(argv, printed):
    assert RULES.judge(argv, 0, clean(printed)) == (DONE, "", "")


def test_what_is_data_for_one_command_is_failure_for_another():
    for argv in (["config", "set", "credential", "x"], ["registry", "apply", "service", "K8s"]):
        assert RULES.judge(argv, 0, "error: unauthorized").state == FAILED


@pytest.mark.parametrize("status", [1, 134, -9])
def test_a_status_is_never_done(status):
    assert RULES.judge(IMAGES, status, "all copied").state == FAILED


CATALOGUES = sorted(Path("/usr/share/locale").glob("*/LC_MESSAGES/postgres-*.mo"))


def severities():
    """Of the installed server's own catalogue, and what other versions have, minor ones among them: machines differ."""
    words = {"ERROR", "FATAL", "PANIC", "CHYBA", "PANIKA", "BŁĄD", "KATASTROFALNY", "ERRO", "PÂNICO", "HATA"}
    words |= {"LỖI", "NGHIÊM TRỌNG", "HOẢNG LOẠN", "错误", "致命错误", "灾难性错误", "比致命错误还过分的错误"}
    words |= {"錯誤", "致命錯誤", "嚴重錯誤"}
    for path in CATALOGUES:
        with open(path, "rb") as file:
            catalogue = gettext.GNUTranslations(file)
        words |= {catalogue.gettext(word) for word in ("ERROR", "FATAL", "PANIC")}
    return sorted(words)


@pytest.mark.parametrize("severity", severities())
@pytest.mark.parametrize("form", ["{}:  x", "psql:sqls/a.sql:12: {}:  x", "2026-11-25 10:00:00.000 UTC [7] {}:  x"])
def test_postgresqls_severity_in_every_language_of_its_catalogue(severity, form):
    assert RULES.judge(SQL, 0, clean(form.format(severity))).state == FAILED


def warnings():
    found = {"WARNING", "NOTICE", "INFO", "LOG", "HINT", "DETAIL"}
    for path in CATALOGUES:
        with open(path, "rb") as file:
            catalogue = gettext.GNUTranslations(file)
        found |= {catalogue.gettext(word) for word in ("WARNING", "NOTICE", "INFO", "LOG")}
    return sorted(found)


@pytest.mark.parametrize("severity", warnings())
def test_a_warning_is_none(severity):
    assert RULES.judge(SQL, 0, clean(f"psql:sqls/a.sql:12: {severity}:  x")).state == DONE


# ---- the operator's own


def test_an_entry_changes_one_rule():
    over = {"release update db": {"failure": {"rolled_back": None}}}
    changed = Rules(combined(SHIPPED_RULES, over))
    assert changed.judge(SQL, 0, "transaction was rolled back").state == DONE
    assert changed.judge(SQL, 0, "ERROR:  x").state == FAILED


def test_a_longer_command_takes_the_place_of_the_rule_of_that_name_and_keeps_the_others():
    changed = Rules({"*": {"failure": {"word": "^bad", "other": "^worse"}}, "a b": {"failure": {"word": "^odd"}}})
    judged = {text: changed.judge(["a", "b", "--c"], 0, text).state for text in ("bad", "worse", "odd")}
    assert judged == {"bad": DONE, "worse": FAILED, "odd": FAILED}
    assert changed.judge(["a", "bc"], 0, "bad").state == FAILED


def test_where_success_has_a_rule_silence_is_not_known():
    over = {"release update images": {"success": {"mine": "^copied .* images"}}}
    changed = Rules(combined(SHIPPED_RULES, over))
    assert changed.judge(IMAGES, 0, "done.").state == UNKNOWN
    assert changed.judge(IMAGES, 0, "copied 12 images").state == DONE
    assert changed.judge(IMAGES, 0, "copied 12 images\nError: x").state == FAILED
    assert changed.judge(SQL, 0, "done.").state == DONE


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"*": {"failure": {"mine": "("}}}, "*.failure.mine"),
        ({"*": {"failure": {"mine": 3}}}, "*.failure.mine"),
        ({"*": {"failure": {"mine": []}}}, "*.failure.mine"),
        ({"*": {"failure": ["x"]}}, "*.failure"),
        ({"*": {"failures": {"mine": "x"}}}, "*.failures"),
        ({"*": "x"}, "*"),
        ({"version": {"answer": {"mine": "x"}}}, "version.answer.mine"),
    ],
)
def test_a_rule_that_cannot_be_used_is_named(given, where):
    with pytest.raises(InputError) as caught:
        Rules(given)
    assert f"monq_client_rules: {where}" in str(caught.value)


@pytest.mark.parametrize("line", ["Error: it's fine (really) \\ [x]", "ошибка: 'нет'", 'Error: "quoted"'])
def test_the_advice_that_is_printed_makes_the_line_harmless(line):
    option = rules.spare(SQL, line)
    given = json.loads(re.fullmatch(r"-e '([^']*)'", option).group(1))[rules.VARIABLE]
    changed = Rules(combined(SHIPPED_RULES, given))
    assert RULES.judge(SQL, 0, line).state == FAILED and changed.judge(SQL, 0, line).state == DONE
    assert changed.judge(SQL, 0, line + " and more").state == FAILED


def test_the_advice_that_switches_a_rule_off_does():
    verdict = RULES.judge(SQL, 0, "transaction was rolled back")
    given = json.loads(rules.off(verdict.rule)[4:-1])[rules.VARIABLE]
    assert Rules(combined(SHIPPED_RULES, given)).judge(SQL, 0, verdict.line).state == DONE


# ---- answers


@pytest.mark.parametrize(
    "text",
    [
        "production",
        "production\n",
        "Current context: production",
        "Текущий контекст: production",
        "current-context = production",
        "The current context is production",
        "* production",
        '"production"',
        "'production'",
        "\x1b[32mproduction\x1b[0m",
        "\ufeffproduction\r\n",
        "production\n\nHint: use `monqctl config use-context NAME` to switch",
        "monqctl v1.1.2\nproduction",
        '{"currentContext": "production"}',
        "* production   http://registry.api.monq.local   user",
    ],
)
def test_the_current_context_is_found(text):
    assert RULES.answers(CONTEXT, clean(text)) == ["production"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("", []), ("no context is set", []), ("production\nstaging", ["production", "staging"]), ("* a\n* b", ["a", "b"])],
)
def test_an_answer_that_is_not_one_is_none(text, found):
    assert RULES.answers(CONTEXT, clean(text)) == found


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        *((word, DONE) for word in ("OK", "Healthy", "Up 3 days", "running", "✓", "Работает", "доступен", "В норме")),
        *((word, FAILED) for word in ("Failed", "DOWN", "not ready", "Not running", "✗", "Недоступен", "ошибка")),
        *((word, FAILED) for word in ("OK, but degraded", "не отвечает", "нет связи", "timed out", "unhealthy")),
        *((word, UNKNOWN) for word in ("", "blue", "3", "n/a")),
    ],
)
def test_the_state_of_a_row(state, expected):
    assert RULES.state(STATUS, state) == expected
