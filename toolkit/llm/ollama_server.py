"""An Ollama server as its owner sees it: what is installed, what is loaded, and pulling more.

Pulls only what it is told to.  Conversations are in ollama.py.  https://docs.ollama.com/api/tags, /ps, /pull and /version.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.core.errors import AlError, NotFound, Unreachable
from toolkit.core.secrets import Secret

from .keys import in_header
from .reach import why_not

if TYPE_CHECKING:
    import httpx

HERE_AT_ALL = 2.0  # seconds for a server to say that it is there
ANSWER = 20.0
SILENCE = 120.0  # seconds without a word while it pulls: it says something several times a second
TRIES = 5  # of a pull whose connection breaks; each goes on where the one before stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A model on its disk.  `size` is in bytes."""

    name: str
    size: int = 0
    parameters: str = ""  # such as 7.6B
    modified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model in its memory.  `window` is in tokens, `size` and `on_gpu` in bytes."""

    name: str
    window: int | None = None
    size: int = 0
    on_gpu: int = 0
    until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pull is, in bytes of all parts that it has named so far."""

    status: str
    done: int = 0
    total: int = 0


class OllamaServer:
    """At `url`, without `/v1`."""

    def __init__(self, url: str, key: Secret | None = None) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self._key = key

    def version(self) -> str | None:
        """None when nothing there says that it is Ollama."""
        import httpx

        try:
            with self._client(HERE_AT_ALL) as client:
                answer = client.get("/api/version")
        except httpx.HTTPError:
            return None
        found = _object(answer).get("version") if answer.status_code == 200 else None
        return str(found) if found else None

    def models(self) -> tuple[Installed, ...]:
        """By name.  Raises Unreachable."""
        found = self._listed("/api/tags")
        return tuple(sorted((_installed(one) for one in found), key=lambda one: one.name))

    def loaded(self) -> tuple[Loaded, ...]:
        """Raises Unreachable."""
        return tuple(_loaded(one) for one in self._listed("/api/ps"))

    def pull(self, name: str) -> Iterator[Progress]:
        """Until it is whole.  What is there already is not loaded again, also after an interruption.

        Raises NotFound for a model that there is not, AlError for what the server cannot do, Unreachable when the
        connection breaks again and again."""
        import httpx

        for number in range(TRIES):
            try:
                yield from self._pulled(name)
            except httpx.TransportError as error:
                if number == TRIES - 1:
                    raise self._broke_off(name, error) from error
            else:
                return

    def _pulled(self, name: str) -> Iterator[Progress]:
        parts: dict[str, tuple[int, int]] = {}
        with (
            self._client(SILENCE) as client,
            client.stream("POST", "/api/pull", json={"model": name, "stream": True}) as answer,
        ):
            if answer.status_code != 200:
                answer.read()
                raise self._refused(name, str(_object(answer).get("error") or answer.status_code))
            for line in answer.iter_lines():
                said = _said(line)
                if error := said.get("error"):
                    raise self._refused(name, str(error))
                if digest := said.get("digest"):
                    parts[digest] = int(said.get("completed") or 0), int(said.get("total") or 0)
                done, total = (
                    (sum(column) for column in zip(*parts.values(), strict=True))
                    if parts
                    else (0, 0)
                )
                yield Progress(status=str(said.get("status") or ""), done=done, total=total)

    def _refused(self, name: str, error: str) -> AlError:
        if "manifest" in error or "not found" in error or "does not exist" in error:
            return NotFound(
                f"Ollama knows no model {name} ({error})",
                hint="see https://ollama.com/library for the names",
            )
        return AlError(
            f"the Ollama server at {self.url} could not pull {name}: {error}",
            hint="see its log; `al llm pull` again goes on where it stopped",
        )

    def _broke_off(self, name: str, error: Exception) -> Unreachable:
        return Unreachable(
            f"the connection to {self.url} broke off while {name} was pulled ({type(error).__name__})",
            hint="`al llm pull` again goes on where it stopped",
        )

    def _listed(self, path: str) -> list[Mapping[str, Any]]:
        with self._reached(), self._client(ANSWER) as client:
            answer = client.get(path)
        found = _object(answer).get("models")
        if answer.status_code != 200 or not isinstance(found, list):
            raise Unreachable(
                f"{self.url} is no Ollama server: {path} answers {answer.status_code}",
                hint="correct baseUrl or LLM_BASE_URL, or name the provider 'custom'",
            )
        return [one for one in found if isinstance(one, dict)]

    @contextmanager
    def _reached(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.HTTPError as error:
            failure = why_not(self.url)
            message = failure.message if failure else f"{self.url} does not answer ({error})"
            hint = failure.remedy if failure else "see the server's log"
            raise Unreachable(message, hint=hint) from error

    def _client(self, seconds: float) -> "httpx.Client":
        import httpx

        headers = {"Authorization": f"Bearer {in_header(self._key, 'ollama')}"} if self._key else {}
        return httpx.Client(base_url=self.url, timeout=seconds, headers=headers)


def _said(line: str) -> Mapping[str, Any]:
    """What it says in a line; of what is none of its words, an error."""
    try:
        said = json.loads(line or "{}")
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {"error": f"it answers with {line[:100]!r}"}


def _installed(data: Mapping[str, Any]) -> Installed:
    details = data.get("details") or {}
    return Installed(
        name=str(data.get("name") or ""),
        size=int(data.get("size") or 0),
        parameters=str(details.get("parameter_size") or ""),
        modified=str(data.get("modified_at") or ""),
    )


def _loaded(data: Mapping[str, Any]) -> Loaded:
    return Loaded(
        name=str(data.get("name") or ""),
        window=data.get("context_length"),
        size=int(data.get("size") or 0),
        on_gpu=int(data.get("size_vram") or 0),
        until=str(data.get("expires_at") or ""),
    )


def _object(answer: "httpx.Response") -> Mapping[str, Any]:
    try:
        data = answer.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
