"""The plan: the vendor's calls in the vendor's order, for every choice of modules, and what the ledger makes of it."""

from __future__ import annotations

import itertools
import json
import re
import shlex

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError
from repository import CHOICES, RELEASE, ROOT, load

VARIABLES = {
    "context": "production",
    "instance_name": "monq",
    "credential_name": "cred",
    "releasehub_name": "hub",
    "releasehub_server": "https://release-hub.monqlab.com",
    "registry_server": "https://registry.monq.test",
    "registry_source_dir": "",
    "registry_k8s_api": "",
    "release_source_dir": "",
}
# What stands in the notes for a value, and what the plan has in its place.
PLACEHOLDERS = {
    "<name>": "hub",
    "<cred name>": "cred",
    "$token": "{secret}",
    "registry-k8s-template.json": "{file}",
    "<папка с экспортированным обновлением>": "/media/bundle",
}
FULL = ["pl", "sm", "cl", "fm"]
BY_CHOICE = pytest.mark.parametrize("modules", CHOICES, ids=" ".join)


def make(modules=None, **given):
    return steps.plan(RELEASE, modules or list(FULL), **{**VARIABLES, **given})


def keys(plan):
    return [step.key for step in plan]


def vendor_calls(modules, offline=False):
    calls = []
    for section in load("tests/unit/data/vendor_calls.yml"):
        if section.get("module", "pl") in modules:
            for line in section["offline" if offline and "offline" in section else "calls"]:
                for placeholder, value in PLACEHOLDERS.items():
                    line = line.replace(placeholder, value)
                calls.append(shlex.split(line)[1:])
    return calls


@BY_CHOICE
def test_the_literal_order_is_the_vendors_call_for_call(modules):
    """traps 29, 30, 31, 33, 34, 40, 45"""
    plan = make(modules, prefetch_images=False)
    assert [step.argv for step in plan if step.argv] == vendor_calls(modules)


@BY_CHOICE
def test_the_order_in_which_modules_are_declared_does_not_matter(modules):
    assert keys(make(list(reversed(modules)))) == keys(make(modules))


@BY_CHOICE
def test_prefetch_moves_the_images_and_nothing_else(modules):
    """trap 25"""
    early, literal = make(modules), make(modules, prefetch_images=False)
    images = [["release", "update", "images", f"--module={m}"] for m in FULL if m in modules]

    def rest(plan):
        return [(step.key, step.argv) for step in plan if step.argv not in images]

    assert rest(early) == rest(literal)
    assert [step.argv for step in early if step.argv in images] == images
    assert keys(early).index(f"prepare.{[m for m in FULL if m in modules][-1]}.images") < keys(early).index(
        "upgrade.routing.cut"
    )
    assert all(key.startswith("upgrade.") for key in keys(literal) if key.endswith(".images"))


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (["pl"], ["pl"]),
        (["pl", "sm"], ["pl", "sm", "sm_monq.json"]),
        (["pl", "cl", "fm"], ["pl", "cl", "fm"]),
        (FULL, ["pl", "cl", "sm", "fm", "sm_monq.json"]),
    ],
)
def test_routing_has_an_order_of_its_own(modules, expected):
    """traps 29, 30, 31"""
    prefix = "upgrade.routing.apply."
    assert [key[len(prefix) :] for key in keys(make(modules)) if key.startswith(prefix)] == expected


@BY_CHOICE
def test_keys_are_unique_and_fit_a_configmap(modules):
    for prefetch, configure, online, replicas in itertools.product(
        [True, False], [True, False], [True, False], ["monqctl", "manual"]
    ):
        found = keys(
            make(modules, prefetch_images=prefetch, configure=configure, online=online, registry_replicas=replicas)
        )
        assert len(set(found)) == len(found)
        assert not [key for key in found if not re.fullmatch(r"[-._a-z0-9]+", key)]
        assert {key.split(".")[0] for key in found} == {"prepare", "upgrade", "verify"}


