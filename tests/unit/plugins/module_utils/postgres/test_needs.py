"""What a restore lacks, judged without a server: which role may what, in which version, and what proof decides."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.postgres import catalogue, needs

HELD = {
    "database_owner": "monq",
    "owners": {"monq": ["table a"]},
    "outside": [],
    "default_privileges": [],
    "superuser": [],
    "lost_privileges": [],
    "extensions": [],
    "tablespaces": [],
    "subscriptions": [],
    "slots": [],
}
MAY = {
    "user": "monq",
    "superuser": False,
    "may_create": True,
    "member": {"monq": True, "app": True, "postgres": False},
    "extensions": {"hstore": True, "pg_stat_statements": False},
    "managed": False,
    "tablespaces": {"slow": True, "fast": False},
}


def judged(held=None, may=None, **more):
    return needs.judge({**HELD, **(held or {})}, {**MAY, **(may or {})}, "pl_a", **more)


def test_nothing_is_lacking():
    assert judged() == [] == judged({"owners": {"app": ["table b"]}, "extensions": ["hstore"], "tablespaces": ["slow"]})


@pytest.mark.parametrize(
    ("held", "remedy"),
    [
        ({"default_privileges": ["postgres"]}, 'GRANT "postgres" TO "monq"'),
        ({"owners": {"postgres": ["large object 7"]}}, 'GRANT "postgres" TO "monq"'),
        ({"database_owner": "postgres"}, 'GRANT "postgres" TO "monq"'),
        ({"owners": {"gone": ["table b"]}}, 'CREATE ROLE "gone"'),
        ({"outside": [["app", "table b", "schema public"]]}, 'give them to monq: ALTER … OWNER TO "monq"'),
        ({"superuser": ["publication p"]}, "monq_postgresql_user to a superuser"),
        ({"extensions": ["pg_stat_statements"]}, "DROP EXTENSION"),
        ({"extensions": ["timescaledb"]}, "install the package"),
        ({"tablespaces": ["fast"]}, 'GRANT CREATE ON TABLESPACE "fast" TO "monq"'),
        ({"tablespaces": ["gone"]}, 'CREATE TABLESPACE "gone"'),
    ],
)
def test_what_stops_a_restore_has_a_remedy(held, remedy):
    (found,) = judged(held)
    assert found["severity"] == "stop" and remedy in found["next"] and remedy in needs.remedies([found])
    assert needs.warnings([found])[0]["severity"] == "warning" and needs.remedies(needs.warnings([found])) == ""


@pytest.mark.parametrize(
    ("held", "word"),
    [
        ({"subscriptions": ["news"]}, "news"),
        ({"slots": ["feed"]}, "feed"),
        ({"lost_privileges": ["function pg_sleep(double precision)"]}, "pg_sleep"),
    ],
)
def test_what_is_lost_without_a_word_is_a_warning(held, word):
    (found,) = judged(held)
    assert found["severity"] == "warning" and word in found["seen"] and found["next"]
    assert word in needs.spoken([found], "database pl_a")[0]


def test_a_superuser_lacks_only_what_the_server_has_not():
    held = {
        "outside": [["app", "table b", "schema public"]],
        "superuser": ["publication p"],
        "lost_privileges": ["function f()"],
        "extensions": ["pg_stat_statements", "timescaledb"],
        "subscriptions": ["news"],
    }
    found = judged(held, {"superuser": True})
    assert [one["severity"] for one in found] == ["stop", "warning"]
    assert "timescaledb" in found[0]["seen"] and "restores it disabled" in found[1]["seen"]


def test_the_scratch_restore_decides_over_the_catalogue_but_not_over_todays_memberships():
    held = {"superuser": ["publication p"], "extensions": ["pg_stat_statements"], "default_privileges": ["postgres"]}
    held["outside"] = [["app", "table b", "schema public"]]
    (found,) = judged(held, proved=True)
    assert found["next"].startswith('GRANT "postgres"')


def test_a_managed_server_may_allow_an_extension():
    (found,) = judged({"extensions": ["pg_stat_statements"]}, {"managed": True})
    assert found["severity"] == "warning"


def test_a_role_that_may_not_create_databases():
    (found,) = judged(may={"may_create": False})
    assert found["next"] == 'ALTER ROLE "monq" CREATEDB'


@pytest.mark.parametrize(("limit", "used", "room"), [(1, 0, False), (2, 0, True), (10, 8, True), (10, 9, False)])
def test_a_dump_takes_two_connections(limit, used, room):
    found = needs.limits([("DATABASE", "pl_a", limit, used), ("ROLE", "monq", limit, used)])
    assert [one[3].partition(" CONNECTION")[0] for one in found] == (
        [] if room else ['ALTER DATABASE "pl_a"', 'ALTER ROLE "monq"']
    )


@pytest.mark.parametrize(
    "query", [catalogue.owned, catalogue.outside, catalogue.superuser, catalogue.changed_privileges]
)
def test_an_older_server_is_not_asked_for_what_it_does_not_know(query):
    """9.6 has no publications, subscriptions and statistics; only from 15 on does a database own its schema public."""
    assert not {"pg_publication", "pg_statistic_ext"} & set(query(90600).split())
    assert "pg_publication_namespace" not in query(140000)
    assert query(150000) != query(140000)


class Old:
    """A session on a server of an older version, that answers nothing."""

    def __init__(self, version):
        self.version, self.asked = version, []

    def query(self, sql):
        self.asked.append(sql)
        return [("monq", False, True)] if "rolsuper FROM" in sql or "OR rolsuper" in sql else []

    def value(self, sql):
        self.asked.append(sql)
        return self.version if "version" in sql else "monq"


@pytest.mark.parametrize("version", [90600, 120000, 160000])
def test_what_is_read_follows_the_version(version):
    session = Old(version)
    catalogue.rights(session, catalogue.contents(session))
    asked = "\n".join(session.asked)
    assert ("pg_subscription" in asked) == (version >= 100000)
    assert ("'SET'" in asked) == (version >= 160000)
    assert "v.trusted" not in asked or version >= 130000
