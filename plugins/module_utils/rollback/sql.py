# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from ..postgres.dump import identifier, literal

LONGEST = 63  # bytes of a name in PostgreSQL
KEPT_COMMENT = "monq.platform kept by rollback "


def privileges(oid):
    return (
        "SELECT CASE WHEN grantee = 0 THEN NULL ELSE pg_get_userbyid(grantee) END, privilege_type, is_grantable"
        f" FROM pg_database, aclexplode(datacl) WHERE pg_database.oid = {int(oid)} ORDER BY 1 NULLS FIRST, 2"
    )


def grants(name, owner, rows):
    """The statements that set exactly the privileges in rows. A grantee of None is PUBLIC."""
    statements = [f"REVOKE ALL ON DATABASE {identifier(name)} FROM {who}" for who in ("PUBLIC", identifier(owner))]
    for grantee, privilege, grantable in rows:
        who = "PUBLIC" if grantee is None else identifier(grantee)
        statements.append(
            f"GRANT {privilege} ON DATABASE {identifier(name)} TO {who}" + (" WITH GRANT OPTION" if grantable else "")
        )
    return statements


def settings(oid):
    return (
        "SELECT CASE WHEN setrole = 0 THEN NULL ELSE pg_get_userbyid(setrole) END, unnest(setconfig)"
        f" FROM pg_db_role_setting WHERE setdatabase = {int(oid)} ORDER BY 1 NULLS FIRST, 2"
    )


def setting(name, role, text):
    """The statements that copy one setting, FROM CURRENT, so that a list such as search_path keeps its quoting."""
    key, _sign, value = text.partition("=")
    variable = ".".join(identifier(part) for part in key.split("."))
    owner = (
        f"DATABASE {identifier(name)}" if role is None else f"ROLE {identifier(role)} IN DATABASE {identifier(name)}"
    )
    return [
        "BEGIN",
        f"SELECT set_config({literal(key)}, {literal(value)}, true)",
        f"ALTER {owner} SET {variable} FROM CURRENT",
        "COMMIT",
    ]


def kept_name(database, generation, taken):
    """The name <database>_before_rollback_<generation>, cut to PostgreSQL's limit, and numbered if it is taken."""
    number = 1
    while True:
        tail = f"_before_rollback_{generation}" + ("" if number == 1 else f"_{number}")
        head = database.encode()[: LONGEST - len(tail)].decode(errors="ignore")
        if head + tail not in taken:
            return head + tail
        number += 1


def kept_note(database, generation, oid, digest):
    """The comment on the database that was set aside: which database replaced it, and from which dump."""
    return KEPT_COMMENT + json.dumps(
        {"generation": generation, "database": database, "replaced_by": oid, "sha256": digest}, sort_keys=True
    )


def kept_by(rows, database, generation, oid, digest):
    """The name of the database that, according to its comment, the current one replaced from this dump, or None. rows:
    (name, comment)."""
    wanted = kept_note(database, generation, oid, digest)
    return next((name for name, comment in rows if comment == wanted), None)


def swap(database, kept, new, comment, note, limit=-1):
    """The statements that swap the names in one transaction: either both change or neither."""
    said = "NULL" if comment is None else literal(comment)
    return [
        "BEGIN",
        f"ALTER DATABASE {identifier(database)} RENAME TO {identifier(kept)}",
        f"ALTER DATABASE {identifier(new)} RENAME TO {identifier(database)}",
        f"ALTER DATABASE {identifier(database)} ALLOW_CONNECTIONS true",
        f"COMMENT ON DATABASE {identifier(database)} IS {said}",
        f"COMMENT ON DATABASE {identifier(kept)} IS {literal(note)}",
        f"ALTER DATABASE {identifier(database)} CONNECTION LIMIT {int(limit)}",
        "COMMIT",
    ]
