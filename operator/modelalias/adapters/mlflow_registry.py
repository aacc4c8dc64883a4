"""The registry port over MLflow's REST API."""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from mlflow.entities.model_registry import ModelVersionTag
from mlflow.entities.model_registry import RegisteredModel as MlflowModel
from mlflow.exceptions import MlflowException
from mlflow.utils.search_utils import SearchUtils

from modelalias.adapters.batches import Batches
from modelalias.adapters.mlflow_calls import Calls, Locks
from modelalias.adapters.mlflow_copies import CopyReader
from modelalias.adapters.mlflow_data_pointers import DataPointerReader
from modelalias.adapters.mlflow_errors import REGISTRY, STRANGE, TRACKING, Clash, MissingResource, Oversized
from modelalias.adapters.mlflow_evaluation_runs import EvaluationRuns
from modelalias.adapters.mlflow_live_metrics import LiveMetricReader
from modelalias.adapters.mlflow_logged_models import MeasurementReader
from modelalias.adapters.mlflow_runs import RunReader
from modelalias.adapters.mlflow_searches import Numbered, Searches
from modelalias.adapters.mlflow_signature import Server, SignatureReader
from modelalias.adapters.mlflow_sources import ModelSource, SourceFinder
from modelalias.adapters.mlflow_version_search import MOST_VERSIONS, filter_of, has_tags
from modelalias.adapters.mlflow_versions import VERSION, check_version, model_version, no_version
from modelalias.adapters.mlflow_wire import Called, ListedModel, ListedModelWithStages, ModelT, Wire, stores
from modelalias.core.errors import InvalidRequest, ModelNotFound, NotFound, Unavailable
from modelalias.ports import (
    Aliases,
    DataPointer,
    EvaluationRun,
    LiveMetric,
    MeasuredModel,
    ModelVersion,
    RegisteredModel,
    Run,
    RunDetails,
    RunStatus,
)
from modelalias.settings import RegistrySettings

PAGE_SIZE: Final = 1000
"""Models a page of a snapshot; MLflow refuses more."""

NO_STAGE: Final = "None"
"""The stage of a version that is in none."""

