"""Certificates of Ingresses, each made here: what is told of them before the outage."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import certificates
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
KEYS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("server", "authority", "other")}


def certificate(*names, key="server", begins=-10, ends=300, addresses=(), issuer="authority"):
    subject, issued = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (key, issuer))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued)
        .public_key(KEYS[key].public_key())
        .serial_number(7)
        .not_valid_before(NOW + datetime.timedelta(days=begins))
        .not_valid_after(NOW + datetime.timedelta(days=ends))
    )
    alternatives = [x509.DNSName(name) for name in names] + [x509.RFC822Name(address) for address in addresses]
    if alternatives:
        made = made.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return made.sign(KEYS["authority"], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def key(name="server", password=None):
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return KEYS[name].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def brief(hosts, chain, own=None):
    found = certificates.examine("tls", hosts, chain, key() if own is None else own, NOW)
    assert all(row["next"] and "Secret tls" in row["object"] for row in found)
    return [(row["severity"], row["seen"]) for row in found]


@pytest.mark.parametrize(
    ("hosts", "names", "bare"),
    [
        pytest.param(["monq.test"], ["monq.test"], "", id="the name itself"),
        pytest.param(["Monq.test"], ["MONQ.test"], "", id="capitals"),
        pytest.param(["a.monq.test"], ["*.monq.test"], "", id="a wildcard covers one label"),
        pytest.param(["a.b.monq.test"], ["*.monq.test"], "a.b.monq.test", id="and no more"),
        pytest.param(["monq.test"], ["*.monq.test"], "monq.test", id="nor the domain itself"),
        pytest.param(["*.monq.test"], ["a.monq.test"], "*.monq.test", id="a wildcard host needs a wildcard"),
        pytest.param(["monq.test", "x.test"], ["monq.test"], "x.test", id="one of two"),
    ],
)
def test_the_names_cover_the_hosts(hosts, names, bare):
    """trap 21"""
    assert brief(hosts, certificate(*names)) == ([("stop", f"not covered: {bare}")] if bare else [])


def test_only_names_of_the_type_dns_count():
    assert brief(["monq.test"], certificate(addresses=["monq.test"])) == [("stop", "not covered: monq.test")]
    assert brief(["monq.test"], certificate()) == [("stop", "not covered: monq.test")]


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        pytest.param(-10, 31, [], id="valid"),
        pytest.param(-10, 29, [("warning", "expires on 2026-06-30 00:00 UTC")], id="soon"),
        pytest.param(-10, -1, [("stop", "expired on 2026-05-31 00:00 UTC")], id="expired"),
        pytest.param(1, 300, [("stop", "not before 2026-06-02 00:00 UTC")], id="not yet"),
    ],
)
def test_validity_counts_for_every_certificate_of_the_chain(begins, ends, expected):
    """trap 21: an expired intermediate breaks clients as an expired server certificate does"""
    assert brief(["monq.test"], certificate("monq.test", begins=begins, ends=ends)) == expected
    assert (
        brief(["monq.test"], certificate("monq.test") + certificate(key="authority", begins=begins, ends=ends))
        == expected
    )


@pytest.mark.parametrize(
    ("chain", "broken"),
    [
        pytest.param([("server", "authority")], "", id="the server's certificate alone"),
        pytest.param([("server", "authority"), ("authority", "authority")], "", id="in order"),
        pytest.param([("server", "other"), ("other", "authority"), ("authority", "authority")], "", id="of three"),
        pytest.param(
            [("server", "other"), ("authority", "authority"), ("other", "authority")],
            "number 1 (CN=server) was not issued by number 2 (CN=authority), but by CN=other",
            id="intermediates upside down",
        ),
        pytest.param(
            [("server", "other"), ("authority", "authority")],
            "number 1 (CN=server) was not issued by number 2 (CN=authority), but by CN=other",
            id="an intermediate is missing",
        ),
    ],
)
def test_the_chain_is_whole_and_in_order(chain, broken):
    """Clients other than browsers do not look for a missing link elsewhere."""
    pem = b"".join(certificate("monq.test", key=name, issuer=issuer) for name, issuer in chain)
    assert brief(["monq.test"], pem) == ([("warning", broken)] if broken else [])


NO_KEY = "not a PEM key, or an encrypted one"


@pytest.mark.parametrize(
    ("chain", "own", "expected"),
    [
        pytest.param(["server"], key("other"), "the key of a different certificate", id="of another certificate"),
        pytest.param(["authority", "server"], key(), "it is number 2 of 2 in tls.crt", id="the chain upside down"),
        pytest.param(["server"], b"", "nothing", id="none"),
        pytest.param(["server"], b"canary", NO_KEY, id="no key"),
        pytest.param(["server"], key(password=b"canary"), NO_KEY, id="encrypted"),
    ],
)
def test_the_key_belongs_to_the_first_certificate(chain, own, expected):
    """The Ingress controller serves its own certificate where they do not belong together."""
    pem = b"".join(certificate("monq.test" if name == "server" else "ca.test", key=name) for name in chain)
    found = brief(["monq.test"] if len(chain) > 1 or chain == ["server"] else [], pem, own)
    assert found == [("stop", expected)]


@pytest.mark.parametrize(
    ("chain", "seen"),
    [
        (b"", "none"),
        (b"none", "none"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged"),
    ],
)
def test_what_is_no_certificate(chain, seen):
    [(severity, told)] = brief(["monq.test"], chain)
    assert severity == "stop" and told.startswith(seen)


def test_other_blocks_beside_the_certificates_are_ignored():
    """Some tools write the key into tls.crt, too."""
    assert brief(["monq.test"], key("other") + certificate("monq.test")) == []
