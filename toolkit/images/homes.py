"""Where an environment's images are: the registry's host, what a repository's name begins with there, and our login.

The one place where images tell one cloud from another; how old ones are found and deleted is in prune.py.
"""

from dataclasses import dataclass

from toolkit.clouds.gcp import image_host
from toolkit.core.environment import AwsCloud, Environment, GcpCloud
from toolkit.core.errors import ConfigError

from .auth import EcrLogin, GoogleLogin, Login


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """`host` stands in every reference, the sandbox's too; a login that is `eager` is sent unasked."""

    host: str
    login: Login
    eager: bool = False
    folder: str = ""
    records: str = (
        ""  # what the facts about its images begin with, where there may be another home one day
    )
    address: str | None = None  # of the sandbox's registry, which answers for the host

    def path(self, repository: str) -> str:
        """The repository's name within the registry."""
        return f"{self.folder}{repository}"


def home_of(environment: Environment) -> Home:
    """Raises ConfigError where there is no cloud."""
    match environment.cloud:
        case AwsCloud() as cloud:
            login = EcrLogin(cloud)
            return Home(host=ecr_host(cloud), login=login, eager=True, address=cloud.registry)
        case GcpCloud() as cloud:
            host, folder = image_host(cloud), artifact_folder(cloud)
            return Home(
                host=host,
                login=GoogleLogin(cloud),
                folder=folder,
                records=f"{host}/{folder}",
                address=cloud.registry,
            )
        case None:
            raise ConfigError(
                f"the environment {environment.name!r} has no registry: it is this machine",
                hint="name an environment in a cloud with -E, e.g. -E sandbox",
            )


def ecr_host(cloud: AwsCloud) -> str:
    """The account's registry, as it stands in every image reference, the sandbox's too."""
    suffix = ".cn" if cloud.region.startswith("cn-") else ""
    return f"{cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com{suffix}"


def artifact_folder(cloud: GcpCloud) -> str:
    """`PROJECT/REPOSITORY/`; a project of an organization of old, `example.com:shop`, has a slash for its colon
    (https://cloud.google.com/artifact-registry/docs/docker/names)."""
    return f"{cloud.project.replace(':', '/')}/{cloud.repository}/"
