"""What a pod template is looked at for before anything moves: what keeps it from rolling, and what is likely a mistake.

The words go on where the workload's name ends.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from modelalias.api.workload import Load, LoadMode, WorkloadKind
from modelalias.kinds.containers import PLAIN, Traits
from modelalias.kinds.kind import Body

Containers = Mapping[str, Mapping[str, str]]

_SCALERS: Final = {
    "rollouts-controller": "an Argo Rollout that refers to it",
    "flagger": "a Flagger Canary that targets it",
}
"""Who scales a Deployment down to none and runs its template elsewhere, by the field manager: the program's
name. Neither leaves anything else on the Deployment."""


def why_not_writable(load: Load, containers: Containers, traits: Mapping[str, Traits]) -> Iterator[str]:
    """Yield why a variable that `load` names cannot be written."""
    for name in sorted({place.container for place in load.places if place.container not in containers}):
        yield f"has no container {name} {there_are(containers)}"
    for place in load.places:
        container, env = traits.get(place.container, PLAIN), place.env
        if env in container.twice:
            yield twice(env, place.container)
        elif env in container.elsewhere:
            yield (
                f"takes {env} of container {place.container} from elsewhere (valueFrom): "
                "give it a literal value, or remove it, so that the operator can write it"
            )


def why_model_is_fixed(load: Load, model: str, traits: Mapping[str, Traits]) -> Iterator[str]:
    """Yield why pods that are to resolve the alias when they start load one version for ever."""
    if load.mode is not LoadMode.ALIAS:
        return
    for name, container in sorted(traits.items()):
        for fixed in container.fixed:
            if fixed.model == model:
                yield (
                    f"names models:/{model}/{fixed.version} in {fixed.place} of container {name}, which a "
                    f"restart does not change: write models:/{model}@<alias> there, or set load.mode to Pinned"
                )


def why_controlled(metadata: Body) -> str:
    """Return that another object controls this one; "" when none does."""
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            kind, name = owner["kind"], owner["name"]
            remedy = (
                "name that one in serving"
                if kind in set(WorkloadKind)
                else "choose the version there, or name a workload in serving that nothing else controls"
            )
            return f"is controlled by {kind} {name}, which writes its template: {remedy}"
    return ""


def unprobed(
    load: Load, traits: Mapping[str, Traits], min_ready_seconds: int, containers: Iterable[str]
) -> Iterator[str]:
    """Yield that pods count as ready as soon as they run.

    Asked of the containers that are written; where none of them serves, of all that do, of which one probe is
    enough.
    """
    serving = [name for name in containers if traits.get(name, PLAIN).serves]
    bare = [name for name in serving if not traits.get(name, PLAIN).probed]
    written = {place.container for place in load.places} & set(serving)
    named = sorted(written & set(bare)) if written else sorted(bare) if len(bare) == len(serving) else []
    if named and not min_ready_seconds:
        many = "s" if len(named) > 1 else ""
        yield (
            f"has no readinessProbe on container{many} {', '.join(named)}, and minReadySeconds is 0: its pods "
            "count as ready before they have loaded the model; add a probe that succeeds once they have"
        )


def who_scales(manager: str) -> str:
    """Return who keeps the number of replicas, by the field manager, as the end of a sentence."""
    if not manager:
        return ""
    known = _SCALERS.get(manager)
    return f"; {known} scales it and runs the pods" if known else f"; {manager} set them"


def twice(env: str, container: str) -> str:
    """Return that a variable stands twice."""
    return f"has {env} twice in container {container}: remove all but one"


def there_are(containers: Containers) -> str:
    """Name the containers that there are."""
    return f"(there are: {', '.join(sorted(containers)) or 'none'})"


def replicas_writer(metadata: Mapping[str, Any]) -> str:
    """Return the field manager that holds spec.replicas; "" when none does.

    None does where the subresource `scale` wrote 0: that number is left out on its way.
    """
    for item in metadata.get("managedFields") or ():
        if "f:replicas" in ((item.get("fieldsV1") or {}).get("f:spec") or {}):
            return str(item.get("manager", ""))[:128]
    return ""
