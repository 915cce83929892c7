"""An outage as the tests see it, beside the run that makes it."""

from __future__ import annotations

import json
import threading
import time

from .recorder import Alertmanager, Recorder, moment

WEBHOOK_KEY = "k9xw3f5nd1hunter2a7q"


class Seen:
    """A page of Monq that is there as long as the cluster has a route to it, an Alertmanager, a webhook, and a look at
    the cluster of the test's own."""

    def __init__(self, installation):
        self.installation = installation
        self.monq, self.alerts, self.webhook = Recorder(), Alertmanager(), Recorder()
        self.changes = []  # (second, whether there is a route), by kubectl
        self.silent = []  # seconds that the silence lasted when a message came
        self.webhook.answer = self._told
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _told(self, _request):
        now = time.time()
        self.silent.append([round(moment(one["endsAt"]) - now) for one in self.alerts.active()])
        return 200, ""

    def _look(self):
        domain = self.installation.facts["domain"]
        while not self._stop.is_set() and len(self.changes) < 3:
            found = self.installation.objects("ingresses.v1beta1.extensions")
            up = any(rule.get("host") == domain for one in found for rule in one["spec"]["rules"])
            if not self.changes or self.changes[-1][1] != up:
                self.monq.status = 200 if up else 404
                self.changes.append((time.time(), up))
            self._stop.wait(0.3)

    @property
    def variables(self):
        self.hook = self.installation.work / "hook.yml"
        self.hook.write_text(json.dumps([{"name": "A hook of the site", "ansible.builtin.ping": {}}]))
        return {
            "monq_probe_url": self.monq.url,
            "monq_verify_api_versions": True,
            "monq_silence": {"url": self.alerts.url, "matchers": [{"name": "service", "value": "monq"}]},
            "monq_notify": [{"url": f"{self.webhook.url}/{WEBHOOK_KEY}"}],
            "monq_hooks": {"before_cut": str(self.hook), "after_outage": str(self.hook)},
        }

    def __enter__(self):
        for server in (self.monq, self.alerts, self.webhook):
            server.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_given):
        self._stop.set()
        self._thread.join()
        for server in (self.monq, self.alerts, self.webhook):
            server.__exit__()
