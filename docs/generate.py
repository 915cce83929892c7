"""Renders what is made of data: the pages steps, variables and permissions of docs/docsite/rst, and the manifest in
docs/permissions.

python docs/generate.py          writes them
python docs/generate.py --check  says which differ, and ends with status 1 where one does
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "docsite" / "rst"
sys.path.insert(0, str(ROOT / "plugins"))

from module_utils.engine import steps  # noqa: E402  pylint: disable=wrong-import-position
from module_utils.k8s import account_manifest, permissions  # noqa: E402  pylint: disable=wrong-import-position

LABEL = "ansible_collections.monq.platform.docsite."
NOTE = ".. Made by docs/generate.py: change its source, then run it again."
OPTIONAL = ("registry_source_dir", "registry_k8s_api", "release_source_dir")
VARIABLES = (
    "context",
    "instance_name",
    "credential_name",
    "releasehub_name",
    "releasehub_server",
    "registry_server",
    *OPTIONAL,
)


def load(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def release():
    return load("roles/monq/vars/main/release.yml")["_monq_release"]


def page(name, title, *parts):
    return "\n\n".join([f"{NOTE}\n\n.. _{LABEL}{name}:", f"{title}\n{'=' * len(title)}", *parts]) + "\n"


def table(head, rows, widths):
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: " + " ".join(map(str, widths)), ""]
    for row in [head, *rows]:
        for index, cell in enumerate(row):
            first, *rest = (cell or "").split("\n")
            lines.append((("   * - " if index == 0 else "     - ") + first).rstrip())
            lines += [("       " + line).rstrip() for line in rest]
    return "\n".join(lines)


# ---- steps


def placeholders():
    """What stands for a variable's value in the page; optional arguments are left out."""
    names = {"context": "monqctl_context"}
    return {name: "" if name in OPTIONAL else f"<monq_{names.get(name, name)}>" for name in VARIABLES}


def plan(modules=None, **choice):
    data = release()
    return steps.plan(data, modules or list(data["modules"]), **{"configure": True, **choice}, **placeholders())


def conditions():
    """{key: [when it is part of a plan]} for the keys that are not part of every plan."""
    data = release()
    everything = [step.key for step in plan()]
    variants = [
        (plan(configure=False), "monq_monqctl_configure: true"),
        (plan(online=False), "online"),
        (plan(registry_replicas="manual"), "monq_registry_replicas: monqctl"),
        (plan(prefetch_images=False), "monq_prefetch_images: true"),
    ]
    for module, known in data["modules"].items():
        if not known.get("mandatory"):
            variants.append((plan([m for m in data["modules"] if m != module]), module))
    found = {}
    for variant, condition in variants:
        keys = {step.key for step in variant}
        for key in everything:
            if key not in keys:
                found.setdefault(key, []).append(condition)
    literal = plan(prefetch_images=False)
    for step in literal:
        if step.key not in everything:
            module = step.key.split(".")[1]
            found[step.key] = ["monq_prefetch_images: false"] + (
                [] if data["modules"][module].get("mandatory") else [module]
            )
    return found


def step_row(step, only):
    what = step.title
    if step.argv:
        words = [word.replace("{secret}", "<token>").replace("{file}", "<file>") for word in step.argv]
        what += "\n\n``monqctl " + " ".join(words) + "``"
    undo = "asks before a repeat\n\n" if step.ask else ""
    return [
        f"``{step.key}``",
        step.kind,
        undo + step.undo,
        what,
        ", ".join(f"``{word}``" if ":" in word or len(word) == 2 else word for word in only),
    ]


