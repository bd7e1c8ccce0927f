"""AWS's errors as ours: one table, and the context manager that every call to AWS is made in.

Codes are those on the wire (`Error.Code`), which for IAM differ from the shapes' names
(https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html): `EntityAlreadyExists`, not
`EntityAlreadyExistsException`.  Nothing here repeats a request's parameters: they may hold a secret.
Imports no botocore: its errors are known by their classes' names.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

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


class Meaning(NamedTuple):
    """Which of our errors it is, and what to do next."""

    kind: type[AlError]
    hint: str


_LONGEST = 600  # characters of a service's message that are worth reading

_LOG_IN = Meaning(
    AccessDenied,
    "log in again (`aws sso login`, `aws configure`), or name the account's profile in `profile`",
)
_CLOCK = Meaning(
    AccessDenied, "check the access key, and this machine's clock: AWS allows 5 minutes"
)
_DENIED = Meaning(
    AccessDenied,
    "give this identity the action named above (`al doctor --operator-policy` prints what yours needs); when it is an "
    "agent's role, `al doctor -c -E ENV` repairs that",
)
_ABSENT = Meaning(NotFound, "run `al push` for this environment, or check the region and account")
_TAKEN = Meaning(AlreadyExists, "choose another name, or remove what has it")
_BUSY = Meaning(Conflict, "something else is changing it: wait a minute and run the command again")
_IN_USE = Meaning(Conflict, "remove what uses it first, then run the command again")
_LIMIT = Meaning(LimitExceeded, "use less of it, or ask for more in the Service Quotas console")
_TOO_BIG = Meaning(LimitExceeded, "make it smaller: AWS takes no more")
_SLOWER = Meaning(Throttled, "AWS asks for fewer calls: wait a moment and run the command again")
_AWS_DOWN = Meaning(
    Unreachable, "the service failed: try again, and see https://health.aws.amazon.com"
)
_OFFLINE = Meaning(
    Unreachable, "check the network and the region; for the sandbox run `al sandbox status`"
)
_REFUSED = Meaning(
    AlError, "the message says which setting AWS does not take: change it, and try again"
)
_MISTAKE = Meaning(AlError, "this is a mistake in al: please report it with the output of --debug")

_CODES: Mapping[Meaning, str] = {
    _LOG_IN: """ExpiredToken ExpiredTokenException RequestExpired InvalidClientTokenId InvalidAccessKeyId
        UnrecognizedClientException AuthFailure MissingAuthenticationToken MissingAuthenticationTokenException""",
    _CLOCK: "SignatureDoesNotMatch InvalidSignatureException IncompleteSignature RequestTimeTooSkewed",
    _DENIED: """AccessDenied AccessDeniedException UnauthorizedOperation AuthorizationError NotAuthorized
        Forbidden 403 BlockedException OptInRequired RegionDisabledException SubscriptionRequiredException
        BlockedByOrganizationPolicyException PublicPolicyException UnmodifiableEntity""",
    _ABSENT: "NoSuchEntity NoSuchBucket NoSuchKey NoSuchResourceException 404 NotFound MissingVersionException",
    _TAKEN: "ResourceExistsException EntityAlreadyExists BucketAlreadyOwnedByYou DuplicateItemException",
    _BUSY: """ResourceConflictException ResourceNotReadyException ConcurrentModification OperationAborted
        OperationAbortedException ConditionalCheckFailedException TransactionCanceledException
        PreconditionFailed PreconditionFailedException PreconditionNotMetException RoleModified
        EntityTemporarilyUnmodifiable IdempotentParameterMismatchException RepositoryPolicyChanged""",
    _IN_USE: """DeleteConflict RepositoryNotEmptyException BucketNotEmpty DependencyViolation
        ClusterContainsTasksException ClusterContainsServicesException
        ClusterContainsContainerInstancesException ClusterContainsCapacityProviderException""",
    _LIMIT: "LimitExceeded ServiceQuotaExceededException ENILimitReachedException TooManyTagsException",
    _TOO_BIG: """RequestTooLargeException RequestEntityTooLargeException PackedPolicyTooLarge
        SerializedRequestEntityTooLargeException""",
    _SLOWER: """Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException
        TooManyRequestsException ProvisionedThroughputExceededException RequestLimitExceeded SlowDown
        TransactionInProgressException BandwidthLimitExceeded PriorRequestNotComplete
        EC2ThrottledException""",
    _AWS_DOWN: """InternalError InternalFailure InternalServerError InternalServerException
        InternalServiceError ServerException ServiceException ServiceFailure ServiceUnavailable
        ServiceUnavailableException RequestTimeout RequestTimeoutException EC2UnexpectedException""",
    _REFUSED: """ValidationError ValidationException ClientException MalformedPolicyDocument PolicyNotAttachable
        MalformedPolicyDocumentException PlatformUnknownException RecursiveInvocationException
        PlatformTaskDefinitionIncompatibilityException DecryptionFailure EncryptionFailure
        CodeVerificationFailedException ImageDigestDoesNotMatchException LayerInaccessibleException""",
}
_BY_CODE = {code: meaning for meaning, codes in _CODES.items() for code in codes.split()}
_BY_FORM = (
    (re.compile(r"NotFound(Exception)?$"), _ABSENT),
    (re.compile(r"Already(Exists|Started)(Exception)?$|\.Duplicate$"), _TAKEN),
    (re.compile(r"Limit(Reached|Exceeded)(Exception)?$|QuotaExceeded|StorageExceeded"), _LIMIT),
    (re.compile(r"(Length|Size)(Limit)?Exceeded(Exception)?$|TooLarge(Exception)?$"), _TOO_BIG),
    (re.compile(r"(Conflict|InUse|InProgress|NotReady|NotActive)(Exception)?$"), _BUSY),
    (re.compile(r"AccessDenied(Exception)?$"), _DENIED),
    (re.compile(r"^(Invalid|Unsupported|Malformed|KMS|Kms)"), _REFUSED),
)
# Sentences that say more than their code, most telling first; the hint says what the reader can do.
_BY_WORDS: tuple[tuple[re.Pattern[str], Meaning], ...] = (
    (
        re.compile(r"iam:PassRole"),
        Meaning(
            AccessDenied,
            "allow this identity iam:PassRole on the agents' roles, with the condition iam:PassedToService "
            "(ecs-tasks.amazonaws.com, lambda.amazonaws.com)",
        ),
    ),
    (
        re.compile(r"unable to assume the role|cannot be assumed by Lambda"),
        Meaning(
            AccessDenied,
            "the role is missing, minutes old, or trusts the wrong service: `al doctor -c -E ENV` says which and repairs it",
        ),
    ),
    (
        re.compile(r"less than or equal to 3008"),
        Meaning(
            LimitExceeded,
            "new accounts have 3008 MB per function: lower the agent's memory, or ask for more in Service Quotas",
        ),
    ),
    (
        re.compile(r"UnreservedConcurrentExecution"),
        Meaning(
            LimitExceeded,
            "this account's concurrency quota is too small to reserve any: ask for more in Service Quotas",
        ),
    ),
    (
        re.compile(r"media type for the source image"),
        Meaning(
            AlError,
            "Lambda takes one image manifest, no index: build with `--provenance=false --sbom=false` and push again",
        ),
    ),
    (
        re.compile(r"Source image .* is not valid"),
        Meaning(
            NotFound,
            "the image must be in a private ECR repository of the function's region: run `al push` again",
        ),
    ),
    (
        re.compile(r"permission to access the ECR image"),
        Meaning(
            AccessDenied,
            "the repository's policy must let lambda.amazonaws.com pull: run `al push` again",
        ),
    ),
    (
        re.compile(
            r"[Uu]nable to describe task definition|TaskDefinition (not found|is inactive)|referenced task was not found"
        ),
        Meaning(NotFound, "run `al push` for this environment, so that the agent is defined again"),
    ),
    (
        re.compile(r"already scheduled for deletion|marked for deletion"),
        Meaning(
            Conflict, "the secret is being deleted: wait a minute, or restore it, and try again"
        ),
    ),
    (
        re.compile(r"No Fargate configuration exists"),
        Meaning(
            ConfigError, "choose one of Fargate's pairs of cpus and memory: `al doctor` lists them"
        ),
    ),
)
# botocore's own errors, by class; the nearest ancestor that is listed counts.
_CLASSES: Mapping[Meaning, str] = {
    _LOG_IN: """NoCredentialsError PartialCredentialsError CredentialRetrievalError TokenRetrievalError
        NoAuthTokenError SSOError LoginError UnknownCredentialError MetadataRetrievalError
        RefreshWithMFAUnsupportedError UnknownTokenProviderError""",
    _OFFLINE: """ConnectionError HTTPClientError EndpointResolutionError UnknownEndpointError EndpointProviderError
        ResponseParserError IncompleteReadError ChecksumError""",
    Meaning(
        ConfigError, "correct `profile`, or make the profile with `aws configure --profile NAME`"
    ): (
        "ProfileNotFound ConfigParseError ConfigNotFound InvalidConfigError InfiniteLoopConfigError"
    ),
    Meaning(ConfigError, "set `region` in the environment's file"): (
        "NoRegionError InvalidRegionError ServiceNotInRegionError UnknownRegionError"
    ),
    Meaning(
        ConfigError, "`endpoint` must be an http or https URL; check AWS_ENDPOINT_URL and proxies"
    ): ("InvalidEndpointConfigurationError InvalidProxiesConfigError InvalidDNSNameError"),
    _MISTAKE: "BotoCoreError",
}
_BY_CLASS = {name: meaning for meaning, names in _CLASSES.items() for name in names.split()}


def code_of(error: BaseException | None) -> str:
    """AWS's code of a ClientError, or of one of our errors that came from it; "" for every other error."""
    while isinstance(error, AlError):
        error = error.__cause__
    response: Mapping[str, Any] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def meaning(code: str, message: str = "", status: int = 400) -> Meaning | None:
    """What a code and its message mean; None when nobody told us."""
    for words, found in _BY_WORDS:
        if words.search(message):
            return found
    if code in _BY_CODE:
        return _BY_CODE[code]
    for form, found in _BY_FORM:
        if form.search(code):
            return found
    return _AWS_DOWN if status >= 500 else None


