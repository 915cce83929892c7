"""What AWX 24 refuses, one function for each kind of object. Each raises Refused with the answer's body."""

from __future__ import annotations

import json
import re

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

ID = re.compile(r"^[a-zA-Z_]+[a-zA-Z0-9_]*$")
TEMPLATE = re.compile(r"^template(\.[a-zA-Z_]+[a-zA-Z0-9_]*)?$")
# Environment variables that AWX or the job itself depends on.
RESERVED_ENV = {"VIRTUAL_ENV", "PATH", "PYTHONPATH", "JOB_ID", "INVENTORY_ID", "REST_API_URL", "CACHE", "AWX_HOST"}
FIELD_KEYS = {"id", "label", "help_text", "type", "format", "choices", "secret", "multiline", "ask_at_runtime"}
SURVEY_TYPES = {
    "text": str,
    "textarea": str,
    "password": str,
    "multiplechoice": str,
    "multiselect": str,
    "integer": int,
    "float": float,
}
JOB = {"id": 1, "name": "job", "status": "successful", "artifacts": {}, "started": "", "finished": "", "failed": False}
EVENTS = {"started", "success", "error", "workflow_approval"}
APPROVALS = {"running", "approved", "timed_out", "denied"}
WEBHOOK = {
    "url": None,
    "http_method": "POST",
    "headers": None,
    "disable_ssl_verification": False,
    "username": "",
    "password": "",
}


class Refused(Exception):
    """An answer with status 400. body: what AWX says about it."""

    def __init__(self, **body):
        super().__init__(str(body))
        self.body = body


def need(condition, field, text):
    if not condition:
        raise Refused(**{field: [text]})


def render(text, values, field):
    try:
        return ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined).from_string(text).render(**values)
    except jinja2.TemplateError as exc:
        raise Refused(**{field: [f"{text}: {exc}"]}) from exc


# ---- credential types


def credential_type(new):
    need(new.get("kind") in ("cloud", "net"), "kind", "Must be 'cloud' or 'net'")
    inputs, injectors = new.get("inputs") or {}, new.get("injectors") or {}
    need(set(inputs) <= {"fields", "required"}, "inputs", "additional properties")
    fields = inputs.get("fields") or []
    for field in fields:
        need(ID.match(str(field.get("id", ""))), "inputs", f"{field} does not match {ID.pattern}")
        need(field["id"] != "tower", "inputs", "tower is a reserved field name")
        need(field.get("label"), "inputs", "'label' is a required property")
        need(set(field) <= FIELD_KEYS, "inputs", f"{set(field) - FIELD_KEYS} not allowed")
        need(field.get("type", "string") in ("string", "boolean"), "inputs", "type is not one of string, boolean")
    names = [field["id"] for field in fields]
    need(len(set(names)) == len(names), "inputs", "field IDs must be unique")
    need(set(inputs.get("required") or []) <= set(names), "inputs", "required names an unknown field")
    _injectors(injectors, names)


def _injectors(injectors, names):
    need(set(injectors) <= {"env", "file", "extra_vars"}, "injectors", "additional properties")
    files = list(injectors.get("file") or {})
    for name in files:
        need(TEMPLATE.match(name), "injectors", f"{name} does not match {TEMPLATE.pattern}")
    need("template" not in files or len(files) == 1, "injectors", "Must use multi-file syntax for several files")
    filename = "path" if files == ["template"] else {name.partition(".")[2]: "path" for name in files}
    values = {**dict.fromkeys(names, "EXAMPLE"), "tower": {"filename": filename} if files else {}}
    for kind, templates in injectors.items():
        for name, text in templates.items():
            if kind != "file":
                need(ID.match(name), "injectors", f"{name} does not match {ID.pattern}")
            if kind == "env":
                need(not name.startswith("ANSIBLE_"), "injectors", f"Environment variable {name} may affect Ansible")
                need(name not in RESERVED_ENV, "injectors", f"Environment variable {name} is not allowed")
            render(text, values, "injectors")


def credential(new, kind):
    """kind: the credential type."""
    known = {field["id"]: field for field in kind["inputs"].get("fields") or []}
    for name, value in (new.get("inputs") or {}).items():
        need(name in known, "inputs", f"'{name}' is not a valid field for {kind['name']}")
        need(isinstance(value, str), "inputs", f"'{name}' is not of type 'string'")
    need(
        new.get("organization") or new.get("user") or new.get("team"),
        "detail",
        "Missing 'user', 'team' or organization",
    )