WRITE_ATTEMPTS: Final = 4
"""Tries of a write that meets others in the database."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class MlflowRegistry:
    """One MLflow registry, by its own address and credentials, with the server that has its runs.

    Each call of a server has the deadline of the settings, and of each server at most `concurrency` are under way. Writes
    to one model go one after another: MLflow answers concurrent ones with database errors.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        *,
        page_size: int = PAGE_SIZE,
        may_write: Callable[[], None] = lambda: None,
        called: Called = lambda *_: None,
    ) -> None:
        """Take `may_write`, which is called in the thread right before each write and raises when it must not be.

        `called` is told of each call.
        """
        self._may_write = may_write
        wire = Wire(settings, called)
        tracking = wire if settings.tracking_uri is None else Wire(settings.tracking, called, server=TRACKING)
        self._models, runs = stores(wire, tracking)
        self._calls = self._tracking_calls = _calls(settings, REGISTRY)
        if settings.tracking_uri is not None:
            self._tracking_calls = _calls(settings, TRACKING)
        self._locks = Locks()
        self._runs = RunReader(runs, self._tracking_calls)
        self._pointers = DataPointerReader(tracking, runs, self._tracking_calls)
        self._sources = SourceFinder(runs, self._tracking_calls)
        self._measurements = MeasurementReader(runs, self._tracking_calls, self._runs)
        self._live_metrics = LiveMetricReader(runs, self._tracking_calls)
        servers = Server(wire, self._calls), Server(tracking, self._tracking_calls)
        self._signatures = SignatureReader(*servers, self._sources, self._read_version)
        self._copies = CopyReader(self._read_version)
        self._evaluations = EvaluationRuns(runs, self._tracking_calls, self._guarded)
        searches = Searches(self._models, self._calls)
        self._aliases = Batches(self._aliases_of, searches.aliases, self._calls.turn)
        self._versions = Batches(self._version_of, searches.versions, self._calls.turn)
        self._page_size = page_size

    async def snapshot(self) -> Mapping[str, Aliases]:
        """Read all aliases of all models, by pages; raise `Unavailable` if any page fails.

        Pages are offsets: a model that comes or goes meanwhile can hide another one, so what a snapshot lacks
        is only a hint.
        """
        return {model.name: _listed_aliases(model) async for model in self._listed(ListedModel)}

    async def registered_models(self) -> Mapping[str, RegisteredModel]:
        """Read all models with their aliases and stages, by pages; raise `Unavailable` if any page fails."""
        return {
            model.name: RegisteredModel(aliases=_listed_aliases(model), stages=_stages(model))
            async for model in self._listed(ListedModelWithStages)
        }

    async def aliases(self, model: str) -> Aliases:
        """Read the aliases of one model; raise `ModelNotFound`."""
        return await self._aliases.ask(model)

    async def _aliases_of(self, model: str) -> Aliases:
        try:
            read = partial(self._models.get_registered_model, model)
            registered_model = await self._calls.run(read, ahead=True)
        except MissingResource as error:
            raise _no_model(model) from error
        _require_name(registered_model.name, model)
        return _aliases(registered_model)

    async def version(self, model: str, version: str) -> ModelVersion:
        """Read one version; raise `ModelNotFound` or `VersionNotFound`."""
        check_version(model, version)
        return await self._versions.ask(Numbered(model, version))

    async def _version_of(self, wanted: Numbered) -> ModelVersion:
        found = await self._read_version(*wanted)
        return model_version(found).changed(model_id=await self._copies.model_id(found))

    async def version_of_run(
        self, model: str, run_id: str, artifact_path: str | None, *, register: bool = True
    ) -> ModelVersion | None:
        """Return the oldest version made from a run's model, registering it if there is none and the caller wants that."""
        async with self._locks.hold(model):
            source = await self._sources.find(run_id, artifact_path)
            for _ in range(WRITE_ATTEMPTS):
                if known := await self._calls.run(lambda: self._versions_of(model, run_id, source)):
                    return min(known, key=lambda version: int(version.version))
                if not register:
                    await self.aliases(model)
                    return None
                try:
                    return await self._calls.run(
                        partial(self._guarded, lambda: self._register(model, run_id, source))
                    )
                except MissingResource as error:
                    raise _no_model(model) from error
                except Clash:
                    continue
        raise _contended(model)

    async def versions_tagged(self, model: str, key: str, text: str) -> Sequence[ModelVersion]:
        """Return the versions of a model whose tag `key` holds the text; none where it cannot search."""
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,250}", key) or not re.fullmatch(r"[0-9a-f]{8,64}", text):
            raise ValueError(
                "a tag is searched by a key of letters, digits, _ . - and a text of hexadecimal digits"
            )
        wanted = f"tags.`{key}` LIKE '%{text}%'"  # without the model's name, which may hold quotes
        try:
            versions = await self._calls.run(lambda: self._models.search_model_versions(wanted))
        except InvalidRequest:  # a back end that does not filter by tags
            return ()
        return tuple(model_version(item) for item in versions if item.name == model)

    async def newer_versions(
        self, model: str, tags: Mapping[str, str], after: str | None
    ) -> Sequence[ModelVersion]:
        """Return the versions with a higher number than `after` that have all the tags, the oldest first."""
        wanted, newest = filter_of(model, tags), ["version_number DESC"]
        found = await self._calls.run(
            lambda: self._models.search_model_versions(wanted, max_results=MOST_VERSIONS, order_by=newest)
        )
        versions = (model_version(item) for item in found if item.name == model)
        newer = [item for item in versions if int(item.version) > int(after or 0) and has_tags(item, tags)]
        if not newer:
            await self.aliases(model)  # an empty answer does not tell a model that is not there
        return tuple(sorted(newer, key=lambda item: int(item.version)))

    async def live_metric(self, experiment: str, metric: str, model: str, version: str) -> LiveMetric | None:
        """Return a metric of the newest run of an experiment whose tags name the version; None without one."""
        return await self._live_metrics.read(experiment, metric, model, version)

    async def runs(self, run_ids: Sequence[str]) -> Mapping[str, Run]:
        """Read the runs that exist, in one call for many; deleted ones say so, those that are not there are left out."""
        return await self._runs.read(run_ids)

    async def run_details(self, run_ids: Sequence[str]) -> Mapping[str, RunDetails]:
        """Read the runs that exist, deleted ones too, with what people want to know of them."""
        return await self._runs.details(run_ids)

    async def data_pointers(self, run_id: str) -> Sequence[DataPointer]:
        """Read the DVC pointers among a run's files; raise `RunNotFound` or `Unreadable`."""
        return await self._pointers.read(run_id)

    async def measured(
        self, model_id: str, keys: Sequence[str], evaluations: Sequence[str] = ()
    ) -> MeasuredModel:
        """Read metrics of a logged model, one for each key and dataset, as the runs have them that may measure it."""
        return await self._measurements.read(model_id, keys, evaluations)

    async def has_signature(self, model: str, version: str) -> bool:
        """Return whether the version's MLmodel file names a signature; raise `NotFound` or `Unreadable`."""
        check_version(model, version)
        return await self._signatures.read(model, version)

    async def artifact_address(self, model: str, version: str) -> str:
        """Return where the version's files lie; raise `ModelNotFound` or `VersionNotFound`."""
        await self.version(model, version)
        return await self._calls.run(lambda: self._models.get_model_version_download_uri(model, version))

    async def evaluation_run(self, wanted: EvaluationRun) -> str:
        """Return the id of the run with that key, which is made, running, when there is none; idempotent."""
        return await self._evaluations.open(wanted)

    async def end_run(self, run_id: str, key: str, status: RunStatus) -> None:
        """End the run of the evaluation with that key if it is still running; any other stays as it is."""
        await self._evaluations.end(run_id, key, status)

    async def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias at a version; raise `ModelNotFound` or `VersionNotFound`."""
        check_version(model, version)

        async def is_set() -> bool:
            return (await self.aliases(model)).get(alias) == version

        await self._write(
            model, version, lambda: self._models.set_registered_model_alias(model, alias, version), is_set
        )

    async def delete_alias(self, model: str, alias: str) -> None:
        """Remove an alias; none there is fine; raise `ModelNotFound`."""

        async def is_gone() -> bool:
            return alias not in await self.aliases(model)

        await self._write(
            model, None, lambda: self._models.delete_registered_model_alias(model, alias), is_gone
        )

    async def tag_version(self, model: str, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version, a call for each; raise `ModelNotFound` or `VersionNotFound`."""
        check_version(model, version)
        for key, value in tags.items():
            tag = ModelVersionTag(key, value)  # type: ignore[no-untyped-call]  # MLflow's
            await self._tag(model, version, tag)

    async def untag_version(self, model: str, version: str, key: str) -> None:
        """Remove a tag of a version; none there is fine; raise `ModelNotFound` or `VersionNotFound`."""
        check_version(model, version)

        async def is_gone() -> bool:
            return key not in (await self.version(model, version)).tags

        await self._write(
            model, version, lambda: self._models.delete_model_version_tag(model, version, key), is_gone
        )

    async def close(self) -> None:
        """Start nothing new and let the threads end, each within its deadline."""
        self._calls.close()
        self._tracking_calls.close()
        self._aliases.close()
        self._versions.close()
        self._runs.close()

    async def _listed(self, model: type[ModelT]) -> AsyncIterator[ModelT]:
        """List all models; a page that is too large is read in halves, and a model that is too large passed over."""
        token: str | None = None
        seen: set[str | None] = set()
        size = self._page_size
        while token not in seen:
            try:
                page = await self._calls.run(partial(self._models.page_of_models, model, size, token))
            except Oversized:
                if size > 1:
                    size //= 2
                    continue
                _log.warning("a registered model is passed over: its tags do not fit into an answer")
                token = _after_one(token)
                continue
            for item in page.registered_models:
                yield item
            seen.add(token)
            token, size = page.next_page_token, min(self._page_size, 2 * size)
            if not token:
                return
        raise Unavailable("the registry's list of models repeats a page")

    async def _tag(self, model: str, version: str, tag: ModelVersionTag) -> None:
        async def is_set() -> bool:
            value: str = tag.value
            return (await self.version(model, version)).tags.get(tag.key) == value

        await self._write(
            model, version, lambda: self._models.set_model_version_tag(model, version, tag), is_set
        )

    async def _write(
        self,
        model: str,
        version: str | None,
        work: Callable[[], None],
        is_done: Callable[[], Awaitable[bool]],
    ) -> None:
        """Carry out a write; when the database refuses it, look whether it is done, else try again."""
        async with self._locks.hold(model):
            for _ in range(WRITE_ATTEMPTS):
                try:
                    await self._calls.run(partial(self._guarded, work))
                except MissingResource as error:
                    raise await self._missing(model, version) from error
                except Clash:
                    if await is_done():
                        return
                else:
                    return
        raise _contended(model)

    def _guarded(self, work: Callable[[], T]) -> T:
        """Do a write if it still may be done: it may have waited long for its thread."""
        self._may_write()
        return work()

    async def _read_version(self, model: str, version: str) -> MlflowVersion:
        try:
            read = partial(self._models.get_model_version, model, version)
            mlflow_version = await self._calls.run(read, ahead=True)
        except MissingResource as error:
            raise await self._missing(model, version) from error
        _require_name(mlflow_version.name, model)
        if str(mlflow_version.version) != version:
            raise Unavailable(STRANGE)
        return mlflow_version

    async def _missing(self, model: str, version: str | None) -> NotFound:
        """Find out which of the two is not there: the registry's answer says so only in prose."""
        if version is None:
            return _no_model(model)
        try:
            await self.aliases(model)
        except ModelNotFound as error:
            return error
        return no_version(model, version)

    def _versions_of(self, model: str, run_id: str, source: ModelSource) -> tuple[ModelVersion, ...]:
        """Return the versions of the model that were made from the source.

        The filter holds the run's id and nothing else.
        """
        versions = self._models.search_model_versions(f"run_id = '{run_id}'")
        return tuple(
            model_version(item) for item in versions if item.name == model and source.matches(item.source)
        )

    def _register(self, model: str, run_id: str, source: ModelSource) -> ModelVersion:
        version = model_version(
            self._models.create_model_version(model, source.uri, run_id=run_id, model_id=source.model_id)
        )
        if version.model != model or not VERSION.fullmatch(version.version):
            raise Unavailable(STRANGE)
        return version


