"""The key that signs and the public keys: on the fake, and as a Secret and a ConfigMap of a real API server."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from typing import Final, Protocol

import pytest

from modelalias.adapters.ed25519 import key_id, public_pem
from modelalias.adapters.kubernetes_client import Connection
from modelalias.adapters.signing_keys import KubernetesSigningKeys
from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.ports import SigningKeys
from tests.support.fake_keys import FakeSigningKeys, pkcs8, private_key
from tests.support.raw_api import RawApi, connection_as, raw_api

SECRET: Final = "modelalias-signing-key"  # noqa: S105 - the name of an object
PUBLIC_KEYS: Final = "modelalias-public-keys"
MESSAGE: Final = b"version 2 was promoted"


class World(Protocol):
    """Keys with an owner."""

    keys: SigningKeys

    async def rotate(self, number: int) -> None: ...

    async def spoil(self) -> None: ...

    async def withdraw(self, key: str) -> None: ...

    async def published(self) -> dict[str, str]: ...


class FakeWorld:
    def __init__(self) -> None:
        self.fake = FakeSigningKeys()
        self.keys: SigningKeys = self.fake

    async def rotate(self, number: int) -> None:
        self.fake.private = private_key(number)

    async def spoil(self) -> None:
        self.fake.spoiled = True

    async def withdraw(self, key: str) -> None:
        del self.fake.published[f"{key}.pem"]

    async def published(self) -> dict[str, str]:
        return dict(self.fake.published)


class RealWorld:
    def __init__(self, api: RawApi, connection: Connection, namespace: str) -> None:
        self.api = api
        self.keys: SigningKeys = keys_in(connection, namespace)
        self.core = f"/api/v1/namespaces/{namespace}"

    async def rotate(self, number: int) -> None:
        await self._put(pkcs8(private_key(number)))

    async def spoil(self) -> None:
        await self._put(b"no key")

    async def _put(self, text: bytes) -> None:
        data = {"private-key.pem": b64encode(text).decode()}
        if (await self.api.do("GET", f"{self.core}/secrets/{SECRET}", ok=False)).get("reason") == "NotFound":
            await self.api.create(f"{self.core}/secrets", {"metadata": {"name": SECRET}, "data": data})
        else:
            await self.api.merge(f"{self.core}/secrets/{SECRET}", {"data": data})

    async def withdraw(self, key: str) -> None:
        await self.api.merge(f"{self.core}/configmaps/{PUBLIC_KEYS}", {"data": {f"{key}.pem": None}})

    async def published(self) -> dict[str, str]:
        return dict((await self.api.get(f"{self.core}/configmaps/{PUBLIC_KEYS}"))["data"])


def keys_in(connection: Connection, namespace: str) -> KubernetesSigningKeys:
    return KubernetesSigningKeys(connection, namespace=namespace, secret=SECRET, public_keys=PUBLIC_KEYS)


@pytest.fixture
async def real(kubeconfig: str, namespace: str) -> AsyncIterator[RealWorld]:
    async with raw_api(kubeconfig) as api, connection_as(kubeconfig) as connection:
        yield RealWorld(api, connection, namespace)


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = FakeWorld() if request.param == "fake" else request.getfixturevalue("real")
    return found


async def test_a_key_is_made_once_and_its_public_key_is_published(world: World) -> None:
    first = await world.keys.load()
    again = await world.keys.load()

    assert (first.key, first.cluster) == (again.key, again.cluster)
    assert first.sign(MESSAGE) == again.sign(MESSAGE)
    assert again.verify(first.key, MESSAGE, first.sign(MESSAGE)) is True
    assert (await world.published()).keys() == {f"{first.key}.pem"}


async def test_a_signature_over_something_else_is_wrong_and_a_strangers_key_is_unknown(world: World) -> None:
    notary = await world.keys.load()

    assert notary.verify(notary.key, b"version 3 was promoted", notary.sign(MESSAGE)) is False
    assert notary.verify(notary.key, MESSAGE, b"") is False
    assert notary.verify("0" * 32, MESSAGE, notary.sign(MESSAGE)) is None


async def test_two_that_start_at_once_end_with_one_key(world: World) -> None:
    first, second = await asyncio.gather(world.keys.load(), world.keys.load())

    assert first.key == second.key


async def test_the_owners_key_signs_and_what_the_old_one_signed_stays_valid(world: World) -> None:
    old = await world.keys.load()
    await world.rotate(9)

    new = await world.keys.load()

    assert new.key == key_id(private_key(9).public_key())
    assert new.verify(old.key, MESSAGE, old.sign(MESSAGE)) is True
    assert await world.published() == {
        f"{old.key}.pem": (await world.published())[f"{old.key}.pem"],
        f"{new.key}.pem": public_pem(private_key(9).public_key()),
    }


async def test_a_key_that_was_withdrawn_is_unknown_and_the_one_that_signs_is_published_again(
    world: World,
) -> None:
    old = await world.keys.load()
    await world.rotate(9)
    new = await world.keys.load()
    await world.withdraw(old.key)
    await world.withdraw(new.key)

    now = await world.keys.load()

    assert now.verify(old.key, MESSAGE, old.sign(MESSAGE)) is None
    assert now.verify(new.key, MESSAGE, new.sign(MESSAGE)) is True
    assert (await world.published()).keys() == {f"{new.key}.pem"}


async def test_what_is_no_key_is_refused_without_telling_it(world: World) -> None:
    await world.spoil()

    with pytest.raises(InvalidRequest) as told:
        await world.keys.load()

    assert "no key" not in str(told.value).removeprefix("that is no key")


async def test_the_shipped_key_is_an_opaque_secret_of_one_pem(real: RealWorld) -> None:
    await real.keys.load()

    secret = await real.api.get(f"{real.core}/secrets/{SECRET}")
    assert secret["type"] == "Opaque"
    assert secret["data"].keys() == {"private-key.pem"}
    assert b64decode(secret["data"]["private-key.pem"]).startswith(b"-----BEGIN PRIVATE KEY-----")


async def test_the_clusters_id_is_the_uid_of_its_oldest_namespace(real: RealWorld) -> None:
    oldest = await real.api.get("/api/v1/namespaces/kube-system")

    assert (await real.keys.load()).cluster == oldest["metadata"]["uid"]


async def test_what_is_published_and_no_key_is_nobodys(real: RealWorld) -> None:
    notary = await real.keys.load()
    note = {"data": {"README": "ask the platform team", "old.pem": "-----BEGIN PUBLIC KEY-----"}}
    await real.api.merge(f"{real.core}/configmaps/{PUBLIC_KEYS}", note)

    assert (await real.keys.load()).key == notary.key


async def test_an_account_without_the_permissions_is_refused_by_name(kubeconfig: str, namespace: str) -> None:
    nobody = f"system:serviceaccount:{namespace}:nobody"
    async with connection_as(kubeconfig, nobody) as connection:
        with pytest.raises(Refused, match="may not get namespaces"):
            await keys_in(connection, namespace).load()


async def test_a_fake_that_is_away_says_so() -> None:
    fake = FakeSigningKeys()
    fake.failure = Unavailable("away")

    with pytest.raises(Unavailable):
        await fake.load()
