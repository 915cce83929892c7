"""The page on findings, from the catalogue of plugins/module_utils/checks."""

from __future__ import annotations

import re

from module_utils.checks import catalogue

FINDINGS = """\
Preflight makes all its checks and reports all findings at once: one that fails, even by a defect, keeps no other from
being made. ``verify.yml`` and ``rollback.yml`` report findings in the same form. A finding of severity ``stop`` blocks
the run; ``warning`` and ``info`` do not. In a run that resumes inside the outage, stops of the cluster and the registry
are warnings, as the way out is forward.

An id never changes its meaning and is never used again. Programs read the findings in the result of the module
``monq.platform.preflight``, or in ``findings.json`` beside the backup
(``<monq_backup_dir>/<host>/<release>/<number of the upgrade>/``; ``monq_findings_file`` sets another path, for
``--check`` too): ``format_version``, ``passed``, ``counts`` and ``findings``, each with ``id``, ``check``,
``severity``, ``object``, ``expected``, ``seen``, ``next``, and the ``parameters`` that the texts are made of.
Within one major number of ``format_version``, fields are only added. Verification and rollback write
``findings-verify.json`` and ``findings-rollback.json`` of the same form there."""


def rst(written, parameters=True):
    """A text of the catalogue: placeholders as <name>, variables and file names as literals."""
    if parameters:
        written = re.sub(r"\{(\w+)\}", r"<\1>", written.replace("{{", "{").replace("}}", "}"))
    written = re.sub(r"(?<![\w`*])(?:monq_\w+\*?|\*\.[\w.]+|[\w-]+\.yml|-e monq_\w+=\S+)", r"``\g<0>``", written)
    return re.sub(r"(?<![`.\w])\*(?![`.])", r"\\*", written)


def finding_section(number, entry):
    """One section; its heading makes the anchor, such as monq-027."""
    rows = [("check", f"``{catalogue.check(entry)}``"), ("severity", ", ".join(entry["severity"]))]
    rows.append(("reads", rst(entry["reads"], False)))
    told = [(what, entry.get(what)) for what in ("object", "expected", "seen")]
    rows += [(what, rst(text)) for what, text in told if text]
    listed = "\n".join(f":{name}: {text}" for name, text in rows)
    then = entry.get("do") or entry["next"]
    then = rst(then, "do" not in entry)
    then = then[0].upper() + then[1:] + ("" if then.endswith(".") else ".")
    return "\n\n".join(
        [
            f"{number}\n{'-' * len(number)}",
            f"**{entry['title']}**",
            rst(entry["why"], False),
            f"*What to do:* {then}",
            listed,
        ]
    )


def rendered(page, table, label):
    """The page; page and table: of docs/generate.py."""
    known = sorted(catalogue.ENTRIES.items())
    rows = [
        [
            f":ref:`{number} <{label}findings.{number.lower()}>`",
            rst(entry["title"], False),
            ", ".join(entry["severity"]),
        ]
        for number, entry in known
    ]
    return page(
        "findings",
        "Findings",
        FINDINGS,
        table(["id", "finding", "severity"], rows, [16, 64, 20]),
        *[f".. _{label}findings.{number.lower()}:\n\n{finding_section(number, entry)}" for number, entry in known],
    )
