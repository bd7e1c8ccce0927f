"""Logging in to registries: Bearer challenges, Basic, ECR's token, and what docker knows."""

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.wrappers import Request, Response

from tests.images.served import Noted, served
from toolkit.core.errors import AccessDenied, CredentialError, NotFound
from toolkit.core.secrets import Secret
from toolkit.images.auth import RegistryAuth, anonymous, docker_login
from toolkit.images.remote import Remote

USER = "Basic " + base64.b64encode(b"me:secret").decode()


@dataclass
class Hub:
    """A registry with a token server, as Docker Hub: tokens are for one repository and can be made to expire."""

    url: str = ""
    wants: str = ""  # the Authorization that the token server wants; empty for anyone
    asked: list[dict[str, str]] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    realm: str = ""
    elsewhere: str = ""  # where blobs are redirected to

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        request = Request(environ)
        answer = self.token(request) if request.path == "/token" else self.registry(request)
        return answer(environ, start)

    def token(self, request: Request) -> Response:
        self.asked.append(dict(request.args))
        if self.wants and request.headers.get("Authorization") != self.wants:
            return Response(status=401)
        token = f"token-{len(self.asked)}-{request.args['scope']}"
        self.valid.add(f"Bearer {token}")
        return Response(json.dumps({"access_token": token}), content_type="application/json")

    def registry(self, request: Request) -> Response:
        repository = request.path.split("/")[2]
        header = request.headers.get("Authorization", "")
        if header not in self.valid or f":{repository}:" not in header:
            scope = f'Bearer realm="{self.realm or self.url + "/token"}",service="hub",scope="repository:{repository}:pull"'
            return Response(status=401, headers={"WWW-Authenticate": scope})
        if "/blobs/" in request.path:
            return Response(status=307, headers={"Location": f"{self.elsewhere}/blob"})
        return Response(
            "{}", content_type="application/json", headers={"Docker-Content-Digest": "sha256:1"}
        )


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    with served(hub) as url:
        hub.url = url
        yield hub


@pytest.fixture
def me(hub: Hub) -> Iterator[Remote]:
    remote = Remote(
        hub.url,
        host="hub",
        auth=RegistryAuth(hub.url, lambda: ("me", Secret("secret"))),
        patience=0,
    )
    yield remote
    remote.close()


def test_a_challenge_is_answered_once_per_repository(hub: Hub, me: Remote) -> None:
    """The token is kept and sent unasked for what it is for, and only for that."""
    hub.wants = USER
    for _ in range(3):
        assert me.digest("one", "latest") == "sha256:1"
    me.digest("two", "latest")
    assert hub.asked == [
        {"service": "hub", "scope": "repository:one:pull"},
        {"service": "hub", "scope": "repository:two:pull"},
    ]


def test_an_expired_token_is_replaced(hub: Hub, me: Remote) -> None:
    """Nobody notices that it expired."""
    me.digest("one", "latest")
    hub.valid.clear()
    assert me.digest("one", "latest") == "sha256:1"
    assert len(hub.asked) == 2


def test_public_images_need_no_login(hub: Hub) -> None:
    """The token server is asked without credentials."""
    remote = Remote(hub.url, host="hub", auth=RegistryAuth(hub.url, anonymous), patience=0)
    assert remote.digest("one", "latest") == "sha256:1"
    remote.close()


def test_a_token_server_that_refuses_is_access_denied(hub: Hub, me: Remote) -> None:
    """The registry's 401 stands."""
    hub.wants = "Basic other"
    with pytest.raises(AccessDenied):
        me.digest("one", "latest")


def test_a_redirect_to_another_host_carries_no_login(hub: Hub, me: Remote) -> None:
    """Blobs come from storage that must not see our token."""
    storage = Noted(inner=Response("not found", status=404))
    with served(storage) as url:
        hub.elsewhere = url
        with pytest.raises(NotFound):
            me.blob("one", "sha256:1")
    assert [seen.get("HTTP_AUTHORIZATION") for seen in storage.headers] == [None]


