"""Who we are to a registry: Basic, or the Bearer tokens of the distribution specification.

A login is a function that gives (user, password) when asked, so a token that expires can be replaced.  It goes to
the registry's own host, and to the token server that this registry names, never to where a redirect leads.
"""

import base64
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from toolkit.core.clock import now
from toolkit.core.environment import AwsCloud, Cloud, GcpCloud
from toolkit.core.errors import AccessDenied, CredentialError
from toolkit.core.secrets import Secret

Login = Callable[[], tuple[str, Secret] | None]
_LIFETIME = timedelta(
    hours=11
)  # ECR's tokens live 12 hours, and must outlive the push that they start
_REPOSITORY = re.compile(r"/v2/(?P<name>.+?)/(?:blobs|manifests|tags)/")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def anonymous() -> None:
    """The login of those who have none."""


class RegistryAuth(httpx.Auth):
    """Answers a registry's challenge once per repository; afterwards sends what worked, unasked.

    With `eager` Basic is sent unasked from the start: ECR never asks for anything else.  A request to another host
    than `url`'s, as an upload may be told to make, carries nothing.
    """

    def __init__(self, url: str, login: Login, *, eager: bool = False) -> None:
        self._home = _origin(httpx.URL(url))
        self._login = login
        self._eager = eager
        self._tokens: dict[str, str] = {}

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        if _origin(request.url) != self._home:
            yield request
            return
        match = _REPOSITORY.match(request.url.path)
        repository = match["name"] if match else ""
        header = self._basic() if self._eager else self._tokens.get(repository)
        if header:
            request.headers["Authorization"] = header
        response = yield request
        if response.status_code != 401:
            return
        challenge = response.headers.get("WWW-Authenticate", "")
        if challenge.lower().startswith("bearer"):
            answer = yield self._token_request(request, challenge)
            answer.read()
            again = _bearer(answer)
        else:
            again = self._basic()
        if again is None or again == header:
            return
        self._tokens[repository] = again
        request.headers["Authorization"] = again
        yield request

    def _basic(self) -> str | None:
        known = self._login()
        return _basic(*known) if known else None

    def _token_request(self, request: httpx.Request, challenge: str) -> httpx.Request:
        asked = dict(_PARAMETER.findall(challenge))
        realm = httpx.URL(asked.pop("realm", ""))
        if realm.scheme != "https" and request.url.scheme == "https":
            raise AccessDenied(
                f"{request.url.host} asks for credentials over an open connection",
                hint="use a registry whose token server speaks https",
            )
        basic = self._basic()
        wanted = {key: asked[key] for key in ("service", "scope") if key in asked}
        return httpx.Request(
            "GET",
            realm.copy_merge_params(wanted),
            headers={"Authorization": basic} if basic else {},
        )


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _basic(user: str, password: Secret) -> str:
    text = f"{user}:{password.reveal()}"  # the Authorization header is where a password is sent
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def _bearer(answer: httpx.Response) -> str | None:
    try:
        body = answer.json()
    except ValueError:
        return None
    token = (body.get("token") or body.get("access_token")) if isinstance(body, dict) else None
    return f"Bearer {token}" if answer.is_success and token else None


class EcrLogin:
    """`AWS` and ECR's token, valid for 12 hours; asked for once and shared by all threads.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
    """

    def __init__(self, cloud: AwsCloud, *, clock: Callable[[], datetime] = now) -> None:
        self._cloud = cloud
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[Secret, datetime] | None = None

    def __call__(self) -> tuple[str, Secret]:
        with self._lock:
            if self._known is None or self._known[1] + _LIFETIME < self._clock():
                self._known = self._ask(), self._clock()
            return "AWS", self._known[0]

    def _ask(self) -> Secret:
        from toolkit.clouds.aws import clients_for, translated

        with translated("asking ECR for a login"):
            answer = clients_for(self._cloud).client("ecr").get_authorization_token()
        data = answer["authorizationData"][0]
        _, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        return Secret(password)


class GoogleLogin:
    """`oauth2accesstoken` and an access token of whoever runs `al`, which lives an hour and is refreshed when it is due.

    https://cloud.google.com/artifact-registry/docs/docker/authentication#token
    """

    def __init__(self, cloud: GcpCloud) -> None:
        self._cloud = cloud

    def __call__(self) -> tuple[str, Secret]:
        from toolkit.clouds.gcp import gcp_clients_for

        return "oauth2accesstoken", gcp_clients_for(self._cloud).token()


_ECR_HOST = re.compile(r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_GOOGLE_HOST = re.compile(r"[a-z0-9-]+-docker\.pkg\.dev|(?:[a-z]+\.)?gcr\.io")


def login_for(host: str, cloud: Cloud | None) -> tuple[Login, bool]:
    """The login for a registry, and whether to send it unasked: of the environment's own cloud, else what
    `docker login` kept."""
    match = _ECR_HOST.fullmatch(host)
    if match and isinstance(cloud, AwsCloud):
        return EcrLogin(replace(cloud, region=match["region"])), True
    if isinstance(cloud, GcpCloud) and _GOOGLE_HOST.fullmatch(host):
        return GoogleLogin(cloud), False
    return lambda: docker_login(host), False


def _docker_config(environ: Mapping[str, str]) -> Path | None:
    """Docker's file, wherever it would be; None for somebody without a home."""
    if given := environ.get("DOCKER_CONFIG"):
        return Path(given) / "config.json"
    try:
        return Path.home() / ".docker" / "config.json"
    except RuntimeError:  # HOME is not set, and the user's number has no name
        return None


def docker_login(
    host: str, *, environ: Mapping[str, str] = os.environ
) -> tuple[str, Secret] | None:
    """What docker's configuration knows of `host`: kept in the file, or by the helper program that it names.

    https://docs.docker.com/reference/cli/docker/login/#credential-stores
    """
    place = _docker_config(environ)
    if place is None or not place.is_file():
        return None
    try:
        config = json.loads(place.read_text())
    except ValueError as error:
        raise CredentialError(
            f"{place} is not JSON", hint="repair it, or run `docker login` again"
        ) from error
    for name in _spellings(host):
        if known := _from_helper(config, name) or _from_file(config, name):
            return known
    return None


def _spellings(host: str) -> tuple[str, ...]:
    """Docker Hub is kept under the address that it had at first."""
    hub = ("https://index.docker.io/v1/", "docker.io") if host.endswith("docker.io") else ()
    return (host, f"https://{host}", *hub)


def _from_file(config: dict[str, Any], name: str) -> tuple[str, Secret] | None:
    kept = config.get("auths", {}).get(name, {}).get("auth")
    if not kept:
        return None
    user, _, password = base64.b64decode(kept).decode().partition(":")
    return user, Secret(password)


def _from_helper(config: dict[str, Any], name: str) -> tuple[str, Secret] | None:
    helper = config.get("credHelpers", {}).get(name) or config.get("credsStore")
    if not helper:
        return None
    try:
        done = subprocess.run(
            [f"docker-credential-{helper}", "get"],
            input=name,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CredentialError(
            f"docker-credential-{helper} did not run",
            hint="install it, or run `docker login` again",
        ) from error
    if done.returncode:
        return None
    answer = json.loads(done.stdout)
    return answer["Username"], Secret(answer["Secret"])
