# SPDX-License-Identifier: MIT
"""A raw disk image that moves along a write log, and makes excursions from it."""
import contextlib
import os
import pathlib
import subprocess
import tempfile

import cuts
import wlog

CHUNK = 1 << 20


class Image:
    """A raw image. apply() is for good; inside excursion() what is overwritten is kept and put back."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.size = os.fstat(self.fd).st_size
        self.saved = None

    def close(self):
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _write(self, offset, data):
        if self.saved is not None:
            self.saved.append((offset, os.pread(self.fd, len(data), offset)))
        os.pwrite(self.fd, data, offset)

    def apply(self, entry, sectors=None):
        """One entry of the log, or of it only the named sectors."""
        if sectors is not None:
            for s in sectors:
                self._write(entry.offset + s * cuts.SECTOR, wlog.data_of(entry, s * cuts.SECTOR, cuts.SECTOR))
            return
        for start in range(0, entry.size, CHUNK):
            self._write(entry.offset + start, wlog.data_of(entry, start, min(CHUNK, entry.size - start)))

    def excursion(self):
        return _Excursion(self)


class _Excursion:
    def __init__(self, image):
        self.image = image

    def __enter__(self):
        self.image.saved = []

    def __exit__(self, *_):
        saved, self.image.saved = self.image.saved, None
        for offset, data in reversed(saved):
            os.pwrite(self.image.fd, data, offset)


class Replay:
    """
    Cuts of one log, visited in order of their base: at() brings the image to a cut for as long as it is held.
    entries must all lie inside the image.
    """

    def __init__(self, image, entries):
        self.image, self.entries, self.base = image, entries, 0

    def forward(self, base):
        if base < self.base:
            raise ValueError(f"cannot go back from {self.base} to {base}")
        for i in range(self.base, base):
            self.image.apply(self.entries[i])
        self.base = base

    def at(self, cut):
        self.forward(cut.base)
        held = self.image.excursion()
        chosen = cuts.choose(self.entries, cut)

        class At:
            def __enter__(at):
                held.__enter__()
                for i, sectors in chosen:
                    self.image.apply(self.entries[i], sectors)
                return self.image

            def __exit__(at, *_):
                held.__exit__()

        return At()


@contextlib.contextmanager
def scratch(need):
    """A folder to replay in, gone at the end: in RAM when there is room for need bytes, because file system checkers sync."""
    shm = pathlib.Path("/dev/shm")
    room = os.statvfs(shm).f_bavail * os.statvfs(shm).f_frsize if shm.is_dir() else 0
    with open("/proc/meminfo") as f:
        free = {k: int(v.split()[0]) for k, v in (line.split(":") for line in f)}["MemAvailable"] * 1024
    with tempfile.TemporaryDirectory(prefix="rehost-power-", dir=shm if min(room, free) > 2 * need else None) as folder:
        yield pathlib.Path(folder)


def data_bytes(path):
    return os.stat(path).st_blocks * 512


def flatten(disk, path):
    """A raw sparse copy of a disk (raw or qcow2 with its backing files)."""
    subprocess.run(["qemu-img", "convert", "-O", "raw", "-S", "4k", disk, path], check=True)

