# SPDX-License-Identifier: MIT
"""
A disk whose writes are recorded while machines run on it, for tests/power: everything the guests wrote and every flush
they asked for, in the order of completion, by QEMU's blklogwrites driver. One log a machine start; marks say which step
of the migration wrote what.
"""
import json
import os
import pathlib
import shutil
import subprocess

from . import disks


def place(name):
    """The folder of the recording with this name."""
    return disks.CACHE / "power" / name


class Recorder:
    """
    Records a copy of disk, self.disk, from now on. folder is emptied first; nothing in it counts until finish(). The
    disk copied must stay as it is for as long as the recording is used. With uefi the firmware's variables are behind the
    disk's last byte in the same file, so that one log has the writes of both in their order.
    """

    def __init__(self, folder, disk, uefi=False):
        self.folder, self.base = pathlib.Path(folder), pathlib.Path(disk).absolute()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.disk = self.folder / "disk.raw"
        subprocess.run(["qemu-img", "convert", "-O", "raw", "-S", "4k", self.base, self.disk], check=True)
        self.size = os.stat(self.disk).st_size
        self.variables = empty_variables().read_bytes() if uefi else b""
        with open(self.disk, "ab") as f:
            f.write(self.variables)
        self.logs, self.marks = [], []

    def blockdev(self):
        """QEMU arguments for the nodes "disk" and, with uefi, "variables" of one machine; what it writes goes to a log of its own."""
        log = self.folder / f"{len(self.logs)}.log"
        log.touch()
        self.logs.append(log.name)
        # A flush is logged, and costs nothing: the host's page cache is enough here. It is logged when it is done, and
        # over a raw file without syncing that is at once, so no write slips in between.
        cache = {"no-flush": True}

        def plain(path):
            return {"driver": "raw", "cache": cache, "file": {"driver": "file", "filename": str(path), "cache": cache}}

        node = {"driver": "blklogwrites", "discard": "unmap", "file": plain(self.disk), "log": plain(log)}
        if not self.variables:
            return ["-blockdev", json.dumps(node | {"node-name": "disk"})]
        argv = ["-blockdev", json.dumps(node | {"node-name": "both"})]
        for name, offset, size in ("disk", 0, self.size), ("variables", self.size, len(self.variables)):
            part = {"driver": "raw", "node-name": name, "offset": offset, "size": size, "discard": "unmap", "file": "both"}
            argv += ["-blockdev", json.dumps(part)]
        return argv

    def mark(self, name):
        """What is logged from now on belongs to the step name."""
        last = self.folder / self.logs[-1] if self.logs else None
        self.marks.append({"name": name, "log": max(len(self.logs) - 1, 0), "at": os.stat(last).st_size if last else 0})

    def finish(self, **facts):
        """The recording is complete. facts: whatever the reader needs to know."""
        os.truncate(self.disk, self.size)
        parts = disks.partitions(self.disk)
        starts = [part["start"] * 512 for part in parts]
        with open(self.disk, "rb") as f:  # an ext file system has its superblock at byte 1024, its magic at 56 of that
            superblocks = [at + 1024 for at in starts if f.seek(at + 1080) and f.read(2) == b"\x53\xef"]
        self.disk.unlink()
        if self.variables:
            (self.folder / "variables.fd").write_bytes(self.variables)
        about = {"base": str(self.base), "bytes": self.size, "variables": len(self.variables), "superblocks": superblocks}
        about["esps"] = [(p["start"] * 512, p["size"] * 512) for p in parts if p["type"] == disks.ESP]
        about |= {"logs": self.logs, "marks": self.marks, "digest": digest(), **facts}
        tmp = self.folder / "recording.tmp"
        tmp.write_text(json.dumps(about, indent=1))
        tmp.rename(self.folder / "recording.json")


def empty_variables():
    """What a UEFI machine's variables are before its first start."""
    from . import qemu

    return qemu.OVMF / "OVMF_VARS_4M.fd"


def digest():
    """What a recording depends on beside the tests: the rescue that is built."""
    from . import qemu

    return disks._digest(qemu.RESCUE / "initrd", qemu.RESCUE / "vmlinuz")
