# GNU General Public License v3.0+
"""Small JSON files, read and written as a whole, and a lock. Imports little, because the monqctl simulator must start
fast."""

import fcntl
import json
import os


def read_json(path, default=None):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return default


def write_json(path, data, mode=0o600):
    """Writes the file atomically: readers never see half of it."""
    scratch = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1, ensure_ascii=False)
        file.write("\n")
    os.replace(scratch, path)


class Locked:
    """A lock across processes. It is held on the folder itself, so that no lock file is left over."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.handle = os.open(self.folder, os.O_RDONLY)
        fcntl.flock(self.handle, fcntl.LOCK_EX)

    def __exit__(self, *_unused):
        os.close(self.handle)