def test_an_upload_to_another_host_carries_no_login(hub: Hub, me: Remote) -> None:
    """A Location that leads away is followed, without credentials."""
    storage = Noted(inner=Response(status=201))
    with served(storage) as url:
        me.digest("one", "latest")
        begun = Noted(
            inner=Response(status=202, headers={"Location": f"{url}/v2/one/blobs/uploads/1"})
        )
        with served(begun) as home:
            remote = Remote(
                home,
                host="x",
                auth=RegistryAuth(home, lambda: ("me", Secret("secret")), eager=True),
                patience=0,
            )
            remote.upload("one", "sha256:1", 1, lambda: iter((b"x",)))
            remote.close()
    assert begun.headers[0]["HTTP_AUTHORIZATION"] == USER
    assert "HTTP_AUTHORIZATION" not in storage.headers[0]


def test_credentials_do_not_go_over_an_open_connection() -> None:
    """An https registry that names an http token server is refused."""
    auth = RegistryAuth("https://hub", lambda: ("me", Secret("secret")))
    flow = auth.sync_auth_flow(httpx.Request("GET", "https://hub/v2/one/tags/list"))
    next(flow)
    challenge = {"WWW-Authenticate": 'Bearer realm="http://evil/token"'}
    with pytest.raises(AccessDenied, match="open connection"):
        flow.send(httpx.Response(401, headers=challenge))


# docker's own configuration


@pytest.fixture
def docker(tmp_path: Path) -> dict[str, str]:
    return {"DOCKER_CONFIG": str(tmp_path)}


def write(docker: dict[str, str], config: str) -> None:
    (Path(docker["DOCKER_CONFIG"]) / "config.json").write_text(config)


def known(host: str, docker: dict[str, str]) -> tuple[str, str] | None:
    found = docker_login(host, environ=docker)
    return (found[0], found[1].reveal()) if found else None


def test_no_configuration_is_no_login(docker: dict[str, str]) -> None:
    """Also one that says nothing of the host."""
    assert known("ghcr.io", docker) is None
    write(docker, "{}")
    assert known("ghcr.io", docker) is None


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("ghcr.io", "ghcr.io"),
        ("ghcr.io", "https://ghcr.io"),
        ("registry-1.docker.io", "https://index.docker.io/v1/"),
        ("europe-docker.pkg.dev", "europe-docker.pkg.dev"),
    ],
)
def test_what_docker_login_kept_is_used(docker: dict[str, str], host: str, key: str) -> None:
    """Under each spelling of the host; the user may be `oauth2accesstoken`, as Artifact Registry wants."""
    auth = base64.b64encode(b"oauth2accesstoken:se:cret").decode()
    write(docker, json.dumps({"auths": {key: {"auth": auth}}}))
    assert known(host, docker) == ("oauth2accesstoken", "se:cret")


def test_a_helper_program_is_asked(
    docker: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docker-credential-<name> gets the host on its standard input; the secret is never an argument."""
    helper = tmp_path / "docker-credential-here"
    helper.write_text(
        f"#!{sys.executable}\nimport json, sys\nhost = sys.stdin.read()\n"
        "host == 'ghcr.io' or sys.exit(1)\nprint(json.dumps({'Username': 'me', 'Secret': host + sys.argv[1]}))\n"
    )
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    write(docker, '{"credsStore": "here"}')
    assert known("ghcr.io", docker) == ("me", "ghcr.ioget")
    assert known("quay.io", docker) is None


def test_a_helper_that_is_missing_is_named(docker: dict[str, str]) -> None:
    """With what to do."""
    write(docker, '{"credHelpers": {"ghcr.io": "absent-helper"}}')
    with pytest.raises(CredentialError, match="docker-credential-absent-helper did not run"):
        docker_login("ghcr.io", environ=docker)


def test_a_damaged_configuration_is_named(docker: dict[str, str]) -> None:
    """Not silently taken for no login."""
    write(docker, "{")
    with pytest.raises(CredentialError, match="is not JSON"):
        docker_login("ghcr.io", environ=docker)
