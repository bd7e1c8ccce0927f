"""What `al` does on AWS besides running: each deed with the operations that it asks for, to be tried in bad weather.

A deed may be done again from its beginning, and gives what has become of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from infra import state_bucket
from infra.inventory.aws import AwsInventory
from infra.reconcile.aws import AwsReconciler
from moto_tests import holding
from moto_tests.deployed import items
from moto_tests.given import CLUSTER, IMAGE, OTHER_IMAGE, agent
from moto_tests.identities import planned
from runtimes.aws_lambda import AwsLambda
from runtimes.ecs_fargate import EcsFargate
from tests.contracts.ledger import a_run
from toolkit.clouds.aws import Clients
from toolkit.core.agent import CredentialRef
from toolkit.core.ports import Context
from toolkit.core.run import RunState
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.aws_secrets import AwsSecrets
from toolkit.images import ecr
from toolkit.scheduler.ledgers.dynamodb import PLUGIN as DYNAMODB

TOKEN = CredentialRef(type="github_token")
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}'


@dataclass(frozen=True)
class Place:
    """The operator in one environment; `sleep` is how it waits."""

    context: Context
    clients: Clients
    sleep: Callable[[float], None]

    @property
    def store(self) -> AwsSecrets:
        return AwsSecrets(self.context, sleep=self.sleep)

    @property
    def fargate(self) -> EcsFargate:
        return EcsFargate(self.context, sleep=self.sleep)

    @property
    def functions(self) -> AwsLambda:
        return AwsLambda(self.context, sleep=self.sleep)

    @property
    def secret(self) -> str:
        return self.context.names.credential(TOKEN, "token")


class Deed(NamedTuple):
    prepare: Callable[[Place], object]
    do: Callable[[Place], object]
    operations: tuple[str, ...]


def _nothing(_: Place) -> None:
    """Needs nothing to be there."""


def _turn_a_credential(place: Place) -> object:
    tags = place.context.names.tags()
    for value in ("old", "new"):
        place.store.put(place.secret, Secret(value), tags=tags)
    value = place.store.get(place.secret)
    listed = [stored.name for stored in place.store.list(place.context.names.secrets)]
    return (value.reveal() if value else None), place.store.exists(place.secret), listed


def _forget_a_credential(place: Place) -> object:
    place.store.put(place.secret, Secret("x"), tags=place.context.names.tags())
    place.store.delete(place.secret)
    return place.store.exists(place.secret)


def _deleted_credential(place: Place) -> None:
    """Somebody has deleted it, so that it can still be brought back."""
    place.store.put(place.secret, Secret("x"), tags=place.context.names.tags())
    client = place.clients.client("secretsmanager")
    client.delete_secret(SecretId=place.secret, RecoveryWindowInDays=7)


def _revive_a_credential(place: Place) -> object:
    place.store.revive([place.secret])
    value = place.store.get(place.secret)
    return value.reveal() if value else None


def _keep_books(place: Place) -> object:
    ledger = DYNAMODB(place.context)
    ledger.prepare()
    run = a_run()
    ledger.add(run)
    ledger.update(run.id, state=RunState.RUNNING)
    ledger.request_stop(run.id)
    found = ledger.get(run.id)
    ledger.set_fact("plain", 1)
    ledger.set_fact("lease", "mine")
    taken = ledger.set_fact("lease", "ours", expected="mine")
    given = ledger.set_fact("plain", 2, given={"lease": "ours"})
    ledger.set_fact("plain", None)
    seen = any(one.id == run.id for one in ledger.runs(limit=50))
    facts = dict(ledger.facts(""))
    return found and found.state, ledger.mailbox(run.id).stop, taken, given, seen, facts


def _cluster(place: Place) -> None:
    place.clients.client("ecs").create_cluster(clusterName=CLUSTER)


def _define_a_task(place: Place) -> object:
    made = place.fargate.define(place.fargate.definition(agent(), IMAGE))
    return place.fargate.trouble(made)


def _defined_tasks(place: Place) -> None:
    _cluster(place)
    for image in (IMAGE, OTHER_IMAGE):
        place.fargate.define(place.fargate.definition(agent(), image))


def _prune_tasks(place: Place) -> object:
    place.fargate.prune("dev", ())
    client = place.clients.client("ecs")
    return client.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]


def _role(place: Place) -> None:
    role = f"{CLUSTER}-dev-lambda-role"
    iam = place.clients.client("iam")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)


def _define_a_function(place: Place) -> object:
    made = place.functions.define(place.functions.definition(agent(), OTHER_IMAGE))
    return place.functions.trouble(made)


def _another_function(place: Place) -> None:
    """Of an earlier image and another size."""
    _role(place)
    place.functions.define(place.functions.definition(agent(timeout=60), IMAGE))


def _prune_functions(place: Place) -> object:
    place.functions.prune("dev", ())
    return place.clients.client("lambda").list_functions()["Functions"]


def _identities(place: Place) -> object:
    reconciler = AwsReconciler(place.context, sleep=place.sleep)
    wanted = items(place.context)
    plan = reconciler.plan(wanted, reconciler.observe(wanted), ())
    reconciler.apply(plan, progress=lambda _: None)
    return planned(place.context, wanted)


def _no_identities(place: Place) -> object:
    reconciler = AwsReconciler(place.context, sleep=place.sleep)
    plan = reconciler.plan([], reconciler.observe([]), ())
    reconciler.apply(plan, progress=lambda _: None)
    return [item.name for item in reconciler.observe([])]


def _held(*kinds: str) -> Callable[[Place], None]:
    def make(place: Place) -> None:
        world = holding.World(place.clients.client, place.context.names)
        for kind in kinds:
            world.make(kind, place.context.names.tags(agent="dev"))

    return make


def _tear_down(place: Place) -> object:
    inventory = AwsInventory(place.context, sleep=place.sleep)
    for item in inventory.found().ours:
        inventory.remove(item)
    return inventory.found().ours


def _thin_out(place: Place) -> object:
    repository = place.context.names.repository("dev")
    digests = [one.digest for one in ecr.pushed(place.context, repository)]
    ecr.delete(place.context, repository, digests)
    return list(ecr.pushed(place.context, repository))


def _bucket(place: Place) -> object:
    name = state_bucket.ensure(place.clients, place.context.names)
    tags = place.clients.client("s3").get_bucket_tagging(Bucket=name)["TagSet"]
    return name, sorted((tag["Key"], tag["Value"]) for tag in tags)


def _of(service: str, *operations: str) -> tuple[str, ...]:
    return tuple(f"{service}:{operation}" for operation in operations)


DEEDS: Mapping[str, Deed] = {
    "turn a credential": Deed(
        _nothing,
        _turn_a_credential,
        _of("secrets-manager", "CreateSecret", "PutSecretValue", "GetSecretValue", "ListSecrets")
        + _of("secrets-manager", "DescribeSecret", "UpdateSecretVersionStage"),
    ),
    "forget a credential": Deed(
        _nothing, _forget_a_credential, _of("secrets-manager", "DeleteSecret")
    ),
    "revive a credential": Deed(
        _deleted_credential, _revive_a_credential, _of("secrets-manager", "RestoreSecret")
    ),
    "keep books": Deed(
        _nothing,
        _keep_books,
        _of("dynamodb", "CreateTable", "DescribeTable", "UpdateTimeToLive", "DescribeTimeToLive")
        + _of("dynamodb", "ListTagsOfResource", "PutItem", "GetItem", "BatchGetItem", "UpdateItem")
        + _of("dynamodb", "DeleteItem", "Query", "TransactWriteItems"),
    ),
    "define a task": Deed(
        _cluster, _define_a_task, _of("ecs", "RegisterTaskDefinition", "DescribeTaskDefinition")
    ),
    "prune tasks": Deed(
        _defined_tasks, _prune_tasks, _of("ecs", "ListTaskDefinitions", "DeregisterTaskDefinition")
    ),
    "define a function": Deed(
        _role,
        _define_a_function,
        _of("lambda", "GetFunction", "CreateFunction", "PublishVersion")
        + _of("lambda", "PutFunctionEventInvokeConfig"),
    ),
    "change a function": Deed(
        _another_function,
        _define_a_function,
        _of("lambda", "UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion")
        + _of("lambda", "ListVersionsByFunction"),
    ),
    "prune functions": Deed(_another_function, _prune_functions, _of("lambda", "DeleteFunction")),
    "make identities": Deed(_nothing, _identities, _of("iam", "CreateRole", "PutRolePolicy")),
    "remove identities": Deed(
        _identities,
        _no_identities,
        _of("iam", "DeleteRole", "DeleteRolePolicy", "ListRolePolicies")
        + _of("iam", "ListAttachedRolePolicies", "ListInstanceProfilesForRole"),
    ),
    "remove tasks": Deed(
        _held("task"),
        _tear_down,
        _of("ecs", "ListTasks", "DescribeTasks", "StopTask", "DeleteCluster", "DescribeClusters")
        + _of("ecs", "ListTaskDefinitionFamilies", "DeleteTaskDefinitions"),
    ),
    "remove functions": Deed(
        _held("function", "event_rule", "log_group"),
        _tear_down,
        _of("lambda", "ListFunctions", "DeleteFunction")
        + _of("eventbridge", "DescribeRule", "ListTargetsByRule", "RemoveTargets", "DeleteRule")
        + _of("cloudwatch-logs", "DescribeLogGroups", "DeleteLogGroup", "ListTagsForResource"),
    ),
    "remove the rest": Deed(
        _held("repository", "secret", "security_group", "role", "table", "bucket"),
        _tear_down,
        _of("ecr", "DescribeRepositories", "ListTagsForResource", "DeleteRepository")
        + _of("secrets-manager", "ListSecrets", "DeleteSecret")
        + _of("ec2", "DescribeSecurityGroups", "DeleteSecurityGroup")
        + _of("iam", "ListRoles", "ListRoleTags", "DetachRolePolicy", "DeleteRole")
        + _of("dynamodb", "DeleteTable", "DescribeTable")
        + _of("s3", "HeadBucket", "ListObjectVersions", "DeleteObjects", "DeleteBucket"),
    ),
    "thin out images": Deed(
        _held("repository"), _thin_out, _of("ecr", "DescribeImages", "BatchDeleteImage")
    ),
    "make the bucket of the state": Deed(
        _nothing,
        _bucket,
        _of("s3", "CreateBucket", "GetBucketTagging", "PutBucketTagging", "PutBucketVersioning")
        + _of("s3", "PutPublicAccessBlock", "PutBucketLifecycleConfiguration", "HeadBucket"),
    ),
}
