"""No agent reaches what is another's: shown for every ordered pair, from the documents that a push would deploy.

Offline: nothing is asked of an account, so what somebody attached there is not seen (`al doctor -c` looks), and a role
that the user brings is not known.  A "no" holds for every request; a boundary could only make it more so.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from infra.desired import aws as desired
from infra.desired.gateway import API_KEY
from infra.desired.policy import SERVICE_PRINCIPALS, text
from infra.reconcile.policy import Need, Who, admits, possible
from toolkit.clouds.aws import arn, cloud_of, role_arn
from toolkit.core import registry
from toolkit.core.agent import Project
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import UsageError
from toolkit.core.names import GATEWAY, Names
from toolkit.core.plan import Item
from toolkit.ops import credentials, desired_state
from toolkit.ops.doctor.isolation import (
    CREDENTIALS,
    GATEWAY_MAY,
    IMAGES,
    KINDS,
    ROLES,
    Things,
)
from toolkit.ops.doctor.proof import Breach, Proof, Role, row
from toolkit.wiring import Services

READ, PASS = "secretsmanager:GetSecretValue", "iam:PassRole"


def prove(services: Services) -> Proof:
    """Judge every role or account of the project, and the gateway's.  Raises UsageError without a project, ConfigError
    without a cloud, LimitExceeded for what the cloud would refuse to deploy."""
    if isinstance(services.environment.cloud, GcpCloud):
        from toolkit.ops.doctor import prove_google

        return prove_google.judge(services, _project(services)).proof()
    return judge(services).proof()


def judge(services: Services) -> "Judge":
    """What there is to judge on AWS."""
    project = _project(services)
    names, cloud = services.context.names, cloud_of(services.environment)
    items = {item.key: item for item in _items(services, project)}
    pulls = {n: i.attributes["policy"] for (kind, n), i in items.items() if kind == "repository"}
    return Judge(
        things=Things(cloud=cloud, names=names),
        roles=tuple(_roles(services, project, items)),
        pulls={name: text(document) for name, document in pulls.items() if document},
        credentials=tuple(long_lived(names)),
        named=_named(services, project),
    )


def _project(services: Services) -> Project:
    if services.project is None:
        raise UsageError(
            "there is no project here", hint="go to the project's directory, or name it with -p"
        )
    return services.project


def _items(services: Services, project: Project) -> tuple[Item, ...]:
    """As a push would make them, without what a network would have to be looked up for."""
    deployed = desired_state.deployed(services, project)
    credentials = desired_state.needed(project)
    return desired.desired(services.environment, deployed, credentials, gateway_image=None)


def _named(services: Services, project: Project) -> Mapping[str, frozenset[str]]:
    """What the gateway may name for those actions that go beyond what is an agent's: the credentials that are declared,
    with its own key, and the roles of tasks; or, where these are too many, the beginning that all names have."""
    names, cloud = services.context.names, cloud_of(services.environment)
    refs = [*desired_state.needed(project), API_KEY]
    fields = [names.credential(ref, field) for ref, fields in refs for field in fields]
    instances = [f"{names.secrets}{ref.type}/{ref.instance}/*" for ref, _ in refs]
    secrets = [*(f"{name}-??????" for name in fields), *instances]
    roles = {
        role_arn(cloud, cloud.brought_role(agent.name, kind), names.role(agent.name, kind))
        for agent in project.agents
        for kind in ("task", "execution")
    }
    return {
        READ: frozenset(arn(cloud, "secretsmanager", f"secret:{one}") for one in secrets),
        PASS: frozenset({*roles, arn(cloud, "iam", f"role/{names.beginning(64)}*")}),
    }


def _roles(
    services: Services, project: Project, items: Mapping[tuple[str, str], Item]
) -> Iterator[Role]:
    names, cloud = services.context.names, cloud_of(services.environment)
    for agent in project.agents:
        grants = services.runtime_for(agent).grants(agent)
        for purpose in sorted({grant.role for grant in grants}):
            brought = cloud.brought_role(agent.name, purpose)
            name = brought or names.role(agent.name, purpose)
            yield _role(agent.name, purpose, name, None if brought else items["role", name])
    gateway = names.role(GATEWAY, "lambda")
    yield _role(GATEWAY, "lambda", gateway, items["role", gateway])


def _role(who: str, purpose: str, name: str, item: Item | None) -> Role:
    document = text(item.attributes["policy"]) if item else None
    return Role(who=str(who), purpose=purpose, name=name, document=document)


def long_lived(names: Names) -> Iterator[str]:
    """What the names of long-lived credentials begin with: every type that there is, and the fingerprints' key."""
    yield f"{names.secrets}{credentials.KEY}"
    for kind in registry.names("credential"):
        yield f"{names.secrets}{kind}/"


