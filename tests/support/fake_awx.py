"""AWX's API as far as awx.awx uses it to create objects, with AWX's own rules. The AWX kit is tested against it:
it keeps the objects, refuses what AWX refuses, and counts what changed something."""

from __future__ import annotations

import copy
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import awx_rules as rules

TOKEN = "kit-token"
ROOT = "/api/v2/"
ENCRYPTED = "$encrypted$"
TEXT = ("name", "description")
ASK = "ask_variables_on_launch"
NOTIFICATIONS = tuple(f"notification_templates_{event}" for event in ("started", "success", "error", "approvals"))
LINKS = ("success_nodes", "failure_nodes", "always_nodes")
# For each kind of object: its fields (AWX drops others without a word), what makes it unique, and its associations.
KINDS = {
    "organizations": (TEXT, ("name",), ()),
    "credential_types": ((*TEXT, "kind", "inputs", "injectors", "managed"), ("name", "kind"), ()),
    "credentials": (
        (*TEXT, "organization", "credential_type", "inputs"),
        ("name", "organization", "credential_type"),
        (),
    ),
    "execution_environments": ((*TEXT, "organization", "image", "pull"), ("name",), ()),
    "projects": (
        (*TEXT, "organization", "scm_type", "scm_url", "scm_branch", "scm_update_on_launch", "credential"),
        ("name", "organization"),
        NOTIFICATIONS[:3],
    ),
    "inventories": ((*TEXT, "organization", "kind", "host_filter"), ("name", "organization"), ()),
    "inventory_sources": (
        (
            *TEXT,
            "inventory",
            "source",
            "source_project",
            "source_path",
            "overwrite",
            "overwrite_vars",
            "update_on_launch",
        ),
        ("name", "inventory"),
        (),
    ),
    "notification_templates": (
        (*TEXT, "organization", "notification_type", "notification_configuration", "messages"),
        ("name", "organization"),
        (),
    ),
    "instance_groups": (TEXT, ("name",), ()),
    "job_templates": (
        (
            *TEXT,
            "forks",
            "job_slice_count",
            "job_type",
            "project",
            "playbook",
            "inventory",
            "execution_environment",
            "extra_vars",
            ASK,
            "allow_simultaneous",
        ),
        ("name", "organization"),
        ("credentials", "instance_groups", *NOTIFICATIONS[:3]),
    ),
    "workflow_job_templates": (
        (*TEXT, "organization", "survey_enabled", "extra_vars", "allow_simultaneous", ASK),
        ("name", "organization"),
        NOTIFICATIONS,
    ),
    "workflow_job_template_nodes": (
        ("identifier", "workflow_job_template", "unified_job_template", "extra_data"),
        ("identifier", "workflow_job_template"),
        LINKS,
    ),
    "workflow_approval_templates": ((*TEXT, "timeout"), (), ()),
}
# Fields that name another object.
FOREIGN = {
    "organization": "organizations",
    "credential_type": "credential_types",
    "credential": "credentials",
    "project": "projects",
    "source_project": "projects",
    "inventory": "inventories",
    "execution_environment": "execution_environments",
    "workflow_job_template": "workflow_job_templates",
}
REQUIRED = {
    "projects": ("organization",),
    "credentials": ("credential_type",),
    "inventories": ("organization",),
    "inventory_sources": ("inventory",),
    "execution_environments": ("image",),
    "workflow_job_template_nodes": ("workflow_job_template", "identifier"),
}
TEMPLATES = ("job_templates", "workflow_job_templates", "projects", "inventory_sources", "workflow_approval_templates")


