# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json
from collections import namedtuple

from ..errors import InputError
from ..language import mark

# kind: cluster (done once), client (once for each monqctl home), gate (waits, changes nothing)
# undo: reversible, compensable or irreversible, as declared in the release's data
# ask: an interrupted attempt is never repeated without the operator's decision
# traits: what the engine must know about a step without comparing keys
Step = namedtuple("Step", "key kind undo ask argv secret file title traits")
Step.__new__.__defaults__ = ("cluster", "reversible", False, None, "", "", "", frozenset())

SNAPSHOT = "snapshot"  # later steps need what it saves: no decision can replace it
CUTOVER = "cutover"  # the outage begins with its first attempt
OUTLIVES = "outlives"  # what it starts, such as monqctl, may outlive its run
REPAIRS = "repairs"  # a gate that changes what it finds
CLOSES = "closes"  # it closes the release; before it, a client step counts if done in any home
IN_CONTEXT = "in context"  # monqctl's current context is compared right before this call
MAKES_CONTEXT = "makes context"  # there is no context to compare before it
IF_KNOWN = "if known"  # does nothing as long as there is no secret to set

DONE = ("done", "accepted")
SAVED = {  # the titles of a snapshot's two steps
    "original": (mark("save manifests and template, once"), mark("save replica counts, once")),
    "cut": (
        mark("save manifests and template right before the outage, once"),
        mark("save replica counts right before the outage, once"),
    ),
}


def check_modules(release, modules):
    """Raises InputError for an unknown or duplicate module, and for a list without the mandatory one."""
    known = list(release["modules"])
    correct = "correct monq_modules in the inventory"
    if not isinstance(modules, list) or not modules:
        raise InputError(
            "monq_modules is empty",
            "monq_modules",
            f"a list of modules out of {', '.join(known)}",
            repr(modules),
            "set monq_modules in the inventory",
        )
    unknown = [m for m in modules if m not in known]
    if unknown:
        seen = ", ".join(map(str, unknown))
        raise InputError(
            "monq_modules names an unknown module", "monq_modules", f"only {', '.join(known)}", seen, correct
        )
    double = sorted({m for m in modules if modules.count(m) > 1})
    if double:
        raise InputError(
            "monq_modules names a module twice", "monq_modules", "each module once", ", ".join(double), correct
        )
    mandatory = [m for m in known if release["modules"][m].get("mandatory") and m not in modules]
    if mandatory:
        raise InputError(
            "monq_modules does not contain the mandatory module",
            "monq_modules",
            f"a list that contains {', '.join(mandatory)}",
            ", ".join(modules),
            "add it to monq_modules in the inventory",
        )


def ordered(release, order, modules):
    """The selected modules in one of the release's orders ("routing" or "modules")."""
    return [m for m in release["order"][order] if m in modules]


def touched(release, modules):
    """Microservices whose databases the selected modules' SQL changes, in order of first use."""
    seen = []
    for module in ordered(release, "modules", modules):
        for sql in release["modules"][module]["sql"]:
            if sql["microservice"] not in seen:
                seen.append(sql["microservice"])
    return seen


def backed_up(release, modules, chosen=None):
    """Microservices whose databases are dumped: the operator's choice, and always the vendor's pair."""
    wanted = list(chosen) if chosen else touched(release, modules)
    return wanted + [name for name in release["backup"] if name not in wanted]


def sql_key(module, microservice, file):
    return f"upgrade.{module}.database.{microservice}.{file.replace('/', '_')}"


