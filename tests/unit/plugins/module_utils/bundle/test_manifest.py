"""The manifest of a bundle: what it accepts, and how a folder differs from it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.bundle import manifest
from ansible_collections.monq.platform.plugins.module_utils.bundle.manifest import Entry, Manifest, Problem, Seen
from ansible_collections.monq.platform.plugins.module_utils.errors import BundleError
from repository import RELEASE

SHA = "0" * 64
FILES = {"registry/a": Entry(SHA, 3), "release/b": Entry("1" * 64, 0)}
VERSIONS = {"product": "monq", "release": RELEASE["version"], "registry": RELEASE["registry_version"]}


def made(**changed):
    content = json.loads(manifest.made(FILES, VERSIONS, "2026-11-26T00:00:00Z", "test"))
    return json.dumps({**content, **changed}).encode()


def file(size):
    return Seen("file", size, "")


def test_what_is_made_is_read_back():
    read = Manifest(manifest.made(FILES, VERSIONS, "2026-11-26T00:00:00Z", "test"))
    assert (read.files, read.versions, read.size) == (FILES, VERSIONS, 3)


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("../b", "out of the folder"),
        ("a/../../b", "out of the folder"),
        ("/etc/passwd", "relative"),
        ("", "relative"),
        ("a//b", "shortest"),
        ("./a", "shortest"),
        ("a/", "shortest"),
        ("a\nb", "control"),
        ("a\\b", "backslash"),
        ("\udcff", "UTF-8"),
        (manifest.MANIFEST, "own files"),
        (manifest.SIGNATURE, "own files"),
        (manifest.SUMS, "own files"),
    ],
)
def test_a_path_that_no_bundle_may_have_is_neither_written_nor_read(path, word):
    with pytest.raises(BundleError) as caught:
        manifest.made({path: Entry(SHA, 1)}, VERSIONS, "", "")
    assert word in str(caught.value) and ascii(path) in str(caught.value)
    with pytest.raises(BundleError, match=word):
        Manifest(made(files={path: {"sha256": SHA, "size": 1}}))


@pytest.mark.parametrize("path", ["a b", "имя/файл.json", "..a/b..", "release/manifest.json", "-rf"])
def test_other_paths_are_good(path):
    assert manifest.defect(path) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        made(kind="other"),
        made(format_version="2.0"),
        made(files=[]),
        made(versions=None),
        made(files={"a": None}),
        made(files={"a": {"sha256": "0", "size": 1}}),
        made(files={"a": {"sha256": SHA.upper().replace("0", "A"), "size": 1}}),
        made(files={"a": {"sha256": SHA, "size": -1}}),
        made(files={"a": {"sha256": SHA, "size": True}}),
        made(files={"a": {"sha256": SHA, "size": "1"}}),
        b'{"files": {}, "files": {}}',
    ],
)
def test_what_is_no_manifest_is_refused(data):
    with pytest.raises(BundleError, match="not understood"):
        Manifest(data)


def test_a_later_minor_format_is_read():
    assert Manifest(made(format_version="1.9", more=1)).files == FILES


def test_the_bundles_own_files_are_expected_and_the_signature_may_be_there():
    read = Manifest(made())
    assert set(read.expected()) == {*FILES, "manifest.json", "SHA256SUMS"}
    seen = {path: file(known.size) for path, known in read.expected().items()}
    assert manifest.differences(read.expected(), {**seen, "manifest.json.sig": file(90)}) == []


def test_every_difference_is_named():
    seen = {
        "registry/a": file(2),
        "monqctl": file(1),
        "out": Seen("link", 0, "to /etc"),
        "locked": Seen("unreadable", 0, "Permission denied"),
    }
    assert manifest.differences(FILES, seen) == [
        Problem("unreadable", "locked", "Permission denied"),
        Problem("additional", "monqctl", "not in the manifest"),
        Problem("type", "out", "to /etc"),
        Problem("altered", "registry/a", "2 bytes instead of 3"),
        Problem("missing", "release/b", "not in the folder"),
    ]


def test_files_below_a_link_or_a_closed_folder_are_not_named_one_by_one():
    seen = {"registry": Seen("link", 0, "to /elsewhere"), "release": Seen("unreadable", 0, "Permission denied")}
    assert [one.kind for one in manifest.differences(FILES, seen)] == ["type", "unreadable"]


def test_a_bundle_of_another_release_is_noticed():
    assert manifest.wrong_versions(Manifest(made()), RELEASE) == {}
    other = Manifest(made(versions={**VERSIONS, "release": "6.1.0", "registry": None}))
    assert manifest.wrong_versions(other, RELEASE) == {"release": ("6.0.0", "6.1.0"), "registry": ("3.2.0", None)}
