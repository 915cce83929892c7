"""The plan's steps: their keys and order, what they touch, what the engine must know of them."""

from __future__ import annotations

import itertools
import re

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError
from plans import BY_CHOICE, FULL, VARIABLES, keys, make
from repository import RELEASE


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


def test_no_secret_can_get_into_the_plan():
    """trap 7: tokens are placeholders until the call, so neither fingerprint nor results can hold one"""
    plan = make(configure=True, releasehub_token="s3cret", registry_token="s3cret", secret="s3cret")
    assert "s3cret" not in repr(plan)
    assert [step.key for step in plan if step.secret] == [step.key for step in plan if "{secret}" in (step.argv or [])]


# ---- what is refused


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
            r"upgrade\.(pl|sm|cl|fm)\.database\..+|upgrade\.(pl|sm|cl|fm)\.microservices\.replace"
            r"|upgrade\.routing\.apply\..+"
            r"|prepare\.(registry_template\.apply|registry_token\.credential|registry\.update"
            r"|release\.use-version|release_hub\.token)",
        ),
        (steps.MAKES_CONTEXT, r"prepare\.monqctl\..+"),
        (steps.IF_KNOWN, r"prepare\.monqctl\.credential"),
        (
            steps.OUTLIVES,
            r"upgrade\.(pl|sm|cl|fm)\.(database\..+|microservices\.replace|cache\..+|images|replicas\.registry)"
            r"|upgrade\.routing\.apply\..+"
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
