"""Compares the collection's own connection with the library kubernetes and kubectl, against a TLS server that reports
what it was asked."""

from __future__ import annotations

import base64
import contextlib
import datetime
import http.server
import ipaddress
import json
import select
import shutil
import socket
import socketserver
import ssl
import stat
import subprocess
import threading

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiUnreachable, MonqError
from ansible_collections.monq.platform.plugins.module_utils.k8s.cluster import Cluster

kubernetes = pytest.importorskip("kubernetes")
x509 = pytest.importorskip("cryptography.x509")

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


# ---- a certificate authority, a server, a proxy


class Authority:
    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key, self.certificate = self._make(None, name, authority=True)
        self.path = self._write(f"{name}-ca", self.certificate)

    def _make(self, issuer, name, hosts=(), authority=False):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or subject).public_key(key.public_key())
        )
        builder = (
            builder.serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(1))
            .not_valid_after(now + datetime.timedelta(1))
        )
        # As in many clusters: without key identifiers, which a strict reading of RFC 5280 requires.
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        return key, builder.sign(self.key if issuer else key, hashes.SHA256())

    def _write(self, name, *parts):
        from cryptography.hazmat.primitives import serialization

        path = self.folder / f"{name}.pem"
        text = b""
        for part in parts:
            if hasattr(part, "private_bytes"):
                text += part.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            else:
                text += part.public_bytes(serialization.Encoding.PEM)
        path.write_bytes(text)
        return path

    def issue(self, name, *hosts):
        key, certificate = self._make(self.certificate.subject, name, hosts)
        return self._write(f"{name}-cert", certificate), self._write(f"{name}-key", key)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        headers = {name.lower(): self.headers.get_all(name) for name in set(self.headers.keys())}
        said = {
            "authorization": headers.get("authorization"),
            "as": headers.get("impersonate-user"),
            "groups": headers.get("impersonate-group"),
        }
        peer = self.connection.getpeercert() or {}
        said["certificate"] = next(
            (value for row in peer.get("subject", ()) for key, value in row if key == "commonName"), None
        )
        self.server.seen.append(said)
        body = json.dumps({"major": "1", "minor": "20", "gitVersion": "v1.20.2", "said": said}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words):
        pass


class Tunnel(socketserver.BaseRequestHandler):
    """A proxy that supports CONNECT and nothing else."""

    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(4096)
        self.server.seen.append(head.decode())
        host, _colon, port = head.split()[1].decode().rpartition(":")
        with socket.create_connection((self.server.routes.get(host, host), int(port))) as there:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pair = [self.request, there]
            while True:
                for one in select.select(pair, [], [], 10)[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    pair[1 - pair.index(one)].sendall(data)


@contextlib.contextmanager
def serving(server):
    server.seen, server.daemon_threads = [], True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    ours, other = Authority(folder, "ours"), Authority(folder, "other")
    certificate, key = ours.issue(
        "server", x509.DNSName("kubernetes"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    )
    client = ours.issue("operator")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(ours.path))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(certificate, key)
    api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.socket = context.wrap_socket(api.socket, server_side=True, do_handshake_on_connect=False)
    tunnel = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel)
    with serving(api), serving(tunnel):
        tunnel.routes = {"kubernetes": "127.0.0.1"}
        yield {"folder": folder, "api": api, "tunnel": tunnel, "ca": ours.path, "other": other.path, "client": client}


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def kubeconfig(world, cluster=None, user=None, host="127.0.0.1"):
    entry = {
        "server": f"https://{host}:{world['api'].server_port}",
        "certificate-authority": str(world["ca"]),
        **(cluster or {}),
    }
    path = world["folder"] / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "clusters": [
                    {"name": "c", "cluster": {key: value for key, value in entry.items() if value is not None}}
                ],
                "users": [{"name": "u", "user": user or {"token": "t0ken-of-the-operator"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            }
        )
    )
    return path


# ---- three readers


def with_ours(path):
    return Cluster.connect(str(path)).get("/version")["said"]


def with_library(path):
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(path), None, configuration, persist_config=False)
    api = kubernetes.client.ApiClient(configuration)
    token = (configuration.auth_settings().get("BearerToken") or {}).get("value")
    headers = {"Authorization": token} if token else {}
    answer = api.rest_client.pool_manager.request(
        "GET", configuration.host + "/version", headers=headers, retries=False
    )
    return json.loads(answer.data)["said"]


def with_kubectl(path):
    done = subprocess.run(
        ["kubectl", "--kubeconfig", str(path), "get", "--raw", "/version"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)["said"]


READERS = {"library": with_library, **({"kubectl": with_kubectl} if shutil.which("kubectl") else {})}


def encoded(path):
    return base64.b64encode(path.read_bytes()).decode()


def forms(world):
    certificate, key = world["client"]
    port = world["api"].server_port
    return {
        "a token": ({}, None, {}),
        "the CA as data": (
            {"certificate-authority": None, "certificate-authority-data": encoded(world["ca"])},
            None,
            {},
        ),
        "a client certificate": ({}, {"client-certificate": str(certificate), "client-key": str(key)}, {}),
        "a client certificate as data": (
            {},
            {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)},
            {},
        ),
        "insecure": ({"certificate-authority": None, "insecure-skip-tls-verify": True}, None, {"host": "localhost"}),
        "another server name": ({"tls-server-name": "kubernetes", "server": f"https://localhost:{port}"}, None, {}),
        "a proxy": (
            {"proxy-url": f"http://127.0.0.1:{world['tunnel'].server_address[1]}"},
            None,
            {"host": "kubernetes"},
        ),
    }


