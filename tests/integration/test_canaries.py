"""Trap 7. Secrets are only where they must be: known canaries are searched for in everything that runs leave behind."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest
from support.canaries import STRACE, found, in_files, started

CHOSEN = {
    "Release Hub token": 'hub+canary/"a%é-7f',
    "registry token": 'registry+canary/"b%2f-8e',
    "database password": """p@ss/"w+rd%é&b;c'd e""",
    "password in the template": 'smtp+canary/"c%é-9d',
    "variable of monqctl": 'proxy+canary/"d%é-6c',
}
ADMIN = "sandbox-admin"

# ---- the search itself

NET = {ord(one): f"\\u{ord(one):04X}" for one in "+&'"}


def quoted(secret):
    return secret.replace("'", "''")


PLANTED = {
    "plain": lambda s: s.encode(),
    "base64": lambda s: base64.b64encode(s.encode()),
    "base64 of user:secret": lambda s: base64.b64encode(b"monq:" + s.encode() + b"\n"),
    "base64 of a longer text": lambda s: base64.b64encode(b"secret: " + s.encode() + b" and more"),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(b"a" + s.encode()),
    "URL": lambda s: b"http://monq:" + quote(s, safe="").encode() + b"@host/",
    "JSON": lambda s: json.dumps({"password": s}).encode(),
    "JSON, not ASCII alone": lambda s: json.dumps({"password": s}, ensure_ascii=False).encode(),
    "JSON with escaped slashes": lambda s: json.dumps({"password": s}).replace("/", "\\/").encode(),
    "JSON in JSON": lambda s: json.dumps({"stdout": json.dumps({"password": s})}).encode(),
    "JSON in JSON, not ASCII alone": lambda s: json.dumps(
        {"stdout": json.dumps({"password": s}, ensure_ascii=False)}, ensure_ascii=False
    ).encode(),
    "JSON of .NET": lambda s: (
        json.dumps({"password": s}).translate(NET).replace('\\"', "\\u0022").replace("\\u00e9", "\\u00E9").encode()
    ),
    "JSON of .NET in JSON": lambda s: json.dumps(
        {"stdout": s.translate(NET).replace('"', "\\u0022").replace("é", "\\u00E9")}
    ).encode(),
    "JSON of Go": lambda s: json.dumps({"password": s}, ensure_ascii=False).replace("&", "\\u0026").encode(),
    "SQL": lambda s: f"ALTER ROLE monq PASSWORD '{quoted(s)}'".encode(),
    "URL, small letters": lambda s: re.sub("%..", lambda hit: hit.group().lower(), quote(s, safe="")).encode(),
    "repr": lambda s: repr([s]).encode(),
    "repr of bytes": lambda s: repr([s.encode()]).encode(),
}


@pytest.mark.parametrize("form", PLANTED)
def test_the_search_finds_what_is_planted(tmp_path, form):
    """A search that finds nothing proves nothing."""
    for name, secret in CHOSEN.items():
        (tmp_path / "folder").mkdir(exist_ok=True)
        (tmp_path / "folder" / "file").write_bytes(b"before " + PLANTED[form](secret) + b" after")
        hits = in_files(tmp_path, CHOSEN)
        assert {seen for seen, _form in hits["folder/file"]} == {name}
    assert in_files(tmp_path, CHOSEN, without=("folder",)) == {}


def test_the_search_looks_into_an_archive(tmp_path):
    """The support bundle is compressed."""
    inner = tmp_path / "ledger.json"
    inner.write_text(CHOSEN["Release Hub token"])
    with tarfile.open(tmp_path / "support.tar.gz", "w:gz") as archive:
        archive.add(inner, "ledger.json")
    inner.unlink()
    assert set(in_files(tmp_path, CHOSEN)) == {"support.tar.gz"}


def test_the_search_finds_a_files_name_and_an_argv(tmp_path):
    secret = CHOSEN["Release Hub token"]
    (tmp_path / secret.replace("/", "")).touch()
    assert in_files(tmp_path, {"x": secret.replace("/", "")})
    trace = tmp_path / "trace"
    subprocess.run([*STRACE, str(trace), "sh", "-c", 'true; env true --token="$1"', "sh", secret], check=True)
    seen = list(started(trace))
    assert ["env", "true", f"--token={secret}"] in seen and ["true", f"--token={secret}"] in seen


# ---- the runs


