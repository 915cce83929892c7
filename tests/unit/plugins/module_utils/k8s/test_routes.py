"""Which Ingresses are the old routing, and which must survive."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.k8s import routes
from fake_cluster import ingress
from repository import RELEASE

FULL = ["pl", "sm", "cl", "fm"]
LEGACY = ["frontend-box", "frontend-box-api", "pl-routing-external", "pl-routing-internal"]
ALIAS = ["alias.test", "*.wild.test"]


@pytest.mark.parametrize(
    ("host", "domains", "expected"),
    [
        ("a.test", ["a.test"], True),
        ("b.a.test", ["a.test"], False),
        ("a.test", ["*.a.test"], False),
        ("b.a.test", ["*.a.test"], True),
        ("c.b.a.test", ["*.a.test"], False),
        ("*.a.test", ["*.a.test"], True),
        ("ba.test", ["*.a.test"], False),
        (".a.test", ["*.a.test"], False),
        ("", ["a.test", "*.a.test"], False),
        ("a.test", [], False),
        ("x.y", ["a.test", "*.y"], True),
    ],
)
def test_within(host, domains, expected):
    """trap 21: a wildcard covers one label"""
    assert bool(routes.within(host, domains)) is expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(ingress("frontend-alias", "alias.test"), True, id="trap 1: kubectl left it behind"),
        pytest.param(ingress("frontend-x", "alias.test", "a.wild.test"), True, id="every host is an alias"),
        pytest.param(ingress("frontend-x", "alias.test", "monq.test"), False, id="trap 1: one host is none"),
        pytest.param(ingress("frontend-shop", "shop.test"), False, id="trap 2: a stranger with that prefix"),
        pytest.param(ingress("frontend-x", "a.b.wild.test"), False, id="a wildcard is one label"),
        pytest.param(ingress("frontend-x"), False, id="no hosts"),
        pytest.param(ingress("frontend-x", ""), False, id="every host of the cluster"),
        pytest.param(ingress("my-frontend-x", "alias.test"), False, id="the prefix is not at the start"),
        pytest.param({"metadata": {"name": "frontend-x"}, "spec": {}}, False, id="a backend only"),
        pytest.param(
            {"metadata": {"name": "frontend-x"}, "spec": {"rules": [{"http": {"paths": []}}]}},
            False,
            id="a rule without host",
        ),
    ],
)
def test_is_alias_route(found, expected):
    assert routes.is_alias_route(found, "frontend-", ALIAS) is expected


def names(found, modules=("pl",), alias_domains=(), alias_ingresses=None):
    return [
        route["name"] for route in routes.to_cut(found, RELEASE, list(modules), list(alias_domains), alias_ingresses)
    ]


def everything():
    legacy = [name for module in FULL for name in RELEASE["modules"][module]["legacy_routes"]]
    return [
        *[ingress(name, "monq.test") for name in reversed(legacy)],
        ingress("frontend-alias-b", "alias.test"),
        ingress("frontend-alias-a", "x.wild.test"),
        ingress("frontend-shop", "shop.test"),
        ingress("pl-grafana", "grafana.test"),
        ingress("unrelated", "alias.test"),
    ]


@pytest.mark.parametrize(
    ("modules", "alias_domains", "alias_ingresses", "expected"),
    [
        pytest.param(["pl"], [], None, LEGACY, id="pl, no alias"),
        pytest.param(
            ["pl", "cl"],
            [],
            None,
            [*LEGACY, "cl-routing-external", "cl-routing-internal"],
            id="trap 29: of the declared modules",
        ),
        pytest.param(
            ["pl"],
            ALIAS,
            None,
            [*LEGACY, "frontend-alias-a", "frontend-alias-b"],
            id="trap 1: alias routes are derived",
        ),
        pytest.param(["pl"], ["alias.test"], None, [*LEGACY, "frontend-alias-b"], id="of the declared domains"),
        pytest.param(
            ["pl"], ALIAS, [], [*LEGACY, "frontend-alias-a", "frontend-alias-b"], id="an empty list means derived, too"
        ),
        pytest.param(
            ["pl"], [], ["unrelated"], [*LEGACY, "unrelated"], id="the operator's list counts, whatever its names"
        ),
        pytest.param(
            ["pl"], ALIAS, ["frontend-alias-b", "absent"], [*LEGACY, "frontend-alias-b"], id="trap 3: absent is fine"
        ),
        pytest.param(["pl"], ["monq.test"], None, LEGACY, id="none twice"),
    ],
)
def test_to_cut(modules, alias_domains, alias_ingresses, expected):
    assert names(everything(), modules, alias_domains, alias_ingresses) == expected


def test_what_is_cut_carries_its_uid():
    """trap 2"""
    assert routes.to_cut([ingress("frontend-box", "monq.test", uid="u-1")], RELEASE, ["pl"], []) == [
        {"name": "frontend-box", "uid": "u-1"}
    ]
    assert routes.to_cut([], RELEASE, FULL, ALIAS) == []


def test_the_cut_follows_the_notes_order_of_modules():
    """trap 31"""
    assert names(everything(), FULL)[4:] == [
        f"{m}-routing-{kind}" for m in ("cl", "sm", "fm") for kind in ("external", "internal")
    ]


def test_survivors_are_told_by_uid():
    """trap 2: a new route may bear an old name"""
    found = [ingress("frontend-box", uid="new"), ingress("other", uid="o"), ingress("frontend-box-api", uid="old")]
    assert [
        i["metadata"]["uid"]
        for i in routes.survivors(
            found, [{"name": "frontend-box", "uid": "gone"}, {"name": "frontend-box-api", "uid": "old"}]
        )
    ] == [
        "new",
        "o",
    ]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (ingress("i", "a", paths=("/", "/api")), {("a", "/"), ("a", "/api")}),
        ({"spec": {"rules": [{"host": "a"}]}}, {("a", "/")}),
        ({"spec": {"rules": [{"host": "a", "http": {}}]}}, {("a", "/")}),
        ({"spec": {"rules": [{"host": "a", "http": {"paths": [{"backend": {}}]}}]}}, {("a", "/")}),
        ({"spec": {"rules": [{"http": {"paths": [{"path": "/x"}]}}]}}, {("", "/x")}),
        ({"spec": {}}, set()),
        ({"spec": {"rules": None}}, set()),
    ],
)
def test_pairs(found, expected):
    assert routes.pairs(found) == expected


OLD = [ingress("frontend-box", "monq.test", paths=("/",)), ingress("frontend-box-api", "monq.test", paths=("/api",))]


@pytest.mark.parametrize(
    ("survivor", "expected"),
    [
        pytest.param(ingress("s", "monq.test"), [("monq.test", "/")], id="the root of the domain"),
        pytest.param(
            ingress("s", "monq.test", paths=("/api",)), [("monq.test", "/api")], id="trap 2: a path of the old routing"
        ),
        pytest.param(ingress("s", "monq.test", paths=("/grafana",)), [], id="a path of its own"),
        pytest.param(ingress("s", "shop.test"), [], id="another domain"),
        pytest.param(
            ingress("s", "a.wild.test", paths=("/api",)), [("a.wild.test", "/api")], id="under an alias wildcard"
        ),
        pytest.param(
            ingress("s", "shop.test", "monq.test", paths=("/", "/api")),
            [("monq.test", "/"), ("monq.test", "/api")],
            id="some of it",
        ),
    ],
)
def test_conflicts(survivor, expected):
    """trap 24"""
    assert routes.conflicts(survivor, OLD, ["monq.test", "*.wild.test"]) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([ingress("n", "monq.test", "alias.test")], ["monq.test", "alias.test"]),
        ([ingress("n", "monq.test")], ["monq.test"]),
        ([ingress("n", "monq.test"), ingress("m", "alias.test")], ["monq.test", "alias.test"]),
        ([ingress("o", "monq.test", uid="old"), ingress("m", "alias.test")], ["alias.test"]),
        ([], []),
    ],
)
def test_served_by_new_routes_only(found, expected):
    """trap 23"""
    assert routes.served(found, {"old"}, ["monq.test", "alias.test"]) == expected
