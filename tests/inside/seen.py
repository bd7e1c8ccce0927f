"""The variables that an agent's commands see, on every platform: a closed list, so that nothing slips in."""

import re

OURS = frozenset(
    {
        *("AL_AGENT", "AL_ENVIRONMENT", "AL_PROJECT", "AL_RUN_ID", "AL_RUNTIME"),
        *("AL_CREDENTIALS_PATH", "AL_ENV_FILE", "AL_INIT", "AL_MASKED", "AL_SIGNAL_DIR"),
        *("GIT_TEMPLATE_DIR", "HOME", "TMPDIR", "PROMPT", "PATH", "PYTHONUNBUFFERED"),
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
    }
)
# what a shell and a container set for themselves, and Python where there is no locale (https://peps.python.org/pep-0538/)
SHELL = frozenset({"_", "OLDPWD", "PWD", "SHLVL", "HOSTNAME", "LC_CTYPE"})
GATEWAY = frozenset({"GATEWAY_URL", "SHUTDOWN_SECRET"})
"""What comes with a gateway; the secret is this run's alone."""
# what a program needs to find its language and its network, where there is no image to say it
HOST = frozenset(
    {
        *("LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    }
)
GITHUB = frozenset(
    {
        *("GITHUB_TOKEN", "GH_TOKEN", "GIT_TERMINAL_PROMPT"),
        *("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"),
    }
)
"""What comes with a github_token."""

NAMES = "export -p"
"""Prints them, in a shell, each behind a word of its own."""


def names(text: str) -> set[str]:
    """What NAMES has printed somewhere in `text`."""
    return set(re.findall(r"\bexport ([A-Za-z_]\w*)\b", text))
