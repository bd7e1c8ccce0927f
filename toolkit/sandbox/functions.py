"""Lambda's control plane where moto's is not enough: images, versions, settings that moto forgets, states.

moto keeps the functions.  What is added to its objects begins with `al_`.  Invoking is in invoking.py, URLs in
urls.py.
"""

import copy
import json
import uuid
from collections.abc import Mapping
from typing import Any

from moto.awslambda.models import ImageConfig

from toolkit.core.errors import NotFound

from .calls import Answer, Call, Refusal
from .handlers import Ask, Handler
from .host import Host
from .lambda_host import FunctionVersion
from .roles import LAMBDA

_PUBLISHED = ("code", "environment_vars", "al_configuration")
_COMPARED = [
    "al_image",
    "code_sha_256",
    "role",
    "timeout",
    "memory_size",
    "environment_vars",
    "ephemeral_storage",
    "handler",
    "description",
    "architectures",
]


class Functions:
    """Functions and their versions, as one cloud has them."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._pending: dict[str, int] = {}  # function -> calls that still answer "not yet"
        self._new: set[str] = set()  # of those, what was never active

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        own = {
            "CreateFunction": self.create,
            "UpdateFunctionCode": self.update_code,
            "UpdateFunctionConfiguration": self.update_configuration,
            "PublishVersion": self.publish,
            "GetFunction": self.look,
            "GetFunctionConfiguration": self.look,
        }
        return {("lambda", name): handler for name, handler in own.items()}

    def find(
        self, name: str, qualifier: str | None, region: str | None = None
    ) -> FunctionVersion | None:
        """What an invocation would run; None for a function that is no image.  Raises moto's error when unknown."""
        with self._host.cloud.backend("lambda", region) as backend:
            function = backend.get_function(name, qualifier)
            if function.package_type != "Image":
                return None
            config = function.image_config
            logging = function.al_configuration["LoggingConfig"]
            return FunctionVersion(
                name=function.function_name,
                version=str(function.version),
                arn=function.function_arn,
                image=function.al_image,
                role=function.role,
                timeout=function.timeout,
                memory=function.memory_size,
                log_group=logging["LogGroup"],
                log_format=logging["LogFormat"],
                env=dict(function.environment_vars),
                entrypoint=tuple(config.entry_point) or None,
                command=tuple(config.cmd) or None,
                workdir=config.working_directory,
            )

    def aliased(self, name: str, version: str, region: str) -> bool:
        """Whether an alias points to this version."""
        with self._host.cloud.backend("lambda", region) as backend:
            backend.get_function(name)
            return any(alias.function_version == version for alias in backend.list_aliases(name))

    def check_active(self, name: str) -> None:
        """Raises Refusal while a new or changed function is not ready."""
        if self._pending.get(name, 0) > 0:
            new = name in self._new
            self._count(name)
            raise Refusal(
                "ResourceConflictException",
                "The operation cannot be performed at this time. "
                + (
                    "The function is currently in the following state: Pending"
                    if new
                    else f"An update is in progress for resource: {name}"
                ),
                409,
            )

    def check_image(self, function: FunctionVersion) -> None:
        """Raises Refusal when the image is gone
        (https://docs.aws.amazon.com/lambda/latest/dg/invocation-images.html)."""
        try:
            self._host.images.resolve(function.image)
        except NotFound as error:
            raise Refusal(
                "ResourceConflictException",
                "The operation cannot be performed at this time. The function is currently in the following state: "
                "Failed",
                409,
            ) from error

    # operations

    def create(self, call: Call, ask: Ask) -> Answer:
        asked = json.loads(call.raw)
        self._check_role(asked["Role"])
        image = self._resolved(asked.get("Code") or {})
        publish = asked.pop("Publish", False)
        answer = _asked(call, asked, ask)
        if not answer.ok:
            return answer
        with self._host.cloud.backend("lambda", call.region) as backend:
            function = backend.get_function(asked["FunctionName"].rpartition(":")[2])
            self._dress(function, asked, image)
            name = function.function_name
            self._pending[name] = self._host.settings().pending_calls
            self._new.add(name)
            version = _publish(backend, name) if publish else function
            return answer.replaced(self._state(version.get_configuration(on_create=True), name))

    def update_code(self, call: Call, ask: Ask) -> Answer:
        asked = json.loads(call.raw)
        publish = asked.pop("Publish", False)
        image = self._resolved(asked)
        function = self._changing(call)
        answer = _asked(call, asked, ask)
        if not answer.ok:
            return answer
        with self._host.cloud.backend("lambda", call.region) as backend:
            function.al_image = image or getattr(function, "al_image", "")
            # moto leaves them as they were made; every image runs on this machine's processor, whatever they say
            function.architectures = asked.get("Architectures", function.architectures)
            function.al_configuration["CodeSha256"] = function.al_image.rpartition(":")[2]
            version = _publish(backend, function.function_name) if publish else function
            return answer.replaced(self._state(version.get_configuration(), function.function_name))

    def update_configuration(self, call: Call, ask: Ask) -> Answer:
        asked = json.loads(call.raw)
        if "Role" in asked:
            self._check_role(asked["Role"])
        function = self._changing(call)
        answer = ask()
        if not answer.ok:
            return answer
        with self._host.cloud.lock:
            self._dress(function, asked, function.al_image)
            return answer.replaced(
                self._state(function.get_configuration(), function.function_name)
            )

    def publish(self, call: Call, _: Ask) -> Answer:
        """Nothing new since the last version: that version again (API reference, PublishVersion)."""
        function = self._changing(call, counts=False)
        with self._host.cloud.backend("lambda", call.region) as backend:
            version = _publish(backend, function.function_name, call.parameters.get("Description"))
            configuration = {k: v for k, v in version.get_configuration().items() if v is not None}
        return Answer(
            status=201,
            headers=(("Content-Type", "application/json"),),
            body=json.dumps(configuration).encode(),
        )

    def look(self, call: Call, ask: Ask) -> Answer:
        """moto's answer, with the state that the settings want to be seen."""
        answer = ask()
        if not answer.ok:
            return answer
        found = answer.json()
        nested = "Configuration" in found
        configuration = found["Configuration"] if nested else found
        name = configuration["FunctionName"]
        seen = self._state(configuration, name)
        self._count(name)
        return answer.replaced({**found, "Configuration": seen} if nested else seen)

    def _count(self, name: str) -> None:
        """One more call has seen the function; it is Active when there were enough."""
        self._pending[name] = max(0, self._pending.get(name, 0) - 1)
        if not self._pending[name]:
            self._new.discard(name)

    # parts

    def _changing(self, call: Call, *, counts: bool = True) -> Any:
        with self._host.cloud.backend("lambda", call.region) as backend:
            function = backend.get_function(call.parameters["FunctionName"])
            function = backend.get_function(function.function_name)
        self.check_active(function.function_name)
        if counts:
            self._new.discard(function.function_name)
            self._pending[function.function_name] = self._host.settings().pending_calls
        return function

    def _check_role(self, role: str) -> None:
        if not self._host.roles.trusts(role, LAMBDA):
            raise Refusal(
                "InvalidParameterValueException",
                "The role defined for the function cannot be assumed by Lambda.",
                400,
            )

    def _resolved(self, code: Mapping[str, Any]) -> str:
        """The image with its digest, so that a later push to a tag changes nothing (API reference, FunctionCode)."""
        image: str = code.get("ImageUri", "")
        if not image:
            return ""
        return f"{image.partition('@')[0]}@{self._host.images.resolve(image)}"

    def _dress(self, function: Any, asked: Mapping[str, Any], image: str) -> None:
        """Give moto's object what moto leaves out."""
        function.al_image = image
        known = getattr(function, "al_configuration", {})
        default = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.function_name}"}
        logging = {**known.get("LoggingConfig", default), **(asked.get("LoggingConfig") or {})}
        function.al_configuration = {
            **known,
            "LoggingConfig": logging,
            "RevisionId": str(uuid.uuid4()),
            **({"CodeSha256": image.rpartition(":")[2]} if image else {}),
        }
        if "ImageConfig" in asked:
            function.image_config = ImageConfig(asked["ImageConfig"])
        if "EphemeralStorage" in asked:
            function.ephemeral_storage = asked["EphemeralStorage"]["Size"]

    def _state(self, configuration: dict[str, Any], name: str) -> dict[str, Any]:
        if self._pending.get(name, 0) > 0:
            new = {"State": "Pending", "StateReasonCode": "Creating"}
            return configuration | (
                new if name in self._new else {"LastUpdateStatus": "InProgress"}
            )
        return configuration


