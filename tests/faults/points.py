"""What can fail, and where: every mutating step of a recorded run, its class, and the kinds of faults that can strike
there. No I/O."""

from __future__ import annotations

import re
from collections import namedtuple

# One fault of kind `kind` at step `step`, at its place `place`.
Strike = namedtuple("Strike", "step place kind")

PLACES = {
    "before": "its intent is in the ledger, its call has not begun",
    "during": "in the middle of its call",
    "after": "its call has ended, its result is not in the ledger",
}

CLASSES = {
    "snapshot": r"(prepare|upgrade)\.(snapshot|replicas)\.(original|cut)",
    "backup": r"prepare\.backup\.database\..+",
    "backup again": r"upgrade\.backup\.database\..+",
    "client": r"prepare\.(monqctl\..+|release_hub\.token|registry_token\.credential|release\.use-version)",
    "Secret": r"prepare\.registry_token\.secret",
    "env": r"prepare\.(registry_token|registry)\.env|upgrade\.[a-z]+\.registry\.env",
    "registry update": r"prepare\.registry\.update",
    "template": r"prepare\.registry_template\.apply",
    "images": r"(prepare|upgrade)\.[a-z]+\.images",
    "routing cut": r"upgrade\.routing\.cut",
    "routing apply": r"upgrade\.routing\.apply\..+",
    "SQL": r"upgrade\.[a-z]+\.database\..+",
    "Replace": r"upgrade\.[a-z]+\.microservices\.replace",
    "replicas registry": r"upgrade\.[a-z]+\.replicas\.registry",
    "replicas kubernetes": r"upgrade\.[a-z]+\.replicas\.kubernetes",
    "cache": r"upgrade\.[a-z]+\.cache\..+",
}

# Steps that one call of a module executes one after the other; equal groups of the match mean the same call.
ONE_CALL = (
    r"prepare\.(monqctl|registry_token)\..+",
    r"(prepare|upgrade)\.(?:snapshot|replicas)\.(?:original|cut)",
    r"(prepare|upgrade)\.backup\.database\..+",
    r"upgrade\.(routing\.apply)\..+",
    r"upgrade\.([a-z]+)\.(database|cache)\..+",
    r"upgrade\.([a-z]+)\.(?:microservices|registry|replicas)\..+",
)

MONQCTL = (
    "client",
    "registry update",
    "template",
    "images",
    "routing apply",
    "SQL",
    "Replace",
    "replicas registry",
    "cache",
)
EVERYWHERE = tuple(CLASSES)
# Calls whose effect is looked at.
SEEN = ("registry update", "template", "routing apply", "SQL", "Replace", "replicas registry")

# kind: (classes where it can strike, place, what it is)
KINDS = {
    "kill-ansible": (EVERYWHERE, "before", "SIGKILL to ansible-playbook alone; its module continues by itself"),
    "term": (EVERYWHERE, "before", "SIGTERM to ansible-playbook"),
    "fail": (MONQCTL, "during", "monqctl fails: an error message and status 1"),
    "hang": (MONQCTL, "during", "monqctl hangs until monq_monqctl_timeout kills it"),
    "lie": (MONQCTL, "during", "monqctl does nothing, prints an error and exits with status 0"),
    "cheer": (SEEN, "during", "monqctl does nothing, says that it succeeded and exits with status 0"),
    "die": (MONQCTL, "during", "monqctl is killed"),
    "api-500": (EVERYWHERE, "during", "the API server responds with 500"),
    "api-504": (EVERYWHERE, "during", "the API server does the work and responds with 504, its own timeout"),
    "api-hold": (EVERYWHERE, "during", "the API server does the work and never responds"),
    "api-409": (EVERYWHERE, "during", "the API server responds with 409, a conflict"),
    "api-reset": (EVERYWHERE, "during", "the API server does the work; this and all later connections are reset"),
    "api-restart": (EVERYWHERE, "during", "the API server is killed, and restarted when the run has given up"),
    "pg-restart": (("backup", "SQL"), "during", "PostgreSQL is killed and restarted"),
    "disk-full": (("backup",), "before", "the disk of monq_backup_dir is full from this step onwards"),
}


def step_class(key):
    """Returns the class of a step. A step without a class is a gap in this harness, and raises."""
    for name, pattern in CLASSES.items():
        if re.fullmatch(pattern, key):
            return name
    raise KeyError(f"{key}: no class of tests/faults/points.py knows this step: add it there, so that it is broken too")


