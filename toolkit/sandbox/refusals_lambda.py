"""What Lambda refuses for functions made from container images.

Pages: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html,
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html,
https://docs.aws.amazon.com/lambda/latest/dg/images-create.html, and the API reference.
"""

import json
import re
from typing import Any

from .calls import Call, Refusal
from .cloud import Cloud
from .refusal_table import Rules

LONGEST_TIMEOUT, MOST_MEMORY, LONGEST_NAME, LARGEST_ENVIRONMENT = 900, 10_240, 64, 4096
CONCURRENCY, UNRESERVED = 1000, 100  # an account's default quotas
RESERVED = frozenset(
    [
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
        "TZ",
    ]
)
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^@:]+)(?:[@:].+)")


def _too_much(value: Any, name: str, most: int, what: str) -> Refusal:
    return Refusal(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must have "
        f"{what} less than or equal to {most}",
        400,
    )


def sizes(call: Call, _: Cloud) -> None:
    """The model knows a timeout's minimum only, and the memory of another kind of function."""
    asked = call.parameters
    name = asked.get("FunctionName", "")
    if ":" not in name and len(name) > LONGEST_NAME:
        raise _too_much(name, "functionName", LONGEST_NAME, "length")
    if asked.get("Timeout", 0) > LONGEST_TIMEOUT:
        raise _too_much(asked["Timeout"], "timeout", LONGEST_TIMEOUT, "value")
    if asked.get("MemorySize", 0) > MOST_MEMORY:
        raise _too_much(asked["MemorySize"], "memorySize", MOST_MEMORY, "value")


def environment(call: Call, _: Cloud) -> None:
    variables = (call.parameters.get("Environment") or {}).get("Variables") or {}
    if used := sorted(RESERVED & set(variables)):
        raise Refusal(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used "
            f"in this request: {', '.join(used)}",
            400,
        )
    # the real message repeats the values; ours may be read in a log
    if (
        len(json.dumps(variables, ensure_ascii=False, separators=(",", ":")).encode())
        > LARGEST_ENVIRONMENT
    ):
        raise Refusal(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided exceeded the 4KB limit.",
            400,
        )


def vpc(call: Call, _: Cloud) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html; the sentence as users report it, e.g. in
    https://github.com/aws/aws-sdk-js/issues/1293"""
    wanted = call.parameters.get("VpcConfig") or {}
    if bool(wanted.get("SubnetIds")) != bool(wanted.get("SecurityGroupIds")):
        raise Refusal(
            "InvalidParameterValueException",
            "SubnetIds and SecurityIds must coexist or be both empty list.",
            400,
        )


def package(call: Call, _: Cloud) -> None:
    asked = call.parameters
    if asked.get("PackageType") == "Image" and {"Handler", "Runtime", "Layers"} & set(asked):
        raise Refusal(
            "InvalidParameterValueException",
            "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.",
            400,
        )


def image(call: Call, cloud: Cloud) -> None:
    """A private ECR repository of the same Region, an image that is there, and no index."""
    uri = (call.parameters.get("Code") or call.parameters).get("ImageUri")
    if uri is None:
        return
    match = _ECR.fullmatch(uri)
    if not match or match[2] != call.region:
        raise Refusal(
            "InvalidParameterValueException",
            f"Source image {uri} is not valid. Provide a valid source image.",
            400,
        )
    kind = _media_type(cloud, call.region, match[3], uri)
    if kind is None:
        raise Refusal(
            "InvalidParameterValueException",
            f"Source image {uri} does not exist. Provide a valid source image.",
            400,
        )
    if kind.endswith(("image.index.v1+json", "manifest.list.v2+json")):
        raise Refusal(
            "InvalidParameterValueException",
            f"The image manifest, config or layer media type for the source image {uri} is not supported.",
            400,
        )


def _media_type(cloud: Cloud, region: str, repository: str, uri: str) -> str | None:
    with cloud.backend("ecr", region) as backend:
        found = backend.repositories.get(repository)
        for known in found.images if found else ():
            names = {f"@{known.get_image_digest()}", *(f":{tag}" for tag in known.image_tags)}
            if any(uri.endswith(f"{repository}{name}") for name in names):
                return str(known.image_manifest_media_type or "")
    return None


def concurrency(call: Call, cloud: Cloud) -> None:
    name = call.parameters["FunctionName"].rpartition(":")[2]
    with cloud.backend("lambda", call.region) as backend:
        others = sum(
            int(f.reserved_concurrency or 0)
            for f in backend.list_functions()
            if f.function_name != name
        )
    if CONCURRENCY - others - call.parameters["ReservedConcurrentExecutions"] < UNRESERVED:
        raise Refusal(
            "InvalidParameterValueException",
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{UNRESERVED}].",
            400,
        )


RULES: Rules = {
    ("lambda", "CreateFunction"): (sizes, environment, vpc, package, image),
    ("lambda", "UpdateFunctionConfiguration"): (sizes, environment, vpc),
    ("lambda", "UpdateFunctionCode"): (image,),
    ("lambda", "PutFunctionConcurrency"): (concurrency,),
}
