# SPDX-License-Identifier: MIT
"""A Debian server that starts by UEFI (shim, signed GRUB) moved onto a machine that does so too, under OVMF."""
import base64
import hashlib
import json
import os
import pathlib
import re
import shutil

import pytest

from lib import disks, media, migration, qemu
from lib.uefi import make_old_entry, rescue_with_driver, shell

# The firmware's word on the disk's removable path; it does not say the same of all that it refuses.
REFUSED = re.compile(r'failed to (load|start) Boot\w{4} "[^"]*HARDDISK[^"]*".*: (Access Denied|Security Violation)')
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


def order_in_rescue(net):
    """BootOrder, read in the rescue by its shell."""
    name = "BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    out = shell(net, f"for d in /sys/firmware/efi/efivars /run/rehost/efivars; do [ -e $d/{name} ] && "
                     f"busybox od -An -v -tx1 $d/{name} && break; done\n")
    value = bytes.fromhex("".join(out.split()))[4:]
    return [int.from_bytes(value[i : i + 2], "little") for i in range(0, len(value), 2)]


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
        with rescue_with_driver(net, folder, disk, uefi=variables) as rescue:
            rescue.wait_banner()
            make_old_entry(net)
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


def switch(net, arguments=""):
    """Types it; returns the line that confirms."""
    said = migration.rescue_command(net, f"switch {arguments}").stdout
    return re.search(r"ssh root@10\.77\.2\.20 (/var/lib/rehost/rehost confirm [0-9a-f]{16})", said)[1]


def reboot(net, rescue):
    said = migration.rescue_command(net, "reboot", check=False).stdout
    rescue.wait_exit()
    return said


def status(machine):
    return json.loads(machine.ssh("status --json").stdout)


def files_of_esp(disk, folder):
    """Name to hash of what lies on the EFI system partition of a disk that no machine has."""
    raw = folder / "esp.img"
    disks.run(["qemu-img", "dd", "-f", "qcow2", "-O", "raw", "bs=1M", "skip=1", "count=65", f"if={disk}", f"of={raw}"])
    tree = folder / "esp"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    disks.run(["mcopy", "-s", "-n", "-i", raw, "::/", tree])
    return {str(f.relative_to(tree)): hashlib.sha256(f.read_bytes()).hexdigest() for f in tree.rglob("*") if f.is_file()}


def as_released(clone, removable=False):
    """The clone's loader is in its vendor's place, nothing of ours is left."""
    order, files = boot_entries(clone)
    assert removable or files[order[0]] == r"\EFI\debian\shimx64.efi"
    assert not [f for f in files.values() if "rehost" in f.lower()]
    assert not [f for f in esp(clone) if "rehost" in f.lower()]
    assert clone.ssh("ls /boot/efi").stdout.split() == ["EFI"]
    assert clone.ssh("hostname").stdout.strip() == "web01"


@LONG
def test_uefi_server_moves_and_is_released(folder, staged_uefi):
    disk = disks.overlay(staged_uefi, folder / "target.qcow2")
    variables = folder / "variables.fd"
    with qemu.Net() as net:
        with rescue_with_driver(net, folder, disk, uefi=variables) as rescue:
            rescue.wait_banner()
            make_old_entry(net)
            assert "never anything else. The clone's first boot" in migration.rescue_command(net, "plan").stdout
            confirm = switch(net)
            reboot(net, rescue)
        with qemu.Machine(net, "target", folder, disk=disk, uefi=variables, name="clone") as clone:
            clone.wait_banner(400)
            wrong = migration.confirm_clone(clone, confirm, migration.Phases())
            wrong += migration.answers(net)
            assert wrong == []
            order, files = boot_entries(clone)
            assert files[order[0]] == OURS
            assert {"EFI/rehost/shimx64.efi", "EFI/rehost-clone/grubx64.efi"} < set(esp(clone))
            assert re.search(r"^UUID=\S+ /boot/efi vfat", clone.ssh("tr -s '\\t' ' ' </etc/fstab").stdout, re.M)
            done = clone.ssh("/var/lib/rehost/rehost release", check=False)
            assert done.returncode == 0, done
            as_released(clone)
            # the clone's own tools find what they expect, now and at upgrades
            clone.ssh("grub-install --target=x86_64-efi")
            clone.power_off()
        with qemu.Machine(net, "target", folder, disk=disk, uefi=variables, name="released") as clone:
            clone.wait_banner(400)
            as_released(clone)


