from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fast_transport import Transport
from tests.support.stubbed_sqs import StubbedSqs, stubbed_sqs


@pytest.fixture
def server() -> Iterator[StubbedSqs]:
    with stubbed_sqs() as server:
        yield server


@pytest.fixture
def transport(server: StubbedSqs) -> Iterator[Transport]:
    made = Transport(server)
    yield made
    made.client.close()
