# SPDX-License-Identifier: MIT
"""
The private loader on BIOS, planted by our code on a small disk made here and started by a BIOS: what each word of S starts, that
a trial ends by itself, that missing files fall to the rescue, and that release and undo leave nothing.

The old system and the clone are GRUBs that say who they are; the rescue is the real kernel with an initramfs of three lines.
The planting runs on this machine, on a loop device in a mount namespace of its own.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import time

import loopdisk
import pytest

from lib import disks, qemu
from lib.cpio import Cpio

GRUB = pathlib.Path("/usr/lib/grub/i386-pc")
DRIVER = disks.REPO / "build/bin/loader_driver"
MODULES = "biosdisk part_msdos part_gpt ext2 normal echo serial terminal test".split()
MIB = 1 << 20
SIZE = 96 * MIB

LAYOUTS = {  # sfdisk's script, partition of /, partition of /boot, GRUB's name of the one with the clone's files
    "mbr": ("label: dos\nstart=2048,type=83,bootable\n", 1, None, "msdos1"),
    "boot": ("label: dos\nstart=2048,size=64MiB,type=83\ntype=83\n", 2, 1, "msdos1"),
    "gpt": (
        "label: gpt\nstart=2048,size=2048,type=21686148-6449-6E6F-744E-656564454649\n"
        "type=0FC63DAF-8483-4772-8E79-3D69D8477DE4\n", 2, None, "gpt2",
    ),
}


def run(*argv, **kw):
    return subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.PIPE, **kw).stdout


def says(who):
    return f"serial --unit=0 --speed=115200\nterminal_output serial\necho THIS IS {who} prefix=$prefix\n"


def old_core(folder):
    (folder / "m/boot/grub").mkdir(parents=True)
    (folder / "m/boot/grub/grub.cfg").write_text(says("OLD"))
    run("tar", "-C", folder / "m", "--format=ustar", "-cf", folder / "m.tar", "boot")
    run("grub-mkimage", "-O", "i386-pc", "-d", GRUB, "-p", "(memdisk)/boot/grub", "-m", folder / "m.tar",
        "-o", folder / "old.img", *MODULES, "memdisk", "tar")
    return (folder / "old.img").read_bytes()


def archive():
    """The loader archive as it was built, its initrd replaced by one that only says that it runs."""
    busybox = pathlib.Path("/bin/busybox").read_bytes()
    init = (
        "#!/bin/busybox sh\n/bin/busybox mount -t proc proc /proc\n"
        "/bin/busybox echo THIS IS RESCUE $(/bin/busybox cat /proc/cmdline) END >/dev/console\n"
        "/bin/busybox cat /etc/rehost/cmdline /etc/rehost/options >/dev/console\n"
        "/bin/busybox echo RESCUE ENDS >/dev/console\n/bin/busybox poweroff -f\n"
    )
    inner = Cpio()
    for name in "bin", "proc", "dev":
        inner.add_dir(name)
    inner.add_device("dev/console", 5, 1)
    inner.add("bin/busybox", busybox, 0o755)
    inner.add("init", init, 0o755)
    unpacked = run("zstd", "-dc", qemu.RESCUE / "loader.cpio")
    files, at = {}, 0
    while True:  # newc
        mode, size, name_size = (int(unpacked[at + k:at + k + 8], 16) for k in (14, 54, 94))
        name = unpacked[at + 110:at + 109 + name_size].decode()
        at += (110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            break
        if mode & 0o100000:
            files[name] = unpacked[at:at + size]
        at += (size + 3) & ~3
    del files["rescue/list"]
    files["rescue/initrd"] = inner.data()
    out, listing = Cpio(), "rehost-loader 1\n"
    for name, data in sorted(files.items()):
        out.add(name, data)
        listing += f"{hashlib.sha256(data).hexdigest()} {len(data)} {name.removeprefix('rescue/')}\n"
    out.add("rescue/list", listing)
    return out.data()


class Disk:
    """A disk with an old loader, an old system of a few files and, beside them, the clone's GRUB folder."""

    def __init__(self, folder, layout):
        script, self.root, self.boot, part = LAYOUTS[layout]
        self.folder, self.image, self.loop = folder, folder / "disk.img", None
        run("truncate", "-s", SIZE, self.image)
        run("sfdisk", "-q", self.image, input=script.encode())
        self.parts = {
            p["node"].removeprefix(str(self.image)): (p["start"] * 512, p["size"] * 512)
            for p in json.loads(run("sfdisk", "-J", self.image))["partitiontable"]["partitions"]
        }
        self.fs = self.boot or self.root  # the partition with /.rehost/boot
        grub = ("" if self.boot else "boot/") + "grub"
        self.normal = f"{grub}/i386-pc/normal.mod"
        self._make_fs(part, grub)
        self._install_old(old_core(folder))
        (folder / "run/identity").mkdir(parents=True)
        (folder / "run/identity/identity.json").write_text(json.dumps({"version": 1, "consoles": ["tty0", "ttyS0,115200"]}))
        (folder / "run/options").write_text("greeting=hello\n")

    def _make_fs(self, part, grub):
        trees = {n: self.folder / f"tree{n}" for n in {self.root, self.fs}}
        top, boot = trees[self.root], trees[self.fs]
        for d in "etc", "usr/bin", "usr/lib/systemd", "root", "boot", "var/lib":
            (top / d).mkdir(parents=True)
        for link in "bin", "lib":
            os.symlink("usr/" + link, top / link)
        (top / "usr/lib/systemd/systemd").write_text("x")
        os.symlink("../lib/systemd/systemd", top / "usr/bin/init")
        os.symlink("usr/bin", top / "sbin")
        (top / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (top / "etc/os-release").write_text("ID=debian\nVERSION_ID=12\n")
        clone = boot / grub / "i386-pc"
        clone.mkdir(parents=True)
        (boot / grub / "grub.cfg").write_text(says("CLONE"))
        run("grub-mkimage", "-O", "i386-pc", "-d", GRUB, "-p", f"(,{part})/{grub}", "-o", clone / "core.img", *MODULES)
        for name in "normal.mod", "boot.img":
            (clone / name).write_bytes((GRUB / name).read_bytes())
        uuids = {self.root: "11111111-2222-4333-8444-555555555501", self.fs: "11111111-2222-4333-8444-555555555502"}
        lines = [f"UUID={uuids[self.root]} / ext4 defaults 0 1"]
        if self.boot:
            lines.append(f"UUID={uuids[self.boot]} /boot ext4 defaults 0 2")
        (top / "etc/fstab").write_text("\n".join(lines) + "\n")
        for n, tree in trees.items():
            start, size = self.parts[str(n)]
            run("mke2fs", "-q", "-F", "-t", "ext4", "-U", uuids[n], "-E", f"offset={start}", "-d", tree, self.image,
                f"{size // 1024}k", stderr=subprocess.DEVNULL)

    def _install_old(self, core):
        """boot.img and core.img at the beginning of the embedding area, as GRUB's own installer lays them out."""
        lba = 1 if len(self.parts) == 1 or self.boot else 2048
        core = bytearray(core + bytes(-len(core) % 512))
        struct.pack_into("<QHH", core, 500, lba + 1, len(core) // 512 - 1, 0x820)
        struct.pack_into("<I", core, 512 + 0x10, 0)
        boot = bytearray((GRUB / "boot.img").read_bytes())
        with open(self.image, "r+b") as f:
            boot[0x1b8:] = f.read(512)[0x1b8:]
            struct.pack_into("<Q", boot, 0x5c, lba)
            boot[0x64], boot[0x66:0x68] = 0xff, b"\x90\x90"
            f.seek(0)
            f.write(boot)
            f.seek(lba * 512)
            f.write(core)

    @contextlib.contextmanager
    def attached(self):
        loop = loopdisk.attach(self.image)
        try:
            yield loop
        finally:
            loopdisk.detach(loop, self.image)

    def driver(self, *words, **kw):
        with self.attached() as loop:
            env = {**os.environ, "REHOST_DISKS": os.path.basename(loop), "REHOST_RUN_DIR": str(self.folder / "run")}
            done = subprocess.run(["unshare", "-m", "--propagation", "private", DRIVER, *words], env=env,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
        assert done.returncode == 0, (words, done.stderr.decode())
        return done.stdout.decode().strip()

    def debugfs(self, request):
        return run("debugfs", "-w", "-R", request, f"{self.image}?offset={self.parts[str(self.fs)][0]}",
                   stderr=subprocess.DEVNULL)

    def s(self):
        """The word in S as the bytes of the disk say it."""
        data = self.debugfs("cat /.rehost/boot/s")
        assert len(data) == 512 and data.startswith(b"# GRUB Environment Block\nrehost=")
        head, word, rest = data.partition(b"rehost=")[2].partition(b"\n")
        assert rest.strip(b"#") == b""
        return head.decode()

    def area(self):
        """Everything before the first file system."""
        with open(self.image, "rb") as f:
            return f.read(min(start for start, _ in (self.parts[str(n)] for n in {self.root, self.fs})))

    def boots(self, *until, wait=180):
        """
        Starts the machine; what it printed until something told who it is. The rescue's kernel is enough: its first lines hold
        its command line. until: further text to wait for.
        """
        until = until or ("THIS IS OLD", "THIS IS CLONE", "Kernel command line: ")
        log = self.folder / "console"
        log.write_bytes(b"")
        machine = subprocess.Popen([
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-m", "256", "-nodefaults", "-display", "none",
            "-no-reboot", "-serial", f"file:{log}",
            "-drive", f"if=none,id=d,format=raw,file={self.image}", "-device", "virtio-blk-pci,drive=d",
        ], stdin=subprocess.DEVNULL)
        try:
            end = time.monotonic() + wait
            while time.monotonic() < end and machine.poll() is None:
                text = log.read_text(errors="replace")
                if any(u in text for u in until):
                    time.sleep(0.3)  # the rest of the line
                    break
                time.sleep(0.1)
        finally:
            machine.kill()
            machine.wait()
        return log.read_text(errors="replace").replace("\r", "")


@pytest.fixture
def plant(folder):
    def make(layout):
        disk = Disk(folder, layout)
        assert disk.driver("assess").startswith("none this rescue carries no loader files")
        disk.driver("store", input=archive())
        assert disk.driver("assess") == "bios"
        before = disk.area()
        lba, sectors = map(int, disk.driver("plant").split())
        after = disk.area()
        # sector 0 and our core changed; the partition table, the old core and all else did not
        assert after[0x1b8:512] == before[0x1b8:512]
        assert after[512:lba * 512] == before[512:lba * 512]
        assert not any(before[lba * 512:(lba + sectors) * 512])
        assert after[(lba + sectors) * 512:] == before[(lba + sectors) * 512:]
        assert disk.s() == "old"
        disk.planted = lba, sectors, before
        return disk

    return make


def test_every_word_starts_what_it_says(plant):
    disk = plant("mbr")
    planted = disk.area()
    disk.driver("plant")  # a second time: nothing
    assert disk.area() == planted and disk.s() == "old"

    assert "THIS IS OLD" in disk.boots()
    assert disk.s() == "old"

    disk.driver("select", "clone-once")
    assert disk.s() == "clone-once"
    text = disk.boots()
    assert "THIS IS CLONE prefix=(hd0,msdos1)/boot/grub" in text
    assert disk.s() == "rescue"  # before the clone had begun
    assert disk.driver("selected") == "rescue"

    text = disk.boots("RESCUE ENDS")
    cmdline = text.partition("THIS IS RESCUE")[2].partition("END")[0].split()
    assert "rehost.planted=1" in cmdline and "panic=30" in cmdline and "rehost.wanted=rescue" in cmdline
    assert [w for w in cmdline if w.startswith("console=")] == ["console=tty0", "console=ttyS0,115200"]
    assert "greeting=hello" in text  # conf.cpio

    disk.driver("select", "clone")
    assert "THIS IS CLONE" in disk.boots()
    assert disk.s() == "clone"  # stays
    disk.debugfs(f"rm /{disk.normal}")
    assert "rehost.planted=1 rehost.wanted=clone" in disk.boots()
    assert disk.s() == "clone"
    disk.debugfs("rm /.rehost/boot/vmlinuz")
    assert "has no /.rehost/boot/grub.cfg that can start anything" in disk.boots("Trying again in a minute")


def test_a_damaged_word_starts_the_rescue(plant):
    disk = plant("boot")
    (disk.folder / "bad").write_bytes(b"x" * 512)
    disk.debugfs("rm /.rehost/boot/s")
    disk.debugfs(f"write {disk.folder / 'bad'} /.rehost/boot/s")
    assert "rehost.planted=1 rehost.wanted=\n" in disk.boots()


@pytest.mark.parametrize("layout", ["boot", "gpt"])
def test_trial_release_and_undo(plant, layout):
    disk = plant(layout)
    lba, sectors, before = disk.planted
    assert "THIS IS OLD" in disk.boots()
    disk.driver("select", "clone-once")
    text = disk.boots()
    assert {"boot": "CLONE prefix=(hd0,msdos1)/grub", "gpt": "CLONE prefix=(hd0,gpt2)/boot/grub"}[layout] in text
    assert disk.s() == "rescue"
    kept = disk.image.read_bytes()

    # Undone: as if nothing had been.
    disk.driver("restore")
    assert disk.area() == before
    disk.driver("restore")
    assert disk.area() == before
    assert "THIS IS OLD" in disk.boots()

    # Released: the clone's own, ours is gone.
    disk.image.write_bytes(kept)
    disk.driver("select", "clone")
    disk.driver("finish")
    after = disk.area()
    assert not any(after[lba * 512:(lba + sectors) * 512])
    disk.driver("finish")
    assert disk.area() == after
    text = disk.boots()
    assert "THIS IS CLONE" in text and "rehost: starting" not in text
