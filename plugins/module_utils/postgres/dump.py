# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import json
import re

from .. import timestamp
from ..errors import CommandError, InputError, MonqError

SCRATCH = "monq_scratch_"
SCRATCH_COMMENT = "monq.platform scratch "
SCRATCH_MAX_AGE = 24 * 3600
MANIFEST = "manifest.json"
PARTIAL = ".partial"
SKEW = 300  # seconds a clock may be set back before a dump seems to be from the future

_DATABASE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.$-]{0,62}")
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")
# What pg_restore was at: kind, name and owner; before version 12 "Error from TOC entry".
_ENTRY = re.compile(r"from TOC entry \d+; \d+ \d+ ([^\n]{1,200})")
# From version 15 on pg_restore says that only with --verbose; the rest of that is of no use.
_PROGRESS = re.compile(
    r"^pg_restore: (?:connecting to|creating|processing (?:data|item)|executing|setting owner|entering|launching"
    r"|finished|disabling|enabling|skipping|restoring|restored) [^\n]*\n?",
    re.MULTILINE,
)
LOCKS = "max_locks_per_transaction"
_VERSION = re.compile(r"\(PostgreSQL\)\s+(\d+)(?:\.(\d+))?")


# ---- names


def databases(microservices, names=None):
    """[{microservice, database}]: the database of a-b is a_b unless names says otherwise."""
    names = names or {}
    return [{"microservice": name, "database": names.get(name) or name.replace("-", "_")} for name in microservices]


def check_database(name):
    """Returns the name if neither libpq nor a path can misinterpret it; else raises InputError."""
    if not _DATABASE.fullmatch(name or ""):
        raise InputError(
            "this is not a valid database name",
            repr(name),
            "letters, digits, _ . $ -, at most 63 characters",
            repr(name),
            "correct monq_database_names in the inventory",
        )
    return name


def folder_parts(host, release, generation):
    """The folders below the backup directory: host, release, generation."""
    parts = [str(host), str(release), str(generation)]
    for part in parts:
        if not _FOLDER.fullmatch(part):
            raise InputError(
                "this is not a valid folder name",
                repr(part),
                "letters, digits, _ . @ -",
                repr(part),
                "rename the host in the inventory",
            )
    return parts


def file_name(database, when):
    moment = datetime.datetime.fromtimestamp(when, datetime.timezone.utc)
    return f"{database}.{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z.dump"


def is_partial_of(database, name):
    """Returns whether a file is a partial dump of this database."""
    return bool(re.fullmatch(re.escape(database) + r"\.\d{8}T\d{6}\.\d{3}Z\.dump" + re.escape(PARTIAL), name))


# ---- command lines: never with the password, which is in environment()


def _server(server):
    return [f"--host={server['host']}", f"--port={server['port']}", f"--username={server['user']}", "--no-password"]


def pg_dump(program, server, database, snapshot, path, via_root=False):
    """via_root: rows may belong to another partition where they are restored."""
    return [
        program,
        "--format=custom",
        *(["--load-via-partition-root"] if via_root else []),
        f"--snapshot={snapshot}",
        "--lock-wait-timeout=60s",
        f"--file={path}",
        *_server(server),
        f"--dbname={database}",
    ]


def full_read(program, path):
    """The command that reads and unpacks every byte; --list reads only the table of contents, and accepts a truncated
    dump."""
    return [program, "--file=/dev/null", path]


def restore(program, server, database, path):
    """The command that restores into a scratch database, without anything tied to other roles, replicas or disks."""
    return [
        program,
        "--verbose",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        "--no-publications",
        "--no-subscriptions",
        "--no-tablespaces",
        *_server(server),
        f"--dbname={database}",
        path,
    ]


def environment(server):
    """The child's environment. libpq reads the password from it, so that no process list shows it."""
    given = {"PGSSLMODE": server["sslmode"], "PGCONNECT_TIMEOUT": "10", "PGAPPNAME": "monq.platform", "LC_ALL": "C"}
    if server.get("password"):
        given["PGPASSWORD"] = server["password"]
    return given


def scratch_server(server, scratch=None):
    """The scratch server; settings that are not given are those of the server itself."""
    return {**server, **{key: value for key, value in (scratch or {}).items() if value not in (None, "")}}


# ---- the scratch database, in SQL


def identifier(name):
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def create_scratch(name, encoding, collate, ctype):
    return (
        f"CREATE DATABASE {identifier(name)} TEMPLATE template0 ENCODING {literal(encoding)} LC_COLLATE "
        f"{literal(collate)} LC_CTYPE {literal(ctype)}"
    )


def comment_scratch(name, owner):
    """The statement that records the owner, {host, pid, pid_start, created, installation, lock}, so that leftovers of
    killed runs are recognised."""
    return f"COMMENT ON DATABASE {identifier(name)} IS {literal(SCRATCH_COMMENT + json.dumps(owner, sort_keys=True))}"


