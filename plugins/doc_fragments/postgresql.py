# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to PostgreSQL."""

    # The server, and how its databases are dumped and restored.
    DOCUMENTATION = r"""
options:
  scratch_postgresql:
    description: The server on which dumps are restored and compared. Values that are missing or empty are those of
      O(postgresql).
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
      C(<directory>/<host>/<release>/<generation>/).
    type: path
    required: true
  scratch_max_bytes:
    description: Databases larger than this are restored into a scratch database without their rows. C(0) disables
      scratch restores; what a rollback would lack is then only a warning.
    type: int
    default: 5368709120
  pg_dump:
    description: Name or path of C(pg_dump), at least as new as the server.
    type: str
    default: pg_dump
  pg_restore:
    description: Name or path of C(pg_restore), at least as new as C(pg_dump).
    type: str
    default: pg_restore
  timeout:
    description: Maximum duration of one call of C(pg_dump) or C(pg_restore), in seconds.
    type: int
    default: 14400
requirements:
  - psycopg2 (Python library)
  - pg_dump and pg_restore
"""

    # The databases to dump or restore.
    DATABASES = r"""
options:
  databases:
    description: The databases, as returned by the filter P(monq.platform.databases#filter).
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

    # The server alone.
    SERVER = r"""
options:
  postgresql:
    description: The server with the databases of the microservices, and the role that dumps them.
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
        description: The role's password. Programs get it in their environment, never on a command line. Without it,
          libpq uses its own password file.
        type: str
      sslmode:
        description: As in libpq.
        type: str
        choices: [disable, allow, prefer, require, verify-ca, verify-full]
        default: prefer
"""