@BY_CHOICE
def test_everything_is_saved_before_anything_is_changed(modules):
    """traps 12, 15, 35, 41: the seals come first, counts directly before the cut, and all SQL after it"""
    plan = make(modules)
    found = keys(plan)
    changing = [i for i, step in enumerate(plan) if step.argv and step.kind == "cluster"]
    assert found.index("prepare.snapshot.original") < found.index("prepare.replicas.original") < changing[0]
    backups = [i for i, key in enumerate(found) if key.startswith("prepare.backup.")]
    assert backups and max(backups) < changing[0]
    cut = found.index("upgrade.routing.cut")
    assert found[cut - 2 : cut] == ["upgrade.snapshot.cut", "upgrade.replicas.cut"]
    assert all(i > cut for i, step in enumerate(plan) if step.ask)


@BY_CHOICE
def test_counts_come_back_right_after_replace_and_before_the_rollout_gate(modules):
    """traps 40, 42, 44: for every module, cl among them; Kubernetes first, so that pods start while the registry is
    written"""
    found = keys(make(modules))
    for module in modules:
        at = found.index(f"upgrade.{module}.microservices.replace")
        expected = [
            "replicas.kubernetes",
            *(["registry.env"] if module == "pl" else []),
            "replicas.registry",
            "microservices.rollout",
        ]  # trap 10
        assert found[at + 1 : at + 1 + len(expected)] == [f"upgrade.{module}.{what}" for what in expected]


@BY_CHOICE
def test_with_the_gate_at_the_end_rollouts_and_caches_come_last(modules):
    """monq_rollout_gate: end. Each cache is cleared after the rollout of what reads it; all else stays in its order."""
    early, late = make(modules), make(modules, rollout_gate="end")
    chosen = [module for module in FULL if module in modules]
    rollouts = [f"upgrade.{module}.microservices.rollout" for module in chosen]
    caches = [step.key for step in early if ".cache." in step.key]
    assert keys(late)[-1 - len(rollouts + caches) : -1] == rollouts + caches
    moved = {*rollouts, *caches}
    assert [key for key in keys(late) if key not in moved] == [key for key in keys(early) if key not in moved]
    assert sorted(keys(late)) == sorted(keys(early))
    assert (steps.fingerprint(late) in steps.fingerprints(early)) == (modules == ["pl"]), (
        "another order is another upgrade"
    )


def test_counts_of_the_registry_can_be_left_to_the_operator():
    found = keys(make(registry_replicas="manual"))
    assert not [key for key in found if key.endswith(".replicas.registry")]
    assert [key for key in found if key.endswith(".replicas.kubernetes")] == [
        f"upgrade.{m}.replicas.kubernetes" for m in FULL
    ]


def test_the_token_is_given_again_after_the_registry_was_updated():
    """trap 10"""
    found = keys(make())
    assert found[found.index("prepare.registry.update") + 1] == "prepare.registry.env"


def test_one_sql_file_for_four_modules_makes_four_steps():
    """traps 33, 34: one name, other content; and cl changes a database that belongs to pl"""
    found = [key for key in keys(make()) if key.endswith("userspace-configuration.sql")]
    assert found == [f"upgrade.{m}.database.pl-userspaces-api-service.userspace-configuration.sql" for m in FULL]
    assert "upgrade.cl.database.pl-identity-service.sqls_pl-identity-service.sql" in keys(make(["pl", "cl"]))


def test_sql_key_writes_a_slash_as_underscore():
    assert (
        steps.sql_key("pl", "pl-i18n-service", "sqls/pl-i18n-service.sql")
        == "upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql"
    )


@BY_CHOICE
def test_exactly_the_sql_asks_and_cannot_be_taken_back(modules):
    """trap 35"""
    plan = make(modules)
    assert [s.key for s in plan if s.ask] == [
        s.key for s in plan if s.argv and s.argv[:3] == ["release", "update", "db"]
    ]
    assert {s.undo for s in plan if s.ask} == {"irreversible"}
    assert {s.undo for s in plan} <= {"reversible", "compensable", "irreversible"}


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (
            ["pl"],
            [
                "pl-i18n-service",
                "pl-automaton-rules-api-service",
                "pl-user-grants-api-service",
                "pl-userspaces-api-service",
            ],
        ),
        (
            FULL,
            [
                "pl-i18n-service",
                "pl-automaton-rules-api-service",
                "pl-user-grants-api-service",
                "pl-userspaces-api-service",
                "cl-streams-service",
                "pl-identity-service",
                "fm-projects-api-service",
            ],
        ),
    ],
)
def test_what_the_sql_touches(modules, expected):
    assert steps.touched(RELEASE, modules) == expected