class Evidence:
    """What runs have left behind: outputs, the cluster, files, argv; and the canaries to search for in it."""

    def __init__(self, installation):
        self.installation, self.results, self.traces = installation, {}, []
        self.left = installation.work / "left"
        self.canaries = dict(CHOSEN)
        folders = {"HOME": "home", "TMPDIR": "tmp", "ANSIBLE_LOCAL_TEMP": "local", "ANSIBLE_REMOTE_TMP": "remote"}
        self.env = {name: str(self.left / folder) for name, folder in folders.items()}
        for path in self.env.values():
            Path(path).mkdir(parents=True)
        users = json.loads(Path(installation.sandbox.facts["kubeconfig"]).read_text())["users"]
        self.canaries["kubeconfig token"] = next(row["user"]["token"] for row in users if row["name"] == "operator")
        for index, secret in enumerate(installation.facts["ingress_secrets"]):
            stored = json.loads(installation.kubectl("get", "secret", secret["secretName"], "-o", "json", user=ADMIN))
            lines = base64.b64decode(stored["data"]["tls.key"]).decode().splitlines()
            self.canaries[f"private key {index}"] = max(lines[1:-1], key=len)

    def variables(self, **values):
        path = self.installation.inventory / "hosts.json"
        hosts = json.loads(path.read_text())
        known = hosts["monq"]["hosts"][self.installation.name]
        known.update(values)
        path.write_text(
            json.dumps({"monq": {"hosts": {self.installation.name: {k: v for k, v in known.items() if v is not None}}}})
        )

    def play(self, label, playbook, *words, **options):
        trace = self.installation.work / f"trace-{len(self.traces)}"
        self.traces.append(trace)
        result = self.installation.play(
            playbook, "-vvvv", *words, env=self.env, wrapper=(*STRACE, str(trace)), **options
        )
        self.results[label] = result
        return result

    def argv(self):
        for trace in self.traces:
            yield from started(trace)

    def objects(self, kind):
        return json.loads(self.installation.kubectl("get", kind, "-o", "json", user=ADMIN))["items"]


def plant_in_template(installation):
    path = Path(installation.facts["registry_dir"]) / "template.json"
    template = json.loads(path.read_text())
    template["JsonConfig"]["Parameters"].append({"Name": "%SmtpPassword%", "Value": CHOSEN["password in the template"]})
    path.write_text(json.dumps(template))
    return json.dumps(template["JsonConfig"])


def echo(secret):
    return (
        f"{secret} {json.dumps(secret)} {quote(secret, safe='')} {base64.b64encode(b'x:' + secret.encode()).decode()}"
    )


@pytest.fixture(scope="module")
def evidence(install):
    """Runs check mode, a monqctl that repeats the token that it rejects, one that prints the template that it rejects,
    SQL that fails and quotes the password, and the rest of the upgrade."""
    secrets = {"postgresql": CHOSEN["database password"], "releasehub": CHOSEN["Release Hub token"]}
    installation = install("canary", modules="pl", alias=True, secrets=secrets)
    template = plant_in_template(installation)
    kept = Evidence(installation)
    kept.variables(
        monq_registry_token=CHOSEN["registry token"],
        monq_monqctl_environment={"MONQ_PROXY_PASSWORD": CHOSEN["variable of monqctl"]},
    )
    kept.play("check", "site", "--check", "--diff", confirm=False)
    hub, db, proxy = CHOSEN["Release Hub token"], CHOSEN["database password"], CHOSEN["variable of monqctl"]
    installation.faults(
        {
            "match": ["config", "set", "releasehub"],
            "kind": "fail",
            "text": f"Error: {echo(hub)} was refused by way of {proxy}",
        }
    )
    kept.play("refused", "prepare")
    installation.faults(
        {"match": ["registry", "apply", "service", "K8s"], "kind": "fail", "text": f"400 Bad Request: {template}"}
    )
    kept.play("echoed", "prepare")
    said = (
        f"could not connect: Host=127.0.0.1;Password={db};Port=5432\nas {db}, with password='{quoted(db)}' and "
        f"password='{db}'; {echo(db)}"
    )
    installation.faults({"match": ["release", "update", "db", "pgsql"], "kind": "fail", "text": said})
    kept.play("failed", "site")
    installation.faults()
    kept.play("succeeded", "site")
    kept.cluster = {
        kind: kept.objects(kind)
        for kind in ("configmaps", "leases", "events", "secrets", "deployments", "replicasets", "pods", "ingresses")
    }
    return kept


def test_the_runs_did_what_they_were_for(evidence):
    results = evidence.results
    assert [results[name].rc for name in ("check", "refused", "echoed", "failed", "succeeded")] == [0, 2, 2, 2, 0], (
        results["succeeded"].text[-3000:]
    )
    assert "was refused by way of ********" in results["refused"].text and "Port=5432" in results["failed"].text, (
        "what monqctl said is shown"
    )
    assert (
        "400 Bad Request" in results["echoed"].text
        and "%SmtpPassword%" in results["echoed"].text.partition("400 Bad Request")[2]
    ), "likewise"
    assert '"Name": "%SmtpPassword%"' in results["check"].text and "********" in results["check"].text, (
        "the diff is shown"
    )
    assert (
        evidence.installation.registry("template")["JsonConfig"]["Parameters"][3]["Value"]
        == CHOSEN["password in the template"]
    ), "applied as it was"
    stored = json.loads(evidence.installation.kubectl("get", "secret", "registry-token", "-o", "json", user=ADMIN))[
        "data"
    ]["secure_token"]
    assert base64.b64decode(stored).decode() == CHOSEN["registry token"]
    assert len(evidence.canaries) == 8


