"""Labels: https://cloud.google.com/resource-manager/docs/labels-overview; the same rule in all services."""

import unicodedata
from collections.abc import Mapping

from .refusals import invalid

MOST, LONGEST, LARGEST = 64, 63, 128  # labels, characters, bytes of UTF-8


def check_labels(field: str, labels: Mapping[str, str]) -> None:
    """Raises Refused, naming `field`, for too many of them, or one that is none."""
    if len(labels) > MOST:
        raise invalid(field, f"at most {MOST} labels")
    for key, value in labels.items():
        letter = bool(key) and unicodedata.category(key[0]) in {"Ll", "Lo"}
        if not (letter and _fits(key) and _fits(value)):
            raise invalid(
                field,
                f"'{key}: {value}' is not a label: lowercase letters, numerals, '_' and '-', a letter first in the key",
            )


def _fits(text: str) -> bool:
    plain = all(
        c in "_-" or unicodedata.category(c) in {"Ll", "Lo", "Nd", "Nl", "No"} for c in text
    )
    return plain and len(text) <= LONGEST and len(text.encode()) <= LARGEST
