"""What IAM, Secrets Manager, ECR and CloudWatch Logs refuse and moto accepts."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from .refused import accepted, code

Client = Callable[..., Any]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def policy(**statement: Any) -> str:
    """An identity policy of one statement."""
    plain = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**plain, **statement}]})


def trust(**statement: Any) -> str:
    return json.dumps({**TRUST, "Statement": [{**TRUST["Statement"][0], **statement}]})  # type: ignore[dict-item]


# IAM


@pytest.mark.parametrize("name", ["x" * 65, "a/b", "a:b"])
def test_a_roles_name(client: Client, name: str) -> None:
    """64 of letters, digits and +=,.@-_ (IAM API reference, CreateRole)."""
    create = client("iam").create_role
    assert code(create, RoleName=name, AssumeRolePolicyDocument=trust()) == "ValidationError"


def test_roles_that_differ_in_case_only(client: Client) -> None:
    """Names are unique ignoring case (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    create = client("iam").create_role
    assert accepted(create, RoleName="tests-Case", AssumeRolePolicyDocument=trust())
    wrong = {"RoleName": "tests-case", "AssumeRolePolicyDocument": trust()}
    assert code(create, **wrong) == "EntityAlreadyExists"


def test_a_trust_policy_is_at_most_2048_characters(client: Client) -> None:
    """ "Cannot exceed quota for ACLSizePerRole: 2048", white space not counted (IAM user guide, quotas)."""
    document = trust(Condition={"StringEquals": {"aws:SourceAccount": ["1" * 12] * 150}})
    wrong = {"RoleName": "tests-trust", "AssumeRolePolicyDocument": document}
    assert code(client("iam").create_role, **wrong) == "LimitExceeded"


@pytest.mark.parametrize(
    "statement",
    [
        {"Principal": {"AWS": "arn:aws:iam::123456789012:role/no-such-role"}},
        {"Principal": {"Service": "no-such-service.amazonaws.com"}},
        {"Resource": "*"},
    ],
    ids=["unknown-role", "unknown-service", "resource"],
)
def test_a_trust_policys_principal_must_exist(client: Client, statement: dict[str, Any]) -> None:
    """ "Invalid principal in policy", and no Resource (IAM user guide, reference_policies_elements_principal)."""
    wrong = {"RoleName": "tests-principal", "AssumeRolePolicyDocument": trust(**statement)}
    assert code(client("iam").create_role, **wrong) == "MalformedPolicyDocument"


@pytest.mark.parametrize(
    "statement",
    [
        {"Sid": "not alphanumeric"},
        {"Resource": "my-bucket"},
        {"Condition": {"StringSortOfEquals": {"a": "b"}}},
        {"Action": "GetObject"},
        {"Effect": "Maybe"},
    ],
    ids=["sid", "resource", "operator", "action", "effect"],
)
def test_a_malformed_policy(
    client: Client, role: Callable[..., str], statement: dict[str, Any]
) -> None:
    """The grammar (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html)."""
    role("tests-policies", "lambda")
    wrong = {"RoleName": "tests-policies", "PolicyName": "p", "PolicyDocument": policy(**statement)}
    assert code(client("iam").put_role_policy, **wrong) == "MalformedPolicyDocument"


def test_inline_policies_are_at_most_10240_characters_together(
    client: Client, role: Callable[..., str]
) -> None:
    """ "Maximum policy size of 10240 bytes exceeded for role" (IAM user guide, quotas)."""
    role("tests-inline", "lambda")
    half = policy(Resource=[f"arn:aws:s3:::{'x' * 50}{n:03}" for n in range(90)])
    put = client("iam").put_role_policy
    assert accepted(put, RoleName="tests-inline", PolicyName="one", PolicyDocument=half)
    wrong = {"RoleName": "tests-inline", "PolicyName": "two", "PolicyDocument": half}
    assert code(put, **wrong) == "LimitExceeded"


def test_a_managed_policy_is_at_most_6144_characters(client: Client) -> None:
    """ "Cannot exceed quota for PolicySize: 6144" (IAM user guide, quotas)."""
    document = policy(Resource=[f"arn:aws:s3:::{'x' * 50}{n:03}" for n in range(90)])
    wrong = {"PolicyName": "tests-managed", "PolicyDocument": document}
    assert code(client("iam").create_policy, **wrong) == "LimitExceeded"


def test_a_policy_is_written_in_latin_characters(client: Client, role: Callable[..., str]) -> None:
    """TAB, LF, CR and U+0020 to U+00FF (IAM API reference, policyDocumentType)."""
    role("tests-policies", "lambda")
    document = policy(Sid="x").replace("s3:GetObject", "s3:GetObject\u2192")
    wrong = {"RoleName": "tests-policies", "PolicyName": "p", "PolicyDocument": document}
    assert code(client("iam").put_role_policy, **wrong) == "ValidationError"


def test_ten_managed_policies_per_role(client: Client, role: Callable[..., str]) -> None:
    """ "Cannot exceed quota for PoliciesPerRole: 10" (IAM user guide, quotas)."""
    iam = client("iam")
    role("tests-attached", "lambda")
    made = [iam.create_policy(PolicyName=f"tests-{n}", PolicyDocument=policy()) for n in range(11)]
    arns = [policy["Policy"]["Arn"] for policy in made]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName="tests-attached", PolicyArn=arn)
    wrong = {"RoleName": "tests-attached", "PolicyArn": arns[10]}
    assert code(iam.attach_role_policy, **wrong) == "LimitExceeded"