@LONG
def test_rolled_back_from_the_trial(folder, staged_uefi):
    """The clone on trial gives the machine back: the old system, its loader, the boot order and the partition as before."""
    disk = disks.overlay(staged_uefi, folder / "target.qcow2")
    variables = folder / "variables.fd"
    before = files_of_esp(disk, folder)
    with qemu.Net() as net:
        with rescue_with_driver(net, folder, disk, uefi=variables) as rescue:
            rescue.wait_banner()
            make_old_entry(net)
            order_before = order_in_rescue(net)
            switch(net)
            reboot(net, rescue)
        with qemu.Machine(net, "target", folder, disk=disk, uefi=variables, name="clone") as clone:
            clone.wait_banner(400)
            assert clone.ssh("hostname").stdout.strip() == "web01"
            clone.ssh("/var/lib/rehost/rehost rollback")
            clone.ssh("systemctl reboot", check=False)
            clone.wait_exit(180)
        with qemu.Machine(net, "target", folder, disk=disk, uefi=variables, name="planted") as planted:
            planted.wait_banner(400)
            state = status(planted)
            assert state["state"] == "trial" and state["loader"]["selected"] == "rescue", state
            migration.rescue_command(net, "rollback")
            assert status(planted)["loader"]["selected"] == "old"
            migration.rescue_command(net, "rollback --discard")
            reboot(net, planted)
        assert files_of_esp(disk, folder) == before
        with qemu.Machine(net, "target", folder, disk=disk, uefi=variables, name="old") as old:
            old.wait_banner(400)
            assert old.ssh("hostname").stdout.strip() == "vps4711"
            order, files = boot_entries(old)
            assert files[order[0]] == r"\EFI\debian\shimx64.efi"
            # behind them, what the firmware itself makes for the machine's devices when it starts from a disk
            assert order[: len(order_before)] == order_before and not any(files[n] for n in order[len(order_before) :])
            assert not [f for f in files.values() if "rehost" in f]
            assert "rehost" not in old.console()


@LONG
def test_firmware_that_forgets_its_variables(folder, staged_uefi):
    r"""Each power-on with empty variables: \EFI\BOOT alone leads to old system, rescue and clone."""
    disk = disks.overlay(staged_uefi, folder / "target.qcow2")

    def machine(name):
        return qemu.Machine(net, "target", folder, disk=disk, uefi=folder / f"{name}.fd", name=name)

    with qemu.Net() as net:
        with qemu.rescue(net, folder, disk, full=True, uefi=folder / "rescue.fd") as rescue:
            rescue.wait_banner()
            plan = migration.rescue_command(net, "plan").stdout
            print(plan)
            assert r"as long as the firmware starts" in plan and "--accept-firmware" in plan
            refused = migration.rescue_command(net, "switch", check=False)
            assert refused.returncode == 1 and "RH-JOB-55" in refused.stderr, refused
            confirm = switch(net, "--accept-firmware")
            reboot(net, rescue)
        print(sorted(files_of_esp(disk, folder)))
        with machine("trial") as clone:
            clone.wait_banner(400)
            assert clone.ssh("hostname").stdout.strip() == "web01"
            assert "EFI/BOOT/REHOST.EFI" in esp(clone)
            assert not [f for f in boot_entries(clone)[1].values() if "rehost" in f.lower()]
            clone.kill()
        with machine("planted") as planted:
            planted.wait_banner(400)
            state = status(planted)
            assert state["state"] == "trial" and state["loader"]["selected"] == "rescue", state
            assert "as long as the firmware starts" in migration.rescue_command(net, "plan", check=False).stdout
            reboot(net, planted)
        with machine("again") as clone:
            clone.wait_banner(400)
            assert migration.confirm_clone(clone, confirm, migration.Phases()) == []
            done = clone.ssh("/var/lib/rehost/rehost release", check=False)
            print(done.stdout)
            assert done.returncode == 0, done
            as_released(clone, removable=True)
            clone.power_off()
        with machine("released") as clone:
            clone.wait_banner(400)
            as_released(clone, removable=True)


