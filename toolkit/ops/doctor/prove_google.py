"""No agent's service account reaches what is another's on Google Cloud: shown for every ordered pair of agents, from the
roles and conditions that a push would grant.

Offline, and of this project's own grants alone: what somebody granted besides, in the project or above it, is not seen
(`al doctor -c` looks), and an account that the user brings is not known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from infra.desired import gcp as desired
from infra.desired import gcp_launches
from infra.reconcile.gcp_judge import Ask, Grant, granted, possible
from infra.reconcile.policy import Need
from toolkit.clouds.gcp import cloud_of
from toolkit.core.agent import Project
from toolkit.core.environment import GcpCloud
from toolkit.core.gcp_names import GcpNames, account_email, secret_id
from toolkit.core.names import GATEWAY, Names
from toolkit.core.plan import Item
from toolkit.credentials import resolve
from toolkit.ops.credentials import GATEWAY_PATH
from toolkit.ops.doctor.proof import Breach, Proof, Role, row
from toolkit.ops.doctor.prove import long_lived
from toolkit.wiring import Services

SECRETS, RUNS, ACCOUNTS = "run secrets", "runs", "accounts"
CREDENTIALS, LOGS, STATE, IMAGES, POLICIES = "credentials", "logs", "state", "images", "policies"
KINDS = (SECRETS, RUNS, ACCOUNTS, CREDENTIALS, LOGS, STATE, IMAGES, POLICIES)

# Conditions compare with the number only, so any will do as long as it is the same one in question and condition.
NUMBER = "000000000000"
# What Google's own roles have of what is asked below (https://cloud.google.com/iam/docs/roles-permissions).
PREDEFINED: Mapping[str, Sequence[str]] = {
    "roles/secretmanager.secretAccessor": ("secretmanager.versions.access",),
    "roles/datastore.user": tuple(
        f"datastore.entities.{v}" for v in ("get", "list", "create", "update", "delete")
    ),
    "roles/logging.viewer": ("logging.logEntries.list",),
}
_KEY_TYPE = GATEWAY_PATH.partition("/")[0]
_SECRET = tuple(f"secretmanager.secrets.{v}" for v in ("get", "update", "delete", "setIamPolicy"))
_VERSION = tuple(
    f"secretmanager.versions.{v}" for v in ("access", "add", "destroy", "enable", "disable")
)
_JOB = tuple(f"run.jobs.{v}" for v in ("run", "runWithOverrides", "update", "delete"))
_ACCOUNT = tuple(
    f"iam.serviceAccounts.{v}" for v in ("actAs", "getAccessToken", "signJwt", "setIamPolicy")
)
# of the project as a whole: kind -> the type that is asked about, and the permissions
_WHOLE: Mapping[str, tuple[str, Sequence[str]]] = {
    LOGS: (
        "logging.googleapis.com/LogBucket",
        ("logging.logEntries.list", "logging.logEntries.create", "logging.logs.delete"),
    ),
    STATE: (
        "firestore.googleapis.com/Database",
        tuple(f"datastore.entities.{v}" for v in ("get", "list", "create", "update", "delete")),
    ),
    IMAGES: (
        "artifactregistry.googleapis.com/Repository",
        tuple(f"artifactregistry.repositories.{v}Artifacts" for v in ("download", "upload")),
    ),
    POLICIES: (
        "cloudresourcemanager.googleapis.com/Project",
        (
            *("resourcemanager.projects.setIamPolicy", "iam.roles.update"),
            *("secretmanager.secrets.list", "secretmanager.secrets.create"),
        ),
    ),
}
# The gateway is the environment's scheduler: it starts and ends every agent's runs, keeps their records, makes their
# secrets, and shows their logs to whoever has its key.  By kind; on each job by the job's own policy (gcp_callers.py).
GATEWAY_MAY: Mapping[str, frozenset[str]] = {
    LOGS: frozenset(("logging.logEntries.list",)),
    STATE: frozenset(PREDEFINED["roles/datastore.user"]),
    SECRETS: frozenset(gcp_launches.SECRETS),
    RUNS: frozenset(("run.jobs.run", "run.jobs.runWithOverrides")),
    POLICIES: frozenset(("secretmanager.secrets.list", "secretmanager.secrets.create")),
}


def judge(services: Services, project: Project) -> "Judge":
    """What there is to judge: every agent's account, and the gateway's.  Raises ConfigError, LimitExceeded as the
    desired state does."""
    environment = services.environment
    refs = resolve.project_credentials(project)
    needed = [(ref, ()) for ref in refs]
    items = desired.desired(environment, project.agents, needed, number=NUMBER, gateway_image=None)
    return Judge(
        things=Things(cloud_of(environment), services.context.names),
        accounts=tuple(_accounts(services, project, items)),
        declared=frozenset(ref.type for ref in refs),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose it is, and what it is granted; nothing is known of one that the user brings."""

    role: Role
    grants: tuple[Grant, ...] = ()


