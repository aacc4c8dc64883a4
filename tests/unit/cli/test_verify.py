"""`modelalias verify` and `modelalias attest`: what a record proves to somebody with a public key and no cluster."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey

from modelalias.adapters.ed25519 import key_id, public_pem
from modelalias.api.alias import AliasMove, ModelAliasStatus, Operation, Plan, RequestRef
from modelalias.cli.main import main
from modelalias.core.ledger.signed_record import read, write
from modelalias.core.ledger.statement import PREDICATE_TYPE, Place
from tests.support.fake_keys import CLUSTER, NOTARY, notary_of, private_key
from tests.support.harness import START
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub

KEY: Final = "modelalias.champion"
PLACE: Final = Place(registry="default", model="churn", alias="champion", version="7")
PLAN: Final = Plan(
    operation=Operation.PROMOTE,
    request=RequestRef(name="go", uid="7" * 36),
    spec_hash=f"sha256:{7:064x}",
    aliases=(AliasMove(name="champion", from_="6", to="7"),),
    started_at=START,
    actor="ana",
    approvers=("bo", "cy"),
    evidence="sha256:" + 64 * "e",
    run_id="f" * 32,
    reason="retrained",
    verdict=json.dumps(
        {
            "gates": [
                {
                    "name": "auc",
                    "result": "Passed",
                    "candidate": "0.91",
                    "champion": "0.9",
                    "rule": ">= 0.9",
                    "dataset": "holdout",
                }
            ]
        }
    ),
)


def _record(place: Place = PLACE, notary: Any = NOTARY, plan: Plan = PLAN) -> str:
    return write(notary, place, read(notary, place, None).with_promotion(plan, "champion"))


class Mlflow:
    """An MLflow server that holds one version, and the files with keys beside it."""

    def __init__(self, stub: HttpStub, directory: Path, tags: dict[str, str]) -> None:
        self.stub, self.directory, self.tags = stub, directory, tags

    def call(self, command: str, record: str = "churn@champion", *arguments: str, keys: int = 1) -> int:
        file = self.directory / "key.pem"
        file.write_text(public_pem(private_key(keys).public_key()))
        given = () if keys == 0 else ("--public-key", str(file))
        return main([command, record, "--tracking-uri", self.stub.uri, *given, *arguments])


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mlflow]:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    tags = {KEY: _record()}

    def answer(seen: Seen) -> Answer:
        aliases = [{"alias": "champion", "version": "7"}]
        if seen.path.endswith("/registered-models/get"):
            return Answer({"registered_model": {"name": "churn", "aliases": aliases}})
        if seen.path.endswith("/model-versions/get") and seen.values["version"] == "7":
            listed = [{"key": key, "value": value} for key, value in tags.items()]
            version = {"name": "churn", "version": "7", "status": "READY", "tags": listed}
            return Answer({"model_version": {**version, "run_id": "f" * 32}})
        return Answer({"error_code": "RESOURCE_DOES_NOT_EXIST"}, 404)

    with http_stub(answer) as stub:
        yield Mlflow(stub, tmp_path, tags)


def _other(**fields: str) -> Callable[[], str]:
    return lambda: _record(PLACE.changed(**fields))


OUTCOMES: Final[dict[str, tuple[Callable[[], str], int, str]]] = {
    "valid": (_record, 0, "Signed"),
    "forged": (lambda: '{"operation":"Promote","at":"2026-01-01T12:00:00Z"}', 1, "Unsigned"),
    "forged with a signature": (lambda: _record(notary=_Forger()), 1, "WrongSignature"),
    "copied from another version": (_other(version="6"), 1, "WrongSignature"),
    "copied from another alias": (_other(alias="staging"), 1, "WrongSignature"),
    "copied from another model": (_other(model="toy"), 1, "WrongSignature"),
    "changed": (lambda: _record().replace('"by":"ana"', '"by":"eve"'), 1, "WrongSignature"),
    "in another registry": (
        lambda: _record().replace('"registry":"default"', '"registry":"other"'),
        1,
        "WrongSignature",
    ),
    "truncated": (lambda: _record()[:-20], 1, "Unsigned"),
    "cut in its signature": (lambda: _record().replace('=="}}', '"}}'), 1, "WrongSignature"),
    "unknown key": (lambda: _record(notary=notary_of(8)), 2, "UnknownKey"),
    "no text": (str, 1, "Unsigned"),
}


class _Forger:
    """Somebody who names the operator's key and does not have it."""

    cluster, key = CLUSTER, NOTARY.key

    def verify(self, key: str, message: bytes, signature: bytes) -> bool | None:
        return NOTARY.verify(key, message, signature)

    def sign(self, message: bytes) -> bytes:
        return private_key(8).sign(message)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_exit_status_says_whether_the_record_is_valid(
    mlflow: Mlflow, outcome: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forge, status, proof = OUTCOMES[outcome]
    mlflow.tags[KEY] = forge()

    for record in ("churn@champion", "models:/churn/7", "models:/churn@champion"):
        assert mlflow.call("verify", record, "-o", "json") == status
        told = json.loads(capsys.readouterr().out)
        assert told["proof"] == proof
        assert told["result"] == {0: "Valid", 1: "NotValid", 2: "Unknown"}[status]


def test_people_read_who_promoted_what_over_what_by_which_approvals_on_which_numbers(
    mlflow: Mlflow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mlflow.call("verify") == 0

    assert capsys.readouterr().out.splitlines() == [
        "models:/churn/7 as champion: valid: Promote, Succeeded",
        f"signed with key {NOTARY.key} of cluster {CLUSTER}, for registry default",
        "2026-01-01T12:00:00Z   Promote, Succeeded: over version 6, by ana, approved by bo, cy",
        "  request: go",
        "  reason: retrained",
        f"  evidence: sha256:{64 * 'e'}",
        f"  run: {32 * 'f'}",
        "  NAME   RESULT   CANDIDATE   CHAMPION   RULE     DATASET",
        "  auc    Passed   0.91        0.9        >= 0.9   holdout",
    ]


def test_nothing_of_a_record_that_is_not_valid_is_told_as_if_it_were(
    mlflow: Mlflow, capsys: pytest.CaptureFixture[str]
) -> None:
    mlflow.tags[KEY] = _record().replace('"by":"ana"', '"by":"eve"')

    assert mlflow.call("verify") == 1

    assert "eve" not in capsys.readouterr().out


def test_what_the_old_key_signed_is_valid_by_the_published_keys_after_a_rotation(
    mlflow: Mlflow, tmp_path: Path
) -> None:
    publics = [private_key(number).public_key() for number in (1, 2)]
    published = {f"{key_id(key)}.pem": public_pem(key) for key in publics}
    file = tmp_path / "keys.yaml"
    file.write_text(json.dumps({"kind": "ConfigMap", "data": {"note": "x", **published}}))

    for number in (1, 2):
        mlflow.tags[KEY] = _record(notary=notary_of(number))
        assert mlflow.call("verify", "churn@champion", "--public-keys", str(file), keys=0) == 0


def test_an_alias_that_names_a_version_beside_its_record_is_not_valid(
    mlflow: Mlflow, capsys: pytest.CaptureFixture[str]
) -> None:
    back = PLAN.changed(aliases=(AliasMove(name="champion", from_="7", to="8"),))
    promoted = read(NOTARY, PLACE, mlflow.tags[KEY])
    undone = read(NOTARY, PLACE, None).with_promotion(PLAN.changed(turned_at=START, failure="X"), "champion")
    for record, words in (
        (promoted.replaced_by(back, "champion", ModelAliasStatus()), "version 8 replaced it"),
        (undone, "its promotion was undone"),
    ):
        mlflow.tags[KEY] = write(NOTARY, PLACE, record)

        assert mlflow.call("verify", "models:/churn/7") == 0
        assert mlflow.call("verify", "churn@champion") == 1
        assert words in capsys.readouterr().out


def test_a_record_about_another_run_or_for_another_registry_is_not_valid(
    mlflow: Mlflow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mlflow.call("verify", "churn@champion", "--registry", "other") == 1
    mlflow.tags[KEY] = _record(plan=PLAN.changed(run_id="a" * 32))
    assert mlflow.call("verify") == 1

    told = capsys.readouterr().out
    assert "signed for registry default" in told
    assert f"the version comes from {32 * 'f'}" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["models:/churn/9"], "no version 9"),
        (["churn@nobody"], "no alias nobody"),
        (["churn"], "neither MODEL@ALIAS nor"),
        (["churn@champion", "--alias", "staging"], "names alias champion"),
        (["models:/churn/7", "--public-keys", "/nowhere"], "cannot read /nowhere"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-",
)
def test_what_cannot_be_told_ends_with_2(
    mlflow: Mlflow, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mlflow.call("verify", *arguments) == 2
    assert words in capsys.readouterr().err


def test_a_version_without_a_record_and_one_with_several_cannot_be_told(
    mlflow: Mlflow, capsys: pytest.CaptureFixture[str]
) -> None:
    mlflow.tags["modelalias.staging"] = _record()
    assert mlflow.call("verify", "models:/churn/7") == 2
    assert mlflow.call("verify", "models:/churn/7", "--alias", "champion") == 0
    mlflow.tags.clear()
    assert mlflow.call("verify", "models:/churn/7") == 2

    told = capsys.readouterr()
    assert "use --alias with champion, staging" in told.err
    assert "cannot tell: there is no record" in told.out


def test_without_a_key_and_without_mlflow_it_cannot_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "churn@champion", "--tracking-uri", "http://127.0.0.1:9"]) == 2

    assert "use --public-key or --public-keys" in capsys.readouterr().err


# attest


def _envelope(mlflow: Mlflow, capsys: pytest.CaptureFixture[str], **fields: Any) -> dict[str, Any]:
    assert mlflow.call("attest", **fields) == 0
    envelope: dict[str, Any] = json.loads(capsys.readouterr().out)
    return envelope


def _sslib_key(number: int) -> SSlibKey:
    public = private_key(number).public_key()
    hexadecimal = public.public_bytes_raw().hex()
    return SSlibKey(key_id(public), "ed25519", "ed25519", {"public": hexadecimal})


def _envelope_of(written: dict[str, Any]) -> Envelope:
    return Envelope.from_dict(deepcopy(written))  # it takes what it is given apart


def test_another_library_verifies_the_envelope_and_refuses_it_once_it_was_changed(
    mlflow: Mlflow, capsys: pytest.CaptureFixture[str]
) -> None:
    written = _envelope(mlflow, capsys)
    forged = b64encode(b64decode(written["payload"]).replace(b'"by":"ana"', b'"by":"eve"')).decode()

    assert _envelope_of(written).verify([_sslib_key(1)], threshold=1)
    for envelope, key in (({**written, "payload": forged}, 1), (written, 2)):
        with pytest.raises(VerificationError):
            _envelope_of(envelope).verify([_sslib_key(key)], threshold=1)


def test_the_statement_tells_what_the_record_says(mlflow: Mlflow, capsys: pytest.CaptureFixture[str]) -> None:
    envelope = _envelope(mlflow, capsys)
    statement = json.loads(b64decode(envelope["payload"]))

    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert (statement["_type"], statement["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        PREDICATE_TYPE,
    )
    (subject,) = statement["subject"]
    assert subject["name"] == "models:/churn/7"
    assert len(subject["digest"]["sha256"]) == 64
    record = statement["predicate"].pop("record")
    assert statement["predicate"] == {
        "registry": "default",
        "model": "churn",
        "alias": "champion",
        "version": "7",
        "cluster": CLUSTER,
        "key": NOTARY.key,
    }
    assert (record["by"], record["from"], record["approvers"]) == ("ana", "6", ["bo", "cy"])


def test_nothing_is_attested_that_is_not_valid_and_an_unchecked_one_says_so(
    mlflow: Mlflow, capsys: pytest.CaptureFixture[str]
) -> None:
    _envelope(mlflow, capsys, keys=0)
    assert mlflow.call("attest", keys=0) == 0
    assert "was not checked" in capsys.readouterr().err
    assert mlflow.call("attest", keys=8) == 2
    mlflow.tags[KEY] = _record().replace('"by":"ana"', '"by":"eve"')
    assert mlflow.call("attest") == 1
    mlflow.tags[KEY] = "{}"
    assert mlflow.call("attest", keys=0) == 2

    assert capsys.readouterr().out == ""
