"""Asks a model's server what a session would ask it, and names what is in the way: `python -m toolkit.llm.probe`.

It runs where the sessions run, in their container too, because only from there it is true.  Asks for one token at most, and
changes nothing.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from toolkit.core.agent import Model
from toolkit.core.errors import AlError
from toolkit.core.secrets import Secret

from .keys import in_header
from .models import address, parse_model
from .names import TABLE
from .parameters import parameters
from .providers import CUSTOM, Provider, provider
from .reach import Failure, Layer, why_not
from .window import window_at

if TYPE_CHECKING:
    import httpx

CONNECT, ANSWER = 5.0, 20.0  # seconds
REPLY = 180.0  # seconds for the first token: a server at home may have to load the model first
_WORDS = [{"role": "user", "content": "Say yes."}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was found.  `models` is empty where the server lists none, `listed` whether the wanted one is among them.

    `window` is in tokens, `seconds` is the time to a reply of one token; None for what was not asked or not said.
    """

    url: str
    model: str
    failure: Failure | None = None
    models: tuple[str, ...] = ()
    listed: bool | None = None
    window: int | None = None
    seconds: float | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Probe":
        known = dict(data)
        failure = known.pop("failure", None)
        broken = Failure(**{**failure, "layer": Layer(failure["layer"])}) if failure else None
        return cls(**{**known, "models": tuple(known["models"])}, failure=broken)


def probe(model: Model, key: Secret | None, *, reply: bool = True) -> Probe:
    """Never raises for what a server does; CredentialError for a key that none could be sent.  `reply`: ask for one token, which of a hosted model costs a little."""
    return asyncio.run(_Probing(model, key).result(reply=reply))


