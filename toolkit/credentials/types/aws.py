"""An AWS access key for the agent's own work, which is not how `al` itself reaches AWS."""

from toolkit.core.credential import CredentialType, Field

from ._checks import every, length

PLUGIN = CredentialType(
    id="aws",
    label="AWS access key",
    fields=(
        Field(name="access_key_id", label="Access key id", secret=False, env="AWS_ACCESS_KEY_ID"),
        Field(name="secret_access_key", label="Secret access key", env="AWS_SECRET_ACCESS_KEY"),
        Field(
            name="default_region", label="Default region", secret=False, env="AWS_DEFAULT_REGION"
        ),
    ),
    help_url="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    context="AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION are set: use the aws command or an SDK.",
    check=every(length("access_key_id", 16, 128), length("secret_access_key", 40)),
)
