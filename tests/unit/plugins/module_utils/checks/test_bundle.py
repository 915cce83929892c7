"""What preflight finds in a bundle (trap 27)."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from ansible_collections.monq.platform.plugins.module_utils import arguments, live_line
from ansible_collections.monq.platform.plugins.module_utils.checks import bundle
from ansible_collections.monq.platform.plugins.module_utils.checks.preflight import Preflight
from fake_session import params
from made_bundle import SPOILED, VERSIONS, Made, certificate, close_release, flip, link_folder
from repository import RELEASE


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path)


def examine(made, **more):
    return bundle.examine(made.variables(**more), RELEASE)


def test_a_whole_bundle_is_one_line(made):
    found = examine(made)
    assert [(one["id"], one["severity"]) for one in found] == [("MONQ-130", "info")]
    assert found[0]["seen"].startswith("5 files, 722 B, sha256 verified, signed by ")


def test_without_a_bundle_nothing_is_found():
    assert bundle.examine({"registry_source_dir": "/srv/registry"}, RELEASE) == []


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_what_is_spoiled_is_a_stop_that_names_it(made, spoil):
    spoil(made)
    number, _kind, path = SPOILED[spoil]
    found = examine(made)
    outside = ["MONQ-128"] if spoil is link_folder else []  # monqctl's folder is another one then
    assert [one["id"] for one in found] == [*outside, number] and {one["severity"] for one in found} == {"stop"}
    assert path in found[-1]["seen"] and found[-1]["parameters"]["paths"] == [path]


def test_a_folder_that_cannot_be_read_is_a_stop(made, monkeypatch):
    close_release(monkeypatch)
    assert [(one["id"], one["severity"]) for one in examine(made)] == [("MONQ-127", "stop")]


def test_a_bad_signature_is_a_stop(made):
    made.sign(certificate()[0])
    assert [(one["id"], one["severity"]) for one in examine(made)] == [("MONQ-121", "stop")]
    assert [one["id"] for one in examine(made, bundle_certificate="")] == ["MONQ-121"]


def test_an_unsigned_bundle_is_a_warning_and_its_line_says_so(made):
    found = examine(made, bundle_certificate="", bundle_unsigned=True)
    assert [(one["id"], one["severity"]) for one in found] == [("MONQ-129", "warning"), ("MONQ-130", "info")]
    assert found[1]["seen"].endswith("unsigned")


def test_no_bundle_there(made):
    made.root.rename(made.root.parent / "moved")
    assert [one["id"] for one in examine(made)] == ["MONQ-120"]


def test_another_release(tmp_path):
    found = examine(Made(tmp_path, versions={**VERSIONS, "release": "6.1.0"}))
    assert (found[0]["id"], found[0]["expected"], found[0]["seen"]) == ("MONQ-122", "release 6.0.0", "release 6.1.0")


@pytest.mark.parametrize("python", ["3.99", "3.99.1", "399", "2"])
def test_packages_for_another_python_are_a_warning(tmp_path, python):
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = examine(Made(tmp_path, versions={**VERSIONS, "python": python}))
    assert [(one["id"], one["severity"]) for one in found] == [("MONQ-136", "warning"), ("MONQ-130", "info")]
    version = "2" if python == "2" else "3.99"
    assert (found[0]["expected"], found[0]["seen"]) == (f"packages for Python {here}", f"packages for Python {version}")
    assert f'monq_bundle_python_version: "{here}"' in found[0]["next"]


@pytest.mark.parametrize("python", ["{}.{}", "{}.{}.7", "{}{}", "{}", None])
def test_packages_for_this_python_are_not(tmp_path, python):
    python = python and python.format(*sys.version_info)
    found = examine(Made(tmp_path, versions={**VERSIONS, "python": python}))
    assert [one["id"] for one in found] == ["MONQ-130"]


def test_a_source_folder_outside_the_bundle(made):
    found = examine(made, release_source_dir="/srv/release", registry_source_dir="")
    assert [(one["id"], one["object"]) for one in found[:2]] == [
        ("MONQ-128", "monq_registry_source_dir"),
        ("MONQ-128", "monq_release_source_dir"),
    ]


def test_many_files_are_counted_and_some_are_named(made):
    for number in range(300):
        made.write(f"release/{number:03}", b"")
    found = examine(made)
    assert found[0]["parameters"]["count"] == 300 and len(found[0]["parameters"]["paths"]) == 200
    assert "release/009" in found[0]["seen"] and "release/010" not in found[0]["seen"]
    assert "and 290 more" in found[0]["seen"]


# ---- in preflight


def preflight(made, report=None, **more):
    given = params(home=made.root.parent / "backup", plan={"variables": made.variables()}, **more)
    it = Preflight(given, None, remember=True)
    it.report.update(report or {})
    return it


def test_preflight_remembers_beside_the_backup(made):
    assert [one["id"] for one in preflight(made)._bundle()] == ["MONQ-130"]
    kept = made.root.parent / "backup" / "production" / "bundle-verified.json"
    assert kept.is_file()
    flip(made)
    assert [one["id"] for one in preflight(made)._bundle()] == ["MONQ-124"]


def test_inside_the_outage_it_warns_and_afterwards_it_is_not_read(made):
    flip(made)
    assert [one["severity"] for one in preflight(made, {"cut": True})._bundle()] == ["warning"]
    assert preflight(made, {"finished": True})._bundle() == []


@pytest.mark.parametrize("opened", [True, False])
def test_preflight_says_how_many_bytes_it_has_read(made, monkeypatch, opened):
    said = []
    progress = SimpleNamespace(say=lambda *words: said.append(words))
    it = preflight(made)
    it.session = SimpleNamespace(progress=progress) if opened else None  # None: the ledger could not be read
    monkeypatch.setattr(arguments, "live_progress", lambda _given: None if opened else progress)
    it._bundle()
    files = [path for path in made.root.rglob("*") if path.is_file() and path.name != "manifest.json.sig"]
    total = live_line.size(sum(path.stat().st_size for path in files))
    first, done, of_all = said[0]
    assert first == "of the bundle read: SHA256SUMS" and of_all == total
    assert done == live_line.size((made.root / "SHA256SUMS").stat().st_size)
