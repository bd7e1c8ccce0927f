"""Which operations of AWS `al` asks for, found in its source."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

ROOT = Path(__file__).parents[1]
SERVICES = (
    *("codebuild", "dynamodb", "ec2", "ecr", "ecs", "events", "iam", "lambda", "logs"),
    *("s3", "scheduler", "secretsmanager", "service-quotas", "sqs", "sts"),
)
_NAME = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")
# words of every day, which nothing tells from other words in a file
_OTHER = frozenset({"Invoke", "Query"})


def asked_by_al() -> set[str]:
    """As AWS names them, `RunTask`.  One counts where its method's name is, in a file that has to do with AWS."""
    names = _names()
    return {names[word] for text in _files() for word in _NAME.findall(text) if word in names} | {
        *_OTHER
    }


@cache
def _names() -> Mapping[str, str]:
    """Method -> operation."""
    session = botocore.session.get_session()
    return {
        xform_name(operation): operation
        for service in SERVICES
        for operation in session.get_service_model(service).operation_names
    }


def _files() -> Iterator[str]:
    for room in ("toolkit", "runtimes", "infra", "gateway"):
        for file in (ROOT / room).rglob("*.py"):
            text = file.read_text()
            if "sandbox" not in file.parts and ("aws" in text or "boto" in text):
                yield text
