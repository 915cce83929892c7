"""Trap 7. Credentials of a kubeconfig in every form, and an API server that repeats what it was sent: no text of any
failure shows them, not even at -vvvv. Needs no sandbox."""

from __future__ import annotations

import base64
import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.canaries import found, in_files
from support.harness import ROOT, environment

CANARIES = {
    "token": "eyJh-token+canary/7f3a",
    "tokenFile": "eyJh-file+canary/8e2b",
    "tokenFile with a line in it": "eyJh-lines+canary/5d1c",
    "exec": "eyJh-plugin+canary/9c4d",
    "password": 'basic+canary/"1b%é-пароль',
    "client key": "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAKcanary6e5f",
    "proxy": "proxy-canary-2a7b",
}


class Echo(http.server.BaseHTTPRequestHandler):
    """Refuses everything, and repeats the credentials as they are and decoded."""

    def answer(self):
        sent = self.headers.get("Authorization") or "nothing"
        self.server.seen.append(sent)
        told = sent
        if sent.startswith("Basic "):
            told += " " + base64.b64decode(sent.removeprefix("Basic ")).decode("utf-8", "replace")
        body = json.dumps({"kind": "Status", "reason": "Forbidden", "message": f"{told} may not do this"}).encode()
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, *_args):
        pass


@pytest.fixture(scope="module")
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    made.seen = []
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def users(folder):
    """{host of the inventory: (user, more of the cluster)}"""
    (folder / "token").write_text(CANARIES["tokenFile"] + "\n")
    (folder / "lines").write_text(CANARIES["tokenFile with a line in it"] + "\nX-Other: header\n")
    plugin = folder / "plugin"
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "kind": "ExecCredential",
        "status": {"token": CANARIES["exec"]},
    }
    plugin.write_text(f"#!{sys.executable}\nprint({json.dumps(json.dumps(credential))})\n")
    plugin.chmod(0o700)
    key = f"-----BEGIN PRIVATE KEY-----\n{CANARIES['client key']}\n-----END PRIVATE KEY-----\n"
    encoded = base64.b64encode(key.encode()).decode()
    command = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": str(plugin)}
    return {
        "token": ({"token": CANARIES["token"]}, {}),
        "token-file": ({"tokenFile": str(folder / "token")}, {}),
        "token-lines": ({"tokenFile": str(folder / "lines")}, {}),
        "exec": ({"exec": command}, {}),
        "basic": ({"username": "operator", "password": CANARIES["password"]}, {}),
        "key": ({"client-certificate-data": encoded, "client-key-data": encoded}, {"server": "https://127.0.0.1:1"}),
        "proxy": (
            {"token": CANARIES["token"]},
            {"proxy-url": f"http://operator:{CANARIES['proxy']}@127.0.0.1:1"},
        ),
    }


def inventory(folder, address):
    hosts = {}
    for name, (user, more) in users(folder).items():
        path = folder / f"{name}.kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": address, **more}}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        }
        path.write_text(json.dumps(config))
        path.chmod(0o600)
        hosts[name] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "monq_environment": name,
            "monq_namespace": "production",
            "monq_kubeconfig": str(path),
            "monq_modules": ["pl"],
            "monq_domain": "monq.example.org",
            "monq_ingress_secrets": [{"hosts": ["monq.example.org"], "secretName": "tls"}],
            "monq_monqctl_path": "/nowhere/monqctl",
            "monq_monqctl_context": "production",
            "monq_credential_name": "c",
            "monq_releasehub_name": "hub",
            "monq_releasehub_token": "a-token-of-nobody",
            "monq_releasehub_server": "http://127.0.0.1:1",
            "monq_postgresql_host": "127.0.0.1",
            "monq_postgresql_port": 1,
            "monq_postgresql_user": "monq",
            "monq_postgresql_password": "a-password-of-nobody",
            "monq_backup_dir": str(folder / "backup"),
        }
    path = folder / "hosts.json"
    path.write_text(json.dumps({"monq": {"hosts": hosts}}))
    return path, list(hosts)


def preflight(inventory, folder, *, playbook="preflight", **more):
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-vvvv", "-i", str(inventory)]
    return subprocess.run(
        [*argv, str(ROOT / "playbooks" / f"{playbook}.yml")],
        env=environment(PYTHONPYCACHEPREFIX=str(folder / "pycache"), **more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


@pytest.mark.parametrize(
    ("playbook", "setting"),
    [
        ("site", "ANSIBLE_DISPLAY_ARGS_TO_STDOUT"),
        ("status", "ANSIBLE_KEEP_REMOTE_FILES"),
        ("awx", "ANSIBLE_KEEP_REMOTE_FILES"),
        ("bundle", "ANSIBLE_DISPLAY_ARGS_TO_STDOUT"),
    ],
)
def test_settings_that_print_or_keep_passwords_are_refused(tmp_path, playbook, setting):
    """Arguments of tasks contain every secret, so that modules can mask it."""
    path, _hosts = inventory(tmp_path, "http://127.0.0.1:1")
    done = preflight(path, tmp_path, playbook=playbook, **{setting: "True"})
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 2 and "both would contain passwords" in text and setting in text, text[-3000:]
    assert "a-password-of-nobody" not in text and found(text, CANARIES) == []


def test_no_credential_of_a_kubeconfig_is_shown_by_any_failure(server, tmp_path):
    path, hosts = inventory(tmp_path, f"http://127.0.0.1:{server.server_address[1]}")
    left = tmp_path / "left"
    folders = {"HOME": "home", "TMPDIR": "tmp", "ANSIBLE_LOCAL_TEMP": "local", "ANSIBLE_REMOTE_TMP": "remote"}
    for folder in folders.values():
        (left / folder).mkdir(parents=True)
    done = preflight(path, tmp_path, **{name: str(left / folder) for name, folder in folders.items()})
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 2, text[-3000:]
    for host in hosts:
        assert f"fatal: [{host}]: FAILED!" in text, host
    sent = " ".join(server.seen)
    login = base64.b64encode(f"operator:{CANARIES['password']}".encode()).decode()
    for credential in (CANARIES["token"], CANARIES["tokenFile"], CANARIES["exec"], login):
        assert credential in sent, "the server got it, and repeated it"
    assert "may not do this" in text and "********" in text, "what the server says is shown, masked"
    assert found(text, CANARIES) == []
    assert in_files(left, CANARIES) == {} and in_files(tmp_path / "backup", CANARIES) == {}
