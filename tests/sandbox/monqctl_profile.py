# GNU General Public License v3.0+
"""How a simulated monqctl speaks: layout, language, banner, colours, line ends, and how Replace goes about it. What it
does is the same. The real one's words are not known, so that tests must not hang on ours."""

import contextlib
import io
import json
import random
import sys

LAYOUTS = ("vendor", "frame", "box", "blanks", "numbered", "dots", "colons", "tabs")
CONTEXTS = ("plain", "labelled", "starred", "quoted", "hinted")
VERSIONS = ("plain", "runtime", "second", "labelled")
JSONS = ("plain", "log", "items", "texts")
SUMMARIES = ("", "Failed: 0", "10 objects, 0 errors", "anonymous (unauthorized) pull: disabled", "ошибок: 0")
PLAIN = {
    "layout": "vendor",
    "context": "plain",
    "version": "plain",
    "json": "plain",
    "russian": False,
    "colours": False,
    "mark": False,
    "crlf": False,
    "progress": False,
    "summary": "",
    "replace": "anew",
}
# Made by hand, each of them far from the others.
PROFILES = {
    "plain": PLAIN,
    "boxes": {**PLAIN, "layout": "box", "context": "labelled", "version": "runtime", "colours": True, "json": "items"},
    "russian": {
        **PLAIN,
        "layout": "blanks",
        "context": "hinted",
        "russian": True,
        "progress": True,
        "summary": "ошибок: 0",
    },
    "windows": {**PLAIN, "layout": "numbered", "context": "quoted", "mark": True, "crlf": True, "json": "texts"},
    "updating": {
        **PLAIN,
        "layout": "dots",
        "context": "starred",
        "version": "second",
        "json": "log",
        "replace": "update",
    },
}
RUSSIAN = {"Failed": "Сбой", "OK": "Работает", "Healthy": "В норме", "Up": "Доступен", "Name": "Компонент"}
RUSSIAN["Status"] = "Состояние"


def drawn(seed):
    """A profile drawn from a seed."""
    choice = random.Random(seed).choice
    either = (False, True)
    return {
        "layout": choice(LAYOUTS),
        "context": choice(CONTEXTS),
        "version": choice(VERSIONS),
        "json": choice(JSONS),
        **{name: choice(either) for name in ("russian", "colours", "mark", "crlf", "progress")},
        "summary": choice(SUMMARIES),
        "replace": choice(("anew", "update")),
    }


class Speaker:
    """Says what a call has to say, in the words of a profile."""

    def __init__(self, profile):
        self.profile = {**PLAIN, **(profile or {})}
        self.out = io.StringIO() if self.profile != PLAIN else sys.stdout

    @contextlib.contextmanager
    def heard(self):
        """What is printed meanwhile is said in the end; a call that dies has said it as well as the plain one."""
        if self.out is sys.stdout:
            yield
            return
        try:
            with contextlib.redirect_stdout(Lines(self)):
                yield
        finally:
            sys.stdout.flush()

    def say(self, text):
        """One piece of text, to the terminal."""
        if self.profile["colours"]:
            text = "".join(f"\033[36m{line}\033[0m\n" if line else "\n" for line in text.split("\n")[:-1])
        if self.profile["crlf"]:
            text = text.replace("\n", "\r\n")
        sys.__stdout__.write(text)
        sys.__stdout__.flush()

    def begin(self):
        if self.profile["mark"]:
            sys.__stdout__.write("\ufeff")

    def end(self, changing):
        if changing and self.profile["progress"]:
            sys.__stdout__.write("".join(f"working {percent} %\r" for percent in (0, 50, 100)) + "\n")
        if changing and self.profile["summary"]:
            self.say(self.profile["summary"] + "\n")

    # --- what has a form

    def table(self, rows, head=("Name", "Status")):
        if self.profile["russian"]:
            rows = [[RUSSIAN.get(cell, cell) for cell in row] for row in rows]
            head = [RUSSIAN[cell] for cell in head]
        for line in getattr(self, self.profile["layout"])(rows, head):
            print(line)

    @staticmethod
    def vendor(rows, _head):
        line = "-------------------------"
        return [line, *(part for row in rows for part in (" | ".join(row), line))]

    @staticmethod
    def frame(rows, head):
        line = "+----------------+--------+"
        return [line, f"| {' | '.join(head)} |", line, *(f"| {' | '.join(row)} |" for row in rows), line]

    @staticmethod
    def box(rows, head):
        lines = [f"│ {' │ '.join(row)} │" for row in (head, *rows)]
        return ["┌──────┬──────┐", lines[0], "├──────┼──────┤", *lines[1:], "└──────┴──────┘"]

    @staticmethod
    def blanks(rows, head):
        return [f"{row[0]:30}{row[1]}" for row in (head, *rows)]

    @staticmethod
    def numbered(rows, head):
        return [f"# | {' | '.join(head)}", *(f"{number} | {' | '.join(row)}" for number, row in enumerate(rows, 1))]

    @staticmethod
    def dots(rows, _head):
        return ["Registry:", *(f"  {row[0]} ........ {row[1]}" for row in rows)]

    @staticmethod
    def colons(rows, _head):
        return [f"{row[0]}: {row[1]}" for row in rows]

    @staticmethod
    def tabs(rows, head):
        return ["\t".join(row) for row in (head, *rows)]

    def show(self, data):
        form = self.profile["json"]
        if isinstance(data, list) and form == "items":
            data = {"items": data, "total": len(data)}
        if isinstance(data, list) and form == "texts":
            data = [{**row, "Replicas": str(row["Replicas"])} if "Replicas" in row else row for row in data]
        elif isinstance(data, dict) and form == "texts" and "Replicas" in data:
            data = {**data, "Replicas": str(data["Replicas"])}
        if form == "log":
            print("[INFO] asking the registry")
        print(json.dumps(data, indent=2, ensure_ascii=False))
        if form == "log":
            print("[12:00:01] done in 0.2 s")

    def context(self, name):
        label = "Текущий контекст" if self.profile["russian"] else "Current context"
        said = {
            "plain": name,
            "labelled": f"{label}: {name}",
            "starred": f"* {name}",
            "quoted": f'"{name}"',
            "hinted": f"{name}\n\nHint: monqctl config use-context NAME switches",
        }
        print(said[self.profile["context"]])

    def version(self, number):
        said = {
            "plain": f"monqctl version v{number}",
            "runtime": f".NET 6.0.9, monqctl v{number}",
            "second": f"The Monq platform's client\nv{number}",
            "labelled": f"Monq CLI\n  Version: {number}\n  Runtime: .NET 8.0.1",
        }
        print(said[self.profile["version"]])


class Lines(io.TextIOBase):
    """Hands whole lines on."""

    def __init__(self, speaker):
        self._speaker, self._rest = speaker, ""

    def write(self, text):
        whole, newline, self._rest = (self._rest + text).rpartition("\n")
        if newline:
            self._speaker.say(whole + newline)
        return len(text)

    def flush(self):
        sys.__stdout__.flush()
