"""What our sessions and programs set, as libpq and SQL want it."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.postgres import settings


def test_options_are_quoted_as_the_server_splits_them():
    assert settings.options({"a": "b", "app.c": "it's \\ x"}) == "-c a=b -c app.c=it's\\ \\\\\\ x"
    assert settings.options({}) == ""


def test_our_settings_end_with_the_transaction():
    assert settings.local({"a": "off", "b": "1min"}) == "SET LOCAL a = 'off'; SET LOCAL b = '1min'"


def test_a_databases_settings_leave_ours_alone():
    rows = ["TimeZone=UTC", "app.a=1=2", "app.a=3", "statement_timeout=5", "role=x", "Client_Encoding=WIN1251"]
    assert settings.of_database(rows) == {"TimeZone": "UTC", "app.a": "3"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FATAL:  unsupported startup parameter: options", True),
        ("FATAL:  unsupported startup parameter in options: statement_timeout", True),
        ("Feature not supported: RDS Proxy currently doesn't support command-line options.", True),
        ("transaction blocks not allowed in statement pooling mode", True),
        ('FATAL:  password authentication failed for user "options"', False),
        ('FATAL:  unrecognized configuration parameter "x"', False),
    ],
)
def test_poolers_are_known_by_what_they_refuse(text, expected):
    assert settings.is_pooler(text) is expected
