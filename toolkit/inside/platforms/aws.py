"""A run's container on AWS: its item in the state table, and its one secret in Secrets Manager.

Its role allows nothing else (D4).  Over plain HTTP: every run would wait for an SDK to load.
"""

import json
import socket
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from toolkit.clouds.aws_errors import code_of
from toolkit.clouds.aws_keys import RoleKeys
from toolkit.clouds.aws_rest import JsonApi
from toolkit.core.clock import iso, now
from toolkit.core.environment import Scope
from toolkit.core.errors import AlError, CredentialError, NotFound
from toolkit.core.names import Names
from toolkit.core.retry import retrying
from toolkit.core.run import RunId
from toolkit.core.secrets import Secret

T = TypeVar("T")

# "a read right after a write can see the old value":
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
SETTLING = 10.0  # seconds in which a secret that is not there may yet appear
# absent, or in its recovery window
_GONE = ("ResourceNotFoundException", "InvalidRequestException")


class Aws:
    """core.ports.Platform.  `settling` is the patience for a secret that is not to be seen yet, in seconds."""

    def __init__(self, environ: Mapping[str, str], *, settling: float = SETTLING) -> None:
        # AWS_ENDPOINT_URL is set inside the sandbox only
        region, endpoint = environ["AL_REGION"], environ.get("AWS_ENDPOINT_URL", "")
        keys = RoleKeys(environ)
        self._secrets = JsonApi("secretsmanager", region, keys, endpoint=endpoint)
        self._items = JsonApi("dynamodb", region, keys, endpoint=endpoint)
        self._table = environ["AL_TABLE"]
        self._secret = environ["AL_SECRET"]
        scope = Scope(project=environ["AL_PROJECT"], environment=environ["AL_ENVIRONMENT"])
        box = Names(scope).mailbox(RunId.parse(environ["AL_RUN_ID"]))
        self._key = {"pk": {"S": box}, "sk": {"S": "box"}}
        self._claimer = f"{socket.gethostname()}/{uuid.uuid4().hex}"
        self._settling = settling

    def claim(self, where: Mapping[str, str]) -> bool:
        fields = {
            "claimed": {"S": iso(now())},
            "claimer": {"S": self._claimer},
            "where": {"M": {name: {"S": value} for name, value in where.items()}},
        }
        try:
            self._set(
                "claiming the run", fields, ConditionExpression="attribute_not_exists(claimed)"
            )
        except AlError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            # a write whose answer was lost is sent again, and then meets itself
            return self._item().get("claimer") == {"S": self._claimer}
        return True

    def read_secret(self) -> Secret:
        def read() -> Secret:
            asked = {"SecretId": self._secret}
            answer = self._secrets.ask("GetSecretValue", asked, "reading the run's secret")
            return Secret(answer["SecretString"])

        def patient(error: AlError) -> bool:
            return error.temporary or isinstance(error, NotFound)

        try:
            return retrying(read, seconds=self._settling, retry=patient)
        except AlError as error:
            if code_of(error) not in _GONE:
                raise
            raise CredentialError(
                "the run's secret is gone",
                hint="it was deleted or has expired before the run began: start the run again",
            ) from error

    def burn_secret(self) -> None:
        def burn() -> None:
            asked = {"SecretId": self._secret, "ForceDeleteWithoutRecovery": True}
            self._secrets.ask("DeleteSecret", asked, "deleting the run's secret")

        retrying(burn)

    def note(self, **fields: Any) -> None:
        self._set("writing to the run's mailbox", {k: {"S": _text(v)} for k, v in fields.items()})

    def stop_requested(self) -> bool:
        return self._item().get("stop") == {"BOOL": True}

    def _item(self) -> Mapping[str, Any]:
        asked = {
            "TableName": self._table,
            "Key": self._key,
            "ConsistentRead": True,
            "ProjectionExpression": "claimer, #stop",
            "ExpressionAttributeNames": {"#stop": "stop"},
        }
        answer = retrying(lambda: self._items.ask("GetItem", asked, "reading the run's mailbox"))
        found: Mapping[str, Any] = answer.get("Item", {})
        return found

    def _set(self, doing: str, fields: Mapping[str, Any], **more: str) -> None:
        """One UpdateItem; attributes are renamed, since `where`, `read` and `status` are reserved words
        (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html)."""
        asked = {
            "TableName": self._table,
            "Key": self._key,
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in fields),
            "ExpressionAttributeNames": {f"#{name}": name for name in fields},
            "ExpressionAttributeValues": {f":{name}": value for name, value in fields.items()},
            **more,
        }
        retrying(lambda: self._items.ask("UpdateItem", asked, doing))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


PLUGIN: Callable[[Mapping[str, str]], Aws] = Aws
