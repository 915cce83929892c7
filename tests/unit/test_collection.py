"""The collection as a whole, held to its rules by reading the files: the data of the release."""

from __future__ import annotations

from repository import load


def test_the_releases_data_says_each_thing_once():
    """rule 5"""
    release = load("roles/monq/vars/main/release.yml")["_monq_release"]
    assert sorted(release["modules"]) == sorted(release["order"]["routing"]) == sorted(release["order"]["modules"])
    assert {name: data["version"] for name, data in release["modules"].items()} == {
        "pl": "6.0.0",
        "sm": "6.0.0",
        "cl": "1.7.0",
        "fm": "1.3.0",
    }
    assert [name for name, data in release["modules"].items() if data.get("mandatory")] == ["pl"]
    assert set(release["undo"].values()) == {"reversible", "compensable", "irreversible"}
