"""The Russian catalogue: every text of a run, with the same placeholders, in plural forms that are right."""

from __future__ import annotations

import datetime
import fnmatch
import gettext
import json
import re
import string
import sys
import types

import pytest
import report_data
from ansible_collections.monq.platform.plugins.action import plan as plan_action
from ansible_collections.monq.platform.plugins.filter import translated
from ansible_collections.monq.platform.plugins.module_utils import live_line
from ansible_collections.monq.platform.plugins.module_utils.approval import text as plan_text
from ansible_collections.monq.platform.plugins.module_utils.bundle import verification
from ansible_collections.monq.platform.plugins.module_utils.checks import catalogue
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import finding, of_error
from ansible_collections.monq.platform.plugins.module_utils.cleanup import leftovers
from ansible_collections.monq.platform.plugins.module_utils.engine import decisions
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, StepError
from ansible_collections.monq.platform.plugins.module_utils.k8s import diagnostics
from ansible_collections.monq.platform.plugins.module_utils.language import ENGLISH, PLURALS
from ansible_collections.monq.platform.plugins.module_utils.report import failure, rollback, status, upgrade
from ansible_collections.monq.platform.plugins.module_utils.upgrade import repair
from ansible_collections.monq.platform.plugins.plugin_utils import languages, notification, po_file, report_view
from repository import ROOT, load

sys.path.insert(0, str(ROOT / "tests" / "tools"))
import messages  # noqa: E402  pylint: disable=wrong-import-position

ENTRIES = languages.entries("ru")
RU = languages.language("ru")
LATIN = re.compile(r"(?<![\w.'-])[A-Za-z][a-z]{2,}(?![\w.-])")
# Names that a Russian engineer uses as they are.
NAMES = {"Monq", "Ingress", "Deployment", "Deployments", "Secret", "ConfigMap", "Lease", "Kubernetes", "Replace"}
NAMES |= {"Release", "Hub", "monqctl", "namespace", "preflight", "inventory", "workflow", "kubectl", "rollback", "role"}
NAMES |= {"host", "json", "yml", "sha", "html"}


def placeholders(text):
    named = re.findall(r"%\(\w+\)\w*", text)
    return sorted(named or [field for _own, field, _spec, _how in string.Formatter().parse(text) if field is not None])


def test_every_text_is_translated_and_nothing_else():
    """Where this fails: python tests/tools/messages.py --update, then fill in what is empty."""
    assert messages.problems() == ([], [])
    said, wanted = messages.sentences(), dict(messages.required())
    wanted.update({one["msgid"]: said[one["msgid"]] for one in ENTRIES if one["msgid"] not in wanted})
    written = messages.written(wanted, {one["msgid"]: one["msgstr"] for one in ENTRIES})
    assert messages.PO.read_text(encoding="utf-8") == written, "python tests/tools/messages.py --update"


def test_translations_have_the_same_placeholders_and_all_plural_forms():
    for one in ENTRIES:
        assert len(one["msgstr"]) == (3 if one["msgid_plural"] else 1), one["msgid"]
        for form in one["msgstr"]:
            assert placeholders(form) == placeholders(one["msgid"]), one["msgid"]
            assert form[:1].isspace() == one["msgid"][:1].isspace(), one["msgid"]
            variables = re.findall(r"monq_\w+", one["msgid"])
            assert sorted(set(re.findall(r"monq_\w+", form))) == sorted(set(variables)), one["msgid"]
            assert form.count("\n") == one["msgid"].count("\n")


def test_a_translation_is_russian():
    """Words that no Russian engineer would say in English are left nowhere."""
    for one in ENTRIES:
        own = " ".join(one["msgstr"])
        if re.search("[a-z]{3}", messages.NAMES.sub("", one["msgid"])) and re.search("[A-Za-z]{2}", own):
            known = set(LATIN.findall(own)) - NAMES
            assert re.search("[а-яё]", own.lower()) or known <= set(LATIN.findall(one["msgid"])), one["msgid"]
    whole = " ".join(" ".join(one["msgstr"]) for one in ENTRIES)
    assert not re.findall(r"\b(?:the|and|with|steps|run|failed)\b", re.sub(r"\{\w+\}|%\(\w+\)", "", whole))


