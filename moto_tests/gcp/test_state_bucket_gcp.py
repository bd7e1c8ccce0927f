"""Where Pulumi's state is kept on Google Cloud: the bucket that `al` makes, or what the user names."""

from dataclasses import replace

import pytest

from infra import state_bucket_gcp as state_bucket
from infra.inventory.gcp import GcpInventory
from infra.provider_gcp import GcpProvider
from infra.state import State
from moto_tests.gcp.storage_world import Storage
from toolkit.clouds.gcp import GcpClients
from toolkit.core.environment import Scope
from toolkit.core.errors import AlError, Conflict
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import Names
from toolkit.core.ports import Context
from toolkit.sandbox.gcp.cloud import Google

BUCKET = "al-shop-staging-pulumi-123456789012"


@pytest.fixture
def storage(gcp_clients: GcpClients) -> Storage:
    return Storage(gcp_clients)


def made(context: Context) -> str:
    return State(context, None, GcpProvider(context)).made()


def settings(context: Context, **pulumi: str) -> Context:
    return replace(context, environment=replace(context.environment, pulumi=pulumi))


def test_the_state_is_in_a_bucket_of_ours(gcp_context: Context, storage: Storage) -> None:
    """Made when it is missing, found when it is there, and named in the URL that Pulumi gets."""
    assert State(gcp_context, None, GcpProvider(gcp_context)).known() is None
    assert [made(gcp_context), made(gcp_context)] == [f"gs://{BUCKET}"] * 2
    assert [one["name"] for one in storage.buckets()] == [BUCKET]


def test_the_bucket_is_private_versioned_and_labelled(
    gcp_context: Context, storage: Storage
) -> None:
    """A damaged state can be brought back, and nobody can open it to all by mistake
    (https://cloud.google.com/storage/docs/public-access-prevention)."""
    made(gcp_context)
    bucket = storage.bucket(BUCKET)
    assert bucket["labels"] == GcpNames(gcp_context.environment.scope).labels()
    assert bucket["location"] == "europe-west1"
    assert bucket["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    assert bucket["iamConfiguration"]["uniformBucketLevelAccess"] == {"enabled": True}
    assert bucket["versioning"] == {"enabled": True}
    (rule,) = bucket["lifecycle"]["rule"]
    assert rule["condition"] == {"daysSinceNoncurrentTime": state_bucket.KEPT}


def test_a_bucket_without_our_labels_is_not_used(gcp_context: Context, storage: Storage) -> None:
    """The state of somebody else's things may be in it."""
    storage.make(BUCKET)
    with pytest.raises(Conflict, match=BUCKET) as error:
        made(gcp_context)
    assert "backend" in error.value.hint


def test_a_bucket_whose_making_was_not_answered_is_ours(
    gcp_context: Context, google: Google, storage: Storage
) -> None:
    """Asked again, Google says that it is there, and its labels say whose it is."""
    google.faults.lose("InsertBucket")
    assert made(gcp_context) == f"gs://{BUCKET}"
    assert len(storage.buckets()) == 1


def test_who_may_make_no_bucket_is_told_so(gcp_context: Context, google: Google) -> None:
    """Nothing falls back to a directory: a state on a CI machine is gone with it."""
    google.faults.fail("InsertBucket", "PERMISSION_DENIED", message="storage.buckets.create denied")
    with pytest.raises(AlError, match=r"storage\.buckets\.create"):
        made(gcp_context)


@pytest.mark.parametrize(
    ("project", "env"), [("x" * 64, "y" * 50), ("My_Shop.2", "prod"), ("google-ads", "prod")]
)
def test_a_bucket_s_name_is_what_google_takes(project: str, env: str, google: Google) -> None:
    """3 to 63 lower-case letters, digits and hyphens, and nothing like `google` in it
    (https://cloud.google.com/storage/docs/buckets#naming)."""
    name = state_bucket.name(Names(Scope(project=project, environment=env)), "123456789012")
    assert len(name) <= 63
    assert name.replace("-", "").isalnum()
    assert (name, "google" in name) == (name.lower(), False)


def test_the_bucket_goes_with_the_environment_and_all_versions_in_it(
    gcp_context: Context, storage: Storage
) -> None:
    """As Google deletes no bucket that holds anything, pages of earlier versions included
    (https://cloud.google.com/storage/docs/deleting-buckets)."""
    made(gcp_context)
    for _ in range(3):
        storage.put(BUCKET, ".pulumi/stacks/shop/staging.json")
    storage.put(BUCKET, ".pulumi/meta.yaml")
    inventory = GcpInventory(gcp_context)
    (bucket,) = [item for item in inventory.found().ours if item.kind == "bucket"]
    inventory.remove(bucket)
    assert storage.buckets() == []


def test_a_bucket_with_another_s_state_stays(gcp_context: Context, storage: Storage) -> None:
    """Our own stack's records go, the other's and the bucket stay, and it is said why."""
    made(gcp_context)
    for key in (".pulumi/stacks/shop/staging.json", ".pulumi/stacks/other/prod.json"):
        storage.put(BUCKET, key)
    inventory = GcpInventory(gcp_context)
    found = inventory.found()
    (left,) = found.left
    assert "other/prod.json" in left.why
    (ours,) = [item for item in found.ours if item.kind == "pulumi_state"]
    inventory.remove(ours)
    assert storage.keys(BUCKET) == [".pulumi/stacks/other/prod.json"]


def test_with_a_backend_of_the_user_s_no_bucket_is_looked_for(
    gcp_context: Context, google: Google
) -> None:
    """Whoever runs al may then have no right to look at buckets."""
    context = settings(gcp_context, backend="gs://team-state")
    assert made(context) == "gs://team-state"
    GcpInventory(context).found()
    assert [name for name in google.counts if name.startswith("storage/")] == []
