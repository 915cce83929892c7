"""The Russian guides of docs/docsite/rst: NAME_ru.rst states at its head which English text it was made from.

python docs/translated.py               lists the guides whose English text has changed since; status 1 if there are any
python docs/translated.py --renew NAME  writes the digest of the present English text into NAME_ru.rst: first adapt
                                        the Russian text to what has changed. Links NAME.rst to a new guide
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "docsite" / "rst"
LABEL = "ansible_collections.monq.platform.docsite."
HEAD = re.compile(r"\A\.\. translated from (\w+)\.rst, sha256 ([0-9a-f]{64})\n")


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def page(name):
    return (PAGES / f"{name}.rst").read_text(encoding="utf-8")


def guides():
    """Names of the English guides that have a hand-written Russian text."""
    made = (path for path in sorted(PAGES.glob("*_ru.rst")) if HEAD.match(path.read_text(encoding="utf-8")))
    return [path.stem.removesuffix("_ru") for path in made]


def outdated(name):
    """What to do about a Russian guide, or an empty text if it is up to date."""
    source, stated = HEAD.match(page(f"{name}_ru")).groups()
    if source == name and stated == digest(page(name)):
        return ""
    return (
        f"docs/docsite/rst/{name}.rst has changed since {name}_ru.rst was made from it: adapt the Russian text "
        f"(git log -p docs/docsite/rst/{name}.rst), then python docs/translated.py --renew {name}"
    )


def renew(name):
    english, link = PAGES / f"{name}.rst", f":ref:`По-русски <{LABEL}{name}_ru>`"
    if link not in page(name):
        english.write_text(re.sub(r"(?m)^=+\n", rf"\g<0>\n{link}\n", page(name), count=1), encoding="utf-8")
    path = PAGES / f"{name}_ru.rst"
    head = f".. translated from {name}.rst, sha256 {digest(page(name))}\n"
    path.write_text(head + HEAD.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")


def main(arguments):
    if arguments[:1] == ["--renew"] and arguments[1:]:
        for name in arguments[1:]:
            renew(name)
    elif arguments:
        sys.exit(__doc__)
    else:
        found = [told for told in map(outdated, guides()) if told]
        sys.exit("\n".join(found) if found else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
