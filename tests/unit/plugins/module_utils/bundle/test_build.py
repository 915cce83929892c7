"""How a bundle is made: the calls, what is copied, and what is refused before hours of export."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile

import pytest
from ansible_collections.monq.platform.plugins.module_utils.bundle import build, manifest
from ansible_collections.monq.platform.plugins.module_utils.bundle.build import Build
from ansible_collections.monq.platform.plugins.module_utils.bundle.verification import Bundle
from ansible_collections.monq.platform.plugins.module_utils.errors import BundleError, CommandError, SignatureError
from ansible_collections.monq.platform.plugins.module_utils.live_progress import LiveProgress
from ansible_collections.monq.platform.plugins.module_utils.process import Result
from made_bundle import certificate
from repository import RELEASE

MONQCTL = """#!/bin/sh
echo "$@" >>"$HOME/calls"
for word in "$@"; do
  case $word in
    --dest=*) echo "$1" >"${word#--dest=}/index" ;;
    version) echo "monqctl v1.1.2" ;;
  esac
done
"""


def test_the_documented_calls():
    call = ["registry", "export", "registry", "3.2.0", "--dest=/b/registry"]
    assert build.export_registry(RELEASE, "/b/registry") == call
    call = ["release", "version", "export", "6.0.0", "--product=monq", "--dest=/b/release"]
    assert build.export_release(RELEASE, "/b/release") == call


def test_the_calls_for_downloads():
    needs = {"monq.platform": "==1.0.0", "kubernetes.core": ">=5,<7"}
    assert build.download_collections("ansible-galaxy", "/b/collections", needs) == [
        *["ansible-galaxy", "collection", "download", "--download-path", "/b/collections"],
        *["kubernetes.core:>=5,<7", "monq.platform:==1.0.0"],
    ]
    common = ["python3", "-m", "pip", "download", "--only-binary=:all:", "--dest", "/b/wheels"]
    assert build.download_wheels("python3", "/b/wheels", ["a>=1", "b"]) == [*common, "a>=1", "b"]
    assert build.download_wheels("python3", "/b/wheels", ["a"], "3.9", ["manylinux2014_x86_64", "any"]) == [
        *[*common, "--python-version=3.9", "--platform=manylinux2014_x86_64", "--platform=any", "a"],
    ]


def archive(folder, name, dependencies=None, version="1.0.0"):
    path = folder / f"{name.replace('.', '-')}-1.0.0.tar.gz"
    about = {"namespace": name.split(".")[0], "name": name.split(".")[1], "version": version}
    about["dependencies"] = dependencies or {}
    data = json.dumps({"collection_info": about}).encode()
    with tarfile.open(path, "w:gz") as file:
        info = tarfile.TarInfo("MANIFEST.json")
        info.size = len(data)
        file.addfile(info, io.BytesIO(data))
    return str(path)


class Runner:
    def __init__(self, rc=0):
        self.calls, self.rc = [], rc

    def __call__(self, argv, timeout=None, watch=None):
        self.calls.append(argv)
        return Result(self.rc, "", "could not reach galaxy.ansible.com\n" if self.rc else "", False)


def made(tmp_path, runner=None):
    return Build(str(tmp_path / "bundle"), LiveProgress(), runner or Runner())


def test_archives_that_are_complete_are_copied_and_galaxy_is_not_asked(tmp_path):
    runner = Runner()
    ours = archive(tmp_path, "monq.platform", {"kubernetes.core": ">=5"})
    made(tmp_path, runner).collections([ours, archive(tmp_path, "kubernetes.core", version="5.1.0")], "1.0.0")
    assert runner.calls == []
    names = ["kubernetes-core-1.0.0.tar.gz", "monq-platform-1.0.0.tar.gz", "requirements.yml"]
    assert sorted(os.listdir(tmp_path / "bundle" / "collections")) == names
    listed = (tmp_path / "bundle" / "collections" / "requirements.yml").read_text()
    assert listed.count("type: file") == 2 and '- name: "monq-platform-1.0.0.tar.gz"' in listed


def test_what_the_archives_lack_is_downloaded(tmp_path):
    runner = Runner()
    made(tmp_path, runner).collections([archive(tmp_path, "monq.platform", {"a.b": ">=5", "c.d": "*"})], "1.0.0")
    assert [argv[-2:] for argv in runner.calls] == [["a.b:>=5", "c.d:*"]]
    runner.calls.clear()
    made(tmp_path, runner).collections([], "1.0.0")
    assert [argv[-1] for argv in runner.calls] == ["monq.platform:==1.0.0"]


def test_a_galaxy_that_is_not_reached_is_a_message_with_the_variable(tmp_path):
    with pytest.raises(CommandError) as caught:
        made(tmp_path, Runner(1)).collections([archive(tmp_path, "monq.platform", {"a.b": ">=5"})], "1.0.0")
    assert "could not reach galaxy" in str(caught.value)
    assert "monq_bundle_collections to archives of a.b" in str(caught.value)


def test_an_archive_of_another_version_is_refused_here_and_not_in_the_closed_network(tmp_path):
    ours, other = archive(tmp_path, "monq.platform", {"a.b": ">=5,<7"}), archive(tmp_path, "a.b", version="7.0.0")
    with pytest.raises(BundleError, match=r"expected: >=5,<7\n  seen: 7\.0\.0"):
        made(tmp_path).collections([ours, other], "1.0.0")
    with pytest.raises(BundleError, match=r"monq\.platform\n  expected: ==1\.0\.1"):
        made(tmp_path).collections([ours], "1.0.1")


@pytest.mark.parametrize(
    ("version", "wanted", "answer"),
    [
        ("6.2.0", ">=5.0.0,<7", True),
        ("7.0.0", ">=5.0.0,<7", False),
        ("4.9.9", ">=5.0.0,<7", False),
        ("10.0.0", ">=9", True),
        ("1.0.0", "*", True),
        ("1.0.0", "1.0.0", True),
        ("1.0.0", "==1.0", True),
        ("1.0.0", "!=1.0.0", False),
        ("1.0.1", "> 1.0.0, <=1.0.1", True),
        ("5.0.0-beta.1", ">=5", True),
    ],
)
def test_ranges_of_versions(version, wanted, answer):
    assert build.fits(version, wanted) is answer


@pytest.mark.parametrize("content", [b"", b"none"])
def test_what_is_no_archive_is_named(tmp_path, content):
    (tmp_path / "x.tar.gz").write_bytes(content)
    with pytest.raises(BundleError, match=r"x\.tar\.gz"):
        made(tmp_path).collections([str(tmp_path / "x.tar.gz")], "1.0.0")


def test_an_export_of_nothing_or_with_a_link_is_refused(tmp_path):
    it = made(tmp_path)
    with pytest.raises(CommandError, match="exported nothing"):
        it.exports(RELEASE, lambda argv: None)
    (tmp_path / "bundle" / "registry" / "link").symlink_to("/etc/hostname")
    with pytest.raises(BundleError, match="registry/link"):
        it.close({}, "test")


# ---- the whole


@pytest.fixture
def given(tmp_path):
    client = tmp_path / "monqctl"
    client.write_text(MONQCTL)
    client.chmod(0o755)
    (tmp_path / "key.pem").write_text("key")
    (tmp_path / "certificate.pem").write_bytes(certificate()[1])
    return {
        "directory": str(tmp_path / "bundle"),
        "release": RELEASE,
        "collections": [archive(tmp_path, "monq.platform")],
        "requirements": ["nothing"],
        "python_version": "",
        "python_platforms": [],
        "signing_key": str(tmp_path / "key.pem"),
        "certificate": str(tmp_path / "certificate.pem"),
        "unsigned": False,
        "monqctl_path": str(client),
        "monqctl_home": str(tmp_path),
        "monqctl_environment": "",
        "monqctl_timeout": 60,
        "client_rules": {"version": {"answer": {"letter": r"v(?P<answer>\d+\.\d+\.\d+)"}}},
        "progress": {},
    }


@pytest.fixture
def pip(monkeypatch):
    """pip that writes one wheel."""

    def wheels(self, *_given):
        with open(self._path("wheels", "nothing-1.whl"), "w", encoding="utf-8") as file:
            file.write("wheel")

    monkeypatch.setattr(build.Build, "wheels", wheels)


def test_a_bundle_is_made_whole_and_the_second_run_does_nothing(given, tmp_path, pip):
    first = build.make(given)
    assert first["changed"] and first["text"].endswith(f"signed by {first['signer']}")
    verdict = Bundle(given["directory"], unsigned=True).verify()
    assert verdict.problems == []
    assert set(verdict.manifest.files) == {
        "collections/monq-platform-1.0.0.tar.gz",
        "collections/requirements.yml",
        "monqctl",
        "registry/index",
        "release/index",
        "wheels/nothing-1.whl",
    }
    assert os.access(tmp_path / "bundle" / "monqctl", os.X_OK)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [line.split()[:2] for line in calls] == [["version"], ["registry", "export"], ["release", "version"]]
    again = build.make(given)
    assert not again["changed"] and again["text"] == first["text"]
    assert len((tmp_path / "calls").read_text().splitlines()) == len(calls) + 1, "asked for its version only"


def test_check_mode_makes_nothing(given, tmp_path):
    assert build.make(given, check_mode=True)["changed"]
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"signing_key": "", "certificate": ""},
        {"signing_key": ""},
        {"certificate": ""},
        {"signing_key": "/nowhere/key"},
        {"certificate": "/nowhere/certificate"},
    ],
)
def test_an_unsigned_bundle_is_made_on_request_only(given, tmp_path, changed):
    with pytest.raises(SignatureError, match="monq_bundle_unsigned"):
        build.make({**given, **changed})
    assert not (tmp_path / "calls").exists(), "before anything is exported"


def test_a_key_inside_the_bundle_is_refused(given, tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "key.pem").write_text("key")
    with pytest.raises(SignatureError, match="outside the bundle"):
        build.make({**given, "signing_key": str(tmp_path / "bundle" / "key.pem")})


def test_a_folder_with_anything_else_is_refused(given, tmp_path, pip):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "photo.jpg").write_text("")
    with pytest.raises(BundleError, match="an empty folder, or none"):
        build.make(given)
    (tmp_path / "bundle" / "photo.jpg").unlink()
    build.make(given)
    (tmp_path / "bundle" / "monqctl").write_text("")
    with pytest.raises(BundleError, match="altered monqctl"):
        build.make(given)
    with pytest.raises(BundleError, match="other versions"):
        (tmp_path / "bundle" / "monqctl").write_text(MONQCTL)
        build.make({**given, "python_version": "3.9"})
    with pytest.raises(BundleError, match="absolute"):
        build.make({**given, "directory": "bundle"})


def test_what_a_failed_run_has_left_is_made_again_and_nothing_else_is_removed(given, tmp_path, pip, monkeypatch):
    monkeypatch.setattr(build.Build, "exports", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build.make(given)
    monkeypatch.undo()
    monkeypatch.setattr(build.Build, "wheels", lambda self, *given: None)
    (tmp_path / "bundle" / "photo.jpg").write_text("")
    with pytest.raises(BundleError, match=r"photo\.jpg"):
        build.make(given)
    (tmp_path / "bundle" / "photo.jpg").unlink()
    assert build.make(given)["changed"]
    assert Bundle(given["directory"], unsigned=True).verify().problems == []


def test_the_manifest_says_what_the_bundle_was_made_for(given, pip):
    build.make(given)
    with open(os.path.join(given["directory"], manifest.MANIFEST), encoding="utf-8") as file:
        content = json.load(file)
    assert content["made_by"] == "monq.platform 1.0.0" and content["format_version"] == "1.0"
    assert content["versions"]["release"] == "6.0.0" and content["versions"]["monqctl"] == "1.1.2"
    assert content["versions"]["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
