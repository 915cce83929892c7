# GNU General Public License v3.0+
"""A monqctl that plays a transcript back: each call gets the reply that was recorded for the same words, in order; the
last one again when they are used up. A call that was not recorded ends with 64.

usage: playback.py TRANSCRIPT WORDS…    install(TRANSCRIPT, FILE) writes an executable that is called as monqctl is."""

import json
import os
import shlex
import sys

from files import read_json

UNKNOWN = 64


def replies(path):
    """[{argv, status, output, …}] of a transcript."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def install(transcript, executable):
    with open(executable, "w", encoding="utf-8") as file:
        words = [sys.executable, os.path.realpath(__file__), os.path.abspath(transcript), os.path.abspath(executable)]
        file.write(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    os.chmod(executable, 0o700)
    return str(executable)


def main(transcript, executable, argv):
    used_file = executable + ".used"
    used = read_json(used_file, {})
    words = json.dumps(argv)
    found = [row for row in replies(transcript) if row["argv"] == argv]
    if not found:
        print(f"Error: not in the transcript: {shlex.join(argv)}", file=sys.stderr)
        return UNKNOWN
    row = found[min(used.get(words, 0), len(found) - 1)]
    with open(used_file, "w", encoding="utf-8") as file:
        json.dump({**used, words: used.get(words, 0) + 1}, file)
    sys.stdout.write(row["output"])
    return max(0, row["status"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
