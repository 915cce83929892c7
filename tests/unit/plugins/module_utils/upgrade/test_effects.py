"""What a call must have done, whatever it says: a client that lies, one that is late, and one whose words alarm."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.upgrade.effects import Effects
from ansible_collections.monq.platform.plugins.module_utils.upgrade.home import complete
from fake_cluster import DEPLOYMENTS, FakeCluster, deployment
from fake_session import FakeMonqctl, FakeSession, Runs
from repository import RELEASE

INGRESSES = "/apis/extensions/v1beta1/namespaces/production/ingresses"
PLAN = steps.plan(RELEASE, ["pl", "cl"], configure=True, context="production", credential_name="x", releasehub_name="h")
REGISTRY = RELEASE["registry_deployment"]


def step_of(key):
    return next(step for step in PLAN if step.key == key)


def of(name, uid, image, generation=1):
    made = deployment(name, 1)
    made["metadata"].update(uid=uid, generation=generation)
    made["spec"]["template"]["spec"]["containers"] = [{"name": name, "image": f"registry:5000/{name}:{image}"}]
    return made


def route(name, uid, generation=1):
    return {"metadata": {"name": name, "uid": uid, "generation": generation}, "spec": {}}


class World:
    """An installation, a clock, and what a call does to it, at once or after so many seconds."""

    def __init__(self, key, before=(), routes=(), registry=None):
        self.cluster, self.seconds, self.due = FakeCluster(), 0.0, []
        run = Runs(PLAN, {key: {"state": "intent", "attempt": "a5f0c2a"}})
        saved = {"deployments": copy.deepcopy(list(before)), "ingresses": copy.deepcopy(list(routes))}
        self.counts = {}
        snapshots = {"cut": saved, "original": saved, "cut-replicas": self.counts}
        self.session = FakeSession(self.cluster, run, snapshots, FakeMonqctl(), registry)
        self.session.patience, self.session.monqctl.home = 60, "/home/op"
        self.step = step_of(key)
        for made in before:
            self.put(made)
        for made in routes:
            self.cluster.put(f"{INGRESSES}/{made['metadata']['name']}", made)

    def put(self, made):
        self.cluster.put(f"{DEPLOYMENTS}/{made['metadata']['name']}", made)

    def sleep(self, seconds):
        self.seconds += seconds
        for entry in [entry for entry in self.due if entry[0] <= self.seconds]:
            self.due.remove(entry)
            entry[1]()

    def call(self, act=lambda: None, late=0.0, words=None, repeated=False):
        """The output of a call that does something. words: of a call that ends well, but speaks of failure."""

        def made():
            self.due.append((late, act)) if late else act()
            if words:
                error = CommandError("monqctl failed", "context", "no failure", words, output=words)
                error.only_words = True
                raise error
            return "done."

        self.effects = Effects(self.session, clock=lambda: self.seconds, sleep=self.sleep)
        return self.effects.after(self.step, made, repeated=repeated)


def replaced():
    before = [of("cl-a", "1", "1.6.0"), of("cl-b", "2", "1.6.0")]
    world = World("upgrade.cl.microservices.replace", before)
    return world, lambda: [world.put(of("cl-a", "8", "1.7.0")), world.put(of("cl-b", "9", "1.7.0"))]


def updated():
    before = [of("cl-a", "1", "1.6.0"), of("cl-b", "2", "1.6.0")]
    world = World("upgrade.cl.microservices.replace", before)
    return world, lambda: [world.put(of("cl-a", "1", "1.7.0", 2)), world.put(of("cl-b", "2", "1.7.0", 2))]


def registry():
    world = World("prepare.registry.update", [of(REGISTRY, "1", "3.1.0")])
    return world, lambda: world.put(of(REGISTRY, "1", "3.2.0", 2))


def created():
    world = World("upgrade.routing.apply.cl", (), [route("cl-old", "1")])
    return world, lambda: world.cluster.put(f"{INGRESSES}/cl-new", route("cl-new", "2"))


def changed():
    world = World("upgrade.routing.apply.cl", (), [route("cl-old", "1")])
    return world, lambda: world.cluster.put(f"{INGRESSES}/cl-old", route("cl-old", "1", 2))


def context():
    world, seen = World("prepare.monqctl.use-context"), ["staging"]
    world.session.monqctl.current_context = lambda: seen[-1]
    return world, lambda: seen.append("production")


WORLDS = [replaced, updated, registry, created, changed, context]


@pytest.mark.parametrize("make", WORLDS)
def test_a_call_that_does_its_work_is_done_at_once(make):
    world, act = make()
    assert world.call(act) == "done." and world.seconds == 0 and world.effects.warnings == []


@pytest.mark.parametrize("make", WORLDS)
def test_a_call_that_only_says_so_is_not_done(make):
    """status 0, cheerful words, nothing done"""
    world, _act = make()
    with pytest.raises(CommandError, match="its effect is not there") as caught:
        world.call()
    assert caught.value.unknown and caught.value.seen and world.seconds >= 60
    assert f"{world.step.key}: done a5f0c2a" in caught.value.next_step


@pytest.mark.parametrize("make", WORLDS)
def test_a_call_that_returns_too_early_is_waited_for(make):
    world, act = make()
    assert world.call(act, late=40) == "done." and 40 <= world.seconds < 60


@pytest.mark.parametrize("make", WORLDS)
def test_a_call_that_succeeds_with_alarming_words_goes_on_with_a_warning(make):
    world, act = make()
    assert world.call(act, words="Error: 0 of 2 left") == "Error: 0 of 2 left"
    assert len(world.effects.warnings) == 1 and "Error: 0 of 2 left" in world.effects.warnings[0]


@pytest.mark.parametrize("make", WORLDS)
def test_alarming_words_without_the_effect_are_a_failure(make):
    world, _act = make()
    with pytest.raises(CommandError, match="^monqctl failed"):
        world.call(words="Error: no space")
    assert world.seconds <= 6


def test_a_warning_of_a_client_step_reaches_the_module():
    world, act = context()
    world.session.run.plan = [world.step]

    def change(argv, *_given, **_more):
        act()
        error = CommandError("monqctl failed", seen="Error: no colours here")
        error.only_words = True
        raise error

    world.session.monqctl.change = change
    complete(world.session)
    assert len(world.session.warnings) == 1 and "no colours here" in world.session.warnings[0]


def test_a_failure_that_is_more_than_words_stays_one():
    world, act = replaced()

    def fail():
        act()
        raise CommandError("exit status 1")

    with pytest.raises(CommandError, match="exit status 1"):
        Effects(world.session).after(world.step, fail)


def test_one_deployment_that_is_still_the_old_one_is_named():
    world, _act = replaced()
    with pytest.raises(CommandError) as caught:
        world.call(lambda: world.put(of("cl-a", "8", "1.7.0")))
    assert caught.value.seen == "still the old ones: cl-b"


def test_a_count_that_an_autoscaler_has_changed_is_no_effect():
    world, _act = replaced()
    scaled = of("cl-a", "1", "1.6.0", 7)
    scaled["spec"]["replicas"] = 4
    with pytest.raises(CommandError, match="its effect is not there"):
        world.call(lambda: [world.put(scaled), world.put(of("cl-b", "9", "1.7.0"))])


def test_what_bears_the_releases_version_already_needs_no_change():
    world = World("upgrade.cl.microservices.replace", [of("cl-a", "1", "1.6.0"), of("cl-b", "2", "1.7.0-4")])
    assert world.call(lambda: world.put(of("cl-a", "8", "1.7.0"))) == "done."


def test_an_earlier_attempt_may_have_replaced_them():
    world, act = replaced()
    act()
    assert world.call(repeated=True) == "done." and world.seconds == 0


def test_a_deployment_that_is_none_of_the_registrys_is_not_waited_for():
    """somebody's own, with a name like those of the module"""
    world, _act = replaced()
    world.counts.update({"cl-a": {"registry": 1}, "cl-b": {"registry": None}})
    assert world.call(lambda: world.put(of("cl-a", "8", "1.7.0"))) == "done."