def steps_page():
    only, everything = conditions(), plan()
    head, widths = ["key", "kind", "undo", "what is done", "only with"], [36, 8, 12, 34, 10]
    stages = []
    for stage in ("prepare", "upgrade", "verify"):
        rows = [step_row(step, only.get(step.key, [])) for step in everything if step.key.startswith(stage + ".")]
        stages += [f"{stage}\n{'-' * len(stage)}", table(head, rows, widths)]
    known = {step.key for step in everything}
    literal = [step_row(step, only[step.key]) for step in plan(prefetch_images=False) if step.key not in known]
    title = "The vendor's literal order"
    return page(
        "steps",
        "Steps",
        f"All {len(everything)} steps of release {release()['version']} with all modules, a context that is made from "
        f"the variables, the Release Hub online,"
        " in the order in which they are done. The keys are those of the ledger, of ``monq_resolve`` and of "
        "``status.yml``.",
        "**kind**: ``cluster`` is done once, for ever; ``client`` is done once for each home of monqctl; ``gate`` "
        "waits or looks, and changes nothing.",
        "**undo**: ``reversible``: there is nothing to take back; ``compensable``: what stood before is saved and can "
        "be put back; ``irreversible``: it stays."
        " Where *asks before a repeat* stands, an attempt whose end nobody saw stops the run until ``monq_resolve`` "
        "answers.",
        *stages,
        f"{title}\n{'-' * len(title)}",
        "With ``monq_prefetch_images: false`` the steps ``prepare.<module>.images`` are left out. Instead, first in "
        "the part of each module:",
        table(head, literal, widths),
    )


# ---- variables


def text(described):
    parts = described if isinstance(described, list) else [described]
    joined = " ".join(parts)
    joined = re.sub(r"\bO\(([a-z_]+)\)", r"``\1``", joined)
    return re.sub(r"\b[CVI]\(([^)]*)\)", lambda found: f"``{found.group(1)}``", joined)


def default(spec):
    if spec.get("required"):
        return "**required**"
    value = spec.get("default")
    if value is None:
        return ""
    if isinstance(value, (dict, list)) and value:
        return "below"
    return "empty" if value == "" else f"``{json.dumps(value) if not isinstance(value, str) else value}``"