def _accounts(services: Services, project: Project, items: Sequence[Item]) -> Iterator[Account]:
    cloud, names = cloud_of(services.environment), GcpNames(services.environment.scope)
    by_name = {item.name: item for item in items if item.kind == "service_account"}
    permissions = {**PREDEFINED, **dict(_custom(cloud, items))}
    for who in (*(str(agent.name) for agent in project.agents), GATEWAY):
        id_ = names.service_account(who)
        name = account_email(id_, cloud.project)
        if (item := by_name.get(id_)) is None:
            brought = Role(who=who, purpose="run", name=str(cloud.service_account))
            yield Account(role=brought)
            continue
        purpose = "gateway" if who == GATEWAY else "run"
        role = Role(who=who, purpose=purpose, name=name, document="")
        grants = item.attributes["grants"]
        yield Account(role=role, grants=tuple(granted(grants, permissions)))


def _custom(cloud: GcpCloud, items: Sequence[Item]) -> Iterator[tuple[str, Sequence[str]]]:
    for item in items:
        if item.kind == "custom_role":
            name = f"projects/{cloud.project}/roles/{item.name}"
            yield name, item.attributes["permissions"]


@dataclass(frozen=True)
class Things:
    """One environment's things, as IAM names them."""

    cloud: GcpCloud
    names: Names

    def of(self, who: str) -> Iterator[tuple[str, Ask]]:
        """Kind and question, of what is `who`'s."""
        google, project = GcpNames(self.names.scope), f"projects/{self.cloud.project}"
        account = account_email(google.service_account(who), self.cloud.project)
        for permission in _ACCOUNT:
            name = f"{project}/serviceAccounts/{account}"
            yield ACCOUNTS, _ask(permission, name, "iam.googleapis.com/ServiceAccount")
        if who == GATEWAY:
            return
        for ask in self._secrets(google.run_secrets(who)):
            yield SECRETS, ask
        job = f"{project}/locations/{self.cloud.region}/jobs/{google.job(who)}"
        for permission in _JOB:
            yield RUNS, _ask(permission, job, "run.googleapis.com/Job", prefix=True)

    def of_all(self) -> Iterator[tuple[str, Ask]]:
        """What is no agent's."""
        for name in long_lived(self.names):
            for ask in self._secrets(secret_id(name)):
                yield CREDENTIALS, ask
        for kind, (type_, permissions) in _WHOLE.items():
            for permission in permissions:
                name = f"projects/{self.cloud.project}"
                yield kind, _ask(permission, name, type_, prefix=True)

    def credentials(self, kind: str) -> str:
        """What the names of the credentials of this type begin with."""
        return f"projects/{NUMBER}/secrets/{secret_id(f'{self.names.secrets}{kind}/')}"

    def _secrets(self, head: str) -> Iterator[Ask]:
        name = f"projects/{NUMBER}/secrets/{head}"
        for permission in _SECRET:
            yield _ask(permission, name, "secretmanager.googleapis.com/Secret", prefix=True)
        for permission in _VERSION:
            yield _ask(permission, name, "secretmanager.googleapis.com/SecretVersion", prefix=True)


def _ask(permission: str, name: str, type_: str, *, prefix: bool = False) -> Ask:
    return Ask(permission=permission, name=name, type=type_, prefix=prefix)


@dataclass(frozen=True)
class Judge:
    """Pure.  `declared` are the types of the credentials that agents and webhooks ask for."""

    things: Things
    accounts: Sequence[Account]
    declared: frozenset[str] = frozenset()

    def proof(self) -> Proof:
        breaches = tuple(breach for one in self.accounts for breach in self._breaches(one))
        whos = {one.role.who for one in self.accounts}
        return Proof(
            rows=tuple(row(one.role, breaches, KINDS) for one in self.accounts),
            breaches=breaches,
            pairs=len(whos) * (len(whos) - 1),
        )

    @cached_property
    def _asked(self) -> Sequence[tuple[str, str, Ask]]:
        """Whose ("" for nobody's), kind and question; once for all accounts."""
        nobodys = [("", kind, ask) for kind, ask in self.things.of_all()]
        theirs = [
            (one.role.who, kind, ask)
            for one in self.accounts
            for kind, ask in self.things.of(one.role.who)
        ]
        return [*nobodys, *theirs]

    def _breaches(self, account: Account) -> Iterator[Breach]:
        held = {permission for grant in account.grants for permission in grant.permissions}
        for owner, kind, ask in self._asked:
            if ask.permission not in held or owner == account.role.who:
                continue
            if possible(account.grants, ask) and not self._expected(account, kind, ask):
                name = f"{ask.name}{'*' if ask.prefix else ''}"
                need = Need(action=ask.permission, resource=name)
                yield Breach(role=account.role, owner=owner, kind=kind, need=need)

    def _expected(self, account: Account, kind: str, ask: Ask) -> bool:
        """What the gateway is for; of credentials it reads its key, and what is declared."""
        if account.role.who != GATEWAY:
            return False
        if kind == CREDENTIALS:
            readable = ask.name in map(self.things.credentials, {_KEY_TYPE, *self.declared})
            return readable and ask.permission == "secretmanager.versions.access"
        return ask.permission in GATEWAY_MAY.get(kind, ())