@pytest.mark.parametrize(
    ("modules", "chosen", "expected"),
    [
        pytest.param(
            ["pl"], None, [*steps.touched(RELEASE, ["pl"]), "pl-identity-service"], id="the vendor's pair is added"
        ),
        pytest.param(["pl"], [], [*steps.touched(RELEASE, ["pl"]), "pl-identity-service"], id="empty means all"),
        pytest.param(FULL, None, steps.touched(RELEASE, FULL), id="all seven, none twice"),
        pytest.param(
            FULL,
            ["cl-streams-service"],
            ["cl-streams-service", "pl-user-grants-api-service", "pl-identity-service"],
            id="chosen, and the pair",
        ),
    ],
)
def test_what_is_backed_up(modules, chosen, expected):
    """trap 32"""
    assert steps.backed_up(RELEASE, modules, chosen) == expected
    stages = [
        [
            key.rpartition(".")[2]
            for key in keys(make(modules, backup_databases=chosen))
            if key.startswith(f"{stage}.backup.")
        ]
        for stage in ("prepare", "upgrade")
    ]
    assert stages == [expected, expected]


@BY_CHOICE
def test_offline_the_vendors_call_for_call(modules):
    """trap 27"""
    plan = make(
        modules,
        prefetch_images=False,
        online=False,
        registry_source_dir="/media/bundle",
        release_source_dir="/media/bundle",
    )
    assert [step.argv for step in plan if step.argv] == vendor_calls(modules, offline=True)[
        1:
    ]  # the Release Hub is not there


def test_the_api_under_another_address():
    found = {step.key: step.argv for step in make(registry_k8s_api="https://10.0.0.1:6443")}
    assert found["prepare.registry.update"] == [
        "registry",
        "update",
        "registry",
        "--version=3.2.0",
        "--k8s-api=https://10.0.0.1:6443",
    ]


def test_offline_needs_no_release_hub():
    """trap 26: the old token is of no interest where nothing is fetched"""
    online, offline = keys(make()), keys(make(online=False))
    assert [key for key in online if key not in offline] == ["prepare.release_hub.token"]


def test_configure_puts_client_steps_first():
    """trap 47"""
    plain, plan = make(), make(configure=True)
    added = plan[: len(plan) - len(plain)]
    assert plan[len(added) :] == plain
    assert {step.kind for step in added} == {"client"}
    assert [step.argv for step in added] == [
        ["config", "set", "instance", "monq", "--server=https://registry.monq.test"],
        ["config", "set", "context", "production", "--instance=monq", "--credential=cred", "--releasehub=hub"],
        ["config", "use-context", "production"],
        ["config", "set", "credential", "cred", "--registry-token", "{secret}"],
    ]


def test_client_steps_are_those_that_change_a_home():
    plan = make(configure=True)
    clients = [step for step in plan if step.kind == "client"]
    assert [step.key for step in clients if not step.key.startswith("prepare.monqctl.")] == [
        "prepare.release_hub.token",
        "prepare.registry_token.credential",
        "prepare.release.use-version",
    ]
    cut = keys(plan).index("upgrade.routing.cut")
    assert all(keys(plan).index(step.key) < cut for step in clients)


@pytest.mark.parametrize(
    ("modules", "words"),
    [
        ([], ["empty"]),
        (None, ["empty"]),
        ("pl", ["empty"]),
        (["sm"], ["mandatory", "pl"]),
        (["pl", "xx"], ["unknown", "xx"]),
        (["pl", "PL"], ["unknown", "PL"]),
        (["pl", None], ["unknown", "None"]),
        (["pl", "sm", "sm"], ["twice", "sm"]),
        (["pl", "pl"], ["twice", "pl"]),
    ],
)
def test_modules_that_are_refused(modules, words):
    """trap 29"""
    with pytest.raises(InputError) as caught:
        steps.plan(RELEASE, modules, **VARIABLES)
    for word in [*words, "monq_modules", "next:"]:
        assert word in str(caught.value)


def test_a_database_that_is_listed_twice_is_refused():
    with pytest.raises(InputError) as caught:
        make(backup_databases=["cl-streams-service", "cl-streams-service"])
    assert "prepare.backup.database.cl-streams-service" in str(caught.value)


