"""Actions that a policy of ours allows and that a life in the sandbox does not use, each with what uses it.

The sandbox's engine stands in for Pulumi's AWS provider, so what the provider alone calls is here; its source is
https://github.com/hashicorp/terraform-provider-aws, internal/service.
"""

_READS = "Pulumi's AWS provider reads it when it refreshes the resource in the state"
_RETAGS = "Pulumi's AWS provider takes a tag away that somebody added"
_DRIFT = "Pulumi's AWS provider puts it back when somebody has changed it"
_STATE = "Pulumi keeps its state there; the sandbox's engine keeps its own on this machine"
_BUCKET = (
    "made once, before Pulumi's first run, and removed by al teardown; the sandbox has no bucket"
)

OPERATOR = {
    # Pulumi's provider
    "ec2:AuthorizeSecurityGroupIngress": _DRIFT,
    "ec2:DeleteTags": _RETAGS,
    "ec2:RevokeSecurityGroupEgress": _DRIFT,
    "ec2:RevokeSecurityGroupIngress": _DRIFT,
    "ecr:GetLifecyclePolicy": _READS,
    "ecr:GetRepositoryPolicy": _READS,
    "ecr:PutImageScanningConfiguration": _DRIFT,
    "ecr:PutImageTagMutability": _DRIFT,
    "ecr:UntagResource": _RETAGS,
    "ecs:ListTagsForResource": _READS,
    "ecs:UntagResource": _RETAGS,
    "events:UntagResource": _RETAGS,
    "ecs:UpdateCluster": _DRIFT,
    "lambda:GetFunctionCodeSigningConfig": _READS,
    "lambda:GetPolicy": _READS,
    "lambda:ListTags": _READS,
    "lambda:UntagResource": _RETAGS,
    "lambda:UpdateFunctionUrlConfig": _DRIFT,
    "lambda:GetFunctionEventInvokeConfig": _READS,
    "lambda:DeleteFunctionUrlConfig": "Pulumi's AWS provider removes the URL before its function",
    "logs:UntagResource": _RETAGS,
    "secretsmanager:GetResourcePolicy": _READS,
    "secretsmanager:UntagResource": _RETAGS,
    "secretsmanager:UpdateSecret": _DRIFT,
    "iam:UpdateRole": _DRIFT,
    "s3:DeleteObject": _STATE,
    "s3:GetBucketLocation": _STATE,
    "s3:GetObject": _STATE,
    "s3:PutObject": _STATE,
    # al itself, where nothing is wrong and nothing is old
    "s3:CreateBucket": _BUCKET,
    "s3:DeleteBucket": _BUCKET,
    "s3:DeleteObjectVersion": _BUCKET,
    "s3:GetBucketTagging": _BUCKET,
    "s3:ListBucketVersions": _BUCKET,
    "s3:PutBucketPublicAccessBlock": _BUCKET,
    "s3:PutBucketTagging": _BUCKET,
    "s3:PutBucketVersioning": _BUCKET,
    "s3:PutLifecycleConfiguration": _BUCKET,
    "ec2:DescribeNetworkInterfaces": "al teardown says what still uses a security group that cannot be removed",
    "ec2:DescribeRouteTables": "al doctor follows the routes of subnets that the environment names",
    "ec2:DescribeVpcEndpoints": "al doctor follows the routes of subnets that the environment names",
    "ec2:DescribeVpcs": "Lambda asks for it in the name of whoever puts a function into subnets",
    "ecr:BatchDeleteImage": "al push removes images beyond keepImages",
    "ecs:StopTask": "al stops a Fargate run that is told to, and al teardown those that still run",
    "iam:CreateServiceLinkedRole": "ECS makes its own role in an account that has never used it",
    "iam:DeleteRolePermissionsBoundary": "al doctor -c takes a boundary away that the project does not want",
    "iam:DetachRolePolicy": "al doctor -c and al teardown detach what somebody attached to a role of ours",
    "iam:GetRolePolicy": "al doctor -c reads role by role where it may not read the account's roles at once",
    "iam:ListRoleTags": "Pulumi's AWS provider and the sandbox's engine read a role's tags",
    "iam:UntagRole": "al doctor -c takes a tag of ours away that the project does not want",
    "iam:UpdateAssumeRolePolicy": "al doctor -c puts a trust policy back",
    "lambda:GetAccountSettings": "al doctor reads the limits of a real account",
    "logs:DeleteLogStream": "al teardown AGENT removes its streams from the group that all agents share",
    "logs:DescribeLogStreams": "al teardown AGENT looks for its streams in the group that all agents share",
    "secretsmanager:RestoreSecret": "al push takes back a credential that somebody scheduled for deletion",
    "servicequotas:GetServiceQuota": "al doctor reads the quotas of a real account",
}

# asked for because it is quick, and done without where it is refused
WELCOME = {
    "iam:GetAccountAuthorizationDetails": "al doctor -c reads all roles in one call; without it role by role",
}

ROLES = {
    "logs:DescribeLogStreams": "the gateway looks for the stream of a run that has not said which it writes",
    "logs:FilterLogEvents": "the gateway searches for the lines of a run that has not said its stream",
    "dynamodb:ConditionCheckItem": "the gateway writes a fact only while another one is what it was",
    "ec2:DescribeVpcs": "the gateway says why a task has no network to start in",
    "secretsmanager:DeleteSecret": "the gateway removes the secret of a run that did not read it",
    "ecs:DescribeTasks": "the gateway asks after a task that has not said in the ledger how it ended",
    "ecs:ListTasks": "the gateway finds a task again whose start was not recorded",
    "ecs:StopTask": "the gateway stops a Fargate run that is told to",
}
