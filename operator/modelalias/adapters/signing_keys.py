"""The key that signs records, in a Secret of the operator's namespace, and the public keys in a ConfigMap.

Two operators that start at once end with one key: the API server creates a Secret once, and who comes second
reads it.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

from modelalias.adapters import ed25519
from modelalias.adapters.kubernetes_client import Call, Connection, MissingObject, Verb
from modelalias.core.errors import InvalidRequest, StaleObject, Unavailable
from modelalias.ports import Notary
from modelalias.rest import PatchType, Resource

PRIVATE: Final = "private-key.pem"
"""The name of the key in the Secret."""
SECRETS: Final = Resource(group="", version="v1", plural="secrets")
CONFIG_MAPS: Final = Resource(group="", version="v1", plural="configmaps")
NAMESPACES: Final = Resource(group="", version="v1", plural="namespaces")
_OLDEST_NAMESPACE: Final = "kube-system"
"""Made with the cluster and never again, so that its uid names the cluster."""


class KubernetesSigningKeys:
    """The port `SigningKeys` on a real API server."""

    def __init__(self, connection: Connection, *, namespace: str, secret: str, public_keys: str) -> None:
        """Take the connection, which the caller closes, and the names of the Secret and the ConfigMap."""
        self._connection, self._namespace = connection, namespace
        self._secret, self._public_keys = secret, public_keys
        self._cluster: str | None = None

    async def load(self) -> Notary:
        """Read the key and the public keys; make the key when there is none, and publish its public key."""
        cluster = self._cluster or await self._read_cluster()
        self._cluster = cluster
        where = f"{PRIVATE} in Secret {self._namespace}/{self._secret}"
        private = ed25519.read_private(await self._private_pem(where), where)
        public = private.public_key()
        name = f"{ed25519.key_id(public)}.pem"
        published = await self._published(name, ed25519.public_pem(public))
        return ed25519.Ed25519Notary(cluster, private, ed25519.readable(published))

    async def _read_cluster(self) -> str:
        call = Call(verb=Verb.GET, resource=NAMESPACES, namespace="", name=_OLDEST_NAMESPACE)
        uid: str = (await self._connection.send(call))["metadata"]["uid"]
        return uid

    async def _private_pem(self, where: str) -> bytes:
        secret = await self._read(SECRETS, self._secret)
        if secret is None:
            data = {PRIVATE: b64encode(ed25519.new_private_pem()).decode()}
            secret = await self._create(SECRETS, self._secret, {"type": "Opaque", "data": data})
        try:
            return b64decode(secret["data"][PRIVATE], validate=True)
        except (KeyError, TypeError, binascii.Error) as error:
            raise InvalidRequest(f"there is no {where}") from error

    async def _published(self, name: str, pem: str) -> Mapping[str, str]:
        """Return all published keys, with this one among them."""
        data = {"data": {name: pem}}
        found = await self._read(CONFIG_MAPS, self._public_keys)
        if found is None:
            found = await self._create(CONFIG_MAPS, self._public_keys, data)
        if (found.get("data") or {}).get(name) != pem:
            call = self._call(Verb.PATCH, CONFIG_MAPS, self._public_keys)
            found = await self._connection.send(call, data, patch=PatchType.MERGE)
        published: Mapping[str, str] = found["data"]
        return published

    async def _read(self, resource: Resource, name: str) -> Mapping[str, Any] | None:
        try:
            return await self._connection.send(self._call(Verb.GET, resource, name))
        except MissingObject:
            return None

    async def _create(self, resource: Resource, name: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Create an object, or return the one that somebody else was faster with."""
        body = {"metadata": {"name": name, "namespace": self._namespace}, **content}
        call = Call(verb=Verb.CREATE, resource=resource, namespace=self._namespace)
        try:
            return await self._connection.send(call, body)
        except StaleObject as error:
            found = await self._read(resource, name)
            if found is None:
                raise Unavailable(f"{resource} {name} was made and deleted at the same time") from error
            return found

    def _call(self, verb: Verb, resource: Resource, name: str) -> Call:
        return Call(verb=verb, resource=resource, namespace=self._namespace, name=name)