@pytest.mark.parametrize("label", ["check", "refused", "echoed", "failed", "succeeded"])
def test_no_canary_in_the_output(evidence, label):
    """Covers -vvvv, --diff, monqctl's output and every error."""
    text = evidence.results[label].text
    hits = found(text, evidence.canaries)
    assert hits == [], [line[:400] for line in text.splitlines() if found(line, evidence.canaries)][:3]


@pytest.mark.parametrize("kind", ["configmaps", "leases", "events", "ingresses"])
def test_no_canary_in_an_object_that_many_may_read(evidence, kind):
    """Covers the ledger, the lock, and what controllers write about pods."""
    for one in evidence.cluster[kind]:
        assert found(json.dumps(one), evidence.canaries) == [], one["metadata"]["name"]


@pytest.mark.parametrize("kind", ["deployments", "replicasets", "pods"])
def test_no_canary_in_a_pod_but_where_the_release_itself_put_the_password(evidence, kind):
    """The registry's token is a reference to its Secret."""
    for one in evidence.cluster[kind]:
        spec = one["spec"] if kind == "pods" else one["spec"]["template"]["spec"]
        for container in spec["containers"]:
            container["env"] = [row for row in container.get("env") or [] if row["name"] != "Postgres__Password"]
        assert found(json.dumps(one), evidence.canaries) == [], one["metadata"]["name"]


def test_a_secret_holds_its_own_canary_and_no_other(evidence):
    own = {"registry-token": {"registry token"}}
    own.update(
        {
            row["secretName"]: {f"private key {index}"}
            for index, row in enumerate(evidence.installation.facts["ingress_secrets"])
        }
    )
    for one in evidence.cluster["secrets"]:
        name = one["metadata"]["name"]
        if not name.startswith("monq-upgrade-6.0.0-"):  # the snapshots
            assert {seen for seen, _form in found(json.dumps(one), evidence.canaries)} == own.get(name, set()), name
        else:
            assert one["immutable"] is True, name


def test_no_canary_in_the_backups_folder(evidence):
    """Covers summary, manifest and all other files except the dumps, which contain what the databases contain."""
    assert (evidence.installation.backup / "canary" / "6.0.0" / "1" / "summary.txt").exists()
    assert list(evidence.installation.backup.rglob("support-*.tar.gz")), "the failed runs left their bundles"
    assert in_files(evidence.installation.backup, evidence.canaries, without=(".dump",)) == {}


def test_no_canary_in_what_is_left_on_disk(evidence):
    """Covers temporary files of Ansible and of the collection, the home, and monqctl's home except its own
    configuration."""
    assert in_files(evidence.left, evidence.canaries) == {}
    home = Path(evidence.installation.facts["monqctl_home"])
    assert (home / ".monq-platform-home").exists()
    assert in_files(home, evidence.canaries, without=(".monqctl",)) == {}


def told_to_monqctl(argv):
    """Returns whether it is one of the two calls of the vendor's client that take a token."""
    return argv[1:4] in (["config", "set", "credential"], ["config", "set", "releasehub"])


def test_no_canary_on_a_command_line_but_monqctls_two(evidence):
    every = list(evidence.argv())
    assert any(argv[0].endswith("pg_dump") for argv in every) and any(
        "ansible-playbook" in argv[0] or "python" in argv[0] for argv in every
    )
    assert {
        seen for argv in every if told_to_monqctl(argv) for seen, _form in found("\0".join(argv), evidence.canaries)
    } == {
        "Release Hub token",
        "registry token",
    }
    assert [argv[:4] for argv in every if not told_to_monqctl(argv) and found("\0".join(argv), evidence.canaries)] == []


# ---- a generated token


@pytest.fixture(scope="module")
def generated(evidence):
    """Runs prepare without an operator's token, on the same installation after a reset. The earlier evidence is in
    memory."""
    installation = evidence.installation
    installation.reset()
    kept = Evidence.__new__(Evidence)
    kept.__dict__.update(evidence.__dict__, results={}, traces=[])
    kept.variables(monq_registry_token=None)
    kept.play("prepare", "prepare")
    stored = json.loads(installation.kubectl("get", "secret", "registry-token", "-o", "json", user=ADMIN))["data"][
        "secure_token"
    ]
    kept.canaries = {"registry token": base64.b64decode(stored).decode()}
    return kept


def test_a_token_that_is_made_is_shown_nowhere(generated):
    assert generated.results["prepare"].rc == 0 and len(generated.canaries["registry token"]) >= 40
    assert found(generated.results["prepare"].text, generated.canaries) == []
    for kind in ("configmaps", "leases", "deployments", "pods"):
        assert found(json.dumps(generated.objects(kind)), generated.canaries) == [], kind
    assert in_files(generated.left, generated.canaries) == {}
    holders = [argv[1:4] for argv in generated.argv() if found("\0".join(argv), generated.canaries)]
    assert holders == [["config", "set", "credential"]]
