"""What can be asked of a live account before a push fails: who we are, what we may, and whether what the environment
names is there and fits.  What is AWS's is here; Google's looks are in preflight_google.py.

Only looks.  What this identity may not look at is a note that names the missing permission, never a failure; what
belongs to identities that `al` makes is the reconciler's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from toolkit.clouds.aws import Clients, clients_for
from toolkit.core.agent import Agent, Project
from toolkit.core.environment import AwsCloud, GcpCloud
from toolkit.core.errors import AlError
from toolkit.core.parallel import at_once
from toolkit.core.placement import runtime_name
from toolkit.ops.doctor import preflight_account, preflight_deployed, preflight_network, strays
from toolkit.ops.doctor.findings import Finding, refused
from toolkit.ops.doctor.quota_table import FARGATE, LAMBDA
from toolkit.ops.look import Look
from toolkit.wiring import Services

AT_ONCE = 8
_PULL = ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
DEPLOY = "deploy"  # the operator's policy that a push needs, identities included


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What was seen.  Unless `ours`, the credentials are not this environment's, and nothing else was looked at."""

    findings: tuple[Finding, ...] = ()
    limits: Mapping[str, float] = field(
        default_factory=dict
    )  # the account's own, by a quota's name
    ours: bool = True


def examined(services: Services, note: Callable[[str], None], *, deep: bool = False) -> Live:
    """All looks, side by side; `deep`: also at everything that the account holds under our tags, agent by agent.

    Nothing is looked at where there is no cloud.
    """
    match services.environment.cloud:
        case AwsCloud() as cloud:
            return _aws(services, cloud, note, deep=deep)
        case GcpCloud() as cloud:
            return _google(services, cloud, note, deep=deep)
    return Live()


def _aws(services: Services, cloud: AwsCloud, note: Callable[[str], None], *, deep: bool) -> Live:
    note(f"looking at account {cloud.account}")
    clients = clients_for(cloud)
    try:
        clients.check_account()
    except AlError as error:
        return Live(findings=(refused("the AWS account", error),), ours=False)
    if services.project is None:
        return Live()
    account = _Account(
        services=services, project=services.project, clients=clients, cloud=cloud, deep=deep
    )
    return Live(findings=_seen(account.looks()), limits=account.limits)


def _google(
    services: Services, cloud: GcpCloud, note: Callable[[str], None], *, deep: bool
) -> Live:
    from toolkit.ops.doctor import preflight_google

    note(f"looking at the project {cloud.project}")
    try:
        preflight_google.check_account(services)
    except AlError as error:
        return Live(findings=(refused("the Google Cloud project", error),), ours=False)
    if services.project is None:
        return Live()
    return Live(findings=_seen(preflight_google.looks(services, services.project, deep=deep)))


def _seen(looks: Iterable[Look]) -> tuple[Finding, ...]:
    told = at_once(Look.findings, looks, most=AT_ONCE)
    return tuple(f for findings in told for f in findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    """What there is to look at; `deep` with what costs questions for each agent.  `limits` are filled by the looks."""

    services: Services
    project: Project
    clients: Clients
    cloud: AwsCloud
    deep: bool
    limits: dict[str, float] = field(default_factory=dict)

    def looks(self) -> Iterator[Look]:
        """In the sandbox, whoever is no role may do everything, limits are nobody's, and `al` makes the base itself."""
        if self.cloud.endpoint is None:
            yield from self._rights()
            yield from self._limits()
            yield from self._images()
        yield from self._network()
        yield from self._deployed()
        if self.deep:
            yield from self._held()

    def _rights(self) -> Iterator[Look]:
        from toolkit.ops.operator import policies

        yield Look(
            about="permissions",
            actions=("iam:SimulatePrincipalPolicy",),
            look=lambda: preflight_account.rights(self.clients, policies(self.services)[DEPLOY]),
        )

    def _limits(self) -> Iterator[Look]:
        if self._of(LAMBDA):
            yield Look(
                about="Lambda",
                actions=("lambda:GetAccountSettings",),
                look=lambda: preflight_account.concurrency(self.clients, self.limits),
            )
        if self._of(FARGATE):
            yield Look(
                about="Fargate",
                actions=("servicequotas:GetServiceQuota",),
                look=lambda: preflight_account.vcpus(self.clients, self.limits),
            )

    def _images(self) -> Iterator[Look]:
        active = [*self._of(LAMBDA), *self._of(FARGATE)]
        yield Look(
            about="[images]",
            actions=_PULL,
            look=lambda: preflight_deployed.base_images(self.services, active),
        )

    def _network(self) -> Iterator[Look]:
        network = preflight_network
        if self._of(FARGATE):
            yield Look(
                about="[cloud] subnets",
                actions=network.ACTIONS,
                look=lambda: network.of_tasks(self.clients, self.cloud),
            )
        if self._of(LAMBDA) and self.cloud.lambda_subnets:
            yield Look(
                about="[cloud] lambdaSubnets",
                actions=network.ACTIONS,
                look=lambda: network.of_functions(self.clients, self.cloud),
            )

    def _deployed(self) -> Iterator[Look]:
        yield Look(
            about="the gateway",
            actions=("dynamodb:GetItem", "secretsmanager:GetSecretValue"),
            look=lambda: preflight_deployed.gateway(self.services),
        )
        yield Look(
            about="definitions",
            actions=("lambda:GetFunction", "ecs:DescribeTaskDefinition"),
            look=lambda: preflight_deployed.definitions(self.services),
        )
        yield Look(
            about="log groups",
            actions=("logs:DescribeLogGroups",),
            look=lambda: preflight_deployed.log_groups(self.clients, self.services),
        )

    def _held(self) -> Iterator[Look]:
        yield Look(
            about="what is left in the account",
            actions=strays.ACTIONS,
            look=lambda: strays.held(self.services, self.project),
        )

    def _of(self, runtime: str) -> list[Agent]:
        """The active agents on that runtime."""
        return [
            agent
            for agent in self.project.agents
            if agent.scale > 0 and runtime_name(agent, self.services.environment) == runtime
        ]
