# SPDX-License-Identifier: MIT
"""Targets whose root lies on LVM or on an array: made in the rescue, because the kernel that runs the tests has neither."""
import os

from . import disks, qemu

# Rows of the tables of the disks to make. The first disk has /boot on a plain partition.
TABLES = {
    "lvm": [["size=200MiB,type=83,bootable", "type=8e"]],
    # root and swap; the other half of the mirror and a LUKS device
    "raid": [["size=200MiB,type=83,bootable", "size=5GiB,type=fd", "type=82"], ["size=5GiB,type=fd", "type=83"]],
}
# /dev/sda, /dev/sdb: the disks to make. /dev/vda: the plain target with /boot, swap and root. Its file systems are copied as
# they are, and its fstab names them by UUID. /dev/vdb: a file system to be encrypted.
MAKE = {
    "lvm": """
        lvm pvcreate -qq /dev/sda2; lvm vgcreate -qq v-g /dev/sda2
        lvm lvcreate -qq -Zn -Wn -L 192M -n swap v-g; lvm lvcreate -qq -Zn -Wn -l 100%FREE -n ro-ot v-g
        dd if=/dev/vda2 of=/dev/v-g/swap bs=1M; dd if=/dev/vda3 of=/dev/v-g/ro-ot bs=4M
        lvm vgchange -qq -an v-g""",
    "raid": """
        modprobe raid1; echo 0 >/sys/module/md_mod/parameters/start_ro
        mdadm --create /dev/md0 --run --level=1 --metadata=1.2 --data-offset=1M --raid-devices=2 --assume-clean \\
            /dev/sda2 /dev/sdb1
        mdadm --stop /dev/md0
        modprobe dm_crypt
        printf sesame | cryptsetup luksFormat -q --pbkdf argon2id --pbkdf-memory 32768 --pbkdf-force-iterations 4 \\
            --key-file - /dev/sdb2
        printf sesame | cryptsetup open --key-file - /dev/sdb2 made
        dd if=/dev/vdb of=/dev/mapper/made bs=1M; sync; cryptsetup close made""",
}
RAID_DATA = 1 << 20  # where the file system begins in a member


def table(path, size, rows):
    disks.run(["truncate", "-s", size, path])
    disks.run(["sfdisk", "-q", path], input="label: dos\n" + "\n".join(rows) + "\n")


def drive(path, name, bus):
    return ["-drive", f"if=none,id={name},file={path},format=raw,cache=unsafe,discard=unmap", "-device", f"{bus},drive={name}"]


def offset(image, number):
    return int(disks.partitions(image)[number - 1]["start"]) * 512


def copy_partition(plain, number, image, start):
    """Copies a partition of the plain target, holes and all, to a byte of image."""
    row = disks.partitions(plain)[number - 1]
    disks.run(["dd", "status=none", "conv=sparse,notrunc", "bs=1M", "iflag=skip_bytes,count_bytes", "oflag=seek_bytes",
               f"if={plain}", f"of={image}", f"skip={int(row['start']) * 512}", f"count={int(row['size']) * 512}", f"seek={start}"])


def copy_start(plain, image):
    """Boot code and gap, but not the table; then /boot, which begins at the same place."""
    with open(plain, "rb") as old, open(image, "r+b") as disk:
        head = old.read(offset(plain, 1))
        disk.write(head[:440])
        disk.seek(512)
        disk.write(head[512:])
    copy_partition(plain, 1, image, offset(image, 1))


def make_in_rescue(kind, plain, new):
    folder = disks.workdir(f"make-{kind}")
    secret = folder / "secret.raw"
    disks.run(["mke2fs", "-q", "-t", "ext4", "-L", "secret", secret, "16M"])
    extra = ["-device", "virtio-scsi-pci"]
    for i, path in enumerate(new):
        extra += drive(path, f"new{i}", "scsi-hd")
    for name, path in ("plain", plain), ("secret", secret):
        extra += ["-drive", f"if=none,id={name},file={path},format=raw,readonly=on", "-device", f"virtio-blk-pci,drive={name}"]
    with qemu.Net() as net, qemu.rescue(
        net, folder, None, profile="storage", options="shell=1\n", memory=1024, extra=extra
    ) as machine:
        machine.wait_banner()
        machine.ssh("plan", check=False)  # waits for the disks
        script = f"export PATH=/usr/sbin:/bin:/sbin\nset -ex\n{MAKE[kind]}\nsync; echo MADE\n"
        done = machine.net.ssh(qemu.TARGET, "shell", input=script, stdin=None, check=False)
        assert "MADE" in done.stdout, (done.stdout, done.stderr)
        machine.ssh("reboot", check=False)
        machine.wait_exit()


def target(kind):
    """Paths of the raw disks of a target of that kind: its first disk has /boot on a plain partition. Kept in build/vm."""
    plain = disks.disk("target")
    recipe = disks._digest(plain.name, TABLES[kind], MAKE[kind], "2")
    made = [disks.CACHE / f"disk-{kind}{n}-{recipe}.raw" for n in range(1, len(TABLES[kind]) + 1)]
    with disks._lock(f"disk-{kind}-{recipe}"):
        if all(path.exists() for path in made):
            return made
        new = [path.with_suffix(".tmp.raw") for path in made]
        for path, rows in zip(new, TABLES[kind]):
            path.unlink(missing_ok=True)
            table(path, "6G", rows)
        copy_start(plain, new[0])
        make_in_rescue(kind, plain, new)
        if kind == "raid":
            copy_partition(plain, 2, new[0], offset(new[0], 3))
            for path, number in (new[0], 2), (new[1], 1):
                copy_partition(plain, 3, path, offset(path, number) + RAID_DATA)
        for tmp, path in zip(new, made):
            os.rename(tmp, path)
    return made
