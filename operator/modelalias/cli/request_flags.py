"""What is special about a request, and what else it asks for, each as a sentence."""

from collections.abc import Iterator

from modelalias.api.request import PromotionRequest, PromotionRequestSpec


def beside(request: PromotionRequest) -> Iterator[str]:
    """Return what else a request asks for, and what is special about it."""
    spec = request.spec
    flags = {
        "dry run: nothing is changed": spec.dry_run,
        "skips the gates": spec.skip_gates,
        "abort was requested": spec.abort,
    }
    yield from [text for text, is_set in flags.items() if is_set]
    yield from _on_success(spec)


def _on_success(spec: PromotionRequestSpec) -> Iterator[str]:
    """Return what else the request has written once it has succeeded."""
    tags = ", ".join(f"{key}={value}" for key, value in sorted(spec.on_success.tags.items()))
    if tags:
        yield f"on success sets tags: {tags}"
    if spec.on_success.delete_source_alias and spec.source is not None and spec.source.alias:
        yield f"on success removes alias {spec.source.alias}"