def test_a_session_name_has_no_slash(client: Client, role: Callable[..., str]) -> None:
    """2-64 of letters, digits and +=,.@-_ (STS API reference, AssumeRole)."""
    wrong = {"RoleArn": role("tests-session", "lambda"), "RoleSessionName": "a/b"}
    assert code(client("sts").assume_role, **wrong) == "ValidationError"


# Secrets Manager


@pytest.mark.parametrize("name", ["a b", "a:b"])
def test_a_secrets_name(client: Client, name: str) -> None:
    """ASCII letters, digits and /_+=.@- (Secrets Manager API reference, CreateSecret)."""
    create = client("secretsmanager").create_secret
    assert code(create, Name=name, SecretString="x") == "ValidationException"


def test_a_value_is_at_most_65536_bytes(client: Client) -> None:
    """And the refusal does not repeat it (Secrets Manager API reference, SecretString)."""
    create = client("secretsmanager").create_secret
    assert accepted(create, Name="tests/full", SecretString="x" * 65536)
    with pytest.raises(client("secretsmanager").exceptions.ClientError) as refused:
        create(Name="tests/too-full", SecretString="sssss" * 14000)
    assert "sssss" not in str(refused.value)


def test_a_name_that_waits_for_its_deletion_is_taken(client: Client) -> None:
    """InvalidRequestException, not ResourceExistsException (Secrets Manager API reference, DeleteSecret)."""
    secrets = client("secretsmanager")
    secrets.create_secret(Name="tests/scheduled", SecretString="x")
    secrets.delete_secret(SecretId="tests/scheduled")
    wrong = {"Name": "tests/scheduled", "SecretString": "x"}
    assert code(secrets.create_secret, **wrong) == "InvalidRequestException"
    assert code(secrets.get_secret_value, SecretId="tests/scheduled") == "InvalidRequestException"


def test_a_forced_deletion_holds_the_name_for_a_while(
    client: Client, settings: Callable[..., None]
) -> None:
    """It is asynchronous: "implement back off and retry" (Secrets Manager API reference, DeleteSecret)."""
    settings(deletion_seconds=600)
    secrets = client("secretsmanager")
    secrets.create_secret(Name="tests/forced", SecretString="x")
    secrets.delete_secret(SecretId="tests/forced", ForceDeleteWithoutRecovery=True)
    wrong = {"Name": "tests/forced", "SecretString": "x"}
    assert code(secrets.create_secret, **wrong) == "InvalidRequestException"


def test_a_partial_arn_that_ends_like_a_whole_one_finds_nothing(client: Client) -> None:
    """A last hyphen and six characters are taken for the random ending
    (https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html)."""
    secrets = client("secretsmanager")
    arn = secrets.create_secret(Name="tests/agent-github", SecretString="x")["ARN"]
    assert accepted(secrets.get_secret_value, SecretId=arn)
    partial = arn.rpartition("-")[0]
    assert code(secrets.get_secret_value, SecretId=partial) == "ResourceNotFoundException"


# ECR


def test_an_image_needs_its_layers_in_its_own_repository(client: Client) -> None:
    """LayersNotFoundException (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html)."""
    ecr = client("ecr")
    ecr.create_repository(repositoryName="tests/layers")
    part = {"mediaType": "x", "size": 1, "digest": f"sha256:{'0' * 64}"}
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": part, "layers": [part]}
    wrong = {"repositoryName": "tests/layers", "imageManifest": json.dumps(manifest)}
    assert code(ecr.put_image, **wrong) == "LayersNotFoundException"


# CloudWatch Logs


@pytest.mark.parametrize("name", ["a b", "a:b", "aws/mine"])
def test_a_log_groups_name(client: Client, name: str) -> None:
    """. - _ / # letters and digits, and not aws/ (CloudWatch Logs API reference, CreateLogGroup)."""
    assert code(client("logs").create_log_group, logGroupName=name) == "InvalidParameterException"


