# SPDX-License-Identifier: MIT
"""Targets whose root lies on LVM or on an array: made in the rescue, because the kernel that runs the tests has neither."""
from . import disks, qemu

# /dev/sda, /dev/sdb: the disks to make. /dev/vda: the plain target with /boot, swap and root. Its file systems are copied as
# they are, and its fstab names them by UUID.
MAKE = {
    "lvm": """
        lvm pvcreate -qq /dev/sda2; lvm vgcreate -qq v-g /dev/sda2
        lvm lvcreate -qq -Zn -Wn -L 192M -n swap v-g; lvm lvcreate -qq -Zn -Wn -l 100%FREE -n ro-ot v-g
        dd if=/dev/vda2 of=/dev/v-g/swap bs=1M; dd if=/dev/vda3 of=/dev/v-g/ro-ot bs=4M
        lvm vgchange -qq -an v-g""",
    "raid": """
        modprobe raid1; echo 0 >/sys/module/md_mod/parameters/start_ro
        mdadm --create /dev/md0 --run --level=1 --metadata=1.2 --raid-devices=2 --assume-clean /dev/sda2 /dev/sdb1
        dd if=/dev/vda3 of=/dev/md0 bs=4M
        mdadm --stop /dev/md0""",
    "luks": """
        echo -n sesame | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - /dev/sda2
        echo -n sesame | cryptsetup open --key-file - /dev/sda2 made
        dd if=/dev/vda3 of=/dev/mapper/made bs=4M; sync; cryptsetup close made""",
}


def table(path, size, rows):
    disks.run(["truncate", "-s", size, path])
    disks.run(["sfdisk", "-q", path], input="label: dos\n" + "\n".join(rows) + "\n")


def drive(path, name, bus):
    return ["-drive", f"if=none,id={name},file={path},format=raw,cache=unsafe,discard=unmap", "-device", f"{bus},drive={name}"]


def target(kind):
    """Paths of the raw disks of a target of that kind: its first disk has /boot on a plain partition. Kept in build/vm."""
    plain = disks.disk("target")
    recipe = disks._digest(plain.name, MAKE[kind], "1")
    made = [disks.CACHE / f"disk-{kind}{n}-{recipe}.raw" for n in ((1, 2) if kind == "raid" else (1,))]
    with disks._lock(f"disk-{kind}-{recipe}"):
        if all(path.exists() for path in made):
            return made
        new = [path.with_suffix(".tmp.raw") for path in made]
        for path in new:
            path.unlink(missing_ok=True)
        table(new[0], "6G", ["size=200MiB,type=83,bootable", "type=8e"])
        for path in new[1:]:
            table(path, "6G", ["type=fd"])
        rows = disks.partitions(plain)
        start = int(rows[0]["start"]) * 512
        with open(plain, "rb") as old, open(new[0], "r+b") as disk:
            # Boot code and gap, but not the table; then /boot, which begins at the same place.
            head = old.read(start)
            disk.write(head[:440])
            disk.seek(512)
            disk.write(head[512:])
            for _ in range(200):
                disk.write(old.read(1 << 20))
        folder = disks.workdir(f"make-{kind}")
        extra = drive(new[0], "new", "scsi-hd")
        for path in new[1:]:
            extra += drive(path, "second", "scsi-hd")
        extra += ["-drive", f"if=none,id=plain,file={plain},format=raw,readonly=on", "-device", "virtio-blk-pci,drive=plain"]
        with qemu.Net() as net, qemu.rescue(
            net, folder, None, profile="storage", options="shell=1\n", memory=1024,
            extra=["-device", "virtio-scsi-pci", *extra],
        ) as machine:
            machine.wait_banner()
            machine.ssh("plan", check=False)  # waits for the disks
            script = f"export PATH=/usr/sbin:/bin:/sbin\nset -e\n{MAKE[kind]}\nsync; echo MADE\n"
            done = machine.net.ssh(qemu.TARGET, "shell", input=script, stdin=None, check=False)
            assert "MADE" in done.stdout, (done.stdout, done.stderr)
            machine.ssh("reboot", check=False)
            machine.wait_exit()
        for tmp, path in zip(new, made):
            tmp.rename(path)
    return made