def test_plural_forms_are_those_of_the_header_and_the_file_is_one_that_gettext_tools_read():
    pofile = pytest.importorskip("babel.messages.pofile")
    with open(languages.path("ru"), "rb") as file:
        read = pofile.read_po(file, locale="ru")
    assert {one.id if isinstance(one.id, str) else one.id[0] for one in read if one.id} == set(po_file.table(ENTRIES))
    for one in ENTRIES:
        given = read.get(one["msgid"]).string
        assert ([given] if isinstance(given, str) else list(given)) == one["msgstr"]
    plural = gettext.c2py(read.plural_expr)
    assert [PLURALS["ru"](number) for number in range(300)] == [plural(number) for number in range(300)]


@pytest.mark.parametrize("number", sorted(catalogue.ENTRIES))
def test_every_finding_is_said_in_both_languages(number):
    entry = catalogue.ENTRIES[number]
    texts = [entry[what] for what in messages.FINDINGS if entry.get(what)]
    parameters = {name: "x-1" for text in texts for name in re.findall(r"(?<!\{)\{(\w+)\}", text)}
    made = finding(
        entry["name"], entry["severity"][0], *[None if entry.get(w) else "" for w in catalogue.TEXTS], **parameters
    )
    english, shown = upgrade.findings([made]), upgrade.findings([made], RU)
    assert number in english and number in shown and "x-1" in shown or not parameters
    own, _page, anchor = shown.partition("docs/docsite/rst/findings_ru.rst")
    assert f"findings_ru.rst#{number.lower()}." in anchor
    own = own.replace(made["check"], "")
    own = re.sub(r"-e \S+|`[^`]*`|[\w/.*-]*[/._*=][\w/.*=-]*|pip install \w+|kubectl .*|\{\w+: .*?\}", "", own)
    left = {word for word in LATIN.findall(own) if word.lower() == word} - NAMES
    assert left <= {
        "hosts",
        "config",
        "registry",
        "apply",
        "service",
        "get",
        "cryptography",
        "libicu",
        "from",
        "now",
        "true",
    }
    for text in (entry["title"], entry["why"], entry.get("do") or ""):
        assert not text or RU.gettext(text) != text


def test_a_finding_made_of_an_error_is_recognised():
    error = InputError(
        "monq_modules is empty",
        "monq_modules",
        "a list of modules out of pl, sm",
        "[]",
        "set monq_modules in the inventory",
    )
    text = upgrade.findings([of_error("inputs", error)], RU)
    assert "ожидалось: список модулей из числа pl, sm" in text
    assert "обнаружено: список monq_modules пуст: []" in text and "дальше: задайте monq_modules в inventory" in text


# ---- what a run shows

REPORTS = {name: getattr(report_data, name)() for name in ("finished", "failed", "rolled_back")}


def ledger(report):
    return {
        "steps": report["steps"],
        "generation": 1,
        "platform": "down",
        "lock": "none",
        "outage_seconds": 12,
        "changed_so_far": "12 of 96 steps done, the last: upgrade.routing.cut; 3 of them under this lock",
        "reachable": "DOWN since 2026-03-02T00:34:58Z: the old routes are removed and the upgrade is not finished",
    }


def english_of(text, *known):
    """Words of ours that are left in English: neither names, nor data, nor commands."""
    data = " ".join(json.dumps(one, ensure_ascii=False) if not isinstance(one, str) else one for one in known)
    return {word for word in LATIN.findall(text) if word not in data} - NAMES


def test_the_plan_is_russian_and_aligned():
    report = REPORTS["failed"]
    keys = " ".join(row["key"] for row in report["steps"])
    shown = upgrade.plan(ledger(report), RU)
    assert english_of(shown, keys, [row["error"] for row in report["steps"] if row["error"]]) == set()
    assert "платформа: НЕ РАБОТАЕТ; блокировка: нет" in shown and "ПРОЙДЕНА" in shown
    rows = [line for line in shown.splitlines() if "  upgrade.pl." in line]
    assert len({line.index("upgrade.pl.") for line in rows}) == 1, "columns"
    for words, width in ((upgrade.STATES, 10), (upgrade.UNDO, 12)):
        assert all(len(RU.gettext(text)) <= width for name, text in words.items() if "home" not in name)