NAMES = [
    "a token",
    "the CA as data",
    "a client certificate",
    "a client certificate as data",
    "insecure",
    "another server name",
    "a proxy",
]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("form", NAMES)
def test_the_server_is_asked_the_same(world, form, reader):
    cluster, user, more = forms(world)[form]
    path = kubeconfig(world, cluster, user, **more)
    before = len(world["tunnel"].seen)
    ours = with_ours(path)
    assert ours == READERS[reader](path)
    assert ours["certificate"] == ("operator" if "certificate" in form else None)
    assert ours["authorization"] == (None if user else ["Bearer t0ken-of-the-operator"])
    assert (len(world["tunnel"].seen) - before >= 2) == (form == "a proxy")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("form", ["another CA", "another name", "a wrong server name"])
def test_what_the_others_refuse_we_refuse(world, form, reader):
    cluster = {
        "another CA": {"certificate-authority": str(world["other"])},
        "another name": {"server": f"https://localhost:{world['api'].server_port}"},
        "a wrong server name": {"tls-server-name": "kubernetes.default"},
    }[form]
    path, asked = kubeconfig(world, cluster), len(world["api"].seen)
    with pytest.raises(ApiUnreachable, match="certificate|match|hostname"):
        with_ours(path)
    with pytest.raises(Exception, match="certificate|match|hostname|x509"):
        READERS[reader](path)
    assert len(world["api"].seen) == asked, "nobody's token was sent"


def test_another_identity_is_taken_as_kubectl_takes_it(world):
    """The library silently drops it."""
    path = kubeconfig(world, user={"token": "t0ken", "as": "monq", "as-groups": ["a", "b"]})
    said = with_ours(path)
    assert (said["as"], said["groups"]) == (["monq"], ["a", "b"])
    if "kubectl" in READERS:
        assert with_kubectl(path) == said


def test_the_proxy_of_the_environment_and_its_exceptions(world, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:pa%40ss@127.0.0.1:{world['tunnel'].server_address[1]}")
    path = kubeconfig(world, host="kubernetes")
    before = len(world["tunnel"].seen)
    cluster = Cluster.connect(str(path))
    assert cluster.get("/version")["gitVersion"] == "v1.20.2" and len(world["tunnel"].seen) == before + 1
    assert (
        base64.b64encode(b"user:pa@ss").decode() in world["tunnel"].seen[-1]
        and cluster.secrets.mask("pa@ss") == "********"
    )
    monkeypatch.setenv("NO_PROXY", "kubernetes")
    with pytest.raises(ApiUnreachable):  # connected to directly, where this name cannot be resolved
        with_ours(path)
    assert len(world["tunnel"].seen) == before + 1


# ---- plugins


def plugin(world, text):
    path = world["folder"] / "login"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "./login", "interactiveMode": "Never"}
    }


def credential(status):
    answer = {"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": status}
    return f"cat <<'E'\n{json.dumps(answer)}\nE\n"


@pytest.mark.parametrize("reader", READERS)
def test_a_plugins_token(world, reader):
    path = kubeconfig(world, user=plugin(world, credential({"token": "of-the-plugin"})))
    assert with_ours(path)["authorization"] == ["Bearer of-the-plugin"]
    if reader == "kubectl":  # the library searches for it in the working directory
        assert READERS[reader](path)["authorization"] == ["Bearer of-the-plugin"]
    assert Cluster.connect(str(path)).secrets.mask("of-the-plugin") == "********"


def test_a_plugins_client_certificate(world):
    certificate, key = world["client"]
    status = {"clientCertificateData": certificate.read_text(), "clientKeyData": key.read_text()}
    assert with_ours(kubeconfig(world, user=plugin(world, credential(status))))["certificate"] == "operator"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo 'session expired: log in again' >&2; exit 3\n", "session expired"),
        ("echo no JSON\n", "failed to decode"),
        (None, "login"),
    ],
)
def test_a_plugin_that_fails_is_quoted(world, text, words):
    user = plugin(world, text or "")
    if text is None:
        (world["folder"] / "login").unlink()
    with pytest.raises(ApiUnreachable) as caught:
        with_ours(kubeconfig(world, user=user))
    assert (
        "plugin returned no credentials" in caught.value.what
        and words in (caught.value.seen + caught.value.obj).lower()
    ), str(caught.value)


# ---- secrets


@pytest.mark.parametrize("token", ["two words-0a1b2c", "кириллица-0a1b2c", "a\x00b-0a1b2c"])
def test_a_token_that_no_header_can_hold_is_not_shown(world, token):
    """http.client's own error would show all of it."""
    path = kubeconfig(world, user={"token": token})
    with pytest.raises(MonqError) as caught:
        with_ours(path)
    assert "0a1b2c" not in str(caught.value) and "cannot be used" in str(caught.value)


def test_a_client_key_is_written_to_no_file(world, tmp_path, monkeypatch):
    """trap 7"""
    certificate, key = world["client"]
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    path = kubeconfig(world, user={"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)})
    assert with_ours(path)["certificate"] == "operator" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("broken", ["client-key-data", "client-certificate-data", "certificate-authority-data"])
def test_broken_pem_is_said(world, broken):
    certificate, key = world["client"]
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    cluster = {"certificate-authority": None, "certificate-authority-data": encoded(world["ca"])}
    (cluster if broken.startswith("certificate-a") else user)[broken] = base64.b64encode(
        b"-----BEGIN NOTHING-----"
    ).decode()
    with pytest.raises(ApiUnreachable) as caught:
        with_ours(kubeconfig(world, cluster, user))
    assert "PEM that OpenSSL can read" in caught.value.expected
