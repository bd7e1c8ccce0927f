"""What the service models say and botocore does not check: largest sizes, patterns and enumerations.

botocore validates required members, types and the smallest sizes only (its validate.py, `range_check`); the real
services validate the rest, and moto mostly does not.  One check for every call, from the installed models; limits
that the models leave to prose are in refusals.py.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from .calls import Call, Refusal

# How each service calls a parameter that its model forbids (the services' API references, common errors).
_CODES = {
    "ecr": "InvalidParameterException",
    "ecs": "InvalidParameterException",
    "iam": "ValidationError",
    "logs": "InvalidParameterException",
    "sts": "ValidationError",
}
_SHOWN = 256  # characters of a value in a message
_SKIPPED = frozenset({"ec2", "sqs"})  # their models' constraints are not the services'


def check(call: Call) -> None:
    """Raises Refusal for the first member that its shape forbids."""
    shape = call.model.input_shape
    if shape is None or call.service in _SKIPPED:
        return
    for name, value, constraint, hidden in _violations(shape, call.parameters, ""):
        shown = "" if hidden else f" '{str(value)[:_SHOWN]}'"
        raise Refusal(
            _CODES.get(call.service, "ValidationException"),
            f"1 validation error detected: Value{shown} at '{name}' failed to satisfy constraint: {constraint}",
        )


def _violations(shape: Any, value: Any, name: str) -> Iterator[tuple[str, Any, str, bool]]:
    hidden = bool(shape.metadata.get("sensitive"))
    broken = _broken(shape, value)
    if broken:
        yield name, value, broken, hidden
    elif shape.type_name == "structure" and isinstance(value, Mapping):
        for member, inner in value.items():
            if member in shape.members:
                yield from _violations(shape.members[member], inner, _path(name, member))
    elif shape.type_name == "list":
        for at, inner in enumerate(value, 1):
            yield from _violations(shape.member, inner, f"{name}.{at}.member")
    elif shape.type_name == "map":
        for key, inner in value.items():
            yield from _violations(shape.key, key, name)
            yield from _violations(shape.value, inner, f"{name}.{key}.member")


def _path(name: str, member: str) -> str:
    first = member[0].lower() + member[1:]
    return f"{name}.{first}" if name else first


def _broken(shape: Any, value: Any) -> str:
    """The constraint that `value` breaks, in the services' words; empty when none."""
    kind, known = shape.type_name, shape.metadata
    if kind == "string" and isinstance(value, str):
        return _broken_text(known, value)
    if kind in {"list", "map"}:
        return _broken_size(known, len(value))
    if kind in {"integer", "long", "float", "double"} and isinstance(value, (int, float)):
        return _broken_number(known, value)
    return ""


def _broken_text(known: Mapping[str, Any], value: str) -> str:
    if known.get("enum") and value not in known["enum"]:
        return f"Member must satisfy enum value set: [{', '.join(known['enum'])}]"
    if broken := _broken_size(known, len(value)):
        return broken
    pattern = known.get("pattern")
    if pattern and (compiled := _compiled(pattern)) and not compiled.fullmatch(value):
        return f"Member must satisfy regular expression pattern: {pattern}"
    return ""


def _broken_size(known: Mapping[str, Any], size: int) -> str:
    if size > known.get("max", size):
        return f"Member must have length less than or equal to {known['max']}"
    if size < known.get("min", size):
        return f"Member must have length greater than or equal to {known['min']}"
    return ""


def _broken_number(known: Mapping[str, Any], value: float) -> str:
    if value > known.get("max", value):
        return f"Member must have value less than or equal to {known['max']}"
    if value < known.get("min", value):
        return f"Member must have value greater than or equal to {known['min']}"
    return ""


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """None for the few patterns that only Java's expressions can say, such as \\p{L}."""
    try:
        return re.compile(pattern)
    except re.error:
        return None
