# SPDX-License-Identifier: MIT
"""Write logs: what QEMU's blklogwrites driver (and the kernel's dm-log-writes target) leaves behind.

Facts from the kernel's Documentation/admin-guide/device-mapper/log-writes.rst and measurements here: sectors of the
size named in the first one; sector 0 holds magic, version, number of entries (three u64, little endian) and the sector
size (u32). Each entry is one sector that begins with sector, number of sectors, flags and data length (four u64), then
its data, except for discards. QEMU leaves the data length 0 and counts the entries anew at each flush only: after
a kill the tail is found by reading on.

Order: QEMU logs a request when it is done, a flush likewise. Over a raw file with no-flush (lib/record.py) a flush is done
at once, so what stands before it was complete when it began, and is durable.
"""
import collections
import os
import struct

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
ENTRY_LIMIT = 5_000_000

# offset and size in bytes on the disk; data: where in the log file, or None for a discard; whole: is never torn
Entry = collections.namedtuple("Entry", "offset size flags log data at whole", defaults=[False])


class BadLog(Exception):
    pass


class Log:
    """One log file, open for reading: entries, and their data."""

    def __init__(self, path, disk_bytes):
        self.path, self.fd = path, os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.disk_bytes = disk_bytes
        self.entries = list(self._scan())

    def close(self):
        os.close(self.fd)

    def _scan(self):
        end = os.fstat(self.fd).st_size
        if end == 0:  # nothing was written
            return
        head = os.pread(self.fd, 28, 0)
        if len(head) < 28:
            raise BadLog(f"{self.path}: no header")
        magic, version, count, sector = struct.unpack("<QQQI", head)
        if magic == version == count == sector == 0:  # killed before the first flush
            count, sector = 0, 512
        elif magic != MAGIC or version != 1 or sector not in (512, 1024, 2048, 4096):
            raise BadLog(f"{self.path}: magic {magic:#x}, version {version}, sector size {sector}")
        at, number = sector, 0
        while at + 32 <= end and number < ENTRY_LIMIT:
            where, sectors, flags, _ = struct.unpack("<QQQQ", os.pread(self.fd, 32, at))
            data = at + sector
            length = 0 if flags & DISCARD else sectors * sector
            bad = flags & ~15 or (where + sectors) * sector > self.disk_bytes or data + length > end
            if number >= count and (bad or (sectors == 0 and not flags & (FLUSH | MARK))):
                return  # the tail of a log that was cut: never complete
            if bad:
                raise BadLog(f"{self.path}: entry {number} at {at} is impossible: {where}, {sectors}, {flags:#x}")
            yield Entry(where * sector, sectors * sector, flags, self, None if flags & DISCARD else data, at)
            at = data + length
            number += 1
        if number < count:
            raise BadLog(f"{self.path}: {number} entries of {count}")


def data_of(entry, start=0, size=None):
    """The bytes an entry wrote; a discard leaves zeros here, as the recorded disk does."""
    size = entry.size - start if size is None else size
    if entry.data is None:
        return bytes(size)
    data = os.pread(entry.log.fd, size, entry.data + start)
    if len(data) != size:
        raise BadLog(f"{entry.log.path}: data at {entry.data} is cut")
    return data
