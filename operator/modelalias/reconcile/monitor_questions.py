"""What is asked for a monitor: of a Prometheus, of a registry, or of nobody where the configuration forbids it."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from modelalias.api.alias import ExperimentMetric, Monitor, PrometheusQuery
from modelalias.core.errors import InvalidRequest
from modelalias.core.judging import gates
from modelalias.core.monitoring import bounds, promql
from modelalias.core.monitoring.series import NO_MEASUREMENT, Reading
from modelalias.ports import MetricsSource, Registry

_SAMPLE_RUN: Final = 64
"""Characters of a run's id that a sample shows; MLflow's own have 32."""


class System(StrEnum):
    """What kind of source it is."""

    PROMETHEUS = "Prometheus"
    REGISTRY = "registry"
    NOBODY = "nobody"
    """there is none to ask, and the question itself says why."""


class Source(NamedTuple):
    """A source by its kind and its name in the configuration."""

    system: System
    name: str

    @property
    def counted_as(self) -> str:
        """The source in one word, for metrics: its kind and its configured name, where there is one to ask."""
        return f"{self.system}/{self.name}" if self.name else str(self.system)


class Question(NamedTuple):
    """What a source is asked; equal questions have one answer, whoever has them."""

    source: Source
    parts: tuple[str, ...]


class Place(NamedTuple):
    """The alias that a monitor belongs to, as far as questions name it."""

    namespace: str
    registry: str
    model: str


class Sources(NamedTuple):
    """Everything that can be asked, by configured names, and who may ask which Prometheus."""

    metrics: Mapping[str, MetricsSource]
    registries: Mapping[str, Registry]
    allows: Callable[[str, str], bool]
    """Of a name and a namespace."""
    manages: Callable[[str, str, str], bool]
    """Of a registry, a namespace and a model."""

    def question(self, monitor: Monitor, place: Place, version: str) -> Question:
        """Return what to ask for a monitor of a version."""
        if monitor.prometheus is not None:
            return self._query(monitor.prometheus, place, version)
        if monitor.experiment is not None:
            return self._measurement(monitor.experiment, place, version)
        return _nobody("the monitor names no source")

    async def ask(self, question: Question) -> Reading:
        """Ask and return what was answered; raise as the ports say."""
        source, parts = question
        match source.system:
            case System.PROMETHEUS:
                return _sampled(await self.metrics[source.name].query(*parts))
            case System.REGISTRY:
                return await self._measured(self.registries[source.name], *parts)
            case System.NOBODY:
                return Reading(None, *parts)

    def _query(self, wanted: PrometheusQuery, place: Place, version: str) -> Question:
        if wanted.server not in self.metrics:
            return _nobody(f"the operator's configuration has no Prometheus named {wanted.server}")
        if not self.allows(wanted.server, place.namespace):
            return _nobody(
                "the operator's configuration does not let namespace "
                f"{place.namespace} ask the Prometheus named {wanted.server}"
            )
        try:
            query = promql.render(wanted.query, version=version, model=place.model, namespace=place.namespace)
        except InvalidRequest as error:
            return _nobody(str(error))
        return Question(Source(System.PROMETHEUS, wanted.server), (query,))

    def _measurement(self, wanted: ExperimentMetric, place: Place, version: str) -> Question:
        if place.registry not in self.registries:
            return _nobody(f"the operator's configuration has no registry named {place.registry}")
        if not self.manages(place.registry, place.namespace, place.model):
            return _nobody(f"namespace {place.namespace} may not manage model {place.model}")
        parts = (wanted.name, wanted.metric, place.model, version)
        return Question(Source(System.REGISTRY, place.registry), parts)

    @staticmethod
    async def _measured(
        registry: Registry, experiment: str, metric: str, model: str, version: str
    ) -> Reading:
        found = await registry.live_metric(experiment, metric, model, version)
        if found is None:
            missing = f"experiment {experiment} has no run with {metric} whose tags name version {version}"
            return Reading(None, missing, NO_MEASUREMENT)
        said = gates.text(found.value)
        sample = f"{found.run_id[:_SAMPLE_RUN]}={said}"
        value = bounds.number(found.value)
        if value is None:
            return Reading(None, f"{metric} of the newest run is {said}", sample)
        return Reading(value, sample=sample)


def _nobody(why: str) -> Question:
    return Question(Source(System.NOBODY, ""), (why,))


def _sampled(value: float | None) -> Reading:
    if value is None:
        return Reading(None, "the query yields no series")
    number = bounds.number(value)
    return Reading(number, "" if number is not None else f"the query yields {value}, which is no number")
