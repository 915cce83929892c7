# GNU General Public License v3.0+
"""The Release Hub: a folder with registry 3.2.0 and release 6.0.0 of product monq, in the same form as an export."""

import json
import os
import shutil

import manifests

ORDER = ("pl", "sm", "cl", "fm")


URL = "https://release-hub.monqlab.com"  # the vendor's
HERE = "/release-hub"


def address(registry):
    """Something on this machine that responds: preflight asks whether the Release Hub is there."""
    return registry + HERE


def is_hub(server):
    return server.rstrip("/") == URL or server.rstrip("/").endswith(HERE)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        if isinstance(data, str):
            file.write(data)
        else:
            json.dump(data, file, indent=1, ensure_ascii=False)
            file.write("\n")


def counted(module, file):
    """Returns the end of every SQL file, which lets tests count the runs in the database itself."""
    return f"INSERT INTO sandbox_migrations (module, file, ran_at) VALUES ('{module}', '{file}', now());\n"


def service_sql(module, service, file):
    """Returns SQL that is not repeatable and not in a transaction: a second run fails at the first statement, and an
    interruption leaves half of it applied."""
    return f"""-- {service}: data of 6.0.0
ALTER TABLE entities ADD COLUMN routing_zone text;
UPDATE entities SET routing_zone = 'zone-' || (id % 3);
ALTER TABLE entities ALTER COLUMN routing_zone SET NOT NULL;
CREATE INDEX entities_routing_zone ON entities (routing_zone);
UPDATE settings SET value = value || jsonb_build_object('release', '6.0.0', 'имя', 'обновление') WHERE key = 'release';
INSERT INTO settings (key, value) VALUES ('routing.{service}', '{{"enabled": true}}');
""" + counted(module, file)


def userspace_sql(module, number):
    """Returns the SQL file that has the same name but a different content in each module."""
    return f"""-- userspace configuration of module {module}
ALTER TABLE entities ADD COLUMN {module}_configured boolean NOT NULL DEFAULT false;
UPDATE entities SET {module}_configured = true, amount = amount + {number};
INSERT INTO settings (key, value) VALUES ('userspace.{module}', '{{"module": "{module}", "order": {number}}}');
""" + counted(module, "userspace-configuration.sql")


def release_files():
    """Returns path -> content of release 6.0.0."""
    data, catalogue, files = manifests.load("release"), manifests.load("microservices")["modules"], {}
    for number, module in enumerate(ORDER, 1):
        part = catalogue[module]
        version = part["new_version"]
        rows = []
        for row in [row for row in part["microservices"] if not row.get("gone")] + part["new_microservices"]:
            tag = row.get("new_image_tag", version)
            rows.append(
                {
                    "Name": row["name"],
                    "Module": module,
                    "Kind": row.get("kind", "api"),
                    "Version": version,
                    "Replicas": 1,
                    "Image": manifests.image(module, row["name"], tag),
                }
            )
        files[f"{module}/manifests.json"] = rows
        # The image of the service that cannot start is missing in the release too: whoever starts it gets a broken
        # pod.
        broken = {row["name"] for row in part["microservices"] if row.get("broken")}
        files[f"{module}/images.json"] = [row["Image"] for row in rows if row["Name"] not in broken]
        files[f"{module}/routing.json"] = data["routing"][module]
        for name, routes in data["routing_files"].get(module, {}).items():
            files[f"{module}/{name}"] = routes
        for service, file in data["sql"][module]:
            files[f"{module}/{file}"] = (
                userspace_sql(module, number) if file.startswith("userspace") else service_sql(module, service, file)
            )
    files["release.json"] = {
        "product": data["product"],
        "version": data["version"],
        "modules": {module: catalogue[module]["new_version"] for module in ORDER},
        "files": sorted(files),
    }
    return files


def registry_files():
    version = manifests.load("release")["registry_version"]
    files = {
        "manifest.json": {
            "Name": manifests.REGISTRY,
            "Module": "pl",
            "Version": version,
            "Image": manifests.image("pl", manifests.REGISTRY, version),
        },
        "image.tar": "the layers of the image would lie here\n",
    }
    files["registry.json"] = {"version": version, "files": sorted(files)}
    return files


def build(folder):
    """Creates the hub's own folder: registry/3.2.0 and monq/6.0.0."""
    data = manifests.load("release")
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in release_files().items():
        write(os.path.join(folder, data["product"], data["version"], name), content)
    for name, content in registry_files().items():
        write(os.path.join(folder, "registry", data["registry_version"], name), content)
