"""What a proof of isolation comes to: for each role or account what it reaches that is not its own.  Data alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.reconcile.policy import Need
from toolkit.core.names import GATEWAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role and whose it is: an agent's, or the gateway's.  Without a document it is one that the user brings."""

    who: str
    purpose: str
    name: str
    document: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A role that reaches what is not its own.  `owner` is "" for what is no agent's."""

    role: Role
    owner: str
    kind: str
    need: Need

    def __str__(self) -> str:
        whose = f"{called(self.owner)}'s" if self.owner else "no agent's"
        return (
            f"{self.role.name} of {called(self.role.who)} may {self.need.action} on {self.need.resource} "
            f"({self.kind}), which is {whose}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One role: what of whom it reaches, by kind.  `proven` is False for a role that the user brings."""

    role: Role
    proven: bool
    reaches: Mapping[str, tuple[str, ...]]

    def cells(self) -> tuple[str, ...]:
        """For a table: whose, purpose, and for each kind `no`, who is reached, or `?`."""
        verdicts = (", ".join(whose) or "no" for whose in self.reaches.values())
        unknown = ("?" for _ in self.reaches)
        return (called(self.role.who), self.role.purpose, *(verdicts if self.proven else unknown))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The verdict on all of them.  `headers` go with the cells of the rows."""

    rows: tuple[Row, ...]
    breaches: tuple[Breach, ...]
    pairs: int  # ordered pairs of owners that were judged

    @property
    def headers(self) -> tuple[str, ...]:
        kinds = tuple(self.rows[0].reaches) if self.rows else ()
        return ("of", "role", *kinds)

    @property
    def violations(self) -> tuple[str, ...]:
        return tuple(map(str, self.breaches))

    @property
    def unproven(self) -> tuple[str, ...]:
        """What could not be judged, a sentence each."""
        return tuple(
            f"{row.role.name}, the {row.role.purpose} role of {called(row.role.who)}, is yours: what it may do is "
            "not known offline"
            for row in self.rows
            if not row.proven
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "pairs": self.pairs,
            "roles": [
                {"of": called(r.role.who), "purpose": r.role.purpose, "name": r.role.name,
                 "proven": r.proven, "reaches": {k: list(v) for k, v in r.reaches.items() if v}}
                for r in self.rows
            ],
            "violations": list(self.violations),
            "unproven": list(self.unproven),
        }  # fmt: skip


def row(role: Role, breaches: Iterable[Breach], kinds: Sequence[str]) -> Row:
    """What the breaches say of one of them."""
    mine = [breach for breach in breaches if breach.role == role]
    reaches = {
        kind: tuple(dict.fromkeys(called(b.owner) or "yes" for b in mine if b.kind == kind))
        for kind in kinds
    }
    return Row(role=role, proven=role.document is not None, reaches=reaches)


def called(who: str) -> str:
    """An agent may be called `gateway`, too."""
    return "the gateway" if who == GATEWAY else who
