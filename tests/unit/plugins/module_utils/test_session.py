"""What a module works with: opened by keywords out of its options."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from ansible_collections.monq.platform.plugins.module_utils import session
from ansible_collections.monq.platform.plugins.module_utils.engine.lease import FRESH, Lease
from ansible_collections.monq.platform.plugins.module_utils.errors import LockError
from ansible_collections.monq.platform.plugins.module_utils.monqctl.registry import RegistryReplicas
from fake_cluster import CONFIGMAPS, LEASES, FakeCluster
from fake_session import opened, params
from made_bundle import Made

LEASE = f"{LEASES}/monq-upgrade"


def test_a_session_without_a_lock_reads_and_makes_nothing(tmp_path):
    cluster = FakeCluster()
    seen = opened(cluster, home=tmp_path / "home", spool_directory=str(tmp_path / "backup"))
    assert not seen.run.ledger.exists and not seen.run.is_done("prepare.snapshot.original")
    assert cluster.bodies == [] and list(tmp_path.iterdir()) == []


def test_it_reads_the_ledger_once(tmp_path):
    cluster = FakeCluster()
    seen = opened(cluster, home=tmp_path)
    for step in seen.run.plan:
        seen.run.is_done(step.key)
    read = [path.rpartition("/")[2] for method, path in cluster.calls if path.startswith(CONFIGMAPS)]
    assert read == ["monq-upgrade-6.0.0", "monq-rollback-6.0.0"]  # the second tells the number of a first generation


def test_it_shows_others_that_the_holder_is_alive(tmp_path):
    cluster = FakeCluster()
    lock = Lease(cluster, "production", 120).acquire("us")
    before = cluster.objects[LEASE]["spec"]["renewTime"]
    opened(cluster, home=tmp_path, lock_id=lock)
    assert cluster.objects[LEASE]["spec"]["renewTime"] > before


def test_right_before_monqctl_reads_a_bundle_it_says_how_many_bytes_it_has_read(tmp_path):
    made, said = Made(tmp_path), []
    progress = SimpleNamespace(say=lambda *words: said.append(words))
    given = params(home=tmp_path, plan={"variables": made.variables()})
    client = session.client(given, progress=progress)
    client._before(["registry", "update", "registry", f"--sourceDir={made.root}/registry"])
    assert said == [("of the bundle read: registry/image.tar", "700 B", "700 B")]


@pytest.mark.parametrize("asked", ["cluster", "monqctl"])
def test_a_step_that_lost_the_lock_writes_nothing_more(tmp_path, asked):
    cluster = FakeCluster()
    lock = Lease(cluster, "production", 120).acquire("us")
    seen = opened(cluster, home=tmp_path, lock_id=lock)
    fence = {"cluster": seen.cluster.fence, "monqctl": session.client(seen.params, seen.run.fence)._fence}[asked]

    def act():
        fence()
        Lease(cluster, "production", 120).unlock(lock, False)
        moment = seen.run._lease._clock()
        seen.run._lease._clock = lambda: moment + FRESH
        fence()

    seen.run.begin()
    with pytest.raises(LockError, match="no longer holds the lock"):
        seen.run.execute(seen.run.plan[0].key, act)


def test_monqctl_knows_the_secrets_of_both_options_and_those_of_the_kubeconfig():
    given = params(mask='["hunter2"]', monqctl_environment='{"A_TOKEN": "t0ken"}')
    assert session.client(given, secrets=["kub3"]).secrets.mask("hunter2 t0ken kub3") == "******** ******** ********"


@pytest.mark.parametrize(("replicas", "kind"), [("monqctl", RegistryReplicas), ("manual", type(None))])
def test_counts_that_are_entered_by_hand_have_no_registry(replicas, kind):
    assert isinstance(opened(plan={"registry_replicas": replicas}).registry, kind)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("original", "prepare.snapshot.original"),
        ("original-replicas", "prepare.replicas.original"),
        ("cut", "upgrade.snapshot.cut"),
        ("cut-replicas", "upgrade.replicas.cut"),
    ],
)
def test_a_snapshot_is_proved_by_the_digest_of_its_own_step(name, key):
    seen = opened()
    digest = seen.store.save(name, {"of": name})
    seen.run.ledger.entries[key] = {"state": "done", "result": digest}
    assert seen.snapshot(name) == {"of": name}
    assert key in {step.key for step in seen.run.plan}


def test_the_lock_shows_the_step_while_it_is_executed(tmp_path):
    cluster = FakeCluster()
    lock = Lease(cluster, "production", 120).acquire("us")
    session_ = opened(cluster, home=tmp_path, lock_id=lock, progress={"budget": 60})
    first, seen = session_.run.plan[0].key, []

    def act():
        session_.progress.say("half of it")
        session_.run.renew()
        seen.append(cluster.objects[LEASE]["metadata"]["annotations"]["monq.platform/progress"])

    session_.run.execute(first, act)
    total = len(session_.run.plan)
    assert seen[0].endswith(f"Z step 1 of {total} snapshot original · half of it")


def test_the_lock_shows_the_outage(tmp_path):
    cluster = FakeCluster()
    lock = Lease(cluster, "production", 120).acquire("us")
    session_ = opened(cluster, home=tmp_path, lock_id=lock)
    keys = [step.key for step in session_.run.plan]
    cut = keys.index("upgrade.routing.cut")
    marker = session_.run._home = "here"
    for key in keys[:cut]:
        session_.run.ledger.entries[key] = {"state": "done", "homes": [marker]}
    session_.run.execute(keys[cut], lambda: session_.progress.say("pause"))
    assert re.search(r"Z outage 00:0\d · step \d+ of \d+ routing cut · pause$", session_.progress.annotation())


def test_warnings_are_shown_by_the_module_and_are_no_part_of_its_result():
    """ansible-core deprecates warnings that are handed to exit_json"""
    seen, shown = opened(), []
    seen.warnings.append("monqctl's word is all there is")
    assert set(seen.result(shown.append)) == {"changed", "steps"}
    assert shown == ["monqctl's word is all there is"]
