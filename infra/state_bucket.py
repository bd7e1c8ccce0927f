"""Where Pulumi keeps its state on AWS: a bucket of the environment's own, private and versioned.

It exists before Pulumi runs, so it is not one of Pulumi's resources.  It holds names and ARNs, no secret.

S3 encrypts every object and keeps access lists off in new buckets without being asked
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html), so neither is set here.
"""

import re

from toolkit.clouds.aws import Clients, code_of, tag_list, translated
from toolkit.core.environment import AwsCloud
from toolkit.core.errors import AlError, AlreadyExists, Conflict, NotFound
from toolkit.core.names import Names, shorten

# days that a replaced state can be brought back; a state is small, and a push makes a version or two
KEPT = 90
LONGEST = 63  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html


def name(names: Names, cloud: AwsCloud) -> str:
    """`al-<project>-<env>-pulumi-<account>-<region>`: buckets of all accounts share one space of names."""
    suffix = f"-pulumi-{cloud.account}-{cloud.region}"
    ours = re.sub(r"[^a-z0-9]+", "-", names.scoped("").lower()).strip("-")
    return f"{shorten(ours, LONGEST - len(suffix))}{suffix}"


def find(clients: Clients, names: Names) -> str | None:
    """The bucket's name when it is there.  Raises Conflict when it is somebody else's."""
    bucket = name(names, clients.cloud)
    tags = tags_of(clients, bucket)
    if tags and not names.owns(tags):
        raise Conflict(
            f"the bucket {bucket} is there, but not of this project and environment",
            hint="set `backend` in [pulumi] of the environment's file to another one",
        )
    return bucket if tags else None


def ensure(clients: Clients, names: Names) -> str:
    """The bucket's name; made when it is missing.  Raises Conflict when it is somebody else's.

    One of this name without tags is ours: S3 gives tags after creation, so a call was interrupted in between.
    """
    bucket = find(clients, names)
    if bucket is None:
        bucket = name(names, clients.cloud)
        _create(clients, bucket)
        _protect(clients, names, bucket)
    return bucket


def tags_of(clients: Clients, bucket: str) -> dict[str, str] | None:
    """None when there is no such bucket.  Raises AccessDenied for another account's."""
    s3, owner = clients.client("s3"), {"ExpectedBucketOwner": clients.cloud.account}
    try:
        with translated(f"looking at the bucket {bucket}"):
            s3.head_bucket(Bucket=bucket, **owner)
            found = s3.get_bucket_tagging(Bucket=bucket, **owner)["TagSet"]
    except NotFound:
        return None
    except AlError as error:
        if code_of(error) == "NoSuchTagSet":
            return {}
        raise
    return {tag["Key"]: tag["Value"] for tag in found}


def _create(clients: Clients, bucket: str) -> None:
    """S3 takes a location for every region but us-east-1, and refuses it there
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html)."""
    region = clients.cloud.region
    place = (
        {}
        if region == "us-east-1"
        else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    try:
        with translated(f"creating the bucket {bucket}"):
            clients.client("s3").create_bucket(Bucket=bucket, **place)
    except AlreadyExists as error:
        if code_of(error) == "BucketAlreadyOwnedByYou":
            return
        raise Conflict(
            f"the bucket {bucket} belongs to another account",
            hint="set `backend` in [pulumi] of the environment's file to a bucket of yours",
        ) from error


def _protect(clients: Clients, names: Names, bucket: str) -> None:
    """Our tags come last: without them, the next call finishes what was interrupted here."""
    s3 = clients.client("s3")
    closed = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    with translated(f"protecting the bucket {bucket}"):
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=closed)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=_LIFECYCLE)
        s3.put_bucket_tagging(
            Bucket=bucket, Tagging={"TagSet": tag_list(names.tags(), "Key", "Value")}
        )


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-configuration-examples.html
_LIFECYCLE = {
    "Rules": [
        {
            "ID": "old-versions",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": KEPT},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]
}
