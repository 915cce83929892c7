# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database shows of a change, without knowing what it was: its catalogue's row versions and its tables'
counters. Reading leaves no trace itself."""

from __future__ import annotations

from collections import namedtuple

# catalogue: a digest; the others: rows since the statistics were reset, of all tables
Look = namedtuple("Look", "catalogue inserted updated deleted")

# Any change of a definition, privilege or comment writes a new version of a row. Temporary objects do not count.
_ROWS = (
    "SELECT 'c' || c.oid || ' ' || c.xmin FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname !~ '^pg_(toast_)?temp_'",
    "SELECT 'a' || a.attrelid || '.' || a.attnum || ' ' || a.xmin FROM pg_attribute a JOIN pg_class c"
    " ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_(toast_)?temp_'",
    "SELECT 'd' || objoid || '.' || objsubid || ' ' || xmin FROM pg_description",
    *(
        f"SELECT '{table}' || oid || ' ' || xmin FROM {table}"
        for table in ("pg_proc", "pg_constraint", "pg_trigger", "pg_policy", "pg_enum", "pg_rewrite", "pg_attrdef")
    ),
    "SELECT 'n' || oid || ' ' || xmin FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'",
    "SELECT 'x' || oid || ' ' || xmin FROM pg_extension",
)
CATALOGUE = (
    "SELECT md5(coalesce(string_agg(part, ',' ORDER BY part), '')) FROM (" + " UNION ALL ".join(_ROWS) + ") p(part)"
)
COUNTERS = (
    "SELECT coalesce(sum(n_tup_ins), 0)::bigint, coalesce(sum(n_tup_upd), 0)::bigint,"
    " coalesce(sum(n_tup_del), 0)::bigint FROM pg_stat_user_tables"
)


def look(session):
    """The Look of a session's database."""
    return Look(session.value(CATALOGUE), *session.query(COUNTERS)[0])


def difference(before, after):
    """{catalogue, inserted, updated, deleted}. Counters that were reset in between start at 0 again."""
    counted = {
        name: now - then if now >= then else now for name, then, now in zip(Look._fields[1:], before[1:], after[1:])
    }
    return {"catalogue": before.catalogue != after.catalogue, **counted}
