# SPDX-License-Identifier: MIT
"""Targets whose root lies on LVM, with a plain /boot: made and migrated with the profile storage (image/build storage). Long: ten minutes."""
import os
import re

import pytest

from lib import disks, migration, qemu, storage

pytestmark = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="REHOST_LONG=1 runs it")


@pytest.fixture
def target(net, folder):
    """A rescue in front of a target on LVM."""
    disk = disks.overlay(storage.target("lvm")[0], folder / "target.qcow2")
    with qemu.rescue(net, folder, disk, profile="storage", full=True, options="shell=1\n") as machine:
        machine.wait_banner(300)
        yield machine


def shell(machine, script):
    return machine.net.ssh(qemu.TARGET, "shell", input=f"export PATH=/usr/sbin:/bin\n{script}\n", stdin=None).stdout


def test_a_root_on_lvm_is_migrated(target, net, folder):
    plan = net.ssh(qemu.TARGET, "plan").stdout
    assert "/ on /dev/mapper/v--g-ro--ot" in plan and "is on LVM" in plan
    assert "rescue or the\n          clone to boot" in plan
    before = shell(target, "lvm vgs --noheadings -o vg_seqno v-g")
    with open(disks.source_tar("source-storage"), "rb") as tar:
        assert net.ssh(qemu.TARGET, "receive tar", stdin=tar, timeout=1200, check=False).returncode in (0, 3)
    assert shell(target, "lvm vgs --noheadings -o vg_seqno v-g") == before  # no metadata was written
    for command in "rewrite", "check":
        migration.rescue_command(net, command, timeout=1200)
    said = migration.rescue_command(net, "switch").stdout
    confirm = re.search(r"ssh root@10\.77\.2\.20 (/var/lib/rehost/rehost confirm [0-9a-f]{16})", said)[1]
    with migration.reboot_into_disk(net, target, folder) as clone:
        assert clone.ssh("findmnt -no SOURCE /").stdout.strip() == "/dev/mapper/v--g-ro--ot"
        assert clone.ssh("hostname").stdout.strip() == "web01"
        clone.ssh(confirm)
        clone.ssh("/var/lib/rehost/rehost release")
        assert clone.ssh("ls -d /.rehost /boot/.rehost 2>/dev/null", check=False).stdout == ""
