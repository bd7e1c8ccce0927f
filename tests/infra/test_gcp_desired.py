"""What a Google Cloud project should hold: names, rights, conditions, and what is refused before anything is sent."""

import re

import pytest

from infra.desired.digest import digest
from infra.desired.gcp import APIS, KINDS
from infra.desired.gcp_gateway import grants
from infra.desired.gcp_marks import mark, marked
from tests.infra.gcp_scenes import (
    IMAGE,
    NUMBER,
    PROJECT,
    ROLE,
    agent,
    environment,
    expressions,
    items,
    roles,
)
from tests.infra.scenes import find, names
from toolkit.clouds.gcp_runs import RUN_PERMISSIONS
from toolkit.core.agent import CredentialRef
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import ConfigError, Conflict, LimitExceeded
from toolkit.core.gcp_names import GcpNames, account_email, account_project, labels_of
from toolkit.core.names import Names

GATEWAYS = ("al_shop_production_hands_over", "al_shop_production_launches")
SECRET_PREFIX = "projects/123456789012/secrets/action-llama--shop--production--runs--dev--"


def test_every_agent_has_an_account_of_its_own() -> None:
    """And the gateway one; nobody shares."""
    assert names(items(), "service_account") == [
        "al-shop-production-dev",
        "al-shop-production-ops",
        "gw-al-shop-production",
    ]


def test_an_agent_may_touch_its_own_run_secrets_and_nothing_else() -> None:
    """One role, under a condition on the beginning of the secrets' names with the project's number: a name with the
    project's id is never what IAM compares (https://cloud.google.com/iam/docs/conditions-resource-attributes)."""
    account = find(items(), "service_account", "al-shop-production-dev")
    assert roles(account) == [f"projects/acme/roles/{ROLE}"]
    assert expressions(account) == [f'resource.name.startsWith("{SECRET_PREFIX}")']


def test_an_agent_s_prefix_is_not_the_beginning_of_another_s() -> None:
    """`dev` and `dev-2`: the separator stands behind the name."""
    wanted = items(agents=("dev", "dev-2"))
    one, other = (
        expressions(find(wanted, "service_account", f"al-shop-production-{name}"))[0]
        for name in ("dev", "dev-2")
    )
    prefix = re.findall(r'"(.*)"', one)[0]
    assert prefix not in other


def test_the_role_holds_what_a_container_asks_for() -> None:
    """Nothing that lists, makes or writes secrets."""
    role = find(items(), "custom_role", ROLE)
    assert role.attributes["permissions"] == sorted(RUN_PERMISSIONS)


def test_there_are_three_roles_whatever_the_number_of_agents() -> None:
    """The agents' one, and two of the gateway: a project has room for 300 (https://cloud.google.com/iam/quotas#limits)."""
    assert names(items(agents=[f"a{n}" for n in range(30)]), "custom_role") == [*GATEWAYS, ROLE]


def test_the_gateway_may_do_what_starting_runs_needs() -> None:
    """Each right is narrowed to its things where Google can narrow it: secrets and databases, and nothing else
    (https://cloud.google.com/iam/docs/conditions-resource-attributes)."""
    account = find(items(), "service_account", "gw-al-shop-production")
    assert roles(account) == [
        *(f"projects/acme/roles/{name}" for name in GATEWAYS),
        "roles/datastore.user",
        "roles/logging.viewer",
        "roles/secretmanager.secretAccessor",
    ]
    own = f"projects/{NUMBER}/secrets/action-llama--shop--production--"
    assert sorted(filter(None, expressions(account))) == [
        'resource.name == "projects/acme/databases/al-shop-production-state"',
        (
            f'resource.name.startsWith("{own}gateway_api_key--default--") || '
            f'resource.name.startsWith("{own}github_token--default--")'
        ),
        f'resource.name.startsWith("{own}runs--")',
    ]


def test_what_the_gateway_may_without_a_condition_changes_nothing() -> None:
    """Looking, and making secrets, which is asked of the project whose name is no secret's; no right to run a job."""
    looks = find(items(), "custom_role", "al_shop_production_launches").attributes["permissions"]
    assert [p for p in looks if not p.endswith((".get", ".list"))] == [
        "secretmanager.secrets.create"
    ]


