# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

STOP, WARNING = "stop", "warning"

ENTRIES = {
    "MONQ-131": {
        "name": "host.library",
        "title": "A Python library is missing on the inventory host",
        "severity": (STOP, WARNING),
        "reads": "the Python that modules run with, which is ansible_python_interpreter",
        "why": "Without it the upgrade would fail at its first use, perhaps inside the outage.",
        "do": "Type the command of the finding on the inventory host. Offline, add --no-index --find-links with the "
        "folder wheels of the bundle.",
        "object": "Python library {library}",
        "expected": "{requirement}, for {python}",
        "seen": "{error}",
        "next": "{command}",
    },
    "MONQ-132": {
        "name": "monqctl.program",
        "title": "monqctl cannot be started",
        "severity": (STOP,),
        "reads": "monq_monqctl_path on the inventory host",
        "why": "Every step through the registry needs it.",
        "do": "Install the vendor's monqctl on the inventory host by the command of the finding, or correct "
        "monq_monqctl_path.",
        "object": "{path}",
        "expected": "a program that {user} may execute",
        "seen": "{problem}",
        "next": "in the folder with the vendor's monqctl: {command}; or correct monq_monqctl_path",
    },
    "MONQ-133": {
        "name": "host.python",
        "title": "No Python can be started on the inventory host",
        "severity": (STOP,),
        "reads": "ansible_python_interpreter on the inventory host",
        "why": "Everything that is done there is done by Python modules.",
        "do": "Make the environment that the finding names, or set ansible_python_interpreter to a Python that exists "
        "there.",
        "object": "{python} on {host}",
        "expected": "a Python that can run modules",
        "seen": "{error}",
        "next": "{command}",
    },
    "MONQ-134": {
        "name": "host.temporary",
        "title": "The inventory host has no temporary folder that can be written",
        "severity": (STOP,),
        "reads": "TMPDIR, /tmp and /var/tmp on the inventory host",
        "why": "A module unpacks itself there; nothing of it stays.",
        "do": "Make /tmp writable for everybody, or free space there.",
        "object": "/tmp on {host}",
        "expected": "a folder that the user of this connection may write to",
        "seen": "{error}",
        "next": "{command}",
    },
}