@contextmanager
def translated(doing: str, *, hints: Mapping[str, str] | None = None) -> Iterator[None]:
    """Errors of botocore raised inside become ours: `doing`, AWS's words, and the most specific hint.

    `hints` replaces the table's hint, by AWS's code or by our class's name (`{"NotFound": "..."}`).
    Everything else passes through untouched.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("botocore.", "boto3.")):
            raise
        ours = _translation(error, doing, hints or {})
        # botocore's own checks quote the values that they refuse, and those may be secrets
        raise ours from (None if _quotes_values(error) else error)


def refusal(response: Mapping[str, Any], doing: str) -> AlError:
    """What AWS answered, in botocore's form, as one of our errors."""
    return _of_answer(response, doing, {})


def _translation(error: Exception, doing: str, hints: Mapping[str, str]) -> AlError:
    if response := getattr(error, "response", None):
        return _of_answer(response, doing, hints)
    name, found = _of_class(error)
    hint = hints.get(name) or hints.get(found.kind.__name__) or found.hint
    words = _refused_parameters(error) if _quotes_values(error) else str(error)
    return found.kind(f"{doing}: {words[:_LONGEST]}", hint=hint)


def _of_answer(response: Mapping[str, Any], doing: str, hints: Mapping[str, str]) -> AlError:
    details, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    code = str(details.get("Code", "Unknown"))
    message = str(details.get("Message") or response.get("message") or "no reason given")
    found = meaning(code, message, metadata.get("HTTPStatusCode", 400)) or _REFUSED
    hint = hints.get(code) or hints.get(found.kind.__name__) or found.hint
    request = f", request {metadata['RequestId']}" if metadata.get("RequestId") else ""
    return found.kind(f"{doing}: {message[:_LONGEST]} ({code}{request})", hint=hint)


def _of_class(error: Exception) -> tuple[str, Meaning]:
    known = (c.__name__ for c in type(error).__mro__ if c.__name__ in _BY_CLASS)
    return type(error).__name__, _BY_CLASS[next(known, "BotoCoreError")]


def _quotes_values(error: Exception) -> bool:
    return any(
        c.__name__ in ("ParamValidationError", "ValidationError") for c in type(error).__mro__
    )


def _refused_parameters(error: Exception) -> str:
    names = sorted(set(re.findall(r"parameter:? \"?([\w.\[\]]+)", str(error))))
    return f"botocore refused {', '.join(names) or 'the request'} before it was sent"
