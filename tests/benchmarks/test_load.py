"""A run against an API server under load, beside an undisturbed one: wall time, and how many requests it sends."""

from __future__ import annotations

from benchmarks import figures
from support.api_proxy import Proxy
from support.load import Load

CALM = "an undisturbed run"
LOADS = {
    "that throttles every fourth request": Load(throttled=4),
    "that takes 500 ms a request": Load(delay=0.5),
    "that drops every tenth connection": Load(dropped=10, lost=25),
}


def test_load(install):
    calm = Load()
    quiet = run(install, calm)
    for what, load in LOADS.items():
        taken = run(install, load)
        figures.add(f"wall time, an API server {what}", taken, CALM, quiet)
        figures.add(f"requests, an API server {what}", load.requests, CALM, calm.requests, "", goal=2)


def run(install, load):
    installation = install("site-run", modules="pl", alias=False)
    proxy = Proxy(installation.sandbox.facts["kubeconfig"])
    proxy.hook = load
    installation.variables(monq_kubeconfig=proxy.kubeconfig(installation.work / "loaded"))
    done = installation.play("site")
    proxy.close()
    assert done.rc == 0, done.text[-3000:]
    return done.seconds
