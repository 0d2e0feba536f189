"""The local cloud is started once, found again, stopped whole, and shares a machine with others."""

from __future__ import annotations

import socket
from contextlib import closing
from threading import Thread

import psycopg2
import pytest

from local.errors import LocalCloudError, NotRunning
from local.ports import LOOPBACK, choose
from local.process.identity import ProcessIdentity
from local.state import CloudState, Phase
from tests.support.cloud import CloudFolder
from tests.support.kept_port import kept_port


def test_a_second_up_finds_the_first_ones_cloud(cloud_folder: CloudFolder):
    # Given a cloud
    first = cloud_folder.cloud.up(deploy=False)
    # When it is started again
    second = cloud_folder.cloud.up(deploy=False)
    # Then nothing new runs, and it is the one on file
    assert second == first == cloud_folder.cloud.state()


@pytest.mark.usefixtures("data_at_hand")
def test_two_ups_at_once_take_turns(cloud_folder: CloudFolder):
    # Given two starts at the same time
    found: list[CloudState] = []
    threads = [
        Thread(target=lambda: found.append(cloud_folder.cloud.up(deploy=False))) for _ in range(2)
    ]
    # When both have ended
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Then they speak of one cloud
    assert len(found) == 2
    assert found[0].supervisor == found[1].supervisor


@pytest.mark.usefixtures("data_at_hand")
def test_nothing_listens_beyond_loopback(cloud_folder: CloudFolder):
    # Given a cloud
    state = cloud_folder.cloud.up(deploy=False)
    ports = (state.emulator_port, state.postgres_port)
    # When another address of this machine is tried (all of 127/8 is local)
    for port in ports:
        assert port is not None
        with socket.socket() as probe:
            # Then nobody answers there
            assert probe.connect_ex(("127.0.0.2", port)) != 0


@pytest.mark.usefixtures("data_at_hand")
def test_down_keeps_the_data_and_the_ports(cloud_folder: CloudFolder):
    # Given a cloud with a row in its database
    before = cloud_folder.cloud.up(deploy=False)
    with closing(psycopg2.connect(before.database_url)) as connection, connection:
        connection.cursor().execute("CREATE TABLE kept AS SELECT 7 AS n")
    # When it is stopped and started again
    assert cloud_folder.cloud.down() is True
    assert cloud_folder.processes() == {}
    with kept_port(before.emulator_port or 0), kept_port(before.postgres_port or 0):
        with pytest.raises(NotRunning, match="muster up"):
            cloud_folder.cloud.state()
        after = cloud_folder.cloud.up(deploy=False)
    # Then the row is there, and the ports are the same
    with closing(psycopg2.connect(after.database_url)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT n FROM kept")
        assert cursor.fetchone() == (7,)
    assert (after.emulator_port, after.postgres_port) == (
        before.emulator_port,
        before.postgres_port,
    )


def test_purge_removes_the_data(cloud_folder: CloudFolder):
    # Given a cloud that has run
    cloud_folder.cloud.up(deploy=False)
    # When it is purged
    assert cloud_folder.cloud.down(purge=True) is True
    # Then only the lock file of the commands is left, and another purge finds nothing
    assert [path.name for path in cloud_folder.path.iterdir()] == ["command.lock"]
    assert cloud_folder.cloud.down(purge=True) is False


@pytest.mark.usefixtures("data_at_hand")
def test_a_taken_port_is_left_to_its_owner(cloud_folder: CloudFolder):
    # Given a stopped cloud whose ports are taken by others meanwhile
    before = cloud_folder.cloud.up(deploy=False)
    cloud_folder.cloud.down()
    with socket.socket() as one, socket.socket() as two:
        for other, port in ((one, before.emulator_port), (two, before.postgres_port)):
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((LOOPBACK, port))
            other.listen()
        # When it is started
        after = cloud_folder.cloud.up(deploy=False)
    # Then it took other ports
    taken = {before.emulator_port, before.postgres_port}
    assert taken.isdisjoint({after.emulator_port, after.postgres_port})


@pytest.mark.usefixtures("data_at_hand")
def test_two_checkouts_run_side_by_side(
    cloud_folder: CloudFolder, second_cloud_folder: CloudFolder
):
    # Given two clouds
    one = cloud_folder.cloud.up(deploy=False)
    two = second_cloud_folder.cloud.up(deploy=False)
    # When one is stopped
    cloud_folder.cloud.down()
    # Then they shared nothing, and the other one runs on
    assert one.nonce != two.nonce
    assert {one.emulator_port, one.postgres_port}.isdisjoint({two.emulator_port, two.postgres_port})
    assert second_cloud_folder.cloud.state() == two


@pytest.mark.usefixtures("data_at_hand")
def test_a_stale_state_file_is_recognised(cloud_folder: CloudFolder):
    # Given the state of a cloud from before a reboot, whose pids belong to others by now: to this test
    own = ProcessIdentity.own()
    stale = ProcessIdentity(pid=own.pid, started="another boot:1")
    CloudState(
        phase=Phase.RUNNING, supervisor=stale, children=(stale,), emulator_port=choose(None)
    ).write(cloud_folder.checkout.state_file)
    # When the cloud is looked at, stopped and started
    with pytest.raises(NotRunning):
        cloud_folder.cloud.state()
    assert cloud_folder.cloud.down() is False
    started = cloud_folder.cloud.up(deploy=False)
    # Then this process lives, and the cloud is a new one
    assert own.alive()
    assert started.supervisor is not None
    assert started.supervisor.pid != own.pid


@pytest.mark.usefixtures("data_at_hand")
def test_an_unreadable_state_file_is_no_obstacle(cloud_folder: CloudFolder):
    # Given a state file that was cut off
    cloud_folder.checkout.state_file.write_text('{"phase": "runn')
    # When the cloud is started
    state = cloud_folder.cloud.up(deploy=False)
    # Then it runs
    assert cloud_folder.cloud.state() == state


def test_a_missing_emulator_is_named_with_its_cure(cloud_folder: CloudFolder):
    # Given a checkout that was never set up
    bare = type(cloud_folder)(path=cloud_folder.path)
    bare.checkout.logs.mkdir(parents=True)
    from local.emulator import Emulator

    checkout = type(bare.checkout)(root=cloud_folder.path, state=cloud_folder.path)
    # When its emulator is started
    # Then the error says what to do
    with pytest.raises(LocalCloudError, match="make setup"):
        Emulator.start(checkout=checkout, port=1, nonce="n")