def test_a_failure_asks_its_question_in_russian_with_the_same_commands():
    step = types.SimpleNamespace(key="upgrade.sm.database.x", ask=True, traits=set())
    entry = {"state": "unknown", "attempt": "a5f0c2a9", "started": "2026-03-02T00:40:00Z", "error": "exit status 1"}
    with pytest.raises(StepError) as raised:
        decisions.judge(step, entry, None, [], "here")
    told = raised.value.result()
    command, host, task = "ansible-playbook monq.platform.site", "production", "Run the SQL of sm"
    english = failure.text(host, task, told, ledger(REPORTS["failed"]), {}, command)
    shown = failure.text(host, task, told, ledger(REPORTS["failed"]), {}, command, (), RU)
    for answer in ("retry", "done"):
        assert decisions.choice(step.key, answer, "a5f0c2a9") in shown
    assert (
        english_of(
            shown, task, host, command, str(told["msg"].split("next:")[0]), "monq_resolve answer retry attempt done"
        )
        == set()
    )
    assert len(shown.splitlines()) == len(english.splitlines())
    for line in (
        f"ОШИБКА на production: {task}",
        "    изменено: выполнено шагов: 12 из 96, последний: upgrade.routing.cut; из них под этой блокировкой: 3",
        "    следующая команда:",
        f"      {command} -e '<один из вариантов выше>'",
    ):
        assert line in shown.splitlines()


def test_the_summary_and_the_rollbacks_texts_are_russian():
    report = REPORTS["finished"]
    verified = {"versions": {"pl": "6.0.0"}, "replicas": {"hpa": ["pl-x"]}, "drift": {"pl-x": ["env A is gone"]}}
    shown = upgrade.summary({**ledger(report), "platform": "up"}, verified, RU)
    assert english_of(shown, " ".join(row["key"] for row in report["steps"]), report["sql"]) == set()
    assert "Итоги обновления" in shown and "переменной A больше нет" in shown
    back = {
        **{"needed": True, "generation": 2, "begun": True, "platform": "up", "steps": REPORTS["rolled_back"]["steps"]},
        "put_back": ["Ingress frontend-box: create (old route)"],
        "irreversible": [{"key": "prepare.registry.update", "title": "update the registry to 3.2.0"}],
        "counts": ["pl-x in the registry: 1 -> 2"],
        "findings": [],
    }
    shown = rollback.overview(back, RU)
    assert english_of(shown, " ".join(row["key"] for row in back["steps"])) == set()
    assert "  Ingress frontend-box: создать (старый маршрут)" in shown
    assert "(уже начат, продолжается): 14 шагов" in shown and "платформа: работает" in shown
    done = {"rollback.database.a": {"database": "a", "kept": "a_before", "path": "/d", "sha256": "s", "rows": 3}}
    shown = rollback.summary(back, {**done, "rollback.ledger.archive": {"ledger": "l", "carried": ["k"]}}, RU)
    assert 'DROP DATABASE "a_before"' in shown and english_of(shown) == set()


@pytest.mark.parametrize("name", list(REPORTS))
def test_the_report_is_russian(name):
    files = report_view.files("report", REPORTS[name], RU, "ru", datetime.timezone.utc)
    page = re.sub(r"(?s)<style.*?</style>|<[^>]+>", " ", files["report.html"])
    assert '<html lang="ru">' in files["report.html"]
    for text in (page, files["report.md"].replace("\\", "")):
        assert english_of(text, REPORTS[name]) <= {"report", "cleanup"}
    assert files["report.json"] == report_view.files("report", REPORTS[name])["report.json"], "data has no language"


