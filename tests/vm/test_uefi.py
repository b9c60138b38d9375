# SPDX-License-Identifier: MIT
"""A Debian server that starts by UEFI (shim, signed GRUB) moved onto a machine that does so too, under OVMF."""
import json
import os
import re

import pytest

from lib import disks, migration, qemu


def boot_entries(machine):
    """BootOrder, and the file of each entry by its number, read in the running system without a tool of ours."""
    guid = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
    script = f"cd /sys/firmware/efi/efivars; for f in BootOrder-{guid} Boot[0-9A-F]???-{guid}; do " \
             "echo $f $(od -An -v -tx1 -w9999 $f); done"
    order, files = [], {}
    for line in machine.ssh(script).stdout.splitlines():
        name, *hexes = line.split()
        value = bytes.fromhex("".join(hexes))[4:]
        if name.startswith("BootOrder"):
            order = [int.from_bytes(value[i : i + 2], "little") for i in range(0, len(value), 2)]
        else:
            found = re.search(r"\\EFI[\w.\\-]*", value.decode("latin1").replace("\0", ""))
            files[int(name[4:8], 16)] = found[0] if found else ""
    return order, files


def esp(machine):
    return machine.ssh("cd /boot/efi && find EFI -type f | sort").stdout.split()


def test_rescue_sees_the_esp_and_the_firmwares_entries(folder):
    disk = disks.overlay(disks.disk("target-uefi"), folder / "target.qcow2")
    with qemu.Net() as net, qemu.rescue(net, folder, disk, uefi=folder / "variables.fd") as rescue:
        rescue.wait_banner()
        firmware = json.loads(rescue.ssh("identity --json").stdout)["firmware"]
    assert firmware["uefi"] and firmware["variables_writable"] and not firmware["secure_boot"]
    assert "/EFI/debian/shimx64.efi" in firmware["esp_files"]
    assert firmware["boot_entries"] and firmware["boot_order"]


@pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="make check-long: four minutes on a quiet machine")
def test_uefi_server_moves_and_is_released(folder):
    stream = disks.source_tar("source-uefi")
    disk = disks.overlay(disks.disk("target-uefi"), folder / "target.qcow2")
    variables = folder / "variables.fd"
    with qemu.Net() as net:
        with qemu.rescue(net, folder, disk, uefi=variables) as rescue:
            rescue.wait_banner()
            with open(stream, "rb") as tar:
                done = net.ssh(qemu.TARGET, "receive tar", stdin=tar, timeout=900, check=False)
            assert done.returncode == 0, done
            out = migration.rescue_command(net, "rewrite", timeout=900).stdout
            assert "grub files" in out
            print(out)
            print(migration.rescue_command(net, "check").stdout)
            migration.rescue_command(net, "switch --without-loader")
            migration.rescue_command(net, "reboot", check=False)
            rescue.wait_exit()
        with qemu.Machine(net, "target", folder, disk=disk, uefi=variables, name="clone") as clone:
            clone.wait_banner(300)
            wrong = migration.answers(net)
            assert wrong == []
            assert clone.ssh("hostname").stdout.strip() == "web01"
            order, files = boot_entries(clone)
            assert files[order[0]] == r"\EFI\rehost-clone\shimx64.efi"
            assert "EFI/rehost-clone/grubx64.efi" in esp(clone)
            assert re.search(r"^UUID=\S+ /boot/efi vfat", clone.ssh("tr -s '\\t' ' ' </etc/fstab").stdout, re.M)
            done = clone.ssh("/var/lib/rehost/rehost release --unconfirmed", check=False)
            assert done.returncode == 0, done
            order, files = boot_entries(clone)
            assert files[order[0]] == r"\EFI\debian\shimx64.efi"
            assert not [f for f in files.values() if "rehost" in f]
            assert not [f for f in esp(clone) if "rehost" in f]
            # the clone's own tools find what they expect, now and at upgrades
            clone.ssh("grub-install --target=x86_64-efi")
            clone.power_off()
