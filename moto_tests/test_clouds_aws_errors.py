"""AWS's errors become ours: the right class, the most helpful hint, and never a secret."""

from collections.abc import Iterator

import pytest
from botocore import exceptions as botocore
from botocore.retries.standard import ThrottledRetryableChecker
from botocore.session import get_session

from toolkit.clouds.aws import (
    Clients,
    code_of,
    translated,
)
from toolkit.clouds.aws_errors import meaning
from toolkit.core.environment import AwsCloud
from toolkit.core.errors import (
    AccessDenied,
    AlError,
    AlreadyExists,
    ConfigError,
    Conflict,
    LimitExceeded,
    NotFound,
    Throttled,
    Unreachable,
)

USED = {
    "ecs": "RunTask DescribeTasks StopTask ListTasks RegisterTaskDefinition CreateCluster DeleteCluster",
    "lambda": "CreateFunction UpdateFunctionCode UpdateFunctionConfiguration PublishVersion GetFunction "
    "PutFunctionEventInvokeConfig ListVersionsByFunction DeleteFunction AddPermission CreateFunctionUrlConfig",
    "logs": "GetLogEvents FilterLogEvents CreateLogGroup DeleteLogGroup PutRetentionPolicy",
    "secretsmanager": "CreateSecret PutSecretValue GetSecretValue DeleteSecret ListSecrets DescribeSecret",
    "dynamodb": "PutItem UpdateItem GetItem Query DeleteItem CreateTable DescribeTable UpdateTimeToLive",
    "ecr": "CreateRepository DeleteRepository BatchDeleteImage GetAuthorizationToken SetRepositoryPolicy",
    "iam": "CreateRole DeleteRole PutRolePolicy DeleteRolePolicy GetRole UpdateAssumeRolePolicy TagRole UntagRole "
    "DetachRolePolicy PutRolePermissionsBoundary DeleteRolePermissionsBoundary RemoveRoleFromInstanceProfile "
    "GetAccountAuthorizationDetails ListRoles ListRolePolicies GetRolePolicy ListAttachedRolePolicies "
    "ListInstanceProfilesForRole GetPolicy GetPolicyVersion",
    "sts": "GetCallerIdentity AssumeRole",
}


def error(code: str, message: str = "no", status: int = 400) -> botocore.ClientError:
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "r-1"},
    }
    return botocore.ClientError(response, "RunTask")


def modelled_codes() -> Iterator[str]:
    session = get_session()
    for service, operations in USED.items():
        model = session.get_service_model(service)
        for operation in operations.split():
            yield from (e.error_code for e in model.operation_model(operation).error_shapes)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ClusterNotFoundException", NotFound),
        ("ResourceNotFoundException", NotFound),
        ("NoSuchEntity", NotFound),
        ("EntityAlreadyExists", AlreadyExists),
        ("ResourceExistsException", AlreadyExists),
        ("RepositoryAlreadyExistsException", AlreadyExists),
        ("DeleteConflict", Conflict),
        ("ConcurrentModification", Conflict),
        ("ConditionalCheckFailedException", Conflict),
        ("ResourceConflictException", Conflict),
        ("LimitExceeded", LimitExceeded),
        ("LimitExceededException", LimitExceeded),
        ("RequestTooLargeException", LimitExceeded),
        ("CodeStorageExceededException", LimitExceeded),
        ("ThrottlingException", Throttled),
        ("TooManyRequestsException", Throttled),
        ("AccessDenied", AccessDenied),
        ("AccessDeniedException", AccessDenied),
        ("ExpiredTokenException", AccessDenied),
        ("UnrecognizedClientException", AccessDenied),
        ("ServerException", Unreachable),
        ("ValidationException", AlError),
    ],
)
def test_a_code_on_the_wire_has_its_counterpart(code: str, kind: type[AlError]) -> None:
    """Codes as the services send them, IAM's without `Exception` at the end
    (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html)."""
    with pytest.raises(AlError) as caught, translated("looking"):
        raise error(code)
    assert type(caught.value) is kind


@pytest.mark.parametrize("code", sorted(set(modelled_codes())))
def test_every_error_of_the_calls_we_make_is_known(code: str) -> None:
    """No error that a service documents for a call of ours falls through to the general hint."""
    assert meaning(code) is not None


