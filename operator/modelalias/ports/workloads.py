"""The workloads of a cluster, and what may be changed of them."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final, Protocol

from modelalias.api.alias import WorkloadKind
from modelalias.api.fields import Value
from modelalias.api.workload import LoadFormat, Place, Serving

_VERSION: Final = re.compile(r"[1-9][0-9]{0,17}")


class WorkloadRef(Value):
    """Which workload."""

    kind: WorkloadKind
    namespace: str
    name: str


class Variable(Value):
    """A place in a workload and what is to stand there."""

    container: str = ""
    """Empty where the kind has one place of its own."""
    env: str = ""
    """Empty where the kind has one place of its own."""
    value: str | None
    """Letter by letter; None takes the variable away."""


class WorkloadChange(Value):
    """What a roll writes into a workload; None for `mark` takes the mark away."""

    alias: str
    """Name of the ModelAlias, the mark's key."""
    mark: str | None
    variables: tuple[Variable, ...] = ()


class Replicas(Value):
    """How many replicas a workload has (of a DaemonSet: nodes that should run it)."""

    desired: int
    updated: int
    """Made from its newest template."""
    available: int
    """Of all templates together."""
    total: int
    """That exist, old ones included."""

    def needed(self, short: int) -> int:
        """Return how many have to be available where `short` were missing before: one at least has to load it."""
        return max(1, self.desired - short) if self.desired else 0


class Workload(Value, ABC):
    """A workload as it was seen.

    The fields are what the rules need of each kind. What else a kind has to know, and the answers to the
    rules' questions about it, stand in a subclass of its own: see `modelalias.kinds`.
    """

    ref: WorkloadRef
    uid: str
    resource_version: int
    managed: bool
    """Whether it carries the label `modelalias.dev/managed=true`."""
    marks: Mapping[str, str]
    """What rolls wrote last, for each ModelAlias by its name: the annotations under `modelalias.dev/` where
    a change of them makes new pods."""
    last_writer: str = ""
    """The field manager that wrote it last, status and the operator itself apart; "" when that is not known."""

    @property
    @abstractmethod
    def pod_selector(self) -> str:
        """Return the label selector that its pods match, as the API server takes it; "" when it has none."""

    @property
    def owns_pods(self) -> bool:
        """Return whether it controls its pods, directly or by way of a ReplicaSet; else their labels alone tell."""
        return True

    @abstractmethod
    def value_at(self, place: Place) -> str | None:
        """Return what stands at the place, None when nothing does."""

    def text_of(self, uri: str) -> str:
        """Return what has to stand there so that the pods load this model: its URI, or an escaped form."""
        return uri

    def text_at(self, place: Place, model: str, version: str) -> str:
        """Return what has to stand at the place for this version of the model."""
        return version if place.format is LoadFormat.VERSION else self.text_of(f"models:/{model}/{version}")

    def asks_for(self, serving: Serving, model: str) -> str | None:
        """Return the version of the model that stands at all the places which `serving.load` names.

        None when they name different ones, or one of them nothing or something else, and with mode Alias: the
        mark tells then.
        """
        versions = {self._version_in(self.value_at(place), place, model) for place in serving.load.places}
        return versions.pop() if len(versions) == 1 else None

    def pinned_in(
        self, containers: Mapping[str, Mapping[str, str]], serving: Serving, model: str
    ) -> str | None:
        """Return the version that the variables of a pod name, with mode Pinned, as `asks_for` does."""
        versions = {
            self._version_in(containers.get(place.container, {}).get(place.env), place, model)
            for place in serving.load.places
        }
        return versions.pop() if len(versions) == 1 else None

    @property
    def needs_address(self) -> bool:
        """Return whether what is written is not the model's URI but the address at which its files lie."""
        return False

    def why_not_loadable(self, uri: str) -> str:
        """Return why its pods cannot load what lies at that address; "" when they can.

        The words go on where its name ends, as those of `why_not_rollable`.
        """
        del uri
        return ""

    @property
    def waits_for_unready(self) -> bool:
        """Return whether its controller replaces no pod before all others are ready, not even a broken one."""
        return False

    def _version_in(self, value: str | None, place: Place, model: str) -> str | None:
        text = value or ""
        version = text.rpartition("/")[2]
        is_version = _VERSION.fullmatch(version) and text == self.text_at(place, model, version)
        return version if is_version else None

    def why_fixed(self, serving: Serving, model: str) -> str:
        """Return that its template names a version of the model for good, with mode Alias; "" when it does not.

        The words go on where its name ends, as those of `why_not_rollable`.
        """
        del serving, model
        return ""

    @abstractmethod
    def why_not_rollable(self, serving: Serving, model: str) -> str:
        """Return what keeps it from being rolled at all until a person edits it; "" when nothing does.

        The words go on where its name ends: "is paused: resume it".
        """

    def warnings(self, serving: Serving, model: str) -> tuple[str, ...]:
        """Return what can be rolled and is likely not meant so, each with what to change.

        The words go on where its name ends, as those of `why_not_rollable`; the same state in the same words.
        """
        del serving, model
        return ()

    @abstractmethod
    def has(self, change: WorkloadChange) -> bool:
        """Return whether the change is written, be it rolled or not."""

    @abstractmethod
    def replicas(self) -> Replicas | None:
        """Return how many replicas it has; None when its kind does not count them."""

    @property
    def is_paused(self) -> bool:
        """Return whether its controller rolls nothing until somebody resumes it."""
        return False

    def how_to_resume(self) -> str:
        """Return what somebody has to do where it is paused; the words go on after a colon."""
        return "resume it"

    @abstractmethod
    def is_rolled(self, short: int = 0) -> bool:
        """Return whether it reports that nothing runs but what is written, and runs well.

        `short` replicas fewer than wanted will do, where that many were not available before either.
        """

    def why_failed(self) -> str:
        """Return why its own controller gave the roll up, so that waiting is no use; "" while it has not."""
        return ""

    @abstractmethod
    def why_not_rolled(self) -> str:
        """Return how far it is and what troubles it, for people: the same state in the same words."""


class Workloads(Protocol):
    """Workloads of the kinds in `modelalias.kinds`.

    Every call raises `Unavailable` and `Refused` as `Objects` does.
    """

    async def read(self, ref: WorkloadRef) -> Workload | None:
        """Read a workload afresh."""
        ...

    async def why_missing(self, ref: WorkloadRef) -> str:
        """Return why there is no such workload, with what to install where the cluster lacks the kind."""
        ...

    async def roll(self, workload: Workload, change: WorkloadChange) -> Workload:
        """Write mark, variables and label in one patch and return the workload as it stands after.

        The same values again are no write. Raise `Conflict` when the workload is gone or was made anew under
        another uid, and `InvalidRequest` when it has no place for the change, such as a container of that name
        or a variable that is a literal, when a policy does not let the change in, and when something took it
        out again on its way in.
        """
        ...
