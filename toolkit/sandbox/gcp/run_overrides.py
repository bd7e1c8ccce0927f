"""What one run may have otherwise than its job: arguments, variables, the number of tasks and their timeout.

https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#overrides: variables are merged with the job's; image,
command, resources, volumes, account and retries are the job's alone.
"""

from collections.abc import Iterator

from google.cloud import run_v2

from .refusals import Violation
from .run_checks import OF_JOBS, count_violations, timeout_violations, variable_violations

Overrides = run_v2.RunJobRequest.Overrides
Override = Overrides.ContainerOverride
_FIELD = "overrides.container_overrides"


def override_violations(
    overrides: Overrides, template: run_v2.ExecutionTemplate
) -> Iterator[Violation]:
    names = {container.name for container in template.template.containers}
    for at, override in enumerate(overrides.container_overrides):
        if override.name not in names and (override.name or len(names) > 1):
            yield Violation(f"{_FIELD}[{at}].name", f"the job has no container '{override.name}'")
        if override.clear_args and override.args:
            yield Violation(f"{_FIELD}[{at}].clear_args", "cannot be set together with args")
        yield from variable_violations(f"{_FIELD}[{at}].env", override.env, OF_JOBS)
    yield from count_violations("overrides", overrides.task_count, 0)
    if "timeout" in overrides:
        yield from timeout_violations("overrides.timeout", overrides.timeout)


def execution_template(
    template: run_v2.ExecutionTemplate, overrides: Overrides
) -> run_v2.ExecutionTemplate:
    """The job's template with the overrides in it."""
    made = run_v2.ExecutionTemplate(template)
    made.task_count = overrides.task_count or made.task_count
    if "timeout" in overrides:
        made.template.timeout = overrides.timeout
    for override in overrides.container_overrides:
        for container in made.template.containers:
            if override.name in {"", container.name}:
                _override(container, override)
    return made


def _override(container: run_v2.Container, override: Override) -> None:
    if override.args or override.clear_args:
        container.args = list(override.args)
    merged = {variable.name: variable for variable in container.env}
    merged |= {variable.name: variable for variable in override.env}
    container.env = list(merged.values())