def approved():
    rows = [{"key": "upgrade.routing.cut", "title": "remove the old routes: the outage begins", "undo": "compensable"}]
    shown = {"kind": "cluster", "argv": ["monqctl", "x"], "will_run": True, "changes": True}
    parts = dict.fromkeys(("routes_kept", "deployments", "replicas", "versions", "certificates"), {})
    return {
        **{"id": "sha256:0", "host": "production", "environment": "p", "release": "6.0.0", "made_at": "today"},
        "hashes": {},
        "parts": {
            **parts,
            "routes_removed": {"frontend-box": {"hosts": ["h"]}},
            "findings": [["health", "warning", "o"]],
        },
        "shown": {"steps": [{**row, **shown} for row in rows], "template_diff": []},
    }


def test_the_plan_to_sign_is_russian_and_its_module_gets_the_words_for_it():
    words = languages.part("ru", *plan_action.ActionModule.texts)
    given = types.SimpleNamespace(**words)
    made = type(RU)(**words)
    for text in (plan_text.page(approved(), made), plan_text.summary(approved(), "/plan.md", made)):
        assert english_of(text, "frontend-box") <= {"health", "production", "today", "registry", "installation", "x"}
    assert "БУДЕТ УДАЛЁН: 1 Ingress" in plan_text.summary(approved(), "", made)
    assert "  остался 1 шаг" in plan_text.summary(approved(), "", made)
    assert given.code == "ru" and len(json.dumps(given.table, ensure_ascii=False)) < 120_000
    assert languages.part("en", "approval/") == {}


def test_the_live_line_is_russian_but_for_names_and_what_others_print():
    row = {"step": "step 47 of 78 pl rollout", "text": "7 of 12 ready, pl-x: ImagePullBackOff for 40 s, and 2 more"}
    shown = live_line.body(row, 271, 1200, RU)
    late = "pl-x: ImagePullBackOff, уже 40 с"
    assert shown == f"простой 04:31 из 20:00 · шаг 47 из 78 pl rollout · готово: 7 из 12, {late}, и ещё 2"
    waited = "0 of 2 ready, pl-y: 2 old pods still exist for 3 s, pl-z"
    assert live_line.translated(waited, RU) == "готово: 0 из 2, pl-y: ещё есть старые поды: 2, уже 3 с, pl-z"
    assert live_line.translated("pl-y: 2 old pods still exist", RU) == "pl-y: ещё есть старые поды: 2"
    said = "dump of pl_x: 1.5 MiB written, the database has 3.0 GiB"
    assert live_line.translated(said, RU) == "дамп pl_x: записано 1.5 МиБ, размер базы 3.0 ГиБ"
    assert live_line.translated("monqctl: Pulling 3 of 9 images", RU) == "monqctl: Pulling 3 of 9 images"
    assert live_line.translated(said, ENGLISH) == said


def test_what_is_left_is_listed_in_russian():
    items = [leftovers.item(leftovers.DUMP, "/d/x.dump", 1536, 0, 1)]
    found = {"items": leftovers.judge(items), "now": 3 * 86400, "unread": [], "refused": [], "removed": False}
    shown = leftovers.text({**found, "environment": "production"}, RU)
    assert "оставить  /d/x.dump  1.5 КиБ, создано 3 дня назад" in shown and "нигде" in shown


