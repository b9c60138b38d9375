# SPDX-License-Identifier: MIT
"""A switch whose ports are network cards of a machine, and whose trunk's VLAN is a tap of the router's namespace.

This host's kernel may know no VLANs. QEMU hands frames over as datagrams, so the tag is put on and taken off here.
"""
import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import tempfile
import threading

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 2, 0x1000
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Trunk:
    """Context manager. ports: MAC addresses of the cards; tap: name of the VLAN's side in the namespace of net."""

    def __init__(self, net, ports, vid, tap, address):
        self.net, self.macs, self.vid, self.tap, self.address = net, ports, vid, tap, address
        self.folder = tempfile.TemporaryDirectory(prefix="rehost-trunk-")
        self.frames = 0

    def _open_tap(self):
        fd = os.open(f"/run/netns/{self.net.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _libc.setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            self.tap_fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(self.tap_fd, TUNSETIFF, struct.pack("16sH22x", self.tap.encode(), IFF_TAP | IFF_NO_PI))
        finally:
            os.close(fd)

    def __enter__(self):
        thread = threading.Thread(target=self._open_tap)  # its network namespace goes with it
        thread.start()
        thread.join()
        for argv in (["address", "add", self.address, "dev", self.tap], ["link", "set", self.tap, "up"]):
            subprocess.run(["ip", "-n", self.net.name, *argv], check=True)
        self.sockets = []
        for i in range(len(self.macs)):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.bind(f"{self.folder.name}/switch{i}")
            self.sockets.append(s)
        self.stop_read, self.stop_write = os.pipe()
        self.thread = threading.Thread(target=self._forward)
        self.thread.start()
        return self

    def __exit__(self, *_):
        os.close(self.stop_write)
        self.thread.join()
        for s in self.sockets:
            s.close()
        for fd in self.stop_read, self.tap_fd:
            os.close(fd)
        self.folder.cleanup()

    def argv(self):
        """Arguments for QEMU: the cards."""
        argv = []
        for i, mac in enumerate(self.macs):
            argv += ["-netdev", f"dgram,id=port{i},local.type=unix,local.path={self.folder.name}/card{i},"
                                f"remote.type=unix,remote.path={self.folder.name}/switch{i}",
                     "-device", f"virtio-net-pci,id=card{i},netdev=port{i},mac={mac},romfile="]
        return argv

    def _forward(self):
        tag = struct.pack("!HH", 0x8100, self.vid)
        at = 0  # the port where the machine spoke last
        while True:
            ready = select.select([self.tap_fd, self.stop_read, *self.sockets], [], [])[0]
            if self.stop_read in ready:
                return
            for i, s in enumerate(self.sockets):
                if s not in ready:
                    continue
                frame = s.recv(65536)
                if frame[12:16] == tag:
                    at = i
                    self.frames += 1
                    os.write(self.tap_fd, frame[:12] + frame[16:])
            if self.tap_fd in ready:
                frame = os.read(self.tap_fd, 65536)
                try:
                    self.sockets[at].sendto(frame[:12] + tag + frame[12:], f"{self.folder.name}/card{at}")
                except OSError:
                    pass  # the machine is not there yet, or no more
