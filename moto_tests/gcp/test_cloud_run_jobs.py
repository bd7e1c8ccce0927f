"""Jobs at push: made once, corrected, waited for, pruned; and what is said when that cannot be."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from moto_tests.gcp.agents import Stage, a_spec, an_agent, program
from moto_tests.gcp.run_world import eventually
from runtimes import _cloud_run_jobs as jobs
from runtimes._cloud_run_launch import job_of
from tests.fakes import Play
from toolkit.core.errors import AccessDenied, AlError, Conflict, LaunchError, Unreachable
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import GATEWAY
from toolkit.core.plan import Item
from toolkit.core.run import RunState
from toolkit.sandbox.gcp.cloud import Google
from toolkit.sandbox.gcp.rpc import Caller

QUICK = Play()
FOREVER = Play(lines=("begun",), exit_code=None)


@pytest.fixture
def item(stage: Stage) -> Item:
    stage.permit("dev")
    return stage.runtime.definition(an_agent(), stage.world.image(program(QUICK)))


def live(stage: Stage, job: str) -> Any:
    return stage.world.jobs.get_job(name=f"{stage.runtime.clients.location}/jobs/{job}")


def all_jobs(stage: Stage) -> list[Any]:
    return list(stage.world.jobs.list_jobs(parent=stage.runtime.clients.location))


def calls(google: Google) -> dict[str, int]:
    """How often each RPC was called since the last time."""
    found = {method.rpartition("/")[2]: count for method, count in google.counts.items()}
    google.counts.clear()
    return found


def test_a_definition_is_made_once(stage: Stage, item: Item, google: Google) -> None:
    """The second time there is one look at the job, one at its policy, and nothing else."""
    reference = stage.runtime.define(item)
    assert reference == f"{item.name}:1"
    google.counts.clear()
    assert stage.again().define(item) == reference
    assert calls(google) == {"GetJob": 1, "GetIamPolicy": 1}


def test_the_gateway_may_run_a_job_of_ours_and_no_other(
    stage: Stage, item: Item, google: Google
) -> None:
    """By the job's own policy: conditions know nothing of Cloud Run
    (https://cloud.google.com/iam/docs/conditions-resource-attributes).  It may not change the job, nor become its account
    (https://cloud.google.com/run/docs/configuring/jobs/service-identity)."""
    stage.runtime.define(item)
    names = GcpNames(stage.context.environment.scope)
    email = f"{names.service_account(GATEWAY)}@al-sandbox.iam.gserviceaccount.com"
    own = f"projects/al-sandbox/locations/europe-west1/jobs/{item.name}"
    may = partial(google.access.holds, Caller.account(email))
    assert may("run.jobs.runWithOverrides", own)
    assert may("run.executions.cancel", f"{own}/executions/{item.name}-abc12")
    assert not may("run.jobs.runWithOverrides", f"{own}x")
    assert not may("run.jobs.update", own)


def test_what_is_made_is_what_was_wanted(stage: Stage, item: Item) -> None:
    """As Google keeps it."""
    stage.runtime.define(item)
    made = live(stage, item.name)
    task = made.template.template
    assert dict(made.labels)["al-agent"] == "dev"
    assert task.max_retries == 0
    assert task.timeout.total_seconds() == 960
    assert dict(task.containers[0].resources.limits) == {"cpu": "2", "memory": "4096Mi"}
    assert task.volumes[0].empty_dir.size_limit == "16Mi"


def test_a_job_that_somebody_has_changed_is_put_right(stage: Stage, item: Item) -> None:
    """In the console, for instance; the reference tells the two apart, and trouble says so."""
    first = stage.runtime.define(item)
    job = live(stage, item.name)
    job.template.template.containers[0].image = stage.world.image("print('other')")
    stage.world.jobs.update_job(job=job).result(timeout=10)
    assert "somebody has changed the job" in stage.runtime.trouble(first)
    second = stage.runtime.define(item)
    assert second != first
    assert stage.runtime.trouble(second) == ""
    assert stage.runtime.trouble(first)
    wanted = item.attributes["template"]["template"]["containers"][0]["image"]
    assert live(stage, item.name).template.template.containers[0].image == wanted


def test_a_job_of_somebody_else_is_left_alone(stage: Stage, item: Item) -> None:
    """Without our labels it is not ours, whatever its name."""
    stage.world.create(stage.world.job(stage.world.image("print(1)")), item.name)
    with pytest.raises(Conflict, match="does not carry al's labels"):
        stage.runtime.define(item)
    assert stage.runtime.prune("dev", ()) == ()
    assert live(stage, item.name)


def test_a_job_is_waited_for(stage: Stage, item: Item, manners: Callable[..., None]) -> None:
    """Creating one goes on after its answer, and a run before its end is refused
    (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#job)."""
    manners(operation_seconds=0.5)
    reference = stage.runtime.define(item)
    assert live(stage, item.name).terminal_condition.state.name == "CONDITION_SUCCEEDED"
    assert stage.runtime.launch(a_spec(reference))


def test_a_run_of_a_job_that_is_still_changing_is_refused_for_the_moment(
    stage: Stage, item: Item, manners: Callable[..., None]
) -> None:
    """The caller may send it again: nothing was started."""
    reference = stage.runtime.define(item)
    manners(stuck_operations=1)
    job = live(stage, item.name)
    job.template.template.timeout = {"seconds": 77}
    stage.world.jobs.update_job(job=job)
    with pytest.raises(LaunchError, match="still being changed") as caught:
        stage.runtime.launch(a_spec(reference))
    assert caught.value.temporary


def test_an_operation_that_never_ends_is_given_up_with_a_word(
    stage: Stage, item: Item, manners: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After minutes; the next push goes on where this one stopped."""
    manners(stuck_operations=1)
    monkeypatch.setattr(jobs, "READY_SECONDS", 0.5)
    with pytest.raises(Unreachable, match="still being changed"):
        stage.runtime.define(item)


@pytest.mark.parametrize("rpc", ["CreateJob", "GetJob"])
def test_a_lost_answer_does_not_make_two(
    stage: Stage, item: Item, google: Google, rpc: str
) -> None:
    """What is there is found, by the next attempt."""
    google.faults.lose(rpc)
    assert stage.runtime.define(item) == f"{item.name}:1"
    assert len(all_jobs(stage)) == 1


def test_a_name_that_is_taken_by_ourselves_is_fine(
    stage: Stage, item: Item, google: Google
) -> None:
    """ALREADY_EXISTS after a creation whose answer was lost, or when two pushes are at it at once."""
    google.faults.fail("GetJob", "NOT_FOUND")
    stage.again().define(item)
    google.faults.fail("GetJob", "NOT_FOUND")
    assert stage.runtime.define(item) == f"{item.name}:1"


def test_an_image_that_is_gone_is_said(stage: Stage) -> None:
    """With Google's own reason, and at the push rather than at the first run."""
    stage.permit("dev")
    image = stage.world.image("print(1)").rpartition(":")[0] + ":" + "0" * 64
    with pytest.raises(AlError, match=r"Image .* not found"):
        stage.runtime.define(stage.runtime.definition(an_agent(), image))


def test_a_fresh_account_is_waited_for(
    stage: Stage, granting: Any, item: Item, google: Google, manners: Callable[..., None]
) -> None:
    """What was created a moment ago may be said not to exist
    (https://cloud.google.com/iam/docs/service-accounts-create)."""
    google.faults.fail(
        "CreateJob", "INVALID_ARGUMENT", message="Service account x does not exist.", times=2
    )
    assert stage.runtime.define(item) == f"{item.name}:1"


def test_rights_that_are_not_known_yet_are_waited_for(
    stage: Stage, item: Item, google: Google
) -> None:
    """Policies take minutes to spread (https://cloud.google.com/iam/docs/access-change-propagation)."""
    message = "Permission 'iam.serviceaccounts.actAs' denied on service account x"
    google.faults.fail("CreateJob", "PERMISSION_DENIED", message=message, times=2)
    assert stage.runtime.define(item) == f"{item.name}:1"


def test_a_refusal_that_does_not_pass_is_told_at_once(
    stage: Stage, item: Item, google: Google
) -> None:
    """Only what may pass is waited for."""
    google.faults.fail("CreateJob", "PERMISSION_DENIED", message="run.jobs.create denied")
    with pytest.raises(AccessDenied, match=r"run\.jobs\.create denied"):
        stage.runtime.define(item)


def test_older_versions_go_and_kept_ones_stay(stage: Stage) -> None:
    """Only this agent's, and only ours."""
    first, second = stage.defined(QUICK), stage.defined(Play(lines=("two",)))
    other = stage.defined(QUICK, name="other")
    assert stage.runtime.prune("dev", {second}) == (first,)
    assert "is gone" in stage.runtime.trouble(first)
    assert stage.runtime.trouble(second) == stage.runtime.trouble(other) == ""


def test_a_version_that_runs_is_not_pruned_under_it(stage: Stage) -> None:
    """An execution cannot outlive its job: it goes with a later push."""
    first, second = stage.defined(FOREVER), stage.defined(QUICK)
    handle = stage.runtime.launch(a_spec(first))
    assert stage.runtime.prune("dev", {second}) == ()
    stage.runtime.stop(handle)
    eventually(lambda: stage.runtime.states([handle])[handle.run].state.final)
    assert stage.runtime.prune("dev", {second}) == (first,)


def test_an_agent_that_is_gone_leaves_nothing(stage: Stage) -> None:
    """What still runs is cancelled first, since deleting a job with runs is refused."""
    first, second = stage.defined(FOREVER), stage.defined(QUICK)
    stage.runtime.launch(a_spec(first))
    assert set(stage.runtime.prune("dev", ())) == {first, second}
    assert all_jobs(stage) == []
    assert stage.runtime.prune("dev", ()) == ()


def test_a_version_that_is_gone_is_trouble(stage: Stage) -> None:
    """And launching it says what to do."""
    reference = stage.defined(QUICK)
    stage.runtime.prune("dev", ())
    assert stage.runtime.trouble(reference) == f"the job {job_of(reference)} is gone"
    with pytest.raises(AlError) as caught:
        stage.runtime.launch(a_spec(reference))
    assert "al push" in caught.value.hint


def test_names_at_their_limits_can_be_run(stage: Stage) -> None:
    """The longest agent's name: a job, its execution, and its labels."""
    reference = stage.defined(QUICK, name="a" * 64)
    run = a_spec(reference)
    handle = stage.runtime.launch(a_spec(reference, run=type(run.run)(f"{'a' * 64}-1a2b3c4d")))
    eventually(lambda: stage.runtime.states([handle])[handle.run].state is RunState.SUCCEEDED)
    assert len(handle.ids["execution"]) < 63
