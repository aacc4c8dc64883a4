"""The deployed dashboard on a real API server: pages that follow what happens, and everybody's own rights."""

import asyncio
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pytest
import yaml

from modelalias.adapters.kubernetes_client import CredentialsRefused, Expired
from modelalias.cli import kubeconfig as kubeconfigs
from modelalias.cli.api_server import ApiServer, opened
from modelalias.cli.cluster import Kind
from modelalias.core.errors import InvalidRequest
from tests.support.dashboard_process import dashboard, kubeconfig_of
from tests.support.door import door_to
from tests.support.kube_api import GROUP, KubeApi, Person
from tests.support.mlflow_server import free_port

RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
ROLE: Final = Path(__file__).parents[2] / "manifests/components/dashboard/impersonate/role.yaml"
NAME: Final = "churn-champion"


class Account(NamedTuple):
    """A ServiceAccount and a token of it."""

    namespace: str
    name: str
    token: str

    @property
    def bearer(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Team:
    """A namespace with one ModelAlias."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self.api, self.namespace = api, namespace
        self.path = f"{GROUP}/namespaces/{namespace}/modelaliases"
        body = {
            "apiVersion": "modelalias.dev/v1alpha1",
            "kind": "ModelAlias",
            "metadata": {"name": NAME},
            "spec": {"model": "churn", "alias": "champion"},
        }
        assert api.create(self.path, body).ok

    @property
    def row(self) -> str:
        return f'<hx-partial id="row-{self.namespace}_{NAME}"'

    def is_in(self, phase: str) -> None:
        answer = self.api.merge(f"{self.path}/{NAME}/status", {"status": {"phase": phase}})
        assert answer.ok, answer

    def account(self, *, may_view: bool = True) -> Account:
        """Make a ServiceAccount."""
        name = f"sa-{secrets.token_hex(3)}"
        accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        assert self.api.create(accounts, {"metadata": {"name": name}}).ok
        if may_view:
            self.lets("ServiceAccount", name)
        token = self.api.create(f"{accounts}/{name}/token", {"spec": {}})
        return Account(self.namespace, name, str(token.body["status"]["token"]))

    def lets(self, kind: str, name: str, role: str = "modelalias-view") -> None:
        """Let somebody see what is in the namespace."""
        subject = {"kind": kind, "name": name}
        subject |= (
            {"namespace": self.namespace}
            if kind == "ServiceAccount"
            else {"apiGroup": "rbac.authorization.k8s.io"}
        )
        binding = {
            "metadata": {"generateName": "view-"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [subject],
        }
        assert self.api.create(f"{RBAC}/namespaces/{self.namespace}/rolebindings", binding).ok


@pytest.fixture
def team(kube_api: KubeApi, namespace: str) -> Team:
    return Team(kube_api, namespace)


@pytest.fixture
def other(kube_api: KubeApi) -> Iterator[Team]:
    name = f"test-{secrets.token_hex(4)}"
    assert kube_api.create("/api/v1/namespaces", {"metadata": {"name": name}}).ok
    yield Team(kube_api, name)
    kube_api.send("DELETE", f"/api/v1/namespaces/{name}")


def test_a_row_of_the_board_changes_by_itself(team: Team, kubeconfig: str, tmp_path: Path) -> None:
    with dashboard(tmp_path, kubeconfig, {"mode": "viewer"}, team.namespace) as pages:
        path = f"/?namespace={team.namespace}"
        with pages.stream(path) as stream:
            began = time.monotonic()
            team.is_in("RollingOut")
            stream.hears(team.row)
            stream.hears("Rolling out</span>")
            assert time.monotonic() - began < 5
            stream.hears(f"{NAME}: Rolling out.")
        assert "Rolling out</span>" in pages.get(path).text


@pytest.mark.parametrize("path", ["/a/{}/churn-champion", "/m/default/churn"])
def test_another_page_changes_by_itself(team: Team, kubeconfig: str, tmp_path: Path, path: str) -> None:
    with (
        dashboard(tmp_path, kubeconfig, {"mode": "viewer"}, team.namespace) as pages,
        pages.stream(path.format(team.namespace)) as stream,
    ):
        before = len(stream.heard)
        team.is_in("Drifted")
        stream.hears('<hx-partial id="main"', after=before)
        stream.hears("Drifted</span>", after=before)


def test_an_api_server_that_is_away_is_told_and_what_was_missed_is_shown_when_it_is_back(
    team: Team, kubeconfig: str, tmp_path: Path
) -> None:
    server = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))["clusters"][0]["cluster"]["server"]
    where = urlsplit(server)
    assert where.port is not None
    assert where.hostname is not None
    with door_to(where.port, free_port(), where.hostname) as door:
        config = kubeconfig_of(tmp_path, kubeconfig, port=door.port)
        with (
            dashboard(tmp_path, config, {"mode": "viewer"}, team.namespace) as pages,
            pages.stream(f"/?namespace={team.namespace}") as stream,
        ):
            door.shut()
            stream.hears("Not live since ")
            stream.hears("the API server cannot be reached")
            assert pages.get("/").status == 503
            team.is_in("Failed")
            before = len(stream.heard)
            assert "Failed</span>" not in stream.heard
            door.open()
            stream.hears("Live again since ", after=before)
            stream.hears("Failed</span>", after=before)
            before = len(stream.heard)
            team.is_in("Ready")
            stream.hears(team.row, after=before)


async def test_a_watch_from_too_long_ago_is_told_from_other_failures(team: Team, kubeconfig: str) -> None:
    access = kubeconfigs.read(kubeconfigs.Flags(kubeconfig), {}, Path("/"))
    async with opened(access) as server:
        with pytest.raises(Expired):
            _ = [event async for event in await server.watch(Kind.ALIASES, team.namespace, since="1")]
        with pytest.raises(InvalidRequest):
            await server.watch(Kind.ALIASES, team.namespace, selector="spec.nope=1", since="1")


def test_two_people_at_once_see_and_hear_what_each_may(
    team: Team, other: Team, kubeconfig: str, tmp_path: Path
) -> None:
    mine, theirs = team.account().bearer, other.account().bearer
    with dashboard(tmp_path, kubeconfig, {"mode": "bearer"}, team.namespace) as pages:
        pages.until(f"/?namespace={team.namespace}", mine, 200)
        pages.until(f"/?namespace={other.namespace}", theirs, 200)
        assert pages.get(f"/?namespace={other.namespace}", mine).status == 403
        assert pages.get(f"/?namespace={team.namespace}", theirs).status == 403
        assert pages.get(f"/a/{team.namespace}/{NAME}", theirs).status == 403
        assert (
            f"system:serviceaccount:{team.namespace}:"
            in pages.get(f"/?namespace={team.namespace}", mine).text
        )
        assert (
            f"system:serviceaccount:{other.namespace}:"
            in pages.get(f"/?namespace={other.namespace}", theirs).text
        )

        with (
            pages.stream(f"/?namespace={team.namespace}", mine) as one,
            pages.stream(f"/?namespace={other.namespace}", theirs) as two,
        ):
            team.is_in("Failed")
            one.hears(team.row)
            other.is_in("Stalled")
            two.hears(other.row)
        assert other.namespace not in one.heard
        assert team.namespace not in two.heard


def test_a_token_that_is_none_opens_nothing(team: Team, kubeconfig: str, tmp_path: Path) -> None:
    stranger = team.account(may_view=False)
    with dashboard(tmp_path, kubeconfig, {"mode": "bearer"}, team.namespace) as pages:
        missing = pages.get("/")
        forged = pages.get("/", {"Authorization": "Bearer abc.def.ghi"})
        powerless = pages.get("/", stranger.bearer)

    assert (missing.status, forged.status, powerless.status) == (401, 401, 403)
    assert "Authorization: Bearer" in missing.text
    assert "does not accept your credentials" in forged.text
    assert all(NAME not in item.text for item in (missing, forged, powerless))


def test_a_viewer_shows_what_its_account_may_and_takes_nothing(
    team: Team, kubeconfig: str, tmp_path: Path
) -> None:
    config = kubeconfig_of(tmp_path, kubeconfig, token=team.account().token)
    with dashboard(tmp_path, config, {"mode": "viewer"}, team.namespace) as pages:
        board = pages.until("/", {}, 200)
        with pages.stream("/") as stream:
            team.is_in("Failed")
            stream.hears(team.row)

    assert "read only" in board.text
    assert f"Only namespace {team.namespace} is shown" in board.text


def test_the_impersonated_see_what_they_may_and_the_account_can_do_nothing_else_as_them(
    team: Team, kubeconfig: str, tmp_path: Path
) -> None:
    """Constrained impersonation (KEP-5284), with the role that is shipped."""
    ana, leads = f"ana-{secrets.token_hex(3)}", f"leads-{secrets.token_hex(3)}"
    account = team.account(may_view=False)
    team.lets("Group", leads)
    team.lets("User", ana, role="edit")
    config = kubeconfig_of(tmp_path, kubeconfig, token=account.token)
    path, mine = f"/?namespace={team.namespace}", {"X-Forwarded-User": ana, "X-Forwarded-Groups": leads}
    with (
        _shipped_role(team.api, account),
        dashboard(tmp_path, config, {"mode": "impersonate"}, team.namespace) as pages,
    ):
        seen = pages.until(path, mine, 200)
        with pages.stream(path, mine) as stream:
            team.is_in("Failed")
            stream.hears(team.row)
        codes = {
            "another": pages.get(path, {"X-Forwarded-User": f"not-{ana}"}).status,
            "nobody": pages.get(path).status,
            "account": pages.get(path, {"X-Forwarded-User": "system:admin"}).status,
            "masters": pages.get(path, {**mine, "X-Forwarded-Groups": "system:masters"}).status,
        }
        direct = KubeApi(config)
        ours = direct.send("GET", team.path, who=Person(ana, (leads,)))
        maps = direct.send("GET", f"/api/v1/namespaces/{team.namespace}/configmaps", who=Person(ana))
        write = direct.merge(f"{team.path}/{NAME}", {"spec": {"suspend": True}}, who=Person(ana))
        robot = direct.send("GET", team.path, who=Person("system:serviceaccount:kube-system:default"))

    assert f"signed in as</span> {ana}" in seen.text
    assert codes == {"another": 403, "nobody": 401, "account": 403, "masters": 403}
    assert ours.ok
    assert (maps.code, write.code, robot.code) == (403, 403, 403)
    assert "impersonate-on:user-info:list" in maps.message, "ana may, the account may not as her"
    assert "impersonate-on:serviceaccount:list" in robot.message


@contextmanager
def _shipped_role(api: KubeApi, account: Account) -> Iterator[None]:
    """Give an account what the dashboard's own is given, under a name of the test's own."""
    name = f"test-{secrets.token_hex(4)}"
    for body in yaml.safe_load_all(ROLE.read_text(encoding="utf-8")):
        copy: dict[str, Any] = {**body, "metadata": {"name": name}}
        if body["kind"] == "ClusterRoleBinding":
            copy["roleRef"] = {**body["roleRef"], "name": name}
            copy["subjects"] = [
                {"kind": "ServiceAccount", "name": account.name, "namespace": account.namespace}
            ]
        assert api.create(f"{RBAC}/{body['kind'].lower()}s", copy).ok
    yield
    for plural in ("clusterrolebindings", "clusterroles"):
        api.send("DELETE", f"{RBAC}/{plural}/{name}")


async def test_credentials_that_ran_out_are_renewed_under_calls_side_by_side(
    team: Team, kubeconfig: str, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("abc.def.ghi")
    found = kubeconfigs.read(kubeconfigs.Flags(kubeconfig), {}, Path("/"))
    server = ApiServer(replace(found, user={"tokenFile": str(token)}), for_long=True)
    try:
        refused = await asyncio.gather(
            *(server.page(Kind.ALIASES, team.namespace) for _ in range(5)), return_exceptions=True
        )
        token.write_text(team.account().token)
        pages = await asyncio.gather(*(server.page(Kind.ALIASES, team.namespace) for _ in range(5)))
    finally:
        await server.close()

    assert [type(item) for item in refused] == [CredentialsRefused] * 5
    assert [len(page.items) for page in pages] == [1] * 5
