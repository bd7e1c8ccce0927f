"""What Secrets Manager's documentation says and no emulator shows; and how few calls a run costs."""

import traceback
from collections.abc import Callable
from typing import Any

import pytest

from moto_tests.answers import answer, refusal
from toolkit.clouds.aws import Clients, clients_for, cloud_of
from toolkit.core.errors import (
    AlError,
    ConfigError,
    Conflict,
    CredentialError,
    LimitExceeded,
    NotFound,
)
from toolkit.core.ports import Context
from toolkit.core.run import RunId
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.aws_secrets import PLUGIN, AwsSecrets

RUN = RunId("dev-1a2b3c4d")
VALUE = Secret("hunter2")
SCHEDULED = refusal(
    "InvalidRequestException",
    "You can't create this secret because a secret with this name is already scheduled for deletion.",
)


@pytest.fixture
def store(aws_context: Context) -> AwsSecrets:
    return PLUGIN(aws_context, sleep=lambda _: None)


@pytest.fixture
def clients(aws_context: Context) -> Clients:
    return clients_for(cloud_of(aws_context.environment))


@pytest.fixture
def client(clients: Clients) -> Any:
    return clients.client("secretsmanager")


@pytest.fixture
def name(aws_context: Context) -> str:
    return f"{aws_context.names.secrets}github_token/default/token"


@pytest.fixture
def tags(aws_context: Context) -> dict[str, str]:
    return aws_context.names.tags()


def test_a_runs_secret_costs_one_call(
    store: AwsSecrets,
    clients: Clients,
    counted: Callable[[Clients], list[str]],
    aws_context: Context,
) -> None:
    """CreateSecret and nothing else; its deletion and the look afterwards are one each."""
    name = aws_context.names.run_secret(RUN)
    calls = counted(clients)
    store.put(name, VALUE, tags=aws_context.names.tags(agent="dev", run=RUN))
    store.delete(name)
    assert not store.exists(name)
    assert [call.partition(".")[2] for call in calls] == [
        "CreateSecret",
        "DeleteSecret",
        "DescribeSecret",
    ]


