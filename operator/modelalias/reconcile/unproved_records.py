"""Records that were found and are not proved: the log tells of each once."""

import logging
from typing import Final

from modelalias.api.alias import ModelAlias
from modelalias.core.ledger.record_text import tag_key
from modelalias.core.ledger.signed_record import record_of
from modelalias.ports import ModelVersion, Notary

_MOST: Final = 1_000

_log = logging.getLogger(__name__)


class UnprovedRecords:
    """Which of them the log has told of, the newest ones."""

    def __init__(self) -> None:
        """Have told of none yet."""
        self._told: dict[tuple[str, ...], None] = {}

    def look(self, notary: Notary, alias: ModelAlias | None, answer: object) -> None:
        """Log that the record of a version is not believed, if that is so."""
        if alias is None or not isinstance(answer, ModelVersion):
            return
        record, text = record_of(notary, alias, answer), answer.tags.get(tag_key(alias.spec.alias), "")
        found = (alias.metadata.namespace, alias.metadata.name, answer.version, record.proof, text)
        if not record.caveat or found in self._told:
            return
        self._told = dict.fromkeys([*self._told, found][-_MOST:])
        fields = {
            "alias": f"{alias.metadata.namespace}/{alias.metadata.name}",
            "model": answer.model,
            "version": answer.version,
            "proof": str(record.proof),
        }
        _log.warning("a record is not believed: it %s", record.caveat, extra=fields)
