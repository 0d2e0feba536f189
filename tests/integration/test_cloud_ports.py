"""The ports of a local cloud can be chosen, and a choice is kept or refused, never replaced."""

from __future__ import annotations

import socket

import pytest

from local.checkout import EMULATOR_PORT_VARIABLE, POSTGRES_PORT_VARIABLE, Checkout
from local.errors import LocalCloudError
from local.ports import LOOPBACK
from tests.support.cloud import CloudFolder
from tests.support.kept_port import kept_port


def test_a_cloud_listens_where_it_is_told(
    cloud_folder: CloudFolder, monkeypatch: pytest.MonkeyPatch
):
    # Given two ports of the user's choice
    with kept_port() as emulator, kept_port() as postgres:
        monkeypatch.setenv(EMULATOR_PORT_VARIABLE, str(emulator))
        monkeypatch.setenv(POSTGRES_PORT_VARIABLE, str(postgres))
        # When the cloud is started
        state = cloud_folder.cloud.up(deploy=False)
    # Then it is there, and nowhere else
    assert (state.emulator_port, state.postgres_port) == (emulator, postgres)


def test_a_named_port_that_is_in_use_is_an_error(
    cloud_folder: CloudFolder, monkeypatch: pytest.MonkeyPatch
):
    # Given a port that somebody else listens on
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv(EMULATOR_PORT_VARIABLE, str(port))
        # When a cloud is to be started there / Then it says so, and nothing runs
        with pytest.raises(LocalCloudError, match=f"Port {port} is in use"):
            cloud_folder.cloud.up(deploy=False)


@pytest.mark.parametrize("text", ["80", "65536", "http", "-1", "１０２４"])
def test_what_is_no_port_is_refused_with_the_range(text: str):
    with pytest.raises(LocalCloudError, match="1024 to 65535"):
        Checkout.locate({EMULATOR_PORT_VARIABLE: text})