def test_many_credentials_are_several_conditions() -> None:
    """12 operators in one (https://cloud.google.com/iam/quotas#limits)."""
    many = [CredentialRef(type=f"type_{n}") for n in range(30)]
    cloud, scope = GcpCloud(project=PROJECT, region="r", repository="i"), environment().scope
    found = grants(cloud, scope, NUMBER, many).values()
    readable = [g["expression"] for g in found if g["role"].endswith("secretAccessor")]
    assert [text.count("||") for text in readable] == [12, 12, 4]


def test_with_mounted_secrets_the_gateway_makes_jobs() -> None:
    """Then a run has a job of its own, which only a right on the whole project lets it make."""
    wanted = items(environment(mount_secrets=True))
    looks = find(wanted, "custom_role", "al_shop_production_launches").attributes["permissions"]
    assert {"run.jobs.create", "run.jobs.delete", "run.jobs.runWithOverrides"} <= set(looks)
    dev = find(wanted, "service_account", "al-shop-production-dev").attributes
    assert dev["actors"] == ["gw-al-shop-production"]


def test_a_timer_calls_the_gateway_every_minute_where_something_starts_by_itself() -> None:
    """Five fields, a minute at least (https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules); one agent
    that nothing starts is looked after four times an hour."""
    (often,) = (i for i in items() if i.kind == "timer")
    (seldom,) = (i for i in items(agents=("dev",)) if i.kind == "timer")
    assert (often.name, often.attributes["schedule"]) == ("al-shop-production-timer", "* * * * *")
    assert seldom.attributes["schedule"] == "*/15 * * * *"
    assert often.attributes["account"] == "gw-al-shop-production"


@pytest.mark.parametrize(("instances", "scheduler"), [(0, None), (1, "loop")])
def test_an_instance_that_stays_has_a_processor_and_the_loop(
    instances: int, scheduler: str | None
) -> None:
    """One that comes and goes has neither between requests
    (https://cloud.google.com/run/docs/configuring/billing-settings)."""
    wanted = items(environment(min_instances=instances))
    (service,) = (i.attributes for i in wanted if i.kind == "run_service")
    assert service["cpu_always"] is bool(instances)
    assert service["environment"].get("AL_SCHEDULER") == scheduler


def test_the_gateway_s_service_always_names_its_account() -> None:
    """Without one it would be the project's default account, which is often an editor
    (https://cloud.google.com/run/docs/securing/service-identity)."""
    service = find(items(), "run_service", "al-shop-production-gateway")
    assert service.attributes["account"] == "gw-al-shop-production"


def test_the_gateway_s_instances_follow_the_environment() -> None:
    """As many as the user keeps warm."""
    (service,) = (i for i in items(environment(min_instances=2)) if i.kind == "run_service")
    assert service.attributes["min_instances"] == 2


def test_a_first_push_makes_everything_but_the_service() -> None:
    """There is no image before there is a repository."""
    assert {i.kind for i in items(image=None)} == set(KINDS) - {"run_service", "timer"}


def test_an_image_without_a_digest_is_refused() -> None:
    """What runs is what was checked."""
    with pytest.raises(ConfigError, match="digest"):
        items(image=IMAGE.partition("@")[0] + ":latest")


def test_all_apis_are_wanted() -> None:
    """Each is refused until it is enabled (https://cloud.google.com/service-usage/docs/enable-disable)."""
    assert sorted(APIS) == names(items(), "api")


def test_the_user_s_own_account_is_used_and_not_made() -> None:
    """No role for it either: what it may do is the user's business."""
    wanted = items(environment(service_account="bot@acme.iam.gserviceaccount.com"))
    assert names(wanted, "service_account") == ["gw-al-shop-production"]
    assert names(wanted, "custom_role") == [*GATEWAYS]


def test_the_user_s_own_repository_is_used_and_not_made() -> None:
    """`artifactRegistry` names it."""
    assert names(items(environment(repository="images")), "image_repository") == []


def test_cleaning_up_never_takes_what_has_a_tag() -> None:
    """A job starts the digest that it names, whose tag is the hash of its content; a policy that keeps wins
    (https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy)."""
    (repository,) = (i for i in items() if i.kind == "image_repository")
    rules = repository.attributes["cleanup"].values()
    assert {r["tag_state"] for r in rules if r["action"] == "DELETE"} == {"UNTAGGED"}
    assert {"action": "KEEP", "tag_state": "TAGGED"} in rules


