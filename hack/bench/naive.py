"""The operator that one writes first: a timer for each ModelAlias, which asks MLflow what the alias holds.

It is the pattern of published Kopf operators, and only the pattern: it promotes nothing. It is tuned as ours is: the same
settings of Kopf, `gc.freeze`, and a pool of threads, because MLflow's client blocks.

    NAIVE_MLFLOW=http://... NAIVE_NAMESPACE=ml python -m hack.bench.naive
"""

import gc
import os
import random
from datetime import UTC, datetime
from typing import Any, Final

import kopf
import prometheus_client
from mlflow import MlflowClient

from modelalias.handlers import tuning

ALIASES: Final = ("modelalias.dev", "v1alpha1", "modelaliases")
THREADS: Final = 32
"""More than MLflow answers at once, so that the registry and not the pool is the limit."""
CHECKED: Final = prometheus_client.Counter("naive_checked", "aliases that were asked for")
FAILED: Final = prometheus_client.Counter("naive_failed", "questions without an answer")


def main() -> None:
    """Run until a signal."""
    interval = float(os.environ.get("NAIVE_INTERVAL", "30"))
    client = MlflowClient(os.environ["NAIVE_MLFLOW"])
    registry = kopf.OperatorRegistry()
    tuning.register_login(registry)
    settings = tuning.settings()
    settings.execution.max_workers = THREADS

    def some_time(**_: Any) -> float:
        return random.uniform(0, interval)  # noqa: S311 - spreads load

    @kopf.timer(*ALIASES, registry=registry, interval=interval, initial_delay=some_time)
    def check(spec: kopf.Spec, status: kopf.Status, patch: kopf.Patch, **_: Any) -> None:
        """Ask for one alias, and write what it holds where that is new."""
        try:
            held = str(client.get_model_version_by_alias(spec["model"], spec["alias"]).version)
        except Exception:
            FAILED.inc()
            raise
        CHECKED.inc()
        if status.get("observed", {}).get("version") != held:
            patch.status["observed"] = {"version": held, "at": datetime.now(UTC).isoformat()}

    prometheus_client.start_http_server(int(os.environ.get("NAIVE_METRICS_PORT", "9090")), addr="127.0.0.1")
    gc.freeze()
    kopf.run(
        registry=registry,
        settings=settings,
        standalone=True,
        namespaces=[os.environ["NAIVE_NAMESPACE"]],
        liveness_endpoint=os.environ.get("NAIVE_LIVENESS"),
    )


if __name__ == "__main__":
    main()
