"""From merged tables to a schema's instance; what pydantic refuses becomes findings in our words.

A value that is refused is left out and the rest is still read, so that one mistake does not hide another.
"""

from copy import deepcopy
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .origin import DEFAULT, Layer, Merged, Path, dotted
from .problems import Findings, nearest
from .section import Section

S = TypeVar("S", bound=Section)

_WORDS = {
    "missing": ("is required", "add it"),
    "int_type": ("must be a whole number", "write a number without quotes or fraction"),
    "int_from_float": ("must be a whole number", "write a number without a fraction"),
    "float_type": ("must be a number", "write a number without quotes"),
    "bool_type": ("must be true or false", "write true or false, without quotes"),
    "string_type": ("must be text", "put it in quotes"),
    "string_too_short": ("must not be empty", "give it a value, or remove the line"),
    "too_short": ("must not be empty", "give it a value, or remove the line"),
    "tuple_type": ("must be a list", 'write it like ["one", "two"]'),
    "mapping_type": ("must be a table", "write it as a table, with keys of its own"),
    "dict_type": ("must be a table", "write it as a table, with keys of its own"),
    "model_type": ("must be a table", "write it as a table, with keys of its own"),
    "model_attributes_type": ("must be a table", "write it as a table, with keys of its own"),
    "string_pattern_mismatch": ("has the wrong form", "it must begin with '/'"),
}


def validated(section: type[S], merged: Merged, findings: Findings) -> S:
    """The instance that `merged` describes, without what had to be refused."""
    values = deepcopy(merged.values)
    refused: set[Path] = set()
    while True:
        try:
            return section.model_validate(values)
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                if fault["loc"] not in refused:  # else it is missing only because it was refused
                    _report(fault, merged, findings)
                refused.add(fault["loc"])
                _drop(values, fault["loc"], whole=fault["type"] == "missing")


def _report(fault: ErrorDetails, merged: Merged, findings: Findings) -> None:
    layer = merged.layer_of(fault["loc"]) or Layer(name=DEFAULT, values={})
    message, remedy = _worded(fault)
    findings.error(layer.name, dotted((*layer.prefix, *fault["loc"])), message, remedy)


def _worded(fault: ErrorDetails) -> tuple[str, str]:
    context = fault.get("ctx", {})
    match fault["type"]:
        case "al":
            return context["words"], context["remedy"]
        case "literal_error":
            choices = [choice.strip("'") for choice in _choices(context["expected"])]
            given = str(fault["input"])
            return f"{given!r} is not one of its values", nearest(given, choices)
        case "greater_than_equal":
            return f"must be at least {context['ge']}", "write a larger number"
        case "less_than_equal":
            return f"must be at most {context['le']}", "write a smaller number"
    return _WORDS.get(fault["type"], (fault["msg"], "see the reference of the configuration"))


def _choices(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").split(", ")


def _drop(values: dict[str, Any], path: Path, *, whole: bool) -> None:
    """Remove what is at `path`, or, with `whole`, the table that lacks it; inside an array, the whole array."""
    keys = list(path[:-1] if whole else path)
    table = values
    for at, key in enumerate(keys):
        inner = table.get(str(key))
        last = at == len(keys) - 1
        if last or not isinstance(inner, dict):
            table.pop(str(key), None)
            return
        table = inner
