# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a changing call of monqctl must have done, where it can be seen. The effect decides over the client's words: a
call that claims success without one is not done, and one that succeeds with alarming words is."""

from __future__ import annotations

import time

from ..errors import CommandError
from ..k8s import objects, rollout
from ..monqctl.registry import TEMPLATE
from .image_names import of_version, split
from .images import Images

POLL = 0.5
SETTLED = 5  # seconds for which a Deployment that is gone must stay away to count as dropped by the release
ALARMED = 5  # seconds for the effect of a call whose words say that it failed
NAMED = 5  # objects that a message names


class Effects:
    """Makes calls and looks at their effects. Clock and sleep are injected."""

    def __init__(self, session, clock=time.monotonic, sleep=time.sleep):
        self._session, self._patience, self._clock, self._sleep = session, session.patience, clock, sleep
        self._say = session.progress.say
        self.warnings, self.evidence = [], {}

    def after(self, step, call, effect=None, repeated=False):
        """Makes the call; returns its output once its effect is seen, at once where there is none to see.

        repeated: an earlier attempt may have had the effect. Raises CommandError where the effect is missing, and where
        the call itself has failed.
        """
        effect = effect or self._effect(step)
        if not effect:
            return call()
        before = effect.look(repeated)
        try:
            output, alarm = call(), None
        except CommandError as exc:
            if not exc.only_words:
                raise
            output, alarm = exc.details.get("output", ""), exc
        missing = self._wait(lambda: effect.missing(before), min(ALARMED, self._patience) if alarm else self._patience)
        doubt = getattr(effect, "doubt", "")
        if missing or (alarm and doubt):
            raise alarm or self._unproved(step, effect, missing)
        if alarm:
            self.warnings.append(f"{step.key}: {alarm.what}, {alarm.seen.splitlines()[0]}; but {effect.proof}")
        if doubt:
            self.warnings.append(f"{step.key}: monqctl's word is all there is: {doubt}")
        elif getattr(effect, "seen", None):
            self.evidence[step.key] = effect.seen
        return output

    def _effect(self, step):
        asked = (Images,) if self._session.params["image_registry"] else ()
        kinds = {tuple(kind.argv): kind for kind in (Context, Registry, Routes, Replaced, *asked)}
        found = next((kind for words, kind in kinds.items() if tuple(step.argv[: len(words)]) == words), None)
        return found(self._session, step, self._clock) if found else None

    def _wait(self, missing, patience):
        """What is missing, or an empty string as soon as nothing is. Waits while something still changes."""
        end, last = self._clock() + patience, None
        while True:
            found = missing()
            if not found:
                return ""
            if found != last and last is not None:
                end = max(end, self._clock() + patience)
            last = found
            if self._clock() >= end:
                return found
            self._say(f"monqctl has returned, its effect is awaited: {found}")
            self._sleep(POLL)

    def _unproved(self, step, effect, missing):
        error = CommandError(
            f"monqctl reported success, but its effect is not there: {step.title}",
            effect.where,
            effect.proof,
            missing,
            "run the same command again to repeat the call; if it was done after all, add\n    "
            + self._session.run.choice(step.key, "done", self._session.run.ledger.get(step.key)["attempt"]),
        )
        error.unknown = True
        return error


class Context:
    """config use-context: the name is what config current-context says."""

    argv = ("config", "use-context")

    def __init__(self, session, step, _clock):
        self._client, self._name = session.monqctl, step.argv[2]
        self.where, self.proof = f"monqctl in {session.monqctl.home}", f"current context {self._name}"

    def look(self, _repeated):
        return None

    def missing(self, _before):
        seen = self._client.current_context()
        return "" if seen == self._name else f"current context {seen}"


class Registry:
    """registry update registry: its Deployment has other images than before prepare, or those of the new version."""

    argv = ("registry", "update", "registry")

    def __init__(self, session, _step, _clock):
        self._session, self._version = session, session.release["registry_version"]
        self._name = session.release["registry_deployment"]
        self.where = f"Deployment {session.namespace}/{self._name}"
        self.proof = f"a new image, of version {self._version}"

    def look(self, _repeated):
        return self._images_of(self._session.snapshot("original")["deployments"])

    def missing(self, before):
        now = self._images_of(objects.deployments(self._session.cluster, self._session.namespace))
        if now and (now != before or all(_is_of(image, self._version) for image in now)):
            return ""
        return f"images {', '.join(now)}, as before" if now else "no such Deployment"

    def _images_of(self, deployments):
        return [
            image for deployment in rollout.selected(deployments, [self._name]) for image in rollout.images(deployment)
        ]


class Template:
    """registry apply service K8s: what is read back is what was applied."""

    argv = ("registry", "apply", "service")

    def __init__(self, session, wanted):
        self._client, self._wanted = session.monqctl, wanted
        self.where, self.proof = "K8s template in the registry", "the template that was applied"

    def look(self, _repeated):
        return None

    def missing(self, _before):
        return "" if self._client.read_json(*TEMPLATE) == self._wanted else "another template"


class Routes:
    """release update routing: an Ingress was created or changed. A repeated call may find the work of the first one."""

    argv = ("release", "update", "routing")

    def __init__(self, session, _step, _clock):
        self._session = session
        self.where, self.proof = f"Ingresses in {session.namespace}", "an Ingress that was created or changed"

    def look(self, repeated):
        old = self._session.snapshot("cut")["ingresses"] if repeated else self._now()
        return {route["metadata"]["uid"]: route["metadata"].get("generation", 0) for route in old}

    def missing(self, before):
        now = self._now()
        if any(before.get(route["metadata"]["uid"]) != route["metadata"].get("generation", 0) for route in now):
            return ""
        return f"{len(now)} Ingresses, none of them new or changed"

    def _now(self):
        return objects.routes(self._session.cluster, self._session.namespace)


class Replaced:
    """release update microservices: each Deployment of the module is another object than in the snapshot, or has
    another pod template, or has had the release's images before."""

    argv = ("release", "update", "microservices")

    def __init__(self, session, step, clock):
        self._session, self._clock, self._gone, self._since = session, clock, None, 0.0
        self._data = session.release["modules"][step.key.split(".")[1]]
        self.where = f"Deployments {', '.join(self._data['deployments'])} in {session.namespace}"
        self.proof = "each of them replaced, or with a new pod template"

    def look(self, _repeated):
        """The Deployments of the snapshot: an earlier attempt may have replaced some already. Where the registry's
        counts are known, a Deployment that it does not know is none of its own."""
        counts = self._session.snapshot("cut-replicas")
        known = {name for name, row in counts.items() if row["registry"] is not None}
        found = rollout.selected(self._session.snapshot("cut")["deployments"], self._data["deployments"])
        return {d["metadata"]["name"]: d for d in found if not known or d["metadata"]["name"] in known}

    def missing(self, before):
        now = {d["metadata"]["name"]: d for d in _deployments(self._session, self._data["deployments"])}
        old = [name for name, deployment in now.items() if name in before and self._is_old(before[name], deployment)]
        gone = [name for name in before if name not in now]
        if gone and not old and self._settled(gone):
            gone = self._expected(gone)
        parts = [("still the old ones", old), ("missing", gone)]
        return "; ".join(f"{what}: {_named(names)}" for what, names in parts if names)

    def _settled(self, gone):
        """Whether these have been missing for a while: a Replace that is going on brings them back one by one."""
        if gone != self._gone:
            self._gone, self._since = gone, self._clock()
        return self._clock() - self._since >= SETTLED

    def _expected(self, names):
        """Those that the registry still knows. A release may drop a service. All of them while the registry, which is
        replaced too, does not answer: it is asked again at the next look."""
        registry = self._session.registry
        try:
            known = registry.entries() if registry else {}
        except CommandError:
            return names
        return [name for name in names if name in known]

    def _is_old(self, then, now):
        if then["metadata"]["uid"] != now["metadata"]["uid"] or then["spec"]["template"] != now["spec"]["template"]:
            return False
        return not all(_is_of(image, self._data["version"]) for image in rollout.images(now))


def _deployments(session, patterns):
    return rollout.selected(objects.deployments(session.cluster, session.namespace), patterns)


def _is_of(image, version):
    return of_version(split(image)[2], version)


def _named(names):
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(sorted(names)[:NAMED]) + more