def recorded(ledger, plan):
    """Returns the mutating steps of a recorded run, in order. The plan is used only to sort them and to exclude
    gates."""
    kinds = {step.key: step.kind for step in plan}
    order = list(kinds)
    unknown = sorted(key for key in ledger if key not in kinds)
    if unknown:
        raise KeyError(f"the ledger of the recorded run holds steps that the plan does not: {', '.join(unknown)}")
    found = sorted((key for key in ledger if kinds[key] != "gate"), key=order.index)
    for key in found:
        step_class(key)
    return found


def mutating(plan):
    """Returns the steps of a plan that change something, in order."""
    return recorded({step.key for step in plan}, plan)


def place_chain(steps, place):
    """Returns strikes that SIGKILL the whole process tree, one at every step."""
    return [Strike(step, place, "kill") for step in steps]


def kind_chain(steps, kind):
    """Returns one strike of this kind for each class where it is possible; different kinds use different steps of a
    class."""
    classes, place, _text = KINDS[kind]
    turn, chosen = list(KINDS).index(kind), []
    for name in classes:
        members = [step for step in steps if step_class(step) == name]
        if members:
            chosen.append(members[turn % len(members)])
    return [Strike(step, place, kind) for step in steps if step in chosen]


def call_of(step):
    """Returns the call of a module that executes this step."""
    for pattern in ONE_CALL:
        found = re.fullmatch(pattern, step)
        if found:
            return pattern, found.groups()
    return step


def apart(strikes):
    """Distributes strikes over as many chains as needed, so that no two of a chain are in the same call of a module: a
    module that outlives its run executes the next step by itself."""
    chains = []
    for strike in strikes:
        free = [chain for chain in chains if all(call_of(other.step) != call_of(strike.step) for other in chain)]
        if free:
            free[0].append(strike)
        else:
            chains.append([strike])
    return chains


def last_of_calls(steps):
    """Returns the steps that are the last of their call."""
    return {call_of(step): step for step in steps}.values()


def share(steps):
    """Returns strikes that cover every step once, and every kind and place at least once, as far as classes allow. What
    a module does after its run was killed is not struck."""
    places, strikes = list(PLACES), {}
    waiting = sorted(KINDS, key=lambda kind: len(KINDS[kind][0]))  # the most restricted kind chooses first
    for kind in waiting:
        classes, place, _text = KINDS[kind]
        for name in sorted(classes, key=lambda name: sum(step_class(step) == name for step in strikes)):
            able = last_of_calls(steps) if kind == "kill-ansible" else steps
            free = [step for step in able if step_class(step) == name and step not in strikes]
            if free:
                strikes[free[0]] = Strike(free[0], place, kind)
                break
    for index, step in enumerate(step for step in steps if step not in strikes):
        strikes[step] = Strike(step, places[index % len(places)], "kill")
    return [strikes[step] for step in steps]


def shares(steps, recorded, parts):
    """Returns (the share in that many chains, the points of the track record that fit into none). A chain strikes at a
    step only once, so that points of the record are moved to a chain that does not use their step."""
    chains = [{strike.step: strike for strike in share(steps)[part::parts]} for part in range(parts)]
    left = []
    for strike in dict.fromkeys(recorded):
        if any(chain.get(strike.step) == strike for chain in chains):
            continue
        free = [chain for chain in chains if strike.step not in chain]
        if free:
            free[0][strike.step] = strike
        else:
            left.append(strike)
    order = list(dict.fromkeys([*steps, *(strike.step for strike in recorded)]))
    return [in_order(order, chain.values()) for chain in chains], left


def layers(strikes):
    """Distributes strikes over as few chains as possible; each chain strikes at a step only once."""
    chains = []
    for strike in dict.fromkeys(strikes):
        free = [chain for chain in chains if all(other.step != strike.step for other in chain)]
        if free:
            free[0].append(strike)
        else:
            chains.append([strike])
    return chains


def in_order(steps, strikes):
    return sorted(strikes, key=lambda strike: steps.index(strike.step))


def missing(steps, strikes):
    """Returns what these strikes leave out: steps, places and kinds."""
    seen = set(strikes)
    gaps = [step for step in steps if not any(strike.step == step for strike in seen)]
    gaps += [kind for kind in ("kill", *KINDS) if not any(strike.kind == kind for strike in seen)]
    return gaps + [
        place for place in PLACES if not any(strike.place == place and strike.kind == "kill" for strike in seen)
    ]
