# GNU General Public License v3.0+
"""etcd, kube-apiserver and kube-controller-manager 1.20, or the existing cluster that SANDBOX_KUBECONFIG names."""

import base64
import json
import os
import shutil
import subprocess

import web
from certificates import certificate, certificate_authority, openssl
from files import write_json
from kube import Kube, KubeError
from processes import wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
USERS = ("operator", "monqctl", "kubelet", "admin", "controller-manager")
MASTERS = ("admin", "controller-manager")
NEEDED = ("kube-apiserver", "kube-controller-manager")
# Records all calls of the collection, and the changing calls of all others: tests check who changed what.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "users": ["operator"]},
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {
            "level": "None",
            "resources": [{"group": "", "resources": ["events"]}, {"group": "events.k8s.io", "resources": ["events"]}],
        },
        {"level": "None", "users": ["system:apiserver", "controller-manager", "kubelet"]},
        {"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
        {"level": "None"},
    ],
}


def external():
    return os.environ.get("SANDBOX_KUBECONFIG") or None


def binaries():
    """Returns the binaries from PATH or KUBEBUILDER_ASSETS if both are there; otherwise they are built once from
    Debian's source package."""
    for folder in filter(None, [os.environ.get("KUBEBUILDER_ASSETS")]):
        if all(os.access(os.path.join(folder, name), os.X_OK) for name in NEEDED):
            return [os.path.join(folder, name) for name in NEEDED]
    found = [shutil.which(name) for name in NEEDED]
    if all(found):
        return found
    done = subprocess.run(
        [os.path.join(HERE, "bin", "build-control-plane")], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SystemExit("the control plane could not be built")
    folder = done.stdout.strip().splitlines()[-1]
    return [os.path.join(folder, name) for name in NEEDED]


class ControlPlane:
    def __init__(self, state, processes):
        self.state = state
        self.processes = processes
        self.dir = state.path("control-plane")

    def access(self, user):
        """Returns what Kube needs to access the API server as this user."""
        kept = self.state.data.get("external_access")
        if kept:
            return kept
        return {
            "server": self.state.data["api_server"],
            "token": self.state.token(user),
            "ca_file": os.path.join(self.dir, "ca.crt"),
            "agent": f"sandbox-{user}",
        }

    def kube(self, user="admin"):
        return Kube(self.access(user))

    def ready(self):
        try:
            return (
                web.Client(
                    self.state.data["api_server"],
                    {"Authorization": "Bearer " + self.state.token("admin")},
                    os.path.join(self.dir, "ca.crt"),
                    timeout=5,
                )
                .request("GET", "/readyz")
                .status
                == 200
            )
        except web.WebError:
            return False

    def running(self):
        return bool(external() or all(self.processes.pid(name) for name in ("etcd", *NEEDED)))

    def up(self, say):
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        if external():
            self._adopt()
            return
        if self.state.data.get("external_access"):
            raise SystemExit(
                f"{self.state.dir} was made on an existing cluster: set SANDBOX_KUBECONFIG again, or choose another "
                f"SANDBOX_DIR"
            )
        if self.running():
            return
        self._files()
        etcd_url = f"http://127.0.0.1:{self.state.port('etcd')}"
        self.state.data["etcd"] = etcd_url
        self.state.data["api_server"] = f"https://127.0.0.1:{self.state.port('api')}"
        self.state.save()
        apiserver, manager = binaries()
        if not self.processes.pid("etcd"):
            self._start_etcd(etcd_url)
            say("etcd")
        if not self.processes.pid("kube-apiserver"):
            self._start_apiserver(apiserver, etcd_url)
            say("kube-apiserver")
        if not self.processes.pid("kube-controller-manager"):
            self.start_manager(manager)
            say("kube-controller-manager")
        self._bind_users()

    def _adopt(self):
        """Uses an existing cluster, only with SANDBOX_KUBECONFIG: everything runs as its single user."""
        config = external()
        shown = subprocess.run(
            ["kubectl", "--kubeconfig", config, "config", "view", "--raw", "--flatten", "--minify", "-o", "json"],
            capture_output=True,
            text=True,
            check=False,
        )
        if shown.returncode:
            raise SystemExit(f"SANDBOX_KUBECONFIG {config}: {shown.stderr.strip()}")
        view = json.loads(shown.stdout)
        cluster, user = view["clusters"][0]["cluster"], view["users"][0]["user"]
        access = {
            "server": cluster["server"],
            "verify": not cluster.get("insecure-skip-tls-verify", False),
            "agent": "sandbox",
        }

        def keep(name, data):
            path = os.path.join(self.dir, name)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(base64.b64decode(data))
            return path

        if cluster.get("certificate-authority-data"):
            access["ca_file"] = keep("external-ca.crt", cluster["certificate-authority-data"])
        if user.get("client-certificate-data"):
            access["client_cert"] = [
                keep("external.crt", user["client-certificate-data"]),
                keep("external.key", user["client-key-data"]),
            ]
        elif user.get("token"):
            access["token"] = user["token"]
        else:
            raise SystemExit(f"SANDBOX_KUBECONFIG {config}: only a token or a client certificate is understood")
        self.state.data["external_access"] = access
        self.state.data["external_user"] = user
        self.state.data["api_server"] = cluster["server"]
        self.state.save()

    def _files(self):
        path = self.dir
        certificate_authority(path, "monq sandbox control plane")
        certificate(path, "apiserver", ["IP:127.0.0.1", "DNS:localhost", "DNS:kubernetes.default.svc"])
        if not os.path.exists(os.path.join(path, "sa.key")):
            openssl("genrsa", "-out", os.path.join(path, "sa.key"), "2048")
        lines = [
            f"{self.state.token(user)},{user},{user},{'system:masters' if user in MASTERS else ''}" for user in USERS
        ]
        tokens = os.path.join(path, "tokens.csv")
        with os.fdopen(os.open(tokens, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")
        write_json(os.path.join(path, "audit-policy.json"), AUDIT_POLICY)

    def _start_etcd(self, url):
        log = os.path.join(self.dir, "etcd.log")
        child = self.processes.start(
            "etcd",
            [
                "etcd",
                "--name",
                "sandbox",
                "--data-dir",
                os.path.join(self.dir, "etcd"),
                "--unsafe-no-fsync",
                "--listen-client-urls",
                url,
                "--advertise-client-urls",
                url,
                "--listen-peer-urls",
                f"http://127.0.0.1:{self.state.port('etcd-peer')}",
                "--log-level",
                "warn",
                "--logger",
                "zap",
            ],
            log,
        )

        def healthy():
            try:
                return web.Client(url, timeout=2).request("GET", "/health").status == 200
            except web.WebError:
                return False

        wait_for("etcd", healthy, 120, child, log)

    def _start_apiserver(self, binary, etcd_url):
        path, log = self.dir, os.path.join(self.dir, "kube-apiserver.log")
        child = self.processes.start(
            "kube-apiserver",
            [
                binary,
                f"--etcd-servers={etcd_url}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self.state.port('api')}",
                "--advertise-address=127.0.0.1",
                f"--tls-cert-file={path}/apiserver.crt",
                f"--tls-private-key-file={path}/apiserver.key",
                f"--cert-dir={path}",
                f"--token-auth-file={path}/tokens.csv",
                f"--service-account-issuer=https://127.0.0.1:{self.state.port('api')}",
                f"--service-account-key-file={path}/sa.key",
                f"--service-account-signing-key-file={path}/sa.key",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--authorization-mode=RBAC",
                "--anonymous-auth=false",
                "--disable-admission-plugins=ServiceAccount",
                "--audit-log-path=" + os.path.join(path, "audit.log"),
                f"--audit-policy-file={path}/audit-policy.json",
                "--audit-log-maxsize=2000",
                "--max-requests-inflight=800",
                "--max-mutating-requests-inflight=400",
                "--v=0",
            ],
            log,
        )
        wait_for("kube-apiserver", self.ready, 180, child, log)

    def start_manager(self, binary=None):
        path, log = self.dir, os.path.join(self.dir, "kube-controller-manager.log")
        config = os.path.join(path, "controller-manager.kubeconfig")
        user = "controller-manager"
        write_json(
            config,
            kubeconfig(
                self.state.data["api_server"],
                os.path.join(path, "ca.crt"),
                {user: {"token": self.state.token(user)}},
                {user: (user, "default")},
                user,
            ),
        )
        self.processes.start(
            "kube-controller-manager",
            [
                binary or binaries()[1],
                f"--kubeconfig={config}",
                "--controllers=deployment,replicaset,garbagecollector,namespace",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
                f"--secure-port={self.state.port('manager')}",
                "--port=0",
                f"--cert-dir={path}",
                "--kube-api-qps=400",
                "--kube-api-burst=800",
                "--concurrent-deployment-syncs=10",
                "--concurrent-replicaset-syncs=10",
                "--v=0",
            ],
            log,
        )

    def _bind_users(self):
        kube = self.kube()
        body = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "sandbox-users"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [
                {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}
                for user in USERS
                if user not in MASTERS
            ],
        }
        try:
            kube.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body)
        except KubeError as error:
            if error.status != 409:
                raise

    def write_kubeconfig(self):
        """Writes one file with a context for each installation (user operator) and one for the sandbox itself."""
        users = {user: {"token": self.state.token(user)} for user in ("operator", "admin")}
        ca_file = os.path.join(self.dir, "ca.crt")
        access = self.state.data.get("external_access")
        if access:
            users = {user: self.state.data["external_user"] for user in users}
            ca_file = access.get("ca_file")
        contexts = {f"sandbox-{name}": ("operator", name) for name in self.state.installations}
        contexts["sandbox-admin"] = ("admin", "default")
        path = self.state.path("kubeconfig")
        write_json(path, kubeconfig(self.state.data["api_server"], ca_file, users, contexts))
        return path


def kubeconfig(server, ca_file, users, contexts, current=""):
    """Returns a kubeconfig as JSON, which is valid YAML. By default no context is current: a caller that forgets to
    name one fails, instead of working on some other installation."""
    cluster = {"server": server}
    if ca_file:
        with open(ca_file, "rb") as file:
            cluster["certificate-authority-data"] = base64.b64encode(file.read()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": name, "user": user} for name, user in users.items()],
        "contexts": [
            {"name": name, "context": {"cluster": "sandbox", "user": user, "namespace": namespace}}
            for name, (user, namespace) in contexts.items()
        ],
        "current-context": current,
    }
