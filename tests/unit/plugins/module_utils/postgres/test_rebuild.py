"""The statements that build a database anew: as the rollback does, and as the scratch restore proves it."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.postgres import rebuild

FACTS = {"owner": "monq", "encoding": "UTF8", "collate": "C.UTF-8", "ctype": "C.UTF-8", "limit": -1}
FACTS.update(tablespace="pg_default", provider="c", locale=None)


@pytest.mark.parametrize(
    ("more", "part"),
    [
        (
            {},
            "CREATE DATABASE \"new\" TEMPLATE template0 OWNER \"monq\" ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE "
            "'C.UTF-8'",
        ),
        ({"provider": "i", "locale": "ru-RU"}, "LOCALE_PROVIDER icu ICU_LOCALE 'ru-RU'"),
        ({"provider": "b", "locale": "C.UTF-8"}, "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"),
        ({"tablespace": "fast"}, 'TABLESPACE "fast"'),
    ],
    ids=["plain", "icu", "builtin", "tablespace"],
)
def test_the_new_database_is_like_the_one_that_stands(more, part):
    assert part in rebuild.create("new", {**FACTS, **more})


def test_the_restore_keeps_owners_and_privileges_and_ends_at_the_first_error():
    argv = rebuild.restore(
        "pg_restore", {"host": "h", "port": 5432, "user": "u", "password": "secret"}, "new", "/d.dump"
    )
    assert (
        "--exit-on-error" in argv
        and not {"--no-owner", "--no-privileges"} & set(argv)
        and "secret" not in " ".join(argv)
    )


def test_a_connection_limit_waits_until_the_dump_is_restored():
    assert "LIMIT" not in rebuild.create("new", {**FACTS, "limit": 1})


def test_the_scratch_restore_leaves_out_only_what_would_reach_outside():
    argv = rebuild.restore("pg_restore", {"host": "h", "port": 1, "user": "u"}, "new", "/d", *rebuild.SCHEMA)
    assert argv[-3:] == ["--no-subscriptions", "--schema-only", "/d"]
    assert {word for word in argv if word.startswith("--no-")} == {"--no-password", "--no-subscriptions"}


@pytest.mark.parametrize("key", ["host", "port", "user"])
def test_a_proof_is_one_only_for_the_same_role_on_the_same_server(key):
    server = {"host": "h", "port": 1, "user": "u", "password": "a", "sslmode": "prefer"}
    assert rebuild.is_same(server, {**server, "password": "b"}) and not rebuild.is_same(server, {**server, key: "x"})
