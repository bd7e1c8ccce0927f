"""The workflow of GitHub Actions that deploys one environment, as text.  Pure: the same facts are the same bytes.

Laws that tests hold: no key and no secret anywhere, nothing of an event in a command, permissions job by job and the
least there are, never `pull_request_target`, a time limit on every job, one deployment at a time.

Actions are named by their major version: a commit's SHA is safer, and cannot be checked without a network.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from infra.desired.oidc import Repository

PYTHON = "3.11"  # as in the base image, where the same code runs
CHECKOUT = "actions/checkout@v6"
SETUP_PYTHON = "actions/setup-python@v6"
PULUMI = "pulumi/actions@v7"
CREDENTIALS = "aws-actions/configure-aws-credentials@v6"
GOOGLE = "google-github-actions/auth@v3"
DEPLOY_MINUTES = 45  # a first `up` with a slow provider; GitHub's own limit is six hours
PLAN_MINUTES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What CI has to know.  `role` and `plan_role` are ARNs; without `plan_role` pull requests start nothing.

    On Google Cloud `provider` is the workload identity provider's full name, `account` the project's id, and `role` the
    e-mail of a service account.
    """

    project: str
    environment: str
    account: str
    region: str
    table: str  # of the environment's state
    repository: Repository
    branch: str
    directory: str  # the project's, in the repository
    role: str
    plan_role: str | None
    install: str  # what pip gets: one requirement, or `-r FILE`
    pulumi: str  # the CLI's version
    managed: tuple[
        str, ...
    ] = ()  # the parts of `deploy`, where it is too long for an inline policy
    provider: str | None = None

    @property
    def lender(self) -> str:
        """Who lends the role."""
        return "Google" if self.provider else "AWS"


def workflow(deployment: Deployment) -> str:
    """The file, ready to be committed."""
    return "\n".join([*_head(deployment), *_deploy(deployment), *_plan(deployment), ""])


def _text(value: str) -> str:
    """A YAML scalar: JSON's strings are YAML's double-quoted ones, so nothing in a value can end it."""
    return json.dumps(value)


def _head(d: Deployment) -> Iterator[str]:
    yield f"# Written by `al ci init github` for the environment {d.environment}; docs/ci.md explains it."
    yield f"# There is no key in it: GitHub signs who this job is, and {d.lender} lends it {'an account' if d.provider else 'a role'} for an hour."
    yield f"name: {_text(f'al: deploy {d.project} to {d.environment}')}"
    yield ""
    yield "on:"
    yield "  push:"
    yield f"    branches: [{_text(d.branch)}]"
    yield "  workflow_dispatch: {}"
    if d.plan_role:
        yield "  pull_request:"
        yield f"    branches: [{_text(d.branch)}]"
    yield ""
    yield "permissions: {}"
    yield ""
    yield "jobs:"


def _deploy(d: Deployment) -> Iterator[str]:
    here = f"github.event_name != 'pull_request' && github.ref == 'refs/heads/{d.branch}'"
    yield "  deploy:"
    yield f"    if: {_text(here)}"
    yield f"    environment: {_text(d.environment)}"
    yield "    concurrency:"
    yield f"      group: {_text(f'al-{d.project}-{d.environment}')}"
    yield "      cancel-in-progress: false # what is half deployed is finished, not cut off"
    yield from _job(d, DEPLOY_MINUTES)
    yield from _pulumi(d)
    yield from _credentials(d, d.role)
    yield "      # 3 is what runs left behind: work for `al doctor --fix`, and no reason to stop a deployment"
    yield "      - name: Examine the project and the environment"
    yield f'        run: al doctor -E {d.environment} -H --check-only || [ "$?" -eq 3 ]'
    yield "      - name: Push"
    yield f"        run: al push -E {d.environment} -H --skip-creds"


def _plan(d: Deployment) -> Iterator[str]:
    """Of pull requests from branches of this very repository: a fork's gets no token, and would only fail."""
    if not d.plan_role:
        return
    own = (
        "github.event_name == 'pull_request' && "
        "github.event.pull_request.head.repo.full_name == github.repository"
    )
    yield ""
    yield "  plan:"
    yield f"    if: {_text(own)}"
    yield from _job(d, PLAN_MINUTES)
    yield from _credentials(d, d.plan_role)
    yield "      - name: Show what the push would do"
    yield f"        run: al push -E {d.environment} -H --skip-creds --dry-run"


def _job(d: Deployment, minutes: int) -> Iterator[str]:
    requirements = d.install.startswith("-r ")
    yield "    runs-on: ubuntu-latest"
    yield f"    timeout-minutes: {minutes}"
    yield "    permissions:"
    yield "      contents: read"
    yield "      id-token: write"
    yield "    defaults:"
    yield "      run:"
    yield "        shell: bash"
    yield f"        working-directory: {_text(d.directory)}"
    yield "    steps:"
    yield f"      - uses: {CHECKOUT}"
    yield "        with:"
    yield "          persist-credentials: false"
    yield f"      - uses: {SETUP_PYTHON}"
    yield "        with:"
    yield f"          python-version: {_text(PYTHON)}"
    yield "      - name: Install al"
    yield "        env:"
    yield f"          AL_INSTALL: {_text(d.install.removeprefix('-r ').strip() if requirements else d.install)}"
    yield (
        "        run: python -m pip install --disable-pip-version-check --no-input "
        f'{"--requirement " if requirements else ""}"$AL_INSTALL"'
    )


def _pulumi(d: Deployment) -> Iterator[str]:
    yield "      - name: Install the Pulumi CLI # used only when the infrastructure changes"
    yield f"        uses: {PULUMI}"
    yield "        with:"
    yield f"          pulumi-version: {_text(d.pulumi)}"


def _credentials(d: Deployment, role: str) -> Iterator[str]:
    yield from _on_google(d) if d.provider else _on_aws(d, role)


def _on_google(d: Deployment) -> Iterator[str]:
    """It leaves the place of an external account's file in GOOGLE_APPLICATION_CREDENTIALS, with no key in it."""
    yield f"      - name: {_text('Become ' + d.role.partition('@')[0])}"
    yield f"        uses: {GOOGLE}"
    yield "        with:"
    yield f"          project_id: {_text(d.account)}"
    yield f"          workload_identity_provider: {_text(d.provider or '')}"
    yield f"          service_account: {_text(d.role)}"


def _on_aws(d: Deployment, role: str) -> Iterator[str]:
    yield f"      - name: {_text('Become ' + role.rpartition('/')[2])}"
    yield f"        uses: {CREDENTIALS}"
    yield "        with:"
    yield f"          role-to-assume: {_text(role)}"
    yield f"          aws-region: {_text(d.region)}"
    yield f"          allowed-account-ids: {_text(d.account)}"
