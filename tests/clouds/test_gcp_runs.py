"""What an agent's runs may touch on Google Cloud."""

from toolkit.clouds.gcp_runs import RUN_PERMISSIONS, run_account, run_condition
from toolkit.core.environment import GcpCloud, Scope
from toolkit.core.gcp_names import GcpNames

NAMES = GcpNames(Scope(project="shop", environment="staging"))


def test_the_condition_names_the_agents_own_run_secrets_by_the_projects_number() -> None:
    """IAM sees `projects/NUMBER/secrets/...`, and an agent whose name begins with another's is another
    (https://cloud.google.com/iam/docs/conditions-resource-attributes)."""
    assert run_condition(NAMES, "123456789012", "dev") == (
        'resource.name.startsWith("projects/123456789012/secrets/action-llama--shop--staging--runs--dev--")'
    )


def test_runs_may_neither_list_nor_make_secrets() -> None:
    """Their own is known by its name, which is 128 random bits."""
    assert set(RUN_PERMISSIONS) == {
        "secretmanager.versions.access",
        "secretmanager.secrets.get",
        "secretmanager.secrets.delete",
    }


def test_runs_in_a_project_of_an_organization_of_old_have_an_account_that_there_is() -> None:
    """The e-mail has the domain behind the project, which the project's id has before it
    (https://cloud.google.com/iam/docs/service-account-overview#identifying-service-accounts)."""
    cloud = GcpCloud(project="example.com:shop-1", region="europe-west1", repository="images")
    assert run_account(NAMES, cloud, "dev") == (
        "al-shop-staging-dev@shop-1.example.com.iam.gserviceaccount.com"
    )
