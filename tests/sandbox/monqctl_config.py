# GNU General Public License v3.0+
"""The simulated monqctl's version, and the calls that configure its home: contexts, instances, credentials, Release
Hubs."""

from monqctl_call import Failure

VERSION = "1.1.2"


def version(call):
    call.speaker.version(VERSION)


def current_context(call):
    if not call.home.context_name:
        raise Failure("current-context is not set")
    call.speaker.context(call.home.context_name)


def use_context(call):
    name = call.values["name"]
    if name not in call.home.part("contexts"):
        raise Failure(f'no context exists with the name: "{name}"')
    call.home.config["current-context"] = name
    call.home.save()
    print(f'Switched to context "{name}".')


def config_view(call):
    call.speaker.show(call.home.config)


def get_releasehubs(call):
    call.speaker.table([[name, row["server"]] for name, row in call.home.part("releasehubs").items()])


def get_credentials(call):
    call.speaker.table(
        [
            [name, "registry-token" if row.get("registry-token") else "-"]
            for name, row in call.home.part("credentials").items()
        ]
    )


def setting(part):
    def change(call):
        values = {key: value for key, value in call.values.items() if key != "name"}
        call.home.part(part).setdefault(call.values["name"], {}).update(values)
        call.home.save()
        print(f'{part[:-1]} "{call.values["name"]}" set.')

    return change
