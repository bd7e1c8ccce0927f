"""Where images are, for each cloud, and who we are there."""

from dataclasses import replace

import pytest

from toolkit.core.environment import AwsCloud, Cloud, Environment, GcpCloud, Scope
from toolkit.images.auth import EcrLogin, GoogleLogin, login_for
from toolkit.images.homes import home_of

AWS = AwsCloud(region="eu-west-1", account="123456789012")
GOOGLE = GcpCloud(project="my-project", region="europe-west1", repository="images")


def environment(cloud: Cloud) -> Environment:
    return Environment(name="e", scope=Scope(project="p", environment="e"), cloud=cloud)


@pytest.mark.parametrize(
    ("cloud", "host", "path"),
    [
        (AWS, "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "al-p-e-dev"),
        (GOOGLE, "europe-west1-docker.pkg.dev", "my-project/images/al-p-e-dev"),
        (
            replace(GOOGLE, project="example.com:shop"),
            "europe-west1-docker.pkg.dev",
            "example.com/shop/images/al-p-e-dev",
        ),
    ],
)
def test_each_cloud_has_a_registry_of_its_own(cloud: Cloud, host: str, path: str) -> None:
    """The sandbox's is called the same; a colon in an old project's id is a slash
    (https://cloud.google.com/artifact-registry/docs/docker/names)."""
    home = home_of(environment(cloud))
    assert (home.host, home.path("al-p-e-dev")) == (host, path)


@pytest.mark.parametrize("host", ["us-docker.pkg.dev", "europe-west1-docker.pkg.dev", "eu.gcr.io"])
def test_google_s_registries_take_the_cloud_s_token(host: str) -> None:
    """A base may be in another region than the agents."""
    login, eager = login_for(host, GOOGLE)
    assert (type(login), eager) == (GoogleLogin, False)


@pytest.mark.parametrize(
    ("host", "cloud"),
    [
        ("europe-west1-docker.pkg.dev", AWS),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", GOOGLE),
        ("europe-west1-docker.pkg.dev.example.com", GOOGLE),
    ],
)
def test_a_token_goes_to_its_own_cloud_only(host: str, cloud: Cloud) -> None:
    """Another cloud's registry is asked with what `docker login` kept."""
    assert not isinstance(login_for(host, cloud)[0], (EcrLogin, GoogleLogin))
