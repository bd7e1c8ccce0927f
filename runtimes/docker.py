"""Runs agents in containers of a Docker daemon, this machine's or one behind ssh (D22).

A run is one container: its name is the claim that nobody starts it twice, its labels say whose it is, and its log is where it
reports.  It goes when the run's end is recorded; its log stays in `<project>/.al/logs/<run>.log`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from toolkit.clouds.docker import labels
from toolkit.clouds.docker_errors import status_of
from toolkit.core.agent import Agent, AgentName
from toolkit.core.clock import now
from toolkit.core.errors import AlError, LaunchError
from toolkit.core.logs import LogEvent
from toolkit.core.mailbox_lines import MSG, collected
from toolkit.core.plan import Grant, Item
from toolkit.core.ports import Context, Limits
from toolkit.core.run import Cause, Mailbox, Run, RunHandle, RunId, RunSpec, RunStatus
from toolkit.core.secrets import Secret

from . import _docker_container as container
from . import _docker_ends as ends
from . import _docker_log as lines
from ._docker_ask import ask
from ._docker_handover import start_with
from ._docker_inside import seen_from_inside
from ._docker_kept import Kept
from ._docker_live import Daemon, created_at
from ._shared_log import record_of

NAME = "docker"
GRACE = 30.0  # seconds between asking a run to end and killing it, as on ECS
LAST = (
    500,
    20_000,
)  # lines from a log's end among which a run's report is; more than that is not read


class DockerRuntime:
    """core.ports.Runtime, Remembers and MakesForOne, with containers."""

    limits = Limits(
        timeout=None,
        credentials_path=container.CREDENTIALS,
        writable=("/tmp", container.WORKSPACE),  # noqa: S108 - the container's own
    )

    def __init__(self, context: Context, *, grace: float = GRACE) -> None:
        self._context = context
        self._grace = grace
        self._state = context.project.absolute() / ".al"
        self._kept = Kept(self._state / "logs")
        self._daemon = Daemon(lambda: context.environment.docker_host, self._tags())

    def check(self, agent: Agent) -> Sequence[str]:
        if agent.memory is not None and agent.memory < container.LEAST:
            return (f"memory is {agent.memory} bytes, and Docker takes no less than 6 MiB",)
        return ()

    def definition(self, agent: Agent, image: str) -> Item:
        room = container.Room.of(agent, image)
        return Item(
            kind="container",
            name=self._context.names.scoped(agent.name),
            attributes={"agent": str(agent.name), "room": str(room), "timeout": agent.timeout},
            tags=self._tags(agent=agent.name),
        )

    def grants(self, agent: Agent) -> tuple[Grant, ...]:
        return ()  # a container has no identity at any cloud

    def define(self, item: Item) -> str:
        """Nothing is registered: what it gives says everything.  Raises LaunchError when the image is not there."""
        reference = str(item.attributes["room"])
        if why := self.trouble(reference):
            raise LaunchError(
                why,
                hint="run the agent again with `al run`, which builds it",
                cause=Cause.IMAGE_PULL,
            )
        return reference

    def trouble(self, definition: str) -> str:
        image = container.Room.parse(definition).image
        return "" if self._daemon.has_image(image) else f"Docker has no image {image} any more"

    def prune(self, agent: str, keep: Collection[str]) -> tuple[str, ...]:
        """Images of past versions; and of runs that nobody looked after, their containers."""
        for found in self._daemon.containers(ends.OVER, agent=agent):
            if now() - created_at(found) > ends.FORGOTTEN:
                self.clear(RunId(found["Labels"]["al:run"]))
        kept = {container.Room.parse(definition).image for definition in keep}
        old = [tag for tag in self._daemon.images(agent) if tag not in kept]
        for tag in old:
            self._daemon.remove_image(tag)
        return tuple(old)

    def launch(self, spec: RunSpec) -> RunHandle:
        name, handle = self._name(spec.run), self._handle(spec.run)
        if self._daemon.inspected(name) or self._kept.has(spec.run):
            return handle
        secret = self._secret(spec)
        body = self._body(spec)
        if self._daemon.create(name, body) is None:
            return handle
        try:
            start_with(self._daemon.client, name, secret)
        except BaseException as error:
            self._daemon.remove(name)
            raise _unstarted(error) from error
        self._burn(spec)
        return handle

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        """One call for all that live, two more for each that has ended."""
        if not handles:
            return {}
        moment, asked = now(), {handle.run for handle in handles}
        found = {c["Labels"]["al:run"]: c for c in self._daemon.containers()}
        answers = {
            run: ends.alive(found[run]["State"], created_at(found[run]), moment) or self._ended(run)
            for run in asked & found.keys()
        }
        return {run: status for run, status in answers.items() if status}

    def stop(self, handle: RunHandle) -> str:
        name, over = self._name(handle.run), f"{handle.run} was already over"
        found = self._daemon.inspected(name)
        if found is None or found["State"]["Status"] in ends.OVER:
            return over
        if found["State"]["Status"] == "created":
            self._daemon.remove(name)
            return f"{handle.run} had not begun, and will not"
        if found["State"].get("Paused"):
            self._daemon.unpause(name)
        self._daemon.stop(name, self._grace)
        status = self._ended(handle.run)
        return f"{handle.run} ended with exit code {status.exit_code}" if status else over

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        read = (lines.parsed(raw) for raw in self._raw(handle.run, since))
        return lines.forward(read, handle.run, since=since)

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        return lines.backward(self._newest_first(handle.run), handle.run, before=before)

    def forget(self, before: datetime) -> int:
        return self._kept.forget(before)

    def running(self) -> Iterable[RunHandle]:
        for found in self._daemon.containers(ends.ALIVE):
            yield self._handle(RunId(found["Labels"]["al:run"]))

    def find(self, run: Run) -> RunHandle | None:
        return self._handle(run.id) if self._daemon.inspected(self._name(run.id)) else None

    def clear(self, run: RunId) -> None:
        """The container goes; its log is kept."""
        name = self._name(run)
        if found := self._daemon.inspected(name):
            if found["State"]["Status"] in ends.OVER:
                self._kept.keep(run, self._daemon.log(name))
            self._daemon.remove(name)

    def ask_from_inside(
        self, agent: AgentName, definition: str, command: Sequence[str], text: Secret
    ) -> str:
        """It is labelled like a run that nobody knows: should its launcher die, `prune` clears it away."""
        run, room = RunId.new(agent), container.Room.parse(definition)
        made = container.network(self._context.names.base, self._tags())
        body = container.body(
            room,
            environment={"HOME": container.WORKSPACE},
            labels=self._tags(agent=agent, run=run),
            network=self._daemon.network(made),
        )
        return ask(self._daemon, self._name(run), body, command, seen_from_inside(text))

    # one run

    def _body(self, spec: RunSpec) -> dict[str, Any]:
        scope, names = self._context.environment.scope, self._context.names
        network = container.network(names.base, self._tags())
        return container.body(
            container.Room.parse(spec.definition),
            environment={
                "AL_AGENT": str(spec.agent),
                "AL_PROJECT": scope.project,
                "AL_ENVIRONMENT": scope.environment,
                "AL_PLATFORM": "piped",
                "AL_RUNTIME": NAME,
                "AL_CREDENTIALS_PATH": container.CREDENTIALS,
                "AL_RUN_ID": str(spec.run),
                "AL_SECRET": spec.lease.ref.name,
                "HOME": container.WORKSPACE,
            },
            labels=self._tags(agent=spec.agent, run=spec.run),
            network=self._daemon.network(network),
        )

    def _secret(self, spec: RunSpec) -> Secret:
        """From the launcher's own private directory.  Raises LaunchError."""
        try:
            text = self._secret_file(spec).read_text("utf-8").removesuffix("\n")
        except OSError as error:
            raise LaunchError(
                f"the secret of {spec.run} is gone",
                hint="it was deleted or has expired: start the run again",
                cause=Cause.SECRET_MISSING,
            ) from error
        return seen_from_inside(Secret(text))

    def _burn(self, spec: RunSpec) -> None:
        """The container has it: nobody else needs it any more."""
        file = self._secret_file(spec)
        for path in (file, *file.parent.glob(f".{file.name}.*")):
            path.unlink(missing_ok=True)

    def _secret_file(self, spec: RunSpec) -> Path:
        return self._state / "secrets" / spec.lease.ref.name

    def _ended(self, run: RunId) -> RunStatus | None:
        found = self._daemon.inspected(self._name(run))
        if found is None or found["State"]["Status"] not in ends.OVER:
            return None
        return ends.with_mailbox(ends.ended(found["State"]), self._mailbox(run))

    def _mailbox(self, run: RunId) -> Mailbox | None:
        """What it reported: its last note tells all, and stands near the log's end unless much was printed after it."""
        for count in LAST:
            last = self._daemon.last_lines(self._name(run), count)
            box = _collected((line.text for line in last), run)
            if (box and box.report) or len(last) < count:
                break
        return box

    # logs

    def _raw(self, run: RunId, since: int) -> Iterator[bytes]:
        """Lines with their times; none when the run is not known."""
        if self._kept.has(run):
            return self._kept.lines(run)
        if self._daemon.inspected(self._name(run)) is None:
            return iter(())
        return self._daemon.log(self._name(run), since=since)

    def _newest_first(self, run: RunId) -> Iterator[lines.Line]:
        if self._kept.has(run):
            return (lines.parsed(raw) for raw in self._kept.newest_first(run))
        if self._daemon.inspected(name := self._name(run)) is None:
            return iter(())
        return lines.newest_first(lambda count: self._daemon.last_lines(name, count))

    # names

    def _tags(self, **more: str) -> dict[str, str]:
        return labels(self._context, **more)

    def _name(self, run: RunId) -> str:
        return self._context.names.scoped(run)

    def _handle(self, run: RunId) -> RunHandle:
        ids = {"container": self._name(run)}
        return RunHandle(runtime=NAME, run=run, agent=AgentName(run.agent), ids=ids)


def _collected(texts: Iterable[str], run: str) -> Mailbox | None:
    notes = (record_of(text) for text in texts if f'"{MSG}"' in text)
    return collected((note for note in notes if note), run)


def _unstarted(error: BaseException) -> BaseException:
    """What a daemon says to a start, as a failed launch; what is no answer of its stays what it is."""
    if not isinstance(error, AlError) or status_of(error) is None:
        return error
    return LaunchError(error.message, hint="see `docker info`, and the limits of the agent")


PLUGIN: Callable[[Context], DockerRuntime] = DockerRuntime
