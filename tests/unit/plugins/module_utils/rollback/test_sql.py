"""The statements of a database's restore: names, privileges, settings, limits, the swap."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.rollback import sql


def test_privileges_are_those_and_no_others():
    assert sql.grants("new", "monq", [(None, "TEMPORARY", False), ("reader", "CONNECT", True)]) == [
        'REVOKE ALL ON DATABASE "new" FROM PUBLIC',
        'REVOKE ALL ON DATABASE "new" FROM "monq"',
        'GRANT TEMPORARY ON DATABASE "new" TO PUBLIC',
        'GRANT CONNECT ON DATABASE "new" TO "reader" WITH GRANT OPTION',
    ]


def test_a_setting_is_taken_over_as_it_reads():
    assert sql.setting("new", None, 'search_path="$user", public')[1:3] == [
        "SELECT set_config('search_path', '\"$user\", public', true)",
        'ALTER DATABASE "new" SET "search_path" FROM CURRENT',
    ]
    assert sql.setting("new", "reader", "app.mode=it's")[1:3] == [
        "SELECT set_config('app.mode', 'it''s', true)",
        'ALTER ROLE "reader" IN DATABASE "new" SET "app"."mode" FROM CURRENT',
    ]


@pytest.mark.parametrize(
    ("database", "taken", "name"),
    [
        ("pl_a", set(), "pl_a_before_rollback_1"),
        ("pl_a", {"pl_a_before_rollback_1"}, "pl_a_before_rollback_1_2"),
        ("pl_a", {"pl_a_before_rollback_1", "pl_a_before_rollback_1_2"}, "pl_a_before_rollback_1_3"),
        ("x" * 63, set(), "x" * 44 + "_before_rollback_1"),
    ],
    ids=["free", "taken", "twice", "long"],
)
def test_the_kept_name_is_free_and_fits(database, taken, name):
    found = sql.kept_name(database, 1, taken)
    assert found not in taken and len(found.encode()) <= 63
    assert found == name or database.startswith("xxx") and found.endswith("_before_rollback_1") and len(found) == 63


def test_a_database_that_was_put_back_is_known_by_the_note_on_the_one_that_was_kept():
    note = sql.kept_note("pl_a", 1, 16401, "abc")
    rows = [("postgres", None), ("pl_a_before_rollback_1", note)]
    assert sql.kept_by(rows, "pl_a", 1, 16401, "abc") == "pl_a_before_rollback_1"
    for other in (
        ("pl_a", 1, 16999, "abc"),
        ("pl_a", 2, 16401, "abc"),
        ("pl_a", 1, 16401, "def"),
        ("pl_b", 1, 16401, "abc"),
    ):
        assert sql.kept_by(rows, *other) is None


def test_both_names_change_in_one_transaction():
    found = sql.swap("pl_a", "kept", "new", None, "note")
    assert found[0] == "BEGIN" and found[-1] == "COMMIT"
    assert found[1:3] == ['ALTER DATABASE "pl_a" RENAME TO "kept"', 'ALTER DATABASE "new" RENAME TO "pl_a"']
    assert 'COMMENT ON DATABASE "pl_a" IS NULL' in found
    assert 'ALTER DATABASE "pl_a" CONNECTION LIMIT -1' in found
    assert 'ALTER DATABASE "pl_a" CONNECTION LIMIT 7' in sql.swap("pl_a", "kept", "new", None, "note", 7)
