# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from .dump import identifier, literal


def present(database, version):
    """The query for what is copied from the current database: one row, or none."""
    provider, locale = "'c'", "NULL"
    if version >= 150000:
        provider, locale = "datlocprovider", "datlocale" if version >= 170000 else "daticulocale"
    return (
        "SELECT oid, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, datconnlimit,"
        " (SELECT spcname FROM pg_tablespace t WHERE t.oid = dattablespace), shobj_description(oid, 'pg_database'), "
        "datacl IS NULL,"
        f" {provider}, {locale} FROM pg_database WHERE datname = {literal(database)}"
    )


PRESENT = (
    "oid",
    "owner",
    "encoding",
    "collate",
    "ctype",
    "limit",
    "tablespace",
    "comment",
    "default_privileges",
    "provider",
    "locale",
)


def create(name, facts):
    """The statement that creates an empty database like the current one, from template0 to avoid additions to
    template1. Its connection limit comes last: pg_restore must get in."""
    words = [
        f"CREATE DATABASE {identifier(name)} TEMPLATE template0 OWNER {identifier(facts['owner'])} ENCODING "
        f"{literal(facts['encoding'])}",
        f"LC_COLLATE {literal(facts['collate'] or 'C')} LC_CTYPE {literal(facts['ctype'] or 'C')}",
    ]
    if facts["provider"] == "i":
        words.append(f"LOCALE_PROVIDER icu ICU_LOCALE {literal(facts['locale'])}")
    elif facts["provider"] == "b":
        words.append(f"LOCALE_PROVIDER builtin BUILTIN_LOCALE {literal(facts['locale'])}")
    if facts["tablespace"] and facts["tablespace"] != "pg_default":
        words.append(f"TABLESPACE {identifier(facts['tablespace'])}")
    return " ".join(words)


def restore(program, server, database, path, *more):
    """The command that restores the whole dump, with owners and privileges; the first error ends it."""
    return [
        program,
        "--verbose",
        "--exit-on-error",
        f"--host={server['host']}",
        f"--port={server['port']}",
        f"--username={server['user']}",
        "--no-password",
        f"--dbname={database}",
        *more,
        path,
    ]


# A scratch restore on the same server proves these too. A subscription would share its slot with the real one.
PROOF = ("--no-subscriptions",)
SCHEMA = (*PROOF, "--schema-only")


def is_same(server, other):
    """Returns whether both are the same role on the same server."""
    return all(server.get(key) == other.get(key) for key in ("host", "port", "user"))
