# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json
from collections import namedtuple

from ..errors import InputError

# kind: cluster (done once), client (once for each monqctl home), gate (waits, changes nothing)
# undo: reversible, compensable or irreversible, as declared in the release's data
# ask: an interrupted attempt is never repeated without the operator's word
Step = namedtuple("Step", "key kind undo ask argv secret file title")

DONE = ("done", "accepted")


def check_modules(release, modules):
    """Refuses an unknown or double module and a list without the mandatory one."""
    known = list(release["modules"])
    if not isinstance(modules, list) or not modules:
        raise InputError("monq_modules is empty", "monq_modules", f"a list out of {', '.join(known)}", repr(modules), "set monq_modules in the inventory")
    unknown = [m for m in modules if m not in known]
    if unknown:
        raise InputError(
            "monq_modules names an unknown module",
            "monq_modules",
            f"only {', '.join(known)}",
            ", ".join(map(str, unknown)),
            "correct monq_modules in the inventory",
        )
    double = sorted({m for m in modules if modules.count(m) > 1})
    if double:
        raise InputError("monq_modules names a module twice", "monq_modules", "each module once", ", ".join(double), "correct monq_modules in the inventory")
    mandatory = [m for m in known if release["modules"][m].get("mandatory") and m not in modules]
    if mandatory:
        raise InputError(
            "monq_modules lacks the mandatory module",
            "monq_modules",
            f"{', '.join(mandatory)} among them",
            ", ".join(modules),
            "add it to monq_modules in the inventory",
        )


def ordered(release, order, modules):
    """The selected modules in one of the release's orders ("routing" or "modules")."""
    return [m for m in release["order"][order] if m in modules]


def touched(release, modules):
    """Microservices whose databases the SQL of the selected modules changes, in order of first touch."""
    seen = []
    for module in ordered(release, "modules", modules):
        for sql in release["modules"][module]["sql"]:
            if sql["microservice"] not in seen:
                seen.append(sql["microservice"])
    return seen


def backed_up(release, modules, chosen=None):
    """Microservices whose databases are dumped: the operator's choice, and the vendor's pair always."""
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
    backup_databases=None,
    backup_in_outage=False,
    **variables,
):
    """The whole list of steps, in the order in which they are done. Variables fill the argv of monqctl's calls."""
    check_modules(release, modules)
    undo = release["undo"]
    steps = []

    def add(key, kind="cluster", what=None, ask=False, argv=None, secret="", file="", title=""):
        steps.append(
            Step(key, kind, undo[what or key.split(".", 1)[1].rsplit(".", 1)[0]] if kind == "cluster" else "reversible", ask, argv, secret, file, title)
        )

    v = _Variables(variables)
    product, version = release["product"], release["version"]
    if configure:
        add(
            "prepare.monqctl.instance",
            "client",
            argv=["config", "set", "instance", v["instance_name"], f"--server={v['registry_server']}"],
            title="name the registry to monqctl",
        )
        add(
            "prepare.monqctl.context",
            "client",
            title="create the context",
            argv=[
                "config",
                "set",
                "context",
                v["context"],
                f"--instance={v['instance_name']}",
                f"--credential={v['credential_name']}",
                f"--releasehub={v['releasehub_name']}",
            ],
        )
        add("prepare.monqctl.use-context", "client", argv=["config", "use-context", v["context"]], title="switch to the context")
        # After a rollback the registry demands its token already at the first read.
        add(
            "prepare.monqctl.credential",
            "client",
            secret="registry_token",
            title="give monqctl the registry's token where there is one already",
            argv=["config", "set", "credential", v["credential_name"], "--registry-token", "{secret}"],
        )
    add("prepare.snapshot.original", what="snapshot", title="save manifests and template, once")
    add("prepare.replicas.original", what="snapshot", title="save replica counts, once")
    for name in backed_up(release, modules, backup_databases):
        add(f"prepare.backup.database.{name}", what="backup", title=f"dump the database of {name}")
    if online:
        add(
            "prepare.release_hub.token",
            "client",
            secret="releasehub_token",
            title="give monqctl the new Release Hub token",
            argv=["config", "set", "releasehub", v["releasehub_name"], "--token", "{secret}", "--server", v["releasehub_server"]],
        )
    add("prepare.registry_token.secret", what="registry_token", title="create the Secret with the registry's token")
    add("prepare.registry_token.env", what="registry_token", title="give the token to the registry's Deployment")
    add(
        "prepare.registry_token.credential",
        "client",
        secret="registry_token",
        title="give monqctl the registry's token",
        argv=["config", "set", "credential", v["credential_name"], "--registry-token", "{secret}"],
    )
    add(
        "prepare.registry.update",
        what="registry",
        title=f"update the registry to {release['registry_version']}",
        argv=["registry", "update", "registry", f"--version={release['registry_version']}"]
        + ([f"--sourceDir={v['registry_source_dir']}"] if v["registry_source_dir"] else [])
        + ([f"--k8s-api={v['registry_k8s_api']}"] if v["registry_k8s_api"] else []),
    )
    add("prepare.registry.env", what="registry_token", title="give the token again, should the update have dropped it")
    add(
        "prepare.registry_template.apply",
        what="registry_template",
        file="template",
        title="apply the transformed K8s template",
        argv=["registry", "apply", "service", "K8s", "--file", "{file}"],
    )
    add("prepare.registry.status", "gate", title="every row of the registry's status is healthy")
    add(
        "prepare.release.use-version",
        "client",
        title=f"prepare release {version} in monqctl",
        argv=["release", "use-version", version, f"--product={product}"] + ([f"--sourceDir={v['release_source_dir']}"] if v["release_source_dir"] else []),
    )
    if prefetch_images:
        for module in ordered(release, "modules", modules):
            add(f"prepare.{module}.images", what="images", argv=["release", "update", "images", f"--module={module}"], title=f"copy the images of {module}")

    for name in backed_up(release, modules, backup_databases):
        add(f"upgrade.backup.database.{name}", what="backup", title=f"dump the database of {name} again where its dump is too old")
    add("upgrade.snapshot.cut", what="snapshot", title="save manifests and template as they are right before the outage, once")
    add("upgrade.replicas.cut", what="snapshot", title="save replica counts as they are right before the outage, once")
    add("upgrade.routing.cut", what="routing", title="remove the old routes: the outage begins")
    for name in backed_up(release, modules, backup_databases) if backup_in_outage else []:
        add(f"upgrade.backup_in_outage.database.{name}", what="backup", title=f"dump the database of {name} once more, now that no user writes")
    for module in ordered(release, "routing", modules):
        add(
            f"upgrade.routing.apply.{module}",
            what="routing",
            argv=["release", "update", "routing", f"--module={module}"],
            title=f"apply the new routes of {module}",
        )
    for extra in release["routing_files"]:
        if extra["module"] in modules:
            add(
                f"upgrade.routing.apply.{extra['module']}_{extra['file']}",
                what="routing",
                title=f"apply {extra['file']} of {extra['module']}",
                argv=["release", "update", "routing", f"--module={extra['module']}", "--file", extra["file"]],
            )
    add("upgrade.routing.wait", "gate", title="the new routes stand")
    for module in ordered(release, "modules", modules):
        data = release["modules"][module]
        if not prefetch_images:
            add(f"upgrade.{module}.images", what="images", argv=["release", "update", "images", f"--module={module}"], title=f"copy the images of {module}")
        for sql in data["sql"]:
            add(
                sql_key(module, sql["microservice"], sql["file"]),
                what="database",
                ask=True,
                title=f"run {sql['file']} on the database of {sql['microservice']}",
                argv=["release", "update", "db", "pgsql", f"--module={module}", f"--microservice={sql['microservice']}", "--file", sql["file"]],
            )
        add(
            f"upgrade.{module}.microservices.replace",
            what="microservices",
            title=f"replace the microservices of {module}",
            argv=["release", "update", "microservices", f"--module={module}", "--k8s-merge-type=Replace"],
        )
        if data.get("holds_registry"):
            add(f"upgrade.{module}.registry.env", what="registry_token", title="give the token again, should Replace have dropped it")
        if registry_replicas == "monqctl":
            add(f"upgrade.{module}.replicas.registry", what="replicas", title="put the counts back in the registry")
        add(f"upgrade.{module}.replicas.kubernetes", what="replicas", title="put the counts back in Kubernetes")
        add(f"upgrade.{module}.microservices.rollout", "gate", title=f"the Deployments of {module} are rolled out")
        for microservice in data["cache"]:
            add(
                f"upgrade.{module}.cache.{microservice}",
                what="cache",
                argv=["instance", "clear", "cache", f"--microservice={microservice}"],
                title=f"clear the cache of {microservice}",
            )
    add("verify.installation.check", "gate", title="everything is what the release promises")
    keys = [step.key for step in steps]
    if len(set(keys)) != len(keys):
        raise InputError("two steps have one key", ", ".join(sorted({k for k in keys if keys.count(k) > 1})))
    return steps


