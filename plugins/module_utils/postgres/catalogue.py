# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database holds that its restore needs a right for, and which rights the session's role has. Reads only; for
PostgreSQL 9.6 and newer."""

from __future__ import annotations

from .dump import literal

FIRST = 16384  # object IDs below it were made by initdb, and pg_dump leaves them out
PUBLIC_OWNER = "pg_database_owner"  # the owner of schema public, from 15 on

# Catalogue, prefix of its columns, whether it has a schema, what else must hold, since which version.
_OWNED = (
    ("pg_class", "rel", True, "o.relkind IN ('r', 'p', 'S', 'v', 'm', 'f')", 0),
    (
        "pg_type",
        "typ",
        True,
        "(o.typtype IN ('d', 'e', 'r') OR o.typtype = 'b' AND o.typcategory <> 'A' OR o.typtype = 'c' AND EXISTS"
        " (SELECT FROM pg_class c WHERE c.oid = o.typrelid AND c.relkind = 'c'))",
        0,
    ),
    ("pg_proc", "pro", True, "true", 0),
    ("pg_operator", "opr", True, "true", 0),
    ("pg_opclass", "opc", True, "true", 0),
    ("pg_opfamily", "opf", True, "true", 0),
    ("pg_collation", "coll", True, "true", 0),
    ("pg_conversion", "con", True, "true", 0),
    ("pg_ts_config", "cfg", True, "true", 0),
    ("pg_ts_dict", "dict", True, "true", 0),
    ("pg_statistic_ext", "stx", True, "true", 100000),
    ("pg_namespace", "nsp", False, "o.nspname !~ '^pg_' AND o.nspname NOT IN ('information_schema', 'public')", 0),
    ("pg_language", "lan", False, "true", 0),
    ("pg_foreign_data_wrapper", "fdw", False, "true", 0),
    ("pg_foreign_server", "srv", False, "true", 0),
    ("pg_event_trigger", "evt", False, "true", 0),
    ("pg_publication", "pub", False, "true", 100000),
)

# What only a superuser creates, and the catalogue's condition.
_SUPERUSER = (
    ("pg_event_trigger", "true", 0),
    ("pg_publication", "o.puballtables", 100000),
    ("pg_publication", "EXISTS (SELECT FROM pg_publication_namespace n WHERE n.pnpubid = o.oid)", 150000),
    (
        "pg_proc",
        "NOT EXISTS (SELECT FROM pg_aggregate a WHERE a.aggfnoid = o.oid) AND (o.proleakproof OR NOT (SELECT"
        " l.lanpltrusted FROM pg_language l WHERE l.oid = o.prolang))",
        0,
    ),
    ("pg_type", "o.typtype = 'b' AND o.typcategory <> 'A'", 0),
    ("pg_opclass", "true", 0),
    ("pg_opfamily", "true", 0),
    ("pg_language", "true", 0),
    ("pg_foreign_data_wrapper", "true", 0),
    ("pg_ts_parser", "true", 0),
    ("pg_ts_template", "true", 0),
    ("pg_am", "true", 0),
    ("pg_cast", "o.castmethod = 'b'", 0),
)

# Catalogue, its column of privileges, its owner, the kind of object in acldefault().
_PRIVILEGES = (
    ("pg_class", "relacl", "relowner", "CASE o.relkind WHEN 'S' THEN 's' ELSE 'r' END"),
    ("pg_proc", "proacl", "proowner", "'f'"),
    ("pg_namespace", "nspacl", "nspowner", "'n'"),
    ("pg_type", "typacl", "typowner", "'T'"),
    ("pg_language", "lanacl", "lanowner", "'l'"),
)
_SCHEMA_OF = {"pg_class": "relnamespace", "pg_proc": "pronamespace", "pg_type": "typnamespace", "pg_namespace": "oid"}
_GRANTED = (
    *((table, acl, owner) for table, acl, owner, _kind in _PRIVILEGES),
    ("pg_foreign_server", "srvacl", "srvowner"),
)


def _made(table, kinds="'e'"):
    """The condition that an object was made by a user, and not with something else: an extension, a range type."""
    return (
        f"o.oid >= {FIRST} AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{table}'::regclass AND d.objid ="
        f" o.oid AND d.deptype IN ({kinds}))"
    )


def _kinds(table):
    return "'e', 'i'" if table == "pg_proc" else "'e'"


def _described(table, oid="min(o.oid)"):
    return f"pg_describe_object('{table}'::regclass, {oid}, 0)"


def _schema(prefix):
    """The join with the object's schema, without temporary and system schemas."""
    return (
        f" JOIN pg_namespace n ON n.oid = o.{prefix}namespace AND n.nspname !~ '^pg_' AND n.nspname <>"
        " 'information_schema'"
    )


