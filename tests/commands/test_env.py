"""`al env` as it is typed."""

from pathlib import Path

from tests.commands.program import al

CLOUD = '[cloud]\nprovider = "ecs"\naccountId = "123456789012"\nregion = "us-east-1"\n'
SECRETS = """\
[pulumi]
backend = "s3://me:s3cret@bucket"
[telemetry]
endpoint = "https://me:s3cret@example.com/v1"
headers = { Authorization = "Bearer s3cret" }
[models.own]
baseUrl = "https://me:s3cret@example.com"
options = { api_key = "s3cret", extra = [{ url = "http://me:s3cret@x" }] }
[agents.hello]
apiKey = "s3cret"
params = { githubToken = "s3cret", nested = { password = "s3cret" } }
"""


def a_project(cwd: Path) -> Path:
    assert al("new", "shop", cwd=cwd).returncode == 0
    (cwd / "shop" / "environments").mkdir()
    return cwd / "shop"


def test_a_name_that_cannot_be_is_not_bound(tmp_path: Path) -> None:
    """The project stays readable."""
    shop = a_project(tmp_path)
    done = al("env", "set", 'Bad Name"x', cwd=shop)
    assert done.returncode == 2
    assert "is not an environment name" in done.stderr
    assert not (shop / ".env.toml").exists()


def test_a_name_without_a_file_is_bound_with_a_warning(tmp_path: Path) -> None:
    """It may be made afterwards, or live on another machine."""
    shop = a_project(tmp_path)
    done = al("env", "set", "staging", cwd=shop)
    assert done.returncode == 0
    assert "al env init staging" in done.stderr
    assert (shop / ".env.toml").read_text() == 'environment = "staging"\n'


def test_no_secret_of_an_environment_is_shown(tmp_path: Path) -> None:
    """Neither logins in addresses, nor headers, nor what the key's name calls secret; the rest is."""
    shop = a_project(tmp_path)
    (shop / "environments/prod.toml").write_text(CLOUD + SECRETS)
    for form in ((), ("--json",)):
        done = al("env", "show", "prod", *form, cwd=shop)
        assert done.returncode == 0, done.stderr
        assert "s3cret" not in done.stdout + done.stderr
        assert "https://***@example.com/v1" in done.stdout
        assert "123456789012" in done.stdout


def test_what_a_lower_file_says_is_hidden_as_well(tmp_path: Path) -> None:
    """The shadowed value is a secret still."""
    shop = a_project(tmp_path)
    with (shop / "config.toml").open("a") as file:
        file.write('[telemetry]\nendpoint = "https://me:s3cret@example.com"\n')
    (shop / "environments/prod.toml").write_text(
        CLOUD + '[telemetry]\nendpoint = "https://example.com"\n'
    )
    done = al("env", "show", "prod", "--json", cwd=shop)
    assert "https://***@example.com" in done.stdout
    assert "s3cret" not in done.stdout
