"""Who holds a database: only those who may be ended are, and what remains is named."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres import occupants

OURS = (7, "pool", "monq", "10.0.0.1", True)
THEIRS = (8, "", "zabbix", "", False)


class Session:
    """Refuses to drop as often as told."""

    def __init__(self, refusals=0, clients=(OURS, THEIRS)):
        self.refusals, self.clients, self.statements = refusals, clients, []

    def query(self, sql):
        self.statements.append(sql)
        if sql.startswith("DROP"):
            self.refusals -= 1
            if self.refusals >= 0:
                raise MonqError("a PostgreSQL statement failed", seen="in use")
        return list(self.clients) if "pg_stat_activity" in sql else []

    def sent(self, word):
        return [one for one in self.statements if word in one]


def test_only_clients_that_this_role_may_end_are_asked_to_go():
    session = Session()
    occupants.end(session, "a")
    assert session.sent("terminate") == ["SELECT pg_terminate_backend(7)"]


def test_they_are_asked_more_than_once_and_a_bounded_number_of_times():
    waited, session = [], Session(refusals=2)
    occupants.drop(session, "a", "db:5432", sleep=waited.append)
    assert len(session.sent("terminate")) == len(session.sent("DROP")) == 3 and len(waited) == 2
    assert session.statements[0] == 'ALTER DATABASE "a" ALLOW_CONNECTIONS false', "nobody comes back"
    session = Session(refusals=99)
    with pytest.raises(MonqError) as caught:
        occupants.drop(session, "a", "db:5432", sleep=waited.append)
    assert len(session.sent("DROP")) == occupants.TRIES
    assert caught.value.obj == "database a on db:5432" and 'DROP DATABASE "a"' in caught.value.next_step
    assert caught.value.seen == (
        "in use; pid 7: pool, user monq, from 10.0.0.1; pid 8: no name, user zabbix (this role may not end it)"
    )
