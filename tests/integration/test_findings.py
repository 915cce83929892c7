"""One installation on which everything is wrong that can be wrong at once: preflight reports all of it, changes
nothing, and leaves the findings as JSON."""

from __future__ import annotations

import base64
import datetime
import http.server
import json
import shutil
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.account import ADMIN

# Not here: what makes others impossible (no cluster, no namespace, no monqctl, another context), what needs another
# clock or a full disk, and what only a later stage finds. Each has its unit test.
EXPECTED = {
    "MONQ-003": "a variable that is no longer read",
    "MONQ-005": "a domain twice",
    "MONQ-006": "an item of monq_ingress_secrets without hosts",
    "MONQ-007": "a domain without a Secret",
    "MONQ-024": "cl is installed, but not declared",
    "MONQ-025": "fm is declared, but not installed",
    "MONQ-027": "a survivor on Monq's host and path",
    "MONQ-028": "frontend-grafana",
    "MONQ-029": "an alias route that is not there",
    "MONQ-030": "an Ingress with a finalizer",
    "MONQ-031": "two Ingresses of one host",
    "MONQ-032": "a Deployment whose image is missing",
    "MONQ-033": "a paused Deployment",
    "MONQ-034": "a Deployment that is being deleted",
    "MONQ-035": "a quota of no pods",
    "MONQ-036": "a controller that forbids snippets",
    "MONQ-040": "a Secret of another type",
    "MONQ-041": "no certificate",
    "MONQ-042": "an empty key",
    "MONQ-043": "the chain upside down",
    "MONQ-044": "a chain with a missing link",
    "MONQ-045": "a wildcard that is not deep enough",
    "MONQ-046": "not valid yet",
    "MONQ-047": "an expired intermediate",
    "MONQ-048": "expires soon",
    "MONQ-055": "PostgreSQL has failed, says the registry",
    "MONQ-058": "a template that was changed by hand",
    "MONQ-061": "a folder with an empty file",
    "MONQ-062": "a Release Hub that does not respond",
    "MONQ-067": "a database that does not exist",
    "MONQ-068": "a database without tables",
    "MONQ-073": "space",
    "MONQ-076": "a microservice that uses another database",
    "MONQ-077": "a microservice that uses another server",
    "MONQ-078": "a microservice without settings",
}
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc)
KEYS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("server", "intermediate", "root")}
NAME = "monq.everything.test"


def certificate(key, issuer, *names, begins=-10, ends=300):
    subject, issued = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (key, issuer))
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issued).public_key(KEYS[key].public_key())
    made = made.serial_number(7).not_valid_before(NOW + begins * DAY).not_valid_after(NOW + ends * DAY)
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names or ["ca.test"]])
    made = made.add_extension(alternatives, critical=False).sign(KEYS[issuer], hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def private():
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return KEYS["server"].private_bytes(*form)


def secret(name, chain, key=None, kind="kubernetes.io/tls"):
    data = {"tls.crt": chain, "tls.key": private() if key is None else key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"broken-{name}"},
        "type": kind,
        "data": {part: base64.b64encode(content).decode() for part, content in data.items()},
    }


def secrets():
    good = certificate("server", "intermediate", NAME)
    between, root = certificate("intermediate", "root"), certificate("root", "root")
    return [
        secret("type", good, kind="Opaque"),
        secret("none", b"no certificate"),
        secret("key", good, b""),
        secret("order", between + good),
        secret("chain", good + root),
        secret("depth", certificate("server", "intermediate", f"*.{NAME}")),
        secret("later", certificate("server", "intermediate", NAME, begins=2)),
        secret("expired", good + certificate("intermediate", "root", ends=-1)),
        secret("soon", certificate("server", "intermediate", NAME, ends=9)),
    ]


def ingress(name, *hosts, **meta):
    backend = {"serviceName": "x", "servicePort": 80}
    rules = [{"host": host, "http": {"paths": [{"path": "/", "backend": backend}]}} for host in hosts]
    return {
        "apiVersion": "extensions/v1beta1",
        "kind": "Ingress",
        "metadata": {"name": name, **meta},
        "spec": {"rules": rules},
    }


def deployment(name, image, *args, spec=None, **meta):
    labels = {"app": name}
    pod = {"containers": [{"name": name, "image": image, "args": list(args)}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, **meta},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **(spec or {}),
        },
    }


FINALIZERS = ["sandbox.monq/held"]
NGINX = "ingress-nginx/controller:v1.9.0"
SNIPPET = "nginx.ingress.kubernetes.io/configuration-snippet=more_set_headers"
QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}


