"""What a serving pod is told: which model, and what a caller sent."""

import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest
from mlflow.types import ColSpec, DataType, Schema

from training.model_uri import ModelUri
from training.serving.model import BadInputError
from training.serving.numbers import numbers_of
from training.serving.rows import rows_of
from training.settings import Exit, without_credentials

COLUMNS = ("tenure", "charges")
SCHEMA = Schema([ColSpec(DataType.double, name) for name in COLUMNS])


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("models:/churn@champion", ModelUri(model="churn", alias="champion")),
        ("models:/churn@prev-champion", ModelUri(model="churn", alias="prev-champion")),
        ("models:/churn/3", ModelUri(model="churn", version="3")),
        ("models:/fraud eu/10", ModelUri(model="fraud eu", version="10")),
    ],
)
def test_uri_is_read_and_written(text: str, uri: ModelUri) -> None:
    assert ModelUri.parse(text) == uri
    assert str(uri) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "churn@champion",
        "models:/churn",
        "models:/churn/latest",
        "models:/churn/Production",
        "models:/churn/01",
        "models:/churn/0",
        "models:/churn/3\n",
        "models:/churn@champion\n",
        "models:/churn@",
        "models:/@champion",
        "models:/m-0123456789abcdef",
        "runs:/abc/model",
    ],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="MODEL_URI must look like"):
        ModelUri.parse(text)


