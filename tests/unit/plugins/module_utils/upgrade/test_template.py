"""The template transformation: what it puts and keeps, what it refuses, and where it equals the vendor's jq filter."""

from __future__ import annotations

import json
import random
import subprocess
from copy import deepcopy

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, TemplateError
from ansible_collections.monq.platform.plugins.module_utils.upgrade.template import (
    PARTLY,
    TRANSFORMED,
    UNTOUCHED,
    check,
    is_transformed,
    state,
    transform,
)
from repository import ROOT

VENDOR_FILTER = (ROOT / "tests/unit/data/vendor_filter.jq").read_text(encoding="utf-8")

VOLUME = {"name": "monq-ca-certificates", "secret": {"secretName": "monq-ca-certificates", "optional": True}}
MOUNT = {"name": "monq-ca-certificates", "mountPath": "/certs"}
ROUTING = {
    "apiVersion": "extensions/v1beta1",
    "kind": "Ingress",
    "metadata": {"name": "%AppName%", "namespace": "%Namespace%"},
    "spec": {"rules": []},
}
SNIPPET = {"Name": "%IngressSnippet%", "Value": "proxy_set_header X-Smon-Userspace-Id 1;"}
ALIASES = ["monq-alias.domain.com", "*.monq.domain.com"]
SECRETS = [{"hosts": ["monq.domain.com"], "secretName": "monq.domain.com-tls"}]
ALIAS = {"Name": "%AliasDomains%", "Value": "monq-alias.domain.com,*.monq.domain.com"}
TLS = {"Name": "%IngressSecrets%", "Value": SECRETS}
OURS = [SNIPPET, ALIAS, TLS]


def template(volumes=None, api=None, console=None, parameters=None, **config):
    """A template of 5.9.3; a list that is None is null in it."""
    return {
        "Name": "K8s",
        "JsonConfig": {
            "Deployment": {"spec": {"replicas": 1, "template": {"spec": {"volumes": volumes, "containers": []}}}},
            "Container-api": {"name": "%AppName%", "volumeMounts": api},
            "Container-console": {"name": "%AppName%", "volumeMounts": console},
            "Parameters": parameters,
            **config,
        },
    }


def lists(whole):
    config = whole["JsonConfig"]
    return {
        "volumes": config["Deployment"]["spec"]["template"]["spec"]["volumes"],
        "api": config["Container-api"]["volumeMounts"],
        "console": config["Container-console"]["volumeMounts"],
        "parameters": config["Parameters"],
    }


def without(whole, path):
    """The same template without the field at a path."""
    result = deepcopy(whole)
    *parents, last = path.split(".")
    here = result
    for step in parents:
        here = here[step]
    del here[last]
    return result


def with_value(whole, path, value):
    result = deepcopy(whole)
    *parents, last = path.split(".")
    here = result
    for step in parents:
        here = here[step]
    here[last] = value
    return result


# What comes out, list by list.

FOREIGN_VOLUME = {"name": "logs", "emptyDir": {}}
FOREIGN_MOUNT = {"name": "logs", "mountPath": "/logs"}
FOREIGN_PARAMETER = {"Name": "%Domain%", "Value": "monq.domain.com"}
STALE_VOLUME = {"name": "monq-ca-certificates", "configMap": {"name": "old"}}
STALE_MOUNT = {"name": "monq-ca-certificates", "mountPath": "/certs", "readOnly": True}
STALE_ALIAS = {"Name": "%AliasDomains%", "Value": "old.domain.com"}

