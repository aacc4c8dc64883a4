"""Which cluster a person means, as whom and in which namespace: kubeconfig files read as kubectl reads them.

The client library takes the last file's current-context, not the first's, and passes over the namespace of a
context and over whom a user impersonates; so the files are merged here, and the library gets one context.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from modelalias.core.errors import InvalidRequest

DEFAULT_NAMESPACE: Final = "default"
POD_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

_FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
    "contexts": (),
}
"""The lists of a kubeconfig, and in the items of each what names a file."""


@dataclass(frozen=True)
class Flags:
    """What the command line says about it."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    user: str | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Access:
    """A way into a cluster; both `cluster` and `user` are None where a pod's service account is used."""

    namespace: str
    cluster: Mapping[str, Any] | None = None
    user: Mapping[str, Any] | None = None
    acts_as: str = ""
    """Whom to impersonate, and as a member of which groups."""
    groups: tuple[str, ...] = ()

    def kubeconfig(self, user: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a kubeconfig with nothing else in it, and these credentials."""
        return {
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": self.cluster}],
            "users": [{"name": "it", "user": user}],
        }


def read(flags: Flags, environ: Mapping[str, str], home: Path) -> Access:
    """Find out what is meant; raise `InvalidRequest` when it cannot be."""
    files = _files(flags, environ, home)
    found = _in_pod(flags, environ) if files is None else _of_context(_merged(map(_one, files)), flags)
    if flags.groups and not flags.user:
        raise InvalidRequest("--as-group goes with --as")
    return found if flags.user is None else replace(found, acts_as=flags.user, groups=flags.groups)


def _files(flags: Flags, environ: Mapping[str, str], home: Path) -> Iterable[Path] | None:
    """Return the files to read; None stands for the pod's service account."""
    if flags.kubeconfig:
        return [Path(flags.kubeconfig).expanduser()]
    if environ.get("KUBECONFIG"):
        named = [Path(item).expanduser() for item in environ["KUBECONFIG"].split(os.pathsep) if item]
        found = [item for item in named if item.exists()]
        if not found:
            raise InvalidRequest("none of the files that KUBECONFIG names is there")
        return found
    usual = home / ".kube" / "config"
    if usual.exists():
        return [usual]
    if not environ.get("KUBERNETES_SERVICE_HOST"):
        raise InvalidRequest("no kubeconfig: name one with --kubeconfig or KUBECONFIG")
    return None


def _in_pod(flags: Flags, environ: Mapping[str, str]) -> Access:
    if flags.context:
        raise InvalidRequest(f"no context {flags.context}: there is no kubeconfig")
    try:
        own = POD_NAMESPACE.read_text().strip()
    except OSError:
        own = environ.get("POD_NAMESPACE", "")
    return Access(flags.namespace or own or DEFAULT_NAMESPACE)


def _one(path: Path) -> Mapping[str, Any]:
    """Read a file, with the paths in it made absolute."""
    try:
        body = yaml.safe_load(path.read_bytes()) or {}
    except OSError as error:
        raise InvalidRequest(f"cannot read the kubeconfig {path.name}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidRequest(f"the kubeconfig {path.name} is no YAML") from error
    if not isinstance(body, dict):
        raise InvalidRequest(f"the kubeconfig {path.name} holds no object")
    read: dict[str, Any] = {"current-context": body.get("current-context") or ""}
    for kind, paths in _FILES.items():
        listed = body.get(kind) or []
        items = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        read[kind] = {
            str(item.get("name")): _absolute(item.get(kind[:-1]), paths, path.parent) for item in items
        }
    return read


def _absolute(item: object, paths: Iterable[str], base: Path) -> Mapping[str, Any]:
    found = dict(item) if isinstance(item, dict) else {}
    for key in paths:
        if found.get(key):
            found[key] = str((base / str(found[key])).absolute())
    plugin = found.get("exec")
    command = str(plugin.get("command") or "") if isinstance(plugin, dict) else ""
    if isinstance(plugin, dict) and os.sep in command:  # a bare name is looked for on the PATH
        found["exec"] = {**plugin, "command": str((base / command).absolute())}
    return found


def _merged(files: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Merge files; the first that says something is believed."""
    whole: dict[str, Any] = {"current-context": "", **{kind: {} for kind in _FILES}}
    for item in files:
        whole["current-context"] = whole["current-context"] or item["current-context"]
        for kind in _FILES:
            whole[kind] = {**item[kind], **whole[kind]}
    return whole


def _of_context(config: Mapping[str, Any], flags: Flags) -> Access:
    name = flags.context or config["current-context"]
    if not name:
        raise InvalidRequest("the kubeconfig has no current context: name one with --context")
    context = config["contexts"].get(name)
    if context is None:
        raise InvalidRequest(f"the kubeconfig has no context {name}")
    cluster = config["clusters"].get(str(context.get("cluster")), {})
    if not isinstance(cluster.get("server"), str):
        raise InvalidRequest(f"the kubeconfig has no cluster for the context {name}")
    user = config["users"].get(str(context.get("user")), {})
    return Access(
        namespace=flags.namespace or context.get("namespace") or DEFAULT_NAMESPACE,
        cluster=cluster,
        user=user,
        acts_as=str(user.get("as") or ""),
        groups=tuple(str(item) for item in user.get("as-groups") or ()),
    )
