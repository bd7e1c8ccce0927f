"""One call of `al push`: decide, show, agree, do; and again from the beginning when somebody else was first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from toolkit.core.errors import AlError, UsageError
from toolkit.ops import deploy_lease, pulumi, push
from toolkit.ops.deploy_lease import Busy
from toolkit.ops.push import Extent, Push, rollback
from toolkit.ops.push import plan as push_plan
from toolkit.ops.push import preview as push_preview
from toolkit.ops.push import steps as push_steps
from toolkit.ops.push.report import Report
from toolkit.ops.push.rollback import Rollback
from toolkit.ops.webhook_addresses import addresses

from ._app import App, Exit

if TYPE_CHECKING:
    from toolkit.wiring import Services

NOT_PUSHED = AlError("not pushed", hint="nothing was changed")
# which options exclude each other
CONTRADICTIONS = (
    ("skip_creds", "creds_only"),
    *(("rollback", other) for other in ("skip_creds", "creds_only", "again", "install_pulumi")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of one call."""

    agent: str | None
    dry_run: bool
    skip_creds: bool
    creds_only: bool
    again: bool
    rollback: bool
    install_pulumi: bool
    as_json: bool

    def check(self) -> None:
        """Raises UsageError for options that contradict each other."""
        for one, other in CONTRADICTIONS:
            if getattr(self, one) and getattr(self, other):
                raise UsageError(
                    f"{_option(one)} and {_option(other)} contradict each other",
                    hint="choose one of them; `al push --help` says what each does",
                )

    @property
    def extent(self) -> Extent:
        return Extent(
            agent=self.agent,
            files=not self.creds_only,
            values=not self.skip_creds,
            again=self.again,
        )


@dataclass
class Visit:
    """What has become of the wish so far."""

    app: App
    wish: Wish
    report: Report = field(default_factory=Report)

    def make(self) -> None:
        """Until it is done; answers in JSON whatever becomes of it."""
        try:
            self.wish.check()
            services = self.app.services()
            while not self._done(services):
                self.report = Report()
        except Exit:
            raise
        except BaseException as error:
            if self.wish.as_json:
                self.app.ui.json(self.report.to_dict(error))
            raise

    def _done(self, services: "Services") -> bool:
        """Decide, show, agree and do, once; False when somebody else came first, and a person is there to see."""
        decided = self._decided(services)
        self._show(decided)
        if self.wish.dry_run:
            return True
        if not self._agreed(decided):
            self.decline(decided)
        try:
            self._carry_out(decided)
        except Busy as error:
            if not self.app.ui.attended:
                raise
            self.app.ui.note(error.message)
            with self.app.ui.steps() as step:
                deploy_lease.wait_until_free(services.ledger, step)
            return False
        self._tell(decided)
        return True

    def _decided(self, services: "Services") -> Push | Rollback:
        with self.app.ui.steps() as step:
            step(f"deciding what {services.environment.name} needs")
            if self.wish.rollback:
                return rollback.decide(services, self.wish.agent)
            decided = push.decide(services, self.wish.extent)
            # nobody reads the plan otherwise, and the engine refuses by itself what is not ours
            shown = self.wish.dry_run or self._asks(decided)
            return push_preview.foreseen(decided, step) if shown else decided

    def _show(self, decided: Push | Rollback) -> None:
        for warning in decided.warnings:
            self.app.ui.warn(warning)
        self.app.ui.plan(decided.plan)
        if self.wish.dry_run and self.wish.as_json:
            self.app.ui.json(push_plan.to_dict(decided.plan))

    def _asks(self, decided: Push | Rollback) -> bool:
        ui = self.app.ui
        return ui.attended and not ui.yes and not _free(decided)

    def _agreed(self, decided: Push | Rollback) -> bool:
        question = "Roll this back?" if self.wish.rollback else "Push this?"
        return _free(decided) or self.app.ui.agrees(question, headless_consents=True)

    def decline(self, decided: Push | Rollback) -> NoReturn:
        """End after a no, in JSON as well: what was asked for was not done."""
        environment = decided.services.environment
        self.report.environment = environment.name
        self.report.project = environment.scope.project
        self.app.ui.note(f"{NOT_PUSHED.message}: {NOT_PUSHED.hint}")
        if self.wish.as_json:
            self.app.ui.json(self.report.to_dict(NOT_PUSHED))
        raise Exit(1)

    def _carry_out(self, decided: Push | Rollback) -> None:
        if isinstance(decided, Push):
            self._bring_pulumi(decided)
        with self.app.ui.steps() as step:
            if isinstance(decided, Push):
                push_steps.carry_out(decided, step, self.report)
            else:
                rollback.carry_out(decided, step, self.report)

    def _bring_pulumi(self, decided: Push) -> None:
        """Install the CLI where it is needed and missing, and the user wants it: -y agrees to the plan alone."""
        ui, lack = self.app.ui, push_steps.lacks_pulumi(decided)
        asks = ui.attended and not ui.yes
        if lack and (
            self.wish.install_pulumi or (asks and ui.agrees(lack.question, headless_consents=False))
        ):
            with ui.steps() as step:
                pulumi.install(decided.services, step)

    def _tell(self, decided: Push | Rollback) -> None:
        for note in decided.notes:
            self.app.ui.note(f"note: {note}")
        if self.wish.as_json:
            self.app.ui.json(self.report.to_dict())
            return
        self.app.ui.line(_summary(self.report, rolled_back=self.wish.rollback))
        if self.report.gateway_url:
            self.app.ui.line(f"gateway: {self.report.gateway_url}")
            for name, where in _webhooks(decided, self.report.gateway_url).items():
                self.app.ui.line(f"webhooks of {name}: {where}")


def _free(decided: Push | Rollback) -> bool:
    """In the sandbox there is nothing of anyone's to protect."""
    return decided.services.environment.name in {"sandbox", "sandbox-gcp"} or not decided.plan


def _webhooks(decided: Push | Rollback, gateway: str) -> Mapping[str, str]:
    """Where its senders are to send; a rollback changes none of it."""
    return addresses(decided.project, gateway) if isinstance(decided, Push) else {}


def _summary(report: Report, *, rolled_back: bool) -> str:
    things = "1 thing" if report.changes == 1 else f"{report.changes} things"
    what = f"{things} changed" if report.changes else "everything was there already"
    verb, place = ("rolled back", "in") if rolled_back else ("pushed", "to")
    return f"{verb} {report.project} {place} {report.environment} in {report.seconds:.1f} s: {what}"


def _option(name: str) -> str:
    return {"again": "--all"}.get(name, f"--{name.replace('_', '-')}")
