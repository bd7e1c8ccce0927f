"""The kinds of value that settings have: each parsed once, refused with a remedy.

A parser raises ConfigError; `parsed` makes a pydantic type of it that keeps the remedy.
"""

import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from toolkit.core import registry
from toolkit.core.agent import CredentialRef
from toolkit.core.errors import ConfigError
from toolkit.core.units import parse_cpus, parse_memory

from .environment_name import check_environment_name
from .problems import nearest
from .schedule import check_schedule, check_timezone

ROLE = r"[a-z]([a-z0-9]|-[a-z0-9])*"


def parsed(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`parse` as a validator: its ConfigError becomes a finding with the same words and remedy."""

    def validate(value: Any) -> Any:
        try:
            return parse(value)
        except ConfigError as error:
            context = {"words": error.message, "remedy": error.hint}
            raise PydanticCustomError("al", "{words}", context) from error

    return validate


def _credential(text: str) -> str:
    ref = CredentialRef.parse(text)
    known = registry.names("credential")
    if ref.type not in known:
        raise ConfigError(
            f"no credential type named {ref.type!r}",
            hint=nearest(ref.type, known, otherwise="list the types with `al creds types`"),
        )
    return str(ref)


def _instance(text: str) -> str:
    """The instance alone, or a whole reference (`type:instance`), as both were written."""
    return CredentialRef.parse(text if ":" in text else f"any:{text}").instance


def checked_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{text!r} is not a URL", hint="write it like 'https://example.com'")
    if parts.username or parts.password:
        raise ConfigError("a URL must not hold a password", hint="store it with `al creds add`")
    return text


def _docker_host(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("unix", "ssh", "tcp") or not (parts.hostname or parts.path):
        raise ConfigError(
            f"{text!r} is no address of a Docker daemon",
            hint="write it like 'ssh://user@host' or 'unix:///var/run/docker.sock'",
        )
    if parts.password:
        raise ConfigError("an address must not hold a password", hint="log in with an SSH key")
    return text


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is no address and no network ({error})",
            hint="write it like '10.0.0.7' or '10.0.0.0/8'",
        ) from error


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _memory(value: Any) -> Any:
    return parse_memory(value) if isinstance(value, str | int) and value is not True else value


def _cpus(value: Any) -> Any:
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return parse_cpus(value) if plain else value


def _role(text: str) -> str:
    if not re.fullmatch(ROLE, text):
        raise ConfigError(
            f"{text!r} is no role", hint="use lower-case letters, digits and single inner hyphens"
        )
    return text


def _repo(text: str) -> str:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        raise ConfigError(f"{text!r} is no repository", hint="write it like 'owner/name'")
    return text


def _roles(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Text = Annotated[str, Field(min_length=1)]
TextOrNumber = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], Field(strict=False)]
# one role may stand alone
Roles = Annotated[
    tuple[Annotated[str, AfterValidator(parsed(_role))], ...],
    BeforeValidator(_roles),
    Field(strict=False, min_length=1),
]
Repo = Annotated[str, AfterValidator(parsed(_repo))]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(parsed(_network))], ...], Field(strict=False)
]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
# an hour: a start that is later than that is another schedule
Jitter = Annotated[int, Field(ge=0, le=3600)]
# a week: the longest that any platform runs one task (https://cloud.google.com/run/docs/configuring/task-timeout)
Seconds = Annotated[int, Field(ge=1, le=604_800)]
Port = Annotated[int, Field(ge=1, le=65535)]
# a week, as for `Seconds`: an agent that works less often has a schedule
PollInterval = Annotated[int, Field(ge=1, le=604_800)]
Percent = Annotated[int, Field(ge=1, le=100)]
Dollars = Annotated[float, Field(ge=0)]
Url = Annotated[str, AfterValidator(parsed(checked_url))]
DockerHost = Annotated[str, AfterValidator(parsed(_docker_host))]
Memory = Annotated[int, BeforeValidator(parsed(_memory))]
Cpus = Annotated[float, BeforeValidator(parsed(_cpus))]
Schedule = Annotated[str, AfterValidator(parsed(check_schedule))]
Timezone = Annotated[str, AfterValidator(parsed(check_timezone))]
EnvironmentName = Annotated[str, AfterValidator(parsed(check_environment_name))]
Credential = Annotated[str, AfterValidator(parsed(_credential))]
Credentials = Annotated[tuple[Credential, ...], Field(strict=False)]
Instance = Annotated[str, AfterValidator(parsed(_instance))]
