"""What a name on the command line means: a ModelAlias, a request, or whichever of both there is."""

from typing import Final

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest
from modelalias.cli.cluster import Kind, ObjectMissing, PersonsCluster
from modelalias.core.errors import InvalidRequest, OperatorError, Refused

ALIAS: Final = "alias"
REQUEST: Final = "request"
KINDS: Final = {
    **dict.fromkeys((ALIAS, "aliases", "malias", "modelalias", "modelaliases"), Kind.ALIASES),
    **dict.fromkeys((REQUEST, "requests", "mpr", "promotionrequest", "promotionrequests"), Kind.REQUESTS),
}
"""The words for each kind: kubectl's, and shorter ones."""


def parse(name: str) -> tuple[Kind | None, str]:
    """Return which kind a name such as alias/NAME means, None for either, and the name."""
    word, slash, rest = name.partition("/")
    return (kind(word), rest) if slash else (None, name)


def kind(word: str, remedy: str = "say alias/NAME or request/NAME") -> Kind:
    """Return which kind a word means; raise `InvalidRequest` with the remedy if it means none."""
    found = KINDS.get(word.lower())
    if found is None:
        raise InvalidRequest(f"{word} names no kind: {remedy}")
    return found


def word(kind: Kind) -> str:
    """Return how messages call one of a kind."""
    return "request" if kind is Kind.REQUESTS else "ModelAlias"


async def find(
    cluster: PersonsCluster, kind: Kind | None, name: str
) -> tuple[ModelAlias | None, PromotionRequest | None]:
    """Read what has that name; what the user may not read does not count while there is something else."""
    alias, request = None, None
    errors: list[OperatorError] = []
    if kind is not Kind.REQUESTS:
        try:
            alias = await cluster.alias(name)
        except (ObjectMissing, Refused) as error:
            errors.append(error)
    if kind is not Kind.ALIASES:
        try:
            request = await cluster.request(name)
        except (ObjectMissing, Refused) as error:
            errors.append(error)
    if alias is None and request is None:
        refused = next((error for error in errors if isinstance(error, Refused)), None)
        if refused is not None or kind is not None:
            raise refused or errors[0]
        message = f"there is no ModelAlias and no PromotionRequest {name} in namespace {cluster.namespace}"
        raise ObjectMissing(message)
    return alias, request
