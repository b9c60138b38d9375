# SPDX-License-Identifier: MIT
"""The running target sends itself into the rescue, without a console: once, at its own address, and back when nobody comes."""
import json
import os
import subprocess

import pytest

from lib import disks, faults, migration, qemu

LONG = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="REHOST_LONG=1: a UEFI machine's starts")
LAYOUTS = ["target", pytest.param("target-uefi", marks=LONG)]


def copy_image(machine):
    """What an operator copies to the target: the binary and the image beside it."""
    tar = ["tar", "-C", disks.REPO / "build", "--transform", "s,rescue/cloud/,,", "-c", "rehost", "rescue/cloud/vmlinuz",
           "rescue/cloud/initrd-full"]
    with subprocess.Popen([str(w) for w in tar], stdout=subprocess.PIPE) as sender:
        machine.ssh("mkdir /root/enter && tar -C /root/enter -x", stdin=sender.stdout)
    assert sender.returncode == 0


def boot_files(machine):
    """Name, size and hash of all that lies below /boot, but for what GRUB and the system change at each start."""
    return machine.ssh("cd /boot && find . -type f ! -name grubenv | sort | xargs sha256sum; grub-editenv - list").stdout


def host_key(net):
    said = subprocess.run(net.inside("ssh-keyscan", "-t", "ed25519", qemu.TARGET), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout
    return said.split()[2]


def restart(machine):
    machine.ssh("systemctl reboot", check=False)
    machine.wait_exit(180)


def target_of(net, folder, layout):
    variables = folder / "variables.fd" if layout.endswith("uefi") else None
    return faults.Target(net, folder, disks.overlay(disks.disk(layout), folder / "target.qcow2"), None, variables)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_running_system_enters_the_rescue(net, folder, layout):
    target = target_of(net, folder, layout)
    with target.from_disk("old") as old:
        old.wait_banner(300)
        copy_image(old)
        before, key = boot_files(old), host_key(net)
        told = old.ssh("/root/enter/rehost rescue --here --dry-run").stdout
        assert "Nothing was written" in told and "ip=10.77.2.20::10.77.2.1:24::52-54-00-77-02-14:none" in told, told
        assert boot_files(old) == before
        old.ssh("/root/enter/rehost rescue --here --option enter_wait=15")
        assert "next_entry=rehost-rescue" in boot_files(old)
        old.ssh("/root/enter/rehost rescue --cancel")
        assert boot_files(old) == before
        old.ssh("/root/enter/rehost rescue --here --option enter_wait=15 --reboot", check=False)
        old.wait_exit(180)
    with target.from_disk("alone") as rescue:  # nobody logs in
        banner, _ = rescue.wait_banner(300)
        assert banner.startswith("SSH-2.0-rehost")
        assert host_key(net) == key
        rescue.wait_exit(180)
    with target.from_disk("again") as old:
        old.wait_banner(300)
        faults.is_old_system(old)
        told = json.loads(old.ssh("/root/enter/rehost rescue --here --json --option enter_wait=15").stdout)
        assert told["planted"] and told["keys"] and not told["notes"], told
        restart(old)
    with target.from_disk("entered") as rescue:
        rescue.wait_banner(300)
        plan = migration.rescue_command(net, "plan").stdout
        assert "10.77.2.20" in plan, plan
        assert json.loads(rescue.ssh("status --json").stdout)["state"] == "none"
        rescue.ssh("log", check=False)
        with pytest.raises(TimeoutError):  # somebody has come
            rescue.wait_exit(25)
        migration.rescue_command(net, "reboot", check=False)
        rescue.wait_exit()
    with target.from_disk("end") as old:
        old.wait_banner(300)
        faults.is_old_system(old)
        old.ssh("/root/enter/rehost rescue --cancel")
        assert boot_files(old) == before


@LONG
@pytest.mark.parametrize("layout", ["target", "target-uefi"])
def test_a_rescue_that_cannot_be_loaded_gives_way_at_once(net, folder, layout):
    """Nobody stands at the menu: the loader goes on to the old system by itself."""
    target = target_of(net, folder, layout)
    with target.from_disk("old") as old:
        old.wait_banner(300)
        copy_image(old)
        old.ssh("/root/enter/rehost rescue --here && rm /boot/rehost-rescue/vmlinuz")
        restart(old)
    with target.from_disk("again") as old:
        old.wait_banner(300)
        faults.is_old_system(old)
        assert "next_entry=rehost-rescue" not in boot_files(old)
