# SPDX-License-Identifier: MIT
"""Writes newc cpio archives, the format of an initramfs and of what is appended to one."""
import stat


class Cpio:
    def __init__(self):
        self._out = bytearray()
        self._inode = 0

    def _entry(self, name, mode, data=b"", device=(0, 0)):
        self._inode += 1
        raw = name.encode() + b"\0"
        fields = [self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0]
        self._out += b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self._out += b"\0" * (-len(self._out) % 4)
        self._out += data
        self._out += b"\0" * (-len(self._out) % 4)

    def add(self, name, data, mode=0o644):
        self._entry(name, stat.S_IFREG | mode, data.encode() if isinstance(data, str) else data)

    def add_dir(self, name, mode=0o755):
        self._entry(name, stat.S_IFDIR | mode)

    def add_device(self, name, major, minor, mode=0o600):
        self._entry(name, stat.S_IFCHR | mode, device=(major, minor))

    def data(self):
        """The finished archive. Nothing can be added after it."""
        self._inode = -1
        self._entry("TRAILER!!!", 0)
        return bytes(self._out) + b"\0" * (-len(self._out) % 512)
