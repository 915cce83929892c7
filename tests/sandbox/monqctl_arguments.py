# GNU General Public License v3.0+
"""The calls of monqctl that are known or assumed (see the docs page monqctl). All others are rejected, so that a
collection that invents a call fails here."""

# words (<x> stands for a value) -> options; a leading + marks a required one
CALLS = {
    "version": [],
    "config current-context": [],
    "config use-context <name>": [],
    "config view": [],
    "config get releasehubs": [],
    "config get credentials": [],
    "config set instance <name>": ["+server"],
    "config set credential <name>": ["+registry-token"],
    "config set releasehub <name>": ["+token", "+server"],
    "config set context <name>": ["+instance", "credential", "releasehub"],
    "registry get status": [],
    "registry get services": [],
    "registry get services K8s": ["+output"],
    "registry apply service K8s": ["+file"],
    "registry get microservices": ["+output"],
    "registry get microservices <name>": ["+output"],
    "registry apply microservice <name>": ["+file"],
    "registry update registry": ["+version", "sourceDir", "k8s-api"],
    "registry export registry <version>": ["+dest"],
    "release version export <version>": ["+product", "+dest"],
    "release use-version <version>": ["+product", "sourceDir"],
    "release update routing": ["+module", "file"],
    "release update images": ["+module"],
    "release update db pgsql": ["+module", "+microservice", "+file"],
    "release update microservices": ["+module", "+k8s-merge-type"],
    "instance clear cache": ["+microservice"],
}
READING = ("version", "config current-context", "config view", "config get ", "registry get ")
SECRET = ("--token", "--registry-token")


class Usage(Exception):
    pass


def split(argv):
    """Splits --a=b into --a b: both forms mean the same."""
    words = []
    for word in argv:
        name, equals, value = word.partition("=")
        words += [name, value] if equals and name.startswith("--") else [word]
    return words


def parse(argv):
    """Returns (the call's key in CALLS, its values by name)."""
    plain, options, words = [], {}, split(argv)
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            plain.append(word)
        elif not word.startswith("--"):
            raise Usage(f"unknown shorthand flag: {word}")
        elif not words:
            raise Usage(f"flag needs an argument: {word}")
        elif word[2:] in options:
            raise Usage(f"flag given twice: {word}")
        else:
            options[word[2:]] = words.pop(0)
    for key, allowed in CALLS.items():
        pattern = key.split()
        if len(pattern) == len(plain) and all(
            want == have or want.startswith("<") for want, have in zip(pattern, plain)
        ):
            known = [name.lstrip("+") for name in allowed]
            for name in options:
                if name not in known:
                    raise Usage(f"unknown flag: --{name}")
            for name in allowed:
                if name.startswith("+") and not options.get(name[1:]):
                    raise Usage(f"required flag not set or empty: --{name[1:]}")
            values = {want.strip("<>"): have for want, have in zip(pattern, plain) if want.startswith("<")}
            if not all(values.values()):
                raise Usage("empty argument")
            return key, {**values, **options}
    raise Usage(f"unknown command: monqctl {' '.join(plain)}")


def changing(argv):
    return not " ".join(argv).startswith(READING)


def masked(argv):
    """Returns the argv with its secrets masked, for the journal."""
    shown, hide = [], False
    for word in argv:
        name, equals, _value = word.partition("=")
        shown.append("***" if hide else f"{name}=***" if equals and name in SECRET else word)
        hide = word in SECRET
    return shown