def plan(
    release,
    modules,
    prefetch_images=True,
    configure=False,
    online=True,
    registry_replicas="monqctl",
    rollout_gate="module",
    backup_databases=None,
    backup_in_outage=False,
    **variables,
):
    """The whole list of steps, in order. Variables fill the argv of monqctl's calls."""
    check_modules(release, modules)
    made = _Plan(release, modules, _Variables(variables))
    databases = backed_up(release, modules, backup_databases)
    made.prepare(databases, configure, online, prefetch_images)
    made.cutover(databases, backup_in_outage)
    chosen = ordered(release, "modules", modules)
    for module in chosen:
        made.module(module, prefetch_images, registry_replicas)
        if rollout_gate == "module":
            made.rollout(module)
            made.caches(module)
    if rollout_gate == "end":
        # Each cache is cleared after the rollout of everything that reads it.
        for module in chosen:
            made.rollout(module)
        for module in chosen:
            made.caches(module)
    made.add(
        "verify.installation.check", "gate", title="check that the installation matches the release", traits={CLOSES}
    )
    keys = [step.key for step in made.steps]
    if len(set(keys)) != len(keys):
        raise InputError("two steps have the same key", ", ".join(sorted({k for k in keys if keys.count(k) > 1})))
    return made.steps


class _Plan:
    """The steps so far."""

    def __init__(self, release, modules, variables):
        self._release, self._modules, self._v = release, modules, variables
        self.steps = []

    def add(self, key, kind="cluster", what=None, traits=(), argv=None, **more):
        """what: the step's entry in the release's `undo`, if the key does not name it."""
        undo = "reversible"
        if kind == "cluster":
            undo = self._release["undo"][what or key.split(".", 1)[1].rsplit(".", 1)[0]]
        traits = {*traits, *({OUTLIVES} if kind == "cluster" and argv else ())}
        self.steps.append(Step(key, kind, undo, argv=argv, traits=frozenset(traits), **more))

    def prepare(self, databases, configure, online, prefetch_images):
        v, release = self._v, self._release
        product, version = release["product"], release["version"]
        if configure:
            self._context()
        self._snapshot("prepare", "original")
        for name in databases:
            self.add(f"prepare.backup.database.{name}", what="backup", title=f"dump the database of {name}")
        if online:
            self.add(
                "prepare.release_hub.token",
                "client",
                secret="releasehub_token",
                title="set the new Release Hub token in monqctl",
                argv=["config", "set", "releasehub", v["releasehub_name"], "--token", "{secret}"]
                + ["--server", v["releasehub_server"]],
                traits={IN_CONTEXT},
            )
        title = "create the Secret with the registry's token"
        self.add("prepare.registry_token.secret", what="registry_token", title=title)
        title = "set the token in the registry's Deployment"
        self.add("prepare.registry_token.env", what="registry_token", title=title)
        self._credential("prepare.registry_token.credential", "set the registry's token in monqctl", IN_CONTEXT)
        self.add(
            "prepare.registry.update",
            what="registry",
            title=f"update the registry to {release['registry_version']}",
            argv=["registry", "update", "registry", f"--version={release['registry_version']}"]
            + ([f"--sourceDir={v['registry_source_dir']}"] if v["registry_source_dir"] else [])
            + ([f"--k8s-api={v['registry_k8s_api']}"] if v["registry_k8s_api"] else []),
            traits={IN_CONTEXT},
        )
        title = "set the token again if the update dropped it"
        self.add("prepare.registry.env", what="registry_token", title=title)
        self.add(
            "prepare.registry_template.apply",
            what="registry_template",
            file="template",
            title="apply the transformed K8s template",
            argv=["registry", "apply", "service", "K8s", "--file", "{file}"],
            traits={IN_CONTEXT},
        )
        self.add("prepare.registry.status", "gate", title="check that the registry is healthy")
        self.add(
            "prepare.release.use-version",
            "client",
            title=f"prepare release {version} in monqctl",
            argv=["release", "use-version", version, f"--product={product}"]
            + ([f"--sourceDir={v['release_source_dir']}"] if v["release_source_dir"] else []),
            traits={IN_CONTEXT},
        )
        if prefetch_images:
            for module in ordered(release, "modules", self._modules):
                self._images("prepare", module)

    def _context(self):
        v = self._v
        self.add(
            "prepare.monqctl.instance",
            "client",
            argv=["config", "set", "instance", v["instance_name"], f"--server={v['registry_server']}"],
            title="set the registry's address in monqctl",
            traits={MAKES_CONTEXT},
        )
        names = [f"--{what}={v[what + '_name']}" for what in ("instance", "credential", "releasehub")]
        self.add(
            "prepare.monqctl.context",
            "client",
            title="create the context",
            argv=["config", "set", "context", v["context"], *names],
            traits={MAKES_CONTEXT},
        )
        self.add(
            "prepare.monqctl.use-context",
            "client",
            argv=["config", "use-context", v["context"]],
            title="switch to the context",
            traits={MAKES_CONTEXT},
        )
        # After a rollback the registry requires its token even for the first read.
        title = "set the registry's token in monqctl if there already is one"
        self._credential("prepare.monqctl.credential", title, MAKES_CONTEXT, IF_KNOWN)

    def _credential(self, key, title, *traits):
        argv = ["config", "set", "credential", self._v["credential_name"], "--registry-token", "{secret}"]
        self.add(key, "client", secret="registry_token", title=title, argv=argv, traits=traits)

    def _snapshot(self, stage, name):
        manifests, counts = SAVED[name]
        self.add(f"{stage}.snapshot.{name}", what="snapshot", title=manifests, traits={SNAPSHOT})
        self.add(f"{stage}.replicas.{name}", what="snapshot", title=counts, traits={SNAPSHOT})

    def _images(self, stage, module):
        argv = ["release", "update", "images", f"--module={module}"]
        self.add(f"{stage}.{module}.images", what="images", argv=argv, title=f"copy the images of {module}")

    def cutover(self, databases, backup_in_outage):
        release, modules = self._release, self._modules
        for name in databases:
            title = f"dump the database of {name} again if its dump is too old"
            self.add(f"upgrade.backup.database.{name}", what="backup", title=title)
        self._snapshot("upgrade", "cut")
        title = "remove the old routes: the outage begins"
        self.add("upgrade.routing.cut", what="routing", title=title, traits={CUTOVER})
        for name in databases if backup_in_outage else []:
            title = f"dump the database of {name} again, now that users cannot write"
            self.add(f"upgrade.backup_in_outage.database.{name}", what="backup", title=title)
        for module in ordered(release, "routing", modules):
            self._routing(module, f"apply the new routes of {module}")
        for extra in release["routing_files"]:
            if extra["module"] in modules:
                self._routing(extra["module"], f"apply {extra['file']} of {extra['module']}", extra["file"])
        self.add("upgrade.routing.wait", "gate", title="wait until the new routes serve every domain")

    def _routing(self, module, title, file=None):
        self.add(
            f"upgrade.routing.apply.{module}" + (f"_{file}" if file else ""),
            what="routing",
            title=title,
            argv=["release", "update", "routing", f"--module={module}"] + (["--file", file] if file else []),
            traits={IN_CONTEXT},
        )

    def module(self, module, prefetch_images, registry_replicas):
        data = self._release["modules"][module]
        if not prefetch_images:
            self._images("upgrade", module)
        for sql in data["sql"]:
            self.add(
                sql_key(module, sql["microservice"], sql["file"]),
                what="database",
                ask=True,
                title=f"run {sql['file']} on the database of {sql['microservice']}",
                argv=["release", "update", "db", "pgsql", f"--module={module}"]
                + [f"--microservice={sql['microservice']}", "--file", sql["file"]],
                traits={IN_CONTEXT},
            )
        self.add(
            f"upgrade.{module}.microservices.replace",
            what="microservices",
            title=f"replace the microservices of {module}",
            argv=["release", "update", "microservices", f"--module={module}", "--k8s-merge-type=Replace"],
            traits={IN_CONTEXT},
        )
        # Kubernetes first: pods start during the registry's slow calls.
        title = "restore the replica counts in Kubernetes"
        self.add(f"upgrade.{module}.replicas.kubernetes", what="replicas", title=title)
        if data.get("holds_registry"):
            title = "set the token again if Replace dropped it"
            self.add(f"upgrade.{module}.registry.env", what="registry_token", title=title)
        if registry_replicas == "monqctl":
            title = "restore the replica counts in the registry"
            self.add(f"upgrade.{module}.replicas.registry", what="replicas", title=title, traits={OUTLIVES})

    def rollout(self, module):
        title = f"wait until the Deployments of {module} are rolled out"
        self.add(f"upgrade.{module}.microservices.rollout", "gate", title=title)

    def caches(self, module):
        for microservice in self._release["modules"][module]["cache"]:
            argv = ["instance", "clear", "cache", f"--microservice={microservice}"]
            title = f"clear the cache of {microservice}"
            self.add(f"upgrade.{module}.cache.{microservice}", what="cache", argv=argv, title=title)


