"""Google's JSON APIs over HTTP, as whoever runs `al`: for the few services that no library is installed for.

Proxies, certificates, tokens and quota projects are google.auth's and requests' business.  It must not know what the calls
are for.  Containers ask in gcp_rest.py, without any library.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from toolkit.core.errors import Unreachable

from .gcp_errors import translated
from .gcp_rest import refused

if TYPE_CHECKING:
    from .gcp import GcpClients

TIMEOUT = 30.0  # seconds without a byte


class Http:
    """One API, e.g. `storage.googleapis.com`; in the embedded cloud all are at one address."""

    def __init__(self, clients: "GcpClients", host: str) -> None:
        self._base = clients.cloud.http_endpoint or f"https://{host}"
        self._local = clients.cloud.http_endpoint is not None
        self._clients = clients

    def ask(
        self,
        verb: str,
        path: Sequence[str],
        doing: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The answer's JSON.  `path` is a part after another, each of them quoted, its slashes included.  Raises
        Unreachable (it may have happened there all the same), or what Google refuses."""
        import requests

        target = "/".join((self._base, *(quote(part, safe=":") for part in path)))
        try:
            with translated(doing), self._session() as session:
                answer = session.request(verb, target, params=query, json=body, timeout=TIMEOUT)
        except requests.RequestException as error:
            raise Unreachable(
                f"{doing}: no answer ({type(error).__name__})",
                hint="check the network, and try again",
            ) from error
        if answer.status_code >= 400:
            raise refused(doing, answer.status_code, answer.content)
        return dict(answer.json()) if answer.content.strip() else {}

    def _session(self) -> Any:
        from google.auth.transport.requests import AuthorizedSession

        session = AuthorizedSession(self._clients.credentials)  # type: ignore[no-untyped-call]
        if self._local:  # no proxy stands between this machine and itself
            session.trust_env = False
        return session
