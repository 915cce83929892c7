"""A bundle is verified: whatever is missing, altered or additional is named, and what was verified is remembered."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess

import pytest
from ansible_collections.monq.platform.plugins.module_utils.bundle import folder, manifest, signature, verification
from ansible_collections.monq.platform.plugins.module_utils.bundle.verification import Bundle, before_use
from ansible_collections.monq.platform.plugins.module_utils.errors import BundleError, SignatureError
from ansible_collections.monq.platform.plugins.module_utils.session import client
from cryptography.hazmat.primitives.asymmetric import rsa
from fake_session import params
from made_bundle import FILES, SPOILED, Made, add, certificate, close_release, cut_short, flip, take

ALL = len(FILES) + 2  # with manifest and checksums


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path)


def verify(made, kept=False, **more):
    return Bundle.of(made.variables(**more)).verify(kept=str(made.kept) if kept else "")


def test_a_whole_bundle_passes_with_the_line_for_the_security_officer(made):
    verdict = verify(made)
    assert verdict.problems == []
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", made.certificate],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    known = shown.strip().partition("=")[2]
    assert verification.summary(verdict) == f"5 files, 722 B, sha256 verified, signed by {known}"


def test_sha256sum_verifies_it_without_us(made):
    def run():
        argv = ["sha256sum", "--check", "--strict", "--quiet", manifest.SUMS]
        return subprocess.run(argv, cwd=made.root, capture_output=True, text=True, check=False)

    assert (run().returncode, run().stdout) == (0, "")
    flip(made)
    assert run().stdout == "registry/image.tar: FAILED\n"


def test_openssl_verifies_the_signature_without_us(made):
    plain = made.root.parent / "plain.sig"
    plain.write_bytes(base64.b64decode((made.root / manifest.SIGNATURE).read_bytes()))
    argv = ["openssl", "pkeyutl", "-verify", "-rawin", "-certin", "-inkey", made.certificate]
    argv += ["-in", made.root / manifest.MANIFEST, "-sigfile", plain]
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_what_is_spoiled_is_refused_by_name(made, spoil):
    spoil(made)
    _number, kind, path = SPOILED[spoil]
    assert [(one.kind, one.path) for one in verify(made).problems] == [(kind, path)]


def test_sizes_come_first_so_that_nothing_is_read_of_a_truncated_copy(made):
    cut_short(made)
    assert verify(made).read == 0


def test_a_link_is_never_followed_even_if_it_replaces_a_file_after_the_look(made):
    (made.root / "monqctl").unlink()
    (made.root / "monqctl").symlink_to("/etc/hostname")
    with pytest.raises(OSError):
        folder.Hashing(str(made.root), 1).digest("monqctl")


def test_a_folder_that_cannot_be_read_is_named(made, monkeypatch):
    close_release(monkeypatch)
    assert [(one.kind, one.path) for one in verify(made).problems] == [("unreadable", "release")]


# ---- the signature


def test_a_manifest_that_was_changed_with_all_checksums_is_refused(made):
    kept = (made.root / manifest.SIGNATURE).read_bytes()
    for name in manifest.OWN:
        (made.root / name).unlink()
    add(made)
    made.close()
    made.write(manifest.SIGNATURE, kept)
    with pytest.raises(SignatureError, match="not a signature of it by that key"):
        verify(made)


@pytest.mark.parametrize("content", [b"", b"bm9uZQ==", b"\xff\xfe", b"A" * 88])
def test_what_is_no_signature_is_refused(made, content):
    made.write(manifest.SIGNATURE, content)
    with pytest.raises(SignatureError):
        verify(made)


def test_a_missing_signature_is_refused(made):
    (made.root / manifest.SIGNATURE).unlink()
    with pytest.raises(SignatureError, match="seen: none"):
        verify(made)


def test_another_signer_is_refused(made):
    made.sign(certificate()[0])
    with pytest.raises(SignatureError):
        verify(made)


def test_the_certificate_must_not_come_with_the_bundle(made):
    shutil.copy(made.certificate, made.root / "bundle.pem")
    with pytest.raises(SignatureError, match="its own certificate"):
        verify(made, bundle_certificate=str(made.root / "bundle.pem"))
    link = made.root.parent / "link.pem"
    link.symlink_to(made.root / "bundle.pem")
    with pytest.raises(SignatureError, match="its own certificate"):
        verify(made, bundle_certificate=str(link))


def test_a_certificate_that_cannot_be_used_is_named(made):
    with pytest.raises(SignatureError, match=r"nowhere\.pem"):
        verify(made, bundle_certificate="/nowhere.pem")
    made.certificate.write_bytes(b"none")
    with pytest.raises(SignatureError, match="no certificate"):
        verify(made)
    made.certificate.write_bytes(certificate(rsa.generate_private_key(65537, 2048))[1])
    with pytest.raises(SignatureError, match="another kind"):
        signature.usable(str(made.certificate))


@pytest.mark.parametrize("said", [False, "False", "", None, "yes"])
def test_an_unsigned_bundle_needs_an_explicit_word(made, said):
    with pytest.raises(SignatureError, match="monq_bundle_unsigned: true"):
        verify(made, bundle_certificate="", bundle_unsigned=said)


@pytest.mark.parametrize("said", [True, "True"])
def test_an_unsigned_bundle_is_verified_too(made, said):
    (made.root / manifest.SIGNATURE).unlink()
    verdict = verify(made, bundle_certificate="", bundle_unsigned=said)
    assert verdict.problems == [] and verification.summary(verdict).endswith("sha256 verified, unsigned")
    take(made)
    assert verify(made, bundle_certificate="", bundle_unsigned=said).problems != []


def test_unsigned_does_not_switch_off_a_certificate(made):
    made.sign(certificate()[0])
    with pytest.raises(SignatureError):
        verify(made, bundle_unsigned=True)


@pytest.mark.parametrize("path", ["bundle", "/nowhere"])
def test_a_folder_without_a_manifest_is_named(path):
    with pytest.raises(BundleError, match=path):
        Bundle(path, unsigned=True).verify()


def test_a_manifest_that_is_a_link_is_refused(made):
    (made.root / manifest.MANIFEST).rename(made.root.parent / "m")
    (made.root / manifest.MANIFEST).symlink_to(made.root.parent / "m")
    with pytest.raises(BundleError):
        verify(made)


# ---- what is remembered


def test_what_was_verified_is_not_read_again(made):
    assert (verify(made, kept=True).read, verify(made, kept=True).read) == (ALL, 0)
    assert made.kept.stat().st_mode & 0o777 == 0o600
    assert verify(made).read == ALL, "without the memory everything is read"


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_a_remembered_bundle_is_refused_all_the_same(made, spoil):
    verify(made, kept=True)
    spoil(made)
    _number, kind, path = SPOILED[spoil]
    verdict = verify(made, kept=True)
    assert [(one.kind, one.path) for one in verdict.problems] == [(kind, path)] and verdict.read <= 1


def test_a_file_that_was_altered_and_copied_again_is_read_again(made):
    verify(made, kept=True)
    flip(made)
    assert verify(made, kept=True).problems
    made.write("registry/image.tar", FILES["registry/image.tar"])
    assert (verify(made, kept=True).read, verify(made, kept=True).read) == (1, 0)


def test_a_memory_of_another_folder_or_a_broken_one_is_ignored(made, tmp_path):
    verify(made, kept=True)
    copy = tmp_path / "copy"
    shutil.copytree(made.root, copy)
    bundle = Bundle(str(copy), str(made.certificate))
    assert bundle.verify(kept=str(made.kept)).read == ALL
    made.kept.write_text("{")
    assert verify(made, kept=True).read == ALL
    made.kept.unlink()
    made.kept.symlink_to(tmp_path / "other")
    assert verify(made, kept=True).problems == []


def test_a_memory_that_cannot_be_written_fails_nothing(made):
    assert Bundle.of(made.variables()).verify(kept="/proc/nowhere/kept.json").problems == []


# ---- right before use


def argv(made, name="registry"):
    return ["registry", "update", "registry", f"--sourceDir={made.root / name}"]


def test_right_before_use_the_folder_is_read_again(made):
    said = []
    before_use(made.variables(), lambda *words: said.append(words))(argv(made))
    assert said[0] == ("of the bundle read: registry/image.tar", "700 B", "700 B")
    flip(made)
    with pytest.raises(BundleError, match=r"altered registry/image\.tar") as caught:
        before_use(made.variables())(argv(made))
    assert caught.value.unknown is False, "monqctl was not called"


def test_right_before_use_nothing_may_be_missing_or_additional_anywhere(made):
    add(made)
    with pytest.raises(BundleError, match=r"additional release/pl/sqls/evil\.sql"):
        before_use(made.variables())(argv(made))


def test_right_before_use_the_signature_counts(made):
    made.sign(certificate()[0])
    with pytest.raises(SignatureError):
        before_use(made.variables())(argv(made))


def test_a_folder_outside_is_refused_right_before_use(made):
    for source in ("/srv/registry", f"{made.root}/../elsewhere", f"{made.root}-2/registry", str(made.root)):
        with pytest.raises(BundleError, match="not in the verified bundle"):
            before_use(made.variables())(["release", "use-version", "6.0.0", f"--sourceDir={source}"])


def test_other_calls_and_runs_without_a_bundle_read_nothing(made):
    flip(made)
    before_use(made.variables())(["release", "update", "images"])
    before_use({})(argv(made))
    before_use({"bundle_dir": ""})(argv(made))


def test_progress_is_said_by_bytes_at_a_pace(made):
    said, now = [], iter(range(100))
    hashing = folder.Hashing(str(made.root), 710, lambda *words: said.append(words), clock=lambda: next(now))
    hashing.digest("registry/image.tar")
    hashing.digest("monqctl")
    assert said[-1] == ("of the bundle read: monqctl", "710 B", "710 B")


def test_the_place_of_the_memory_is_beside_the_backup():
    assert verification.remembered_in("/backup", "h") == "/backup/h/bundle-verified.json"
    assert verification.remembered_in("", "h") == ""


def test_the_memory_holds_no_content(made):
    verify(made, kept=True)
    kept = json.loads(made.kept.read_text())
    assert set(kept) == {"folder", "files"} and set(kept["files"]) == {*FILES, "manifest.json", "SHA256SUMS"}


def test_the_sessions_client_verifies_before_the_call(made, tmp_path):
    (tmp_path / "home").mkdir()
    program = tmp_path / "monqctl"
    program.write_text('#!/bin/sh\necho "$@" >>"$HOME/calls"\necho production\n')
    program.chmod(0o755)
    given = params(home=tmp_path / "home", plan={"variables": made.variables()}, monqctl_path=str(program))
    client(given).change(argv(made))
    calls = tmp_path / "home" / "calls"
    assert len(calls.read_text().splitlines()) == 2, "the context, and the call"
    flip(made)
    with pytest.raises(BundleError, match="has changed since it was verified"):
        client(given).change(argv(made))
    assert len(calls.read_text().splitlines()) == 2