LISTS = [
    ("null lists, trap 16", "volumes", None, [VOLUME]),
    ("an empty list", "volumes", [], [VOLUME]),
    ("the vendor's place is the end", "volumes", [FOREIGN_VOLUME], [FOREIGN_VOLUME, VOLUME]),
    ("there already, trap 14", "volumes", [VOLUME, FOREIGN_VOLUME], [VOLUME, FOREIGN_VOLUME]),
    (
        "twice through the vendor's filter, trap 14",
        "volumes",
        [FOREIGN_VOLUME, VOLUME, VOLUME],
        [FOREIGN_VOLUME, VOLUME],
    ),
    (
        "the first stays with the right value, trap 14",
        "volumes",
        [STALE_VOLUME, FOREIGN_VOLUME, VOLUME],
        [VOLUME, FOREIGN_VOLUME],
    ),
    ("foreign duplicates stay, trap 14", "volumes", [FOREIGN_VOLUME] * 2, [FOREIGN_VOLUME, FOREIGN_VOLUME, VOLUME]),
    (
        "entries without a name stay, trap 14",
        "volumes",
        [None, "x", {}, {"name": 7}],
        [None, "x", {}, {"name": 7}, VOLUME],
    ),
    ("null mounts, trap 16", "api", None, [MOUNT]),
    ("mounts of others stay", "api", [FOREIGN_MOUNT], [FOREIGN_MOUNT, MOUNT]),
    ("mounted already, trap 14", "api", [MOUNT, FOREIGN_MOUNT], [MOUNT, FOREIGN_MOUNT]),
    ("mounted three times, trap 14", "console", [MOUNT, FOREIGN_MOUNT, MOUNT, MOUNT], [MOUNT, FOREIGN_MOUNT]),
    ("a mount with more to it gets the right value, trap 14", "console", [STALE_MOUNT], [MOUNT]),
    ("a trailing slash is the same mount, trap 14", "api", [{**MOUNT, "mountPath": "/certs/"}], [MOUNT]),
    (
        "our volume mounted elsewhere is not ours, trap 14",
        "api",
        [{**MOUNT, "mountPath": "/ca"}],
        [{**MOUNT, "mountPath": "/ca"}, MOUNT],
    ),
    (
        "a path below /certs is another one",
        "api",
        [{"name": "x", "mountPath": "/certs/x"}],
        [{"name": "x", "mountPath": "/certs/x"}, MOUNT],
    ),
    ("null Parameters, trap 16", "parameters", None, OURS),
    ("parameters of others stay", "parameters", [FOREIGN_PARAMETER], [FOREIGN_PARAMETER, *OURS]),
    ("parameters there already, trap 14", "parameters", [*OURS, FOREIGN_PARAMETER], [*OURS, FOREIGN_PARAMETER]),
    ("parameters twice, trap 14", "parameters", [*OURS, FOREIGN_PARAMETER, *OURS], [*OURS, FOREIGN_PARAMETER]),
    (
        "the first parameter stays with the new value, trap 14",
        "parameters",
        [STALE_ALIAS, ALIAS],
        [ALIAS, SNIPPET, TLS],
    ),
    ("names are case-sensitive", "parameters", [{"Name": "%aliasdomains%"}], [{"Name": "%aliasdomains%"}, *OURS]),
]


@pytest.mark.parametrize(
    "field, before, after", [case[1:] for case in LISTS], ids=[f"{case[1]}: {case[0]}" for case in LISTS]
)
def test_each_entry_stands_once(field, before, after):
    given = template(**{field: before})
    assert lists(transform(given, ALIASES, SECRETS))[field] == after


@pytest.mark.parametrize(
    "path",
    [
        "Deployment.spec.template.spec.volumes",
        "Container-api.volumeMounts",
        "Container-console.volumeMounts",
        "Parameters",
    ],
)
def test_an_absent_list_is_an_empty_one(path):
    """trap 16"""
    given = template()
    assert transform(without(given, f"JsonConfig.{path}"), ALIASES, SECRETS) == transform(given, ALIASES, SECRETS)


