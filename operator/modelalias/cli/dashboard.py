"""`modelalias dashboard`: the pages, on one's own machine with one's own kubeconfig, or deployed by a configuration."""

import argparse
import os
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelalias import settings
from modelalias.cli import heartbeat, kubeconfig, output, session
from modelalias.core.errors import InvalidRequest

if TYPE_CHECKING:
    from modelalias.web.registries import Registries

PORT: Final = 8300
_MORE: Final = """\
Reads and writes with your credentials and rights, as kubectl would; answers on this machine only. The address that is
printed opens the pages once, in one browser. Ends at Ctrl-C.

examples:
  %(prog)s
  %(prog)s --context prod --read-only
  %(prog)s --config /etc/modelalias/dashboard.yaml

exit status:
  0   it was ended by Ctrl-C
  2   it could not start: standard error says why"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "dashboard",
        help="show aliases, requests and models as pages in your browser",
        description="Show aliases, requests and models as pages in your browser.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--port",
        type=_port,
        metavar="PORT",
        help=f"port of 127.0.0.1; 0 takes a free one; default: {PORT}",
    )
    parser.add_argument(
        "--read-only", action="store_true", help="change nothing: show the command instead of a button"
    )
    group = parser.add_argument_group("registry, for the page of a model")
    group.add_argument(
        "--tracking-uri",
        metavar="URI",
        help="address of the MLflow server, without credentials; default: $MLFLOW_TRACKING_URI, else no versions are read",
    )
    group.add_argument(
        "--mlflow-ui",
        metavar="URL",
        help="address of MLflow's pages, for links; default: --tracking-uri where that is http or https",
    )
    group.add_argument(
        "--registry",
        default="default",
        metavar="NAME",
        help="the registry's name in the operator's configuration; default: default",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="serve people in a cluster as this file says, see docs/dashboard.md; without it, only yourself",
    )
    heartbeat.add_flag(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Serve the pages until Ctrl-C."""
    missing = [
        name for name in ("starlette", "uvicorn", "jinja2", "python_multipart") if find_spec(name) is None
    ]
    if missing:
        raise InvalidRequest("the pages are an extra: pip install 'modelalias[dashboard]'")
    if options.config is not None:
        return _deployed(options)
    access = kubeconfig.read(session.flags(options), os.environ, Path.home())
    # imported late: only this command needs them, and its extra may not be installed
    from modelalias.web.identity import Person  # noqa: PLC0415
    from modelalias.web.local import serve  # noqa: PLC0415

    person = Person(access, may_write=not options.read_only, place=access.context, flags=_flags(options))
    serve(
        person,
        _registries(options),
        options.operator_namespace,
        PORT if options.port is None else options.port,
        lambda address: output.tell(f"the dashboard is at {address}"),
    )
    return "", 0


def _deployed(options: argparse.Namespace) -> tuple[str, int]:
    """Serve the pages in a cluster until SIGTERM."""
    if options.port is not None or options.read_only or options.acts_as or options.namespace:
        raise InvalidRequest(
            "--port, --read-only, --as and --namespace are for yourself: --config has its own settings"
        )
    if options.operator_namespace != heartbeat.NAMESPACE:
        raise InvalidRequest("--operator-namespace is for yourself: --config has operatorNamespace")
    # imported late, as above
    from modelalias.web import config, deployed  # noqa: PLC0415

    settings = config.read(Path(options.config))
    own = kubeconfig.read(session.flags(options), os.environ, Path.home())
    deployed.serve(settings, own, os.environ, lambda place: output.tell(f"the dashboard listens at {place}"))
    return "", 0


def _registries(options: argparse.Namespace) -> "Registries":
    """Return where versions are read, and where links lead."""
    from modelalias.web import mlflow_links, registries  # noqa: PLC0415

    uri = options.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or ""
    client = settings.client(uri) if uri else None
    ui = options.mlflow_ui or (
        client.uri if client and client.uri.startswith(("http://", "https://")) else ""
    )
    site = registries.RegistrySite(
        opened=None if client is None else registries.with_client(client),
        links=mlflow_links.Links(mlflow_links.address(ui) if ui else ""),
    )
    return registries.Registries({options.registry: site})


def _flags(options: argparse.Namespace) -> str:
    """Return the options that other commands need to act in the same place."""
    given = (
        ("--kubeconfig", options.kubeconfig),
        ("--context", options.context),
        ("--as", options.acts_as),
        *(("--as-group", group) for group in options.groups),
    )
    return shlex.join(word for name, value in given if value for word in (name, value))


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:  # noqa: PLR2004 - the highest port
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return int(text)
