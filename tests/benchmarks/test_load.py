"""A run against an API server under load, beside an undisturbed one: wall time, and how many requests it sends."""

from __future__ import annotations

from benchmarks import figures
from support.api_proxy import Proxy
from support.comparison import differences, state
from support.load import Load

CALM = "an undisturbed run"
LOADS = {
    "that throttles every fourth request": Load(throttled=4),
    "that takes 500 ms a request": Load(delay=0.5),
    "that drops every tenth connection": Load(dropped=10, lost=25),
}


def test_load(install):
    """The end state of each is that of the undisturbed run, by kubectl, psql and the registry's files."""
    calm = Load()
    quiet, end = run(install, calm)
    requests = []
    for what, load in LOADS.items():
        taken, found = run(install, load)
        figures.add(f"wall time, an API server {what}", taken, CALM, quiet)
        name = f"requests, an API server {what}"
        requests.append(figures.add(name, load.requests, CALM, calm.requests, "", goal=2))
        assert differences(end, found) == [], what
    # Counts do not depend on the machine: they fail, unlike wall time. All figures are kept before.
    assert [row["what"] for row in requests if not row["reached"]] == []


def run(install, load):
    """Returns the seconds of an upgrade under that load, and the state that it ends in."""
    installation = install("site-run", modules="pl", alias=False)
    proxy = Proxy(installation.sandbox.facts["kubeconfig"])
    proxy.hook = load
    installation.variables(monq_kubeconfig=proxy.kubeconfig(installation.work / "loaded"))
    done = installation.play("site")
    proxy.close()
    assert done.rc == 0, done.text[-3000:]
    return done.seconds, state(installation)
