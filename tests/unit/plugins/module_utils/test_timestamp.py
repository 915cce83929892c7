"""Times as the ledger, reports and files hold them."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.monq.platform.plugins.module_utils import timestamp

WRITTEN = "2026-03-01T10:00:00Z"
MOMENT = datetime.datetime(2026, 3, 1, 10, 0, 0, tzinfo=datetime.timezone.utc)


def test_a_time_and_its_text():
    assert timestamp.text(MOMENT) == timestamp.of_seconds(MOMENT.timestamp() + 0.9) == WRITTEN
    assert timestamp.parsed(WRITTEN) == MOMENT and timestamp.seconds(WRITTEN) == MOMENT.timestamp()
    assert abs((timestamp.parsed(timestamp.text()) - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 60


@pytest.mark.parametrize(
    ("written", "error"), [("", ValueError), ("2026-03-01 10:00", ValueError), (None, TypeError), (7, TypeError)]
)
def test_what_is_no_such_time(written, error):
    with pytest.raises(error):
        timestamp.parsed(written)
