"""The wheelhouse: what set-up downloads for layers, and when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.wheelhouse import LAMBDA_ARM64, LOCAL, ROOT, TARGETS, WHEELHOUSE, Target, fill, locks
from stacks.wheels import read_lock


class Downloads:
    """Stands in for pip: leaves one wheel for each lock and remembers who asked."""

    def __init__(self) -> None:
        self.locks: list[str] = []

    def __call__(self, lock: Path, folder: Path, target: Target) -> None:
        self.locks.append(lock.name)
        (folder / f"{lock.stem}-1-py3-none-any.whl").write_bytes(lock.read_bytes())


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "runtime.txt"
    path.write_text("one==1")
    return path


def test_a_lock_is_downloaded_once(tmp_path: Path, lock: Path):
    # Given a wheelhouse that was filled
    downloads = Downloads()
    fill(LOCAL, [lock], wheelhouse=tmp_path, download=downloads)
    # When it is filled again
    fill(LOCAL, [lock], wheelhouse=tmp_path, download=downloads)
    # Then nothing more was downloaded
    assert downloads.locks == ["runtime.txt"]


def test_a_changed_lock_is_downloaded_and_the_others_are_not(tmp_path: Path, lock: Path):
    # Given two locks that were served
    other = tmp_path / "other.txt"
    other.write_text("two==2")
    downloads = Downloads()
    fill(LOCAL, [lock, other], wheelhouse=tmp_path, download=downloads)
    # When one of them changes
    other.write_text("two==3")
    fill(LOCAL, [lock, other], wheelhouse=tmp_path, download=downloads)
    # Then only that one is downloaded again
    assert downloads.locks == ["runtime.txt", "other.txt", "other.txt"]


def test_wheels_of_another_interpreter_are_removed(tmp_path: Path, lock: Path):
    # Given a folder that was filled for another Python
    old = Target(tag="local", options=("--python-version=3.10",))
    fill(old, [lock], wheelhouse=tmp_path, download=Downloads())
    stale = tmp_path / "local" / "stale-1-cp310-none-any.whl"
    stale.write_bytes(b"")
    # When it is filled for this one
    fill(LOCAL, [lock], wheelhouse=tmp_path, download=Downloads())
    # Then none of the old ones is left to be taken by mistake
    assert not stale.exists()
    assert (tmp_path / "local" / "runtime-1-py3-none-any.whl").exists()


def test_an_interrupted_download_is_taken_up_again(tmp_path: Path, lock: Path):
    # Given a download that fails
    def broken(_lock: Path, _folder: Path, _target: Target) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(LOCAL, [lock], wheelhouse=tmp_path, download=broken)
    # When set-up runs again
    downloads = Downloads()
    fill(LOCAL, [lock], wheelhouse=tmp_path, download=downloads)
    # Then the lock is not taken for served
    assert downloads.locks == ["runtime.txt"]


def test_the_locks_are_the_shared_layer_and_every_agents_own():
    names = [lock.relative_to(ROOT).as_posix() for lock in locks()]
    assert names[0] == "requirements/runtime.txt"
    assert "lambdas/agents/document-profile/requirements.txt" in names


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.tag)
@pytest.mark.parametrize("lock", locks(), ids=lambda lock: f"{lock.parent.name}/{lock.stem}")
def test_set_up_left_a_wheel_of_every_requirement(target: Target, lock: Path):
    # Given what set-up downloaded
    held = {wheel.name.split("-")[0].lower() for wheel in (WHEELHOUSE / target.tag).glob("*.whl")}
    # When a lock's requirements are looked up / Then each is there
    wanted = {requirement.name.replace("-", "_") for requirement in read_lock(lock)}
    assert wanted - held == set()


def test_the_clouds_wheels_are_the_clouds():
    compiled = [
        wheel.name
        for wheel in (WHEELHOUSE / LAMBDA_ARM64.tag).glob("*.whl")
        if not wheel.name.endswith("-any.whl")
    ]
    assert compiled
    assert [name for name in compiled if "aarch64" not in name] == []
