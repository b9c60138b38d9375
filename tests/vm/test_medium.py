# SPDX-License-Identifier: MIT
"""
A rescue medium that was left attached, beside a disk with the private loader: a confirmed clone is started when nobody comes,
and only then. The disk is test_loader's: real loader and S, old system and clone are GRUBs that say who they are.
"""
import os
import time

import pytest

from lib import disks, media, qemu
from test_loader import Disk, archive

LONG = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="REHOST_LONG=1 runs it")
ISO = media.BUILD / "rehost-rescue.iso"
RAW = media.BUILD / "rehost-rescue.raw"
UUID = "11111111-2222-4333-8444-555555555502"


@pytest.fixture
def planted(folder):
    """A disk whose clone is in place, J as told (bytes, or a state's name), S=rescue."""

    def make(job):
        disk = Disk(folder, "mbr")
        disk.driver("store", input=archive())
        lba, sectors = map(int, disk.driver("plant").split())
        disk.driver("select", "rescue")
        etc = media.inode(disk.image, "/etc", disk.parts[str(disk.fs)][0])
        data = media.job(job, "bios", UUID, etc, lba=lba, sectors=sectors) if isinstance(job, str) else job
        (folder / "job").write_bytes(data)
        disk.debugfs("rm /.rehost/job")
        disk.debugfs(f"write {folder / 'job'} /.rehost/job")
        disk.job = data
        return disk

    return make


def machine(net, folder, disk, kind="iso", wait=5):
    """The machine with the medium first and the disk second; when it restarts it goes on."""
    image = media.customize(ISO if kind == "iso" else RAW, folder / f"rescue.{kind}", "--option", f"medium_wait={wait}")
    extra = ["-drive", f"if=none,id=target,file={disk.image},format=raw,cache=unsafe",
             "-device", "virtio-blk-pci,drive=target,bootindex=2"]
    m = media.machine(net, folder, kind, image, extra=extra)
    m.argv.remove("-no-reboot")
    return m


def rescue_starts(m):
    """How often GRUB has started the medium's rescue."""
    return m.console().count("Kernel command line: ") or m.console().count("Linux version ")


def stays(net, m, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        console = m.console()
        assert m.running() and "THIS IS" not in console and "CHAINED" not in console, console[-2000:]
        time.sleep(1)


def told(m):
    """What status says, once nobody else is looking at the disk (a slow machine's drivers may just have come)."""
    for _ in range(20):
        done = m.ssh("status", check=False)
        if "RH-JOB-40" not in done.stdout:
            break
        time.sleep(3)
    return done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["iso", pytest.param("raw", marks=LONG)])
def test_confirmed_and_nobody_comes(net, folder, planted, kind):
    disk = planted("confirmed")
    with machine(net, folder, disk, kind) as m:
        m.wait_banner(300)
        with net.connect(qemu.TARGET, 22, 5):  # a port scanner is nobody
            console = m.wait_console("THIS IS CLONE", 300)
    assert "was confirmed" in console and "it is started when nobody logs in within 5 s" in console
    assert rescue_starts(m) == 1
    assert disk.s() == "rescue"  # once: the medium's rescue, or the planted one, comes after it
    assert disk.debugfs("cat /.rehost/job") == disk.job


@LONG
def test_somebody_comes_and_reboots(net, folder, planted):
    disk = planted("confirmed")
    with machine(net, folder, disk, wait=20) as m:
        m.wait_banner()
        m.ssh("help")  # before the disks are there
        stays(net, m, 40)
        said = m.ssh("log").stdout
        assert "somebody is here" in said, said
        assert m.ssh("status --json").stdout.count('"confirmed"') == 1
        assert "whether this medium is still attached or not" in m.ssh("reboot", check=False).stdout
        m.wait_console("THIS IS CLONE", 120)
    assert rescue_starts(m) == 1 and disk.s() == "rescue"


@LONG
@pytest.mark.parametrize("job", ["trial", "switched", "switching", "undoing", "torn"])
def test_nothing_else_is_started(net, folder, planted, job):
    data = bytearray(media.job("confirmed", "bios", UUID, 12))
    data[200] ^= 1  # both slots are of no use
    disk = planted(bytes(data) if job == "torn" else job)
    with machine(net, folder, disk) as m:
        m.wait_banner()
        stays(net, m, 45)
        assert ("RH-JOB-10" if job == "torn" else f"{job}:") in told(m)
    assert disk.s() == "rescue" and disk.debugfs("cat /.rehost/job") == disk.job


@LONG
@pytest.mark.parametrize("state", ["confirmed", "trial"])
def test_the_same_by_uefi(net, folder, state):
    """The loader is a stand-in here; S is written by the rescue itself."""
    disk = media.target_disk(folder / "target.raw", "rescue", folder, state)
    image = media.customize(ISO, folder / "rescue.iso", "--option", "medium_wait=5")
    extra = ["-drive", f"if=none,id=target,file={disk},format=raw,cache=unsafe",
             "-device", "virtio-blk-pci,drive=target,bootindex=2"]
    m = media.machine(net, folder, "iso", image, "uefi", extra=extra)
    m.argv.remove("-no-reboot")
    with m:
        if state == "confirmed":
            m.wait_console("CHAINED", 300)
            return
        m.wait_banner(300)
        stays(net, m, 45)
        assert "trial:" in told(m)