def test_the_job_goes_and_the_routing_ingress_comes():
    given = template(
        Job={"kind": "Job"}, Service={"kind": "Service"}, routingIngress={"kind": "Ingress", "spec": {"rules": [1]}}
    )
    config = transform(given, ALIASES, SECRETS)["JsonConfig"]
    assert "Job" not in config
    assert config["routingIngress"] == ROUTING
    assert config["Service"] == {"kind": "Service"}


@pytest.mark.parametrize("aliases, text", [([], ""), (["a.b"], "a.b"), (["*.a.b", "пример.рф"], "*.a.b,пример.рф")])
def test_alias_domains_are_one_text(aliases, text):
    """trap 18"""
    assert {"Name": "%AliasDomains%", "Value": text} in lists(transform(template(), aliases, SECRETS))["parameters"]


def test_ingress_secrets_are_native_data():
    """trap 17, trap 18: an array, whatever blanks its texts hold"""
    secrets = [{"hosts": ["a.b", "*.a.b"], "secretName": "a b"}, {"hosts": ["c.d"], "secretName": "c"}]
    assert {"Name": "%IngressSecrets%", "Value": secrets} in lists(transform(template(), [], secrets))["parameters"]


def test_nothing_given_is_changed_or_shared():
    given, aliases, secrets = template(volumes=[FOREIGN_VOLUME]), list(ALIASES), deepcopy(SECRETS)
    kept = deepcopy((given, aliases, secrets))
    result = transform(given, aliases, secrets)
    fresh = deepcopy(result)
    lists(result)["volumes"][-1]["secret"]["optional"] = False
    lists(result)["volumes"][0]["emptyDir"]["x"] = 1
    lists(result)["parameters"][-1]["Value"][0]["hosts"].append("x")
    result["JsonConfig"]["routingIngress"]["spec"]["rules"].append(1)
    assert (given, aliases, secrets) == kept
    assert transform(given, aliases, secrets) == fresh


# What is refused, and what the message says.

POD = "JsonConfig.Deployment.spec.template.spec"
REFUSED = [
    (
        "an error object",
        {"error": "unauthorized", "message": "token hunter2"},
        POD,
        "the answer has no JsonConfig, but the keys error, message",
    ),
    ("an array", [template()], POD, "the answer is an array"),
    ("an empty reply", "", POD, "the answer is empty"),
    ("a text", json.dumps(template()), POD, "the answer is a text"),
    ("null", None, POD, "the answer is null"),
    ("a number", 0, POD, "the answer is a number"),
    ("false", False, POD, "the answer is true or false"),
    ("an empty object", {}, POD, "the answer has no JsonConfig, but no keys"),
    ("JsonConfig null", {"JsonConfig": None}, POD, "JsonConfig is null"),
    ("JsonConfig a text", {"JsonConfig": "{}"}, POD, "JsonConfig is a text"),
    (
        "no Deployment",
        without(template(), "JsonConfig.Deployment"),
        POD,
        "JsonConfig has no Deployment, but the keys Container-api,",
    ),
    ("no spec in it", without(template(), "JsonConfig.Deployment.spec"), POD, "JsonConfig.Deployment has no spec"),
    (
        "no pod template",
        without(template(), "JsonConfig.Deployment.spec.template"),
        POD,
        "JsonConfig.Deployment.spec has no template",
    ),
    ("no pod spec", without(template(), POD), POD, "JsonConfig.Deployment.spec.template has no spec"),
    ("a pod spec that is a list", with_value(template(), POD, []), POD, f"{POD} is an array"),
    (
        "no api container",
        without(template(), "JsonConfig.Container-api"),
        "JsonConfig.Container-api",
        "JsonConfig has no Container-api",
    ),
    (
        "no console container",
        without(template(), "JsonConfig.Container-console"),
        "JsonConfig.Container-console",
        "JsonConfig has no Container-console",
    ),
    (
        "a container that is null",
        with_value(template(), "JsonConfig.Container-api", None),
        "JsonConfig.Container-api",
        "JsonConfig.Container-api is null",
    ),
    ("volumes an object", template(volumes={}), f"{POD}.volumes", "an object"),
    ("volumes false", template(volumes=False), f"{POD}.volumes", "true or false"),
    ("mounts a text", template(api="x"), "JsonConfig.Container-api.volumeMounts", "a text"),
    ("mounts empty text", template(console=""), "JsonConfig.Container-console.volumeMounts", "empty"),
    ("Parameters an object", template(parameters={"a": 1}), "JsonConfig.Parameters", "an object"),
]