def test_the_variable_chooses_and_what_cannot_be_read_is_english():
    templar = types.SimpleNamespace(template=lambda value: value)
    action = types.SimpleNamespace(_templar=templar)
    assert languages.chosen(action, {"monq_language": "ru"}) is RU
    for given in ({}, None, {"monq_language": "de"}, {"monq_language": "en"}):
        assert languages.chosen(action, given) is ENGLISH
    options = load("roles/monq/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert options["monq_language"]["choices"] == sorted(PLURALS)
    assert translated.FilterModule().filters()["translated"]("not included:", "ru") == "не вошло:"


def test_the_archive_carries_the_catalogue():
    file = languages.path("ru").partition("/plugins/")[2]
    parts = ["plugins", *file.split("/")]
    names = ["/".join(parts[: end + 1]) for end in range(len(parts))] + parts
    ignored = load("galaxy.yml")["build_ignore"]
    assert not [one for one in ignored for name in names if fnmatch.fnmatch(name, one)]


def test_a_bundles_line_for_the_security_officer_is_russian():
    made = finding(
        "bundle.verified", "info", path="/b", summary="1 243 files, 14.2 GiB, sha256 verified, signed by B3:AB"
    )
    shown = upgrade.findings([made], RU)
    assert "обнаружено: файлов: 1 243, 14.2 ГиБ, sha256 проверены, подписал B3:AB" in shown
    assert RU.sentence("5 files, 722 B, sha256 verified, unsigned").endswith(", sha256 проверены, без подписи")
    of = {"product": "monq", "version": "6.0.0", "directory": "/b", "count": "1 243", "size": "14.2 GiB"}
    said = RU.sentence(verification.MADE_SIGNED.format(**of, signer="B3:AB"))
    assert said == "комплект monq 6.0.0 в /b: файлов: 1 243, 14.2 ГиБ, подписал B3:AB"


def test_the_catalogue_is_read_only_when_a_text_is_shown():
    lazy = type(RU)("ru", lambda: {"a text": "текст"})
    assert callable(lazy._given)
    assert lazy.sentence("a text") == "текст" and not callable(lazy._given)


def test_the_status_is_russian():
    report = REPORTS["failed"]
    question = {"key": "upgrade.sm.database.x", "sql": True, "state": "unknown", "started": "2026-03-02T00:40:00Z"}
    held = {"holder": "bob@ops", "id": "a1", "since": "2026-03-02T00:40:00Z", "renewed": "2026-03-02T00:40:00Z"}
    known = {
        **ledger(report),
        **{"begun": True, "now": "2026-03-02T01:40:00Z", "holder": {**held, "duration": 120}},
        "running": "2026-03-02T00:40:01Z outage 04:31 · step 47 of 78 pl rollout · 7 of 12 ready, pl-x: Pending",
        "questions": [{**question, "answers": {"retry": "-e 'r'", "done": "-e 'd'"}}],
        "files": {"folder": "/b", "dumps": 2, "pages": ["report.html"], "bundle": ""},
    }
    commands = status.commands({}, "production", job=True, words=RU)
    shown = status.screen(known, commands, "production", "6.0.0", RU)
    data = ["bob ops production Pending rollout unknown prepare cutover verify duration", json.dumps(question)]
    data += [row["error"] for row in report["steps"] if row["error"]]  # what a program has printed
    assert english_of(shown, *data) == set()
    assert "Monq НЕ РАБОТАЕТ с" in shown and "готово: 7 из 12, pl-x: Pending" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= status.WIDTH
    assert "запустите шаблон заданий с site.yml и с monq_confirm_outage=production" in " ".join(shown.split())


@pytest.mark.parametrize("event", notification.EVENTS)
def test_a_notification_is_russian(event):
    release = {"product": "monq", "previous": "5.9.3", "version": "6.0.0"}
    known = {**ledger(REPORTS["finished"]), "reachable": "up: the old routes have not been touched"}
    failed = {"task": "Run the SQL of sm", "message": "a step that must come first is not done"}
    given = {"host": "production", "environment": "prod", "release": release, "ledger": known, "failure": failed}
    facts = notification.facts_of({**given, "budget": 1200, "window": "w"})
    shown = notification.text(event, facts, translations=RU)
    assert english_of(shown, "production prod", failed["task"]) == set() and len(shown) > 30


class Planned:
    """A run that knows one step."""

    plan = (types.SimpleNamespace(key="prepare.pl.images"),)

    def redo_choice(self, key):
        return f'-e \'{{"monq_resolve": {{"{key}": …}}}}\''


@pytest.mark.parametrize(
    "text",
    [
        "fix the cause, then run the same command again; " + repair.step(Planned(), "prepare.pl.images"),
        diagnostics.GONE.format(name="pl-x"),
        diagnostics.NO_WARNING.format(name="pl-x"),
        diagnostics.EVENTS.format(reason=diagnostics.UNREADABLE),
        f"log of pl-x/app: {diagnostics.UNREADABLE}",
    ],
)
def test_advice_and_evidence_are_said_in_russian(text):
    said = RU.sentence(text)
    names = r"-e .*|site\.yml|pl-x(/app)?|Deployment|log of"
    assert not re.findall(r"[A-Za-z]{2,}", re.sub(names, "", said)), said
