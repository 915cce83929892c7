"""A plan of each shape of installation, compared with the run that follows it: its steps, whether they change anything,
and the calls of monqctl."""

from __future__ import annotations

import base64
import dataclasses
import itertools

import pytest
from ansible_collections.monq.platform.plugins.module_utils.approval.reading import Reading
from ansible_collections.monq.platform.plugins.module_utils.engine.steps import Step
from ansible_collections.monq.platform.plugins.module_utils.upgrade import calls
from fake_cluster import CONFIGMAPS, INGRESSES, SECRETS, ingress
from fake_planning import World
from fake_session import PLAN
from plans import FULL, VARIABLES

REDO = "prepare.registry.update"


@dataclasses.dataclass
class Shape:
    """plan, given: what differs from pl of one domain. before: the key at which an earlier run ended, "" for its end.
    elsewhere: it ran in another home. again: a done step that is to be done again. generation: of the upgrade."""

    plan: dict = dataclasses.field(default_factory=dict)
    given: dict = dataclasses.field(default_factory=dict)
    before: str | None = None
    elsewhere: bool = False
    again: str = ""
    generation: int = 1


def offline():
    sources = {"registry_source_dir": "/srv/registry", "release_source_dir": "/srv/release"}
    return Shape({"online": False, "variables": {**VARIABLES, **sources}})


SHAPES = {
    "pl alone": Shape(),
    "every module": Shape({"modules": FULL}),
    "an alias": Shape(
        {"modules": ["pl", "cl"]}, {"alias_domains": ["alias.example.org"], "alias_ingresses": ["frontend-alias"]}
    ),
    "one wait for all rollouts": Shape({"modules": FULL, "rollout_gate": "end"}),
    "images in the outage": Shape({"modules": ["pl", "sm"], "prefetch_images": False}),
    "counts entered by hand": Shape({"registry_replicas": "manual"}),
    "a home that is configured": Shape({"configure": True, "modules": ["pl", "fm"]}),
    "offline": offline(),
    "dumps in the outage": Shape({"backup_in_outage": True, "backup_databases": ["pl-users-service"]}),
    "resumed before the outage": Shape({"modules": ["pl", "cl"]}, before="upgrade.routing.cut"),
    "resumed within it": Shape({"modules": FULL}, before="upgrade.pl.microservices.replace"),
    "resumed from another home": Shape({"configure": True}, before="upgrade.routing.wait", elsewhere=True),
    "a step done again": Shape(before="upgrade.routing.cut", again=REDO),
    "after a rollback": Shape(generation=2),
    "after two, and resumed": Shape({"modules": ["pl", "sm"]}, before="prepare.registry.status", generation=3),
    "finished": Shape(before=""),
}


class Installation:
    """A World of that shape, and runs on it."""

    def __init__(self, folder, shape):
        self.world, self.folder = World(folder), folder
        self.world.given.update(shape.given)
        self.world.given["plan"] = {"variables": VARIABLES, **shape.plan}
        token = base64.b64encode(b"s3cret").decode()
        self.world.put(f"{SECRETS}/registry-token", {"data": {"token": token, "secure_token": token}})
        self.world.put(f"{INGRESSES}/frontend-alias", ingress("frontend-alias", "alias.example.org"))
        if shape.generation > 1:
            self._rolled_back(shape.generation)
        self.lock = self.session().lease.acquire("us")
        self.resolve = {}
        if shape.before is not None:
            (folder / "elsewhere").mkdir()
            self.run(folder / "elsewhere" if shape.elsewhere else folder, shape.before)
        if shape.again:
            entry = self.session().run.ledger.get(shape.again)
            self.resolve = {shape.again: {"answer": "redo", "attempt": entry["attempt"]}}

    def _rolled_back(self, generation):
        notes = {"monq.platform/attempt": str(generation - 1), "monq.platform/state": "finished"}
        self.world.put(f"{CONFIGMAPS}/monq-rollback-6.0.0", {"metadata": {"annotations": notes}, "data": {}})

    def session(self, where=None, lock_id="", check_mode=False):
        more = {"lock_id": lock_id, "resolve": getattr(self, "resolve", {})}
        return self.world.session(check_mode=check_mode, home=where or self.folder, **more)

    def plan(self):
        reading = Reading(self.session(check_mode=True), connect=self.world.server)
        return reading.plan("production")["shown"]["steps"]

    def run(self, where=None, before=""):
        """Executes every step up to that one, each by a session of its own, as tasks do: [(key, changed)]."""
        executed = []
        self.session(where, self.lock).run.begin()
        keys = [step.key for step in self.session(where).run.plan]
        for key in itertools.takewhile(lambda key: key != before, keys):
            session = self.session(where, self.lock)
            perform(session, session.run.step(key))
            executed += [(done, session.run.result()["changed"]) for done in session.run.done]
        return executed


class Unseen:
    """Effects that nobody looks for: no service of ours answers to monqctl."""

    warnings, evidence = (), {}

    def after(self, _step, call, repeated=False):
        return call()


def perform(session, step: Step):
    """A call of monqctl by the code that makes it; what others change in the cluster is not of interest here."""
    if step.argv:
        calls.execute(session, step.key, "s3cret" if step.secret else "", Unseen())
    else:
        session.run.execute(step.key, lambda: None)


@pytest.fixture(params=SHAPES)
def installation(request, tmp_path):
    return Installation(tmp_path, SHAPES[request.param])


def test_a_run_executes_and_changes_what_its_plan_says(installation):
    rows = installation.plan()
    assert [row["key"] for row in rows] == [step.key for step in installation.session().run.plan]
    predicted = installation.session(check_mode=True)
    for step in predicted.run.plan:
        perform(predicted, step)
    told = installation.world.monqctl.changed
    told.clear()
    expected = [row for row in rows if row["will_run"]]
    executed = installation.run()
    assert executed == [(row["key"], row["changes"]) for row in expected]
    assert predicted.run.predicted == [row["key"] for row in expected]
    assert [["monqctl", *argv] for argv, *_rest in told] == [row["argv"] for row in expected if row["argv"]]
    assert {row["will_run"] for row in installation.plan()} == {False}, "it is done"


def test_these_shapes_differ(tmp_path):
    """Else ten would be one: each list of what will run is another, up to what only the page shows."""
    seen = {}
    for number, (name, shape) in enumerate(SHAPES.items()):
        (tmp_path / str(number)).mkdir()
        rows = Installation(tmp_path / str(number), shape).plan()
        seen[name] = [(row["key"], row["argv"], row["will_run"]) for row in rows]
    same = [pair for pair in itertools.combinations(seen, 2) if seen[pair[0]] == seen[pair[1]]]
    assert same == [("pl alone", "after a rollback")], "all steps of it are due again"
    assert PLAN["modules"] == ["pl"] and len(SHAPES) >= 10