def test_what_is_not_set_becomes_no_word_none():
    plan = steps.plan(RELEASE, ["pl"], releasehub_name=None, credential_name="cred", release_source_dir=None)
    argv = [word for step in plan if step.argv for word in step.argv]
    assert all(isinstance(word, str) for word in argv) and "None" not in argv


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        (
            "upgrade.pl.cache",
            [
                "upgrade.pl.cache.pl-i18n-service",
                "upgrade.pl.cache.pl-user-grants-api-service",
                "upgrade.pl.cache.pl-userspaces-api-service",
            ],
        ),
        ("upgrade.pl.images", []),
        ("prepare.pl.images", ["prepare.pl.images"]),
        (
            "prepare.registry",
            ["prepare.registry.update", "prepare.registry.env", "prepare.registry.status"],
        ),  # neither registry_template nor registry_token
        ("prepare.registry_t", []),
        ("upgrade.sm.replicas", ["upgrade.sm.replicas.kubernetes", "upgrade.sm.replicas.registry"]),
    ],
)
def test_the_steps_of_a_phase(prefix, expected):
    assert keys(steps.below(make(), prefix)) == expected


# ---- what the engine must know of a step


@pytest.mark.parametrize(
    ("trait", "pattern"),
    [
        (steps.SNAPSHOT, r"(prepare|upgrade)\.(snapshot|replicas)\.(original|cut)"),
        (steps.CUTOVER, r"upgrade\.routing\.cut"),
        (steps.CLOSES, r"verify\.installation\.check"),
        # trap 11: before every SQL, Replace, routing and template call; and before what prepares monqctl, release and
        # registry
        (
            steps.IN_CONTEXT,
            r"upgrade\.(pl|sm|cl|fm)\.database\..+|upgrade\.(pl|sm|cl|fm)\.microservices\.replace|upgrade\.routing\.apply\..+"
            r"|prepare\.(registry_template\.apply|registry_token\.credential|registry\.update|release\.use-version|release_hub\.token)",
        ),
        (steps.MAKES_CONTEXT, r"prepare\.monqctl\..+"),
        (steps.IF_KNOWN, r"prepare\.monqctl\.credential"),
        (
            steps.OUTLIVES,
            r"upgrade\.(pl|sm|cl|fm)\.(database\..+|microservices\.replace|cache\..+|images|replicas\.registry)|upgrade\.routing\.apply\..+"
            r"|prepare\.(registry_template\.apply|registry\.update|(pl|sm|cl|fm)\.images)",
        ),
    ],
)
@pytest.mark.parametrize("more", [{}, {"configure": True}, {"prefetch_images": False}], ids=str)
def test_a_step_carries_its_traits(trait, pattern, more):
    plan = make(**more)
    assert [step.key for step in plan if trait in step.traits] == [
        key for key in keys(plan) if re.fullmatch(pattern, key)
    ]


def recorded():
    return json.loads((ROOT / "tests/unit/data/fingerprints-1.0.json").read_text(encoding="utf-8"))


def described(row):
    return " ".join(
        [*row["modules"], *[f"{name}={value}" for name, value in row.items() if name not in ("modules", "sha256")]]
    )


@pytest.mark.parametrize("row", recorded(), ids=described)
def test_an_upgrade_that_was_begun_with_version_1_0_has_the_same_steps(row):
    """Recorded with the code of then: only the order after Replace has changed, and such an upgrade is ended by this
    one."""
    given = {key: value for key, value in row.items() if key != "sha256"}
    plan = steps.plan(RELEASE, **given)
    assert row["sha256"] in steps.fingerprints(plan) and steps.fingerprint(plan) != row["sha256"]
    for other in (
        {"prefetch_images": not given.get("prefetch_images", True)},
        {"modules": ["pl"] if len(given["modules"]) > 1 else ["pl", "sm"]},
    ):
        assert row["sha256"] not in steps.fingerprints(steps.plan(RELEASE, **{**given, **other}))


# ---- what the ledger makes of the plan


