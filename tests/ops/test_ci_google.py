"""`al ci init github` for an environment on Google Cloud: who may become the account, and what the workflow does."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.checkouts import project, repository
from toolkit.core.errors import UsageError
from toolkit.ops import ci
from toolkit.ops.ci import Wish, google

CLOUD = '[cloud]\nprovider = "cloud-run"\nproject = "acme-prod"\nregion = "europe-west1"\n'
NUMBER = "123456789012"
POOL = f"projects/{NUMBER}/locations/global/workloadIdentityPools/al-ci-shop-production"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Project `shop` with the environment `production` on Google Cloud, in a git repository."""
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AL_ENV", raising=False)
    place = project(tmp_path / "shop")
    text = f'{CLOUD}[images]\nbase = "registry.example.com/base:1"\n'
    (place / "environments" / "production.toml").write_text(text)
    return repository(place)


def made(shop: Path, **wish: Any) -> ci.Written:
    usual = {"env": "production", "install": "x[gcp,infra]", "project_number": NUMBER}
    return ci.github(shop, Wish(**{**usual, **wish}))


def settings(written: ci.Written) -> dict[str, str]:
    return dict(pair for step in written.steps for pair in step.settings)


def test_the_job_becomes_the_account_without_a_key(shop: Path) -> None:
    """GitHub's token is exchanged by the provider, and no secret is named anywhere
    (https://github.com/google-github-actions/auth)."""
    text = made(shop).path.read_text()
    steps = yaml.safe_load(text)["jobs"]["deploy"]["steps"]
    (login,) = [step for step in steps if "google-github-actions/auth" in step.get("uses", "")]
    assert login["with"] == {
        "project_id": "acme-prod",
        "workload_identity_provider": f"{POOL}/providers/github",
        "service_account": "ci-al-shop-production@acme-prod.iam.gserviceaccount.com",
    }
    assert "aws" not in text.lower()
    assert "secrets." not in text


def test_only_one_repository_environment_and_branch_gets_in(shop: Path) -> None:
    """All three are compared whole by the provider's condition, and the binding names the subject, not a set
    (https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines#conditions)."""
    found = settings(made(shop))
    assert found["attribute condition"] == (
        "assertion.repository == 'octo/shop' && assertion.environment == 'production' && "
        "assertion.ref == 'refs/heads/main'"
    )
    assert found["issuer"] == "https://token.actions.githubusercontent.com"
    subject = "repo:octo/shop:environment:production"
    assert found["member"] == f"principal://iam.googleapis.com/{POOL}/subject/{subject}"


def test_numbers_keep_out_whoever_takes_over_the_name(shop: Path) -> None:
    """In the condition, and in both forms of the subject."""
    written = made(shop, ids="1/2")
    assert "assertion.repository_id == '2'" in settings(written)["attribute condition"]
    (trust,) = written.to_dict()["trust"].values()
    assert [member.rpartition("/subject/")[2] for member in trust["members"]] == [
        "repo:octo/shop:environment:production",
        "repo:octo@1/shop@2:environment:production",
    ]


def test_the_account_s_id_is_not_one_of_those_that_it_may_change(shop: Path) -> None:
    """Whoever deploys changes the accounts whose ids begin with al-PROJECT-ENVIRONMENT."""
    with pytest.raises(UsageError, match="would change its own"):
        made(shop, role="al-shop-production-ci")
    email = "deployer@other-project.iam.gserviceaccount.com"
    assert made(shop, role=email).deployment.role == email


@pytest.mark.parametrize(
    "role", ["short", "x" * 31, "UPPER-case", "a b c d e f", "x@y.com", "-abcdef"]
)
def test_what_is_no_account_is_refused(shop: Path, role: str) -> None:
    """6-30 characters (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create)."""
    with pytest.raises(UsageError, match="neither a service account"):
        made(shop, role=role)


@pytest.mark.parametrize("number", [None, "acme-prod", "12 34"])
def test_the_project_s_number_has_to_be_said(shop: Path, number: str | None) -> None:
    """Google names providers by it, and nobody is asked for it."""
    with pytest.raises(UsageError, match="number of the project") as refused:
        made(shop, project_number=number)
    assert "--project-number" in refused.value.hint


def test_plans_of_pull_requests_are_of_aws_alone(shop: Path) -> None:
    """Rather than with an account that may deploy."""
    with pytest.raises(UsageError, match="for AWS"):
        made(shop, plan_on_pr=True)


def test_long_names_fit_into_google_s(shop: Path) -> None:
    """An account's id has 30 characters, a pool's 32
    (https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools/create)."""
    (shop / "config.toml").write_text('name = "a-project-with-a-rather-long-name"\n')
    written = made(shop)
    id_ = written.deployment.role.partition("@")[0]
    assert (6 <= len(id_) <= 30, 4 <= len(settings(written)["pool"]) <= 32) == (True, True)


def test_the_account_gets_what_a_push_needs(shop: Path) -> None:
    """The roles that docs/gcp.md names for whoever runs al, and who may become an account is none of them."""
    step = made(shop).steps[1]
    roles = {value for name, value in step.settings if name == "role"}
    assert roles == set(google.ROLES)
    text = Path("docs/gcp.md").read_text(encoding="utf-8")
    assert [role for role in google.ROLES if role not in text] == []
    assert not roles & {"roles/owner", "roles/editor", "roles/iam.workloadIdentityPoolAdmin"}


def test_a_committed_project_is_seen_whole(shop: Path) -> None:
    """And what git does not know is named, as on AWS."""
    assert made(shop).warnings == ()
    (shop / "environments/staging.toml").write_text(CLOUD)
    assert "git add" in made(shop, env="staging", file="al-staging.yml").warnings[0]


def test_a_server_of_ones_own_needs_no_template(shop: Path) -> None:
    """Google compares any claim, so the branch need not be in the subject."""
    written = made(shop, repo="git.example.com/octo/shop")
    assert settings(written)["issuer"] == "https://git.example.com/_services/token"
    assert not [s for s in written.steps if "customization" in " ".join(s.commands)]


def test_a_condition_has_no_pattern_in_it(shop: Path) -> None:
    """Only equality, whatever the branch is called."""
    written = made(shop, branch="release/1.x")
    condition = google.condition(replace(written.deployment))
    assert condition.count("==") == 3
    assert "refs/heads/release/1.x" in condition