@pytest.mark.parametrize(
    "function", [check, state, lambda given: transform(given, ALIASES, SECRETS)], ids=["check", "state", "transform"]
)
@pytest.mark.parametrize(
    "given, obj, seen", [case[1:] for case in REFUSED], ids=[f"trap 16: {case[0]}" for case in REFUSED]
)
def test_what_is_no_template_is_refused(function, given, obj, seen):
    """trap 16: named are the missing path and what stands there, never a value"""
    with pytest.raises(TemplateError) as caught:
        function(given)
    assert isinstance(caught.value, ValueError)
    assert caught.value.obj == obj
    assert seen in caught.value.seen
    assert "registry get services K8s" in caught.value.next_step
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("field", ["api", "console"])
@pytest.mark.parametrize("name, path", [("own-ca", "/certs"), ("own-ca", "/certs/"), (None, "/certs")])
def test_certs_from_another_volume_is_refused(field, name, path):
    """trap 14: Kubernetes rejects a mountPath that stands twice"""
    given = template(**{field: [FOREIGN_MOUNT, {"name": name, "mountPath": path}]})
    with pytest.raises(TemplateError) as caught:
        transform(given, ALIASES, SECRETS)
    assert caught.value.obj == f"JsonConfig.Container-{field}.volumeMounts"
    assert repr(name) in caught.value.seen
    assert "monq-ca-certificates" in caught.value.expected


BAD_INPUT = [
    ("aliases as one text", "a.b,c.d", SECRETS, "alias_domains"),
    ("an alias with a blank", ["a.b, c.d"], SECRETS, "alias_domains"),
    ("an alias with a newline", ["a.b\n"], SECRETS, "alias_domains"),
    ("two aliases in one", ["a.b,c.d"], SECRETS, "alias_domains"),
    ("an empty alias", [""], SECRETS, "alias_domains"),
    ("an alias that is no text", [None], SECRETS, "alias_domains"),
    ("secrets as a JSON text, trap 17", [], json.dumps(SECRETS), "ingress_secrets"),
    ("a secret that is a text", [], ["a"], "ingress_secrets[0]"),
    ("no hosts", [], [*SECRETS, {"secretName": "x"}], "ingress_secrets[1].hosts"),
    ("hosts empty", [], [{"hosts": [], "secretName": "x"}], "ingress_secrets[0].hosts"),
    ("hosts a text", [], [{"hosts": "a.b", "secretName": "x"}], "ingress_secrets[0].hosts"),
    ("a host empty", [], [{"hosts": [""], "secretName": "x"}], "ingress_secrets[0].hosts"),
    ("no secretName", [], [{"hosts": ["a.b"]}], "ingress_secrets[0].secretName"),
    ("secretName empty", [], [{"hosts": ["a.b"], "secretName": " "}], "ingress_secrets[0].secretName"),
]


@pytest.mark.parametrize(
    "aliases, secrets, obj", [case[1:] for case in BAD_INPUT], ids=[f"trap 18: {case[0]}" for case in BAD_INPUT]
)
def test_bad_domains_are_refused(aliases, secrets, obj):
    with pytest.raises(InputError) as caught:
        transform(template(), aliases, secrets)
    assert caught.value.obj == obj
    assert caught.value.expected and caught.value.seen


# Which release a template is of.


def test_state_of_a_template_that_is_untouched():
    """trap 22"""
    assert state(template(Job={})) == state(template()) == UNTOUCHED
    assert not is_transformed(template())


