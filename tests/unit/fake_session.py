"""A session on an API server in a dictionary, with the parameters that a module would have."""

from __future__ import annotations

from ansible_collections.monq.platform.plugins.module_utils.live_progress import LiveProgress
from ansible_collections.monq.platform.plugins.module_utils.session import Session
from fake_cluster import FakeCluster
from repository import RELEASE, SHIPPED_RULES

NAMESPACE = "production"
PLAN = {
    "release": RELEASE,
    "modules": ["pl"],
    "prefetch_images": True,
    "configure": False,
    "online": True,
    "registry_replicas": "monqctl",
    "rollout_gate": "module",
    "backup_databases": [],
    "backup_in_outage": False,
    "variables": {"context": "production", "credential_name": "cred", "releasehub_name": "hub"},
}


def params(home="/nowhere", plan=None, **more):
    """What a module gets. plan: what differs from the default plan."""
    return {
        "namespace": NAMESPACE,
        "kubeconfig": None,
        "kube_context": None,
        "mask": "",
        "plan": {**PLAN, **(plan or {})},
        "lock_id": "",
        "lock_duration": 120,
        "resolve": {},
        "monqctl_home": str(home),
        "monqctl_path": "monqctl",
        "monqctl_context": "production",
        "monqctl_environment": "",
        "monqctl_timeout": 60,
        "client_rules": SHIPPED_RULES,
        "effect_timeout": 0,
        "image_registry": "",
        "replica_commands": {},
        "spool_directory": str(home),
        "spool_host": "production",
        "approved_plan": "",
        "domain": "monq.example.org",
        "alias_domains": [],
        "alias_ingresses": [],
        "ingress_secrets": [],
        **more,
    }


class FakeMonqctl:
    """monqctl whose answers are given: {first words of argv: JSON}."""

    secrets = ()

    def __init__(self, **answers):
        self.answers, self.changed = answers, []

    def require_context(self):
        return None

    def read_json(self, *argv):
        return {} if "services" in argv else []

    def change(self, argv, secret="", content=None, in_context=True):
        self.changed.append((argv, secret, content, in_context))
        return "done"


class Runs:
    """A run that does every step that it is given and that is not done, without lock and ledger."""

    def __init__(self, plan=(), entries=None):
        self.plan, self.entries = list(plan), dict(entries or {})
        self.ledger = self
        self.done, self.predicted, self.skipped = [], [], []

    def get(self, key):
        return self.entries.get(key)

    def execute(self, key, action, renewed=False, configured=None):
        if self.is_done(key):
            self.skipped.append(key)
            return self.entries[key].get("result")
        self.done.append(key)
        return action()

    def choice(self, key, answer, attempt):
        return f"{key}: {answer} {attempt}"

    def below(self, prefix):
        return [step for step in self.plan if step.key == prefix or step.key.startswith(prefix + ".")]

    def may_begin(self, key):
        return True

    def is_done(self, key):
        return (self.entries.get(key) or {}).get("state") == "done"


class FakeSession:
    """What the code of a step sees of a session; each part can be given."""

    namespace, release, modules, check_mode, patience = NAMESPACE, RELEASE, ["pl"], False, 0
    progress = LiveProgress()

    def __init__(self, cluster=None, run=None, snapshots=None, monqctl=None, registry=None, **more):
        self.cluster, self.run = cluster or FakeCluster(), run or Runs()
        self.monqctl, self.registry = monqctl or FakeMonqctl(), registry
        self._snapshots = snapshots or {}
        self.params, self.warnings = params(**more), []

    def snapshot(self, name):
        return self._snapshots[name]


def opened(cluster=None, monqctl=None, check_mode=False, make_run=None, **given):
    """A real session on a cluster in a dictionary."""
    found = Session.open(
        params=params(**given), check_mode=check_mode, cluster=cluster or FakeCluster(), make_run=make_run
    )
    found._monqctl = monqctl or FakeMonqctl()
    return found
