"""What calls on roles, repositories, buckets and networks need: identity and furniture, which deployers make."""

from collections.abc import Iterator, Mapping

from infra.reconcile.policy import Need

from .calls import Call
from .cloud import Cloud
from .need_parts import Keys, arn, one, pairs, resource_tags


def identities(call: Call, cloud: Cloud, keys: Keys) -> Iterator[Need]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html."""
    asked = call.parameters
    if call.operation in _PROFILES:
        name = asked["InstanceProfileName"]
        yield one(call, arn(call, cloud, f"instance-profile/{name}"), keys)
    elif "RoleName" in asked:
        own = _role_keys(asked["RoleName"], cloud) | _asked_keys(call)
        yield one(call, arn(call, cloud, f"role/{asked['RoleName']}"), {**keys, **own})
    elif "PolicyArn" in asked or "RoleArn" in asked:
        yield one(call, asked.get("PolicyArn") or asked["RoleArn"], keys)


_PROFILES = frozenset({"AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile"})


def _role_keys(name: str, cloud: Cloud) -> Keys:
    """The tags and the boundary of a role that is there."""
    with cloud.backend("iam") as backend:
        role = next((r for r in backend.roles.values() if r.name == name), None)
        if role is None:
            return {}
        tags = pairs(role.tags)
        edge = role.permissions_boundary_arn
    return resource_tags(tags, "iam") | ({"iam:permissionsboundary": [edge]} if edge else {})


def _asked_keys(call: Call) -> Keys:
    """The boundary that the role is to have, and the policy that is attached or detached."""
    asked, found = call.parameters, Keys()
    if "PermissionsBoundary" in asked:
        found["iam:permissionsboundary"] = [asked["PermissionsBoundary"]]
    if "PolicyArn" in asked:
        found["iam:policyarn"] = [asked["PolicyArn"]]
    return found


def repositories(call: Call, cloud: Cloud, keys: Keys) -> Iterator[Need]:
    asked = call.parameters
    if "resourceArn" in asked:
        yield one(call, asked["resourceArn"], keys)
    names = [asked["repositoryName"]] if "repositoryName" in asked else asked.get("repositoryNames")
    if call.operation == "DescribeRepositories":
        names = names or ["*"]
    for name in names or ():
        yield one(call, arn(call, cloud, f"repository/{name}"), keys)


def buckets(call: Call, cloud: Cloud, keys: Keys) -> Iterator[Need]:
    """S3's actions are seldom called as its operations
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html)."""
    asked = call.parameters
    for action in _S3.get(call.operation, (call.operation,)):
        bucket, key = asked.get("Bucket"), asked.get("Key")
        named = f"{bucket}/{key or '*'}" if action.endswith(_OBJECTS) else bucket
        resource = arn(call, cloud, named) if named else "*"
        version = {"s3:versionid": [asked["VersionId"]]} if asked.get("VersionId") else {}
        yield Need(action=f"s3:{action}", resource=resource, keys={**keys, **version})


_OBJECTS = ("Object", "ObjectVersion")
_S3: Mapping[str, tuple[str, ...]] = {
    "DeleteObjects": ("DeleteObject", "DeleteObjectVersion"),
    "HeadBucket": ("ListBucket",),
    "HeadObject": ("GetObject",),
    "ListBuckets": ("ListAllMyBuckets",),
    "ListObjectVersions": ("ListBucketVersions",),
    "ListObjects": ("ListBucket",),
    "ListObjectsV2": ("ListBucket",),
    "GetPublicAccessBlock": ("GetBucketPublicAccessBlock",),
    "PutPublicAccessBlock": ("PutBucketPublicAccessBlock",),
    "DeleteBucketTagging": ("PutBucketTagging",),
    "GetBucketLifecycleConfiguration": ("GetLifecycleConfiguration",),
    "PutBucketLifecycleConfiguration": ("PutLifecycleConfiguration",),
    "GetBucketEncryption": ("GetEncryptionConfiguration",),
    "PutBucketEncryption": ("PutEncryptionConfiguration",),
}


def networks(call: Call, cloud: Cloud, keys: Keys) -> Iterator[Need]:
    """Of EC2 only security groups are looked into; what describes needs its action on everything."""
    asked = call.parameters
    if call.operation == "CreateSecurityGroup":
        yield one(call, arn(call, cloud, "security-group/*"), keys)
        yield Need(
            action="ec2:CreateSecurityGroup",
            resource=arn(call, cloud, f"vpc/{asked.get('VpcId', '*')}"),
        )
        return
    named = [*(asked.get("Resources") or ()), *filter(None, (asked.get("GroupId"),))]
    for id_ in named if not call.operation.startswith("Describe") else ():
        kind = "security-group" if id_.startswith("sg-") else "*"
        own = _group_keys(id_, cloud, call.region)
        yield one(call, arn(call, cloud, f"{kind}/{id_}"), {**keys, **own})


def _group_keys(id_: str, cloud: Cloud, region: str) -> Keys:
    with cloud.backend("ec2", region) as backend:
        group = backend.get_security_group_from_id(id_)
        tags = pairs(group.get_tags()) if group else {}
    return resource_tags(tags, "ec2")
