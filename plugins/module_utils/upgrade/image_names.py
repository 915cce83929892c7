# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of images."""

from __future__ import annotations


def split(image):
    """(host, repository, tag) of an image's name; the host is empty for an image of the default registry."""
    name, _at, _digest = image.partition("@")
    head, slash, rest = name.partition("/")
    hosted = slash and ("." in head or ":" in head or head == "localhost")
    host, path = (head, rest) if hosted else ("", name)
    repository, colon, tag = path.rpartition(":")
    return (host, repository, tag) if colon else (host, path, "")


def of_version(tag, version):
    """Whether a tag begins with a version."""
    tag = tag[1:] if tag.startswith("v") else tag
    return tag == version or tag.startswith((version + "-", version + ".", version + "+", version + "_"))
