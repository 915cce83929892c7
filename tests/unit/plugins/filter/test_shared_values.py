"""What two installations of one run must not share."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.filter.shared_values import FilterModule

shared = FilterModule().filters()["shared_values"]
LOCAL = {"ansible_connection": "local"}


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (LOCAL, LOCAL, {"monq_monqctl_home": ["b"]}),  # the default is one home for all
        ({**LOCAL, "monq_monqctl_home": "/h/a"}, {**LOCAL, "monq_monqctl_home": "/h/b"}, {}),
        ({**LOCAL, "monq_monqctl_home": "/h"}, {**LOCAL, "monq_monqctl_home": "/h"}, {"monq_monqctl_home": ["b"]}),
        ({"ansible_host": "bastion"}, {"ansible_host": "bastion"}, {"monq_monqctl_home": ["b"]}),
        ({"ansible_host": "east"}, {"ansible_host": "west"}, {}),
        ({}, {}, {}),
        (
            {**LOCAL, "monq_monqctl_home": "/h/a", "monq_findings_file": "/f"},
            {**LOCAL, "monq_monqctl_home": "/h/b", "monq_findings_file": "/f"},
            {"monq_findings_file": ["b"]},
        ),
    ],
)
def test_each_has_its_own(one, other, found):
    assert shared({"a": one, "b": other}, ["a", "b"], "a") == found


def test_one_host_shares_nothing():
    assert shared({"a": LOCAL, "b": LOCAL}, ["a"], "a") == {}
