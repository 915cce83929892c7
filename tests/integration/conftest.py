"""The sandbox for the integration tests, and a private PostgreSQL server for those that need nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import fixtures, postgresql_backup, private_postgresql  # noqa: E402

sandbox, install, reference = fixtures.sandbox, fixtures.install, fixtures.reference
server, database = private_postgresql.server, private_postgresql.database
installation = postgresql_backup.installation
