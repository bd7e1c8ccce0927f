"""Security groups."""

from collections.abc import Iterable
from typing import Any

from toolkit.clouds.aws import tag_list, translated
from toolkit.core.errors import AlreadyExists, NotFound

from . import Clients, Inputs, Made, mapping


class SecurityGroup:
    """Its id is `vpc/name` here: a name is taken within one VPC only.  Pulumi's is the group's id."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    @staticmethod
    def ref(inputs: Inputs) -> str:
        return f"{inputs['vpcId']}/{inputs['name']}"

    def create(self, inputs: Inputs) -> Made | None:
        try:
            with translated("making it"):
                self._clients("ec2").create_security_group(
                    GroupName=inputs["name"],
                    Description=inputs["description"],
                    VpcId=inputs["vpcId"],
                    TagSpecifications=[_tags(inputs)],
                )
        except AlreadyExists:
            return None
        return self.update(inputs)

    def update(self, inputs: Inputs) -> Made:
        """Its rules become exactly those that are wanted; a new group lets everything out, which is one already."""
        ec2, ref = self._clients("ec2"), self.ref(inputs)
        live = self._find(ref)
        if live is None:
            raise NotFound(f"{ref} has gone meanwhile", hint="run the same command again")
        group, wanted = live["GroupId"], _rules(inputs["egress"])
        inward, outward = _singly(live["IpPermissions"]), _singly(live["IpPermissionsEgress"])
        if inward:
            ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=inward)
        if surplus := [rule for rule in outward if rule not in wanted]:
            ec2.revoke_security_group_egress(GroupId=group, IpPermissions=surplus)
        if missing := [rule for rule in wanted if rule not in outward]:
            ec2.authorize_security_group_egress(GroupId=group, IpPermissions=missing)
        ec2.create_tags(Resources=[group], Tags=_tags(inputs)["Tags"])
        return ref, {"id": group}

    def delete(self, ref: str) -> None:
        live = self._find(ref)
        if live is not None:
            self._clients("ec2").delete_security_group(GroupId=live["GroupId"])

    def present(self, ids: Iterable[str]) -> set[str]:
        wanted = set(ids)
        names = sorted({ref.partition("/")[2] for ref in wanted})
        return wanted & {f"{g['VpcId']}/{g['GroupName']}" for g in self._named(names)}

    def tags(self, ref: str) -> dict[str, str] | None:
        live = self._find(ref)
        return None if live is None else mapping(live.get("Tags", ()))

    def _find(self, ref: str) -> dict[str, Any] | None:
        vpc, _, name = ref.partition("/")
        return next((g for g in self._named([name]) if g["VpcId"] == vpc), None)

    def _named(self, names: list[str]) -> list[dict[str, Any]]:
        answer = self._clients("ec2").describe_security_groups(
            Filters=[{"Name": "group-name", "Values": names}]
        )
        return list(answer["SecurityGroups"])


def _tags(inputs: Inputs) -> dict[str, Any]:
    return {"ResourceType": "security-group", "Tags": tag_list(inputs["tags"], "Key", "Value")}


def _rules(egress: Iterable[Inputs]) -> list[dict[str, Any]]:
    """Pulumi's rules, one for each range of addresses, as EC2 takes them."""
    return _singly(
        {
            "IpProtocol": rule["protocol"],
            "FromPort": rule["fromPort"],
            "ToPort": rule["toPort"],
            "IpRanges": [{"CidrIp": range_} for range_ in rule.get("cidrBlocks", ())],
            "Ipv6Ranges": [{"CidrIpv6": range_} for range_ in rule.get("ipv6CidrBlocks", ())],
        }
        for rule in egress
    )


def _singly(rules: Iterable[Inputs]) -> list[dict[str, Any]]:
    """EC2's rules, one for each of their ends: it may answer with several in one.  `-1`, every protocol, has no ports."""
    return [
        {**{key: rule[key] for key in _ports(rule)}, end: [one]}
        for rule in rules
        for end in _ENDS
        for one in rule.get(end, ())
    ]


def _ports(rule: Inputs) -> tuple[str, ...]:
    every = rule["IpProtocol"] == "-1" or rule.get("FromPort") is None
    return ("IpProtocol",) if every else ("IpProtocol", "FromPort", "ToPort")


_ENDS = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
WHOLES = {"aws:ec2/securityGroup:SecurityGroup": SecurityGroup}
PARTS: dict[str, Any] = {}
