"""What the tests of outbound calls share."""

from __future__ import annotations

import pytest

from tests.support.certificates import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that only clients trust which are told its PEM."""
    return Authority(tmp_path_factory.mktemp("certificates"))
