"""What AWS documents as its limits, each with its page: the one place for a limit that more than one room checks.

Pure values and rules; asks nobody, and knows nothing of what we call things.
"""

import re

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html, and the same for Lambda:
# https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html
MOST_SUBNETS, MOST_SECURITY_GROUPS = 16, 5

# GroupName and Description: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
LONGEST_SECURITY_GROUP = 255
SECURITY_GROUP_TEXT = r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]+"

# bytes: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
LARGEST_SECRET = 65_536
# characters: SecretNameType of https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html,
# whose own Name may be longer, but the other operations take no more
LONGEST_SECRET_NAME = 256
_CHARACTERS = r"[A-Za-z0-9/_+=.@-]"
# read as the random end of an ARN: https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
_LIKE_ARN = r"-[A-Za-z0-9]{6}$"
SECRET_NAME = rf"(?!.*{_LIKE_ARN}){_CHARACTERS}+"


def retention(days: int) -> int:
    """The shortest retention that CloudWatch Logs offers and that keeps lines for `days`; its longest, if none."""
    return next((d for d in RETENTION_DAYS if d >= days), RETENTION_DAYS[-1])


def secret_name_problem(name: str) -> str:
    """Why Secrets Manager would refuse or misread `name`, or ""."""
    if not re.fullmatch(f"{_CHARACTERS}+", name):
        return "has characters other than letters, digits and /_+=.@-"
    if len(name) > LONGEST_SECRET_NAME:
        return f"is longer than {LONGEST_SECRET_NAME} characters"
    if re.search(_LIKE_ARN, name):
        return "ends in a hyphen and six characters, which AWS takes for the end of an ARN"
    return ""
