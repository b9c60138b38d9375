# SPDX-License-Identifier: MIT
"""Machines under QEMU (software emulation) and the network they live in.

A Net is a network namespace that is the router between two subnets: 10.77.1.0/24 (the source, 10.77.1.10) and
10.77.2.0/24 (the target, 10.77.2.20). A Machine is one QEMU process inside it. Both are context managers; what
they made is gone when they end. Nothing is found or ended by name.
"""
import contextlib
import ctypes
import itertools
import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import time

from . import disks
from .cpio import Cpio

SOURCE = "10.77.1.10"
TARGET = "10.77.2.20"
# How the rescue is told the target's address; the empty interface means the one NIC there is.
TARGET_IP_ARGUMENT = "ip=10.77.2.20::10.77.2.1:255.255.255.0:vps4711::none"
RESCUE = disks.REPO / "build/rescue/cloud"
OVMF = pathlib.Path("/usr/share/OVMF")

_serial = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


class Net:
    """The router: taps src0 (10.77.1.1) and tgt0 (10.77.2.1) in a namespace of its own. dhcp: True, or more options."""

    def __init__(self, dhcp=False):
        self.name = f"rh{os.getpid()}-{next(_serial)}"
        self.dhcp = dhcp
        self.dnsmasq = None

    def __enter__(self):
        disks.run(["ip", "netns", "add", self.name])
        try:
            for tap, address in ("src0", "10.77.1.1/24"), ("tgt0", "10.77.2.1/24"):
                disks.run(["ip", "-n", self.name, "tuntap", "add", tap, "mode", "tap"])
                disks.run(["ip", "-n", self.name, "address", "add", address, "dev", tap])
                disks.run(["ip", "-n", self.name, "link", "set", tap, "up"])
            disks.run(["ip", "-n", self.name, "link", "set", "lo", "up"])
            disks.run(self.inside("sysctl", "-qw", "net.ipv4.ip_forward=1"))
            if self.dhcp:
                self._start_dhcp()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start_dhcp(self):
        self.dnsmasq = subprocess.Popen(
            self.inside(
                "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=tgt0",
                "--bind-interfaces", "--dhcp-range=10.77.2.100,10.77.2.100,2m", "--dhcp-option=3,10.77.2.1",
                "--dhcp-option=6,10.77.2.1", "--leasefile-ro", "--pid-file=", "--user=root", "--dhcp-authoritative",
                "--no-ping", *(self.dhcp if isinstance(self.dhcp, list) else ()),
            ),
            stderr=subprocess.DEVNULL,
        )

    def __exit__(self, *_):
        if self.dnsmasq:
            self.dnsmasq.terminate()
            self.dnsmasq.wait()
        subprocess.run(["ip", "netns", "del", self.name], check=False)

    def inside(self, *argv):
        """argv run in the namespace. `ip netns exec` replaces itself, so the process is the program."""
        return ["ip", "netns", "exec", self.name, *map(str, argv)]

    def connect(self, host, port, timeout):
        """A TCP connection from the router. A thread enters the namespace; the socket stays there."""
        box = []

        def work():
            fd = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _libc.setns(fd, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
                box.append(socket.create_connection((host, port), timeout))
            except OSError as e:
                box.append(e)
            finally:
                os.close(fd)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if isinstance(box[0], OSError):
            raise box[0]
        return box[0]

    def ssh_argv(self, host, *command, key="operator", user="root", options=()):
        argv = ["ssh", "-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        argv += ["-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=30"]
        argv += ["-o", "ServerAliveCountMax=20", "-o", "IdentitiesOnly=yes"]
        if key:
            argv += ["-o", "BatchMode=yes", "-i", disks.keys() / key]
        return self.inside(*argv, *options, f"{user}@{host}", *command)

    def ssh(self, host, command, key="operator", user="root", check=True, timeout=600, **kw):
        """Runs command on host; returns the finished process (text). check: a failure raises with its output."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(
            self.ssh_argv(host, command, key=key, user=user), text=True, errors="surrogateescape",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, **kw,
        )
        if check and done.returncode:
            raise RuntimeError(
                f"{user}@{host}: {command}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done

    def host_key(self, host):
        """The host's ed25519 key as base64, or None."""
        out = subprocess.run(
            self.inside("ssh-keyscan", "-T", "20", "-t", "ed25519", host), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ).stdout.split()
        return out[2] if len(out) >= 3 else None


class EmulationStalled(Exception):
    """A test failed while the guest's kernel complained of its CPU; make check-vm gives such a test one more try."""


# What the guest's kernel says when the emulation starved a CPU for minutes, or ran code that was patched away long ago.
STALLS = "BUG: soft lockup", "IO-APIC + timer doesn't work", "Oops: int3"


class Machine:
    """
    One QEMU process. kind "source" or "target" decides bus, slot, MAC address and subnet. With record (a record.Recorder)
    it runs on the recorder's disk, and is started once.
    """

    KINDS = {
        # tap, MAC, PCI slot of the NIC, disk bus
        "source": ("src0", "52:54:00:77:01:0a", 3, "virtio"),
        "target": ("tgt0", "52:54:00:77:02:14", 6, "scsi"),
    }

    def __init__(self, net, kind, folder, disk=None, kernel=None, initrd=None, append="", memory=512, bus=None,
                 name=None, uefi=None, secure=False, extra=(), record=None, cpus=1):
        """
        cpus: with more than one, the emulation is no faster, and now and then lets a CPU run stale code (STALLS).
        uefi: path of this machine's own store of UEFI variables, made when it is not there (a qcow2 by its name; savevm needs that);
        None: BIOS. secure: Secure Boot is
        enforced, with Microsoft's keys.
        """
        self.net, self.kind, self.disk = net, kind, disk
        self.name = name or kind
        self.folder = pathlib.Path(folder)
        self.log = self.folder / f"{self.name}.log"
        # A Unix socket's path ends at 107 bytes, wherever the checkout is.
        self.sockets = tempfile.TemporaryDirectory(prefix="rehost-qmp-")
        self.qmp_path = pathlib.Path(self.sockets.name) / "qmp"
        self.kernel, self.initrd, self.append, self.memory = kernel, initrd, append, memory
        tap, mac, slot, default_bus = self.KINDS[kind]
        self.bus = bus or default_bus
        self.argv = [
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-machine", "pc", "-cpu", "max,la57=off", "-smp", str(cpus),
            "-m", str(memory), "-nodefaults", "-display", "none", "-no-reboot", "-name", self.name,
            "-serial", f"file:{self.log}",
            "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
            "-object", "rng-random,filename=/dev/urandom,id=rng", "-device", "virtio-rng-pci,rng=rng,addr=0x8",
            "-netdev", f"tap,id=net,ifname={tap},script=no,downscript=no",
            "-device", f"virtio-net-pci,netdev=net,mac={mac},addr={slot:#x},romfile=",
        ]
        if record and record.variables:
            code = {"driver": "raw", "node-name": "code", "read-only": True,
                    "file": {"driver": "file", "filename": str(OVMF / "OVMF_CODE_4M.fd"), "read-only": True}}
            self.argv += ["-blockdev", json.dumps(code), "-machine", "pflash0=code,pflash1=variables"]
        elif uefi:
            code, variables = "OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"
            if secure:  # needs SMM, so that only the firmware writes variables
                code, variables = "OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd"
                self.argv[self.argv.index("-machine") + 1] = "q35,smm=on"
                self.argv += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
            form = "qcow2" if str(uefi).endswith(".qcow2") else "raw"
            if not pathlib.Path(uefi).exists():
                disks.run(["qemu-img", "convert", "-f", "raw", "-O", form, OVMF / variables, uefi])
            self.argv += [
                "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF / code}",
                "-drive", f"if=pflash,format={form},unit=1,file={uefi}",
            ]
        self.is_uefi = bool(uefi or (record and record.variables))
        self.record = record  # a record.Recorder whose disk this is
        if record:
            disk = self.disk = record.disk
            self.argv += record.blockdev()
        elif disk:
            form = "raw" if str(disk).endswith(".raw") else "qcow2"
            self.argv += ["-drive", f"if=none,id=disk,file={disk},format={form},cache=unsafe,discard=unmap"]
        if disk:
            self.argv += {
                "virtio": ["-device", "virtio-blk-pci,drive=disk,addr=0x7"],
                "scsi": ["-device", "virtio-scsi-pci,addr=0x7", "-device", "scsi-hd,drive=disk,share-rw=on"],
                "sata": ["-device", "ahci,id=ahci,addr=0x7", "-device", "ide-hd,drive=disk,bus=ahci.0"],
            }[self.bus]
        if kernel:
            self.argv += ["-kernel", str(kernel), "-append", append]
            if initrd:
                self.argv += ["-initrd", str(initrd)]
        self.argv += list(extra)
        self.process = None

    @property
    def address(self):
        return SOURCE if self.kind == "source" else TARGET

    def start(self):
        self.log.unlink(missing_ok=True)
        self.qmp_path.unlink(missing_ok=True)
        self.started = time.monotonic()
        with open(self.folder / f"{self.name}.qemu", "w") as out:
            self.process = subprocess.Popen(self.net.inside(*self.argv), stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        return self

    def __enter__(self):
        return self if self.running() else self.start()

    def __exit__(self, error, *_):
        self.kill()
        if error and (stall := next((s for s in STALLS if s in self.console()), None)):
            raise EmulationStalled(f"{self.name}: {stall}")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """The plug is pulled: the process is ended at once."""
        if self.running():
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def wait_exit(self, timeout=120):
        """Waits for the guest to power off or (as -no-reboot makes it) to reboot."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name}: still running after {timeout} s\n{self.console()[-3000:]}") from None

    def console(self):
        try:
            return self.log.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_console(self, text, timeout=120):
        """Waits until text, or what a compiled pattern finds, was printed; returns everything printed."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            out = self.console()
            if text.search(out) if isinstance(text, re.Pattern) else text in out:
                return out
            if not self.running():
                break
            time.sleep(0.2)
        raise TimeoutError(f"{self.name}: no {text!r} on the console\n{self.console()[-3000:]}")

    def wait_banner(self, timeout=180, address=None):
        """Waits for an SSH banner; returns it and the seconds since the start."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.running():
            with contextlib.suppress(OSError):
                with self.net.connect(address or self.address, 22, 2) as s:
                    s.settimeout(10)
                    banner = s.recv(256)
                    if banner.startswith(b"SSH-"):
                        return banner.decode().strip(), time.monotonic() - self.started
            time.sleep(0.1)
        raise TimeoutError(f"{self.name}: no SSH banner after {timeout} s\n{self.console()[-4000:]}")

    def ssh(self, command, **kw):
        return self.net.ssh(self.address, command, **kw)

    def qmp(self, command, timeout=20, **arguments):
        """One QMP command on a connection of its own; returns its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(timeout)
            s.connect(str(self.qmp_path))
            f = s.makefile("rw")
            json.loads(f.readline())
            for request in {"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}:
                f.write(json.dumps(request) + "\n")
                f.flush()
                while "return" not in (reply := json.loads(f.readline())):
                    if "error" in reply:
                        raise RuntimeError(f"{command}: {reply['error']}")
            return reply["return"]

    def monitor(self, line):
        """A line for the human's monitor that says nothing when all is well: savevm, loadvm."""
        if said := self.qmp("human-monitor-command", timeout=300, **{"command-line": line}):
            raise RuntimeError(f"{line}: {said}")

    def writes(self):
        """How many writes and flushes of its disk are done since the start."""
        stats = (row["stats"] for row in self.qmp("query-blockstats"))
        return sum(s["wr_operations"] + s["flush_operations"] for s in stats)

    def power_off(self, timeout=90):
        """Orderly end of a machine with a full system."""
        self.ssh("systemctl poweroff", check=False, timeout=60)
        self.wait_exit(timeout)


def rescue_initrd(folder, authorized_keys="operator source", options=None, name="initrd", full=False, profile="cloud"):
    """The built initrd (full: with the private loader's files) with a cpio appended that carries keys (by name) and options, as an operator would do it."""
    path = pathlib.Path(folder) / name
    cpio = Cpio()
    cpio.add_dir("etc")
    cpio.add_dir("etc/rehost")
    if authorized_keys:
        text = "".join((disks.keys() / f"{who}.pub").read_text() for who in authorized_keys.split())
        cpio.add("etc/rehost/authorized_keys", text, 0o600)
    if options:
        cpio.add("etc/rehost/options", options, 0o600)
    data = (RESCUE.parent / profile / ("initrd-full" if full else "initrd")).read_bytes()
    path.write_bytes(data + b"\0" * (-len(data) % 512) + (cpio.data() if authorized_keys or options else b""))
    return path


def rescue(net, folder, disk, memory=512, append=TARGET_IP_ARGUMENT, name="rescue", authorized_keys="operator source",
           options=None, full=False, profile="cloud", **kw):
    """A target that boots the rescue from kernel and initrd, with its own disk attached."""
    return Machine(
        net, "target", folder, disk=disk, kernel=RESCUE.parent / profile / "vmlinuz",
        initrd=rescue_initrd(folder, authorized_keys, options, name + ".initrd", full, profile),
        append=f"console=ttyS0,115200 panic=30 {append}", memory=memory, name=name, **kw,
    )


def quote(*words):
    return shlex.join(words)
