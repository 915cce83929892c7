# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to PostgreSQL."""

    # The server, and how it is dumped and restored.
    DOCUMENTATION = r"""
options:
  postgresql:
    description: The server that holds the databases of the microservices, and the role that dumps them.
    type: dict
    required: true
    suboptions:
      host:
        description: Host name or address.
        type: str
        required: true
      port:
        description: TCP port.
        type: int
        default: 5432
      user:
        description: A role that may read every table.
        type: str
        required: true
      password:
        description: Its password. Programs get it in their environment, never on a command line. Without it libpq looks
          into its own password file.
        type: str
      sslmode:
        description: As in libpq.
        type: str
        choices: [disable, allow, prefer, require, verify-ca, verify-full]
        default: prefer
  scratch_postgresql:
    description: The server that dumps are restored on to compare them. What is not given, or is empty, is the same as
      in O(postgresql).
    type: dict
    suboptions:
      host:
        description: Host name or address.
        type: str
      port:
        description: TCP port.
        type: int
      user:
        description: A role that may create databases.
        type: str
      password:
        description: Its password.
        type: str
      sslmode:
        description: As in libpq.
        type: str
        choices: [disable, allow, prefer, require, verify-ca, verify-full]
  directory:
    description: Folder on the inventory host that outlives the job. Dumps go to
      C(<directory>/<host>/<release>/<attempt>/).
    type: path
    required: true
  scratch_max_bytes:
    description: A database larger than this is not restored into a scratch database. C(0) switches scratch restores
      off.
    type: int
    default: 5368709120
  pg_dump:
    description: Name or path of C(pg_dump), not older than the server.
    type: str
    default: pg_dump
  pg_restore:
    description: Name or path of C(pg_restore), not older than C(pg_dump).
    type: str
    default: pg_restore
  timeout:
    description: Seconds that one call of C(pg_dump) or C(pg_restore) may take.
    type: int
    default: 14400
requirements:
  - psycopg2 (Python library)
  - pg_dump and pg_restore
"""

    # The databases to dump or to restore.
    DATABASES = r"""
options:
  databases:
    description: The databases to dump, as the filter P(monq.platform.databases#filter) gives them.
    type: list
    elements: dict
    required: true
    suboptions:
      microservice:
        description: Name of the microservice.
        type: str
        required: true
      database:
        description: Name of its database.
        type: str
        required: true
"""
