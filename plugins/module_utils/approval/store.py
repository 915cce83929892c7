# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import glob
import json
import os

from ..errors import InputError
from ..language import ENGLISH
from . import document, text

LATEST = "plan.json"
PAGE = "plan.md"


class PlanStore:
    """Plans beside the backup: the latest one, and each of them under the first digits of its id."""

    def __init__(self, folder):
        self._folder = folder

    def save(self, plan, words=ENGLISH):
        """Writes the plan and its page, mode 0600; returns the page's path. Raises InputError if it cannot."""
        body = json.dumps(plan, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        named = f"plan-{plan['id'].partition(':')[2][:12]}.json"
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            for name, content in ((named, body), (LATEST, body), (PAGE, text.page(plan, words))):
                self._write(os.path.join(self._folder, name), content)
        except OSError as exc:
            then = "set monq_backup_dir to a writable folder"
            seen = exc.strerror or str(exc)
            raise InputError("the plan cannot be written", self._folder, "a writable folder", seen, then) from exc
        return os.path.join(self._folder, PAGE)

    @staticmethod
    def _write(path, content):
        with open(
            os.open(path + ".partial", os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(content)
        os.replace(path + ".partial", path)

    def find(self, wanted):
        """The plan of an id or a path. Raises InputError where there is none, or it was altered."""
        if not document.ID.fullmatch(wanted):
            return self._read(os.path.expanduser(wanted))
        for path in sorted(glob.glob(os.path.join(glob.escape(self._folder), "plan-*.json"))):
            if wanted.partition(":")[2].startswith(os.path.basename(path)[len("plan-") : -len(".json")]):
                found = self._read(path)
                if found["id"] == wanted:
                    return found
        raise InputError(
            "the approved plan is not on this machine",
            self._folder,
            f"the file of {wanted}",
            "none of its plans has this id",
            f"set {document.VARIABLE} to the path of its plan.json; or make a new plan with plan.yml",
        )

    @staticmethod
    def _read(path):
        try:
            with open(path, encoding="utf-8") as file:
                return document.read(file.read(), path)
        except (OSError, UnicodeDecodeError) as exc:
            seen = getattr(exc, "strerror", None) or str(exc)
            then = f"correct {document.VARIABLE}: it is read on the inventory host"
            raise InputError("the approved plan cannot be read", path, "a plan.json", seen, then) from exc
