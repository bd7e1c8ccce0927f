"""Where runs are in an account's network, and the security group that is made for them.  Pure.

The network is found, never made: it is in the plan so that people see where their agents will run, and in the
desired state so that another one is a change.  The group is ours, unless the user names some.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.core.names import Names
from toolkit.core.plan import Item

# agents call whatever they are told to; nothing calls them, so there is no ingress
EGRESS: Mapping[str, Any] = {"protocol": "-1", "ipv4": ["0.0.0.0/0"], "ipv6": ["::/0"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One VPC's subnets that the tasks or the functions run in; `of` says which of the two, as in Names.

    `groups` are the user's security groups; without any, ours is made.  `default`: it was found, as the account's
    default VPC, because the user names no subnets.
    """

    of: str
    vpc: str
    subnets: tuple[str, ...]
    groups: tuple[str, ...] = ()
    default: bool = False
    public: bool = False  # whether each run gets a public address

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        fields = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Network":
        fields: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in data.items()
        }
        return cls(**fields)


def items(names: Names, networks: Iterable[Network]) -> Iterator[Item]:
    """The networks, and the group of each that the user has none for."""
    for network in networks:
        name = names.security_group(network.of)
        yield Item(kind="network", name=name, attributes=network.to_dict())
        if not network.groups:
            yield _group(names, name, network)


def words(item: Item) -> str:
    """A `network` item for the plan: which VPC, which subnets, and that they are used as they are."""
    network = Network.from_dict(item.attributes)
    which = f"the default VPC {network.vpc}" if network.default else network.vpc
    address = "a public address" if network.public else "no public address"
    return f"runs in {which}, subnets {', '.join(network.subnets)}, with {address}; nothing of it is made"


def _group(names: Names, name: str, network: Network) -> Item:
    scope = names.scope
    return Item(
        kind="security_group",
        name=name,
        attributes={
            # of letters, digits and few signs; cannot be changed afterwards (API reference, CreateSecurityGroup)
            "description": f"{network.of} of {scope.project}/{scope.environment}: out to anywhere, in from nowhere",
            "vpc": network.vpc,
            "egress": dict(EGRESS),
        },
        tags=names.tags(),
    )