def test_an_equal_value_is_not_written_again(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """At most one new version in ten minutes is sustained, and versions of the last day are never removed
    (API_PutSecretValue): a push that changes nothing writes nothing."""
    store.put(name, VALUE, tags=tags)
    store.put(name, VALUE, tags=tags)
    assert len(client.list_secret_version_ids(SecretId=name)["Versions"]) == 1


def test_a_container_without_a_value_gets_one(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """Infrastructure makes the secret, push sets its value."""
    pairs = [{"Key": k, "Value": v} for k, v in tags.items()]
    client.create_secret(Name=name, Tags=pairs)
    assert store.get(name) is None
    store.put(name, VALUE, tags=tags)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "hunter2"


def test_a_secret_in_its_deletion_window_is_not_there(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """Reading it is InvalidRequestException and not ResourceNotFoundException (API_GetSecretValue)."""
    store.put(name, VALUE, tags=tags)
    client.delete_secret(SecretId=name)
    assert store.get(name) is None
    assert not store.exists(name)


def test_a_secret_in_its_deletion_window_is_restored_by_a_new_value(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """Its name stays taken for 7 to 30 days (API_DeleteSecret): a deployment after a destroy must not wait."""
    store.put(name, VALUE, tags=tags)
    client.delete_secret(SecretId=name)
    store.put(name, Secret("new"), tags=tags)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "new"


def test_a_secret_in_its_deletion_window_can_be_deleted_at_once(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """ForceDeleteWithoutRecovery also ends a window that has begun (API_DeleteSecret)."""
    store.put(name, VALUE, tags=tags)
    client.delete_secret(SecretId=name)
    store.delete(name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_secret(SecretId=name)


def test_a_name_that_is_still_being_deleted_is_waited_for(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """A forced deletion is asynchronous: AWS says to back off and create again (API_DeleteSecret)."""
    answer(client, "CreateSecret", SCHEDULED, SCHEDULED)
    store.put(name, VALUE, tags=tags)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "hunter2"


def test_another_refusal_is_not_waited_for(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """InvalidRequestException has other reasons too, e.g. a secret that another service manages."""
    requests = answer(client, "CreateSecret", *[refusal("InvalidRequestException", "managed")] * 9)
    with pytest.raises(AlError, match="managed"):
        store.put(name, VALUE, tags=tags)
    assert len(requests) == 1


def test_somebody_elses_secret_is_left_alone(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """Without our tags it is neither overwritten nor deleted."""
    client.create_secret(Name=name, SecretString="theirs")
    with pytest.raises(Conflict, match="lacks its tags"):
        store.put(name, VALUE, tags=tags)
    with pytest.raises(Conflict, match="lacks its tags"):
        store.delete(name)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "theirs"


@pytest.mark.parametrize("value", ["", "x" * 65_537, "ü" * 32_769])
def test_a_value_has_1_to_65536_bytes(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str], value: str
) -> None:
    """Refused before any call, in bytes and not in characters
    (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html)."""
    requests = answer(client, "CreateSecret")
    with pytest.raises(LimitExceeded, match="65,536"):
        store.put(name, Secret(value), tags=tags)
    assert requests == []


@pytest.mark.parametrize(
    "bad", ["a b", "a:b", "ü", "", "x" * 257, "action-llama/p/e/t/i/my-backup"]
)
def test_a_name_that_aws_refuses_or_loses_is_refused(
    store: AwsSecrets, tags: dict[str, str], bad: str
) -> None:
    """Letters, digits and /_+=.@- (API_CreateSecret); and an ending like `-backup` would be taken for the random end
    of an ARN (https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html)."""
    with pytest.raises(ConfigError, match="cannot be a secret's name"):
        store.put(bad, VALUE, tags=tags)


@pytest.mark.parametrize(
    "operation", ["CreateSecret", "DescribeSecret", "GetSecretValue", "PutSecretValue"]
)
def test_no_error_shows_the_value(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str], operation: str
) -> None:
    """Neither its message nor its traceback."""
    store.put(name, Secret("earlier-hunter2"), tags=tags)
    client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=operation == "CreateSecret")
    answer(client, operation, *[refusal("AccessDeniedException", "no")] * 9)
    if operation != "CreateSecret":
        client.restore_secret(SecretId=name)
    with pytest.raises(AlError) as raised:
        store.put(name, VALUE, tags=tags)
    assert "hunter2" not in "".join(traceback.format_exception(raised.value)).replace(
        'Secret("earlier-hunter2")', ""
    )


def test_a_list_goes_through_all_pages_and_keeps_only_what_begins_so(
    store: AwsSecrets, client: Any, aws_context: Context
) -> None:
    """A page has at most 100 (API_ListSecrets), and the name filter finds more than prefixes."""
    for number in range(105):
        client.create_secret(Name=f"action-llama/shop/staging/many/{number:03}", SecretString="x")
    client.create_secret(Name="ACTION-LLAMA/shop/staging/many/x", SecretString="x")
    client.create_secret(Name="other/action-llama/shop/staging/many/x", SecretString="x")
    names = [stored.name for stored in store.list("action-llama/shop/staging/many/")]
    assert names == [f"action-llama/shop/staging/many/{number:03}" for number in range(105)]


def test_binary_is_no_credential(store: AwsSecrets, client: Any, name: str) -> None:
    """Somebody put bytes there by hand; the error does not show them."""
    client.create_secret(Name=name, SecretBinary=b"hunter2\xff")
    with pytest.raises(CredentialError, match="is binary") as raised:
        store.get(name)
    assert "hunter2" not in str(raised.value)


def test_who_may_not_read_is_told_so(store: AwsSecrets, client: Any, name: str) -> None:
    """A denied read is not an absent secret."""
    answer(client, "GetSecretValue", refusal("AccessDeniedException", "not authorized"))
    with pytest.raises(AlError, match="not authorized") as raised:
        store.get(name)
    assert not isinstance(raised.value, NotFound)


def labels(client: Any, name: str) -> list[list[str]]:
    """Of each version that has any; moto lists those without, too."""
    found = client.describe_secret(SecretId=name)["VersionIdsToStages"].values()
    return sorted(filter(None, found))


def test_a_replaced_value_is_let_go(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """A version without a label is deprecated and deleted by the service (API_UpdateSecretVersionStage); PutSecretValue
    alone would leave the old value readable as AWSPREVIOUS for as long as nobody sets a third one."""
    store.put(name, VALUE, tags=tags)
    store.put(name, Secret("new"), tags=tags)
    assert labels(client, name) == [["AWSCURRENT"]]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")


def test_an_old_value_that_a_dead_process_left_is_let_go(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """Setting a value and retiring the one before are two calls, and the first may have been the last."""
    store.put(name, VALUE, tags=tags)
    client.put_secret_value(SecretId=name, SecretString="new")
    store.put(name, Secret("new"), tags=tags)
    assert labels(client, name) == [["AWSCURRENT"]]


def test_a_label_that_has_not_arrived_is_waited_for(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """Secrets Manager is eventually consistent (user guide, troubleshooting): the label of a moment ago may not be
    there yet."""
    store.put(name, VALUE, tags=tags)
    late = refusal("InvalidParameterException", "The label is not attached to that version.")
    requests = answer(client, "UpdateSecretVersionStage", late)
    store.put(name, Secret("new"), tags=tags)
    assert len(requests) == 2
    assert labels(client, name) == [["AWSCURRENT"]]


def test_the_first_value_of_a_container_retires_nothing(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """There is no version before it."""
    client.create_secret(Name=name, Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
    requests = answer(client, "UpdateSecretVersionStage")
    store.put(name, VALUE, tags=tags)
    assert requests == []


def test_a_secret_in_its_deletion_window_is_revived(
    store: AwsSecrets, client: Any, name: str, tags: dict[str, str]
) -> None:
    """With its value, so that whoever makes the infrastructure finds its name free of a doomed one (API_DeleteSecret);
    what is not doomed, not wanted or not ours is left alone."""
    store.put(name, VALUE, tags=tags)
    foreign, unwanted = f"{name}2", f"{name}3"
    client.create_secret(Name=foreign, SecretString="theirs")
    store.put(unwanted, VALUE, tags=tags)
    for one in (name, foreign, unwanted):
        client.delete_secret(SecretId=one)
    assert store.revive([name, foreign]) == (name,)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "hunter2"
    assert store.revive([name, foreign]) == ()
    assert not store.exists(unwanted)