class _Refused(Exception):
    """An answer that ends it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class _At:
    """As window.py wants it."""

    base_url: str | None
    model_name: str


class _Probing:
    """One probe of one model."""

    def __init__(self, model: Model, key: Secret | None) -> None:
        self._model, self._key = model, key
        self._kind: Provider = provider(model.provider)
        url = address(model, self._kind)
        self._ollama = self._kind.name == "ollama"
        self._url = url.removesuffix("/v1") if self._ollama else url
        self._name = TABLE.id_of(self._kind.name, model.model)
        self._wire = model.wire or self._kind.wire

    async def result(self, *, reply: bool) -> Probe:
        import httpx

        found = Probe(url=self._url, model=self._name)
        times = httpx.Timeout(ANSWER, connect=CONNECT)
        async with httpx.AsyncClient(timeout=times, headers=self._headers()) as client:
            try:
                found = self._matched(found, await self._names(client))
                found = replace(found, window=await self._window(client))
                if reply:
                    found = replace(found, seconds=await self._reply(client, found.window))
            except _Refused as refused:
                return replace(found, failure=refused.failure)
            except httpx.TransportError as error:
                return replace(found, failure=await self._broken(error))
        return replace(found, note=self._note(found))

    def _headers(self) -> dict[str, str]:
        """Of a server of one's own as a session sends them: it may look at one place alone."""
        key = in_header(self._key, self._kind.name) if self._key else ""
        version = {"anthropic-version": "2023-06-01"} if self._wire == "anthropic" else {}
        login, prefix = self._model.auth_type == "oauth_token", self._kind.oauth_prefix
        if not key:
            return version
        if prefix and not (login or key.startswith(prefix)):
            return version | {"x-api-key": key}
        return version | {"Authorization": f"Bearer {key}"}

    async def _names(self, client: "httpx.AsyncClient") -> tuple[str, ...]:
        """The models that it lists; none where it lists nothing."""
        answer = await client.get(self._at("/api/tags" if self._ollama else "/models"))
        if answer.status_code == 404 and not self._ollama:
            return ()
        self._check(answer)
        listed = _json(answer).get("models" if self._ollama else "data")
        entries = (
            [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        )
        return tuple(str(one.get("name" if self._ollama else "id")) for one in entries)

    def _matched(self, found: Probe, names: tuple[str, ...]) -> Probe:
        """Raises _Refused where the model is not there for certain."""
        wanted = {self._name, f"{self._name}:latest"} if self._ollama else {self._name}
        listed = bool(wanted & set(names)) if names or self._ollama else None
        if listed is False and self._ollama:
            raise _Refused(self._missing(names))
        return replace(found, models=names, listed=listed)

    async def _window(self, client: "httpx.AsyncClient") -> int | None:
        if not self._kind.keyless:
            return None
        declared = parameters(self._model).window
        at = _At(self._url, self._name)
        return (await window_at(client, self._model, at, declared)).tokens

    async def _reply(self, client: "httpx.AsyncClient", window: int | None) -> float:
        """Seconds to a whole reply of one token."""
        path, body = self._question(window)
        began = time.monotonic()
        answer = await client.post(self._at(path), json=body, timeout=REPLY)
        if answer.status_code == 404:
            raise _Refused(self._missing((), answer.text))
        self._check(answer)
        return round(time.monotonic() - began, 3)

    def _question(self, window: int | None) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"model": self._name, "messages": _WORDS, "stream": False}
        if (
            self._ollama
        ):  # with the window of the sessions, or it would load the model anew for them
            return "/api/chat", body | {"options": {"num_predict": 1, "num_ctx": window}}
        if self._wire == "anthropic":
            return "/messages", body | {"max_tokens": 1}
        limit = "max_completion_tokens" if self._kind.api == "openai" else "max_tokens"
        return "/chat/completions", body | {limit: 1}

    def _at(self, path: str) -> str:
        version = "/v1" if self._wire == "anthropic" else ""
        return f"{self._url}{version}{path}"

    def _check(self, answer: "httpx.Response") -> None:
        """Raises _Refused for what is no good answer."""
        status, said = answer.status_code, _said(answer)
        if status in (401, 403):
            words = f"{self._url} refuses the key (HTTP {status}{said})"
            raise _Refused(Failure(layer=Layer.KEY, message=words, remedy=self._about_key()))
        if status != 200:
            words = f"{self._url} answers HTTP {status}{said}"
            remedy = "see the server's log; the address may be that of something else"
            raise _Refused(Failure(layer=Layer.HTTP, message=words, remedy=remedy))
        if not isinstance(_json(answer), dict) or not _json(answer):
            words = f"{answer.url} answers with something that is no JSON object"
            remedy = "correct the address: that is no model's server"
            raise _Refused(Failure(layer=Layer.HTTP, message=words, remedy=remedy))

    def _about_key(self) -> str:
        name = self._kind.name if self._kind.name != CUSTOM else "the server"
        return f"`al creds add {self._kind.stored_key}` with a key of {name}, then push"

    def _missing(self, names: tuple[str, ...], said: str = "") -> Failure:
        words = f"{self._url} has no model {self._name}"
        has = f"; it has {', '.join(names)}" if names else ""
        remedy = f"`al llm pull {self._name}`" if self._ollama else "correct the model's name"
        return Failure(
            layer=Layer.MODEL, message=f"{words}{has}", remedy=f"{remedy}, or name one that it has"
        )

    async def _broken(self, error: Exception) -> Failure:
        """No answer: the layer that is in the way; else what the library says."""
        if failure := await asyncio.to_thread(why_not, self._url):
            return failure
        text = str(error) or type(error).__name__
        slow = "timeout" in type(error).__name__.lower()
        return Failure(
            layer=Layer.TIMEOUT if slow else Layer.HTTP,
            message=f"{self._url} takes the connection and does not answer ({text})",
            remedy="see the server's log: it may be loading a model, or be at work for somebody else",
        )

    def _note(self, found: Probe) -> str:
        if found.listed is False:
            return f"it lists no {found.model}, but {', '.join(found.models)}, and answers all the same"
        return ""


def _json(answer: "httpx.Response") -> Mapping[str, Any]:
    try:
        data = answer.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _said(answer: "httpx.Response") -> str:
    """The server's own words, the beginning of them."""
    error = _json(answer).get("error")
    text = error.get("message") if isinstance(error, dict) else error
    return f": {' '.join(str(text).split())[:200]}" if text else ""


def main() -> int:
    """`{"models": [...], "reply": ...}` on stdin, the first model with its key as in a run's secret; the finding on stdout,
    both as a line of JSON."""
    asked = json.loads(sys.stdin.readline())
    data = asked["models"][0]
    key = Secret(data["key"]) if data.get("key") else None
    try:
        found = probe(parse_model(data), key, reply=bool(asked["reply"]))
    except AlError as error:
        failure = Failure(layer=Layer.MODEL, message=error.message, remedy=error.hint)
        found = Probe(url="", model=str(data.get("model")), failure=failure)
    sys.stdout.write(json.dumps(found.to_dict()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