class Consul(http.server.BaseHTTPRequestHandler):
    """Settings of two microservices; the others have none."""

    def do_GET(self):  # pylint: disable=invalid-name
        found = {
            "pl-identity-service": "Host=elsewhere;Database=identity;Password=consul-canary",
            "pl-i18n-service": "Host=elsewhere;Database=pl_i18n_service;Password=consul-canary",
        }
        string = next((text for name, text in found.items() if f"/{name}/" in self.path), None)
        body = json.dumps({"PostgreSQL": {"DefaultConnection": {"ConnectionString": string}}}).encode()
        self.send_response(200 if string else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_given):
        pass


@pytest.fixture
def consul():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Consul)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def ruined(install):
    """A fresh installation, then everything that is wrong with it."""
    made = install("site-run", modules="pl,cl", alias=False)
    path = made.work / "wrong.json"
    stuck = deployment("pl-held", "absent:1", finalizers=FINALIZERS)
    items = [
        *secrets(),
        ingress("status-page", made.facts["domain"]),
        ingress("twin", "twin.example.org"),
        ingress("other-twin", "twin.example.org", finalizers=FINALIZERS),
        deployment("pl-absent", "absent:1"),
        deployment("pl-paused", "absent:1", spec={"paused": True}),
        deployment("nginx", NGINX),
        stuck,
    ]
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    made.kubectl("apply", "-f", str(path), user=ADMIN)
    made.kubectl("annotate", "ingress", "frontend-box", SNIPPET, user=ADMIN)
    made.kubectl("delete", "deployment", "pl-held", "--wait=false", user=ADMIN)
    path.write_text(json.dumps(QUOTA))
    made.kubectl("apply", "-f", str(path), user=ADMIN)
    registry = Path(made.facts["registry_dir"])
    for name, change in (("status", failed), ("template", touched)):
        file = registry / f"{name}.json"
        file.write_text(json.dumps(change(json.loads(file.read_text()))))
    made.psql("pl-user-grants-api-service", "drop schema public cascade; create schema public")
    yield made
    for kind, name in (("deployment", "pl-held"), ("ingress", "other-twin")):
        nothing = json.dumps({"metadata": {"finalizers": None}})
        made.kubectl("patch", kind, name, "--type=merge", "-p", nothing, user=ADMIN)
    made.kubectl("delete", "resourcequota", "none", user=ADMIN)
    made.reset()


def failed(status):
    return [{**row, "State": "Failed"} if row["Name"] == "PostgreSQL" else row for row in status]


def touched(template):
    rows = template["JsonConfig"].setdefault("Parameters", [])
    rows.append({"Name": "%AliasDomains%", "Value": "x"})
    return template


def test_everything_that_is_wrong_is_reported_at_once(ruined, consul):
    bundle = ruined.work / "release"
    shutil.copytree(ruined.facts["release_source_dir"], bundle)
    (next(bundle.rglob("userspace-configuration.sql"))).write_text("")
    main = ruined.facts["domain"]
    wrong = {
        "monq_modules": ["pl", "fm"],
        "monq_monqctl_failure_patterns": ["x"],
        "monq_alias_domains": [main, "alias.example.org"],
        "monq_alias_ingresses": ["absent"],
        "monq_ingress_secrets": [
            {"hosts": [main], "secretName": ruined.facts["ingress_secrets"][0]["secretName"]},
            *[{"hosts": [NAME], "secretName": row["metadata"]["name"]} for row in secrets()],
            {"hosts": [], "secretName": ""},
        ],
        "monq_database_names": {**ruined.facts["databases"], "pl-i18n-service": "absent"},
        "monq_release_source_dir": str(bundle),
        "monq_releasehub_server": "http://127.0.0.1:9",
        "monq_consul_url": consul,
        "monq_consul_token": "token-canary-of-consul",
    }
    mark, calls = ruined.audit_mark(), len(ruined.journal())
    result = ruined.play("preflight", extra=wrong)
    assert result.rc == 2 and "Traceback" not in result.text, result.text[-3000:]
    assert ruined.mutations(mark) == [] and len(ruined.journal()) == calls and ruined.ledger() == {}

    path = ruined.backup / ruined.name / "6.0.0" / "1" / "findings.json"
    told = json.loads(path.read_text())
    assert [file for file in ruined.backup.rglob("*") if file.is_file()] == [path]
    found = {one["id"] for one in told["findings"]}
    assert {number: what for number, what in EXPECTED.items() if number not in found} == {}
    assert "MONQ-001" not in found and "" not in found, "nothing is unexpected, everything has an id"
    assert told["format_version"] == "1.0" and told["passed"] is False
    for number in found:
        assert f"] {number} " in result.text, "what machines read is what the operator reads"
    assert "docs/docsite/rst/findings.rst#monq-" in result.text
    for secret in ("consul-canary", "token-canary-of-consul", "PRIVATE KEY"):
        assert secret not in result.text + path.read_text()
