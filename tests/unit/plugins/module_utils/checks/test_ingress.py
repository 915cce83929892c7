"""ingress-nginx against the snippets of Monq's routes, and Ingresses with the same host and path."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import ingress as rules
from fake_cluster import deployment, ingress

SNIPPET = "nginx.ingress.kubernetes.io/configuration-snippet"


def route(name="frontend-box", **notes):
    made = ingress(name, "monq.test")
    made["metadata"]["annotations"] = notes
    return made


def with_snippet(**notes):
    return route(**{SNIPPET: "more_set_headers x;", **notes})


def controller(image, *args, namespace="ingress-nginx", kind="Deployment"):
    made = deployment("controller")
    made["metadata"]["namespace"] = namespace
    made["spec"]["template"]["spec"]["containers"] = [{"image": "sidecar:1"}, {"image": image, "args": list(args)}]
    return kind, made


NGINX = "registry.k8s.io/ingress-nginx/controller:v{}"
MAP = "--configmap=$(POD_NAMESPACE)/settings"


def judged(image, settings, *args, routes=None):
    asked = []

    def read(name):
        asked.append(name)
        return settings

    known = rules.controllers([controller(image, *(args or (MAP,)))])
    found = rules.snippet_findings(routes or [with_snippet()], known, read)
    return [(one["severity"], one["seen"]) for one in found], asked


@pytest.mark.parametrize(
    ("image", "settings", "seen"),
    [
        pytest.param(NGINX.format("1.8.4"), {}, None, id="allowed by default before 1.9"),
        pytest.param(NGINX.format("0.49.3"), {}, None, id="0.x"),
        pytest.param(NGINX.format("1.9.0"), {}, "allow-snippet-annotations is not set, which means false", id="1.9"),
        pytest.param(
            NGINX.format("1.8.4"), {"allow-snippet-annotations": "false"}, "allow-snippet-annotations: false", id="off"
        ),
        pytest.param(NGINX.format("1.11.5"), {"allow-snippet-annotations": "true"}, None, id="on"),
        pytest.param(
            NGINX.format("1.12.1"),
            {"allow-snippet-annotations": "true"},
            "annotations-risk-level is not set, which means High",
            id="1.12 refuses the risk",
        ),
        pytest.param(
            NGINX.format("1.12.1") + "@sha256:00",
            {"allow-snippet-annotations": "true", "annotations-risk-level": "Critical"},
            None,
            id="1.12 with both",
        ),
        pytest.param(
            "rancher/nginx-ingress-controller:nginx-1.9.4-rancher1",
            {},
            "allow-snippet-annotations is not set",
            id="another build",
        ),
    ],
)
def test_snippets_against_version_and_setting(image, settings, seen):
    found, asked = judged(image, settings)
    assert asked == ["ingress-nginx/settings"], "the controller's own namespace"
    assert [severity for severity, _seen in found] == (["warning"] if seen else [])
    assert not seen or found[0][1].startswith(seen)


def test_the_finding_names_controller_route_and_remedy():
    known = rules.controllers([controller(NGINX.format("1.12.1"), MAP)])
    [one] = rules.snippet_findings([with_snippet()], known, lambda _name: {})
    assert one["object"] == "Deployment ingress-nginx/controller (ingress-nginx 1.12.1)"
    assert SNIPPET in one["expected"] and "frontend-box" in one["expected"] and "more_set_headers" not in str(one)
    assert "allow-snippet-annotations: 'true' and annotations-risk-level: Critical" in one["next"]


@pytest.mark.parametrize(
    ("image", "settings", "seen"),
    [
        (NGINX.format("1.9.0"), None, "ConfigMap ingress-nginx/settings not read"),
        ("mirror/ingress-nginx/controller:latest", {}, "the image tag shows no version"),
        ("mirror/ingress-nginx/controller", {"allow-snippet-annotations": "true"}, "the image tag shows no version"),
    ],
)
def test_what_is_not_known_is_information(image, settings, seen):
    assert judged(image, settings)[0] == [("info", seen)]


def test_settings_that_say_it_all_need_no_version():
    both = {"allow-snippet-annotations": "true", "annotations-risk-level": "Critical"}
    assert judged("mirror/ingress-nginx/controller:latest", both)[0] == []
    off = {**both, "allow-snippet-annotations": "false"}
    assert [row[0] for row in judged("mirror/ingress-nginx/controller:latest", off)[0]] == ["warning"]


@pytest.mark.parametrize(
    ("notes", "args", "concerned"),
    [
        pytest.param({"kubernetes.io/ingress.class": "public"}, [MAP], False, id="another controller's routes"),
        pytest.param(
            {"kubernetes.io/ingress.class": "public"},
            ["--configmap", "a/b", "--ingress-class", "public"],
            True,
            id="its own",
        ),
        pytest.param({}, [MAP, "--ingress-class=public"], True, id="routes without a class"),
    ],
)
def test_a_controller_is_judged_by_routes_of_its_class(notes, args, concerned):
    found, _asked = judged(NGINX.format("1.9.0"), {}, *args, routes=[with_snippet(**notes)])
    assert bool(found) is concerned


def test_other_images_and_routes_without_snippets_are_no_concern():
    assert rules.controllers([controller("nginx/nginx-ingress:3.0.0"), controller("app:1")]) == []
    assert judged(NGINX.format("1.9.0"), {}, routes=[route()])[0] == []
    assert rules.snippets([route(**{"nginx.ingress.kubernetes.io/rewrite-target": "/"}), ingress("bare", "x")]) == {}


def placed(name, namespace="monq", paths=("/",), **notes):
    made = ingress(name, "monq.test", paths=paths)
    made["metadata"].update(namespace=namespace, annotations=notes)
    return made


@pytest.mark.parametrize(
    ("other", "reported", "found"),
    [
        pytest.param(placed("b"), (), True, id="two of one namespace"),
        pytest.param(placed("b", paths=("/b",)), (), False, id="another path"),
        pytest.param(placed("b", **{rules.CANARY: "true"}), (), False, id="a canary"),
        pytest.param(placed("b", **{rules.CLASS: "public"}), (), False, id="of another controller"),
        pytest.param(placed("b"), ("monq/b",), False, id="reported as a conflict already"),
    ],
)
def test_a_host_and_path_that_two_ingresses_have(other, reported, found):
    told = rules.duplicates([placed("a"), other], [], reported)
    assert [(one["severity"], one["object"], one["seen"]) for one in told] == (
        [("warning", "monq.test/", "monq/a, monq/b")] if found else []
    )


def test_duplicates_of_other_namespaces_count_only_with_one_of_ours():
    elsewhere = [placed("x", "shop"), placed("y", "shop")]
    assert rules.duplicates([], elsewhere) == []
    assert [one["seen"] for one in rules.duplicates([placed("a")], elsewhere[:1])] == ["monq/a, shop/x"]
