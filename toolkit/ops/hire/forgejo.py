"""Forgejo and Gitea over their REST API (https://forgejo.org/docs/latest/user/api-usage/; Gitea's is the same here).

Tokens are made with the account's own password: the API takes no token for that.  No answer's text gets into a message,
because one of them holds a new token.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from toolkit.core.errors import AccessDenied, AlError, Conflict, NotFound, Unreachable
from toolkit.core.secrets import Secret

from .forge import SCOPES, Login

if TYPE_CHECKING:
    import ssl

SECONDS = 10.0  # for one answer
MOST_TOKENS = 50  # of one page; the API gives no more (https://codeberg.org/api/swagger)
OF_ADMIN = "the administrator's token needs write:admin and write:repository"
OF_ACCOUNT = "the account's password was changed there: hire the agent again, which sets a new one"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Forgejo:
    """`admin` is the Authorization header of an administrator."""

    def __init__(self, url: str, admin: Secret, *, seconds: float = SECONDS) -> None:
        self.url = url.rstrip("/")
        self._admin = admin
        self._seconds = seconds

    def check(self) -> None:
        status, _ = self._call("GET", "/admin/users?limit=1", self._as_admin)
        if status != 200:
            raise AccessDenied(
                f"{self.url} does not take this administrator (HTTP {status})",
                hint="give the token of an administrator, with the scope write:admin",
            )

    def email(self, user: str) -> str | None:
        status, found = self._call("GET", f"/users/{quote(user)}", self._as_admin)
        if status == 404:
            return None
        self._expect(status, 200, f"looking for the account {user}")
        return str(found.get("email", ""))

    def create(self, user: str, email: str, password: Secret) -> None:
        about = {"username": user, "email": email, "password": password.reveal()}
        body = about | {"must_change_password": False, "send_notify": False}
        status, _ = self._call("POST", "/admin/users", self._as_admin, body)
        self._expect(status, 201, f"making the account {user}")

    def set_password(self, user: str, password: Secret) -> None:
        """`login_name` and `source_id` are required by Gitea, also where they do not change."""
        login = {"login_name": user, "source_id": 0, "must_change_password": False}
        body = login | {"password": password.reveal()}
        status, _ = self._call("PATCH", f"/admin/users/{quote(user)}", self._as_admin, body)
        self._expect(status, 200, f"giving {user} a new password")

    def find(self, repo: str) -> None:
        status, _ = self._call("GET", f"/repos/{quote(repo)}", self._as_admin)
        if status == 404:
            raise self._no_repository(repo)
        self._expect(status, 200, f"looking for {repo}")

    def admit(self, repo: str, user: str) -> None:
        path = f"/repos/{quote(repo)}/collaborators/{quote(user)}"
        status, _ = self._call("PUT", path, self._as_admin, {"permission": "write"})
        if status == 404:
            raise self._no_repository(repo)
        self._expect(status, 204, f"letting {user} write to {repo}")

    def takes(self, login: Login) -> bool:
        status, found = self._call("GET", "/user", login.header)
        if status == 401:
            return False
        self._expect(status, 200, f"trying the password of {login.user}")
        return str(found.get("login", "")).lower() == login.user.lower()

    def owner(self, token: Secret) -> str | None:
        status, found = self._call("GET", "/user", f"token {token.reveal()}")
        if status == 401:
            return None
        self._expect(status, 200, "asking whose the new token is")
        return str(found.get("login"))

    def mint(self, login: Login, name: str) -> Secret:
        body = {"name": name, "scopes": list(SCOPES)}
        status, found = self._call("POST", self._tokens(login), login.header, body)
        self._expect(status, 201, f"making a token for {login.user}", denied=OF_ACCOUNT)
        return Secret(str(found["sha1"]))

    def tokens(self, login: Login) -> Sequence[str]:
        """Page by page, until one has nothing new: how many a page holds is the server's affair."""
        known: dict[str, None] = {}
        for page in count(1):
            path = f"{self._tokens(login)}?limit={MOST_TOKENS}&page={page}"
            status, found = self._call("GET", path, login.header)
            self._expect(status, 200, f"listing the tokens of {login.user}", denied=OF_ACCOUNT)
            more = dict.fromkeys(str(one["name"]) for one in found.get("list", ()))
            if more.keys() <= known.keys():
                break
            known |= more
        return list(known)

    def revoke(self, login: Login, name: str) -> None:
        status, _ = self._call("DELETE", f"{self._tokens(login)}/{quote(name)}", login.header)
        if status != 404:
            doing = f"revoking the token {name} of {login.user}"
            self._expect(status, 204, doing, denied=OF_ACCOUNT)

    def _no_repository(self, repo: str) -> NotFound:
        return NotFound(
            f"{self.url} has no repository {repo} that the administrator sees (HTTP 404)",
            hint="correct [forge] repo in config.toml, and hire again",
        )

    @property
    def _as_admin(self) -> str:
        return self._admin.reveal()

    def _tokens(self, login: Login) -> str:
        return f"/users/{quote(login.user)}/tokens"

    def _call(
        self, method: str, path: str, authorization: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        """Status and answer; an array is under `list`.  Raises Unreachable."""
        import httpx

        local = urlsplit(self.url).hostname in LOOPBACK
        try:
            answer = httpx.request(
                method,
                f"{self.url}/api/v1{path}",
                headers={"Authorization": authorization},
                json=body,
                timeout=self._seconds,
                verify=_trust(),
                trust_env=not local,  # a proxy does not know this machine's loopback
            )
        except httpx.HTTPError as error:
            raise Unreachable(
                f"the forge at {self.url} does not answer ({type(error).__name__})",
                hint="check [forge] url in config.toml, and that the forge runs; then hire again",
            ) from None  # the cause holds the request's headers
        return answer.status_code, _plain(answer)

    def _expect(self, status: int, wanted: int, doing: str, *, denied: str = OF_ADMIN) -> None:
        if status == wanted:
            return
        words = f"{doing} at {self.url} was refused (HTTP {status})"
        if status in (401, 403):
            raise AccessDenied(words, hint=denied)
        if status in (409, 422):
            raise Conflict(words, hint="look at the account's page at the forge, and hire again")
        raise AlError(words, hint="look at the forge's log, and hire again: what is done is kept")


@cache
def _trust() -> "ssl.SSLContext":
    """Whom we trust, read once: it costs more than a call."""
    import httpx

    return httpx.create_ssl_context()


def _plain(answer: Any) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {"list": found}
