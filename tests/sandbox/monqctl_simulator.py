# GNU General Public License v3.0+
"""The simulated monqctl. Its state is below HOME; it changes the sandbox's registry, cluster, databases and image
store.

As with the real client, the server of the current context's instance determines which installation a call acts on, not
the path it was started from; that path only determines whose journal and faults are used."""

import json
import os
import sys
import time

import faults
from files import read_json
from monqctl_arguments import Usage, changing, masked, parse
from monqctl_call import Call, Failure, Home, Plain
from monqctl_config import config_view, current_context, get_credentials, get_releasehubs, setting, use_context, version
from monqctl_registry import (
    apply_microservice,
    apply_template,
    export_registry,
    get_microservice,
    get_microservices,
    get_template,
    registry_services,
    registry_status,
    update_registry,
)
from monqctl_release import (
    clear_cache,
    export_release,
    update_db,
    update_images,
    update_microservices,
    update_routing,
    use_version,
)

HANDLERS = {
    "version": version,
    "config current-context": current_context,
    "config use-context <name>": use_context,
    "config view": config_view,
    "config get releasehubs": get_releasehubs,
    "config get credentials": get_credentials,
    "config set instance <name>": setting("instances"),
    "config set credential <name>": setting("credentials"),
    "config set releasehub <name>": setting("releasehubs"),
    "config set context <name>": setting("contexts"),
    "registry get status": registry_status,
    "registry get services": registry_services,
    "registry get services K8s": get_template,
    "registry apply service K8s": apply_template,
    "registry get microservices": get_microservices,
    "registry get microservices <name>": get_microservice,
    "registry apply microservice <name>": apply_microservice,
    "registry update registry": update_registry,
    "registry export registry <version>": export_registry,
    "release version export <version>": export_release,
    "release use-version <version>": use_version,
    "release update routing": update_routing,
    "release update images": update_images,
    "release update db pgsql": update_db,
    "release update microservices": update_microservices,
    "instance clear cache": clear_cache,
}


class Journal:
    """Records one line at the start and one at the end of each call, appended atomically: a call without an end was
    killed."""

    def __init__(self, path, argv):
        self.path = path
        self.row = {
            "pid": os.getpid(),
            "home": os.environ.get("HOME"),
            "context": "",
            "argv": masked(argv),
            "changing": changing(argv),
        }

    def write(self, event, **more):
        line = json.dumps({"event": event, "time": time.time(), **self.row, **more}, ensure_ascii=False) + "\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)


def speaker_of(folder):
    profile = read_json(os.path.join(folder, "profile.json"))
    if not profile:
        return Plain()
    from monqctl_profile import Speaker

    return Speaker(profile)


def run(sandbox_dir, argv, journal, faults_file, speaker):
    try:
        home = Home()
        journal.row["context"] = home.context_name
        journal.write("start")
        fault = faults.take(faults_file, argv, "before")
        status = faults.commit(fault) if fault else None
        if status is not None:
            return status
        if fault:
            home = Home()  # a fault of kind exec may have switched the context
        key, values = parse(argv)

        def middle():
            due = faults.take(faults_file, argv, "during")
            if due and faults.commit(due):
                raise Failure("stopped in the middle")

        speaker.begin()
        with speaker.heard():
            HANDLERS[key](Call(sandbox_dir, home, values, middle, speaker))
        middle()  # an indivisible call: everything is done, but not reported yet
        sys.stdout.flush()
        speaker.end(changing(argv))
    except Usage as error:
        print(
            f"Error: {error}\nUsage: monqctl version | config … | registry … | release … | instance clear cache",
            file=sys.stderr,
        )
        return 2
    except Failure as error:
        sys.stdout.flush()
        print(f"Error: {error}", file=sys.stderr)
        return 1
    fault = faults.take(faults_file, argv, "after")
    status = faults.commit(fault) if fault else None
    return 0 if status is None else status


def main(sandbox_dir, name):
    argv = sys.argv[1:]
    folder = os.path.join(sandbox_dir, "installations", name)
    journal = Journal(os.path.join(folder, "journal.jsonl"), argv)
    status = 99
    try:
        status = run(sandbox_dir, argv, journal, os.path.join(folder, "faults.json"), speaker_of(folder))
    except BrokenPipeError:
        pass  # the reader of our output is gone, as with `monqctl … | head`
    except Exception:
        import traceback

        traceback.print_exc()
    finally:
        journal.write("end", rc=status)
    # There is nothing to clean up, and the interpreter's regular exit takes 10 ms.
    os._exit(status)
