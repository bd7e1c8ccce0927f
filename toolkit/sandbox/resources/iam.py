"""Roles and their inline policies."""

from collections.abc import Iterable

from toolkit.clouds.aws import tag_list

from . import Clients, Inputs, Made, by_name, mapping

ROLE = "aws:iam/role:Role"


class Role:
    ref = staticmethod(by_name)

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made | None:
        iam = self._clients("iam")
        try:
            answer = iam.create_role(
                RoleName=inputs["name"],
                AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
                Tags=tag_list(inputs["tags"], "Key", "Value"),
                **_boundary(inputs),
            )
        except iam.exceptions.EntityAlreadyExistsException:
            return None
        return inputs["name"], {"arn": answer["Role"]["Arn"]}

    def update(self, inputs: Inputs) -> Made:
        iam, name = self._clients("iam"), inputs["name"]
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=inputs["assumeRolePolicy"])
        iam.tag_role(RoleName=name, Tags=tag_list(inputs["tags"], "Key", "Value"))
        self._bound(name, inputs)
        return name, {"arn": iam.get_role(RoleName=name)["Role"]["Arn"]}

    def _bound(self, name: str, inputs: Inputs) -> None:
        iam = self._clients("iam")
        if boundary := _boundary(inputs):
            iam.put_role_permissions_boundary(RoleName=name, **boundary)
        elif "PermissionsBoundary" in iam.get_role(RoleName=name)["Role"]:
            iam.delete_role_permissions_boundary(RoleName=name)

    def delete(self, ref: str) -> None:
        """IAM refuses while policies remain, ours or the user's
        (https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html)."""
        iam = self._clients("iam")
        try:
            for policy in iam.list_role_policies(RoleName=ref)["PolicyNames"]:
                iam.delete_role_policy(RoleName=ref, PolicyName=policy)
            for policy in iam.list_attached_role_policies(RoleName=ref)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=ref, PolicyArn=policy["PolicyArn"])
            iam.delete_role(RoleName=ref)
        except iam.exceptions.NoSuchEntityException:
            return

    def present(self, ids: Iterable[str]) -> set[str]:
        pages = self._clients("iam").get_paginator("list_roles").paginate()
        return set(ids) & {role["RoleName"] for page in pages for role in page["Roles"]}

    def tags(self, ref: str) -> dict[str, str] | None:
        iam = self._clients("iam")
        try:
            return mapping(iam.list_role_tags(RoleName=ref)["Tags"])
        except iam.exceptions.NoSuchEntityException:
            return None


class RolePolicy:
    """Its id is `role:policy`, as Pulumi's."""

    whole = ROLE

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made:
        self._clients("iam").put_role_policy(
            RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=inputs["policy"]
        )
        return f"{inputs['role']}:{inputs['name']}", {}

    update = create

    def delete(self, ref: str) -> None:
        iam = self._clients("iam")
        role, _, name = ref.partition(":")
        try:
            iam.delete_role_policy(RoleName=role, PolicyName=name)
        except iam.exceptions.NoSuchEntityException:
            return

    def of(self, ref: str) -> str:
        return ref.partition(":")[0]


def _boundary(inputs: Inputs) -> dict[str, str]:
    boundary = inputs.get("permissionsBoundary")
    return {"PermissionsBoundary": boundary} if boundary else {}


WHOLES = {ROLE: Role}
PARTS = {"aws:iam/rolePolicy:RolePolicy": RolePolicy}
