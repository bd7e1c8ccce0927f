"""One visit of the doctor: what was wished for, in which order it is done, and what it comes to.

Calls ops and shows what they say; decides only what the user is asked.
"""

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from toolkit.core.errors import AlError, UsageError

from . import _doctor_view as view
from ._app import App

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.core.plan import Plan
    from toolkit.ops.doctor.findings import Finding
    from toolkit.ops.doctor.proof import Proof
    from toolkit.ops.doctor.quotas import Use
    from toolkit.ops.doctor.reconcile import Reconciliation
    from toolkit.scheduler.sweeper import Leftover
    from toolkit.wiring import Services

ALL = "*"  # --operator-policy without a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of one call.  Raises UsageError for two that exclude each other."""

    agent: str | None = None
    fix: bool = False
    cloud: bool = False
    check_only: bool = False
    check_credentials: bool = False
    strict: bool = False
    prove: bool = False
    operator_policy: str | None = None
    as_json: bool = False

    def __post_init__(self) -> None:
        if self.fix and self.check_only:
            raise UsageError(
                "--fix changes things, --check-only nothing", hint="choose one of them"
            )
        self._check_policy()

    def _check_policy(self) -> None:
        """The policies are printed and nothing else is done: another wish must not be passed over in silence."""
        if self.operator_policy is None:
            return
        if not self.operator_policy:
            raise UsageError(
                "--operator-policy names no policy", hint="leave the name out to print all of them"
            )
        looks = (self.fix, self.cloud, self.check_only, self.check_credentials, self.prove)
        if any(looks):
            raise UsageError(
                "--operator-policy only prints policies, and the other options examine",
                hint="call `al doctor` twice, once for each",
            )

    @property
    def examines(self) -> bool:
        """Whether anything but the proof or the policies is wanted: those are offline, and examining is not."""
        if self.operator_policy:
            return False
        return not self.prove or self.cloud or self.fix or self.check_only


