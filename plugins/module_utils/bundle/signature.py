# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib

from ..errors import SignatureError
from ..prerequisites import missing
from .manifest import MANIFEST, SIGNATURE


def signer(data, signature, certificate):
    """The SHA-256 fingerprint of the certificate whose key has signed the data, as openssl x509 -fingerprint shows it.

    signature: the content of the signature's file, base64; None if there is none. certificate: its path. Raises
    SignatureError."""
    found = usable(certificate)
    if signature is None:
        raise _refused(SIGNATURE, "a signature", "none", "ask for a signed bundle, or set monq_bundle_unsigned: true")
    if not _is_signed(found, data, signature):
        raise _refused(
            MANIFEST,
            f"signed with the key of {certificate}, {fingerprint(found)}",
            f"{SIGNATURE} is not a signature of it by that key",
            "do not use this bundle: copy it again, and compare the certificate's fingerprint with its maker",
        )
    return fingerprint(found)


def usable(path):
    """The certificate in a file. Raises SignatureError for one that cannot be used."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as exc:
        raise missing("cryptography", exc) from exc
    expected, then = "a certificate (PEM) with an Ed25519 key", "correct monq_bundle_certificate"
    try:
        with open(path, "rb") as file:
            found = x509.load_pem_x509_certificate(file.read())
    except OSError as exc:
        raise _refused(path, expected, exc.strerror or str(exc), then) from exc
    except ValueError as exc:
        raise _refused(path, expected, f"no certificate: {exc}"[:200], then) from exc
    if not isinstance(found.public_key(), Ed25519PublicKey):
        raise _refused(path, expected, "a key of another kind", then)
    return found


def _is_signed(certificate, data, signature):
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.public_key().verify(base64.b64decode(signature, validate=False), data)
        return True
    except (InvalidSignature, ValueError):
        return False


def fingerprint(certificate):
    from cryptography.hazmat.primitives.serialization import Encoding

    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest().upper()
    return ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))


def _refused(obj, expected, seen, next_step):
    return SignatureError("the bundle's signature is not accepted", obj, expected, seen, next_step)
