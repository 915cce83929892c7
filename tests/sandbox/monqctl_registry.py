# GNU General Public License v3.0+
"""The simulated monqctl's calls on the registry: status, template, microservices, its own update."""

import os

from files import read_json
from monqctl_call import Failure, from_file, json_only
from monqctl_release import add_images, export


def registry_status(call):
    call.speaker.table([[row["Name"], row["State"]] for row in call.registry("GET", "/status")])


def registry_services(call):
    call.speaker.table([[row["Name"], row["Type"]] for row in call.registry("GET", "/services")])


def get_template(call):
    json_only(call.values)
    call.speaker.show(call.registry("GET", "/services/K8s"))


def apply_template(call):
    call.registry("PUT", "/services/K8s", from_file(call.values["file"]))
    print("service K8s applied.")


def get_microservices(call):
    json_only(call.values)
    call.speaker.show(call.registry("GET", "/microservices"))


def get_microservice(call):
    json_only(call.values)
    call.speaker.show(call.registry("GET", f"/microservices/{call.values['name']}"))


def apply_microservice(call):
    entry = from_file(call.values["file"])
    if call.speaker.profile.get("json") == "texts" and isinstance(entry, dict) and "Replicas" in entry:
        entry["Replicas"] = int(entry["Replicas"])
    call.registry("PUT", f"/microservices/{call.values['name']}", entry)
    print(f"microservice {call.values['name']} applied.")


def update_registry(call):
    """Updates the registry itself: a new image, and the Deployment as in the template, which loses what was set by hand
    (trap 10)."""
    import manifests

    values = call.values
    registry = call.registry("GET", "/version")
    folder = values["sourceDir"] if values.get("sourceDir") else call.hub("registry", values["version"])
    if call.complete(folder, "registry.json")["version"] != values["version"]:
        raise Failure(f"{folder} does not hold registry {values['version']}")
    template = call.registry("GET", "/services/K8s")
    address = values.get("k8s-api") or template.get("Uri") or ""
    if address.rstrip("/") != call.state["api_server"].rstrip("/"):
        raise Failure(f'Get "{address}/apis/apps/v1": dial tcp: lookup {address.partition("//")[2]}: no such host')
    manifest = read_json(os.path.join(folder, "manifest.json"))
    name, facts = manifest["Name"], call.facts()
    add_images(call, [manifest["Image"]])
    entry = call.registry("GET", f"/microservices/{name}")
    call.registry("PUT", f"/microservices/{name}", {**entry, "Version": values["version"], "Image": manifest["Image"]})
    call.registry("PUT", "/version", {**registry, "Version": values["version"]})
    print(f"Registry {registry['Version']} -> {values['version']}")
    running = call.kube.get("Deployment", call.name, name)
    body = manifests.deployment(
        template,
        call.name,
        "pl",
        name,
        "api",
        values["version"],
        manifest["Image"],
        manifests.environment(name, facts["databases"], facts["postgresql"]),
        running["spec"]["replicas"] if running else 1,
    )
    if running:
        call.kube.replace(body)
    else:
        call.kube.create(body)
    print("Registry updated.")


def export_registry(call):
    export(call.hub("registry", call.values["version"]), call.values["dest"])