class _Variables(dict):
    """Variables as text; an unset one is an empty string."""

    def __missing__(self, key):
        return ""

    def __getitem__(self, key):
        return str(super().__getitem__(key) if key in self and self.get(key) is not None else "")


# Locations may be corrected between two runs of an upgrade; what is done may not.
PLACES = ("--sourceDir=", "--k8s-api=")


def fingerprint(steps):
    """The sha256 of what is done to the installation: keys, kinds and argv, without client steps, which belong to a
    home."""
    rows = [[s.key, s.kind, [word for word in s.argv or [] if not word.startswith(PLACES)]] for s in steps]
    rows = [row for row, step in zip(rows, steps) if step.kind != "client"]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()


def fingerprints(steps):
    """The plan's own fingerprint, and that of the same plan in version 1.0's order, so that its upgrades can be
    finished."""
    before = {"registry.env": 0, "replicas.registry": 1, "replicas.kubernetes": 2}
    old = list(steps)
    spots = [i for i, step in enumerate(steps) if step.key.startswith("upgrade.") and _tail(step) in before]
    chosen = sorted((steps[i] for i in spots), key=lambda step: (_replace(steps, step), before[_tail(step)]))
    for spot, step in zip(spots, chosen):
        old[spot] = step
    return [fingerprint(steps), fingerprint(old)]


