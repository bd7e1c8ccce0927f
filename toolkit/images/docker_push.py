"""Images that a Docker daemon builds for an environment's registry, and pushes there.

The login is handed to the daemon with each request, and kept nowhere.
"""

import io
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

from toolkit.clouds.docker_errors import translated
from toolkit.core.errors import AlError
from toolkit.core.ports import Context

from .homes import Home, home_of
from .order import Note, Order

_SPOKEN = 25  # lines of a failed build that are worth reading
_MOST = 300  # characters of one of them


def push(client: Any, context: Context, order: Order, note: Note) -> None:
    """Raises AlError with the last lines of what went wrong, Unreachable without a daemon."""
    home = home_of(context.environment)
    place = f"{home.address or home.host}/{home.path(order.repository)}"
    login = _logged_in(client, home)
    note(f"building {order.name}")
    with translated(f"building {order.name}"):
        steps = client.build(
            fileobj=packed(order),
            custom_context=True,
            tag=f"{place}:{order.tag}",
            labels=context.names.tags(),
            platform=order.platform,
            pull=bool(login),  # a base of our registry; one of this machine alone cannot be pulled
            rm=True,
            forcerm=True,
            decode=True,
        )
        _followed(order, steps, note, "correct the Dockerfile, and push again")
    note(f"pushing {order.name}")
    with translated(f"pushing {order.name}"):
        steps = client.push(place, tag=order.tag, stream=True, decode=True, auth_config=login)
        _followed(order, steps, None, "look whether this machine reaches the registry")


def packed(order: Order) -> io.BytesIO:
    """What the builder sees, as a tar."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, file in sorted(order.parts.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(file.data), file.mode
            archive.addfile(info, io.BytesIO(file.data))
    made.seek(0)
    return made


def _logged_in(client: Any, home: Home) -> dict[str, str] | None:
    """What pushes are sent with; the client remembers it for what builds pull."""
    if home.address or (known := home.login()) is None:
        return None
    user, password = known[0], known[1].reveal()  # the daemon is who logs in
    with translated(f"logging in to {home.host}"):
        client.login(username=user, password=password, registry=home.host)
    return {"username": user, "password": password, "serveraddress": home.host}


def _followed(
    order: Order, steps: Iterable[Mapping[str, Any]], note: Note | None, hint: str
) -> None:
    """To their end, also behind an error: else the connection stays open."""
    said, error = list[str](), ""
    for step in steps:
        for line in filter(str.strip, str(step.get("stream") or "").splitlines()):
            said.append(line[:_MOST])
            if note:
                note(f"{order.name}: {line[:_MOST]}")
        error = str(step.get("error") or error)[:_MOST]
    if error:
        last = "\n".join([*said[-_SPOKEN:], error])
        raise AlError(f"the image of {order.name} could not be made:\n{last}", hint=hint)
