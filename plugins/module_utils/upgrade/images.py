# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""release update images: what the registry of images shows of it, where monq_image_registry names one."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request

from ..k8s import objects, rollout
from .image_names import of_version, split

TIMEOUT = 10  # seconds for one request
PAGES = 50  # pages of a list of tags
VERSIONED = re.compile(r"v?\d+\.\d+")


class Images:
    """release update images: where monq_image_registry is set, each image repository that the module's Deployments use
    has a tag of the new version. Images that only the new release uses cannot be known before Replace."""

    argv = ("release", "update", "images")

    def __init__(self, session, step, _clock):
        module = step.key.split(".")[1]
        self._session, self._data = session, session.release["modules"][module]
        self._registry = ImageRegistry(session.params["image_registry"])
        self.where, self.doubt, self.seen = f"image registry {self._registry.host}", "", None
        self.proof = f"a tag of version {self._data['version']} of each image that module {module} uses"

    def look(self, _repeated):
        """The repositories that can be asked about: those in this registry whose tags are versions today."""
        own, found = self._session.release["registry_deployment"], {}
        deployments = objects.deployments(self._session.cluster, self._session.namespace)
        for deployment in rollout.selected(deployments, self._data["deployments"]):
            for image in rollout.images(deployment):
                host, repository, tag = split(image)
                if deployment["metadata"]["name"] != own and host == self._registry.host and VERSIONED.match(tag):
                    found[repository] = tag
        if not found:
            self.doubt = f"no Deployment of the module uses a versioned image of {self._registry.host}"
        return sorted(found)

    def missing(self, repositories):
        """The repositories without such a tag; nothing where the registry cannot be asked, as that proves nothing."""
        try:
            version = self._data["version"]
            left = [one for one in repositories if not any(of_version(t, version) for t in self._registry.tags(one))]
        except (OSError, ValueError) as exc:
            self.doubt = f"{self.where} cannot be asked: {exc}"
            return ""
        self.seen = {"repositories": len(repositories), "missing": len(left)}
        return f"no such tag: {', '.join(left[:5])}{' …' if len(left) > 5 else ''}" if left else ""


class ImageRegistry:
    """A registry of images (OCI distribution API), asked without credentials."""

    def __init__(self, address):
        scheme, _sep, rest = address.rpartition("://")
        self.host = rest.strip("/")
        self._url = f"{scheme or 'https'}://{self.host}/v2/"

    def tags(self, repository):
        """The tags of a repository; none if the registry does not know it. Raises OSError or ValueError otherwise."""
        url, found = self._url + urllib.parse.quote(repository) + "/tags/list?n=1000", set()
        for _page in range(PAGES):
            try:
                with urllib.request.build_opener().open(url, timeout=TIMEOUT) as answer:
                    found.update(json.load(answer).get("tags") or [])
                    following = re.search(r"<([^>]+)>\s*;\s*rel=\"?next", answer.headers.get("Link") or "")
            except urllib.error.HTTPError as exc:
                if exc.code == 404:
                    return set()
                raise OSError(f"status {exc.code} for {urllib.parse.urlsplit(url).path}") from exc
            if not following:
                return found
            url = urllib.parse.urljoin(url, following[1])
        raise ValueError(f"more than {PAGES} pages of tags of {repository}")
