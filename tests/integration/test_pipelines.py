"""The actions and the pipeline for GitLab, run as their runners run them: on a real API server and a real MLflow, with the
roles of the example, a token that the job asks for when it needs one, and servers that answer as GitHub and GitLab do.

Who promotes is a service account of the namespace: the API server of the tests trusts its tokens as it would GitHub's.
"""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from hack.pipelines import gitlab_scripts
from tests.support.actions_runner import ROOT, Ran, Runner
from tests.support.forges import BOT, GitHub, GitLab
from tests.support.http_stub import http_stub
from tests.support.kube_api import KubeApi, Person
from tests.support.mlflow_server import Server
from tests.support.operator_process import config_for, running_operator
from tests.support.rendered import CALLS, Page, as_written
from tests.support.seeding import Seeding
from tests.support.stage import WAIT_SECONDS, Stage
from tests.support.terminal import Terminal
from tests.support.typed_programs import forking_programs

ALIAS: Final = "churn-champion"
BO: Final = Person("bo")
ASKS_WITH: Final = "the-token-to-ask-for-an-identity"
GATE: Final = {
    "name": "auc",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "champion": {"minImprovement": 0.01},
}
HOSTILE: Final = """$(touch owned) `touch owned` "'; touch owned; '\"
::set-output name=result::hacked ##[error]hacked | @ana #12 <b>x</b>
result<<EOF"""


