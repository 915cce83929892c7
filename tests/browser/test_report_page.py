"""The report in headless Chromium, from disk: it asks for nothing, complains about nothing, and prints with all of its
text: invented reports, and those that `make integration` has left. `make browser`; CI reads the same pages with an HTML
parser (tests/unit/plugins/plugin_utils/test_report_view.py).

The screenshots are kept in tests/output, to be looked at."""

from __future__ import annotations

import datetime
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import report_data
from ansible_collections.monq.platform.plugins.plugin_utils import report_view

OUTPUT = Path(__file__).resolve().parents[1] / "output"
REAL = sorted((OUTPUT / "reports").glob("*.html"))  # that runs of tests/integration have left
QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--enable-logging=stderr",
]  # fmt: skip
# Chromium asks its maker for updates and accounts, whatever the page.
OWN = re.compile(r"https?://([\w-]+\.)*(google|googleapis|gvt1)\.com/")
ZONE = datetime.timezone(datetime.timedelta(hours=3))
REPORTS = {
    "finished": report_data.finished,
    "failed": report_data.failed,
    "rolled_back": report_data.rolled_back,
    "rollback_failed": lambda: report_data.rolled_back("rollback.deployments.stop"),
}


def chromium(folder, page, *words):
    """Returns (what Chromium wrote to stderr, every URL that it asked for)."""
    program = shutil.which("chromium")
    assert program, "apt-get install chromium poppler-utils"
    log = folder / "net.json"
    argv = [program, *QUIET, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", *words, page.as_uri()]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=True)
    asked = set(re.findall(r'"url":"([a-z]+://[^"]+)"', log.read_text(errors="replace")))
    return done.stdout, {url for url in asked if not OWN.match(url)}


@pytest.fixture(params=[*REPORTS, *REAL], ids=str)
def page(request, tmp_path):
    if isinstance(request.param, Path):
        return request.param, json.loads(request.param.with_suffix(".json").read_text(encoding="utf-8"))
    report = REPORTS[request.param]()
    path = tmp_path / f"{request.param}.html"
    path.write_text(report_view.files("report", report, zone=ZONE)["report.html"])
    return path, report


def test_the_page_is_shown_without_a_request_or_a_complaint(page, tmp_path):
    path, _report = page
    OUTPUT.mkdir(exist_ok=True)
    picture = OUTPUT / f"report-{path.stem}.png"
    said, asked = chromium(tmp_path, path, "--window-size=1180,3000", f"--screenshot={picture}")
    assert asked <= {path.as_uri()} and "CONSOLE" not in said
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 50_000


def test_a_page_that_asks_or_complains_would_be_seen(tmp_path):
    """The test above can fail: with the policy, a foreign image is refused aloud; without it, it is asked for."""
    path = tmp_path / "page.html"
    text = report_view.files("report", report_data.failed())["report.html"].replace(
        "<main>", '<main><img src="http://127.0.0.1:9/x.png">'
    )
    path.write_text(text)
    said, asked = chromium(tmp_path, path, f"--screenshot={tmp_path / 'x.png'}")
    assert "CONSOLE" in said and "http://127.0.0.1:9/x.png" not in asked
    path.write_text(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text))
    _said, asked = chromium(tmp_path, path, f"--screenshot={tmp_path / 'x.png'}")
    assert "http://127.0.0.1:9/x.png" in asked


def test_it_prints_on_a4_with_all_of_its_text(page, tmp_path):
    path, report = page
    pdf = tmp_path / "report.pdf"
    chromium(tmp_path, path, "--no-pdf-header-footer", f"--print-to-pdf={pdf}")
    facts = subprocess.run(["pdfinfo", str(pdf)], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "(A4)" in facts
    text = subprocess.run(["pdftotext", "-raw", str(pdf), "-"], stdout=subprocess.PIPE, text=True, check=True).stdout
    printed = re.sub(r"\s|­", "", text)
    for value in words_of(report):
        assert re.sub(r"\s", "", value) in printed, value


def words_of(report):
    """The keys, names and checksums that must be on paper."""
    yield from (row["key"] for row in report["steps"])
    yield from (row["title"] for row in report["steps"])
    yield from (row["sha256"] for part in ("sql", "backups") for row in report.get(part) or [] if row["sha256"])
    yield from (report.get("replicas") or {}).get("services", {})
    yield from (line for lines in (report.get("drift") or {}).values() for line in lines)
    yield from (line for one in report["failures"] for line in (one["message"] or "").splitlines())
    yield from (row["kept"] for row in (report["rollback"] or {}).get("databases", []))
