"""The effect decides over the client's word: one that lies is found out before the next step, one that is late is
waited for, and one that succeeds with alarming words goes on."""

from __future__ import annotations

import json
import sys

from support.comparison import differences, state
from support.harness import ROOT

sys.path.insert(0, str(ROOT / "tests" / "sandbox"))

from monqctl_profile import PLAIN  # noqa: E402

CALLS = {
    "prepare.registry.update": ["registry", "update", "registry"],
    "prepare.registry_template.apply": ["registry", "apply", "service", "K8s"],
    "upgrade.routing.apply.pl": ["release", "update", "routing", "--module=pl"],
    "upgrade.pl.microservices.replace": ["release", "update", "microservices", "--module=pl"],
}
SQL = "upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql"
LATE = "upgrade.pl.microservices.replace"  # returns before its work is done
WORDS = "3 of 3 objects updated, 0 errors. Done."
IMAGES = {"match": ["release", "update", "images", "--module=pl"], "kind": "lie", "text": WORDS, "stream": "stdout"}


def test_a_client_that_only_says_so_is_found_out_before_the_next_step(install, reference):
    """Then the call is repeated: with alarming words, but for Replace, which returns before its work is done."""
    installation = install("site-run", modules="pl", alias=True)
    installation.speak({**PLAIN, "replace": "late"})
    alarms, answer, said = [], {}, ""
    for key, words in CALLS.items():
        lie = {"match": words, "kind": "lie", "text": WORDS, "stream": "stdout"}
        if key != LATE:
            alarms.append({"match": words, "kind": "exec", "command": ["echo", f"Error: {key}: no progress"]})
        installation.faults(lie, IMAGES, *alarms)  # images have no effect to see before the pods start
        lied = installation.play("site", extra={"monq_effect_timeout": 2, **answer})
        assert lied.rc == 2 and "its effect is not there" in lied.text, lied.text[-3000:]
        entries, said = installation.ledger(), said + lied.text
        assert entries[key]["state"] == "failed" and entries[key]["attempt"] in lied.text
        open_ones = [name for name, entry in entries.items() if entry["state"] not in ("done", "accepted")]
        assert open_ones == [key], "nothing that comes later has begun"
        for earlier in list(CALLS)[: list(CALLS).index(key)]:
            assert entries[earlier]["state"] == "done"
            assert f"Error: {earlier}: no progress" in said, "a warning says so"
        if key == "upgrade.routing.apply.pl":
            answer, more = lie_about_sql(installation, alarms)
            said += more
    unpulled = installation.play("site")
    assert unpulled.rc == 2 and "ImagePullBackOff" in unpulled.text, unpulled.text[-3000:]
    installation.faults()
    ended = installation.play("site", extra=printed(unpulled.text, "redo"))
    assert ended.rc == 0, ended.text[-3000:]
    assert {entry["state"] for entry in installation.ledger().values()} == {"done"}
    seen = installation.ledger()[SQL]["result"]
    assert seen["catalogue"] or seen["inserted"] or seen["updated"], "the database shows that the file was run"
    assert set(installation.migrations().values()) == {1}
    assert differences(state(installation), reference("pl")["state"]) == []


def printed(text, answer):
    """The option that an error message offers."""
    line = next(line for line in text.splitlines() if "-e '" in line and f'"answer": "{answer}"' in line)
    return json.loads(line[line.index("-e '") + 4 : line.rindex("'")])


def lie_about_sql(installation, alarms):
    """trap 36: nobody repeats it without being told so; returns the decision to repeat it, and the output."""
    words = ["release", "update", "db", "pgsql", "--microservice=pl-i18n-service"]
    installation.faults({"match": words, "kind": "lie", "text": WORDS, "stream": "stdout"}, *alarms)
    lied = installation.play("site")
    assert lied.rc == 2 and "the database shows nothing of it" in lied.text, lied.text[-3000:]
    entry = installation.ledger()[SQL]
    assert entry["state"] == "unknown" and installation.migrations() == {}
    asked = installation.play("site")
    assert asked.rc == 2 and "the outcome of this SQL step is unknown" in asked.text
    return {"monq_resolve": {SQL: {"answer": "retry", "attempt": entry["attempt"]}}}, lied.text