def test_state_of_a_template_that_is_transformed():
    """trap 22: by name, so other domains and the vendor's doubles count too"""
    done = transform(template(Job={}), ALIASES, SECRETS)
    doubled = with_value(done, "JsonConfig.Parameters", [STALE_ALIAS, *lists(done)["parameters"]])
    assert state(done) == state(doubled) == TRANSFORMED
    assert is_transformed(done)


@pytest.mark.parametrize(
    "path, value",
    [
        ("JsonConfig.Deployment.spec.template.spec.volumes", None),
        ("JsonConfig.Container-api.volumeMounts", []),
        ("JsonConfig.Container-console.volumeMounts", [FOREIGN_MOUNT]),
        ("JsonConfig.routingIngress", None),
        ("JsonConfig.Parameters", OURS[:2]),
        ("JsonConfig.Job", {}),
    ],
)
def test_state_of_a_template_that_lacks_one_part(path, value):
    """trap 22"""
    given = with_value(transform(template(), ALIASES, SECRETS), path, value)
    assert state(given) == PARTLY
    assert state(transform(given, ALIASES, SECRETS)) == TRANSFORMED


# The vendor's filter, run by jq itself on templates of all shapes.

WORDS = ["app", "logs", "журнал", "a b", 'quo"te', "back\\slash", "%AppName%", "😀", "", "new\nline", "tmp"]


class Generator:
    """Templates as 5.9.3 may have them: none of ours in them. The same seed gives the same templates."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        return " ".join(self.random.choices(WORDS, k=self.random.randint(1, 3)))

    def value(self, depth=2):
        makers = [
            self.text,
            lambda: None,
            lambda: self.random.random() < 0.5,
            lambda: self.random.randint(-(2**31), 2**31),
        ]
        if depth:
            makers += [
                lambda: [self.value(depth - 1) for _number in range(self.random.randint(0, 3))],
                lambda: {self.text(): self.value(depth - 1) for _number in range(self.random.randint(0, 3))},
            ]
        return self.random.choice(makers)()

    def set_list(self, owner, field, entry):
        """Null, absent, empty or filled."""
        kind = self.random.choice(["null", "absent", "empty", "filled", "filled"])
        if kind == "null":
            owner[field] = None
        elif kind != "absent":
            owner[field] = [entry() for _number in range(self.random.randint(1, 4))] if kind == "filled" else []

    def volume(self):
        return {"name": self.text(), self.random.choice(["emptyDir", "secret", "configMap"]): self.value()}

    def mount(self):
        return {"name": self.text(), "mountPath": "/" + self.text().replace("certs", "")}

    def parameter(self):
        return {"Name": f"%{self.text()}%", "Value": self.value()}

    def template(self):
        pod = {"containers": self.value()}
        self.set_list(pod, "volumes", self.volume)
        config = {
            "Deployment": {
                "kind": "Deployment",
                "spec": {"replicas": 1, "template": {"metadata": self.value(), "spec": pod}},
            }
        }
        for container in ("Container-api", "Container-console"):
            config[container] = {"image": self.text()}
            self.set_list(config[container], "volumeMounts", self.mount)
        self.set_list(config, "Parameters", self.parameter)
        for field in ("Job", "Service", self.text()):
            if self.random.random() < 0.5:
                config[field] = self.value()
        return {"Name": "K8s", "JsonConfig": config, **({"Extra": self.value()} if self.random.random() < 0.5 else {})}

    def domain(self):
        return self.random.choice(["monq.domain.com", "*.monq.domain.com", "монк.рф", "a.b", "xn--80ak6aa92e.com"])

    def call(self):
        """The template with the two variables that the vendor's filter takes."""
        return {
            "template": self.template(),
            "aliases": [self.domain() for _number in range(self.random.choice([0, 0, 1, 2, 5]))],
            "secrets": [
                {
                    "hosts": [self.domain() for _host in range(self.random.randint(1, 3))],
                    "secretName": self.text() + "-tls",
                }
                for _number in range(self.random.randint(0, 3))
            ],
        }


