"""Which namespaces this machine lets the tests have: in a chroot or some containers there are none for users."""

from __future__ import annotations

import functools
import subprocess


@functools.cache
def possible(*options):
    """Whether `unshare` with these options works."""
    return not subprocess.run(["unshare", *options, "true"], check=False, capture_output=True).returncode
