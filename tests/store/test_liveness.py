"""Locks tell who lives on local disks; silence tells, slowly, where locks do not reach."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from nbtrack.store import liveness
from nbtrack.store.filelock import try_lock
from nbtrack.store.ids import boot_id
from nbtrack.store.liveness import Owner, judge_owner, on_network

HERE = {"host": liveness.host_name(), "boot": boot_id()}
ELSEWHERE = {"host": "another-machine", "boot": "another-boot"}
MINUTES, DAYS = 60, 86_400


class Opened:
    """A journal file seen by its owner (``own``) and by an ingester (``fd``)."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self.own, self.fd = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
        self.written_at = os.fstat(self.fd).st_mtime

    def judge(self, header: dict[str, str], *, network: bool = False, silent_s: float = 0) -> Owner:
        return judge_owner(self.fd, header, network=network, now=self.written_at + silent_s)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    one = Opened(tmp_path / "journal")
    yield one
    for fd in {one.own, one.fd}:
        os.close(fd)


@pytest.mark.parametrize("header", [HERE, {}, {"host": "a-container-of-this-machine", "boot": boot_id()}, {**HERE, "boot": "earlier"}])
def test_on_a_local_disk_only_the_lock_counts_however_long_the_silence(opened: Opened, header: dict[str, str]) -> None:
    try_lock(opened.own)
    assert opened.judge(header, silent_s=30 * DAYS) is Owner.ALIVE


@pytest.mark.parametrize("header", [HERE, {}, {**HERE, "boot": "earlier"}])
def test_a_free_lock_on_a_local_disk_is_a_finished_owner_at_once(opened: Opened, header: dict[str, str]) -> None:
    assert opened.judge(header) is Owner.FINISHED
    assert not try_lock(opened.own), "whoever finds the owner gone holds the file"


@pytest.mark.parametrize(("header", "network"), [(ELSEWHERE, False), (ELSEWHERE, True), (HERE, True), ({}, True)])
@pytest.mark.parametrize("locked", [True, False])
def test_where_locks_do_not_reach_silence_tells(opened: Opened, header: dict[str, str], network: bool, locked: bool) -> None:
    if locked:
        try_lock(opened.own)
    assert opened.judge(header, network=network, silent_s=4 * MINUTES) is Owner.ALIVE
    assert opened.judge(header, network=network, silent_s=6 * MINUTES) is Owner.SILENT
    assert opened.judge(header, network=network, silent_s=6 * DAYS) is Owner.SILENT
    assert opened.judge(header, network=network, silent_s=8 * DAYS) is (Owner.SILENT if locked else Owner.FINISHED)


def test_a_silent_owner_does_not_find_its_file_locked_by_the_judge(opened: Opened) -> None:
    assert opened.judge(ELSEWHERE, silent_s=6 * MINUTES) is Owner.SILENT
    assert try_lock(opened.own)


def test_a_file_system_without_locks_is_judged_by_silence(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int) -> bool:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(liveness, "try_lock", refuse)
    assert opened.judge(HERE) is Owner.ALIVE
    assert opened.judge(HERE, silent_s=6 * MINUTES) is Owner.SILENT
    assert opened.judge(HERE, silent_s=8 * DAYS) is Owner.SILENT


def test_the_wall_clock_is_used_when_no_moment_is_given(opened: Opened) -> None:
    os.utime(opened.fd, (time.time() - 10 * MINUTES,) * 2)
    assert judge_owner(opened.fd, ELSEWHERE) is Owner.SILENT


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("/", False), ("/home/me/project", False), ("/home/team", True), ("/home/team/a/b", True), ("/home/teamwork", False),
     ("/mnt/usb", False), ("/mnt/cloud/x", True), ("/home/team/local/x", False)],
)  # fmt: skip
def test_the_longest_mount_above_a_folder_tells_its_file_system(folder: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = [("/", "ext4"), ("/home/team", "nfs4"), ("/mnt/usb", "fuseblk"), ("/mnt/cloud", "fuse.sshfs"), ("/home/team/local", "xfs")]
    table = [SimpleNamespace(mountpoint=point, fstype=kind, opts="rw") for point, kind in mounts]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: table)
    monkeypatch.setattr(os.path, "realpath", str)
    assert on_network(folder) is expected


def test_the_folder_of_this_test_is_judged_without_an_error(tmp_path: Path) -> None:
    assert on_network(tmp_path / "not" / "there") in {True, False}
