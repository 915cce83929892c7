# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the restore of a database needs from the role that runs it, and how to give it. Judges what catalogue.py has
read."""

from __future__ import annotations

from .dump import identifier, some

MOST = 20  # objects in one message
CONNECTIONS = 2  # ours at one time: a session, and pg_dump or pg_restore
SUPERUSER = "set monq_postgresql_user to a superuser"
ROLLBACK = (
    "if another role will run the rollback, monq_backup_scratch_max_bytes 0 turns this into a warning; without such a "
    "role it only postpones the failure to the rollback, with the platform down"
)
OTHER_ROLE = "; or run the rollback with another monq_postgresql_user, which can"


def need(severity, expected, seen, remedy):
    return {"severity": severity, "expected": expected, "seen": seen, "next": remedy}


def judge(held, may, database, proved=False):
    """[need] of what a restore will lack or lose. held, may: contents() and rights() of catalogue.py; proved: this role
    has restored it in a scratch database, which decides over what the catalogue lets expect."""
    found = []

    def stop(*text):
        found.append(need("stop", *text))

    def lost(*text):
        found.append(need("warning", *text))

    may = {**may, "proved": proved}

    role, everything = may["user"], "a rollback restores everything"
    if not may["may_create"]:
        stop(f"role {role} may create databases", "it may not", f"ALTER ROLE {identifier(role)} CREATEDB")
    _roles(held, may, database, stop)
    _extensions(held, may, stop, lost)
    for name in held["tablespaces"]:
        if name not in may["tablespaces"]:
            stop(f"tablespace {name} exists", "it does not", f"CREATE TABLESPACE {identifier(name)}")
        elif not may["tablespaces"][name]:
            grant = f"GRANT CREATE ON TABLESPACE {identifier(name)} TO {identifier(role)}"
            stop(f"role {role} may create tables in tablespace {name}", "it may not", grant)
    if not may["superuser"]:
        if held["superuser"] and not proved:
            stop(
                f"role {role} is a superuser, as these need",
                some(held["superuser"], MOST),
                f"{SUPERUSER}, or drop them",
            )
        if held["lost_privileges"]:
            seen = f"role {role} cannot grant what was granted on {some(held['lost_privileges'], MOST)}"
            lost(everything, seen, f"{SUPERUSER}, or grant it again after a rollback")
    if held["subscriptions"]:
        names = ", ".join(held["subscriptions"])
        how = "restores it disabled" if may["superuser"] else f"leaves it out, as role {role} is not a superuser"
        lost(
            everything,
            f"subscription {names}: a rollback {how}; and while it is enabled, its connection blocks the rollback",
            "keep its definition (pg_dump by a superuser); before a rollback ALTER SUBSCRIPTION … DISABLE, after it "
            "create it again with create_slot = false, or enable it",
        )
    if held["slots"]:
        lost(
            everything,
            f"logical replication slot {', '.join(held['slots'])} stays with the database that is set aside",
            "after a rollback, create the slot again and have its subscribers copy their data anew",
        )
    return found


def _roles(held, may, database, stop):
    """Owners, and whoever has default privileges: the restoring role must be a member of each, and each must be allowed
    to create objects where its own are."""
    role = may["user"]
    reasons = {held["database_owner"]: [f"database {database}"]}
    for name in held["default_privileges"]:
        reasons.setdefault(name, []).append(f"ALTER DEFAULT PRIVILEGES FOR ROLE {name}")
    for name, objects in held["owners"].items():
        reasons.setdefault(name, []).extend(objects)
    for name in sorted(reasons):
        seen = f"it owns or defines: {some(reasons[name], MOST)}"
        if name not in may["member"]:
            stop(f"role {name} exists", f"it does not; {seen}", f"CREATE ROLE {identifier(name)}")
        elif not may["member"][name]:
            grant = f"GRANT {identifier(name)} TO {identifier(role)}"
            stop(
                f"role {role} is a member of {name}, with its rights", f"it is not; {seen}", f"{grant}, or {SUPERUSER}"
            )
    if may["superuser"] or may["proved"]:
        return
    for name, objects, where in held["outside"]:
        if name != role:
            stop(
                f"role {name} may create objects in {where} before its privileges are restored",
                f"it may not, and owns {objects}",
                f"{SUPERUSER}, or give them to {role}: ALTER … OWNER TO {identifier(role)}",
            )


def _extensions(held, may, stop, lost):
    missing = [name for name in held["extensions"] if name not in may["extensions"]]
    if missing:
        stop(
            "the server has the files of every extension",
            f"none of {', '.join(missing)}",
            "install the package that they came from on the server",
        )
    denied = [name for name in held["extensions"] if may["extensions"].get(name) is False]
    if denied and not (may["superuser"] or may["proved"]):
        expected, seen = f"role {may['user']} may create every extension", f"only a superuser creates {some(denied)}"
        if may["managed"]:
            lost(expected, f"{seen}, unless this managed server allows it", "see whether the scratch restore succeeds")
        else:
            stop(expected, seen, f"{SUPERUSER}, or DROP EXTENSION if nothing uses it")


def warnings(found):
    """The same needs where they do not stop: nothing proves them, or another role will restore."""
    return [{**one, "severity": "warning"} for one in found]


def remedies(found):
    """What to do about those that stop, as one text."""
    return "; ".join(dict.fromkeys(one["next"] for one in found if one["severity"] == "stop"))


def then(remedy):
    """The next step after a restore that a rollback would fail at too."""
    return f"{remedy or 'fix the cause'}; then run the same command again; {ROLLBACK}"


def spoken(found, obj):
    """One line for each."""
    return [f"{obj}: {one['seen']} (expected: {one['expected']}; next: {one['next']})" for one in found]


def limits(found):
    """[(object, expected, seen, next)] of the connection limits that leave no room for a dump or a restore."""
    return [
        (
            f"{whose.lower()} {name}",
            f"room for {CONNECTIONS} connections",
            f"CONNECTION LIMIT {limit}, {used} in use by others",
            f"ALTER {whose} {identifier(name)} CONNECTION LIMIT {used + CONNECTIONS + 1}",
        )
        for whose, name, limit, used in found
        if used + CONNECTIONS > limit
    ]
