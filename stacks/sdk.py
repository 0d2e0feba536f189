"""How much of the AWS SDK the shared layer carries.

botocore describes every AWS service in files of its own: some two thousand, three quarters of the
layer's, and a cold start has to unpack them. Agents are granted a few services only, so the layer carries
those. An agent that calls another one lists boto3 in its own `requirements.txt`: its layer is laid over
the shared one.
"""

from __future__ import annotations

from pathlib import PurePosixPath

#: Services whose models the shared layer carries, as botocore names their folders.
SERVICES = frozenset(
    {
        "bedrock-runtime",
        "cloudwatch",
        "dynamodb",
        "ecs",
        "events",
        "kms",
        "lambda",
        "logs",
        "s3",
        "scheduler",
        "secretsmanager",
        "sesv2",
        "sns",
        "sqs",
        "ssm",
        "sts",
    }
)

_MODELS = ("botocore", "data")


def carried(path: PurePosixPath) -> bool:
    """Whether the shared layer carries this file of a package."""
    if path.parts[:2] != _MODELS or len(path.parts) <= 3:
        return True  # not of one service
    return path.parts[2] in SERVICES and not path.name.startswith("examples-")
