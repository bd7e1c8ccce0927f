"""A daemon as the runtime needs it: its containers, one project's only, and their logs.  Every call is made here."""

import re
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from toolkit.clouds.docker import address, client_of
from toolkit.clouds.docker_errors import translated
from toolkit.core.errors import Conflict, NotFound

from ._docker_log import Line, parsed, whole_lines

_REMOVING = re.compile("removal of container .* is already in progress")


class Daemon:
    """`labels` are those of everything that is ours: what lacks one of them is not seen, stopped or removed."""

    def __init__(self, where: Callable[[], str | None], labels: Mapping[str, str]) -> None:
        self._where = where
        self._labels = dict(labels)

    @cached_property
    def client(self) -> Any:
        made = client_of(address(self._where()))
        weakref.finalize(self, made.close)
        return made

    # containers

    def inspected(self, name: str) -> Mapping[str, Any] | None:
        """A container of ours as ContainerInspect shows it; None when there is none."""
        try:
            with translated(f"looking at the container {name}"):
                found: Mapping[str, Any] = self.client.inspect_container(name)
        except NotFound:
            return None
        return found if self._ours(found["Config"].get("Labels")) else None

    def containers(
        self, status: Sequence[str] = (), *, agent: str | None = None
    ) -> Iterable[Mapping[str, Any]]:
        """Ours, in one call, as ContainerList shows them."""
        labels = {**self._labels, **({"al:agent": agent} if agent else {})}
        filters: dict[str, Any] = {"label": [f"{k}={v}" for k, v in labels.items()]}
        filters |= {"status": list(status)} if status else {}
        with translated("listing containers"):
            found: list[Mapping[str, Any]] = self.client.containers(all=True, filters=filters)
        return found

    def create(self, name: str, body: Mapping[str, Any]) -> str | None:
        """The new container's id; None when there is one of this name already."""
        try:
            with translated(f"making the container {name}"):
                return str(self.client.create_container_from_config(dict(body), name)["Id"])
        except Conflict:
            return None

    def stop(self, name: str, grace: float) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds.  One that is gone, or over, is fine."""
        with suppress(NotFound), translated(f"stopping the container {name}"):
            self.client.stop(name, timeout=max(round(grace), 0))

    def unpause(self, name: str) -> None:
        with suppress(NotFound, Conflict), translated(f"waking the container {name}"):
            self.client.unpause(name)

    def remove(self, name: str) -> None:
        """With its anonymous volumes, running or not.  One that is gone is fine."""
        try:
            with translated(f"removing the container {name}"):
                self.client.remove_container(name, force=True, v=True)
        except (NotFound, Conflict) as error:
            if isinstance(error, Conflict) and not _REMOVING.search(error.message):
                raise

    # logs

    def log(self, name: str, *, since: int = 0) -> Iterator[bytes]:
        """Its lines from the second of `since` (epoch ms) on, with their times, oldest first."""
        more = {"since": since // 1000} if since >= 1000 else {}
        with translated(f"reading the log of {name}"):
            stream = self.client.logs(name, stream=True, follow=False, timestamps=True, **more)
            try:
                yield from whole_lines(stream)
            finally:
                with suppress(UnboundLocalError):  # docker's library cannot end a stream over ssh
                    stream.close()

    def last_lines(self, name: str, count: int) -> list[Line]:
        """At most `count` lines, oldest first."""
        with translated(f"reading the log of {name}"):
            data: bytes = self.client.logs(name, timestamps=True, tail=count)
        return [parsed(raw) for raw in whole_lines([data])]

    # images and networks

    def has_image(self, reference: str) -> bool:
        try:
            with translated(f"looking at the image {reference}"):
                self.client.inspect_image(reference)
        except NotFound:
            return False
        return True

    def images(self, agent: str) -> list[str]:
        """The tags of our images of an agent."""
        labels = {**self._labels, "al:agent": agent}
        filters = {"label": [f"{k}={v}" for k, v in labels.items()]}
        with translated("listing images"):
            found = self.client.images(filters=filters)
        return [tag for image in found for tag in image.get("RepoTags") or ()]

    def remove_image(self, reference: str) -> None:
        """The tag, and what only it held; a container that uses it goes on."""
        with suppress(NotFound), translated(f"removing the image {reference}"):
            self.client.remove_image(reference, force=True)

    def network(self, body: Mapping[str, Any]) -> str:
        """Its name; made when it is not there."""
        name = str(body["name"])
        with translated(f"looking for the network {name}"):
            known = self.client.networks(names=[name])
        if not any(found["Name"] == name for found in known):
            # one that somebody makes at the same moment is as good
            with suppress(Conflict), translated(f"making the network {name}"):
                self.client.create_network(**body, check_duplicate=True)
        return name

    def _ours(self, labels: Mapping[str, str] | None) -> bool:
        return labels is not None and self._labels.items() <= labels.items()


def created_at(container: Mapping[str, Any]) -> datetime:
    """Of ContainerList, which has epoch seconds."""
    return datetime.fromtimestamp(int(container["Created"]), UTC)
