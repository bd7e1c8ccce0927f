"""The Pulumi program for Google Cloud, rendered with Pulumi's own mocks: which inputs it gives to which resource."""

from typing import Any

import pytest

from tests.infra.gcp_scenes import NUMBER, PROJECT, ROLE, environment, items
from tests.infra.rendering import rendered_on_google
from toolkit.core.environment import Scope
from toolkit.core.gcp_names import GcpNames

COMPONENTS = {
    "api": "al:gcp:Api",
    "image_repository": "al:gcp:Images",
    "secret": "al:gcp:Credential",
    "custom_role": "al:gcp:Role",
    "service_account": "al:gcp:Identity",
    "run_service": "al:gcp:Service",
    "timer": "al:gcp:Timer",
}
ACCOUNT, MEMBER = "gcp:serviceaccount/account:Account", "gcp:projects/iAMMember:IAMMember"
SERVICE = "gcp:cloudrunv2/service:Service"
Seen = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def seen() -> Seen:
    found = rendered_on_google(PROJECT, items())
    return {(r.type, r.name): dict(r.inputs) for r in found}


def of(seen: Seen, token: str) -> dict[str, dict[str, Any]]:
    return {name: inputs for (found, name), inputs in seen.items() if found == token}


def test_every_item_is_rendered(seen: Seen) -> None:
    """No desired thing is forgotten by the program."""
    wanted = {(COMPONENTS[item.kind], item.name) for item in items()}
    assert wanted <= set(seen)


def test_everything_names_its_project(seen: Seen) -> None:
    """The provider's own default may be another one."""
    named = [i for (token, _), i in seen.items() if token.startswith("gcp:")]
    assert {inputs.get("project") for inputs in named} == {PROJECT}


def test_ids_are_explicit(seen: Seen) -> None:
    """A generated one could not be found again by the runtimes."""
    ids = {"accountId", "roleId", "secretId", "repositoryId", "service", "name", "member"}
    named = [i for (token, _), i in seen.items() if token.startswith("gcp:")]
    assert [i for i in named if not ids & set(i)] == []


def test_an_account_says_whose_it_is(seen: Seen) -> None:
    """In its description, for it has no labels."""
    assert of(seen, ACCOUNT)["al-shop-production-dev"]["description"] == (
        "al:agent=dev al:environment=production al:managed=true al:project=shop"
    )


def test_a_grant_is_one_member_of_the_project_s_policy(seen: Seen) -> None:
    """With its condition; bindings and policies of Pulumi would take away everybody else's
    (https://www.pulumi.com/registry/packages/gcp/api-docs/projects/iammember/)."""
    (grant,) = (i for n, i in of(seen, MEMBER).items() if n.startswith("al-shop-production-dev-"))
    assert grant["member"] == "serviceAccount:al-shop-production-dev@acme.iam.gserviceaccount.com"
    assert grant["role"] == f"projects/{PROJECT}/roles/{ROLE}"
    assert f"projects/{NUMBER}/secrets/" in grant["condition"]["expression"]
    assert [t for t, _ in seen if "IAMBinding" in t or "IAMPolicy" in t] == []


def test_a_grant_without_a_condition_has_none(seen: Seen) -> None:
    """An empty one would be refused."""
    (logs,) = (i for i in of(seen, MEMBER).values() if i["role"] == "roles/logging.viewer")
    assert logs.get("condition") is None


def test_what_has_labels_has_ours(seen: Seen) -> None:
    """Secrets, the repository and the service."""
    labelled = [i["labels"] for i in seen.values() if "labels" in i]
    assert len(labelled) == 4
    assert {labels["al-project"] for labels in labelled} == {"shop"}


def test_a_secret_has_google_s_name_and_no_value(seen: Seen) -> None:
    """A value would be in Pulumi's state."""
    secrets = of(seen, "gcp:secretmanager/secret:Secret").values()
    assert {s["secretId"] for s in secrets} == {
        "action-llama--shop--production--gateway_api_key--default--key",
        "action-llama--shop--production--github_token--default--token",
    }
    assert [token for token, _ in seen if "secretVersion" in token] == []


