"""`modelalias verify`: whether the record of a version is signed, and what it says."""

import argparse
import json
from typing import Any, Final

from modelalias.cli import public_keys, record_reading, registry_reading
from modelalias.cli.verification import Validity, verify
from modelalias.core.errors import InvalidRequest

STATUS: Final = {Validity.VALID: 0, Validity.NOT_VALID: 1, Validity.UNKNOWN: 2}

_MORE: Final = f"""\
Shows who promoted what over what, when, by which approvals, on which numbers and data, from MLflow and a
public key alone. Needs no cluster and writes nothing. MODEL@ALIAS also asks whether the alias names the version
by what its record says. While a promotion rolls out its record is not written yet.

The operator publishes its public keys; who can sign in to the cluster may read them:
  kubectl -n modelalias-system get configmap modelalias-public-keys -o yaml > keys.yaml

examples:
  %(prog)s churn@champion --public-keys keys.yaml
  %(prog)s models:/churn/7 --alias champion --public-key key.pem -o json

exit status:
  0   valid
  1   not valid: not signed, changed, made for something else, or overtaken
  2   cannot tell: no record, an unknown key, or MLflow could not be read

{registry_reading.ENVIRONMENT}"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "verify",
        help="check the signed record of a version, without a cluster",
        description="Check the signed record of a model version, without a cluster.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    record_reading.add_flags(parser)
    public_keys.add_flags(parser)
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    keys = public_keys.read(options)
    if keys is None:
        raise InvalidRequest("nothing can be checked without a key: use --public-key or --public-keys")
    verification = verify(keys, record_reading.read(options), options.registry)
    as_json = options.output == "json"
    text = json.dumps(verification.result, indent=2) + "\n" if as_json else verification.text
    return text, STATUS[verification.validity]