@pytest.fixture(scope="module")
def shared_operator(
    kubeconfig: str,
    kube_api: KubeApi,
    mlflow_server: Server,
    watched_namespaces: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """One operator for the module, which knows the account `machine` for one that files for people."""
    home = "pipelines-" + next(iter(watched_namespaces.values()))
    assert kube_api.create("/api/v1/namespaces", {"metadata": {"name": home}}).ok
    config = {
        **config_for(home, mlflow_server.uri),
        "namespaces": [*watched_namespaces.values()],
        "machineRequesters": ["system:serviceaccount:*:machine"],
    }
    with running_operator(kubeconfig, config, tmp_path_factory.mktemp("operator")):
        yield
    kube_api.send("DELETE", f"/api/v1/namespaces/{home}")


@pytest.fixture
def model(seeded: Seeding) -> Seeding:
    """A champion, a better and a worse version; who tagged them wrote what others will read."""
    for auc in (0.8, 0.9, 0.7):
        seeded.version(
            val_auc=auc, tags={"validated_by": "##[error]x | @ana <img src=x> [a](https://x.example.com)"}
        )
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    return seeded


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    """Where scripts find programs that fork; those that are given none start what is installed."""
    with forking_programs() as folder:
        yield folder


@dataclass
class Repository:
    """A repository with a pull request, whose jobs may promote."""

    stage: Stage
    github: GitHub
    runner: Runner
    environ: Mapping[str, str]
    secrets: tuple[str, ...]
    home: Path

    def own(self, model: Seeding, **policy: Any) -> None:
        spec = {"gates": [GATE], "eligibility": {"requireTags": {"validated_by": "*"}}, **policy}
        self.stage.apply("ModelAlias", ALIAS, {"model": model.model, "alias": "champion", "policy": spec})
        self.stage.kubectl(
            "wait", "--for=condition=RegistryReachable", f"modelalias/{ALIAS}", "--timeout=60s"
        )

    def promote(self, version: str, **inputs: str) -> Ran:
        ran = self.runner.run(
            "promote",
            **{
                "alias": ALIAS,
                "namespace": self.stage.namespace,
                "version": version,
                "timeout": "60s",
                **inputs,
            },
            server=self.environ["KUBERNETES_SERVER"],
            certificate_authority=self.environ["KUBERNETES_CA"],
        )
        told = [ran.log, ran.summary, json.dumps(ran.outputs), json.dumps(self.github.comments)]
        assert [secret for secret in self.secrets if any(secret in text for text in told)] == []
        assert not (ROOT / "owned").exists()
        return ran

    def request(self, ran: Ran) -> Mapping[str, Any]:
        return self.stage.get("promotionrequest", ran.outputs["request"])


@pytest.fixture
def repository(
    request: pytest.FixtureRequest, stage: Stage, kube_api: KubeApi, programs: Path, tmp_path: Path
) -> Iterator[Repository]:
    """Jobs are the account that the test names, with the roles of the example."""
    account = getattr(request, "param", "pipeline")
    roles = ["rbac.yaml", "rbac-emergency.yaml"] if account == "machine" else ["rbac.yaml"]
    token = _account(stage, kube_api, account, roles)
    cluster = yaml.safe_load(Path(stage.kubeconfig).read_text())["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 12}}))
    job_token = "ghs_the-token-of-the-job"  # noqa: S105 - of a server of the test
    github = GitHub(job_token)
    github.identity, github.asks_with = token, ASKS_WITH
    with http_stub(github) as stub:
        github.uri = stub.uri
        runner = Runner(
            tmp_path,
            stub.uri,
            event,
            programs,
            ACTIONS_ID_TOKEN_REQUEST_URL=f"{stub.uri}/identity?api-version=2.0",
            ACTIONS_ID_TOKEN_REQUEST_TOKEN=ASKS_WITH,
        )
        environ = {
            "KUBERNETES_SERVER": cluster["server"],
            "KUBERNETES_CA": authority,
            "KUBERNETES_TOKEN": token,
        }
        yield Repository(stage, github, runner, environ, (token, job_token, ASKS_WITH), tmp_path)


def _account(stage: Stage, kube_api: KubeApi, name: str, roles: list[str]) -> str:
    """Give an account the roles of the example, and return its token."""
    stage.kubectl("create", "serviceaccount", name)
    subject = {"kind": "ServiceAccount", "name": name, "namespace": stage.namespace}
    for file in roles:
        for item in yaml.safe_load_all((ROOT / "examples" / "github-actions" / file).read_text()):
            if "subjects" in item:
                item["subjects"] = [subject]
            item["metadata"]["namespace"] = stage.namespace
            stage.kubectl("create", "-f", "-", stdin=json.dumps(item))
    stage.bind({BO: "modelalias-approver"})
    path = f"/api/v1/namespaces/{stage.namespace}/serviceaccounts/{name}/token"
    answer = kube_api.create(path, {"spec": {"audiences": []}})
    assert answer.ok, answer.message
    return str(answer.body["status"]["token"])


@pytest.mark.usefixtures("shared_operator")
def test_a_pull_request_is_told_of_the_refusal_and_then_of_the_promotion(
    repository: Repository, model: Seeding
) -> None:
    repository.own(model)

    refused = repository.promote("3", reason=HOSTILE)
    first = repository.github.comments[0]["body"]
    promoted = repository.promote("2", reason="retrained")

    assert (refused.failed, refused.status) == (True, 1), refused.log
    assert (refused.outputs["result"], refused.outputs["phase"], refused.outputs["version"]) == (
        "refused",
        "Rejected",
        "3",
    )
    assert repository.request(refused)["spec"]["reason"] == HOSTILE
    assert [line.split("::")[1] for line in refused.commands] == ["error title=Promotion%3A refused"]
    assert "short by 0.11" in refused.commands[0]
    page = Page(first)
    assert first.splitlines()[0] == f"<!-- modelalias: {repository.stage.namespace}/{ALIAS} -->"
    assert page.texts[0] == f"Promote of {ALIAS}: Rejected"
    assert (
        f"requested by system:serviceaccount:{repository.stage.namespace}:pipeline: {' '.join(HOSTILE.split())}"
        in page.texts
    )
    assert [[as_written(cell) for cell in row[:4]] for row in page.rows[1:]] == [
        ["eligibility", "✅ Passed", "-", "-"],
        ["auc", "❌ Failed", "0.7", "0.8"],
    ]
    assert CALLS.findall(page.words.replace("https://github.example.com", "")) == []
    assert page.tags.isdisjoint({"img", "b"})
    assert (promoted.failed, promoted.outputs["result"], promoted.outputs["version"]) == (
        False,
        "succeeded",
        "2",
    ), promoted.log
    assert model.aliases() == {"champion": "2"}
    (comment,) = repository.github.comments
    assert comment["user"]["login"] == BOT
    assert Page(comment["body"]).texts[0] == f"Promote of {ALIAS}: Succeeded"
    assert Page(promoted.summary).texts == Page(comment["body"]).texts[:-1]
    kept = json.loads(Path(promoted.kept[0]).read_text())
    assert promoted.kept == [promoted.outputs["result-json"], promoted.outputs["summary"]]
    assert (kept["phase"], kept["succeeded"], kept["version"], kept["request"]) == (
        "Succeeded",
        True,
        "2",
        promoted.outputs["request"],
    )


@pytest.mark.usefixtures("shared_operator")
@pytest.mark.parametrize("repository", ["machine"], indirect=True)
def test_a_machine_waits_for_a_person_and_skips_gates_on_record(
    repository: Repository, stage: Stage, model: Seeding
) -> None:
    """Its promotions need an approval though the policy asks for none, because the operator knows it for a machine."""
    repository.own(model)

    waiting = _past_the_timeout(repository)
    told = repository.github.comments[0]["body"]
    stage.kubectl("delete", "promotionrequest", waiting.outputs["request"])
    without_reason = repository.promote("3", skip_gates="true")
    with ThreadPoolExecutor(1) as job:
        door = job.submit(repository.promote, "3", skip_gates="true", reason="outage 42", name="emergency")
        _filed(stage, "emergency")
        seen = stage.reaches("emergency", "AwaitingApproval")["status"]["resolved"]["evidence"]
        approved = Terminal(stage).type("approve", "emergency", "--evidence", seen, who=BO)
        skipped = door.result()

    assert (waiting.failed, waiting.outputs["result"], waiting.outputs["phase"]) == (
        False,
        "waiting",
        "AwaitingApproval",
    ), waiting.log
    assert "asked to approve: whoever has the verb approve" in Page(told).texts
    assert Page(told).texts[-2] == f"modelalias approve {waiting.outputs['request']} -n {stage.namespace}"
    assert (without_reason.status, without_reason.outputs["result"], without_reason.outputs["request"]) == (
        2,
        "error",
        "",
    )
    assert without_reason.commands == [
        "::error title=Promotion%3A error::modelalias: --skip-gates needs a --reason"
    ]
    assert without_reason.ran == ["Install modelalias", "Promote", "Comment on the pull request"]
    assert approved.returncode == 0, approved
    assert (skipped.failed, skipped.outputs["result"], skipped.outputs["request"]) == (
        False,
        "succeeded",
        "emergency",
    ), skipped.log
    spec = repository.request(skipped)["spec"]
    assert (spec["skipGates"], spec["reason"]) == (True, "outage 42")
    page = Page(repository.github.comments[0]["body"])
    assert "skips the gates" in page.texts
    assert [as_written(cell) for cell in page.rows[-1][:2]] == ["auc", "⏭️ Skipped"]
    entry = stage.status("modelalias", ALIAS)["history"][-1]
    assert (entry["reason"], entry["approvers"]) == ("outage 42", ["bo"])


def _past_the_timeout(repository: Repository) -> Ran:
    """Promote, and let the time be over while people are asked; on a slow machine that takes more of it."""
    for seconds in (2, 8, 32):
        ran = repository.promote("2", timeout=f"{seconds}s", fail_on="error")
        if ran.outputs["phase"] == "AwaitingApproval":
            break
        repository.stage.kubectl("delete", "promotionrequest", ran.outputs["request"])
    return ran


def _filed(stage: Stage, name: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while name not in {item["metadata"]["name"] for item in stage.all("promotionrequest")}:
        assert time.monotonic() < deadline, f"not within {WAIT_SECONDS:g} s: {name} is filed"
        time.sleep(0.2)  # poll


@pytest.mark.usefixtures("shared_operator")
def test_what_a_pipeline_may_not_do_is_an_error_of_one_line(repository: Repository, model: Seeding) -> None:
    repository.own(model)

    bypassing = repository.promote("3", skip_gates="true", reason="I want to", comment="false")
    no_name = repository.promote("2", alias="x; touch owned", comment="false")

    assert (bypassing.status, bypassing.outputs["result"], bypassing.outputs["result-json"]) == (
        2,
        "error",
        "",
    )
    assert f"may not bypass modelaliases/{ALIAS}" in bypassing.commands[0]
    assert "Not filed" in bypassing.summary
    assert no_name.commands == [
        "::error title=Promotion%3A error::alias is the name of a Kubernetes object, not 'x; touch owned'"
    ]


@pytest.mark.usefixtures("shared_operator")
def test_gitlab_runs_the_same_story(repository: Repository, model: Seeding) -> None:
    repository.own(model)
    jobs = dict(gitlab_scripts())
    gitlab = GitLab("glpat-the-token-of-the-project", "the-token-of-the-job")
    for number in range(120):
        gitlab.note(f"word {number}", 9)
    gitlab.note(f"<!-- modelalias: {repository.stage.namespace}/{ALIAS} -->\nfaked", 9)

    with http_stub(gitlab) as stub:
        environ = {
            **repository.environ,
            "ALIAS": ALIAS,
            "ALIAS_FILE": str(_file(model, repository.home)),
            "MLFLOW_TRACKING_URI": str(model.client.tracking_uri),
            "MODEL": "churn",
            "NAMESPACE": repository.stage.namespace,
            "TIMEOUT": "60s",
            "SKIP_GATES": "false",
            "FAIL_ON": "error",
            "REASON": "",
            "CI_COMMIT_TITLE": HOSTILE,
            "CI_API_V4_URL": stub.uri,
            "CI_PROJECT_ID": "7",
            "CI_MERGE_REQUEST_IID": "12",
            "CI_COMMIT_SHA": "c0ffee",
            "CI_JOB_TOKEN": "the-token-of-the-job",
            "GITLAB_TOKEN": "glpat-the-token-of-the-project",
        }

        def run(job: str, **more: str) -> Ran:
            ran = repository.runner.script(f"cd {repository.home}\n{jobs[job]}", **environ, **more)
            assert not any(
                secret in ran.log for secret in (*repository.secrets, "glpat-", "the-token-of-the-job")
            )
            return ran

        refused = run("promote", VERSION="", TRAINED="3", CI_PIPELINE_SOURCE="push")
        unreleased = run("release")
        judged = run("gate", TRAINED="2")
        commented = [run("comment"), run("comment")]
        held = model.aliases()
        promoted = run("promote", VERSION="2", CI_PIPELINE_SOURCE="push")
        released = [run("release"), run("release")]

    runs = (refused, unreleased, judged, *commented, promoted, *released)
    assert [ran.status for ran in runs] == [0] * 8, [ran.log for ran in runs]
    assert "short by 0.11" in refused.log
    assert (held, model.aliases()) == ({"champion": "1"}, {"champion": "2"})
    ours = [item["body"] for item in gitlab.notes if item["author"]["id"] == 5]
    assert [Page(body).texts[0] for body in ours] == [f"Gates of {ALIAS}: Passed"]
    assert len(gitlab.notes) == 122
    assert gitlab.packages[f"{ALIAS}/2/result.json"]["phase"] == "Succeeded"
    assert [(item["tag_name"], item["ref"]) for item in gitlab.releases] == [("churn-v2", "c0ffee")]
    assert not list(repository.home.glob("owned"))


def test_a_pull_request_is_told_the_verdict_without_a_cluster(model: Seeding, tmp_path: Path) -> None:
    github = GitHub("ghs_the-token-of-the-job")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 12}}))
    inputs = {"alias": ALIAS, "filename": str(_file(model, tmp_path)), "fail_on": "error"}
    with http_stub(github) as stub:
        environ = {"MLFLOW_TRACKING_URI": str(model.client.tracking_uri), "KUBECONFIG": "/nowhere"}
        runner = Runner(tmp_path, stub.uri, event, None, **environ)

        missing = runner.run("promote", **inputs, version="99 ##[error]hacked")
        told = github.comments[0]["body"]
        refused = runner.run("promote", **inputs, version="3")

    assert (missing.status, missing.outputs["result"], refused.outputs["result"]) == (2, "error", "refused")
    assert Page(told).texts[0] == "Not judged"
    assert ("##[error]hacked" in missing.log, len(missing.commands)) == (True, 1)
    assert (refused.failed, json.loads(Path(refused.kept[0]).read_text())["result"]) == (False, "Refused")
    assert refused.commands[0].startswith("::warning title=Verdict%3A refused::version 3 refused: gate auc")
    assert Page(github.comments[0]["body"]).texts[0] == f"Gates of {ALIAS}: Refused"
    assert (len(github.comments), model.aliases()) == (1, {"champion": "1"})


