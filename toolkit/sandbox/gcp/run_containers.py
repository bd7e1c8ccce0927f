"""What a task's or a service's container gets of its template: command, variables and volumes, secrets included.

https://cloud.google.com/run/docs/container-contract.  A secret in a variable is read when the container starts, and keeps
it from starting when it cannot be read; one in a volume is a file that is not there then
(https://cloud.google.com/run/docs/configuring/jobs/secrets).
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from google.cloud import run_v2

from toolkit.sandbox.container import Wish

from .refusals import Refused, denied
from .run_access import ACCESS, read_secret

if TYPE_CHECKING:
    from .cloud import Google


def wish(google: "Google", template: Any, variables: Mapping[str, str]) -> Wish:
    """Of the first container: the sandbox runs no others.  `variables` are the platform's.  Raises Refused."""
    container = template.containers[0]
    own = dict(_variables(google, container, template.service_account))
    return Wish(
        env=own | dict(variables),
        entrypoint=list(container.command) or None,
        command=list(container.args) or None,
        workdir=container.working_dir or None,
        mounts=[mount.mount_path for mount in container.volume_mounts],
        files=dict(_files(google, container, template)),
    )


def _variables(
    google: "Google", container: run_v2.Container, email: str
) -> Iterator[tuple[str, str]]:
    for variable in container.env:
        reference = variable.value_source.secret_key_ref
        if not reference.secret:
            yield variable.name, variable.value
            continue
        if google.settings.start_failure == "secret":
            raise denied(ACCESS, reference.secret)
        yield (
            variable.name,
            read_secret(google, email, reference.secret, reference.version).decode(),
        )


def _files(
    google: "Google", container: run_v2.Container, template: Any
) -> Iterator[tuple[str, bytes]]:
    """The files of the secrets' volumes, by their paths in the container."""
    volumes = {volume.name: volume for volume in template.volumes if "secret" in volume}
    for mount in container.volume_mounts:
        if mount.name not in volumes:
            continue
        source = volumes[mount.name].secret
        for item in _items(source):
            with suppress(Refused):  # it is fetched when it is read: the program finds no file
                data = read_secret(google, template.service_account, source.secret, item.version)
                yield f"{mount.mount_path}/{item.path}", data


def _items(source: run_v2.SecretVolumeSource) -> list[run_v2.VersionToPath]:
    """Without items the newest version is at the secret's own name."""
    name = source.secret.rpartition("/")[2]
    return list(source.items) or [run_v2.VersionToPath(path=name, version="latest")]
