# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

STOP, WARNING, INFO = "stop", "warning", "info"

SERVER = "the PostgreSQL server"

ENTRIES = {
    "MONQ-063": {
        "name": "postgresql.pg_dump",
        "title": "pg_dump is missing, or older than the server",
        "severity": (STOP,),
        "reads": "pg_dump --version, the server's version",
        "why": "pg_dump refuses a server that is newer than itself.",
        "do": "Install the postgresql-client of the server's version on the inventory host.",
    },
    "MONQ-064": {
        "name": "postgresql.pg_restore",
        "title": "pg_restore is missing, or older than pg_dump",
        "severity": (STOP,),
        "reads": "pg_restore --version",
        "why": "A dump that cannot be read back is no backup.",
        "do": "Install the postgresql-client of the server's version on the inventory host.",
    },
    "MONQ-065": {
        "name": "postgresql.primary",
        "title": "The server is a standby",
        "severity": (STOP,),
        "reads": "pg_is_in_recovery()",
        "why": "A standby cannot hold a dump's snapshot against conflicts with its replay, and cannot be restored.",
        "do": "Set monq_postgresql_host to the primary.",
    },
    "MONQ-066": {
        "name": "postgresql.reachable",
        "title": "PostgreSQL cannot be reached",
        "severity": (STOP,),
        "reads": SERVER,
        "why": "Databases cannot be dumped, so the upgrade would run without a backup.",
        "do": "Correct monq_postgresql_*, pg_hba.conf, or the way to the server, as the finding says.",
    },
    "MONQ-067": {
        "name": "postgresql.database",
        "title": "A database does not exist, or cannot be read",
        "severity": (STOP,),
        "reads": SERVER,
        "why": "The database that a module's SQL changes would not be dumped before.",
        "do": "Give the database's real name in monq_database_names, or grant CONNECT to the role.",
    },
    "MONQ-068": {
        "name": "postgresql.empty",
        "title": "A database has no tables",
        "severity": (STOP,),
        "reads": "the database's tables",
        "why": "It is not the database that the microservice uses, and its dump would be empty.",
        "do": "Give the database's real name in monq_database_names.",
    },
    "MONQ-069": {
        "name": "postgresql.select",
        "title": "The role may not read everything",
        "severity": (STOP,),
        "reads": "privileges on tables and sequences",
        "why": "pg_dump fails at the first table that it may not read.",
        "do": "Grant USAGE and SELECT, or set monq_postgresql_user to the owner.",
    },
    "MONQ-070": {
        "name": "postgresql.row_security",
        "title": "Row security hides rows from the role",
        "severity": (STOP,),
        "reads": "row security of the tables",
        "why": "Hidden rows would not be in the dump.",
        "do": "Give the role BYPASSRLS, or set monq_postgresql_user to a role that sees every row.",
    },
    "MONQ-071": {
        "name": "postgresql.scratch_size",
        "title": "A database is too large for a scratch restore",
        "severity": (WARNING,),
        "reads": "the database's size, monq_backup_scratch_max_bytes",
        "why": "Its dump is read through, but not restored and compared, so it is proved less.",
        "do": "Raise monq_backup_scratch_max_bytes, if time and space allow it.",
    },
    "MONQ-072": {
        "name": "postgresql.directory",
        "title": "The folder for backups cannot be written",
        "severity": (STOP,),
        "reads": "monq_backup_dir on the inventory host",
        "why": "Dumps, results and reports are kept there.",
        "do": "Set monq_backup_dir to a folder that the user of this connection may write to.",
    },
    "MONQ-073": {
        "name": "postgresql.space",
        "title": "Space for the backups",
        "severity": (STOP, INFO),
        "reads": "free space below monq_backup_dir, sizes of the databases",
        "why": "A dump is usually smaller than its database; with less free space than their size it may not fit.",
        "do": "Free space, or set monq_backup_dir to a folder on a larger disk. As information: nothing.",
    },
    "MONQ-074": {
        "name": "postgresql.scratch",
        "title": "Dumps cannot be restored for a test",
        "severity": (STOP, WARNING),
        "reads": "the server for scratch databases, the role's CREATEDB",
        "why": "A dump that was never restored is not proved.",
        "do": "Give the role CREATEDB, or set monq_scratch_postgresql_* to another server.",
    },
    "MONQ-075": {
        "name": "postgresql.leftovers",
        "title": "Scratch databases of earlier runs exist",
        "severity": (INFO,),
        "reads": "names and comments of databases",
        "why": "They take space.",
        "do": "Nothing for those that the next backup drops; check the others, then DROP DATABASE.",
    },
}