def test_account_ids_fit_and_stay_apart() -> None:
    """6 to 30 characters (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create), and what
    is too long ends in a hash of all of it."""
    long = ["a" * 60 + "-one", "a" * 60 + "-two", "x"]
    found = names(items(agents=long), "service_account")
    assert len(set(found)) == len(long) + 1
    assert [n for n in found if not re.fullmatch(r"[a-z](?=.{5,29}$)[-a-z0-9]*[a-z0-9]", n)] == []


def test_short_legacy_names_get_to_six_characters() -> None:
    """`al-x` is too short for an account."""
    found = names(items(environment(legacy=True), agents=("x",)), "service_account")
    assert [n for n in found if len(n) < 6] == []


def test_two_agents_of_one_account_id_are_refused() -> None:
    """Names are short, so two may be the same; the agents would share their rights."""
    taken = GcpNames(environment(legacy=True).scope).service_account("x").removeprefix("al-")
    with pytest.raises(Conflict, match=f"x and {taken}|{taken} and x"):
        items(environment(legacy=True), agents=("x", agent(taken).name))


def test_a_credential_of_two_agents_is_one_secret() -> None:
    """The same thing twice is no conflict."""
    assert names(items(), "secret") == [
        "action-llama/shop/production/gateway_api_key/default/key",
        "action-llama/shop/production/github_token/default/token",
    ]


def test_a_secret_whose_id_is_too_long_is_refused() -> None:
    """255 characters, after its encoding
    (https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create)."""
    from infra.desired.gcp import desired

    long = (CredentialRef(type="t" * 64, instance="i." * 60), ("field",))
    with pytest.raises(LimitExceeded, match="255"):
        desired(environment(), [], [long], number=NUMBER, gateway_image=None)


def test_more_agents_than_a_policy_holds_are_refused() -> None:
    """64 KiB in all, 1,500 members (https://cloud.google.com/iam/quotas#limits)."""
    assert len(names(items(agents=[f"agent-{n}" for n in range(100)]), "service_account")) == 101
    with pytest.raises(LimitExceeded, match="65536"):
        items(agents=[f"agent-{n}" for n in range(400)])


def test_descriptions_say_whose_a_thing_is() -> None:
    """Accounts and roles have no labels; what is written is read back."""
    tags = Names(environment().scope).tags(agent="dev")
    assert marked(mark(tags)) == tags
    assert marked("Compute Engine default service account") == {}


def test_a_name_too_long_for_a_description_is_refused() -> None:
    """256 bytes (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts#ServiceAccount)."""
    with pytest.raises(LimitExceeded, match="bytes"):
        items(environment(project="p" * 195))


def test_what_people_read_is_cut_to_its_limit() -> None:
    """100 bytes for an account's display name and for a role's title (https://cloud.google.com/iam/quotas#limits)."""
    wanted = items(environment(project="p" * 150))
    texts = [
        i.attributes[k] for i in wanted for k in ("display_name", "title") if k in i.attributes
    ]
    assert {len(text) for text in texts} == {100}


def test_tags_become_labels_that_google_takes() -> None:
    """Lower-case letters, digits, - and _ (https://cloud.google.com/resource-manager/docs/labels-overview)."""
    labels = labels_of(Names(environment(project="Shop.De").scope).tags())
    assert [v for v in labels.values() if not re.fullmatch(r"[a-z0-9_-]{1,63}", v)] == []


def test_another_number_is_another_state() -> None:
    """Conditions hold it: a moved project is a change."""
    assert digest(items()) != digest(items(number="210987654321"))


def test_an_email_of_an_old_organization_s_project() -> None:
    """`example.com:shop` (https://cloud.google.com/iam/docs/service-account-overview)."""
    assert (
        account_email("dev", "example.com:shop") == "dev@shop.example.com.iam.gserviceaccount.com"
    )
    assert account_email("dev", "acme") == "dev@acme.iam.gserviceaccount.com"


@pytest.mark.parametrize("project", ["acme", "example.com:shop"])
def test_an_email_tells_its_project(project: str) -> None:
    """So that no account is asked for without one: then what is absent would look forbidden
    (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/get)."""
    assert account_project(account_email("dev", project)) == project


def test_an_email_of_google_s_own_account_tells_none() -> None:
    """The project's default account has the number in it, and another ending."""
    assert account_project("123456789012-compute@developer.gserviceaccount.com") is None
