"""What a push builds upon and what earlier ones made: the base image, the gateway, the agents' definitions, the log groups'
retention."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from urllib.parse import urlsplit

from toolkit.clouds.aws import Clients, translated
from toolkit.core.agent import Agent
from toolkit.core.aws_limits import retention
from toolkit.core.errors import AlError, NotFound, Unreachable
from toolkit.core.names import GATEWAY as GATEWAY_NAME
from toolkit.core.parallel import at_once
from toolkit.core.secrets import Secret
from toolkit.images import base as bases
from toolkit.images.architecture import AMD64, ARCHITECTURES
from toolkit.ops import credentials
from toolkit.ops import gateway as health
from toolkit.ops.doctor.findings import Finding, failing, note, refused, warning
from toolkit.ops.infrastructure import GATEWAY
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.wiring import Services

LOOPBACK = ("127.0.0.1", "localhost", "::1")
AT_ONCE = 8
SECONDS = 10.0  # for the gateway's answer, a cold start included


def base_images(services: Services, agents: Iterable[Agent]) -> Iterator[Finding]:
    """Whether what agents and the gateway are built upon is named, there, and for their processors.

    Not for the sandbox, whose base `al` makes itself.
    """
    wanted = {("base", ARCHITECTURES[agent.arch]) for agent in agents}
    for part, architecture in sorted({*wanted, ("gateway", AMD64)}):
        try:
            bases.base_reference(
                services.context,
                services.registry,  # type: ignore[arg-type]  # the one that there is, as push takes it
                part=part,
                architecture=architecture,
            )
        except AlError as error:
            yield refused(f"[images] {part}", error)


def gateway(services: Services) -> Iterator[Finding]:
    """Whether the deployed one answers, and takes this environment's key."""
    url = services.environment.gateway_url or _deployed(services)
    if not url:
        return
    try:
        health.wait_healthy(url, seconds=0)
    except AlError as error:
        yield refused("the gateway", error)
        return
    if (key := _key(services)) is None:
        message = "this machine has no key for it, so only its health was asked for"
        yield note("the gateway", message, "`al push` writes the key, for whoever may read it")
        return
    yield from _keyed(url, key)


def _deployed(services: Services) -> str | None:
    """The URL that the last push recorded; none before the first."""
    try:
        known = services.ledger.fact(GATEWAY) or {}
    except NotFound:
        return None
    return known.get("url")


def _key(services: Services) -> Secret | None:
    names = services.context.names
    known = services.local_store.get(credentials.own_key_name(names))
    return known or services.store.get(credentials.cloud_name(names, credentials.GATEWAY_PATH))


def _keyed(url: str, key: Secret) -> Iterator[Finding]:
    status = _status(url, key)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        message = f"{url} does not take the key that this machine has for it ({status})"
        yield failing("the gateway", message, "`al push` sets the environment's key again")
    elif status != HTTPStatus.OK:
        message = f"{url} answered {status} to a question with the key"
        yield warning("the gateway", message, "its log in the cloud says why")


def _status(url: str, key: Secret) -> int:
    """Raises Unreachable.  What the library says of it is not repeated: it may quote the header."""
    import httpx

    try:
        answer = httpx.get(
            f"{url.rstrip('/')}/api/runs?limit=1",
            headers={"Authorization": f"Bearer {key.reveal()}"},
            timeout=SECONDS,
            trust_env=urlsplit(url).hostname not in LOOPBACK,  # no proxy knows this machine's
        )
    except httpx.HTTPError as error:
        raise Unreachable(
            f"{url} was healthy and did not answer ({type(error).__name__})", hint="try again"
        ) from None
    return answer.status_code


def definitions(services: Services) -> Iterator[Finding]:
    """What pushes have recorded and the cloud would not run: a push that compares with the record does not see it."""
    prefix = fact_key("")
    try:
        facts = services.ledger.facts(prefix).items()
    except NotFound:  # before the first push
        return
    known = [Definition.from_fact(fact) for key, fact in facts if key.startswith(prefix)]
    told = at_once(lambda d: services.runtime(d.runtime).trouble(d.ref), known, most=AT_ONCE)
    for definition, trouble in zip(known, told, strict=True):
        if trouble:
            where = services.environment.name
            yield failing(definition.agent, trouble, f"`al push -a -E {where}` makes it again")


def log_groups(clients: Clients, services: Services) -> Iterator[Finding]:
    """Of the log groups that are there: whether each keeps its lines as long as the environment says."""
    days = retention(services.environment.log_retention_days)
    for name, kept in _kept(clients, services).items():
        if kept != days:
            long = f"for {kept} days" if kept else "for ever"
            command = (
                f"aws logs put-retention-policy --log-group-name {name} --retention-in-days {days}"
            )
            yield warning(name, f"keeps its lines {long} instead of {days} days", f"`{command}`")


def _ours(services: Services) -> set[str]:
    """The environment's groups, by exact name: `prod-eu` and strangers have some that begin so, too."""
    names = services.context.names
    try:
        defined = [key.removeprefix(fact_key("")) for key in services.ledger.facts(fact_key(""))]
    except NotFound:  # before the first push
        defined = []
    project = [str(agent.name) for agent in services.project.agents] if services.project else []
    groups = map(names.lambda_log_group, (*project, *defined, GATEWAY_NAME))
    return {names.ecs_log_group, *groups}


def _kept(clients: Clients, services: Services) -> dict[str, int | None]:
    """Group -> days; None for ever.  Two questions, however many agents there are."""
    names, ours = services.context.names, _ours(services)
    found: dict[str, int | None] = {}
    for prefix in (names.lambda_log_groups.partition("*")[0], names.ecs_log_group):
        with translated("looking at the log groups"):
            pages = (
                clients.client("logs")
                .get_paginator("describe_log_groups")
                .paginate(logGroupNamePrefix=prefix)
            )
            found |= {
                str(group["logGroupName"]): group.get("retentionInDays")
                for page in pages
                for group in page["logGroups"]
                if group["logGroupName"] in ours
            }
    return found
