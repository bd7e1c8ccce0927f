"""DynamoDB's attribute values, as far as the ledger needs them: JSON scalars and maps of them.

Item limits: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
"""

from collections.abc import Mapping
from typing import Any

LONGEST = 100_000  # bytes of one text: an item holds 400 KB, and two of a run's fields may be long
CUT = " … (cut here; the run's log has all of it)"


def encode(value: Any) -> dict[str, Any]:
    """`value` as an attribute value.  A text longer than LONGEST is cut, and says so."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}
        case str():
            return {"S": cut(value)}
        case Mapping():
            return {"M": {key: encode(inner) for key, inner in value.items()}}
        case _:
            raise TypeError(f"the ledger keeps no {type(value).__name__}")


def decode(attribute: Mapping[str, Any]) -> Any:
    """The value again."""
    ((kind, value),) = attribute.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return int(value) if value.lstrip("-").isdigit() else float(value)
        case "M":
            return {key: decode(inner) for key, inner in value.items()}
        case _:
            return value


def cut(text: str, longest: int = LONGEST) -> str:
    data = text.encode()
    return text if len(data) <= longest else data[:longest].decode(errors="ignore") + CUT
