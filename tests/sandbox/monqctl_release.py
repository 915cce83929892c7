# GNU General Public License v3.0+
"""The simulated monqctl's calls on a release: export, use, images, routing, SQL, microservices, caches."""

import os
import time

from files import Locked, read_json, write_json
from monqctl_arguments import Usage
from monqctl_call import Failure


def export(source, target):
    import shutil

    shutil.copytree(source, target, dirs_exist_ok=True)
    print(f"Exported to {target}")


def export_release(call):
    export(call.hub(call.values["product"], call.values["version"]), call.values["dest"])


def use_version(call):
    import shutil

    values = call.values
    if call.registry("GET", "/version")["Version"] == "3.1.0":
        raise Failure(f"release {values['version']} needs registry 3.2.0 or later, this one is 3.1.0")
    folder = values["sourceDir"] if values.get("sourceDir") else call.hub(values["product"], values["version"])
    listed = call.complete(folder, "release.json")
    if (listed["product"], listed["version"]) != (values["product"], values["version"]):
        raise Failure(
            f"{folder} holds {listed['product']} {listed['version']}, not {values['product']} {values['version']}"
        )
    target = call.home.release_dir()
    shutil.rmtree(target, ignore_errors=True)
    for number, name in enumerate([*listed["files"], "release.json"], 1):
        os.makedirs(os.path.dirname(os.path.join(target, name)), mode=0o700, exist_ok=True)
        shutil.copyfile(os.path.join(folder, name), os.path.join(target, name))
        print(f"Downloading {name} ({number}/{len(listed['files']) + 1})", flush=True)
        call.middle()
    print(f'Release {values["product"]} {values["version"]} is used in context "{call.home.context_name}".')


def add_images(call, images):
    path = call.path("images.json")
    with Locked(os.path.dirname(path)):
        write_json(path, sorted({*read_json(path, []), *images}))


def update_images(call):
    images = read_json(call.release(call.values["module"], "images.json"))
    call.registry("GET", "/version")
    for number, image in enumerate(images, 1):
        print(f"Copying {image} ({number}/{len(images)})", flush=True)
    add_images(call, images)
    print(f"{len(images)} images copied.")


def update_routing(call):
    """Creates the new Ingresses. Like ingress-nginx's webhook, rejects a host and path that another Ingress uses."""
    import manifests
    from kube import KubeError

    module = call.values["module"]
    routes = read_json(call.release(module, call.values.get("file", "routing.json")))
    template = call.registry("GET", "/services/K8s")
    held = {}
    for row in call.kube.call("GET", "/apis/extensions/v1beta1/ingresses").get("items") or []:
        for rule in row["spec"].get("rules") or []:
            for path in (rule.get("http") or {}).get("paths") or []:
                held[rule.get("host", ""), path.get("path", "/")] = (
                    row["metadata"]["namespace"],
                    row["metadata"]["name"],
                )
    for route in routes:
        try:
            body = manifests.routing_ingress(template, call.name, module, route["app"], route["paths"])
        except KeyError as error:
            raise Failure(f"service K8s has no {error.args[0]}: update the template first") from error
        for rule in body["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                owner = held.get((rule["host"], path["path"]))
                if owner and owner != (call.name, route["app"]):
                    raise Failure(
                        f'Ingress {route["app"]}: admission webhook "validate.nginx.ingress.kubernetes.io" denied the '
                        f"request: "
                        f'host "{rule["host"]}" and path "{path["path"]}" is already defined in ingress '
                        f"{'/'.join(owner)}"
                    )
        try:
            if call.kube.get("Ingress", call.name, route["app"]):
                call.kube.replace(body)
            else:
                call.kube.create(body)
        except KubeError as error:
            raise Failure(f"Ingress {route['app']}: {error}") from error
        print(f"ingress {route['app']} applied.", flush=True)
        call.middle()


def update_db(call):
    """Runs the file on the microservice's database. The release's statements are not repeatable and not in a
    transaction."""
    module, service = call.values["module"], call.values["microservice"]
    file = call.release(module, call.values["file"])
    call.registry("GET", f"/microservices/{service}")
    facts = call.facts()
    server = facts["postgresql"]
    argv = [
        "psql",
        "-Xq",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        server["host"],
        "-p",
        str(server["port"]),
        "-U",
        server["user"],
        "-d",
        facts["databases"][service],
        "-f",
        file,
    ]
    env = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "PGPASSWORD": server["password"],
        "PGCONNECT_TIMEOUT": "5",
        "LC_ALL": "C.UTF-8",
    }
    print(f"Applying {call.values['file']} to {service}", flush=True)
    pid = os.posix_spawnp("psql", argv, env)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        raise Failure(f"{call.values['file']}: psql ended with {status}")
    print("Done.")


def update_microservices(call):
    """Carries out Replace: new entries in the registry, new objects in Kubernetes; counts and all other changes made by
    hand are lost."""
    module = call.values["module"]
    if call.values["k8s-merge-type"] != "Replace":
        raise Usage(f"unknown merge type: {call.values['k8s-merge-type']}")
    rows = read_json(call.release(module, "manifests.json"))
    template = call.registry("GET", "/services/K8s")
    before = [row["Name"] for row in call.registry("GET", "/microservices") if row["Module"] == module]
    call.registry("PUT", f"/modules/{module}", [{**row, "State": "Enabled"} for row in rows])
    facts = call.facts()
    if call.speaker.profile["replace"] != "late":
        replace(call, module, rows, template, before, facts)
    elif detached():
        print("Accepted.")
    else:
        replace(call, module, rows, template, before, facts)
        os._exit(0)


def detached():
    """Goes on in a process that nobody waits for, some time later; returns whether this is the one that returns."""
    if os.fork():
        return True
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    time.sleep(2)
    return False


def replace(call, module, rows, template, before, facts):
    import manifests
    from kube import KubeError

    anew = call.speaker.profile["replace"] != "update"
    try:
        for name in before if anew else sorted({*before} - {row["Name"] for row in rows}):
            call.kube.delete(
                "Deployment",
                call.name,
                name,
                {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"},
            )
            print(f"deployment {name} deleted.", flush=True)
        call.middle()  # the worst moment: the module has no Deployment at all
        for row in rows:
            body = manifests.deployment(
                template,
                call.name,
                module,
                row["Name"],
                row["Kind"],
                row["Version"],
                row["Image"],
                manifests.environment(row["Name"], facts["databases"], facts["postgresql"]),
                row["Replicas"],
            )
            known = not anew and call.kube.get("Deployment", call.name, row["Name"])
            (call.kube.replace if known else call.kube.create)(body)
            print(f"deployment {row['Name']} {'replaced' if known else 'created'}.", flush=True)
    except KubeError as error:
        raise Failure(str(error)) from error


def clear_cache(call):
    call.registry("POST", f"/cache/{call.values['microservice']}")
    print(f"Cache of {call.values['microservice']} cleared.")