def _tail(step):
    return ".".join(step.key.split(".")[-2:])


def _replace(steps, step):
    """The position of the Replace of a step's module."""
    return [other.key for other in steps].index(f"upgrade.{step.key.split('.')[1]}.microservices.replace")


def below(steps, prefix):
    """The steps whose key is the prefix or begins with it and a dot."""
    return [step for step in steps if step.key == prefix or step.key.startswith(prefix + ".")]


def is_done(step, entry, home=None):
    """A cluster step is done once; a client step is done for the homes that its entry lists."""
    if not entry or entry.get("state") not in DONE:
        return False
    return step.kind != "client" or home in entry.get("homes", [])


def first_missing(steps, entries, key, home=None):
    """The first step before key that is not done, or None."""
    last = next((step for step in steps if step.key == key), None)
    if last is None:
        raise InputError("this step is not part of the plan", key, "a step of the plan for these modules", key)
    for step in steps[: steps.index(last)]:
        entry = entries.get(step.key)
        in_any_home = CLOSES in last.traits and step.kind == "client" and (entry or {}).get("state") in DONE
        if not is_done(step, entry, home) and not in_any_home:
            return step
    return None


def cutover(steps):
    """The key of the step that begins the outage, or None."""
    return next((step.key for step in steps if CUTOVER in step.traits), None)


def outage(steps, entries):
    """ "up" or "down" (old routes removed, and not every later step done), according to the ledger."""
    cut = cutover(steps)
    if cut not in entries:
        return "up"
    after = steps[[step.key for step in steps].index(cut) :]
    left = [s for s in after if s.kind != "client" and CLOSES not in s.traits]
    return "up" if all(entries.get(step.key, {}).get("state") in DONE for step in left) else "down"