def _asked(call: Call, body: Mapping[str, Any], ask: Ask) -> Answer:
    """moto's answer to the call with another body."""
    call.resend(body)
    return ask()


def _publish(backend: Any, name: str, description: str | None = None) -> Any:
    """A version of its own: moto's would share the code with `$LATEST`, and reuse the numbers of deleted ones."""
    storage = backend._lambdas  # noqa: SLF001 - moto has no other way in
    group = storage._functions[name]  # noqa: SLF001
    latest, versions = group["latest"], group["versions"]
    if versions and _fingerprint(versions[-1]) == _fingerprint(latest):
        return versions[-1]
    latest.al_last = max(getattr(latest, "al_last", 0), len(versions)) + 1
    version = copy.copy(latest)
    for attribute in _PUBLISHED:
        setattr(version, attribute, copy.deepcopy(getattr(latest, attribute)))
    version.event_invoke_config = []
    version.set_version(latest.al_last)
    version.description = description or latest.description
    versions.append(version)
    storage._arns[version.function_arn] = version  # noqa: SLF001
    return version


def _fingerprint(function: Any) -> str:
    values = {name: getattr(function, name, None) for name in _COMPARED}
    logging = function.al_configuration.get("LoggingConfig")
    return json.dumps(
        [values, function.image_config.response(), logging], default=str, sort_keys=True
    )