def owned(version):
    """The query for (role, number of objects, one of them), for each role and kind of object."""
    parts = []
    for table, prefix, has_schema, more, since in _OWNED:
        if version >= since:
            parts.append(
                f"SELECT pg_get_userbyid(o.{prefix}owner), count(*), {_described(table)} FROM {table} o"
                f"{_schema(prefix) if has_schema else ''} WHERE {_made(table, _kinds(table))} AND {more}"
                f" GROUP BY o.{prefix}owner"
            )
    # The IDs of large objects are the client's choice.
    parts.append(
        f"SELECT pg_get_userbyid(o.lomowner), count(*), {_described('pg_largeobject')} FROM pg_largeobject_metadata o"
        " GROUP BY o.lomowner"
    )
    if version >= 150000:
        parts.append(
            "SELECT pg_get_userbyid(o.nspowner), 1, 'schema public' FROM pg_namespace o WHERE o.nspname = 'public'"
        )
    return " UNION ALL ".join(parts) + " ORDER BY 1, 3"


def outside(version):
    """The query for (role, number of objects, one of them, where) whose owner may create nothing there when they are
    restored: privileges come last."""
    rights = "NOT pg_has_role(o.{0}owner, n.nspowner, 'USAGE')"
    if version < 150000:
        rights += " AND n.nspname <> 'public'"
    parts = [
        f"SELECT pg_get_userbyid(o.{prefix}owner), count(*), {_described(table)}, 'schema ' || n.nspname FROM {table} o"
        f"{_schema(prefix)} WHERE {_made(table, _kinds(table))} AND {more} AND {rights.format(prefix)}"
        f" GROUP BY o.{prefix}owner, n.nspname"
        for table, prefix, has_schema, more, since in _OWNED
        if has_schema and version >= since
    ]
    if version >= 100000:
        parts.append(
            f"SELECT pg_get_userbyid(o.pubowner), count(*), {_described('pg_publication')}, 'the database' FROM"
            " pg_publication o JOIN pg_database d ON d.datname = current_database() WHERE NOT pg_has_role(o.pubowner,"
            " d.datdba, 'USAGE') GROUP BY o.pubowner"
        )
    return " UNION ALL ".join(parts) + " ORDER BY 1, 3"


def superuser(version):
    """The query for what only a superuser creates, or grants in another role's name."""
    parts = [
        f"SELECT {_described(table, 'o.oid')} FROM {table} o WHERE {_made(table, _kinds(table))} AND {more}"
        for table, more, since in _SUPERUSER
        if version >= since
    ]
    parts += [
        f"SELECT 'GRANT by role ' || pg_get_userbyid(a.grantor) || ' on ' || {_described(table, 'o.oid')}"
        f" FROM {table} o, aclexplode(o.{acl}) a WHERE {_made(table)} AND a.grantor <> o.{owner}"
        for table, acl, owner in _GRANTED
    ]
    parts.append(
        "SELECT 'GRANT by role ' || pg_get_userbyid(a.grantor) || ' on ' || pg_describe_object('pg_class'::regclass,"
        " t.attrelid, t.attnum::int) FROM pg_attribute t JOIN pg_class o ON o.oid = t.attrelid, aclexplode(t.attacl) a"
        f" WHERE {_made('pg_class')} AND a.grantor <> o.relowner"
    )
    if version < 150000:  # a new database's schema public belongs to the one who ran initdb
        parts.append(
            "SELECT 'owner ' || pg_get_userbyid(nspowner) || ' of schema public' FROM pg_namespace WHERE nspname ="
            " 'public' AND nspowner <> 10"
        )
    return " UNION ".join(parts) + " ORDER BY 1"


