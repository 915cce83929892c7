# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import re

from ..k8s import routes
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
        library = "the Python library cryptography"
        then = "pip install cryptography, for the Python that runs modules"
        return [finding("domains", STOP, library, "installed", f"missing: {exc}", then)]
    obj = f"certificate in Secret {name}"
    try:
        certificates = [x509.load_pem_x509_certificate(block) for block in CERTIFICATE.findall(chain)]
    except ValueError as exc:
        return [finding("domains", STOP, obj, "X.509 certificates in tls.crt", f"damaged: {exc}"[:200], "replace it")]
    if not certificates:
        return [finding("domains", STOP, obj, "a PEM certificate in tls.crt", "none", "recreate the Secret")]
    found, leaf = _key(obj, certificates, key)
    return found + _names(obj, hosts, leaf) + _validity(obj, certificates, now or _now())


def _key(obj, certificates, key):
    """Returns findings and the certificate that the key belongs to, or else the first one."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    then = "recreate the Secret with a certificate and its own key"
    if not key.strip():
        return [finding("domains", STOP, obj, "its private key in tls.key", "nothing", then)], certificates[0]
    try:
        public = _public(load_pem_private_key(key, None))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        seen = "not a PEM key, or an encrypted one"
        return [finding("domains", STOP, obj, "its private key in tls.key", seen, then)], certificates[0]
    own = [place for place, certificate in enumerate(certificates) if _public(certificate) == public]
    if not own:
        seen = "the key of a different certificate"
        return [finding("domains", STOP, obj, "its private key in tls.key", seen, then)], certificates[0]
    if own[0]:
        seen = f"it is number {own[0] + 1} of {len(certificates)} in tls.crt"
        then = "recreate the Secret with tls.crt in this order: server certificate, intermediates"
        return [finding("domains", STOP, obj, "the server's certificate first", seen, then)], certificates[own[0]]
    return [], certificates[0]


def _public(holder):
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _names(obj, hosts, leaf):
    from cryptography import x509

    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = [name.lower() for name in extension.value.get_values_for_type(x509.DNSName)]
    except x509.ExtensionNotFound:
        names = []
    bare = [host for host in hosts if not routes.within(host.lower(), names)]
    if not bare:
        return []
    expected, then = "a certificate that covers " + ", ".join(hosts), "get a certificate with these names"
    return [finding("domains", STOP, obj, expected, f"not covered: {', '.join(bare)}", then)]


def _validity(obj, certificates, now):
    found = []
    for place, certificate in enumerate(certificates):
        what = obj if not place else f"{obj}, number {place + 1} of the chain ({certificate.subject.rfc4514_string()})"
        begins, ends = _moment(certificate, "not_valid_before"), _moment(certificate, "not_valid_after")
        if begins > now:
            found.append(
                finding("domains", STOP, what, "valid now", f"not before {begins:%Y-%m-%d %H:%M} UTC", "renew it")
            )
        elif ends < now:
            found.append(
                finding("domains", STOP, what, "valid now", f"expired on {ends:%Y-%m-%d %H:%M} UTC", "renew it")
            )
        elif ends < now + SOON:
            seen = f"expires on {ends:%Y-%m-%d %H:%M} UTC"
            found.append(finding("domains", WARNING, what, "valid for at least 30 more days", seen, "renew it soon"))
    return found


def _moment(certificate, name):
    """cryptography 42 added a time zone to these times."""
    moment = getattr(certificate, f"{name}_utc", None)
    return moment or getattr(certificate, name).replace(tzinfo=datetime.timezone.utc)


def _now():
    return datetime.datetime.now(datetime.timezone.utc)
