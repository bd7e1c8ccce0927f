"""What the sandbox's manners are: none of the real services' delays and failures unless somebody asks for them.

Read from `<home>/sandbox/settings.json` and `AL_SANDBOX_<NAME>` variables at start, and changed while it runs by
POST /al-sandbox/settings.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from toolkit.core.errors import ConfigError

FAILURES = ("", "capacity", "image", "secret", "network", "refused", "throttled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """Settings of one embedded cloud: fields that are numbers or texts, with defaults."""

    def changed(self, values: Mapping[str, Any]) -> Self:
        """These settings with `values` instead.  Raises ConfigError on an unknown name or a value of a wrong kind."""
        kinds = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        unknown = sorted(set(values) - set(kinds))
        if unknown:
            raise ConfigError(
                f"the sandbox has no setting {unknown[0]!r}", hint=f"known: {', '.join(kinds)}"
            )
        try:
            parsed = {name: kinds[name](value) for name, value in values.items()}
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"a sandbox setting is malformed: {error}", hint="give a number"
            ) from error
        return replace(self, **self.checked(parsed))

    def checked(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values, of the right kinds.  Raises ConfigError when one is not to be had."""
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Manners):
    """Seconds unless said otherwise."""

    start_delay: float = 0.0  # Fargate: between RunTask and the container's start
    ingestion_delay: float = 0.0  # CloudWatch: between a line and its first appearance in an answer
    clock: float = 1.0  # EventBridge: how fast its minutes pass; with 0 rules fire only by POST /al-sandbox/tick
    start_failure: str = (
        ""  # one of FAILURES: every task fails in this way, the last two at RunTask
    )
    duplicate_events: int = 0  # deliveries of an asynchronous Lambda event beyond the first
    retry_seconds: float = (
        60.0  # Lambda: before the first retry of an event; doubled for the second
    )
    pending_calls: int = 0  # Lambda: how often a new function, version or update answers "not yet"
    missing_calls: int = 0  # ECS: how often DescribeTasks answers MISSING for a new task
    creating_calls: int = 0  # DynamoDB: how often a new table answers CREATING
    fresh_role_calls: int = 0  # IAM: how often a new role cannot be assumed yet
    deletion_seconds: float = (
        0.0  # Secrets Manager: how long a forced deletion still holds the name
    )
    page_items: int = (
        0  # logs, tables, secrets: most items of a page; 0 is each service's own limit
    )
    empty_pages: int = 0  # logs, tables: 1 puts an empty page before every page that has something
    init_seconds: float = 10.0  # Lambda: initialisation beyond this is cut and done again
    warm_minutes: float = 3.0  # Lambda: an idle process lives so long
    idle_minutes: float = 30.0  # the sandbox ends after so long without a request or a running task

    def checked(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        if values.get("start_failure", "") not in FAILURES:
            raise ConfigError(
                f"{values['start_failure']!r} is not a way to fail",
                hint=f"use one of: {', '.join(FAILURES[1:])}",
            )
        return values


M = TypeVar("M", bound=Manners)


def load(place: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the file, if there is one, under those of the environment.  Raises ConfigError."""
    return loaded(Settings(), place, environment, "AL_SANDBOX_")


def loaded(defaults: M, place: Path, environment: Mapping[str, str], prefix: str) -> M:
    """`defaults`, changed by the file, and that by the variables that begin with `prefix`.  Raises ConfigError."""
    values: dict[str, Any] = {}
    if place.exists():
        try:
            values = dict(json.loads(place.read_text()))
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"{place} is not a JSON object", hint="correct or delete it"
            ) from error
    for field in fields(defaults):
        text = environment.get(f"{prefix}{field.name.upper()}")
        values |= {field.name: text} if text is not None else {}
    return defaults.changed(values)