@dataclass(frozen=True)
class Judge:
    """Pure.  `pulls` are the policies of repositories that let Lambda pull, by the repository's name; `named` is what the
    gateway may name for an action, if it is to name things one by one."""

    things: Things
    roles: Sequence[Role]
    pulls: Mapping[str, str]
    credentials: Sequence[str]
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def proof(self) -> Proof:
        breaches = tuple(breach for role in self.roles for breach in self._breaches(role))
        whos = {role.who for role in self.roles}
        return Proof(
            rows=tuple(row(role, breaches, KINDS) for role in self.roles),
            breaches=breaches,
            pairs=len(whos) * (len(whos) - 1),
        )

    @cached_property
    def _theirs(self) -> Mapping[str, Mapping[str, tuple[Need, ...]]]:
        return {who: self.things.of(who) for who in dict.fromkeys(r.who for r in self.roles)}

    @cached_property
    def _nobodys(self) -> Mapping[str, tuple[Need, ...]]:
        return self.things.of_all(self.credentials)

    def _breaches(self, role: Role) -> Iterator[Breach]:
        if role.document is None:
            return
        for kind, needs in self._nobodys.items():
            yield from self._reached(role, "", kind, needs)
        for owner, theirs in self._theirs.items():
            for kind, needs in theirs.items() if owner != role.who else ():
                yield from self._reached(role, owner, kind, needs)
            if owner != role.who and role.purpose == "lambda":
                yield from self._pulled(role, owner)

    def _reached(
        self, role: Role, owner: str, kind: str, needs: Iterable[Need]
    ) -> Iterator[Breach]:
        document = role.document or ""
        for need in needs:
            if not _at_all(document, need.action) or self._expected(role, kind, need):
                continue
            if possible([document], need):
                yield Breach(role=role, owner=owner, kind=kind, need=need)

    def _expected(self, role: Role, kind: str, need: Need) -> bool:
        """What the gateway is for: starting runs, and showing them to whoever has its key."""
        if role.who != GATEWAY:
            return False
        if need.action in GATEWAY_MAY.get(kind, ()):
            return True
        if kind not in (CREDENTIALS, ROLES) or need.action not in self.named:
            return False
        return not possible([without(role.document or "", self.named[need.action])], need)

    def _pulled(self, role: Role, owner: str) -> Iterator[Breach]:
        """Lambda pulls by the repository's policy, in the name of a function."""
        repository = self.things.names.repository(owner)
        cloud, function = self.things.cloud, self.things.names.function(role.who)
        need = Need(
            action="ecr:BatchGetImage",
            resource=arn(cloud, "ecr", f"repository/{repository}"),
            keys={"aws:sourcearn": (arn(cloud, "lambda", f"function:{function}"),)},
        )
        service = Who(kind="Service", name=SERVICE_PRINCIPALS["lambda"])
        if repository in self.pulls and admits(self.pulls[repository], service, need):
            yield Breach(role=role, owner=owner, kind=IMAGES, need=need)


def without(document: str, named: frozenset[str]) -> str:
    """The document as if it did not name these resources."""
    parsed = json.loads(document)
    for statement in parsed["Statement"]:
        if "Resource" in statement:
            statement["Resource"] = [r for r in _several(statement["Resource"]) if r not in named]
    kept = [s for s in parsed["Statement"] if s.get("Resource", True)]
    return json.dumps({**parsed, "Statement": kept})


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@lru_cache(maxsize=16_384)
def _at_all(document: str, action: str) -> bool:
    """Whether the action is possible on anything: asked once, where it would be asked of every other agent's things."""
    return possible([document], Need(action=action, resource="*"))
