"""The page as a browser and a reader get it, by an HTML parser. `make browser` looks at it in Chromium."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
import report_data
from ansible_collections.monq.platform.plugins.module_utils.language import Language
from ansible_collections.monq.platform.plugins.module_utils.outage.observations import summary
from ansible_collections.monq.platform.plugins.plugin_utils import report_timeline, report_view, report_words

ZONE = datetime.timezone(datetime.timedelta(hours=3))
REPORTS = {
    "finished": report_data.finished(),
    "failed": report_data.failed(),
    "rolled back": report_data.rolled_back(),
    "nothing yet": report_data.upgrade({}),
}
VOID = {"meta", "br", "link", "img", "input", "hr"}
DRAWN = {"rect", "line", "path"}


class Page(HTMLParser):
    """Tags in order; every one that is opened must be closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)

    def all(self, *names):
        return [(tag, attrs) for tag, attrs in self.tags if tag in names]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def pages():
    for name, report in REPORTS.items():
        yield pytest.param(report, report_view.files("report", report, zone=ZONE), id=name)


PAGES = pytest.mark.parametrize(("report", "files"), list(pages()))


@PAGES
def test_the_page_needs_nothing_from_outside_and_runs_nothing(report, files):
    page = Page(files["report.html"])
    policy = next(attrs["content"] for _tag, attrs in page.all("meta") if "http-equiv" in attrs)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert not page.all("script", "link", "img", "iframe", "object", "details", "form")
    assert not [attrs for _tag, attrs in page.tags if {"src", "href", "onload", "onclick", "style"} & set(attrs)]
    assert not re.findall(r"url\((?!#)", files["report.html"]) and "@import" not in files["report.html"]
    assert len(files["report.html"].encode()) < 300_000


