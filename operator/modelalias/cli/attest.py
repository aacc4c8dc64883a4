"""`modelalias attest`: the record of a version as an in-toto statement in a DSSE envelope."""

import argparse
import json
from base64 import b64encode
from typing import Any, Final

from modelalias.cli import output, public_keys, record_reading, registry_reading
from modelalias.cli.verification import Validity, verify
from modelalias.cli.verify import STATUS
from modelalias.core.errors import InvalidRequest
from modelalias.core.ledger.signed_record import Sealed, unseal
from modelalias.core.ledger.statement import PAYLOAD_TYPE, Place, Signer, statement

_MORE: Final = f"""\
Writes the signed record as an in-toto Statement v1 in a DSSE envelope, which other tools verify with the same
public key. The operator's signature is over the very statement: nothing is signed here. With a public key the
record is checked first, and nothing is written unless it is valid.

examples:
  %(prog)s churn@champion --public-keys keys.yaml > churn.intoto.json
  %(prog)s models:/churn/7 --alias champion > churn-7.intoto.json

exit status:
  0   the envelope was written
  1   with a public key: the record is not valid
  2   there is no signed record, or it could not be read or checked

{registry_reading.ENVIRONMENT}"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "attest",
        help="write the signed record of a version as an in-toto attestation",
        description="Write the signed record of a model version as an in-toto attestation in a DSSE envelope.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    record_reading.add_flags(parser)
    public_keys.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    keys, found = public_keys.read(options), record_reading.read(options)
    if keys is None:
        output.tell("modelalias: the signature was not checked: use --public-key or --public-keys")
    else:
        verification = verify(keys, found, options.registry)
        if verification.validity is not Validity.VALID:
            output.tell(f"modelalias: {verification.message}")
            return "", STATUS[verification.validity]
    text = envelope(found.place, unseal(keys or public_keys.NoKeys(), found.place, found.text))
    return json.dumps(text) + "\n", 0


def envelope(place: Place, sealed: Sealed) -> dict[str, object]:
    """Return the envelope of a signed record; raise `InvalidRequest` where it is not signed."""
    seal = sealed.seal
    if seal is None:
        raise InvalidRequest("there is no signed record")
    signer = Signer(cluster=seal.cluster, key=seal.key)
    payload = statement(place.changed(registry=seal.registry), signer, sealed.parts)
    return {
        "payload": b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": seal.key, "sig": seal.signature}],
    }
