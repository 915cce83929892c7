# GNU General Public License v3.0+
"""Saves the whole state of an installation under a label: Kubernetes objects, databases, registry, Release Hub,
monqctl's home, images, instructions for the kubelet.

The journal and the faults are not included, as they belong to the test. Controllers must not see objects disappear and
reappear (the garbage collector remembers dead owners), so the controller manager and the kubelet are stopped
meanwhile."""

import os
import re
import shutil

from etcd import Etcd
from files import read_json, write_json

TREES = ("registry", "release-hub", "exported", "home")
FILES = ("images.json", "kubelet.json")


def label_folder(installation, label):
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", label):
        raise SystemExit(f"not a usable label: {label}")
    if not installation.state.data.get("etcd"):
        raise SystemExit("save and load need the sandbox's own control plane")
    return installation.state.path("saved", installation.name, label)


def copy(source, target):
    for part in TREES:
        shutil.rmtree(os.path.join(target, part), ignore_errors=True)
        shutil.copytree(os.path.join(source, part), os.path.join(target, part), symlinks=True)
    for part in FILES:
        shutil.copyfile(os.path.join(source, part), os.path.join(target, part))


def save(installation, label):
    folder = label_folder(installation, label)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "databases"), mode=0o700)
    copy(installation.dir, folder)
    databases = installation.postgres.save(installation.name, label, os.path.join(folder, "databases"))
    write_json(
        os.path.join(folder, "saved.json"),
        {
            "settings": installation.settings,
            "databases": databases,
            "objects": Etcd(installation.state.data["etcd"]).objects(installation.name),
        },
    )


def load(installation, label, watchers):
    folder = label_folder(installation, label)
    saved = read_json(os.path.join(folder, "saved.json"))
    if not saved:
        raise SystemExit(f"{installation.name}: nothing is saved as {label}")
    installation.settings.update(saved["settings"])
    services = [row["name"] for _module, row in installation.services(installation.modules)]
    databases = installation.begin(
        installation.postgres.renew, installation.name, services, saved["databases"], os.path.join(folder, "databases")
    )
    put_back(installation, saved["objects"], watchers)
    copy(folder, installation.dir)
    databases.done()


def put_back(installation, objects, watchers):
    pause, resume = watchers
    pause()
    try:
        Etcd(installation.state.data["etcd"]).put_back(installation.name, objects)
    finally:
        resume()
