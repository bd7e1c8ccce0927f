"""How a gateway listens, wherever it does: uvicorn's settings.  uvicorn is loaded only by who listens."""

import sys
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp

if TYPE_CHECKING:
    import uvicorn


def configured(app: ASGIApp, *, ending: float, **more: Any) -> "uvicorn.Config":
    """`ending` seconds are for answers under way when it ends; `more` are further settings of uvicorn's."""
    import uvicorn

    return uvicorn.Config(
        app,
        http=_protocol(),
        log_config=None,  # ours is there already
        access_log=False,  # it would have the query in it
        server_header=False,
        proxy_headers=False,  # uvicorn would believe every process on this machine; rates.py asks the configuration
        timeout_graceful_shutdown=int(ending),
        **more,
    )


def _protocol() -> Any:
    if sys.platform == "win32":  # without httptools, on which the bounds are built
        return "auto"
    from .connections import bounded

    return bounded()