def is_abandoned(name, comment, now, host, start_time, run=None):
    """Returns whether a scratch database is ours by name and comment, and is older than a day, or its process is dead,
    or it belongs to this installation, whose lock we now hold. host, start_time: see process.py; run: {installation,
    lock} of the caller."""
    if not name.startswith(SCRATCH) or not (comment or "").startswith(SCRATCH_COMMENT):
        return False
    try:
        owner = json.loads(comment[len(SCRATCH_COMMENT) :])
        created = float(owner["created"])
    except (ValueError, TypeError, KeyError):
        return False
    if now - created > SCRATCH_MAX_AGE:
        return True
    if run and run["lock"] and owner.get("installation") == run["installation"] and owner.get("lock") != run["lock"]:
        return True
    return owner.get("host") == host and start_time(owner.get("pid")) != owner.get("pid_start")


def scratch_refusal(size, limit, may_create):
    """The reason why there is no scratch restore, or None."""
    if limit <= 0:
        return "switched off: the limit is 0"
    if size > limit:
        return f"the database has {size} bytes, the limit is {limit}"
    if not may_create:
        return "the role may not create databases"
    return None


# ---- versions, moments, comparisons


def program_version(text):
    """(15, 8) from "pg_dump (PostgreSQL) 15.8 (Debian …)", (9, 6) from 9.6.24; None if there is no version."""
    found = _VERSION.search(text or "")
    return (int(found.group(1)), int(found.group(2) or 0)) if found else None


def major(version):
    """The major version: 9.6 counts as one number, from 10 on only the first part. Accepts server_version_num too."""
    if isinstance(version, int):
        version = (version // 10000, version // 100 % 100)
    return version if version[0] < 10 else (version[0], 0)


def major_text(version):
    first, second = major(version)
    return f"{first}.{second}" if first < 10 else str(first)


def age(finished, now):
    """Seconds since finished, or None if it is not a valid time."""
    try:
        return now - timestamp.seconds(finished)
    except (TypeError, ValueError):
        return None


def is_fresh(finished, now, max_age):
    seconds = age(finished, now)
    return seconds is not None and -SKEW <= seconds <= max_age


def by_root(rows, partitions):
    """The rows with those of partitions counted at the partitioned table at the top: {partition: that table}. Where a
    row belongs may differ in each database."""
    found = dict(rows)
    for table, root in partitions.items():
        if table in found and root in found:
            found[root] += found[table]
            found[table] = 0
    return found


def differences(expected, seen, partitions=None):
    """The differences between two {table: rows}, one line each. partitions: see by_root()."""
    expected, seen = by_root(expected, partitions or {}), by_root(seen, partitions or {})
    found = [f"{table}: missing" for table in sorted(set(expected) - set(seen))]
    found += [f"{table}: not in the dumped database" for table in sorted(set(seen) - set(expected))]
    found += [
        f"{table}: {expected[table]} rows dumped, {seen[table]} restored"
        for table in sorted(set(expected) & set(seen))
        if expected[table] != seen[table]
    ]
    return found


def some(lines, most=5):
    """The first few lines, and the number of the others."""
    lines = list(lines)
    return ", ".join(lines[:most]) + (f" and {len(lines) - most} more" if len(lines) > most else "")


# ---- the manifest


def manifest(text, release, host, generation):
    """The manifest in text, or an empty one."""
    if not text:
        return {"format": 1, "release": release, "host": host, "attempt": generation, "dumps": []}
    try:
        found = json.loads(text)
        if found["format"] == 1 and isinstance(found["dumps"], list):
            return found
    except (ValueError, TypeError, KeyError):
        pass
    raise MonqError(
        "the backup manifest cannot be read",
        MANIFEST,
        "a manifest written by this collection",
        text[:200],
        "move the file away, then run the same command again",
    )


def kept(entry):
    """A manifest entry as kept in the ledger, with totals instead of the table list."""
    short = {
        key: entry[key] for key in ("database", "server", "path", "sha256", "bytes", "started", "finished", "scratch")
    }
    return {**short, "tables": len(entry["rows"]), "rows": sum(entry["rows"].values())}


def without_progress(stderr):
    return _PROGRESS.sub("", stderr)


def spoken(stderr):
    """The program's own messages, without what the server adds (DETAIL, CONTEXT, Command was), which quotes rows."""
    lines = stderr.strip().splitlines()
    own = [line for line in lines if line.startswith(("pg_dump:", "pg_restore:"))] or lines[-1:]
    return " | ".join(own[-5:])[:2000]


def judge(
    result,
    what,
    obj,
    next_step,
    full="free space, or set monq_backup_dir to a folder on a larger disk; then run the same command again",
):
    """Raises CommandError if a program failed. Full disks and timeouts are named."""
    if result.rc == 0 and not result.timed_out:
        return
    last = spoken(result.stderr)
    entry = _ENTRY.findall(result.stderr)
    if entry:
        obj = f"{entry[-1].strip()}, from {obj}"
    if LOCKS in result.stderr:
        next_step = f"raise {LOCKS} in postgresql.conf and restart the server; then run the same command again"
    if "No space left on device" in result.stderr:
        what, next_step = f"{what}: the disk is full", full
    if result.timed_out:
        last = f"timed out and was killed; {last}"
    elif result.rc < 0:
        last = f"killed by signal {-result.rc}; {last}"
    raise CommandError(what, obj, "exit status 0", f"status {result.rc}: {last or 'no message'}", next_step)
