"""The page on findings, from the catalogue of plugins/module_utils/checks; the Russian one from its translations."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import yaml
from module_utils.checks import catalogue
from plugin_utils import po_file

ROOT = Path(__file__).resolve().parents[1]
PO = ROOT / "plugins" / "plugin_utils" / "locale" / "ru" / "LC_MESSAGES" / "monq_platform.po"
RUSSIAN = ROOT / "docs" / "findings_ru.yml"

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


class English:
    """The texts as the catalogue has them."""

    suffix, title, introduction, twin = "", "Findings", FINDINGS, ("По-русски", "_ru")

    def say(self, written):
        return written

    word = reads = say


class Russian:
    """The texts of the catalogue of translations, and what only this page says from docs/findings_ru.yml."""

    suffix, twin = "_ru", ("In English", "")

    def __init__(self):
        self._own = yaml.safe_load(RUSSIAN.read_text(encoding="utf-8"))
        self._said = po_file.table(po_file.read(PO.read_text(encoding="utf-8")))
        self.title, self.introduction = self.word("Findings"), self._own["introduction"]

    def say(self, written):
        """A text of the catalogue, which leaves out commands and names."""
        return self._said.get(written, written)

    def word(self, written):
        return self._own["words"][written]

    def reads(self, written):
        return self._own["reads"][written]

    def problems(self):
        """What is to be done in docs/findings_ru.yml."""
        wanted, known = {entry["reads"] for entry in catalogue.ENTRIES.values()}, set(self._own["reads"])
        found = [f"reads: translate: {text}" for text in sorted(wanted - known)]
        found += [f"reads: remove: {text}" for text in sorted(known - wanted)]
        digest = hashlib.sha256(FINDINGS.encode()).hexdigest()
        if self._own["introduction_of"] != digest:
            found.append(f"adapt introduction to FINDINGS of docs/findings_page.py, then introduction_of: {digest}")
        return found


def finding_section(number, entry, words):
    """One section; its heading makes the anchor, such as monq-027."""
    rows = [("check", f"``{catalogue.check(entry)}``"), ("severity", ", ".join(entry["severity"]))]
    rows.append(("reads", rst(words.reads(entry["reads"]), False)))
    told = [(what, entry.get(what)) for what in ("object", "expected", "seen")]
    rows += [(what, rst(words.say(text))) for what, text in told if text]
    listed = "\n".join(f":{words.word(name)}: {text}" for name, text in rows)
    then = words.say(entry.get("do") or entry["next"])
    then = rst(then, "do" not in entry)
    then = then[0].upper() + then[1:] + ("" if then.endswith(".") else ".")
    return "\n\n".join(
        [
            f"{number}\n{'-' * len(number)}",
            f"**{words.say(entry['title'])}**",
            rst(words.say(entry["why"]), False),
            f"{words.word('*What to do:*')} {then}",
            listed,
        ]
    )


def rendered(page, table, label, language=English):
    """The page; page and table: of docs/generate.py."""
    words, known = language(), sorted(catalogue.ENTRIES.items())
    name, (twin, twins) = f"findings{language.suffix}", language.twin
    rows = [
        [
            f":ref:`{number} <{label}{name}.{number.lower()}>`",
            rst(words.say(entry["title"]), False),
            ", ".join(entry["severity"]),
        ]
        for number, entry in known
    ]
    return page(
        name,
        words.title,
        f":ref:`{twin} <{label}findings{twins}>`",
        words.introduction,
        table([words.word(head) for head in ("id", "finding", "severity")], rows, [16, 64, 20]),
        *[f".. _{label}{name}.{number.lower()}:\n\n{finding_section(number, entry, words)}" for number, entry in known],
    )
