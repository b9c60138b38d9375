# SPDX-License-Identifier: MIT
"""A Debian server that starts by UEFI (shim, signed GRUB) moved onto a machine that does so too, under OVMF."""
import base64
import json
import os
import re
import subprocess

import pytest

from lib import disks, migration, qemu
from lib.cpio import Cpio

DRIVER = disks.REPO / "build/bin/loader_driver"
OURS = r"\EFI\rehost\shimx64.efi"
LONG = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="make check-long: minutes on a quiet machine")


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


def shell(net, script):
    """Runs a script in the rescue's shell, which the options allow."""
    done = subprocess.run(net.ssh_argv(qemu.TARGET, "shell"), input=script, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=180)
    assert done.returncode == 0, done
    return done.stdout


def rescue_with_driver(net, folder, disk, variables):
    machine = qemu.rescue(net, folder, disk, full=True, options="shell=1\n", uefi=variables)
    disks.run(["strip", "-o", folder / "driver", DRIVER])
    cpio = Cpio()
    cpio.add("driver", (folder / "driver").read_bytes(), 0o755)
    with open(machine.initrd, "ab") as f:
        f.write(cpio.data())
    return machine


def foreign_disc(folder):
    """A medium that Debian's GRUB for media would take for its own."""
    tree = folder / "disc"
    for name, text in (".disk/info", "a disc\n"), ("boot/grub/grub.cfg", "echo HIJACKED\nsleep 600\n"):
        (tree / name).parent.mkdir(parents=True)
        (tree / name).write_text(text)
    disks.run(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", folder / "disc.iso", tree])
    return ["-drive", f"if=none,id=disc,file={folder / 'disc.iso'},format=raw,readonly=on,media=cdrom",
            "-device", "ide-cd,drive=disc"]


@LONG
def test_words_of_the_private_loader(folder):
    """S=old starts the old system, S=rescue the planted rescue, with a stranger's disc in the drive; undone without a trace."""
    disk = disks.overlay(disks.disk("target-uefi"), folder / "target.qcow2")
    variables, disc = folder / "variables.fd", foreign_disc(folder)
    with qemu.Net() as net:
        with rescue_with_driver(net, folder, disk, variables) as rescue:
            rescue.wait_banner()
            out = shell(net, "/driver assess && /driver store-own && /driver plant && /driver selected\n")
            assert re.search(r"^uefi $", out, re.M) and re.search(r"^old$", out, re.M), out
            migration.rescue_command(net, "reboot", check=False)
            rescue.wait_exit()
        with qemu.Machine(net, "target", folder, disk=disk, uefi=variables, name="old", extra=disc) as old:
            old.wait_banner(300)
            assert old.ssh("hostname").stdout.strip() == "vps4711"
            order, files = boot_entries(old)
            assert files[order[0]] == OURS
            assert {"EFI/rehost/grubx64.efi", "EFI/rehost/mmx64.efi", "EFI/rehost/grub.cfg"} < set(esp(old))
            env = "# GRUB Environment Block\nrehost=rescue\n"
            text = base64.b64encode((env + "#" * (512 - len(env))).encode()).decode()
            old.ssh("s=/.rehost/boot/s; [ -e $s ] || s=/boot$s; "
                    f"echo {text} | base64 -d | dd of=$s conv=notrunc,fsync status=none; sync")
            old.power_off()
        with qemu.Machine(net, "target", folder, disk=disk, uefi=variables, name="planted", extra=disc) as planted:
            planted.wait_banner(300)
            cmdline = shell(net, "busybox cat /proc/cmdline\n").split()
            assert "rehost.planted=1" in cmdline and "rehost.wanted=rescue" in cmdline
            told = json.loads(planted.ssh("status --json").stdout)
            assert told["loader"]["selected"] == "rescue" and told["disk"]["starts"] == told["starts"] == "rescue", told
            migration.rescue_command(net, "rollback --discard")
            migration.rescue_command(net, "reboot", check=False)
            planted.wait_exit()
        with qemu.Machine(net, "target", folder, disk=disk, uefi=variables, name="undone") as old:
            old.wait_banner(300)
            assert "rehost" not in "".join(esp(old) + list(boot_entries(old)[1].values()))
            assert old.ssh("ls /boot/efi").stdout.split() == ["EFI"]
            assert "rehost" not in old.console()


@LONG
def test_uefi_server_moves_and_is_released(folder):
    stream = disks.source_tar("source-uefi")
    disk = disks.overlay(disks.disk("target-uefi"), folder / "target.qcow2")
    variables = folder / "variables.fd"
    with qemu.Net() as net:
        with qemu.rescue(net, folder, disk, full=True, uefi=variables) as rescue:
            rescue.wait_banner()
            with open(stream, "rb") as tar:
                done = net.ssh(qemu.TARGET, "receive tar", stdin=tar, timeout=900, check=False)
            assert done.returncode == 0, done
            out = migration.rescue_command(net, "rewrite", timeout=900).stdout
            assert "grub files" in out
            print(out)
            print(migration.rescue_command(net, "check").stdout)
            said = migration.rescue_command(net, "switch").stdout
            print(said)
            confirm = re.search(r"ssh root@10\.77\.2\.20 (/var/lib/rehost/rehost confirm [0-9a-f]{16})", said)[1]
            migration.rescue_command(net, "reboot", check=False)
            rescue.wait_exit()
        with qemu.Machine(net, "target", folder, disk=disk, uefi=variables, name="clone") as clone:
            clone.wait_banner(300)
            wrong = migration.confirm_clone(clone, confirm, migration.Phases())
            wrong += migration.answers(net)
            assert wrong == []
            assert clone.ssh("hostname").stdout.strip() == "web01"
            order, files = boot_entries(clone)
            assert files[order[0]] == OURS
            assert {"EFI/rehost/shimx64.efi", "EFI/rehost-clone/grubx64.efi"} < set(esp(clone))
            assert re.search(r"^UUID=\S+ /boot/efi vfat", clone.ssh("tr -s '\\t' ' ' </etc/fstab").stdout, re.M)
            done = clone.ssh("/var/lib/rehost/rehost release", check=False)
            assert done.returncode == 0, done
            order, files = boot_entries(clone)
            assert files[order[0]] == r"\EFI\debian\shimx64.efi"
            assert not [f for f in files.values() if "rehost" in f]
            assert not [f for f in esp(clone) if "rehost" in f]
            assert clone.ssh("ls /boot/efi").stdout.split() == ["EFI"]
            # the clone's own tools find what they expect, now and at upgrades
            clone.ssh("grub-install --target=x86_64-efi")
            clone.power_off()