class Known:
    def __init__(self, *names):
        self._names = names

    def entries(self):
        return dict.fromkeys(self._names, {})


@pytest.mark.parametrize(("known", "dropped"), [(None, True), (Known("cl-a"), True), (Known("cl-a", "cl-b"), False)])
def test_a_service_that_the_release_drops_is_not_waited_for(known, dropped):
    """one that the registry still knows is only late"""
    world, _act = replaced()
    world.session.registry = known

    def act():
        world.put(of("cl-a", "8", "1.7.0"))
        world.cluster.delete(f"{DEPLOYMENTS}/cl-b")

    if dropped:
        assert world.call(act) == "done." and 5 <= world.seconds < 10
    else:
        with pytest.raises(CommandError) as caught:
            world.call(act)
        assert caught.value.seen == "missing: cl-b"


def test_a_registry_that_is_starting_is_asked_again():
    """Replace restarts the registry as well, which may take longer than the wait for what is gone."""
    world, _act = replaced()
    world.session.registry = known = Known("cl-a")
    answers = iter([CommandError("503")] * 3)
    entries = known.entries

    def asked():
        for error in answers:
            raise error
        return entries()

    known.entries = asked

    def act():
        world.put(of("cl-a", "8", "1.7.0"))
        world.cluster.delete(f"{DEPLOYMENTS}/cl-b")

    assert world.call(act) == "done." and next(answers, None) is None


def test_a_routing_that_an_earlier_attempt_has_applied_is_accepted():
    world, act = created()
    act()
    with pytest.raises(CommandError):
        world.call()
    assert world.call(repeated=True) == "done."


@pytest.mark.parametrize(("image", "enough"), [("3.1.1", True), ("3.1.0", False), ("3.2.0-rc1", True)])
def test_the_registrys_new_image(image, enough):
    world = World("prepare.registry.update", [of(REGISTRY, "1", "3.1.0")])

    def act():
        world.put(of(REGISTRY, "1", image, 2))

    if enough:
        assert world.call(act) == "done."
    else:
        with pytest.raises(CommandError, match="its effect is not there"):
            world.call(act)


@pytest.mark.parametrize("key", ["prepare.pl.images", "upgrade.pl.cache.pl-i18n-service"])
def test_what_has_no_effect_to_see_is_the_clients_word(key):
    assert World(key).call() == "done."
