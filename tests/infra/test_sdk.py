"""The shared layer's AWS SDK speaks to the services that it says, and carries no others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from stacks.config import STAGES
from stacks.sdk import SERVICES, carried
from stacks.wheels import unpack

#: Services with a boto3 client in the runtime and in the agents that ship.
USED = {"s3", "secretsmanager", "sqs"}


@pytest.mark.parametrize(
    ("path", "shipped"),
    [
        ("botocore/session.py", True),
        ("botocore/data/endpoints.json", True),
        ("botocore/data/s3/2006-03-01/service-2.json.gz", True),
        ("botocore/data/s3/2006-03-01/examples-1.json", False),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("other/data/ec2/2016-11-15/service-2.json.gz", True),
    ],
)
def test_models_of_other_services_and_examples_stay_behind(path: str, shipped: bool):
    assert carried(PurePosixPath(path)) is shipped


def test_every_carried_service_has_a_client_and_no_other_does(tmp_path: Path):
    from stacks.packaging import RUNTIME_LOCK, _wheels

    # Given the shared layer as the local stage builds it
    unpack(_wheels(STAGES["local"], RUNTIME_LOCK), target=tmp_path, wanted=carried)
    # When a function asks its boto3, and only that, for clients
    script = (
        "import json, sys\n"
        f"sys.path[:0] = [{str(tmp_path)!r}]\n"
        "import boto3\n"
        "session = boto3.Session(region_name='eu-central-1', aws_access_key_id='a',"
        " aws_secret_access_key='s')\n"
        f"[session.client(name) for name in {sorted(SERVICES)!r}]\n"
        "print(json.dumps([boto3.__file__, session.get_available_services()]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    # Then there is one for each service named, and for none besides
    file, available = json.loads(done.stdout)
    assert file.startswith(str(tmp_path))
    assert set(available) == SERVICES
    assert USED <= SERVICES