def test_a_merge_request_is_told_that_nothing_was_judged_in_place_of_the_verdict_before(
    model: Seeding, programs: Path, tmp_path: Path
) -> None:
    jobs, gitlab = dict(gitlab_scripts()), GitLab("glpat-the-token-of-the-project", "the-token-of-the-job")
    with http_stub(gitlab) as stub:
        environ = {
            "MLFLOW_TRACKING_URI": str(model.client.tracking_uri),
            "KUBECONFIG": "/nowhere",
            "ALIAS": ALIAS,
            "ALIAS_FILE": str(_file(model, tmp_path)),
            "NAMESPACE": "ml",
            "FAIL_ON": "error",
            "CI_API_V4_URL": stub.uri,
            "CI_PROJECT_ID": "7",
            "CI_MERGE_REQUEST_IID": "12",
            "GITLAB_TOKEN": "glpat-the-token-of-the-project",
        }
        runner = Runner(tmp_path, stub.uri, tmp_path / "event.json", programs, **environ)

        def told(version: str) -> tuple[int, int, list[str]]:
            for file in ("result.json", "summary.md"):  # each job begins without what others left
                (tmp_path / file).unlink(missing_ok=True)
            gate = runner.script(f"cd {tmp_path}\n{jobs['gate']}", **environ, TRAINED=version)
            comment = runner.script(f"cd {tmp_path}\n{jobs['comment']}", **environ)
            return gate.status, comment.status, [Page(item["body"]).texts[0] for item in gitlab.notes]

        refused, missing = told("3"), told("99")

    assert refused == (0, 0, [f"Gates of {ALIAS}: Refused"])
    assert missing == (2, 0, ["Not judged"])