@LONG
def test_secure_boot(folder, staged_uefi):
    """Enforced with Microsoft's keys: ISO, planted rescue and clone each start through a signed chain."""
    disk = disks.overlay(staged_uefi, folder / "target.qcow2")
    variables = folder / "variables.fd"
    iso = media.customize(media.BUILD / "rehost-rescue.iso", folder / "rescue.iso")
    drive = ["-drive", f"if=none,id=medium,file={iso},format=raw,readonly=on,media=cdrom",
             "-device", "ide-cd,drive=medium,bootindex=1"]

    def machine(name, **kw):
        return qemu.Machine(net, "target", folder, disk=disk, uefi=variables, secure=True, memory=768, name=name, **kw)

    def is_enforced(m):
        return m.ssh("dmesg | grep -ic 'secure boot enabled'", check=False).stdout.strip() != "0"

    with qemu.Net() as net:
        with machine("iso", extra=drive) as rescue:
            rescue.wait_banner(400)
            assert "Secure boot enabled" in rescue.console()
            plan = migration.rescue_command(net, "plan").stdout
            print(plan)
            assert "as the firmware remembers its boot entries" in plan and "--accept-firmware" in plan
            print(migration.rescue_command(net, "check").stdout)
            refused = migration.rescue_command(net, "switch", check=False)
            assert refused.returncode == 1 and "RH-JOB-55" in refused.stderr, refused
            confirm = switch(net, "--accept-firmware")
            reboot(net, rescue)
        with machine("trial") as clone:
            clone.wait_banner(400)
            assert clone.ssh("hostname").stdout.strip() == "web01" and is_enforced(clone)
            clone.kill()
        with machine("planted") as planted:
            planted.wait_banner(400)
            assert "Secure boot enabled" in planted.console()
            state = status(planted)
            assert state["state"] == "trial" and state["loader"]["selected"] == "rescue", state
            reboot(net, planted)
        with machine("again") as clone:
            clone.wait_banner(400)
            assert migration.confirm_clone(clone, confirm, migration.Phases()) == []
            done = clone.ssh("/var/lib/rehost/rehost release", check=False)
            assert done.returncode == 0, done
            as_released(clone)
            clone.power_off()
        with machine("released") as clone:
            clone.wait_banner(400)
            as_released(clone)
            assert is_enforced(clone)


@LONG
def test_secure_boot_with_keys_of_ones_own(folder, staged_uefi):
    """The firmware knows none of Microsoft's keys: plan and check say that neither our loader nor the clone's shim would start."""
    disk = disks.overlay(staged_uefi, folder / "target.qcow2")
    variables = folder / "variables.fd"
    shutil.copy(qemu.OVMF / "OVMF_VARS_4M.snakeoil.fd", variables)
    image = media.customize(media.BUILD / "rehost-rescue.efi", folder / "rescue.efi")
    key = pathlib.Path("/usr/share/ovmf/PkKek-1-snakeoil.key")
    disks.run(["openssl", "rsa", "-in", key, "-passin", "pass:snakeoil", "-out", folder / "key"])
    disks.run(["sbsign", "--key", folder / "key", "--cert", key.with_suffix(".pem"), "--output", folder / "signed.efi", image])
    medium = media.esp(folder / "esp.raw", {"EFI/BOOT/BOOTX64.EFI": folder / "signed.efi"})
    drive = ["-drive", f"if=none,id=medium,file={medium},format=raw,cache=unsafe",
             "-device", "virtio-blk-pci,drive=medium,bootindex=1"]

    def machine(name, **kw):
        return qemu.Machine(net, "target", folder, disk=disk, uefi=variables, secure=True, memory=768, name=name, **kw)

    with qemu.Net() as net:
        with machine("uki", extra=drive) as rescue:
            rescue.wait_banner(400)
            assert "Secure boot enabled" in rescue.console()
            plan = migration.rescue_command(net, "plan").stdout
            print(plan)
            assert "without the key of Microsoft's" in " ".join(plan.split()) and "--without-loader" in plan
            check = migration.rescue_command(net, "check", check=False)
            print(check.stdout)
            assert check.returncode == 1 and "signed the clone's shimx64.efi" in check.stdout
            assert migration.rescue_command(net, "switch", check=False).returncode == 1
            assert status(rescue)["state"] != "switched"
        with machine("disk") as old:
            old.wait_console(REFUSED, 300)
            with pytest.raises(TimeoutError):
                old.wait_banner(20)
            assert "GRUB" not in old.console() and "Linux version" not in old.console()