def open_registry(
    settings: RegistrySettings,
    may_write: Callable[[], None] = lambda: None,
    called: Called = lambda *_: None,
) -> MlflowRegistry:
    """Return a registry as the operator's configuration describes it; nothing is sent yet."""
    return MlflowRegistry(settings, may_write=may_write, called=called)


def _calls(settings: RegistrySettings, server: str) -> Calls:
    return Calls("mlflow", concurrency=settings.concurrency, seconds=settings.timeout_seconds, server=server)


def _after_one(token: str | None) -> str:
    """Return the token of the page that begins one model later; raise `Unavailable` where it is none of MLflow's own."""
    try:
        offset = SearchUtils.parse_start_offset_from_page_token(token)  # type: ignore[no-untyped-call]  # MLflow's
        return str(SearchUtils.create_page_token(offset + 1), "ascii")  # type: ignore[no-untyped-call]  # as above
    except (MlflowException, TypeError, ValueError) as error:
        raise Unavailable(STRANGE) from error


def _listed_aliases(model: ListedModel) -> Aliases:
    """Return the aliases; what is no version is left out here, and refused where the model itself is read."""
    return {item.alias: item.version for item in model.aliases if VERSION.fullmatch(item.version)}


def _stages(model: ListedModelWithStages) -> Mapping[str, str]:
    return {
        item.current_stage: item.version
        for item in model.latest_versions
        if item.current_stage not in {"", NO_STAGE} and VERSION.fullmatch(item.version)
    }


def _aliases(model: MlflowModel) -> Aliases:
    aliases = {alias: str(version) for alias, version in model.aliases.items()}
    if not all(map(VERSION.fullmatch, aliases.values())):
        raise Unavailable(STRANGE)
    return aliases


def _require_name(name: str, model: str) -> None:
    """Refuse an answer about another model; one that differs in case is what MLflow on MySQL answers with."""
    if name == model:
        return
    if isinstance(name, str) and name.casefold() == model.casefold():
        raise ModelNotFound(
            f"the registry has no model {model}, but one named {name}: write the name as it is there"
        )
    raise Unavailable(STRANGE)


def _no_model(model: str) -> ModelNotFound:
    return ModelNotFound(f"the registry has no model {model}")


def _contended(model: str) -> Unavailable:
    return Unavailable(
        f"model {model} is being changed by others at the same time: {WRITE_ATTEMPTS} writes were refused"
    )
