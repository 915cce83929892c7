"""Every form of kubeconfig, read by us, by the library kubernetes and by kubectl."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiUnreachable
from ansible_collections.monq.platform.plugins.module_utils.k8s.connection import bypassed, proxy_of
from ansible_collections.monq.platform.plugins.module_utils.k8s.kubeconfig import access

PEM = {
    name: f"-----BEGIN {name.upper()}-----\n{name * 8}\n-----END {name.upper()}-----\n"
    for name in ("ca", "cert", "key")
}
SERVER = "https://api.test:6443"


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def config(cluster=None, user=None, context="c", current="c"):
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "clusters": [{"name": f"{context}-cluster", "cluster": {"server": SERVER, **(cluster or {})}}],
        "users": [{"name": f"{context}-user", "user": user or {}}],
        "contexts": [{"name": context, "context": {"cluster": f"{context}-cluster", "user": f"{context}-user"}}],
    }


@pytest.fixture
def folder(tmp_path):
    for name, text in PEM.items():
        (tmp_path / f"{name}.pem").write_text(text)
    (tmp_path / "token").write_text("from-a-file\n")
    return tmp_path


def written(folder, content, name="config"):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# ---- the same as the library, and as kubectl

FORMS = {
    "token": config(user={"token": "fixed"}),
    "token file": config(user={"tokenFile": "token"}),
    "basic": config(user={"username": "u", "password": "p:w"}),
    "data": config(
        {"certificate-authority-data": encoded(PEM["ca"])},
        {"client-certificate-data": encoded(PEM["cert"]), "client-key-data": encoded(PEM["key"])},
    ),
    "relative paths": config(
        {"certificate-authority": "ca.pem"}, {"client-certificate": "./cert.pem", "client-key": "key.pem"}
    ),
    "data before paths": config(
        {"certificate-authority": "cert.pem", "certificate-authority-data": encoded(PEM["ca"])}, {"token": "t"}
    ),
    "insecure": config({"insecure-skip-tls-verify": True}, {"token": "t"}),
    "server name": config({"tls-server-name": "kubernetes"}, {"token": "t"}),
    "proxy": config({"proxy-url": "http://proxy.test:3128"}, {"token": "t"}),
    "no user": {**config(), "contexts": [{"name": "c", "context": {"cluster": "c-cluster"}}]},
    "a slash behind the server": config({"server": SERVER + "/"}, {"token": "t"}),
}


def shown(found):
    """What both readers can be asked for."""
    token = found.token() if found.token else None
    return {
        "server": found.server,
        "ca": found.ca,
        "pair": (found.certificate, found.key),
        "verify": found.verify,
        "server_name": found.server_name,
        "proxy": found.proxy,
        "authorization": f"Bearer {token}"
        if token
        else "Basic " + encoded(":".join(found.login))
        if found.login
        else None,
    }


def of_library(path, context=None):
    kubernetes = pytest.importorskip("kubernetes")
    seen = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(path), context, seen, persist_config=False)

    def content(name):
        return open(name, "rb").read() if name else None  # noqa: SIM115  pylint: disable=consider-using-with

    value = (seen.auth_settings().get("BearerToken") or {}).get("value")
    return {
        "server": seen.host,
        "ca": content(seen.ssl_ca_cert),
        "pair": (content(seen.cert_file), content(seen.key_file)),
        "verify": seen.verify_ssl,
        "server_name": seen.tls_server_name,
        "proxy": seen.proxy,
        "authorization": value.strip() if value else None,
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_read_as_the_library_reads_it(folder, form, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    path = written(folder, FORMS[form])
    monkeypatch.chdir("/")
    assert shown(access(str(path))) == of_library(path)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl")
# --flatten leaves token files, refuses data beside a path, and in 1.20 drops a proxy.
@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("token file", "data before paths", "proxy")])
def test_a_form_is_read_as_kubectl_reads_it(folder, form):
    path = written(folder, FORMS[form])
    argv = ["kubectl", "config", "view", "--minify", "--flatten", "--raw", "-o", "json", "--kubeconfig", str(path)]
    flat = written(folder, subprocess.run(argv, check=True, capture_output=True, text=True).stdout, "elsewhere/flat")
    assert shown(access(str(flat))) == shown(access(str(path)))


def test_several_files_are_merged_as_kubectl_does(folder, monkeypatch):
    """The first file that has a name, or a current context, wins; a missing file is skipped. Paths belong to the
    file that names them."""
    (folder / "b" / "token").parent.mkdir()
    (folder / "b" / "token").write_text("of-b")
    first = written(folder, {**config(user={"token": "of-a"}), "current-context": ""}, "a")
    second = written(folder / "b", config(user={"tokenFile": "token"}, context="d", current="d"))
    third = written(folder, config({"server": "https://other.test"}, {"token": "of-c"}, current="c"), "c")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{folder / 'nowhere'}:{second}:{third}")
    assert (access().server, access().token()) == (SERVER, "of-b")
    assert (access(context="c").server, access(context="c").token()) == (SERVER, "of-a")
    if shutil.which("kubectl"):
        argv = ["kubectl", "config", "view", "--raw", "-o", "json"]
        merged = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
        assert merged["current-context"] == "d" and {row["name"] for row in merged["contexts"]} == {"c", "d"}
        assert next(row for row in merged["clusters"] if row["name"] == "c-cluster")["cluster"]["server"] == SERVER


# ---- a pod

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def account(tmp_path):
    (tmp_path / "account").mkdir()
    (tmp_path / "account" / "token").write_text("of-the-pod\n")
    (tmp_path / "account" / "ca.crt").write_text(PEM["ca"])
    return str(tmp_path / "account")


def test_in_a_pod_the_service_account_serves(account, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = access(environment=POD, account=account)
    assert (found.server, found.token(), found.ca) == ("https://10.0.0.1:443", "of-the-pod", PEM["ca"].encode())
    assert (
        access(environment={**POD, "KUBERNETES_SERVICE_HOST": "fd00::1"}, account=account).server
        == "https://[fd00::1]:443"
    )
    (tmp_path / "account" / "token").write_text("rotated")
    assert found.token() == "rotated"


@pytest.mark.parametrize("broken", ["no context", "no file", "another context", "not YAML"])
def test_in_a_pod_a_kubeconfig_that_cannot_be_used_is_no_reason_to_take_the_pods_own_cluster(account, tmp_path, broken):
    """Wrong cluster without a word."""
    path = written(tmp_path, "{" if broken == "not YAML" else {**config(user={"token": "t"}), "current-context": ""})
    given = {**POD, "KUBECONFIG": str(tmp_path / "nowhere") if broken == "no file" else str(path)}
    with pytest.raises(ApiUnreachable) as caught:
        access(context="other" if broken == "another context" else None, environment=given, account=account)
    assert str(tmp_path) in caught.value.obj


def test_a_named_context_wants_a_kubeconfig(account, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ApiUnreachable, match="cannot be used"):
        access(context="production", environment=POD, account=account)


def test_outside_a_pod_and_without_a_kubeconfig_both_ways_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ApiUnreachable) as caught:
        access(environment={})
    assert "service account" in caught.value.expected and caught.value.seen == "neither"


# ---- what is wrong is said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [", ["line 2 is not YAML"]),
        ("just a text", ["a kubeconfig", "a str"]),
        ("clusters: {}\nusers: 1", ["users"]),
        ({"clusters": [1]}, ["clusters"]),
        ({}, ["a current context, or monq_kube_context"]),
        ({**config(), "current-context": "x"}, ["context x", "one of: c"]),
        ({**config(), "clusters": []}, ["cluster c-cluster with a server"]),
        ({**config(), "users": []}, ["user c-user"]),
        (config(user={"tokenFile": "nowhere"}), ["nowhere", "No such file"]),
        (config({"certificate-authority": "nowhere"}), ["nowhere", "certificate-authority"]),
        (config({"certificate-authority-data": "a"}), ["certificate-authority-data in base64"]),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why(tmp_path, content, words):
    path = written(tmp_path, content)
    with pytest.raises(ApiUnreachable) as caught:
        access(str(path))
    for word in [str(path), *words]:
        assert word in str(caught.value)


def test_where_it_was_looked_for_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ApiUnreachable) as caught:
        access("conf/config")
    assert str(tmp_path / "conf" / "config") in caught.value.obj


# ---- tokens, plugins, other identities


def test_blanks_around_a_token_are_no_part_of_it(folder):
    """kubectl takes a file that ends with a newline."""
    found = access(str(written(folder, config(user={"tokenFile": "token"}))))
    assert found.token() == "from-a-file" and found.secrets == ["from-a-file"]


def test_a_credential_is_a_secret_that_every_text_masks(folder):
    found = access(
        str(
            written(
                folder, config(user={"username": "u", "password": "p@ssw0rd", "client-key-data": encoded("A" * 40)})
            )
        )
    )
    assert set(found.secrets) == {"p@ssw0rd", "A" * 40}


@pytest.mark.parametrize(
    ("user", "plugin"),
    [
        ({"exec": {}}, True),
        ({"exec": {}, "token": "t"}, False),
        ({"auth-provider": {}, "token": "t"}, True),
        ({}, False),
    ],
)
def test_the_library_reads_what_is_not_static(folder, user, plugin):
    assert bool(access(str(written(folder, config(user=user)))).plugin) is plugin


def test_a_plugin_is_looked_for_beside_the_kubeconfig(folder):
    found = access(str(written(folder, config(user={"exec": {"command": "./bin/login"}}))))
    assert found.plugin["users"][0]["user"]["exec"]["command"] == str(folder / "bin" / "login")
    assert (
        access(str(written(folder, config(user={"exec": {"command": "login"}})))).plugin["users"][0]["user"]["exec"][
            "command"
        ]
        == "login"
    )


def test_impersonation_is_not_dropped(folder):
    """Without it the calls would be somebody else's."""
    found = access(str(written(folder, config(user={"token": "t", "as": "monq", "as-groups": ["a", "b"]}))))
    assert found.headers == [("Impersonate-User", "monq"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b")]


# ---- proxies


@pytest.mark.parametrize(
    ("server", "environment", "proxy"),
    [
        (SERVER, {"https": "http://p:1"}, "http://p:1"),
        (SERVER, {"all": "http://p:1"}, "http://p:1"),
        (SERVER, {"http": "http://p:1"}, None),
        (SERVER, {"https": "http://p:1", "no": "api.test"}, None),
        ("https://127.0.0.1:6443", {"https": "http://p:1"}, None),
    ],
)
def test_the_environments_proxy(folder, server, environment, proxy):
    found = access(str(written(folder, config({"server": server}, {"token": "t"}))))
    assert proxy_of(found, environment) == proxy
    assert proxy_of(found._replace(proxy="http://own:2"), environment) == "http://own:2"


@pytest.mark.parametrize(
    ("url", "rules", "expected"),
    [
        ("https://api.test", "*", True),
        ("https://api.test", "other, api.test", True),
        ("https://api.test", ".test", True),
        ("https://api.test", "test", True),
        ("https://api.test", "*.test", True),
        ("https://myapi.test", "api.test", False),
        ("https://api.test:6443", "api.test:6443", True),
        ("https://api.test:6443", "api.test:443", False),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://10.1.2.3", "11.0.0.0/8,bad/8", False),
        ("https://10.1.2.3", "1.2.3", False),
        ("https://[fd00::1]", "fd00::/8", True),
        ("https://[::1]", "", True),
        ("https://localhost", "", True),
        ("https://api.test", "", False),
    ],
)
def test_no_proxy(url, rules, expected):
    parts = urlsplit(url)
    assert bypassed(parts.hostname, parts.port, rules) is expected


def test_a_kubeconfig_that_is_not_there_comes_with_the_command_that_puts_it_there(tmp_path, monkeypatch):
    path = tmp_path / "config"
    with pytest.raises(ApiUnreachable) as caught:
        access(str(path), environment={})
    assert caught.value.next_step == f"install -D -m 0600 kubeconfig {path}; and check monq_kubeconfig"
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ApiUnreachable) as caught:
        access(environment={}, account=str(tmp_path))
    assert f"install -D -m 0600 kubeconfig {tmp_path}/.kube/config" in caught.value.next_step