def variables_page():
    options = load("roles/monq/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    rows, blocks = [], []
    for name, spec in options.items():
        kind = spec["type"] + (f" of {spec['elements']}" if spec.get("elements") else "")
        meaning = text(spec["description"])
        if spec.get("choices"):
            meaning += " One of " + ", ".join(f"``{choice}``" for choice in spec["choices"]) + "."
        for key, inner in (spec.get("options") or {}).items():
            meaning += f" ``{key}`` ({inner['type']}): {text(inner['description'])}"
        if spec.get("no_log"):
            meaning += " *Secret.*"
        rows.append([f"``{name}``", kind, default(spec), meaning])
        if isinstance(spec.get("default"), (dict, list)) and spec["default"]:
            shown = yaml.safe_dump({name: spec["default"]}, sort_keys=False, allow_unicode=True, width=120)
            blocks.append(".. code-block:: yaml\n\n" + "\n".join("   " + line for line in shown.rstrip().split("\n")))
    title = "Longer defaults"
    return page(
        "variables",
        "Variables",
        "An operator writes these and nothing else. They belong in the inventory, in ``group_vars/monq.yml`` or "
        "``host_vars``; secrets in a vault file, in the"
        " environment or in AWX credentials. Every run checks types and required values first.",
        table(["variable", "type", "default", "meaning"], rows, [28, 10, 16, 46]),
        f"{title}\n{'-' * len(title)}",
        *blocks,
    )


# ---- permissions


def tables():
    """{name of the Role: (table, names of single objects)}"""
    return {
        account_manifest.ACCOUNT: (permissions.NEEDED + permissions.FOLLOWED, permissions.names(release())),
        f"{account_manifest.ACCOUNT}-rollback": (
            permissions.NEEDED_FOR_ROLLBACK,
            permissions.names_for_rollback(release()),
        ),
        f"{account_manifest.ACCOUNT}-diagnostics": (permissions.DIAGNOSTICS, {}),
    }


class Indented(yaml.SafeDumper):
    """Lists stand indented below their key, as yamllint wants them."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def account_yaml():
    """What an operator applies; the namespace is that of kubectl apply -n."""
    head = (
        "# Made by docs/generate.py out of plugins/module_utils/k8s/permissions.py, the table that preflight asks the "
        "API server about.\n"
        "# kubectl apply -n <monq_namespace> -f monq-upgrade.yml\n"
    )
    # One List: ansible-test wants one document in a file.
    objects = {"apiVersion": "v1", "kind": "List", "items": account_manifest.manifest(tables())}
    return head + "---\n" + yaml.dump(objects, Dumper=Indented, sort_keys=False)


def permission_rows(needed, named):
    rows = []
    for group, resource, verbs, purpose in needed:
        only = {verb: ", ".join(f"``{name}``" for name in named.get((group, resource, verb), ())) for verb in verbs}
        said = [f"``{verb}``" + (f" ({only[verb]})" if only[verb] else "") for verb in verbs]
        rows.append(["``" + (group or "core") + "``", f"``{resource}``", ", ".join(said), purpose])
    return rows


PERMISSIONS_OF = {
    account_manifest.ACCOUNT + "-rollback": "``rollback.yml`` needs the Role ``monq-upgrade-rollback`` besides:",
    account_manifest.ACCOUNT
    + "-diagnostics": "When something has failed, the Role ``monq-upgrade-diagnostics`` lets the last words of a run "
    "and"
    " the support bundle say why. A run does without; preflight tells what is denied as information:",
}


def permissions_page():
    head, widths = ["API group", "resource", "verbs", "what for"], [22, 24, 34, 20]
    parts = []
    for name, (needed, named) in tables().items():
        parts += [PERMISSIONS_OF[name]] if name in PERMISSIONS_OF else []
        parts.append(table(head, permission_rows(needed, named), widths))
    optional = [
        ["``" + (group or "core") + "``", f"``{what}``", ", ".join(f"``{v}``" for v in verbs), why]
        for group, what, verbs, why in permissions.OPTIONAL
    ]
    how, beside = "An account for the upgrade", "Outside the namespace"
    manifest = "\n".join(("   " + line).rstrip() for line in account_yaml().rstrip().split("\n"))
    return page(
        "permissions",
        "Permissions in Kubernetes",
        "What the account of ``monq_kubeconfig`` needs in ``monq_namespace``. Preflight asks the API server for each "
        "verb (``SelfSubjectAccessReview``)"
        " and names what is denied; nothing is changed then. A name in brackets: the verb is needed on these objects "
        "only.",
        *parts,
        "monqctl has its own access to the registry; the registry has its own access to Kubernetes. Both are outside "
        "this table.",
        f"{how}\n{'-' * len(how)}",
        "``docs/permissions/monq-upgrade.yml`` is made of the same table: a ServiceAccount, three Roles with their "
        "RoleBindings,"
        " and nothing outside the namespace. No namespace stands in it; ``-n`` fills it in, and the RoleBinding means "
        "the ServiceAccount beside it.",
        ACCOUNT_COMMANDS,
        "The token must outlive the upgrade: a token that expires in the middle stops the run, which resumes with a "
        "new one. An API server may shorten what was"
        " asked for (``status.expirationTimestamp`` tells). Keep the file at mode 0600; whoever holds it may read the "
        "Secrets of the namespace. When the"
        " upgrade has been accepted, ``kubectl delete -n <monq_namespace> -f docs/permissions/monq-upgrade.yml`` "
        "takes account, token and rights away.",
        "To see what the account may do: ``kubectl --kubeconfig monq-upgrade.kubeconfig auth can-i --list -n "
        "<monq_namespace>``.",
        f"{beside}\n{'-' * len(beside)}",
        "Optional. Where these are denied, preflight says in a finding of severity ``info`` what it could not look "
        "at, and goes on.",
        table(head, optional, widths),
        "The first is granted to every authenticated account by default (``system:public-info-viewer``), and so is "
        "the discovery of API groups"
        " (``system:discovery``), which is needed. The others are granted by:",
        OPTIONAL_COMMANDS,
        "The manifest\n------------",
        ".. code-block:: yaml\n\n" + manifest,
    )


ACCOUNT_COMMANDS = r""".. code-block:: bash

   ns=monq                                    # monq_namespace
   kubectl apply -n $ns -f docs/permissions/monq-upgrade.yml

   # A token for a day. With kubectl 1.24 or newer: token=$(kubectl create token -n $ns monq-upgrade --duration 24h)
   echo '{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}' \
     > request.json
   token=$(kubectl create --raw /api/v1/namespaces/$ns/serviceaccounts/monq-upgrade/token -f request.json \
     | jq -r .status.token)

   # The kubeconfig: the cluster of your current context, the account's token. The token stands on no command line.
   umask 077
   kubectl config view --raw --flatten --minify -o json | T=$token jq '
     .users = [{name: "monq-upgrade", user: {token: env.T}}]
     | .contexts = [{name: "monq-upgrade", context: {cluster: .clusters[0].name, user: "monq-upgrade"}}]
     | ."current-context" = "monq-upgrade"' > monq-upgrade.kubeconfig

   # In the inventory:
   #   monq_kubeconfig: /path/of/monq-upgrade.kubeconfig
   #   monq_kube_context: monq-upgrade"""

OPTIONAL_COMMANDS = """.. code-block:: bash

   kubectl create clusterrole monq-upgrade-namespaces --verb=get --resource=namespaces
   kubectl create clusterrole monq-upgrade-ingresses --verb=list --resource=ingresses.extensions
   for role in monq-upgrade-namespaces monq-upgrade-ingresses; do
     kubectl create clusterrolebinding $role-$ns --clusterrole=$role --serviceaccount=$ns:monq-upgrade
   done"""

KINDS = {  # how monqctl's output is read
    "failure": "a line that means failure, whatever the exit status",
    "harmless": "words that mean nothing; they are taken out of a line before failure is looked for",
    "success": "one line must match, otherwise the outcome is not known",
    "never_began": "a first line after which the command has certainly done nothing",
    "answer": "finds the answer in a line; the first rule that matches decides",
    "failed": "a row of a status that has failed",
    "healthy": "a row of a status that is healthy; a row that is neither is not known",
}
OVERRULE = """\
.. code-block:: yaml

   monq_client_rules:
     release update db:   # leading words of the command, or "*"
       harmless: {mine: ^error_log rebuilt$}
       failure: {rolled_back: null}   # switched off"""


def client_rules_page():
    rules = load("roles/monq/vars/main/client_rules.yml")["_monq_client_rules"]
    rows = [
        [
            f"``{call}``",
            f"``{kind}``",
            f"``{name}``",
            "\n\n".join(f"``{one}``" for one in ([given] if isinstance(given, str) else given)),
        ]
        for call, kinds in rules.items()
        for kind, named in kinds.items()
        for name, given in named.items()
    ]
    return page(
        "client_rules",
        "Rules for monqctl's output",
        "What monqctl prints is not documented. Its output is cleaned (byte order mark, escape sequences, carriage "
        "returns, encodings) and then read line by line, by rules.\nA rule that decided is named in the message as "
        "``command.kind.name``, with the line that it matched.",
        "Kinds\n-----",
        table(["kind", "meaning"], [[f"``{kind}``", text] for kind, text in KINDS.items()], [15, 85]),
        "Changing a rule\n---------------\n\n``monq_client_rules`` is laid over the shipped rules, entry by entry.",
        OVERRULE,
        "Shipped rules\n-------------\n\nPython's regular expressions, from ``roles/monq/vars/main/client_rules.yml``.",
        table(["command", "kind", "name", "regular expressions"], rows, [16, 10, 12, 62]),
    )


RENDERED = {
    "client_rules.rst": client_rules_page,
    "steps.rst": steps_page,
    "variables.rst": variables_page,
    "permissions.rst": permissions_page,
    "../../permissions/monq-upgrade.yml": account_yaml,
}


def main():
    checking, differing = "--check" in sys.argv[1:], []
    for name, render in RENDERED.items():
        path = (PAGES / name).resolve()
        if checking:
            if not path.exists() or path.read_text(encoding="utf-8") != render():
                differing.append(name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(render(), encoding="utf-8")
    if differing:
        sys.exit(f"these pages are out of date: {', '.join(differing)}; run python docs/generate.py")


if __name__ == "__main__":
    main()
