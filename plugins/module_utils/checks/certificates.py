# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import re

from ..k8s import routes
from ..prerequisites import missing
from .examination import Examination
from .finding import STOP, WARNING, finding

CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
SOON = datetime.timedelta(days=30)


def examine(name, hosts, chain, key, now=None):
    """Findings on the certificate of a TLS Secret.

    name: the Secret's. hosts: those it must cover. chain, key: tls.crt and tls.key as bytes. No finding shows any part
    of the key.
    """
    try:
        from cryptography import x509
    except ImportError as exc:
        raise missing("cryptography", exc) from exc
    try:
        certificates = [x509.load_pem_x509_certificate(block) for block in CERTIFICATE.findall(chain)]
    except ValueError as exc:
        return [finding("tls.certificate", STOP, secret=name, problem=f"damaged: {exc}"[:200])]
    if not certificates:
        return [finding("tls.certificate", STOP, secret=name, problem="none")]
    made, subject = Examination(), f"certificate in Secret {name}"
    place = _place(certificates, key)
    made.make("tls.key", _key, name, certificates, key, place, subject=subject)
    made.make("tls.names", _names, name, hosts, certificates[place or 0], subject=subject)
    made.make("tls.expired", _validity, name, certificates, now or _now(), subject=subject)
    if not place:
        made.make("tls.chain", _chain, name, certificates, subject=subject)
    return made.findings


def _loaded(key):
    """The public part of a private key, in a form that can be compared; None if the key cannot be read."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return _public(load_pem_private_key(key, None))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _place(certificates, key):
    """The place of the certificate that the key belongs to; None if there is none."""
    public = _loaded(key) if key.strip() else None
    own = [place for place, certificate in enumerate(certificates) if public and _public(certificate) == public]
    return own[0] if own else None


def _key(name, certificates, key, place):
    if place:
        return [finding("tls.order", STOP, secret=name, place=place + 1, count=len(certificates))]
    problem = ""
    if not key.strip():
        problem = "nothing"
    elif _loaded(key) is None:
        problem = "not a PEM key, or an encrypted one"
    elif place is None:
        problem = "the key of a different certificate"
    return [finding("tls.key", STOP, secret=name, problem=problem)] if problem else []


def _public(holder):
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _names(secret, hosts, leaf):
    from cryptography import x509

    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = [name.lower() for name in extension.value.get_values_for_type(x509.DNSName)]
    except x509.ExtensionNotFound:
        names = []
    bare = [host for host in hosts if not routes.within(host.lower(), names)]
    return [finding("tls.names", STOP, secret=secret, hosts=hosts, bare=bare)] if bare else []


def _chain(secret, certificates):
    """A warning about the first link that is broken. The names of issuer and subject decide: that is how clients put a
    chain together."""
    for place, (one, following) in enumerate(zip(certificates, certificates[1:]), 1):
        if one.issuer != following.subject:
            subject, other, issuer = (name.rfc4514_string() for name in (one.subject, following.subject, one.issuer))
            parameters = {"place": place, "following": place + 1, "subject": subject, "other": other, "issuer": issuer}
            return [finding("tls.chain", WARNING, secret=secret, **parameters)]
    return []


def _validity(secret, certificates, now):
    found = []
    for place, certificate in enumerate(certificates):
        what = f"certificate in Secret {secret}"
        if place:
            what += f", number {place + 1} of the chain ({certificate.subject.rfc4514_string()})"
        begins, ends = _moment(certificate, "not_valid_before"), _moment(certificate, "not_valid_after")
        if begins > now:
            found.append(finding("tls.not_yet", STOP, certificate=what, begins=f"{begins:%Y-%m-%d %H:%M}"))
        elif ends < now:
            found.append(finding("tls.expired", STOP, certificate=what, ends=f"{ends:%Y-%m-%d %H:%M}"))
        elif ends < now + SOON:
            found.append(finding("tls.expires_soon", WARNING, certificate=what, ends=f"{ends:%Y-%m-%d %H:%M}"))
    return found


def _moment(certificate, name):
    """cryptography 42 added a time zone to these times."""
    moment = getattr(certificate, f"{name}_utc", None)
    return moment or getattr(certificate, name).replace(tzinfo=datetime.timezone.utc)


def _now():
    return datetime.datetime.now(datetime.timezone.utc)