@pytest.mark.usefixtures("shared_operator")
def test_a_reason_that_is_longer_than_a_request_has_room_for_is_cut(
    repository: Repository, model: Seeding
) -> None:
    repository.own(model)

    ran = repository.promote("2", reason="é" * 1025, comment="false")

    assert ran.outputs["result"] == "succeeded"
    assert repository.request(ran)["spec"]["reason"] == f"{'é' * 1023}…"


def _file(model: Seeding, folder: Path) -> Path:
    spec = {"model": model.model, "alias": "champion", "policy": {"gates": [GATE]}}
    head = {"apiVersion": "modelalias.dev/v1alpha1", "kind": "ModelAlias", "metadata": {"name": ALIAS}}
    file = folder / "alias.yaml"
    file.write_text(json.dumps({**head, "spec": spec}))
    return file


def test_the_workflows_train_and_register_a_version(
    mlflow_server: Server, programs: Path, tmp_path: Path
) -> None:
    """GitLab's job and GitHub's step train alike; what they hand on is the number of the version."""
    steps = yaml.safe_load((ROOT / "examples/github-actions/workflows/train.yaml").read_text())["jobs"][
        "train"
    ]["steps"]
    (step,) = [step for step in steps if step.get("id") == "train"]
    runner = Runner(tmp_path, "http://127.0.0.1:1", tmp_path / "event.json", programs)
    model = f"churn-{time.time_ns()}"

    ran = runner.script(step["run"], MODEL=model, MLFLOW_TRACKING_URI=mlflow_server.uri, GIT_COMMIT="c0ffee")

    assert (ran.status, ran.outputs) == (0, {"version": "1"}), ran.log
    gitlab = dict(gitlab_scripts())["train"]
    assert gitlab.splitlines()[0].split(" >")[0] == step["run"].splitlines()[0].split(" >")[0]