@pytest.fixture
def stream(client: Client, request: pytest.FixtureRequest) -> dict[str, str]:
    """A stream of its own for a test."""
    names = {"logGroupName": "/tests/refusals", "logStreamName": request.node.name.replace(":", "")}
    logs = client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=names["logGroupName"])["logGroups"]:
        logs.create_log_group(logGroupName=names["logGroupName"])
    logs.create_log_stream(**names)
    return names


def test_a_log_streams_name(client: Client, stream: dict[str, str]) -> None:
    """No colon and no asterisk (CloudWatch Logs API reference, CreateLogStream)."""
    wrong = {**stream, "logStreamName": "run:12"}
    assert code(client("logs").create_log_stream, **wrong) == "InvalidParameterException"


def test_retention_is_one_of_a_list(client: Client, stream: dict[str, str]) -> None:
    """42 days is none (CloudWatch Logs API reference, PutRetentionPolicy)."""
    group = stream["logGroupName"]
    wrong = {"logGroupName": group, "retentionInDays": 42}
    assert code(client("logs").put_retention_policy, **wrong) == "InvalidParameterException"
    assert accepted(client("logs").put_retention_policy, logGroupName=group, retentionInDays=30)


@pytest.mark.parametrize(
    "sizes", [[1_048_576], [400_000, 400_000, 400_000]], ids=["one-event", "the-batch"]
)
def test_a_batch_is_at_most_1_mib_with_26_bytes_per_event(
    client: Client, stream: dict[str, str], sizes: list[int]
) -> None:
    """PutLogEvents (CloudWatch Logs API reference)."""
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": "x" * size} for size in sizes]
    assert (
        code(client("logs").put_log_events, **stream, logEvents=events)
        == "InvalidParameterException"
    )


def test_a_batch_spans_at_most_24_hours(client: Client, stream: dict[str, str]) -> None:
    """PutLogEvents (CloudWatch Logs API reference)."""
    now = int(time.time() * 1000)
    events = [{"timestamp": now - 86_400_001, "message": "a"}, {"timestamp": now, "message": "b"}]
    assert (
        code(client("logs").put_log_events, **stream, logEvents=events)
        == "InvalidParameterException"
    )


def test_events_out_of_time_are_dropped_and_told(client: Client, stream: dict[str, str]) -> None:
    """HTTP 200; tooOldLogEventEndIndex is exclusive (CloudWatch Logs API reference, RejectedLogEventsInfo)."""
    old = int(time.time() * 1000) - 15 * 86_400_000
    events = [{"timestamp": old, "message": "a"}, {"timestamp": old, "message": "b"}]
    answer = client("logs").put_log_events(**stream, logEvents=events)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 2}


def test_the_end_time_is_exclusive_for_one_stream_and_inclusive_for_a_search(
    client: Client, stream: dict[str, str]
) -> None:
    """endTime in GetLogEvents and in FilterLogEvents (CloudWatch Logs API reference)."""
    now, logs = int(time.time() * 1000), client("logs")
    logs.put_log_events(**stream, logEvents=[{"timestamp": now, "message": "a"}])
    assert logs.get_log_events(**stream, endTime=now)["events"] == []
    found = logs.filter_log_events(
        logGroupName=stream["logGroupName"], logStreamNames=[stream["logStreamName"]], endTime=now
    )
    assert [event["message"] for event in found["events"]] == ["a"]


def test_pages_can_be_empty_before_the_end(
    client: Client, stream: dict[str, str], settings: Callable[..., None]
) -> None:
    """The end is the token that was sent (CloudWatch Logs API reference, GetLogEvents, nextForwardToken)."""
    logs, now = client("logs"), int(time.time() * 1000)
    logs.put_log_events(**stream, logEvents=[{"timestamp": now, "message": "a"}])
    settings(empty_pages=1)
    first = logs.get_log_events(**stream, startFromHead=True)
    assert first["events"] == []
    token = first["nextForwardToken"]
    second = logs.get_log_events(**stream, startFromHead=True, nextToken=token)
    assert [event["message"] for event in second["events"]] == ["a"]


def test_pages_can_be_small(client: Client, settings: Callable[..., None]) -> None:
    """A page's size is an upper bound only (Secrets Manager API reference, ListSecrets)."""
    secrets = client("secretsmanager")
    for name in ("tests/page-one", "tests/page-two"):
        secrets.create_secret(Name=name, SecretString="x")
    settings(page_items=1)
    first = secrets.list_secrets()
    assert (len(first["SecretList"]), "NextToken" in first) == (1, True)
