"""Tables of every layout that people's clients print, and JSON with something around it."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.monqctl import tables
from ansible_collections.monq.platform.plugins.module_utils.terminal import clean

LINE = "-------------------------"
LAYOUTS = {
    "the vendor's": f"{LINE}\nPostgreSQL | OK\n{LINE}\nDocker hub | Failed\n{LINE}\n",
    "without rulers": "PostgreSQL|OK\nDocker hub|Failed\n",
    "framed": "+---+---+\n| Name | Status |\n+---+---+\n| PostgreSQL | OK |\n| Docker hub | Failed |\n+---+---+\n",
    "markdown": "| Service | State |\n|:--------|------:|\n| PostgreSQL | OK |\n| Docker hub | Failed |\n",
    "box": "┌───┬───┐\n│ Name │ Status │\n├───┼───┤\n│ PostgreSQL │ OK │\n│ Docker hub │ Failed │\n└───┴───┘\n",
    "double box": "╔═══╦═══╗\n║ PostgreSQL ║ OK ║\n║ Docker hub ║ Failed ║\n╚═══╩═══╝\n",
    "numbered": "# | Name | Status\n1 | PostgreSQL | OK\n2 | Docker hub | Failed\n",
    "numbered, blanks": "1.  PostgreSQL   OK\n2.  Docker hub   Failed\n",
    "blanks": "NAME         STATUS\nPostgreSQL   OK\nDocker hub   Failed\n",
    "blanks, with a title": "Registry status:\n\nPostgreSQL   OK\nDocker hub   Failed\n\n2 rows\n",
    "tabs": "PostgreSQL\tOK\nDocker hub\tFailed\n",
    "dots": "PostgreSQL ....... OK\nDocker hub ....... Failed\n",
    "colons": "PostgreSQL: OK\nDocker hub: Failed\n",
    "colours": "\x1b[1mPostgreSQL\x1b[0m | \x1b[32mOK\x1b[0m\r\nDocker hub | \x1b[31mFailed\x1b[0m\r\n",
    "Russian headers": "Компонент    Состояние\n----------   ---------\nPostgreSQL   OK\nDocker hub   Failed\n",
    "a byte order mark": "\ufeffPostgreSQL | OK\nDocker hub | Failed\n",
    "progress before": "asking…\rasking… 50%\rPostgreSQL | OK\nDocker hub | Failed\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout):
    """trap 28"""
    assert tables.pairs(clean(LAYOUTS[layout])) == {"PostgreSQL": "OK", "Docker hub": "Failed"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("------\n===\n", {}),
        ("Registry status:\n", {}),
        ("everything is fine\n", {}),
        ("PostgreSQL: OK\n", {}),
        ("PostgreSQL OK\nK8s Failed\n", {"PostgreSQL": "OK", "K8s": "Failed"}),
        ("✓ PostgreSQL  up\n✗ K8s  no answer\n", {"PostgreSQL": "✓ up", "K8s": "✗ no answer"}),
        ("Consul | Failed | since 10:00\n", {"Consul": "Failed since 10:00"}),
        ("1 | PostgreSQL | Failed\nx | K8s | OK\n", {"1": "PostgreSQL Failed", "x": "K8s OK"}),
        ("|  | OK |\n| K8s | OK |\n", {"K8s": "OK"}),
    ],
)
def test_what_else_is_a_table(text, expected):
    assert tables.pairs(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", {}),
        (" [1]\n", [1]),
        ('\ufeff{"a": "К8s"}', {"a": "К8s"}),
        ('[INFO] asking\n{"a": [1, 2]}\n[10:00:01] done in 2 s', {"a": [1, 2]}),
        ('[1]\n{"a": [1, 2]}\n', {"a": [1, 2]}),
        ('\x1b[32m{\n  "a": 1\n}\x1b[0m\nTook 3 s', {"a": 1}),
        ("3", 3),
    ],
)
def test_json_in_a_text(text, expected):
    assert tables.find_json(clean(text)) == expected


@pytest.mark.parametrize("text", ["", "nothing", '{"a": ', "[INFO] done", 'x {"a": 1}'])
def test_no_json(text):
    """trap 16"""
    with pytest.raises(ValueError):
        tables.find_json(text)
