"""A small bundle in a folder, signed or not, and what spoils it."""

from __future__ import annotations

import base64
import datetime
import os

from ansible_collections.monq.platform.plugins.module_utils.bundle import folder, manifest
from ansible_collections.monq.platform.plugins.module_utils.bundle.build import Build
from ansible_collections.monq.platform.plugins.module_utils.live_progress import LiveProgress
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from repository import RELEASE

VERSIONS = {"product": RELEASE["product"], "release": RELEASE["version"], "registry": RELEASE["registry_version"]}
FILES = {
    "registry/image.tar": b"layers " * 100,
    "release/pl/sqls/pl-i18n-service.sql": b"select 1;\n",
    "release/файл.json": b"{}",
    "monqctl": b"#!/bin/sh\n",
    "wheels/empty.whl": b"",
}


def certificate(key=None):
    """(private key, PEM) of a self-signed certificate."""
    key = key or Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bundles")])
    begin = datetime.datetime(2026, 1, 1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(begin).not_valid_after(begin.replace(year=2036))
    digest = None if isinstance(key, Ed25519PrivateKey) else SHA256()
    return key, builder.sign(key, digest).public_bytes(Encoding.PEM)


class Made:
    """root: the bundle's folder; certificate: the path of its certificate, beside it."""

    def __init__(self, folder, files=None, versions=None):
        self.root, self.certificate, self.kept = folder / "bundle", folder / "bundle.pem", folder / "kept.json"
        for path, data in (files or FILES).items():
            self.write(path, data)
        self.close(versions)
        key, pem = certificate()
        self.certificate.write_bytes(pem)
        self.sign(key)

    def close(self, versions=None):
        Build(str(self.root), LiveProgress()).close(versions or VERSIONS, "test")

    def sign(self, key):
        data = (self.root / manifest.MANIFEST).read_bytes()
        (self.root / manifest.SIGNATURE).write_bytes(base64.b64encode(key.sign(data)) + b"\n")

    def write(self, path, data):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)

    def variables(self, **more):
        """What the plan's variables say of it."""
        return {
            "bundle_dir": str(self.root),
            "bundle_certificate": str(self.certificate),
            "bundle_unsigned": False,
            "registry_source_dir": str(self.root / "registry"),
            "release_source_dir": str(self.root / "release"),
            **more,
        }


def flip(made, path="registry/image.tar"):
    """One bit, with size and time of change as before."""
    there = os.stat(made.root / path)
    data = bytearray((made.root / path).read_bytes())
    data[3] ^= 1
    (made.root / path).write_bytes(data)
    os.utime(made.root / path, ns=(there.st_atime_ns, there.st_mtime_ns))


def take(made):
    (made.root / "release/pl/sqls/pl-i18n-service.sql").unlink()


def add(made):
    made.write("release/pl/sqls/evil.sql", b"drop")


def link_out(made):
    take(made)
    (made.root / "release/pl/sqls/pl-i18n-service.sql").symlink_to("/etc/hostname")


def link_folder(made):
    (made.root / "registry").rename(made.root.parent / "elsewhere")
    (made.root / "registry").symlink_to(made.root.parent / "elsewhere")


def link_inside(made):
    (made.root / "monqctl2").symlink_to("monqctl")


def pipe(made):
    os.mkfifo(made.root / "release/pipe")


def cut_short(made):
    made.write("registry/image.tar", b"layers ")


def other_sums(made):
    made.write(manifest.SUMS, b"nothing\n")


# what is done: (id, kind, path)
SPOILED = {
    flip: ("MONQ-124", "altered", "registry/image.tar"),
    cut_short: ("MONQ-124", "altered", "registry/image.tar"),
    other_sums: ("MONQ-124", "altered", "SHA256SUMS"),
    take: ("MONQ-123", "missing", "release/pl/sqls/pl-i18n-service.sql"),
    add: ("MONQ-125", "additional", "release/pl/sqls/evil.sql"),
    link_out: ("MONQ-126", "type", "release/pl/sqls/pl-i18n-service.sql"),
    link_folder: ("MONQ-126", "type", "registry"),
    link_inside: ("MONQ-126", "type", "monqctl2"),
    pipe: ("MONQ-126", "type", "release/pipe"),
}


def close_release(monkeypatch):
    """The folder release cannot be read, not even by root."""
    real = os.scandir

    def closed(path):
        if str(path).endswith("release"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(folder.os, "scandir", closed)
