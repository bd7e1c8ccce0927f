"""What a job or service needs from elsewhere: its image, its service account, and the secrets that it names.

https://cloud.google.com/run/docs/configuring/jobs/secrets: secrets are checked when the job is created, as the account that
it will run as.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.core.errors import AlError, NotFound
from toolkit.sandbox.images import ImageReference

from .accounts import Accounts
from .artifact_book import ArtifactBook
from .refusals import Refused, invalid, precondition
from .rpc import Call, Caller
from .run_conditions import Common
from .secrets_state import Secrets, State, Version

if TYPE_CHECKING:
    from .cloud import Google

ACCESS = "secretmanager.versions.access"
_HELP = (
    "The service account used must be granted the 'Secret Manager Secret Accessor' role "
    "(roles/secretmanager.secretAccessor) at the secret, project or higher level."
)


class Problem(NamedTuple):
    """Why a resource does not become ready."""

    code: str
    message: str
    reason: int


def default_account(google: "Google") -> str:
    """Whose rights a job has that names no account: the project's default compute account."""
    return f"{google.number}-compute@developer.gserviceaccount.com"


def check_account(google: "Google", email: str, call: Call) -> None:
    """Raises Refused when the account does not exist, or the caller may not act as it.

    https://cloud.google.com/run/docs/configuring/jobs/service-identity#permissions.
    """
    call.require("iam.serviceAccounts.actAs", f"projects/{google.project}/serviceAccounts/{email}")
    account = google.of(Accounts).by_email.get(email)
    if email != default_account(google) and account is None:
        text = f"Service account {email} does not exist."
        raise invalid("template.service_account", text, message=text)


def problems(google: "Google", template: Any, email: str) -> Iterator[Problem]:
    """Everything that keeps a task's or a revision's template from becoming ready."""
    for container in template.containers:
        yield from image_problems(google, container.image)
    for place, secret, version in secrets_of(template):
        name = secret_name(google, secret)
        found = f"{name}/versions/{version or 'latest'}"
        if not google.access.may(Caller.account(email), ACCESS, found):
            text = f"{place}: Permission denied on secret: {found} for Revision service account {email}. {_HELP}"
            yield Problem("FAILED_PRECONDITION", text, Common.SECRETS_ACCESS_CHECK_FAILED)
        elif not _exists(google, found):
            text = f"{place}: Secret {found} was not found"
            yield Problem("FAILED_PRECONDITION", text, Common.SECRETS_ACCESS_CHECK_FAILED)


def image_problems(google: "Google", image: str) -> Iterator[Problem]:
    """That an image is not there, or has nothing for linux/amd64
    (https://cloud.google.com/run/docs/container-contract#languages)."""
    try:
        place = ImageReference.parse(image)
        storage = google.machine.storage
        digest, text, kind = storage.manifest_text(place.repository, place.reference)
    except AlError:
        yield missing(image)
        return
    book = google.of(ArtifactBook)
    known = book.of_path(place.repository)
    if known is None or known.host != place.host or digest not in book.images.get(known, {}):
        yield missing(image)
        return
    children = json.loads(text).get("manifests")
    platforms = [child.get("platform") or {} for child in children or ()]
    if children is not None and not any(map(_fits, platforms)):
        message = f"Container manifest type '{kind}' must support amd64/linux."
        yield Problem("INVALID_ARGUMENT", message, Common.CONTAINER_MISSING)


def missing(image: str) -> Problem:
    return Problem("NOT_FOUND", f"Image '{image}' not found.", Common.CONTAINER_MISSING)


def fitting(google: "Google", image: str) -> bool:
    """Whether the image's own configuration is of linux/amd64; a single manifest is not looked at before it runs."""
    place = ImageReference.parse(image)
    try:
        _, manifest = google.machine.storage.manifest(place.repository, place.reference)
        if "config" not in manifest:
            return True
        blob = google.machine.storage.blob_path(manifest["config"]["digest"])
        return _fits({"os": "linux", "architecture": "amd64"} | json.loads(blob.read_bytes()))
    except (NotFound, OSError):
        return False


def secrets_of(template: Any) -> Iterator[tuple[str, str, str]]:
    """(where in the template, secret, version) of every variable and volume."""
    for at, container in enumerate(template.containers):
        for number, variable in enumerate(container.env):
            if variable.value_source.secret_key_ref.secret:
                reference = variable.value_source.secret_key_ref
                place = f"template.containers[{at}].env[{number}].value_source.secret_key_ref"
                yield place, reference.secret, reference.version
    for at, volume in enumerate(template.volumes):
        if "secret" in volume:
            versions = [item.version for item in volume.secret.items] or ["latest"]
            for version in versions:
                yield f"template.volumes[{at}].secret", volume.secret.secret, version


def secret_name(google: "Google", secret: str) -> str:
    """The canonical name of a secret that is given by its id or by its whole name."""
    whole = (
        secret if secret.startswith("projects/") else f"projects/{google.project}/secrets/{secret}"
    )
    return google.canonical(whole)


def read_secret(google: "Google", email: str, secret: str, version: str) -> bytes:
    """The payload, as this account.  Raises Refused."""
    name = f"{secret_name(google, secret)}/versions/{version or 'latest'}"
    with google.lock:
        google.access.require(Caller.account(email), ACCESS, name)
        found = _version(google, name)
    if found.data is None or found.about.state != State.ENABLED:
        raise precondition(f"Secret Version [{name}] is in {State(found.about.state).name} state.")
    return found.data


def _version(google: "Google", name: str) -> Version:
    """Raises Refused when there is none."""
    now, delay = google.now(), google.settings.latest_delay
    return google.of(Secrets).version(name, now, latest_delay=delay)


def _exists(google: "Google", name: str) -> bool:
    try:
        _version(google, name)
    except Refused:
        return False
    return True


def _fits(platform: dict[str, Any]) -> bool:
    return (platform.get("os"), platform.get("architecture")) == ("linux", "amd64")
