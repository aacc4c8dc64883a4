"""The pages in a cluster: who is looking is found in each request, as the configuration says."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, assert_never

from starlette.applications import Starlette
from starlette.middleware import Middleware

from modelalias.cli import heartbeat
from modelalias.cli.kubeconfig import Access
from modelalias.core.errors import InvalidRequest
from modelalias.web import rendering, server
from modelalias.web.app import app
from modelalias.web.bearer import Bearer
from modelalias.web.config import DashboardConfig, Mode
from modelalias.web.host_guard import HostGuard
from modelalias.web.identity import Identity, Person
from modelalias.web.impersonate import Impersonate
from modelalias.web.live_stream import PAUSES, Pauses
from modelalias.web.mlflow_links import Links
from modelalias.web.pulse import Pulse
from modelalias.web.reading import ApiReader, Reader, Readers
from modelalias.web.registries import Registries, RegistrySite
from modelalias.web.viewer import Viewer
from modelalias.web.visit import Site

POD_CA: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
"""With a token beside it or, in mode bearer, without."""


def serve(
    config: DashboardConfig, own: Access, environ: Mapping[str, str], tell: Callable[[str], None]
) -> None:
    """Serve the pages until SIGTERM, and tell where."""
    pages = deployed(config, own, environ)
    listen = config.listen
    with server.bound(listen.address, listen.port, "change listen in its configuration") as listener:
        address, port, *_ = listener.getsockname()
        tell(f"{address}:{port}, mode {config.auth.mode}")
        server.run(pages, listener)


def deployed(
    config: DashboardConfig,
    own: Access,
    environ: Mapping[str, str],
    opened: Callable[[Person], Reader] = ApiReader,
    pauses: Pauses = PAUSES,
) -> Starlette:
    """Return the application; `own` is how the dashboard itself reaches the API server."""
    found = replace(own, namespace=config.namespace)
    links = {name: RegistrySite(links=Links(address)) for name, address in config.mlflow.items()}
    site = Site(
        identity(config, found, environ),
        Readers(opened),
        rendering.environment(),
        Registries(links),
        pulse=Pulse(operator_namespace(config, own)),
    )
    return app(site, pauses, guard=Middleware(HostGuard, site=site, hosts=config.hosts))


def operator_namespace(config: DashboardConfig, own: Access) -> str:
    """Return where the operator's Lease is: where the dashboard's pod is, if nothing else is said."""
    return config.operator_namespace or (own.namespace if own.cluster is None else heartbeat.NAMESPACE)


def identity(config: DashboardConfig, own: Access, environ: Mapping[str, str]) -> Identity:
    """Return what finds the person of a request."""
    match config.auth.mode:
        case Mode.VIEWER:
            return Viewer(own, config.place)
        case Mode.BEARER:
            return Bearer(_without_account(own, environ), config.place)
        case Mode.IMPERSONATE:
            return Impersonate(own, writes=config.auth.writes, place=config.place)
        case other:
            assert_never(other)


def _without_account(own: Access, environ: Mapping[str, str]) -> Access:
    """Return where the API server is, without the pod's service account."""
    if own.cluster is not None:
        return own
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise InvalidRequest("the API server is not known: KUBERNETES_SERVICE_HOST is not set")
    name = f"[{host}]" if ":" in host else host
    cluster = {"server": f"https://{name}:{port}", "certificate-authority": str(POD_CA)}
    return replace(own, cluster=cluster)
