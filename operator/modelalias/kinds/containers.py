"""What the containers of a pod template say about variables and models, init containers included."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from modelalias.api.fields import Value
from modelalias.kinds.kind import Body

_REFERENCE: Final = re.compile(r"\$\$|\$\(([^)]*)\)")
_FIXED: Final = re.compile(r"models:/+([^/:\x00-\x1f\x7f]+)/([1-9][0-9]*)(?![\w/])")


class FixedModel(Value):
    """A version of a model that a template names by its number."""

    place: str
    """The variable, or the field `command` or `args`."""
    model: str
    version: str


class Traits(Value):
    """What else than its literal variables a container has that matters to a roll."""

    init: bool = False
    """Whether it stands among the init containers."""
    serves: bool = True
    """Whether it runs as long as its pod does: an init container that ends does not."""
    probed: bool = True
    """Whether it has a readinessProbe."""
    elsewhere: tuple[str, ...] = ()
    """Variables that take their value from elsewhere (valueFrom)."""
    twice: tuple[str, ...] = ()
    """Variables that stand in `env` more than once. The last one counts, and a patch writes the first."""
    fixed: tuple[FixedModel, ...] = ()


PLAIN: Final = Traits()


def literals_of(pod: Body) -> Mapping[str, Mapping[str, str]]:
    """Return the variables with a value in the template itself, for each container by its name."""
    return {item["name"]: _literals(item) for _, item in _each(pod)}


def traits_of(pod: Body) -> Mapping[str, Traits]:
    """Return what else matters, for each container by its name."""
    return {item["name"]: _traits(item, init=init) for init, item in _each(pod)}


def texts_of(pod: Body) -> Iterator[str]:
    """Yield what the template itself says in variables, commands and arguments, as the containers get it."""
    for _, container in _each(pod):
        yield from (text for _, text in _texts(container))


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return what a container gets where this stands in its template, as far as these variables tell."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])

    return _REFERENCE.sub(value, text)


def literal(text: str) -> str:
    """Return the value of a variable that the pods get as this text.

    Kubernetes replaces `$(NAME)` by another variable of the container and `$$` by `$`.
    """
    return text.replace("$", "$$")


def _each(pod: Body) -> Iterator[tuple[bool, Body]]:
    yield from ((False, item) for item in pod["containers"])
    yield from ((True, item) for item in pod.get("initContainers") or ())


def _variables(container: Body) -> Sequence[Body]:
    return container.get("env") or ()


def _literals(container: Body) -> Mapping[str, str]:
    """Return the literal ones; of two with one name the last counts, as it does for Kubernetes."""
    last = {item["name"]: item for item in _variables(container)}
    return {name: item.get("value") or "" for name, item in last.items() if "valueFrom" not in item}


def _traits(container: Body, *, init: bool) -> Traits:
    names = Counter(item["name"] for item in _variables(container))
    return Traits(
        init=init,
        serves=not init or container.get("restartPolicy") == "Always",
        probed=bool(container.get("readinessProbe")),
        elsewhere=tuple(sorted({item["name"] for item in _variables(container) if "valueFrom" in item})),
        twice=tuple(sorted(name for name, count in names.items() if count > 1)),
        fixed=tuple(_fixed(container)),
    )


def _fixed(container: Body) -> Iterator[FixedModel]:
    for place, text in _texts(container):
        for found in _FIXED.finditer(text):
            yield FixedModel(place=place, model=found[1], version=found[2])


def _texts(container: Body) -> Iterator[tuple[str, str]]:
    """Yield each text with where it stands: its variable, or the field `command` or `args`."""
    known: dict[str, str] = {}
    for name, text in _literals(container).items():
        known[name] = expanded(text, known)
        yield name, known[name]
    for field in ("command", "args"):
        for text in container.get(field) or ():
            yield field, expanded(text, known)
