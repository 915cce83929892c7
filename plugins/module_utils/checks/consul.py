# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database that a microservice really uses: read where the vendor's services read it, in Consul's KV store."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request

from ..redaction.text import redact
from .finding import STOP, WARNING, finding

SECONDS = 10
SETTING = "postgresql:defaultconnection:connectionstring"
NAMES = {
    "host": "host",
    "server": "host",
    "datasource": "host",
    "port": "port",
    "database": "database",
    "db": "database",
    "initialcatalog": "database",
}
PART = re.compile(r"\s*([^=;]+?)\s*=\s*(\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|[^;]*)\s*(?:;|$)")


def examine(consul, databases, server, secrets=(), ask=None):
    """Findings on the databases. consul: url, token, environment. databases: [{microservice, database}]. server: host
    and port that the databases are dumped from. Nothing of a connection string but host, port and database is shown."""
    found, ask = [], ask or _ask
    for item in databases:
        key = key_of(consul["environment"], item["microservice"])
        try:
            text = ask(consul["url"], key, consul.get("token") or "")
            found += _compare(item, server, text, key, consul["url"])
        except urllib.error.HTTPError as exc:
            found.append(_unread(key, consul["url"], "readable", f"status {exc.code}"))
            if exc.code != 404:
                break  # the others would say the same
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "reason", None) or exc
            told = redact(f"{type(reason).__name__}: {reason}", secrets)[:300]
            found.append(_unread(key, consul["url"], "a response", told))
            break
    return found


def key_of(environment, microservice):
    return f"{environment}/{microservice.partition('-')[0]}/{microservice}/appsettings.json".lower()


def _unread(key, url, wanted, problem):
    shown = redact(url)
    return finding("postgresql.settings", WARNING, key=key, url=shown, wanted=wanted, problem=problem)


def _ask(url, key, token):
    request = urllib.request.Request(f"{url.rstrip('/')}/v1/kv/{urllib.parse.quote(key)}?raw=true")
    request.add_header("User-Agent", "monq.platform")
    if token:
        request.add_unredirected_header("X-Consul-Token", token)  # another server must not get it
    with urllib.request.build_opener().open(request, timeout=SECONDS) as answer:
        return answer.read().decode("utf-8-sig", "replace")


def _compare(item, server, text, key, url):
    try:
        settings = _flat(json.loads(text))
    except ValueError:
        return [_unread(key, url, "JSON", "something else")]
    given = settings.get(SETTING)
    if not isinstance(given, str):
        return [_unread(key, url, "PostgreSQL:DefaultConnection:ConnectionString", "no such setting")]
    actual, found = connection(given), []
    name, wanted = actual.get("database", ""), item["database"]
    service = item["microservice"]
    if not name:
        return [_unread(key, url, "a database in PostgreSQL:DefaultConnection:ConnectionString", "none")]
    if name != wanted:
        names = {"microservice": service, "expected_database": wanted, "actual_database": name}
        found.append(finding("postgresql.other_database", STOP, **names))
    theirs = f"{actual.get('host', '')}:{actual.get('port') or 5432}"
    ours = f"{server['host']}:{server['port']}"
    if actual.get("host") and theirs.lower() != ours.lower():
        names = {"microservice": service, "expected_server": ours, "actual_server": theirs}
        found.append(finding("postgresql.other_server", WARNING, **names))
    return found


def _flat(value, prefix=""):
    """{a:b:c in lower case: value}: .NET takes nested objects and names with colons as the same."""
    if not isinstance(value, dict):
        return {prefix: value}
    found = {}
    for name, item in value.items():
        found.update(_flat(item, f"{prefix}:{name}".strip(":").lower()))
    return found


def connection(text):
    """host, port and database of a connection string."""
    found = {}
    for name, value in PART.findall(text):
        part = NAMES.get(re.sub(r"\s", "", name).lower())
        if part:
            found[part] = value[1:-1] if value[:1] in "\"'" and value[:1] else value.strip()
    host, colon, port = found.get("host", "").partition(":")
    if colon and port.isdigit():
        found.update(host=host, port=port)
    return found
