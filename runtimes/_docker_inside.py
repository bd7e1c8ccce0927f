"""What a run is handed, as it is true inside of a container: this machine is not `localhost` there.  Pure."""

import json
from typing import Any
from urllib.parse import urlsplit

from toolkit.core.secrets import Secret

from ._docker_container import HOST

_HERE = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 - names to look for


def seen_from_inside(secret: Secret) -> Secret:
    """The same, but addresses of this machine: the gateway's, and those of models that are served here."""
    data = json.loads(secret.reveal())
    if not isinstance(data, dict):
        return secret
    data["gateway"] = _address(data.get("gateway"))
    for model in data.get("models") or ():
        model["baseUrl"] = _address(model.get("baseUrl"))
    return Secret(json.dumps(data, separators=(",", ":"), ensure_ascii=False))


def _address(url: Any) -> Any:
    if not isinstance(url, str) or (parts := urlsplit(url)).hostname not in _HERE:
        return url
    port = f":{parts.port}" if parts.port else ""
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return parts._replace(netloc=f"{user}{HOST}{port}").geturl()
