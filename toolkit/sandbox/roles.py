"""Who a container is: sessions of IAM roles, and the loopback endpoint that hands them to ECS tasks.

A role that is absent, or whose trust policy does not name the service, gives no session, as in reality
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html).
"""

import hmac
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.reconcile.policy import Need, Who, admits
from toolkit.core.errors import AccessDenied

from .calls import Answer
from .cloud import Cloud

ECS, LAMBDA = "ecs-tasks.amazonaws.com", "lambda.amazonaws.com"
SIX_HOURS = 6 * 3600  # the life of a task's credentials (ECS developer guide, task IAM role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Temporary credentials.  `expires` is ISO 8601."""

    role: str
    access_key: str
    secret_key: str
    token: str
    expires: str

    def __repr__(self) -> str:
        return f"Session({self.role})"


class Roles:
    """Sessions of one cloud's roles."""

    def __init__(self, cloud: Cloud, fresh: Callable[[], int] = lambda: 0) -> None:
        self._cloud, self._fresh_calls = cloud, fresh
        self._fresh: dict[str, int] = {}  # role id -> calls until the other services see it
        self._shared: dict[str, tuple[str, str, str]] = {}  # id -> token, role, session name
        self._sharing = threading.Lock()

    def trusts(self, role_arn: str, service: str, source_arn: str = "") -> bool:
        """Whether `service` may assume the role now."""
        with self._cloud.backend("iam") as backend:
            role = next((r for r in backend.roles.values() if r.arn == role_arn), None)
            document = role.assume_role_policy_document if role else None
            if role is None or not document or self._too_fresh(role.id):
                return False
        text = document if isinstance(document, str) else json.dumps(document)
        keys = {
            "aws:sourceaccount": [self._cloud.account],
            "aws:sourcearn": [source_arn] if source_arn else [],
        }
        wanted = Need(action="sts:AssumeRole", resource=role_arn, keys=keys)
        return admits(text, Who(kind="Service", name=service), wanted)

    def _too_fresh(self, id_: str) -> bool:
        """IAM is eventually consistent: another service may not see a new role yet
        (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html)."""
        left = self._fresh.setdefault(id_, self._fresh_calls())
        self._fresh[id_] = max(0, left - 1)
        return left > 0

    def session(self, role_arn: str, service: str, name: str, source_arn: str = "") -> Session:
        """Raises AccessDenied when the service may not assume the role."""
        if not self.trusts(role_arn, service, source_arn):
            raise AccessDenied(
                f"{service} may not assume {role_arn}",
                hint="create the role, with a trust policy that names this service",
            )
        with self._cloud.backend("sts") as backend:
            role = backend.assume_role(
                self._cloud.region, name[:64], role_arn, None, SIX_HOURS, None
            )
        return Session(
            role=role_arn,
            access_key=role.access_key_id,
            secret_key=role.secret_access_key,
            token=role.session_token,
            expires=role.expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )

    def share(self, role_arn: str, name: str) -> tuple[str, Mapping[str, str]]:
        """(id, variables) by which a task's SDK fetches its role's credentials, until `unshare(id)`."""
        id_, token = secrets.token_hex(16), secrets.token_hex(32)
        with self._sharing:
            self._shared[id_] = (token, role_arn, name)
        return id_, {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self._cloud.endpoint}/al-sandbox/credentials/{id_}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
        }

    def unshare(self, id_: str) -> None:
        with self._sharing:
            self._shared.pop(id_, None)

    def credentials(self, id_: str, token: str) -> Answer:
        """The endpoint's answer: a fresh session for whoever knows the task's token."""
        with self._sharing:
            expected, role, name = self._shared.get(id_, ("", "", ""))
        if not expected or not hmac.compare_digest(expected.encode(), token.encode()):
            return Answer(status=403, body=b'{"code": "AccessDenied", "message": "unknown task"}')
        session = self.session(
            role, ECS, name, f"arn:aws:ecs:{self._cloud.region}:{self._cloud.account}:*"
        )
        found = {
            "RoleArn": session.role,
            "AccessKeyId": session.access_key,
            "SecretAccessKey": session.secret_key,
            "Token": session.token,
            "Expiration": session.expires,
        }
        return Answer(
            headers=(("Content-Type", "application/json"),), body=json.dumps(found).encode()
        )
