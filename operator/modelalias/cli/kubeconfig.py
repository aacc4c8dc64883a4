"""Cluster, user and namespace from kubeconfig files, read as kubectl reads them.

The client library takes the current-context of the last file instead of the first, and ignores the namespace
of a context and impersonation; so the files are merged here, and the library gets a single context.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from modelalias.cli import kubernetes_yaml
from modelalias.core.errors import InvalidRequest

DEFAULT_NAMESPACE: Final = "default"
POD_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

_FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
    "contexts": (),
}
"""The lists of a kubeconfig, and which keys of their items are paths of files."""


@dataclass(frozen=True)
class Flags:
    """The options of the command line."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    user: str | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Access:
    """How to reach a cluster; both `cluster` and `user` are None if a pod's service account is used."""

    namespace: str
    cluster: Mapping[str, Any] | None = None
    user: Mapping[str, Any] | None = None
    acts_as: str = ""
    """The user to impersonate, as a member of `groups`."""
    groups: tuple[str, ...] = ()
    context: str = ""
    """The name of the context; "" if a pod's service account is used."""

    def kubeconfig(self, user: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a kubeconfig with this cluster and these credentials only."""
        return {
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": self.cluster}],
            "users": [{"name": "it", "user": user}],
        }


def read(flags: Flags, environ: Mapping[str, str], home: Path) -> Access:
    """Find the cluster, the user and the namespace; raise `InvalidRequest` if one is missing or wrong."""
    files = _files(flags, environ, home)
    access = _in_pod(flags, environ) if files is None else _of_context(_merged(map(_one, files)), flags)
    if flags.groups and not flags.user:
        raise InvalidRequest("--as-group needs --as")
    return access if flags.user is None else replace(access, acts_as=flags.user, groups=flags.groups)


def contexts(flags: Flags, environ: Mapping[str, str], home: Path) -> list[str]:
    """Return the names of the contexts that can be chosen; raise what `read` raises for its files."""
    files = _files(flags, environ, home)
    return [] if files is None else sorted(_merged(map(_one, files))["contexts"])


def _files(flags: Flags, environ: Mapping[str, str], home: Path) -> Iterable[Path] | None:
    """Return the files to read; None means the pod's service account."""
    if flags.kubeconfig:
        return [Path(flags.kubeconfig).expanduser()]
    if environ.get("KUBECONFIG"):
        paths = [Path(item).expanduser() for item in environ["KUBECONFIG"].split(os.pathsep) if item]
        existing = [item for item in paths if item.exists()]
        if not existing:
            raise InvalidRequest("none of the files in KUBECONFIG exists")
        return existing
    usual = home / ".kube" / "config"
    if usual.exists():
        return [usual]
    if not environ.get("KUBERNETES_SERVICE_HOST"):
        raise InvalidRequest("there is no kubeconfig: set KUBECONFIG or use --kubeconfig FILE")
    return None


def _in_pod(flags: Flags, environ: Mapping[str, str]) -> Access:
    if flags.context:
        raise InvalidRequest(f"there is no context {flags.context}, because there is no kubeconfig")
    try:
        own = POD_NAMESPACE.read_text().strip()
    except OSError:
        own = environ.get("POD_NAMESPACE", "")
    return Access(flags.namespace or own or DEFAULT_NAMESPACE)


def _one(path: Path) -> Mapping[str, Any]:
    """Read a file and make the paths in it absolute."""
    try:
        body = next(iter(kubernetes_yaml.load_all(path.read_text(encoding="utf-8"))), None) or {}
    except OSError as error:
        raise InvalidRequest(f"cannot read the kubeconfig {path.name}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidRequest(f"the kubeconfig {path.name} is not YAML") from error
    if not isinstance(body, dict):
        raise InvalidRequest(f"the kubeconfig {path.name} is not a YAML mapping")
    read: dict[str, Any] = {"current-context": body.get("current-context") or ""}
    for kind, paths in _FILES.items():
        listed = body.get(kind) or []
        items = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        read[kind] = {
            str(item.get("name")): _absolute(item.get(kind[:-1]), paths, path.parent) for item in items
        }
    return read


def _absolute(item: object, paths: Iterable[str], base: Path) -> Mapping[str, Any]:
    entry = dict(item) if isinstance(item, dict) else {}
    for key in paths:
        if entry.get(key):
            entry[key] = str((base / str(entry[key])).absolute())
    plugin = entry.get("exec")
    command = str(plugin.get("command") or "") if isinstance(plugin, dict) else ""
    if isinstance(plugin, dict) and os.sep in command:  # a bare name is searched on the PATH
        entry["exec"] = {**plugin, "command": str((base / command).absolute())}
    return entry


def _merged(files: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Merge files; the first one that sets something wins."""
    whole: dict[str, Any] = {"current-context": "", **{kind: {} for kind in _FILES}}
    for item in files:
        whole["current-context"] = whole["current-context"] or item["current-context"]
        for kind in _FILES:
            whole[kind] = {**item[kind], **whole[kind]}
    return whole


def _of_context(config: Mapping[str, Any], flags: Flags) -> Access:
    name = flags.context or config["current-context"]
    if not name:
        raise InvalidRequest("the kubeconfig has no current context: choose one with --context")
    context = config["contexts"].get(name)
    if context is None:
        raise InvalidRequest(f"the kubeconfig has no context {name}")
    cluster = config["clusters"].get(str(context.get("cluster")), {})
    if not isinstance(cluster.get("server"), str):
        raise InvalidRequest(f"the kubeconfig has no cluster for the context {name}")
    user = config["users"].get(str(context.get("user")), {})
    return Access(
        namespace=flags.namespace or context.get("namespace") or DEFAULT_NAMESPACE,
        context=str(name),
        cluster=cluster,
        user=user,
        acts_as=str(user.get("as") or ""),
        groups=tuple(str(item) for item in user.get("as-groups") or ()),
    )