@pytest.mark.parametrize(
    "body",
    [
        b'{"dataframe_split": {"columns": ["charges", "tenure"], "data": [[80, 12]]}}',
        b'{"dataframe_records": [{"tenure": 12, "charges": 80}]}',
        b'{"inputs": [{"tenure": 12, "charges": 80}]}',
        b'{"inputs": [[12, 80]]}',
        b'{"inputs": {"tenure": [12], "charges": [80]}}',
    ],
)
def test_each_form_gives_the_row_in_the_types_of_the_signature(body: bytes) -> None:
    rows = rows_of(body, SCHEMA)

    assert rows[["tenure", "charges"]].to_dict("records") == [{"tenure": 12.0, "charges": 80.0}]
    assert {str(kind) for kind in rows.dtypes} == {"float64"}
    assert numbers_of(body, COLUMNS).tolist() == [[12.0, 80.0]]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"inputs": [[NaN, 1]]}', "NaN is not a JSON number"),
        (b"[]", "exactly one of"),
        (b"{}", "exactly one of"),
        (b'{"inputs": [[1, 2]], "dataframe_records": []}', "exactly one of"),
        (b'{"inputs": []}', "no rows"),
        (b'{"inputs": "/etc/hostname"}', "list of rows"),
        (b'{"inputs": [[1, 2, 3]]}', "columns"),
        (b'{"inputs": {"tenure": 1, "charges": 2}}', "scalar"),
        (b'{"inputs": [["many", 2]]}', "tenure"),
        (b'{"inputs": [[[1], 2]]}', "tenure|sequence"),
        (b'{"inputs": {"tenure": [1, 2], "charges": [1]}}', "length"),
        (b'{"dataframe_split": [1]}', "columns and data"),
        (b'{"dataframe_split": {"rows": 1}}', "columns and data"),
        (b'{"dataframe_records": {"tenure": 1}}', "list of rows"),
    ],
)
def test_bad_body_is_refused_with_the_reason(body: bytes, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        rows_of(body, SCHEMA)
    with pytest.raises(BadInputError, match=says):
        numbers_of(body, COLUMNS)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"inputs": [{"tenure": 1}]}', "without the columns charges"),
        (b'{"inputs": {"tenure": [1]}}', "without the columns charges"),
        (b'{"dataframe_split": {"data": [[1, 2]]}}', "list of 0 columns"),
        (b'{"dataframe_split": {"columns": ["tenure"], "data": [[1]]}}', "without the columns charges"),
        (b'{"dataframe_split": {"columns": [["tenure"], "charges"], "data": [[1, 2]]}}', "dataframe_split"),
        (b'{"dataframe_split": {"columns": 3, "data": [[1, 2]]}}', "dataframe_split"),
        (b'{"dataframe_split": {"columns": ["tenure", "charges"], "data": 3}}', "list of 2 columns"),
        (b'{"inputs": [[1, 2], {"tenure": 1, "charges": 2}]}', "list of 2 columns"),
        (b'{"inputs": [[1, {}]]}', "the column charges"),
        (b'{"inputs": [[1, 1' + b"0" * 400 + b"]]}", "the column charges"),
        (b'{"inputs": {"tenure": "12", "charges": [1]}}', "the column tenure is a scalar"),
        (b'{"inputs": {"tenure": [], "charges": []}}', "no rows"),
    ],
)
def test_what_weights_cannot_be_asked_is_refused_with_the_reason(body: bytes, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        numbers_of(body, COLUMNS)


@pytest.mark.parametrize(
    "body",
    [
        b'{"inputs": {"tenure": [12], "name": ["ana"], "charges": [80]}}',
        b'{"inputs": [{"tenure": "12", "charges": 80.0, "name": "ana"}]}',
        b'{"dataframe_split": {"columns": ["x", "charges", "tenure"], "index": [7], "data": [[{}, 80, 12]]}}',
    ],
)
def test_columns_that_the_model_does_not_know_are_left_out(body: bytes) -> None:
    assert numbers_of(body, COLUMNS).tolist() == [[12.0, 80.0]]


def test_row_that_lacks_what_others_have_holds_nothing_there() -> None:
    rows = numbers_of(b'{"inputs": [{"tenure": 1, "charges": 2}, {"tenure": 3}]}', COLUMNS)

    np.testing.assert_array_equal(rows, [[1, 2], [3, np.nan]])


def test_credentials_leave_no_trace_in_a_message() -> None:
    text = without_credentials(
        "request to http://ana:s3cret@mlflow:5000/api\nfailed, see https://token@host/x"
    )

    assert text == "request to http://***@mlflow:5000/api failed, see https://***@host/x"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "MODEL_URI must look like"),
        ({"MODEL_NAME": "churn"}, "both MODEL_NAME and MODEL_ALIAS"),
        ({"MODEL_URI": "models:/churn/1", "PORT": "http"}, "PORT must be a number"),
        ({"MODEL_URI": "models:/churn/1", "PORT": "65536"}, "PORT must be a number"),
        ({"MODEL_URI": "models:/churn/1"}, "MLFLOW_TRACKING_URI is not set"),
    ],
    ids=["no model", "a name without an alias", "port is a word", "port is too high", "no server"],
)
def test_wrong_setting_ends_the_process_with_one_line(environ: Mapping[str, str], says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training.serve"],
        env=dict(environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == Exit.USAGE
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_serving_by_weights_imports_nothing_heavy() -> None:
    program = (
        "import sys, training.serve, training.serving.process\n"
        "print(*sorted({'mlflow', 'pandas', 'scipy', 'sklearn', 'pydantic'} & sys.modules.keys()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.strip() == ""


def test_name_and_alias_can_be_two_settings() -> None:
    assert ModelUri.read({"MODEL_NAME": "churn", "MODEL_ALIAS": "champion"}) == ModelUri.parse(
        "models:/churn@champion"
    )


@pytest.mark.parametrize(
    "environ",
    [
        {"MODEL_ALIAS": "champion"},
        {"MODEL_NAME": "churn", "MODEL_ALIAS": ""},
        {"MODEL_NAME": "churn", "MODEL_ALIAS": "champion", "MODEL_URI": "models:/churn/1"},
    ],
    ids=["no name", "an empty alias", "an address too"],
)
def test_settings_that_could_mean_two_things_are_refused(environ: Mapping[str, str]) -> None:
    with pytest.raises(ValueError, match="either MODEL_URI, or both"):
        ModelUri.read(environ)