class _Variables(dict):
    """What a variable is not set to is an empty string: argv stays text."""

    def __missing__(self, key):
        return ""

    def __getitem__(self, key):
        return str(super().__getitem__(key) if key in self and self.get(key) is not None else "")


# Where something lies may be corrected between two runs of one upgrade; what is done may not.
PLACES = ("--sourceDir=", "--k8s-api=")


def fingerprint(steps):
    """sha256 of what is done to the installation: keys, kinds and argv. Client steps belong to a home, not to the installation."""
    rows = [[s.key, s.kind, [word for word in s.argv or [] if not word.startswith(PLACES)]] for s in steps if s.kind != "client"]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()


def commands(steps, prefix):
    """The monqctl calls whose step keys begin with the prefix, as the module monqctl takes them."""
    found = [step for step in steps if step.argv and (step.key == prefix or step.key.startswith(prefix + "."))]
    return [{"step": step.key, "argv": list(step.argv)} for step in found]


def is_done(step, entry, home=None):
    """A cluster step is done once; a client step is done for the homes that its entry lists."""
    if not entry or entry.get("state") not in DONE:
        return False
    return step.kind != "client" or home in entry.get("homes", [])


def first_missing(steps, entries, key, home=None):
    """The first step before key that is not done, or None."""
    verifying = key.startswith("verify.")  # needs what client steps did in some home, not in this one
    for step in steps:
        if step.key == key:
            return None
        entry = entries.get(step.key)
        if not is_done(step, entry, home) and not (verifying and step.kind == "client" and (entry or {}).get("state") in DONE):
            return step
    raise InputError("this step is not part of the plan", key, "a step of the plan for these modules", key)


def outage(steps, entries):
    """ "up", "down" (routes are cut and not everything after it is done), as the ledger tells it."""
    keys = [step.key for step in steps]
    if "upgrade.routing.cut" not in entries:
        return "up"
    after = [step for step in steps[keys.index("upgrade.routing.cut") :] if step.key.startswith("upgrade.")]
    return "up" if all(entries.get(step.key, {}).get("state") in DONE for step in after if step.kind != "client") else "down"
