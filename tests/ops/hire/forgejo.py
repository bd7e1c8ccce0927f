"""A forge that speaks as much of Forgejo's API as hiring uses, over real HTTP, with its statuses and its rules: tokens
are made with a password alone, an administrator's token is wanted for accounts, and a token is shown once.

`refuse` answers the named call with 500, once or always; `calls` is every call that came, as `METHOD /path`.
"""

import base64
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

ADMIN = "admin-token-0123456789"
PAGE = 3  # tokens of one page, at most, whatever is asked for: an administrator sets that


class ForgeState:
    """What is at the forge."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, dict[str, str]] = {}  # user -> name -> token
        self.admitted: set[tuple[str, str]] = set()
        self.repos = {"acme/app"}
        self.calls: list[str] = []
        self.heard: set[str] = set()  # what callers have shown to be who they are
        self.refuse = ""
        self.url = ""

    def works(self, token: str) -> bool:
        return any(token in held.values() for held in self.tokens.values())

    def takes(self, user: str, password: str) -> bool:
        return user in self.users and self.users[user]["password"] == password


class Handler(BaseHTTPRequestHandler):
    state: ForgeState
    query: dict[str, str]

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        path, _, query = self.path.removeprefix("/api/v1").partition("?")
        self.query = dict(parse_qsl(query))
        call = f"{method} {path}"
        self.state.calls.append(call)
        self.state.heard.add(self.headers.get("Authorization") or "")
        if self.state.refuse and re.match(self.state.refuse, call):
            self._send(500, {"message": "out of order"})
            return
        self._send(*self._routed(method, path, body))

    def _routed(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        match method, parts:
            case _, ["admin", *rest]:
                return self._admin(method, rest, body) if self._is_admin() else (403, {})
            case "GET", ["user"]:
                who = self._who()
                return (200, {"login": who}) if who else (401, {"message": "no"})
            case "GET", ["users", name]:
                known = self.state.users.get(name)
                return (200, {"login": name, "email": known["email"]}) if known else (404, {})
            case _, ["users", name, "tokens", *rest]:
                return self._token(method, name, rest, body)
            case "GET", ["repos", owner, repo]:
                return (200, {}) if f"{owner}/{repo}" in self.state.repos else (404, {})
            case "PUT", ["repos", owner, repo, "collaborators", name]:
                if f"{owner}/{repo}" not in self.state.repos:
                    return 404, {}
                self.state.admitted.add((f"{owner}/{repo}", name))
                return 204, None
        return 404, {}

    def _admin(self, method: str, rest: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        match method, rest:
            case "GET", ["users"]:
                return 200, []
            case "POST", ["users"]:
                if body["username"] in self.state.users:
                    return 422, {"message": "user already exists"}
                self.state.users[body["username"]] = {
                    "email": body["email"],
                    "password": body["password"],
                    "forced": body["must_change_password"],
                }
                return 201, {"login": body["username"]}
            case "PATCH", ["users", name]:
                assert {"login_name", "source_id"} <= body.keys()
                self.state.users[name]["password"] = body["password"]
                return 200, {"login": name}
        return 404, {}

    def _token(
        self, method: str, name: str, rest: list[str], body: dict[str, Any]
    ) -> tuple[int, Any]:
        if self._basic() != name:
            return 401, {"message": "password required"}
        held = self.state.tokens.setdefault(name, {})
        if method == "GET":
            size = min(int(self.query.get("limit", PAGE)), PAGE)
            begin = (int(self.query.get("page", 1)) - 1) * size
            return 200, [{"name": one} for one in held][begin : begin + size]
        if method == "POST":
            assert body["scopes"]
            held[body["name"]] = secrets.token_hex(20)
            return 201, {"name": body["name"], "sha1": held[body["name"]]}
        return (204, None) if held.pop(rest[0], None) else (404, {})

    def _basic(self) -> str | None:
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        if kind != "Basic":
            return None
        user, _, password = base64.b64decode(text).decode().partition(":")
        return user if self.state.takes(user, password) else None

    def _is_admin(self) -> bool:
        return self.headers.get("Authorization") == f"token {ADMIN}"

    def _who(self) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("token ")
        owners = [user for user, held in self.state.tokens.items() if token in held.values()]
        return owners[0] if owners else self._basic()

    def _send(self, status: int, body: Any) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Tests read `calls` instead."""


@contextmanager
def serving() -> Iterator[ForgeState]:
    state = ForgeState()
    handler = type("Bound", (Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