@PAGES
def test_the_page_is_readable_by_everybody(report, files):
    page = Page(files["report.html"])
    assert page.tags[0] == ("html", {"lang": "en"})
    levels = [int(tag[1]) for tag, _attrs in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1 and all(then - now <= 1 for now, then in zip([0, *levels], levels))
    assert len(page.all("table")) == len(page.all("caption"))
    assert not [attrs for _tag, attrs in page.all("th") if attrs.get("scope") not in ("col", "row")]
    bars = re.findall(r'<rect class="step [^>]*>(<title>)?', files["report.html"])
    assert all(bars), "each bar says what it is, without its colour"
    assert (len(bars) > 0) == bool(report["stages"] and report["stages"][0]["started"])


@PAGES
def test_the_first_words_are_the_verdict_then_outage_what_stays_and_answers(report, files):
    page = Page(files["report.html"])
    words = report_words.Words()
    titles = ["Outage, by the ledger", "What cannot be taken back", "What the operator answered", "Timeline"]
    order = [words.verdict(report), *titles]
    assert [page.text.index(text) for text in order] == sorted(page.text.index(text) for text in order)
    assert files["report.md"].startswith(f"# {words.verdict(report)}\n")


@PAGES
def test_every_step_and_number_is_in_both_views(report, files):
    page, plain = Page(files["report.html"]).text, files["report.md"].replace("\\", "")
    for row in report["steps"]:
        assert row["key"] in page and row["key"] in plain
    for row in report.get("sql") or []:
        assert (row["sha256"] or "sha256") in page and (row["sha256"] or "sha256") in plain
    for service in (report.get("replicas") or {}).get("services", {}):
        assert service in page and service in plain
    seconds = report["outage"]["ledger"]["seconds"]
    assert report_words.Words().duration(seconds) in page or report["outage"]["ledger"]["state"] == "none"


@PAGES
def test_the_signatures_name_the_file_by_its_sha256(report, files):
    digest = hashlib.sha256(files["report.json"].encode()).hexdigest()
    assert digest in files["report.html"] and digest in files["report.md"]
    assert json.loads(files["report.json"]) == report
    assert files == report_view.files("report", report, zone=ZONE), "the same report gives the same files"


def test_what_a_log_holds_is_text_and_never_markup():
    report = report_data.failed()
    hostile = "</pre><script>alert(1)</script> | `x` [a](http://b) <img src=x onerror=1>"
    report["failures"][0].update(message=hostile, task=hostile)
    report["drift"] = {hostile: [hostile]}
    report["installation"]["host"] = hostile
    files = report_view.files("report", report)
    page = Page(files["report.html"])
    assert not page.all("script", "img") and "alert(1)" in page.text
    outside = re.sub(r"^      .*$", "", files["report.md"], flags=re.M)  # an indented block is shown as it is
    assert not re.search(r"(?<!\\)<(?:script|img)|(?<!\\)\[a|(?<!\\)`x", outside)
    rows = [line for line in files["report.md"].splitlines() if line.startswith("| prepare.")]
    assert rows and {len(re.findall(r"(?<!\\)\|", line)) for line in rows} <= {5, 6}


def test_local_time_and_utc():
    page = Page(report_view.files("report", REPORTS["finished"], zone=ZONE)["report.html"]).text
    assert "2026-03-02 03:34:58" in page and "2026-03-02 00:34:58 UTC" in page and "UTC+03:00" in page
    utc = report_view.files("report", REPORTS["finished"], zone=datetime.timezone.utc)["report.html"]
    assert '<time datetime="2026-03-02T00:34:58Z">2026-03-02 00:34:58</time>' in utc and "UTC</p>" in utc


class Upper(Language):
    """A language in which every text of ours is in brackets."""

    def sentence(self, text, depth=0):
        return f"⟦{text}⟧"

    def message(self, text):
        return text

    def gettext(self, text):
        return f"⟦{text}⟧"

    def ngettext(self, one, many, number):
        return f"⟦{one if number == 1 else many}⟧"


@pytest.mark.parametrize("name", list(REPORTS))
def test_every_word_goes_through_the_catalogue(name):
    """What stands outside the brackets is data: keys, names, numbers, times."""
    files = report_view.files("report", REPORTS[name], Upper(), "xx", ZONE)
    page = Page(files["report.html"])
    assert page.tags[0] == ("html", {"lang": "xx"})
    text = page.text.replace(hashlib.sha256(files["report.json"].encode()).hexdigest(), "")
    while "⟦" in text:
        text, count = re.subn(r"⟦[^⟦⟧]*⟧", " ", text)
        assert count
    data = json.dumps(REPORTS[name], ensure_ascii=False) + " Monq UTC sha256 HPA json report"
    left = {word for word in re.findall(r"[A-Za-z]{3,}", text) if word not in data}
    assert left == set()


# ---- the picture


def test_a_long_pause_is_cut_short_and_everything_stays_inside():
    picture = report_timeline.picture(REPORTS["finished"])
    assert len(picture["breaks"]) == 1
    for lane in picture["lanes"]:
        for drawn in lane["bars"]:
            assert picture["left"] <= drawn["x"] and drawn["x"] + drawn["width"] <= picture["width"]
    by_key = {drawn["row"]["key"]: drawn for lane in picture["lanes"] for drawn in lane["bars"]}
    assert picture["outage"]["x"] == by_key["upgrade.routing.cut"]["x"]
    last = by_key["upgrade.fm.cache.pl-userspaces-api-service"]
    assert abs(picture["outage"]["x"] + picture["outage"]["width"] - last["x"] - last["width"]) < 2
    assert [mark["kind"] for mark in picture["marks"]] == ["point", "answer", "run"]


def test_without_a_time_there_is_no_picture():
    assert report_timeline.picture(REPORTS["nothing yet"]) is None


def watched():
    """A report whose outage was watched, with a gap."""
    report = report_data.finished()
    rows = [("35:00", "ok"), ("36:00", "not_found"), ("40:00", "not_observed"), ("50:00", "refused"), ("55:00", "ok")]
    changes = [{"at": f"2026-03-02T00:{at}Z", "state": state} for at, state in rows]
    report["outage"]["probe"] = summary([{"changes": changes, "until": "2026-03-02T00:56:00Z"}])
    return report


def test_the_probe_is_a_strip_from_change_to_change():
    report = watched()
    states = [part["state"] for part in report_timeline.picture(report)["probe"]]
    assert states == ["ok", "not_found", "not_observed", "refused", "ok"]
    html = report_view.files("report", report)["report.html"]
    found = re.findall(r'<rect class="probe (\w+)"[^>]*><title>([^<]*)</title>', html)
    assert [kind for kind, _title in found] == ["ok", "down", "unseen", "down", "ok"]
    assert ("unseen", "not observed") in found and ("down", "404: no route") in found


def test_both_figures_of_the_outage_are_shown_and_what_nobody_saw():
    report = watched()
    files = report_view.files("report", report)
    for text in (Page(files["report.html"]).text, files["report.md"]):
        assert "19 min 00 s" in text and "not observed for 10 min 00 s of it" in text
        assert "404: no route" in text and "no connection" in text
    assert report["outage"]["ledger"]["seconds"] != report["outage"]["probe"]["seconds"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0, "0 s"), (61, "1 min 01 s"), (3723, "1 h 02 min 03 s"), (90_000, "25 h 00 min 00 s")],
)
def test_durations(seconds, text):
    assert report_words.Words().duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(None, "–"), (12, "12 B"), (1536, "1.5 KiB"), (5 << 30, "5 GiB")])
def test_sizes(count, text):
    assert report_words.Words().size(count) == text


def test_every_id_has_its_words():
    words = report_words.Words(Upper())
    for name in (
        "finished",
        "failed",
        "running",
        "unfinished",
        "rolled_back",
        "rollback_unfinished",
        "rollback_failed",
    ):
        report = {**REPORTS["finished"], "outcome": name}
        assert words.verdict(report).count("⟦") == 2 and words.kind(report) in ("good", "bad", "open")


def test_what_preflight_found_is_shown_for_each_run_that_went_on_with_it():
    files = report_view.files("report", REPORTS["finished"], zone=ZONE)
    shown, text = Page(files["report.html"]).text, files["report.md"]
    for at in ("00:58:03", "03:30:00"):  # local times of the two runs
        assert re.search(rf"What preflight found before the run of [^,]*{at}, which went on with it", shown)
    for one in (shown, text.replace("\\", "")):
        found = one[one.index("What preflight found before") :]
        assert "MONQ-032" in found and "Deployment sm-x" in found and "not all pods are available" in found
        assert found.index("MONQ-032") < found.index("None.") < found.index("pl-service-07 in Kubernetes")
    nothing = report_view.files("report", REPORTS["nothing yet"], zone=ZONE)["report.html"]
    assert "What preflight found" not in nothing