# ---- surveys and messages


def survey(new):
    for name, kind in (("name", str), ("description", str), ("spec", list)):
        need(name in new, "error", f"Field '{name}' is missing from survey spec.")
        need(isinstance(new[name], kind), "error", f"Expected {kind.__name__} for field '{name}'")
    need(new["spec"], "error", "'spec' doesn't contain any items.")
    variables = [item.get("variable") for item in new["spec"]]
    need(len(set(variables)) == len(variables), "error", "'variable' duplicated in survey")
    for item in new["spec"]:
        for name in ("type", "question_name", "variable", "required"):
            need(name in item, "error", f"'{name}' missing from survey question {item}")
        kind = SURVEY_TYPES.get(item["type"])
        need(kind, "error", f"'{item['type']}' is not one of {sorted(SURVEY_TYPES)}")
        default = item.get("default")
        need(default in ("", None) or isinstance(default, kind), "error", "default is of another type")
        need("choices" in item or not item["type"].startswith("multi"), "error", "choices must be specified")
        for limit in ("min", "max"):
            need(isinstance(item.get(limit, 0), int), "error", f"{limit} must be an integer")


def notification_template(new):
    need(new.get("organization"), "organization", "Missing 'organization' from required fields")
    kind, given = new.get("notification_type"), new.get("notification_configuration") or {}
    need(kind in ("webhook", "email", "slack", "mattermost"), "notification_type", "not a valid choice")
    if kind != "webhook":
        return
    need(set(given) <= set(WEBHOOK), "notification_configuration", "unknown fields")
    for name, default in WEBHOOK.items():
        need(name in given or default is not None, "notification_configuration", f"Missing required field {name}")
        given.setdefault(name, default)
    messages = new.get("messages") or {}
    need(set(messages) <= EVENTS, "messages", f"Unexpected {set(messages) - EVENTS}")
    for event, message in messages.items():
        if event == "workflow_approval":
            need(set(message) <= APPROVALS, "messages", "unexpected workflow_approval event")
            for part in message.values():
                _message(part, {"approval_node_name": "a", "approval_status": "s", "workflow_url": "u"})
        else:
            _message(message, {"job": JOB, "job_friendly_name": "Job", "url": "u", "job_metadata": "{}"})


def _message(message, values):
    need(set(message or {}) <= {"message", "body"}, "messages", "message and body only")
    need("\n" not in (message.get("message") or ""), "messages", "Message cannot have newlines")
    render(message.get("message") or "", values, "messages")
    body = render(message.get("body") or "{}", values, "messages")
    try:
        need(isinstance(json.loads(body), dict), "messages", "Webhook body must be a JSON dictionary")
    except ValueError as exc:
        raise Refused(messages=[f"Webhook body must be JSON: {body}"]) from exc


# ---- templates


def job_template(new, project):
    need(new.get("job_type") in ("run", "check"), "job_type", "not a valid choice")
    need(project, "project", "Job Template must have a project")
    need(new.get("playbook") in project["playbooks"], "playbook", "Playbook not found for project.")
    need(new.get("inventory") or new.get("ask_inventory_on_launch"), "inventory", "must provide an inventory")
    need(isinstance(json.loads(new.get("extra_vars") or "{}"), dict), "extra_vars", "must be a dictionary")
    for name, least, most in (("forks", 0, 200), ("job_slice_count", 1, 2**31 - 1)):  # 200: AWX's MAX_FORKS
        value = new.get(name, least)
        need(isinstance(value, int) and least <= value <= most, name, f"an integer from {least} to {most}")


def node(new, template):
    """template: what the node starts, or None."""
    if new.get("extra_data"):
        need(template and template.get("ask_variables_on_launch"), "extra_data", "Variables are not allowed on launch")


def approval(new, found):
    need(new.get("name"), "name", "This field is required.")
    need(isinstance(new.get("timeout", 0), int), "timeout", "A valid integer is required.")
    need(not found.get("unified_job_template"), "detail", "the node has a template already")


def links(nodes, parent, child, kind):
    """nodes: {id: node} of one workflow."""
    others = [name for name in ("success_nodes", "failure_nodes", "always_nodes") if name != kind]
    need(not any(child in nodes[parent][name] for name in others), "Error", "Relationship not allowed.")
    reached, rest = set(), [child]
    while rest:
        found = rest.pop()
        reached.add(found)
        rest += [n for name in (*others, kind) for n in nodes[found][name] if n not in reached]
    need(parent not in reached, "Error", "Cycle detected.")
