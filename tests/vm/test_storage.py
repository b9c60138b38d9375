# SPDX-License-Identifier: MIT
"""Targets whose root lies on LVM or an array, with a plain /boot: made and migrated with the profile storage (image/build storage).
Long: ten minutes each."""
import os
import re
import subprocess

import pytest

from lib import disks, migration, qemu, storage

pytestmark = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="REHOST_LONG=1 runs it")


@pytest.fixture
def target(net, folder, request):
    """A rescue in front of a target of the kind that the test names; its disks behind the first are in .more."""
    if not (qemu.RESCUE.parent / "storage/initrd-full").exists():
        disks.run([disks.REPO / "image/build", "storage"])
    first, *others = [disks.overlay(path, folder / f"disk{n}.qcow2") for n, path in enumerate(storage.target(request.param))]
    more = []
    for path in others:
        more += ["-drive", f"if=none,id=second,file={path},format=qcow2,cache=unsafe", "-device", "scsi-hd,drive=second"]
    with qemu.rescue(net, folder, first, profile="storage", full=True, options="shell=1\n", extra=more) as machine:
        machine.more = more
        machine.wait_banner(300)
        yield machine


def shell(machine, script):
    return machine.net.ssh(qemu.TARGET, "shell", input=f"export PATH=/usr/sbin:/bin\n{script}\n", stdin=None).stdout


def receive(net):
    with open(disks.source_tar("source-storage"), "rb") as tar:
        done = net.ssh(qemu.TARGET, "receive tar", stdin=tar, timeout=1200, check=False)
    assert done.returncode in (0, 3), done


def finish(machine, folder, root):
    """From what was received to the release in the clone, whose root is that device."""
    net = machine.net
    for command in "rewrite", "check":
        migration.rescue_command(net, command, timeout=1200)
    said = migration.rescue_command(net, "switch").stdout
    confirm = re.search(r"ssh root@10\.77\.2\.20 (/var/lib/rehost/rehost confirm [0-9a-f]{16})", said)[1]
    with migration.reboot_into_disk(net, machine, folder, extra=machine.more) as clone:
        assert re.fullmatch(root, clone.ssh("findmnt -no SOURCE /").stdout.strip())
        assert clone.ssh("hostname").stdout.strip() == "web01"
        clone.ssh(confirm)
        clone.ssh("/var/lib/rehost/rehost release")
        assert clone.ssh("ls -d /.rehost /boot/.rehost 2>/dev/null", check=False).stdout == ""
        return clone.ssh("cat /proc/mdstat 2>/dev/null; systemctl --failed --no-legend", check=False).stdout


@pytest.mark.parametrize("target", ["lvm"], indirect=True)
def test_a_root_on_lvm_is_migrated(target, net, folder):
    plan = " ".join(net.ssh(qemu.TARGET, "plan").stdout.split())
    assert "/ on /dev/mapper/v--g-ro--ot" in plan and "is on LVM" in plan, plan
    assert "rescue or the clone to boot" in plan, plan
    before = shell(target, "lvm vgs --noheadings -o vg_seqno v-g")
    receive(net)
    assert shell(target, "lvm vgs --noheadings -o vg_seqno v-g") == before  # no metadata was written
    finish(target, folder, "/dev/mapper/v--g-ro--ot")


def unlock(net, passphrase):
    return subprocess.run(net.ssh_argv(qemu.TARGET, "unlock /dev/sdb2"), input=passphrase, text=True, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("target", ["raid"], indirect=True)
def test_a_root_on_a_mirror_is_migrated(target, net, folder):
    """Also that a LUKS device beside it is opened by its passphrase alone, and that looking writes nothing at all."""
    members = "for m in /dev/sda2 /dev/sdb1; do dd if=$m bs=4096 skip=1 count=1 2>/dev/null | sha256sum; done"
    plan = " ".join(net.ssh(qemu.TARGET, "plan").stdout.split())
    assert re.search(r"/ on /dev/md\d+", plan) and "is on software RAID" in plan, plan
    array = re.search(r"/ on (/dev/md\d+)", plan)[1]
    assert "read-only" in shell(target, "cat /proc/mdstat")
    first, second = storage.target("raid")
    want = "".join(
        subprocess.run(f"dd if={path} bs=4096 skip={storage.offset(path, number) // 4096 + 1} count=1 2>/dev/null | sha256sum",
                       shell=True, stdout=subprocess.PIPE, text=True, check=True).stdout
        for path, number in ((first, 2), (second, 1)))
    assert shell(target, members) == want

    refused = unlock(net, "sesam\n")
    assert refused.returncode == 1 and "RH-" in refused.stderr and "No key available" in refused.stderr, refused
    opened = unlock(net, "sesame\n")
    assert opened.returncode == 0 and "/dev/sdb2 is open" in opened.stdout, opened
    assert "secret" in shell(target, "dd if=$(echo /dev/mapper/luks-*) bs=1k skip=1 count=1 2>/dev/null | grep -o secret")
    assert net.ssh(qemu.TARGET, "plan").stdout.count("/ on ") == 1
    shell(target, "cryptsetup close $(ls /dev/mapper | grep luks-)")

    receive(net)
    assert "[UU]" in shell(target, "cat /proc/mdstat")
    assert "[UU]" in finish(target, folder, array + "|/dev/md/.*|/dev/md12[0-9]")
