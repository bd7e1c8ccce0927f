"""The user's credentials on this machine: list, add, remove; values go in and never come out."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from toolkit.core import registry
from toolkit.core.agent import CredentialRef
from toolkit.core.aws_limits import LARGEST_SECRET
from toolkit.core.credential import CredentialType, Field
from toolkit.core.errors import CredentialError, NotFound, UsageError
from toolkit.core.ports import Store
from toolkit.core.secrets import Secret
from toolkit.credentials.resolve import type_of

_JSON_VALUED = "_json"  # a field whose name ends so holds a JSON document
_WHOLE_PEM = re.compile(r"-----BEGIN .*-----END ", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One instance of a credential that is there, and which of its fields."""

    ref: CredentialRef
    label: str
    fields: tuple[str, ...]


def types() -> list[CredentialType]:
    return [type_of(CredentialRef(type=name)) for name in registry.names("credential")]


def reference(text: str) -> CredentialRef:
    """A reference to a type that there is.  Raises UsageError with the types that may be meant."""
    name, known = text.partition(":")[0].strip(), registry.names("credential")
    if name not in known:
        raise UsageError(f"no credential type named {name!r}", hint=_meant(name, known))
    return CredentialRef.parse(text)


def _meant(name: str, known: Sequence[str]) -> str:
    usual = name.lower().replace("-", "_")
    begun = [kind for kind in known if usual and kind.startswith(f"{usual}_")]
    near = begun or get_close_matches(usual, known, n=3)
    if not near:
        return "list the types with `al creds types`"
    return f"did you mean {' or '.join(map(repr, near))}?"


def held(store: Store, *, warn: Callable[[str], None]) -> list[Held]:
    """Everything in the store, by type and instance, without values; `warn` of what is no credential."""
    fields: dict[tuple[str, str], list[str]] = {}
    for stored in store.list(""):
        parts = stored.name.split("/")
        if len(parts) != 3:
            warn(f"{stored.name} is no credential, which is at TYPE/INSTANCE/FIELD: left out")
            continue
        fields.setdefault((parts[0], parts[1]), []).append(parts[2])
    known = registry.names("credential")
    return [
        Held(
            ref=CredentialRef(type=kind, instance=instance),
            label=type_of(CredentialRef(type=kind)).label if kind in known else "",
            fields=tuple(sorted(names)),
        )
        for (kind, instance), names in sorted(fields.items())
    ]


def parse_input(kind: CredentialType, text: str) -> dict[str, Secret]:
    """What came by stdin: a JSON object of fields, or the value itself where the type has one required field.

    Raises UsageError, without any of the text.
    """
    if not text.strip():
        raise UsageError(
            f"nothing came on stdin, and {kind.id} needs {', '.join(kind.required)}",
            hint=f"pipe the value in; in a terminal, `al creds add {kind.id}` asks for it",
        )
    if text.lstrip().startswith("{") and (found := _json_fields(kind, text)) is not None:
        return found
    if len(kind.required) != 1:
        wanted = ", ".join(f.name for f in kind.fields)
        raise UsageError(
            f"{kind.id} has several fields: {wanted}",
            hint='give stdin as JSON: {"field": "value", ...}',
        )
    return {kind.required[0]: Secret(text.strip())}


def _json_fields(kind: CredentialType, text: str) -> dict[str, Secret] | None:
    """The fields that the object holds, or None where the object itself is the value of the one field."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(
            "what came on stdin begins like JSON and is none", hint="check its quotes and commas"
        ) from None  # the cause holds the text
    if _is_document(kind) and kind.required[0] not in values:
        return None
    _known(kind, values)
    if unfit := [
        n for n, v in values.items() if isinstance(v, bool) or not isinstance(v, str | int)
    ]:
        raise UsageError(f"not text: {', '.join(unfit)}", hint="put each value in quotes")
    return {name: Secret(str(value).strip()) for name, value in values.items()}


def _is_document(kind: CredentialType) -> bool:
    return len(kind.required) == 1 and kind.required[0].endswith(_JSON_VALUED)


def _known(kind: CredentialType, names: Mapping[str, object] | Sequence[str]) -> None:
    fields = {f.name for f in kind.fields}
    if strangers := sorted(set(names) - fields):
        raise UsageError(
            f"{kind.id} has no field {', '.join(strangers)}",
            hint=f"its fields: {', '.join(sorted(fields))}",
        )


def add(store: Store, ref: CredentialRef, values: Mapping[str, Secret]) -> tuple[str, ...]:
    """Check offline and keep the values; the names of the fields that were written.

    Raises CredentialError when a required field would be missing or a value cannot be right: nothing is written.
    """
    kind = type_of(ref)
    _known(kind, values)
    given = {name: value for name, value in values.items() if value}
    missing = [f for f in kind.required if f not in given and store.get(_path(ref, f)) is None]
    if missing:
        raise CredentialError(f"{ref} needs {', '.join(missing)}", hint="give every required field")
    if not given:
        raise CredentialError(f"no value was given for {ref}", hint="give at least one field")
    if wrong := _unfit(given) + (kind.check(given) if kind.check else []):
        raise CredentialError(
            f"{ref}: {'; '.join(wrong)}",
            hint=f"see {kind.help_url}" if kind.help_url else "check the value",
        )
    for name, value in given.items():
        store.put(_path(ref, name), value, tags={})
    return tuple(given)


def _unfit(values: Mapping[str, Secret]) -> list[str]:
    """What no type can use: the name of the field and why, never the value."""
    found = ((name, _problem(value.reveal())) for name, value in values.items())
    return [f"{name} {problem}" for name, problem in found if problem]


def _problem(value: str) -> str:
    if "\0" in value:
        return "has a NUL character, which no environment variable can hold"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "is not UTF-8 text"
    if size > LARGEST_SECRET:
        return f"has {size:,} bytes, and {LARGEST_SECRET:,} is the most"
    if ("-----BEGIN " in value or "PRIVATE KEY" in value) and not _WHOLE_PEM.search(value):
        return "is only a part of a key: it needs its BEGIN line and its END line"
    return ""


def remove(store: Store, ref: CredentialRef) -> tuple[str, ...]:
    """Delete every field of the instance.  Raises NotFound when there is none."""
    names = [stored.name for stored in store.list(f"{ref.type}/{ref.instance}/")]
    if not names:
        raise NotFound(f"there is no credential {ref}", hint="list them with `al creds ls`")
    for name in names:
        store.delete(name)
    return tuple(name.rsplit("/", 1)[1] for name in names)


def asked(kind: CredentialType) -> tuple[Field, ...]:
    """The fields to ask a person for, required ones first."""
    return tuple(sorted(kind.fields, key=lambda f: f.optional))


def _path(ref: CredentialRef, field: str) -> str:
    return f"{ref.type}/{ref.instance}/{field}"