class FakeAwx:
    """playbooks: those that the project's repository has."""

    def __init__(self, playbooks):
        self.playbooks, self.objects, self.changes, self.requests, self._last = playbooks, {}, [], 0, 0
        self.by_hand("credential_types", name="Machine", kind="ssh", managed=True, inputs={}, injectors={})
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else every answer waits 40 ms for an acknowledgement

            def _answer(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size) or b"{}")
                status, found = fake.answer(self.command, self.path, body, self.headers.get("Authorization"))
                text = b"" if status == 204 else json.dumps(found).encode()
                self.send_response(status)
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("X-API-Product-Version", "24.6.1")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do_DELETE = _answer

            def log_message(self, *_args):
                """Nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def by_hand(self, of, /, **fields):
        """What AWX has by itself, or somebody has made without the kit. of: the kind of objects."""
        number = 9001 + len(self.objects)  # the kit's own begin with 1
        self.objects[number] = {"id": number, "_kind": of, **fields}
        return number

    # ---- reading, for tests

    def all(self, kind):
        return [one for one in self.objects.values() if one["_kind"] == kind]

    def one(self, kind, name):
        found = [one for one in self.all(kind) if name in (one.get("name"), one.get("identifier"))]
        assert len(found) == 1, f"{kind} {name}: {len(found)}"
        return found[0]

    def named(self, ids):
        """The names of these objects."""
        return [self.objects[one].get("name") or self.objects[one].get("identifier") for one in ids]

    # ---- the API

    def answer(self, method, path, body, login):
        """(status, body)"""
        self.requests += 1
        if login != f"Bearer {TOKEN}":
            return 401, {"detail": "Authentication credentials were not provided."}
        split = urllib.parse.urlsplit(path)
        words = split.path.removeprefix(ROOT).strip("/").split("/")
        query = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
        try:
            status, found = self._dispatch(method, words, query, body)
        except rules.Refused as exc:
            return 400, exc.body
        except KeyError:
            return 404, {"detail": "Not found."}
        if method != "GET":
            self.changes.append((method, split.path, body))
        return status, found

    def _dispatch(self, method, words, query, body):
        kind = words[0]
        if kind == "project_updates":
            return 200, {"id": int(words[1]), "status": "successful", "finished": "now", "failed": False}
        if len(words) == 1:
            return self._list(kind, query) if method == "GET" else (201, self._shown(self._create(kind, body)))
        found = self.objects[int(words[1])]
        if found["_kind"] != kind:
            raise KeyError(kind)
        if len(words) == 2:
            if method == "PATCH":
                self._store(found, {**self._fields(found), **self._known(kind, body)})
            return 200, self._shown(found)
        return self._below(method, found, words[2], body)

    def _below(self, method, found, name, body):
        if name == "survey_spec" and found["_kind"] == "workflow_job_templates":
            if method == "POST":
                rules.survey(body)
                found["_survey"] = body
            return 200, found.get("_survey", {})
        if name == "create_approval_template" and found["_kind"] == "workflow_job_template_nodes":
            rules.approval(body, found)
            made = self._create("workflow_approval_templates", body)
            found["unified_job_template"] = made["id"]
            return 201, self._shown(made)
        if name not in KINDS[found["_kind"]][2]:
            raise KeyError(name)
        if method == "GET":
            return 200, self._page([self._shown(self.objects[one]) for one in found[name]])
        self._associate(found, name, body)
        return 204, {}

    def _associate(self, found, name, body):
        wanted = self.objects[int(body["id"])]
        if body.get("disassociate"):
            found[name].remove(wanted["id"])
            return
        if name in LINKS:
            same = found["workflow_job_template"]
            rules.need(wanted.get("workflow_job_template") == same, "Error", "nodes of another workflow")
            nodes = {n["id"]: n for n in self.all(found["_kind"]) if n["workflow_job_template"] == same}
            rules.links(nodes, found["id"], wanted["id"], name)
        if name in KINDS:
            rules.need(wanted["_kind"] == name, "id", f'Invalid pk "{wanted["id"]}" - object does not exist.')
        if name == "credentials":
            kinds = [self.objects[one]["credential_type"] for one in found[name]]
            rules.need(wanted["credential_type"] not in kinds, "error", "Cannot assign multiple credentials of a type.")
        found[name].append(wanted["id"])

    # ---- objects

    def _list(self, kind, query):
        if kind == "unified_job_templates":
            pool = [one for one in self.objects.values() if one["_kind"] in TEMPLATES]
        else:
            KINDS[kind]  # pylint: disable=pointless-statement
            pool = self.all(kind)
        for name, value in query.items():
            if name.startswith("or__"):
                continue
            fields = ("id", "organization", *KINDS.get(kind, (TEXT,))[0])
            rules.need(name in fields, "detail", f"{kind} has no field named '{name}'")
            pool = [one for one in pool if str(one.get(name)) == value]
        either = {name.removeprefix("or__"): value for name, value in query.items() if name.startswith("or__")}
        if either:
            pool = [one for one in pool if any(str(one.get(name)) == value for name, value in either.items())]
        return 200, self._page([self._shown(one) for one in pool])

    @staticmethod
    def _page(found):
        return {"count": len(found), "next": None, "previous": None, "results": found}

    @staticmethod
    def _known(kind, body):
        return {name: value for name, value in copy.deepcopy(body).items() if name in KINDS[kind][0]}

    @staticmethod
    def _fields(found):
        return {name: found[name] for name in KINDS[found["_kind"]][0] if name in found}

    def _create(self, kind, body):
        self._last += 1
        made = {"id": self._last, "_kind": kind, **{name: [] for name in KINDS[kind][2]}}
        if kind == "projects":
            made["playbooks"] = list(self.playbooks)
        self._store(made, self._known(kind, body))
        self.objects[made["id"]] = made
        return made

    def _store(self, found, new):
        """Takes the fields if AWX would; raises Refused otherwise."""
        kind = found["_kind"]
        for name in (*(() if kind == "workflow_job_template_nodes" else ("name",)), *REQUIRED.get(kind, ())):
            rules.need(new.get(name), name, "This field is required.")
        for name, other in FOREIGN.items():
            value = new.get(name)
            known = value in (None, "") or (value in self.objects and self.objects[value]["_kind"] == other)
            rules.need(known, name, f'Invalid pk "{value}" - object does not exist.')
        if kind == "job_templates":
            new["organization"] = self._of(new, "project").get("organization")
        self._judge(kind, new)
        unique = KINDS[kind][1]
        taken = [one for one in self.all(kind) if one["id"] != found["id"]]
        same = [one for one in taken if unique and all(one.get(name) == new.get(name) for name in unique)]
        rules.need(not same, "__all__", f"{kind} with this {', '.join(unique)} already exists.")
        found.update(new)

    def _of(self, new, name):
        return self.objects.get(new.get(name)) or {}

    def _judge(self, kind, new):
        if kind == "credential_types":
            rules.credential_type(new)
        elif kind == "credentials":
            rules.credential(new, self._of(new, "credential_type"))
        elif kind == "notification_templates":
            rules.notification_template(new)
        elif kind == "projects":
            rules.need(new.get("scm_url") or not new.get("scm_type"), "scm_url", "SCM URL is required.")
        elif kind == "inventories":
            rules.need(new.get("kind") in ("", "smart", "constructed"), "kind", "not a valid choice")
        elif kind == "inventory_sources" and new.get("source") == "scm":
            rules.need(new.get("source_project"), "source_project", "Project required for scm type sources.")
        elif kind == "job_templates":
            rules.job_template(new, self._of(new, "project"))
        elif kind == "workflow_job_template_nodes":
            rules.node(new, self.objects.get(new.get("unified_job_template")))

    def _shown(self, found):
        """The object as the API shows it: without secrets, with its addresses."""
        kind = found["_kind"]
        shown = {name: value for name, value in copy.deepcopy(found).items() if not name.startswith("_")}
        url = f"{ROOT}{kind}/{found['id']}/"
        shown |= {"url": url, "type": kind.removesuffix("s"), "summary_fields": {}, "related": {}}
        if kind == "credentials":
            fields = self.objects[found["credential_type"]]["inputs"].get("fields") or []
            secret = {field["id"] for field in fields if field.get("secret")}
            given = shown.get("inputs") or {}
            shown["inputs"] = {name: ENCRYPTED if name in secret else value for name, value in given.items()}
        elif kind == "notification_templates" and shown["notification_configuration"].get("password"):
            shown["notification_configuration"]["password"] = ENCRYPTED
        elif kind == "projects":
            shown["summary_fields"] = {"current_update": {"id": found["id"]}}
            shown["scm_revision"] = "a" * 40
        elif kind == "workflow_job_templates":
            shown["related"] = {"survey_spec": url + "survey_spec/"}
        elif kind == "workflow_job_template_nodes" and found.get("unified_job_template"):
            template = self.objects[found["unified_job_template"]]
            shown["related"] = {"unified_job_template": f"{ROOT}{template['_kind']}/{template['id']}/"}
        return shown
