"""Asking each service something harmless right after the start, so that no user's first call pays for loading it."""

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.test import create_environ

from .calls import Environ

_JSON = {
    "ecs": "AmazonEC2ContainerServiceV20141113.ListClusters",
    "ecr": "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories",
    "logs": "Logs_20140328.DescribeLogGroups",
    "secretsmanager": "secretsmanager.ListSecrets",
    "dynamodb": "DynamoDB_20120810.ListTables",
}
_FORM = {
    "iam": "Action=ListRoles&Version=2010-05-08",
    "sts": "Action=GetCallerIdentity&Version=2011-06-15",
    "ec2": "Action=DescribeSubnets&Version=2016-11-15",
}
_PATH = {"lambda": "/2015-03-31/functions"}
KEY = "warm"  # whose calls these are: nobody's, so they are not recorded
Application = Callable[[Environ, Any], Iterable[bytes]]


def warm(application: Application, region: str) -> None:
    """One reading call of each service that nearly every session uses."""
    for service, target in _JSON.items():
        kind = "application/x-amz-json-1.1"
        headers = {**_signed(service, region), "X-Amz-Target": target, "Content-Type": kind}
        _ask(application, create_environ("/", method="POST", headers=headers, data="{}"))
    for service, form in _FORM.items():
        kind = "application/x-www-form-urlencoded"
        headers = {**_signed(service, region), "Content-Type": kind}
        _ask(application, create_environ("/", method="POST", headers=headers, data=form))
    for service, path in _PATH.items():
        _ask(application, create_environ(path, headers=_signed(service, region)))


def _signed(service: str, region: str) -> dict[str, str]:
    scope = f"Credential={KEY}/20260101/{region}/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}


def _ask(application: Application, environ: Environ) -> None:
    for _ in application(environ, lambda *_: None):
        pass