@pytest.mark.parametrize(
    "code",
    sorted(set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) - {"LimitExceededException"}),
)
def test_what_botocore_takes_for_throttling_is_temporary_here_too(code: str) -> None:
    """All but LimitExceededException, which several services use for quotas that waiting does not lift."""
    with pytest.raises(Throttled) as caught, translated("looking"):
        raise error(code)
    assert caught.value.temporary


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (botocore.NoCredentialsError(), AccessDenied),
        (botocore.PartialCredentialsError(provider="env", cred_var="key"), AccessDenied),
        (botocore.UnauthorizedSSOTokenError(), AccessDenied),
        (botocore.EndpointConnectionError(endpoint_url="http://x"), Unreachable),
        (botocore.ConnectTimeoutError(endpoint_url="http://x"), Unreachable),
        (botocore.ReadTimeoutError(endpoint_url="http://x"), Unreachable),
        (botocore.ConnectionClosedError(endpoint_url="http://x"), Unreachable),
        (botocore.SSLError(endpoint_url="http://x", error="x"), Unreachable),
        (botocore.ProfileNotFound(profile="work"), ConfigError),
        (botocore.NoRegionError(), ConfigError),
        (botocore.UnknownServiceError(service_name="x", known_service_names=[]), AlError),
    ],
)
def test_a_failure_without_an_answer_has_its_counterpart(
    raised: Exception, kind: type[AlError]
) -> None:
    """Absent or expired credentials, a silent network and a wrong profile are told apart."""
    with pytest.raises(AlError) as caught, translated("looking"):
        raise raised
    assert type(caught.value) is kind
    assert caught.value.__cause__ is raised


def test_an_unknown_code_keeps_its_words() -> None:
    """What nobody foresaw still says what AWS said, and which request it was."""
    with pytest.raises(AlError) as caught, translated("launching dev"):
        raise error("BrandNewException", "the moon is full")
    assert (
        caught.value.message == "launching dev: the moon is full (BrandNewException, request r-1)"
    )


def test_an_unknown_code_of_a_failing_service_is_temporary() -> None:
    """HTTP 5xx is the service's trouble, whatever it calls it."""
    with pytest.raises(Unreachable), translated("looking"):
        raise error("BrandNewException", status=503)


def test_the_callers_hint_wins_over_the_tables() -> None:
    """By code or by class, the most specific advice is given."""
    with pytest.raises(NotFound) as caught, translated("x", hints={"NotFound": "push first"}):
        raise error("ClusterNotFoundException")
    assert caught.value.hint == "push first"


@pytest.mark.parametrize(
    ("code", "message", "kind", "hint"),
    [
        (
            "AccessDeniedException",
            "User: x is not authorized to perform: iam:PassRole on resource: y",
            AccessDenied,
            "iam:PassedToService",
        ),
        (
            "ClientException",
            "ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this task.",
            AccessDenied,
            "minutes old",
        ),
        (
            "InvalidParameterValueException",
            "MemorySize value failed to satisfy constraint: Member must have value less than or equal to 3008",
            LimitExceeded,
            "new accounts have 3008 MB",
        ),
        (
            "InvalidParameterValueException",
            "Specified ReservedConcurrentExecutions decreases account's UnreservedConcurrentExecution below 10",
            LimitExceeded,
            "concurrency quota",
        ),
        (
            "InvalidParameterValueException",
            "The image manifest, config or layer media type for the source image x is not supported.",
            AlError,
            "--provenance=false",
        ),
        (
            "InvalidParameterValueException",
            "Source image x is not valid. Provide a valid source image.",
            NotFound,
            "private ECR repository",
        ),
        (
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
            Conflict,
            "being deleted",
        ),
    ],
)
def test_a_telling_sentence_wins_over_its_code(
    code: str, message: str, kind: type[AlError], hint: str
) -> None:
    """One code stands for many causes; the known sentences get the remedy that helps
    (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and the API references)."""
    with pytest.raises(kind) as caught, translated("x"):
        raise error(code, message)
    assert hint in caught.value.hint


def test_what_is_not_botocores_passes_through() -> None:
    """Our own errors, and mistakes, are not dressed up as AWS's."""
    with pytest.raises(ZeroDivisionError), translated("x"):
        raise ZeroDivisionError


def test_a_refused_parameter_is_named_and_never_quoted(aws_cloud: AwsCloud) -> None:
    """botocore's own check quotes values, and one of them may be a secret: neither text nor cause has it."""
    secrets = Clients(aws_cloud).client("secretsmanager")
    with pytest.raises(AlError) as caught, translated("storing it"):
        secrets.create_secret(Name="n", SecretString={"hunter2": "hunter2"})
    assert "SecretString" in caught.value.message
    assert "hunter2" not in caught.value.message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_code_is_found_behind_our_error() -> None:
    """An adapter that must tell two causes of one class apart can ask for AWS's own code."""
    with pytest.raises(Conflict) as caught, translated("x"):
        raise error("ResourceNotReadyException")
    assert code_of(caught.value) == "ResourceNotReadyException"


def test_an_error_that_is_not_awss_has_no_code() -> None:
    """Asking is always safe."""
    assert code_of(ValueError()) == ""
