"""Who still writes a journal: an open journal file in, a judgement out.

The owner holds ``flock`` on its journal for as long as it lives, so there is no heartbeat on local disks: a sleeping laptop and a stopped
kernel are alive. Where locks cannot be trusted (network file systems, files of another machine) only silence tells, and it tells slowly.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from nbtrack.store.filelock import try_lock, unlock
from nbtrack.store.ids import boot_id

SILENT_S = 5 * 60
UNLINK_AFTER_S = 7 * 86_400
YOUNG_S = 60

_NETWORK_TYPES = {
    "nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "9p", "afs", "coda", "ncpfs", "lustre",
    "gpfs", "beegfs", "ceph", "glusterfs", "orangefs", "pvfs2", "ocfs2", "gfs2", "vboxsf", "prl_fs", "vmhgfs", "drvfs", "virtiofs", "fuse",
}  # fmt: skip
_LOCAL_FUSE = {"fuseblk", "fuse.ntfs-3g", "fuse.ntfs", "fuse.exfat", "fuse.lxcfs"}


class Owner(Enum):
    """What is known of the process that wrote a journal."""

    ALIVE = "alive"  # leave the file; ingest what is complete
    SILENT = "silent"  # nobody heard of it for minutes: show its runs as killed, keep the file, take it back when it speaks
    FINISHED = "finished"  # it will never write again, and this descriptor now holds its lock: ingest to the end, then unlink


def judge_owner(fd: int, header: Mapping[str, Any] | None = None, *, network: bool = False, now: float | None = None) -> Owner:
    """Judge the owner of the journal open as ``fd``, which must be opened for reading and writing.

    ``header`` is the head of its HEADER frame (None or empty when unreadable), ``network`` whether its folder is on a network file system
    (``on_network``), ``now`` the wall clock in seconds (for tests).

    After FINISHED the caller owns the file until it closes ``fd``: nobody else can come to the same judgement meanwhile, so it reads to
    the end with ``scan(..., final=True)``, commits, unlinks, and only then closes. Look at ``os.fstat(fd).st_nlink`` after the judgement:
    0 means that another ingester was faster and everything is in. Whether the process ended in order is another question: a ROTATE or
    CLOSE frame says yes, and of a journal's generations only the last one counts.
    ALIVE and SILENT leave the file unlocked by this descriptor. Never raises for a file system without locks.
    """
    header = header or {}
    status = os.fstat(fd)
    now = time.time() if now is None else now
    silent_s = now - status.st_mtime
    try:
        locked = try_lock(fd)
        lockable = True
    except OSError:
        locked = lockable = False
    if lockable and not (network or _is_foreign(header)):
        if not locked:
            return Owner.ALIVE
        if not header and silent_s < YOUNG_S and os.name == "nt":  # there a file gets its name before its lock
            unlock(fd)
            return Owner.ALIVE
        return Owner.FINISHED
    if locked and silent_s >= UNLINK_AFTER_S:
        return Owner.FINISHED
    if locked:
        unlock(fd)
    return Owner.SILENT if silent_s >= SILENT_S else Owner.ALIVE


def has_ended(path: Path, header: Mapping[str, Any] | None = None) -> bool:
    """Tell whether nobody writes a local journal any more, without keeping its lock: whoever ingests it then judges for itself."""
    try:
        fd = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        return judge_owner(fd, header) is Owner.FINISHED
    finally:
        os.close(fd)


def on_network(folder: Path | str) -> bool:
    """Tell whether a folder (existing or not) is on a network or FUSE file system, by the table of mounts."""
    import psutil

    place = os.path.realpath(folder)
    best, kind = "", ""
    for mount in psutil.disk_partitions(all=True):
        point = mount.mountpoint.rstrip(os.sep) + os.sep
        if len(point) >= len(best) and (place + os.sep).startswith(point):
            best, kind = point, mount.fstype.lower()
            remote = "remote" in mount.opts.split(",")  # Windows tells it here
            kind = "smb" if remote else kind
    return kind in _NETWORK_TYPES or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)


def _is_foreign(header: Mapping[str, Any]) -> bool:
    """Another running kernel wrote it: its locks do not reach us. A container of this machine has the same boot and is not foreign."""
    boot, host = header.get("boot"), header.get("host")
    if not boot or boot == boot_id():
        return False
    return bool(host) and host != host_name()


def host_name() -> str:
    """Name this machine as the HEADER frame does."""
    import socket

    return socket.gethostname()