def changed_privileges(version):
    """The query for (object, whether PUBLIC has a privilege on it at first) of the server's own objects and those of
    extensions whose privileges were changed. Where PUBLIC has one, a GRANT by others is a warning, not an error."""
    parts = []
    for table, acl, owner, kind in _PRIVILEGES:
        default = f'acldefault(({kind})::"char", o.{owner})'
        first = f"coalesce(i.initprivs, {default})"
        # From 15 on, schema public belongs to the database's owner, who may grant on it.
        without = " AND o.nspname <> 'public'" if table == "pg_namespace" and version >= 150000 else ""
        schema = _SCHEMA_OF.get(table)
        # pg_dump leaves the others out whole.
        without += (
            f" AND o.{schema} NOT IN (SELECT oid FROM pg_namespace WHERE nspname = 'information_schema' OR nspname ~"
            " '^pg_' AND nspname <> 'pg_catalog')"
            if schema
            else ""
        )
        parts.append(
            f"SELECT {_described(table, 'o.oid')}, EXISTS (SELECT FROM aclexplode({first}) p WHERE p.grantee = 0)"
            f" FROM {table} o LEFT JOIN pg_init_privs i ON i.objoid = o.oid AND i.classoid = '{table}'::regclass AND"
            f" i.objsubid = 0 WHERE NOT ({_made(table)}) AND o.{acl}::text IS DISTINCT FROM i.initprivs::text{without}"
            f" AND ARRAY(SELECT unnest(coalesce(o.{acl}, {default}))::text ORDER BY 1)"
            f" <> ARRAY(SELECT unnest({first})::text ORDER BY 1)"
        )
    return " UNION ALL ".join(parts) + " ORDER BY 1"


_DEFAULTS = "SELECT DISTINCT pg_get_userbyid(defaclrole) FROM pg_default_acl ORDER BY 1"
_EXTENSIONS = f"SELECT extname FROM pg_extension WHERE oid >= {FIRST} ORDER BY 1"
_TABLESPACES = (
    "SELECT spcname FROM pg_tablespace t WHERE spcname NOT IN ('pg_default', 'pg_global') AND (EXISTS (SELECT FROM"
    f" pg_class c WHERE c.reltablespace = t.oid AND c.oid >= {FIRST}) OR EXISTS (SELECT FROM pg_database d WHERE"
    " d.dattablespace = t.oid AND d.datname = current_database())) ORDER BY 1"
)
_SUBSCRIPTIONS = (
    "SELECT subname FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname ="
    " current_database()) ORDER BY 1"
)
_SLOTS = "SELECT slot_name FROM pg_replication_slots WHERE database = current_database() ORDER BY 1"
_OWNER = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"


def contents(session):
    """What the session's database holds that its restore needs a right for; JSON's types only."""
    version = int(session.value("SHOW server_version_num"))

    def column(sql):
        return [row[0] for row in session.query(sql)]

    database_owner, owners = session.value(_OWNER), {}
    for role, number, example in session.query(owned(version)):
        # That pseudo-role is whoever owns the database, in the new one too.
        if role != PUBLIC_OWNER:
            owners.setdefault(role, []).append(_some(number, example))
    changed = session.query(changed_privileges(version))
    return {
        "database_owner": database_owner,
        "owners": owners,
        "outside": [
            [role, _some(number, example), where] for role, number, example, where in session.query(outside(version))
        ],
        "default_privileges": column(_DEFAULTS),
        "superuser": column(superuser(version)) + [f"privileges on {name}" for name, public in changed if not public],
        "lost_privileges": [name for name, public in changed if public],
        "extensions": column(_EXTENSIONS),
        "tablespaces": column(_TABLESPACES),
        "subscriptions": column(_SUBSCRIPTIONS) if version >= 100000 else [],
        "slots": column(_SLOTS),
    }


