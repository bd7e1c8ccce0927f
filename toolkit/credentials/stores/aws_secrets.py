"""Secrets in AWS Secrets Manager: an environment's credentials, and its runs' ephemeral secrets.

Names, sizes and what happens around a deletion are checked and waited for here, because AWS refuses or delays
them and emulators do not.  A value is in exactly one parameter of two calls, and in no error.
"""

import hmac
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from toolkit.clouds.aws import clients_for, cloud_of, code_of, tag_list, translated
from toolkit.core.aws_limits import LARGEST_SECRET, secret_name_problem
from toolkit.core.errors import (
    AlError,
    AlreadyExists,
    ConfigError,
    Conflict,
    CredentialError,
    LimitExceeded,
    NotFound,
)
from toolkit.core.ports import Context
from toolkit.core.retry import retrying
from toolkit.core.secrets import Secret, StoredSecret

PREVIOUS = "AWSPREVIOUS"  # the label that PutSecretValue leaves on the value before
LABEL_SECONDS = 20.0  # until a label that was just moved is seen where it is
_NOT_YET = ("InvalidParameterException", "InvalidRequestException", "ResourceNotFoundException")
DELETION_SECONDS = 120.0  # for a forced deletion, which is asynchronous, to free its name


class AwsSecrets:
    """core.ports.Store in the environment's account and region."""

    name = "aws_secrets"

    def __init__(self, context: Context, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._cloud = cloud_of(context.environment)
        self._names = context.names
        self._sleep = sleep

    @property
    def _client(self) -> Any:
        return clients_for(self._cloud).client("secretsmanager")

    def put(self, name: str, value: Secret, *, tags: Mapping[str, str]) -> None:
        """Create it with these tags, or replace the value if it differs: versions are few and never young ones
        removed (API_PutSecretValue).  The old value is let go: see `_retire`.

        Raises LimitExceeded, ConfigError, or Conflict for a secret that is not ours."""
        _check(name, value)
        retrying(
            lambda: self._put(name, value, tags),
            seconds=DELETION_SECONDS,
            retry=lambda error: error.temporary or _being_deleted(error),
            sleep=self._sleep,
        )

    def get(self, name: str) -> Secret | None:
        present = self._present(name)
        return present[1] if present else None

    def _present(self, name: str) -> tuple[str, Secret] | None:
        """The present version's id and value."""
        try:
            with translated(f"reading the secret {name}"):
                answer = self._client.get_secret_value(SecretId=name)
        except AlError as error:
            if isinstance(error, NotFound) or _being_deleted(error):
                return None
            raise
        if "SecretString" not in answer:
            raise CredentialError(
                f"the secret {name} is binary, and a credential is text",
                hint="remove it, and add it again with `al creds add`",
            )
        return answer["VersionId"], Secret(answer["SecretString"])

    def delete(self, name: str) -> None:
        """At once, without the window of days in which its name would stay taken."""
        if not self._of_a_run(name) and self._describe(name, ours=True) is None:
            return
        try:
            with translated(f"deleting the secret {name}"):
                self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except NotFound:
            return

    def exists(self, name: str) -> bool:
        found = self._describe(name)
        return found is not None and "DeletedDate" not in found

    def revive(self, names: Collection[str]) -> tuple[str, ...]:
        """Nobody can make a secret of such a name for 7 to 30 days, but it can be restored (API_DeleteSecret)."""
        doomed = [
            found["Name"]
            for found in self._found(self._names.secrets, IncludePlannedDeletion=True)
            if found["Name"] in names and "DeletedDate" in found and self._owns(found)
        ]
        for name in doomed:
            self._restore(name)
        return tuple(doomed)

    def list(self, prefix: str) -> Iterator[StoredSecret]:
        yield from map(_stored, self._found(prefix))

    def _found(self, prefix: str, **more: Any) -> Iterator[Mapping[str, Any]]:
        # the filter is a search by words; what it finds may begin otherwise
        filters = [{"Key": "name", "Values": [prefix]}] if prefix else []
        pages = self._client.get_paginator("list_secrets").paginate(Filters=filters, **more)
        with translated(f"listing the secrets {prefix}*"):
            for page in pages:
                yield from (s for s in page["SecretList"] if s["Name"].startswith(prefix))

    def _of_a_run(self, name: str) -> bool:
        """A run's secret has a name that nobody had before, so there is nothing to look for or to compare."""
        return name.startswith(f"{self._names.secrets}runs/")

    def _describe(self, name: str, *, ours: bool = False) -> Mapping[str, Any] | None:
        """What there is of that name; with `ours`, raises Conflict when it lacks our tags."""
        try:
            with translated(f"looking at the secret {name}"):
                found: Mapping[str, Any] = self._client.describe_secret(SecretId=name)
        except NotFound:
            return None
        if ours and not self._owns(found):
            raise Conflict(
                f"the secret {name} is not this environment's: it lacks its tags",
                hint="remove or rename that secret, or set another `secretPrefix` for the environment's secrets",
            )
        return found

    def _owns(self, found: Mapping[str, Any]) -> bool:
        # the predecessor's secrets, which legacy names take over, have no tags
        return self._names.scope.legacy_names or self._names.owns(_tags(found))

    def _put(self, name: str, value: Secret, tags: Mapping[str, str]) -> None:
        found = None if self._of_a_run(name) else self._describe(name, ours=True)
        if found is None:
            try:
                return self._create(name, value, tags)
            except AlreadyExists:
                if (found := self._describe(name, ours=True)) is None:
                    raise
        if "DeletedDate" in found:
            self._restore(name)
        return self._replace(name, value, _previous(found))

    def _restore(self, name: str) -> None:
        with translated(f"restoring the secret {name}"):
            self._client.restore_secret(SecretId=name)

    def _create(self, name: str, value: Secret, tags: Mapping[str, str]) -> None:
        with translated(f"creating the secret {name}"):
            self._client.create_secret(
                Name=name, SecretString=value.reveal(), Tags=tag_list(tags, "Key", "Value")
            )

    def _replace(self, name: str, value: Secret, left: tuple[str, ...]) -> None:
        """`left` are versions that a process which died in between has not retired."""
        present = self._present(name)
        if present is None or not hmac.compare_digest(_bytes(present[1]), _bytes(value)):
            with translated(f"setting the secret {name}"):
                self._client.put_secret_value(SecretId=name, SecretString=value.reveal())
            left = (present[0],) if present else ()
        for version in left:
            self._let_go(name, version)

    def _let_go(self, name: str, version: str) -> None:
        """Until the label is where it is seen to be; one that is nowhere was taken by a request whose answer was lost."""
        try:
            retrying(
                partial(self._retire, name, version),
                seconds=LABEL_SECONDS,
                retry=lambda error: error.temporary or code_of(error) in _NOT_YET,
                sleep=self._sleep,
            )
        except AlError as error:
            if code_of(error) not in _NOT_YET or version in _previous(self._describe(name) or {}):
                raise

    def _retire(self, name: str, version: str) -> None:
        """Take the label from the value before the present one: a version without any is deprecated, and the service
        deletes it, though never within 24 hours; until then it can be read by its version's id alone.  Nothing deletes
        one version at once
        (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html,
        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html)."""
        with translated(f"retiring the old value of {name}"):
            self._client.update_secret_version_stage(
                SecretId=name, VersionStage=PREVIOUS, RemoveFromVersionId=version
            )


def _previous(found: Mapping[str, Any]) -> tuple[str, ...]:
    stages = found.get("VersionIdsToStages") or {}
    return tuple(version for version, labels in stages.items() if PREVIOUS in labels)


def _bytes(value: Secret) -> bytes:
    return value.reveal().encode()


def _check(name: str, value: Secret) -> None:
    """Raises ConfigError or LimitExceeded for what AWS would refuse, or lose."""
    if problem := secret_name_problem(name):
        raise ConfigError(
            f"{name!r} cannot be a secret's name in AWS: it {problem}",
            hint="use letters, digits and /_+=.@-, at most 256, and no end like '-abc123'",
        )
    size = len(value.reveal().encode())
    if not 1 <= size <= LARGEST_SECRET:
        raise LimitExceeded(
            f"the value for {name} is {size:,} bytes, and AWS keeps 1 to {LARGEST_SECRET:,}",
            hint="remove the credential instead of emptying it; put large files elsewhere",
        )


def _being_deleted(error: AlError) -> bool:
    """Whether AWS refuses because the secret waits for its end: InvalidRequestException, not NotFound
    (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html)."""
    return code_of(error) == "InvalidRequestException" and "delet" in error.message.lower()


def _tags(found: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}


def _stored(found: Mapping[str, Any]) -> StoredSecret:
    return StoredSecret(name=found["Name"], tags=_tags(found), created=found.get("CreatedDate"))


PLUGIN = AwsSecrets