def test_apis_stay_enabled(seen: Seen) -> None:
    """Others in the project may use them."""
    apis = of(seen, "gcp:projects/service:Service").values()
    assert {a["disableOnDestroy"] for a in apis} == {False}


def test_cleanup_is_no_dry_run(seen: Seen) -> None:
    """https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy-overview"""
    (repository,) = of(seen, "gcp:artifactregistry/repository:Repository").values()
    assert repository["cleanupPolicyDryRun"] is False
    assert {p["action"] for p in repository["cleanupPolicies"]} == {"DELETE", "KEEP"}


def test_the_service_runs_the_gateway_by_digest(seen: Seen) -> None:
    """As its own account, and destroyable: Pulumi protects services unless told otherwise."""
    (service,) = of(seen, SERVICE).values()
    template = service["template"]
    assert service["deletionProtection"] is False
    assert template["serviceAccount"] == "gw-al-shop-production@acme.iam.gserviceaccount.com"
    assert "@sha256:" in template["containers"][0]["image"]
    assert template["containers"][0]["commands"] == ["python3", "-P", "-m", "gateway.server"]


def test_everybody_may_call_the_gateway(seen: Seen) -> None:
    """Webhook senders have no Google account; the gateway checks its own key
    (https://cloud.google.com/run/docs/authenticating/public).  Everybody cannot be given a condition
    (https://cloud.google.com/iam/docs/conditions-overview#limitations)."""
    (invoker,) = of(seen, "gcp:cloudrunv2/serviceIamMember:ServiceIamMember").values()
    assert invoker.get("condition") is None
    assert (invoker["role"], invoker["member"]) == ("roles/run.invoker", "allUsers")


def test_what_is_there_already_is_imported() -> None:
    """By type and name, wherever in the program."""
    ref = f"projects/{PROJECT}/serviceAccounts/al-shop-production-dev@acme.iam.gserviceaccount.com"
    found = rendered_on_google(PROJECT, items(), {(ACCOUNT, "al-shop-production-dev"): ref})
    assert [r.name for r in found if r.import_id == ref] == ["al-shop-production-dev"]


def test_ours_is_the_repository_that_has_our_name() -> None:
    """The program makes none where the user names one."""
    found = rendered_on_google(PROJECT, items(environment(repository="theirs")))
    assert [r for r in found if "artifactregistry" in r.type] == []
    assert GcpNames(Scope(project="a", environment="b")).repository == "al-a-b-images"


def test_the_timer_calls_the_gateway_as_the_gateway(seen: Seen) -> None:
    """With an identity token for the service's own address, which is what the gateway asks of it
    (https://cloud.google.com/scheduler/docs/http-target-auth)."""
    (timer,) = of(seen, "gcp:cloudscheduler/job:Job").values()
    target = timer["httpTarget"]
    assert (target["uri"], target["httpMethod"]) == ("https://x/tick", "POST")
    email = "gw-al-shop-production@acme.iam.gserviceaccount.com"
    assert target["oidcToken"] == {"serviceAccountEmail": email, "audience": "https://x"}
    assert timer["attemptDeadline"] == "120s"


def test_with_mounted_secrets_the_gateway_may_act_as_the_agents() -> None:
    """By each account's own policy: conditions in the project's know no accounts
    (https://cloud.google.com/iam/docs/conditions-resource-attributes)."""
    found = rendered_on_google(PROJECT, items(environment(mount_secrets=True)))
    members = [r.inputs for r in found if r.type == "gcp:serviceaccount/iAMMember:IAMMember"]
    gateway = "serviceAccount:gw-al-shop-production@acme.iam.gserviceaccount.com"
    assert [(m["role"], m["member"]) for m in members] == [
        ("roles/iam.serviceAccountUser", gateway)
    ] * 2
