"""Who builds images in a cloud: nobody unless the environment says so, and then with the rights to one repository."""

from dataclasses import replace

from infra.desired import operator
from infra.desired.builds import aws_items, gcp_items
from infra.desired.gcp import APIS, apis
from infra.desired.policy import INLINE_SIZE, text
from tests.infra.scenes import ACCOUNT, environment, items
from toolkit.core.environment import GcpCloud

CODEBUILD = environment(images={"builder": "codebuild"})
GOOGLE = GcpCloud(project="shop-1", region="europe-west1", repository="al-images")


def test_without_such_a_builder_there_is_no_role() -> None:
    """Nor an account, nor a right of the operator."""
    assert list(aws_items(environment(images={"builder": "docker"}))) == []
    assert list(gcp_items(environment(), GOOGLE)) == []
    assert "codebuild" not in text(operator.policies(environment())["deploy"])
    assert apis(environment()) == APIS


def test_codebuilds_role_may_push_to_the_bases_repository_and_no_more() -> None:
    """No secret, no table, no other repository; its log is a stream that no agent may write."""
    (role,) = aws_items(CODEBUILD)
    assert role in items(CODEBUILD)
    statements = {s["Sid"]: s for s in role.attributes["policy"]["Statement"]}
    assert sorted(statements) == ["KeepWhatWasBuilt", "LogInToTheRegistry", "WriteItsLog"]
    own = statements["KeepWhatWasBuilt"]
    assert (
        own["Resource"] == f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/al-shop-production/base"
    )
    assert "ecr:PutImage" in own["Action"]
    assert statements["WriteItsLog"]["Resource"].endswith(
        ":log-group:/ecs/al-shop-production:log-stream:-build/*"
    )
    (trusted,) = role.attributes["trust"]["Statement"]
    assert trusted["Principal"] == {"Service": "codebuild.amazonaws.com"}
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_a_base_of_ones_own_can_be_pulled() -> None:
    """Where it is ECR's, by name."""
    base = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/mine/base:1"
    (role,) = aws_items(environment(images={"builder": "codebuild", "base": base}))
    found = [
        s["Resource"]
        for s in role.attributes["policy"]["Statement"]
        if s["Sid"] == "BuildUponTheBase"
    ]
    assert found == [f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/mine/base"]


def test_the_boundary_is_its_too() -> None:
    """As of every role that we make."""
    bounded = replace(CODEBUILD, cloud=replace(CODEBUILD.cloud, permission_boundary="arn:b"))  # type: ignore[type-var]
    (role,) = aws_items(bounded)
    assert role.attributes["boundary"] == "arn:b"


def test_the_operator_may_build_in_its_own_project_only() -> None:
    """And hand CodeBuild the role; all of it still fits into a role's inline policies."""
    document = operator.policies(CODEBUILD)["deploy"]
    rendered = text(document)
    assert f"arn:aws:codebuild:eu-central-1:{ACCOUNT}:project/al-shop-production--build" in rendered
    assert "codebuild.amazonaws.com" in rendered
    assert len(rendered) <= INLINE_SIZE


def test_cloud_builds_account_may_push_images_and_write_its_log() -> None:
    """Under a condition on the repository; the API is enabled only where it builds."""
    there = environment(images={"builder": "cloudbuild"})
    (account,) = gcp_items(there, GOOGLE)
    assert account.name == "bd-al-shop-production"
    grants = account.attributes["grants"].values()
    assert {grant["role"] for grant in grants} == {
        "roles/artifactregistry.writer",
        "roles/logging.logWriter",
    }
    (images,) = [grant for grant in grants if grant["expression"]]
    assert "projects/shop-1/locations/europe-west1/repositories/al-images" in images["expression"]
    assert "cloudbuild.googleapis.com" in apis(there)