@pytest.mark.parametrize(
    ("kind", "entry", "home", "expected"),
    [
        ("cluster", None, None, False),
        ("cluster", {}, None, False),
        ("cluster", {"state": "intent"}, None, False),
        ("cluster", {"state": "failed"}, None, False),
        ("cluster", {"state": "unknown"}, None, False),
        ("cluster", {"state": "done"}, None, True),
        ("cluster", {"state": "accepted"}, None, True),
        ("gate", {"state": "done"}, None, True),
        ("client", {"state": "done", "homes": ["a", "b"]}, "b", True),
        ("client", {"state": "done", "homes": ["a"]}, "b", False),
        ("client", {"state": "done", "homes": ["a"]}, None, False),
        ("client", {"state": "done"}, "a", False),
        ("client", {"state": "failed", "homes": ["a"]}, "a", False),
    ],
)
def test_is_done(kind, entry, home, expected):
    step = steps.Step("a.b.c", kind, "reversible", False, None, "", "", "")
    assert steps.is_done(step, entry, home) is expected


def all_done(plan, home="here"):
    return {step.key: {"state": "done", "homes": [home]} for step in plan}


def test_first_missing_names_the_first_in_order():
    plan = make()
    entries = all_done(plan)
    assert steps.first_missing(plan, entries, plan[-1].key, "here") is None
    assert steps.first_missing(plan, {}, plan[0].key, "here") is None
    assert steps.first_missing(plan, {}, plan[1].key, "here") == plan[0]
    for at in range(len(plan) - 1):
        without = {key: entry for key, entry in entries.items() if key != plan[at].key}
        assert steps.first_missing(plan, without, plan[-1].key, "here") == plan[at]


@pytest.mark.parametrize("key", ["upgrade.sm.images", "verify.nothing.check", ""])
def test_a_step_outside_the_plan_has_no_predecessors_but_an_error(key):
    plan = make(["pl"])
    with pytest.raises(InputError):
        steps.first_missing(plan, all_done(plan), key, "here")


def test_another_home_lacks_the_client_steps_but_verify_needs_them_in_some_home_only():
    """trap 47"""
    plan = make()
    entries = all_done(plan)
    assert (
        steps.first_missing(plan, entries, "upgrade.pl.cache.pl-i18n-service", "elsewhere").key
        == "prepare.release_hub.token"
    )
    assert steps.first_missing(plan, entries, "verify.installation.check", "elsewhere") is None
    entries["prepare.release.use-version"] = {"state": "failed"}
    assert (
        steps.first_missing(plan, entries, "verify.installation.check", "elsewhere").key
        == "prepare.release.use-version"
    )


def test_outage_lasts_from_the_cut_to_the_last_step_of_the_upgrade():
    plan = make()
    entries = all_done(plan, "elsewhere")
    found = keys(plan)
    seen = []
    for count in range(len(plan) + 1):
        seen.append(steps.outage(plan, {key: entries[key] for key in found[:count]}))
    cut, last = found.index("upgrade.routing.cut"), max(i for i, key in enumerate(found) if key.startswith("upgrade."))
    assert seen == ["up"] * (cut + 1) + ["down"] * (last - cut) + ["up"] * (len(plan) - last)


@pytest.mark.parametrize("state", ["intent", "failed", "unknown"])
def test_a_cut_that_was_begun_counts_as_down(state):
    assert steps.outage(make(), {"upgrade.routing.cut": {"state": state}}) == "down"


def test_the_fingerprint_follows_the_plan():
    first = steps.fingerprint(make())
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert steps.fingerprint(make()) == first
    others = [
        make(["pl"]),
        make(prefetch_images=False),
        make(backup_in_outage=True),
        make(backup_databases=["cl-streams-service"]),
    ]
    assert len({first, *map(steps.fingerprint, others)}) == 5


def test_a_corrected_place_is_no_other_upgrade():
    """Where something lies, and which home monqctl has, may change between two runs of one upgrade."""
    others = [
        make(registry_k8s_api="https://x"),
        make(registry_source_dir="/srv"),
        make(release_source_dir="/srv", online=False),
        make(configure=True, context="c"),
    ]
    assert {steps.fingerprint(make()), *map(steps.fingerprint, others)} == {steps.fingerprint(make())}


def test_no_secret_can_get_into_the_plan():
    """trap 7: tokens are placeholders until the call, so neither fingerprint nor results can hold one"""
    plan = make(configure=True, releasehub_token="s3cret", registry_token="s3cret", secret="s3cret")
    assert "s3cret" not in repr(plan)
    assert [step.key for step in plan if step.secret] == [step.key for step in plan if "{secret}" in (step.argv or [])]