def vendor(calls):
    """What the vendor's filter makes of each call's template: one jq for all."""
    lines = [
        json.dumps(
            {"template": call["template"], "alias": ",".join(call["aliases"]), "secrets": call["secrets"]},
            ensure_ascii=False,
        )
        for call in calls
    ]
    program = f".alias as $alias | .secrets as $secrets | .template | {VENDOR_FILTER}"
    done = subprocess.run(
        ["jq", "-c", program], input="\n".join(lines), capture_output=True, text=True, encoding="utf-8", check=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(calls)
    return answers


def ours(call, given=None):
    return transform(call["template"] if given is None else given, call["aliases"], call["secrets"])


def text(whole):
    """Python holds 1 and True for equal; JSON does not."""
    return json.dumps(whole, sort_keys=True, ensure_ascii=False)


@pytest.fixture(scope="module")
def calls():
    generator = Generator(600)
    return [generator.call() for _number in range(400)]


@pytest.fixture(scope="module")
def once(calls):
    return vendor(calls)


def test_the_generator_makes_every_kind(calls):
    """Else the equivalence below would say less than it seems to."""
    seen = {"null": 0, "absent": 0, "empty": 0, "filled": 0}
    for call in calls:
        config = call["template"]["JsonConfig"]
        for owner, field in (
            (config["Deployment"]["spec"]["template"]["spec"], "volumes"),
            (config["Container-api"], "volumeMounts"),
            (config["Container-console"], "volumeMounts"),
            (config, "Parameters"),
        ):
            kind = (
                "absent"
                if field not in owner
                else "null"
                if owner[field] is None
                else "filled"
                if owner[field]
                else "empty"
            )
            seen[kind] += 1
    assert min(seen.values()) > 100
    assert any(not call["aliases"] for call in calls) and any(
        "*" in alias for call in calls for alias in call["aliases"]
    )
    assert any("Job" in call["template"]["JsonConfig"] for call in calls)
    assert not text([call["template"] for call in calls]).isascii()
    assert all(state(call["template"]) == UNTOUCHED for call in calls)


def test_equals_the_vendors_filter(calls, once):
    for call, expected in zip(calls, once):
        assert text(ours(call)) == text(expected)


def test_is_a_fixed_point(calls):
    """trap 14"""
    for call in calls:
        result = ours(call)
        assert text(ours(call, result)) == text(result)


def test_is_a_fixed_point_after_the_vendors_filter(calls, once):
    """trap 14: one run of the filter is left alone, the second and third are undone"""
    twice = vendor([{**call, "template": first} for call, first in zip(calls, once)])
    thrice = vendor([{**call, "template": second} for call, second in zip(calls, twice)])
    for call, first, second, third in zip(calls, once, twice, thrice):
        assert text(second) != text(first)
        assert text(ours(call, first)) == text(ours(call, second)) == text(ours(call, third)) == text(first)
        assert state(first) == state(second) == TRANSFORMED


def test_other_domains_replace_the_old_ones(calls, once):
    """trap 14, trap 15: what comes out does not depend on the domains of an earlier run"""
    others = calls[1:] + calls[:1]
    expected = vendor([{**other, "template": call["template"]} for call, other in zip(calls, others)])
    for first, other, right in zip(once, others, expected):
        assert text(ours(other, first)) == text(right)


def test_the_filter_is_the_vendors():
    """The data file is the text of the release notes: 8 lines, none of them ours."""
    assert VENDOR_FILTER.count("\n") == 8
    assert VENDOR_FILTER.count("|= . + [") == 6
    assert "$alias" in VENDOR_FILTER and "$secrets" in VENDOR_FILTER