@dataclass
class Visit:
    """What has been found so far."""

    app: App
    wish: Wish
    findings: "list[Finding]" = field(default_factory=list)
    uses: "tuple[Use, ...]" = ()
    plan: "Plan | None" = None  # what is still to be repaired
    proof: "Proof | None" = None
    readable: bool = True

    @cached_property
    def services(self) -> "Services":
        """Raises UsageError where identities are asked for and there is no cloud."""
        services = self.app.services(offline=not self.wish.examines)
        of_cloud = self.wish.cloud or self.wish.prove or self.wish.operator_policy
        if of_cloud and services.environment.cloud is None:
            raise UsageError(
                f"the environment {services.environment.name!r} has no cloud, so it has no identities",
                hint="name one with -E, AL_ENV or `environment` in .env.toml, e.g. -E sandbox",
            )
        return services

    # the looks

    def examine(self) -> None:
        """Everything that is wrong; of a project that cannot be loaded, its files' problems."""
        from toolkit.config.problems import ConfigErrors
        from toolkit.ops import doctor
        from toolkit.ops.doctor import preflight
        from toolkit.ops.doctor.credential_checks import Asking

        with self.app.ui.steps() as step:
            try:
                services = self.services
            except ConfigErrors as errors:
                step("the configuration cannot be used, so nothing else is examined")
                found, self.readable = doctor.unreadable(errors), False
            else:
                found = doctor.examine(
                    services,
                    settle=not self.wish.check_only,
                    note=step,
                    asking=Asking(wanted=self.wish.check_credentials),
                    live=partial(preflight.examined, deep=self.wish.cloud),
                )
                if self.wish.agent:
                    found = doctor.narrowed(services, self.wish.agent, found, step)
        self.findings, self.uses = list(found.findings), found.uses
        self._show(self.findings)

    def set_up(self) -> None:
        """The user, groups and rule that host-user agents need, with consent."""
        from toolkit.ops.doctor import host_user

        project = self.services.project if self.wish.fix and self.readable else None
        if project is None or self.services.environment.cloud is not None:
            return
        todo = host_user.due(project)
        if not todo or not self.app.ui.agrees(
            "Set up the users that agents run as?", headless_consents=True
        ):
            return
        done = list(host_user.set_up(todo))
        self._show(done)
        left = {step.why for step in todo}
        self.findings = [*(f for f in self.findings if f.message not in left), *done]

    def sweep(self) -> None:
        """Delete what runs left behind, with consent."""
        from toolkit.ops.doctor import leftovers

        due = leftovers.due(self.findings) if self.wish.fix else []
        if not due or not self.app.ui.agrees(f"{_these(due)}?", headless_consents=True):
            return
        with self.app.ui.steps() as step:
            step(_these(due).replace("Delete", "deleting"))
            done = list(leftovers.swept(self.services, due))
        self._show(done)
        self.findings = [*(f for f in self.findings if f.leftover not in due), *done]

    def reconcile(self) -> None:
        """Compare the identities, show what differs, and repair it with consent; then look again."""
        if not self.wish.cloud or not self.readable:
            return
        seen = self._compared()
        if seen is None:
            return
        self._show(seen.findings)
        self._show_plan(seen)
        if seen.plan and self._agreed():
            again = self._repaired(seen)
            seen = again if again is not None else seen
            self._look_again()
        self.findings += seen.findings
        self.plan = seen.plan

    def prove(self) -> None:
        """The isolation of agents from each other, from the documents alone."""
        if not self.wish.prove or not self.readable:
            return
        from toolkit.ops.doctor import prove

        with self.app.ui.steps() as step:
            services = self.services
            step("judging every pair of agents by their policies")
            self.proof = prove.prove(services)
        if not self.wish.as_json:
            view.proof(self.proof, self.app.ui)

    def show_policies(self) -> None:
        """On stdout, for `aws iam create-policy --policy-document file:///dev/stdin`."""
        from toolkit.ops import operator

        name = self.wish.operator_policy
        documents = operator.policies(self.services)
        view.policies(documents, None if name == ALL else name, self.app.ui)

    def tell(self) -> int:
        """The last line, or the document; the exit code."""
        from toolkit.ops.doctor import findings as of

        code = of.exit_code(self.findings, strict=self.wish.strict, drift=bool(self.plan))
        if self.proof and self.proof.violations:
            code = 1
        if self.wish.as_json:
            self.app.ui.json({"exit_code": code, **self._answer()})
        elif self.wish.examines:
            drift = len(self.plan.changes) if self.plan else 0
            self.app.ui.line(of.counted(self.findings, drift=drift))
        return code

    # their parts

    def _compared(self) -> "Reconciliation | None":
        """None where the account cannot be compared: that is a finding."""
        from toolkit.ops.doctor import reconcile
        from toolkit.ops.doctor.findings import refused

        with self.app.ui.steps() as step:
            try:
                return reconcile.examine(self.services, note=step)
            except UsageError:
                raise
            except AlError as error:
                finding = refused("identities", error)
        self.findings.append(finding)
        self._show([finding])
        return None

    def _agreed(self) -> bool:
        """Headless only shows, unless it was agreed to beforehand (D21)."""
        ui = self.app.ui
        if self.wish.check_only or (ui.headless and not ui.yes):
            return False
        return ui.agrees("Repair this?", headless_consents=False)

    def _repaired(self, seen: "Reconciliation") -> "Reconciliation | None":
        """What is still there after it was tried."""
        from toolkit.ops.doctor import reconcile
        from toolkit.ops.doctor.findings import refused

        with self.app.ui.steps() as step:
            try:
                reconcile.carry_out(self.services, seen, step)
            except AlError as error:
                self.findings.append(refused("identities", error))
                self._show(self.findings[-1:])
        again = self._compared()
        if again is not None:
            self._show_plan(again)
        return again

    def _show(self, found: "Sequence[Finding]") -> None:
        view.findings(found, self.app.ui.note if self.wish.as_json else self.app.ui.line)

    def _look_again(self) -> None:
        """What was left over may have gone with the repair."""
        from toolkit.ops.doctor import strays

        if project := self.services.project:
            self.findings = strays.again(self.services, project, self.findings)

    def _show_plan(self, seen: "Reconciliation") -> None:
        from toolkit.ops.doctor.changes import details

        empty = "the identities are as the project wants them"
        if seen.findings:
            empty = "there is nothing that al can repair by itself: what is wrong is said above"
        self.app.ui.plan(seen.plan, empty=empty, details=details)

    def _answer(self) -> dict[str, Any]:
        from toolkit.ops.doctor.changes import to_dict

        return {
            "findings": [f.to_dict() for f in self.findings],
            "quotas": [use.to_dict() for use in self.uses],
            "plan": to_dict(self.plan) if self.plan is not None else None,
            "proof": self.proof.to_dict() if self.proof else None,
        }


def _these(due: "Sequence[Leftover]") -> str:
    return "Delete this secret" if len(due) == 1 else f"Delete these {len(due)} secrets"