def _some(number, example):
    return example if number == 1 else f"{example} and {number - 1} more like it"


# ---- the role's rights


def rights(session, held):
    """What the session's role may do of that which contents need."""
    version = int(session.value("SHOW server_version_num"))
    trusted = "v.trusted" if version >= 130000 else "false"
    member = "pg_has_role(oid, 'USAGE')" + (" AND pg_has_role(oid, 'SET')" if version >= 160000 else "")
    roles = sorted({held["database_owner"], *held["owners"], *held["default_privileges"]})
    user, is_superuser, may_create = session.query(
        "SELECT rolname, rolsuper, rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
    )[0]
    return {
        "user": user,
        "superuser": is_superuser,
        "may_create": may_create,
        "member": dict(session.query(f"SELECT rolname, {member} FROM pg_roles WHERE {_among('rolname', roles)}")),
        "extensions": dict(
            session.query(
                f"SELECT a.name, NOT v.superuser OR {trusted} FROM pg_available_extensions a JOIN"
                " pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version WHERE "
                + _among("a.name", held["extensions"])
            )
        ),
        # Managed servers let their customers' roles create extensions by rules of their own.
        "managed": session.value(
            "SELECT EXISTS (SELECT FROM pg_settings WHERE name ~ '^(alloydb|azure|cloudsql|extwlist|rds)[.]')"
        ),
        "tablespaces": dict(
            session.query(
                "SELECT spcname, has_tablespace_privilege(oid, 'CREATE') FROM pg_tablespace WHERE "
                + _among("spcname", held["tablespaces"])
            )
        ),
    }


def _among(column, names):
    return f"{column} IN ({', '.join(map(literal, names))})" if names else "false"


# ---- what a dump needs


def unreadable(session):
    """What pg_dump reads besides tables and sequences of its own, and this role may not: the tables whose rows an
    extension wants dumped, and large objects."""
    found = [
        row[0]
        for row in session.query(
            "SELECT n.nspname || '.' || c.relname FROM pg_extension e, unnest(e.extconfig) t JOIN pg_class c ON c.oid"
            " = t JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT (has_schema_privilege(n.oid, 'USAGE') AND"
            " has_table_privilege(c.oid, 'SELECT')) ORDER BY 1"
        )
    ]
    if session.value("SHOW lo_compat_privileges") == "on":
        return found
    number, first = session.query(
        "SELECT count(*), min(m.oid) FROM pg_largeobject_metadata m WHERE NOT pg_has_role(m.lomowner, 'USAGE') AND NOT"
        " EXISTS (SELECT FROM aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR"
        " pg_has_role(a.grantee, 'USAGE')))"
    )[0]
    return found + ([_some(number, f"large object {first}")] if number else [])


def connections(session, databases=()):
    """[(DATABASE or ROLE, name, limit, connections of others)] of the limits that hold for this role."""
    if session.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        return []
    # Our own sessions may just be ending. Another role's application name is hidden, and is none of ours.
    count = (
        "(SELECT count(*) FROM pg_stat_activity WHERE {} AND usename IS NOT NULL AND coalesce(application_name, '') <>"
        " 'monq.platform')"
    )
    return session.query(
        f"SELECT 'DATABASE', d.datname, d.datconnlimit, {count.format('datid = d.oid')} FROM pg_database d WHERE"
        f" d.datconnlimit >= 0 AND {_among('d.datname', databases)} UNION ALL SELECT 'ROLE', rolname, rolconnlimit,"
        f" {count.format('usename = current_user')} FROM pg_roles WHERE rolname = current_user AND rolconnlimit >= 0"
        " ORDER BY 1, 2"
    )
