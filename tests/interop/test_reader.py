# SPDX-License-Identifier: MIT
"""The reader of disks (inspect --boot) beside grub-fstest, which reads images with GRUB's own code: same bytes, same
content of files whose journal nobody replayed, same refusals."""
import hashlib
import json
import pathlib
import random
import struct
import subprocess
import uuid

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
REHOST = TOP / "build/rehost"
MIB = 1 << 20
ESP_AT, ESP_BYTES, FS_AT, FS_BYTES = MIB, 40 * MIB, 41 * MIB, 64 * MIB


def run(*argv, **kw):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout


def kernel(size):
    """Random bytes that call themselves a bzImage, with a hole of zeros in the middle."""
    data = bytearray(random.Random(size).randbytes(size))
    data[0x1F1] = 1
    data[0x1F4:0x1F8] = struct.pack("<I", (size - 1024) // 16)
    data[0x202:0x206] = b"HdrS"
    data[size // 2 : size // 2 + 200000] = bytes(200000)
    return bytes(data)


@pytest.fixture(params=["-t ext2 -b 1024", "-t ext3 -b 4096", "-t ext4 -b 1024 -O 64bit", "-t ext4 -b 4096 -O ^64bit,meta_bg,^resize_inode"])
def disk(request, tmp_path):
    """An ESP that leads to a menu, kernel and initramfs on an ext file system of this kind."""
    root, fs = tmp_path / "root", str(uuid.uuid4())
    for folder in "boot/grub", "etc", "usr/sbin", "sbin":
        (root / folder).mkdir(parents=True)
    (root / "boot/grub/grub.cfg").write_text(
        f"menuentry 'x' {{\nsearch --fs-uuid --set=root {fs}\nlinux /boot/vmlinuz root=UUID={fs}\ninitrd /boot/initrd\n}}\n"
    )
    (root / "boot/vmlinuz-1").write_bytes(kernel(3_000_001))
    (root / "boot/vmlinuz").symlink_to("/boot/./vmlinuz-1")
    (root / "boot/initrd").write_bytes(b"070701" + random.Random(7).randbytes(5_000_000))
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    (root / "sbin/init").write_text("init")
    run("cp", "--sparse=always", root / "boot/vmlinuz-1", tmp_path / "sparse")
    (tmp_path / "sparse").rename(root / "boot/vmlinuz-1")
    image = tmp_path / "disk"
    with open(image, "wb") as f:
        f.truncate(FS_AT + FS_BYTES + MIB)
    run("sfdisk", "-q", image, input=b"label: gpt\nstart=2048,size=81920,type=U\nstart=83968,size=131072,type=L\n")
    run("mkfs.vfat", "-F", "32", "-s", "1", "--offset", ESP_AT // 512, image, ESP_BYTES // 1024)
    run("mke2fs", "-q", "-F", "-U", fs, *request.param.split(), "-E", f"offset={FS_AT}", "-d", root, image, f"{FS_BYTES // 1024}k")
    program = tmp_path / "program"
    program.write_bytes(b"MZ" + random.Random(9).randbytes(900_000))
    (tmp_path / "stub").write_text(f"search.fs_uuid {fs} root\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n")
    esp = f"{image}@@{ESP_AT}"
    run("mmd", "-i", esp, "::/EFI", "::/EFI/A vendor's long name")
    for name, source in ("shimx64.efi", program), ("grubx64.efi", program), ("grub.cfg", tmp_path / "stub"):
        run("mcopy", "-i", esp, source, f"::/EFI/A vendor's long name/{name}")
    return image


def look(image, *options):
    return json.loads(run(REHOST, "inspect", "--json", "--boot", image, "--efi-path", r"\EFI\A vendor's long name\shimx64.efi", *options))


def hashes(found):
    """{path: sha256} of what the reader read."""
    return {s["text"].split(": ")[1].rsplit(",", 1)[0]: s["sha256"] for s in found["steps"] if "sha256" in s}


def grub_cat(image, part, path):
    return run("grub-fstest", image, "cat", f"(loop0,gpt{part}){path}")


def test_the_same_bytes_as_grub(disk):
    found = look(disk, "--hash")
    assert found["starts"] == "old", found
    read = hashes(found)
    folder = "/EFI/A vendor's long name/"
    assert set(read) == {folder + "shimx64.efi", folder + "grubx64.efi", "/boot/grub/grub.cfg", "/boot/vmlinuz", "/boot/initrd"}
    for path, digest in read.items():
        part = 1 if path.startswith("/EFI") else 2
        assert hashlib.sha256(grub_cat(disk, part, path)).hexdigest() == digest, path


def test_a_journal_that_nobody_replayed(disk, tmp_path):
    device = f"{disk}?offset={FS_AT}"
    features = run("dumpe2fs", "-h", device).decode()
    before = look(disk, "--hash")
    assert [f["needs_recovery"] for f in before["filesystems"]] == [False, False]
    if "has_journal" not in features:
        return
    size = int(features.split("Block size:")[1].split()[0])
    block = run("debugfs", "-R", "bmap /boot/initrd 1", device).split()[0].decode()
    (tmp_path / "block").write_bytes(b"\xee" * size)
    (tmp_path / "commands").write_text(f"jo\njw -b {block} {tmp_path}/block\njc\n")
    run("debugfs", "-w", "-f", tmp_path / "commands", device)
    dirty = look(disk, "--hash")
    assert [f["needs_recovery"] for f in dirty["filesystems"]] == [False, True]
    assert hashes(dirty) == hashes(before)
    assert hashlib.sha256(grub_cat(disk, 2, "/boot/initrd")).hexdigest() == hashes(dirty)["/boot/initrd"]
    # What the next mount would see.
    part = tmp_path / "part"
    run("dd", f"if={disk}", f"of={part}", "bs=1M", f"skip={FS_AT // MIB}", "status=none")
    run("debugfs", "-w", "-R", "jr", part)
    run("dd", f"if={part}", f"of={disk}", "bs=1M", f"seek={FS_AT // MIB}", "conv=notrunc", "status=none")
    after = hashes(look(disk, "--hash"))
    assert after["/boot/initrd"] != hashes(before)["/boot/initrd"]
    assert hashlib.sha256(grub_cat(disk, 2, "/boot/initrd")).hexdigest() == after["/boot/initrd"]


@pytest.mark.parametrize("feature", ["inline_data", "casefold", "bigalloc", "ea_inode", "metadata_csum_seed", "large_dir"])
def test_features_that_grub_refuses(feature, tmp_path):
    """What GRUB cannot read is not read here either."""
    root, image = tmp_path / "root", tmp_path / "image"
    root.mkdir()
    (root / "file").write_text("content of a file\n" * 1000)
    run("mke2fs", "-q", "-F", "-t", "ext4", "-O", feature, "-d", root, image, "64M")
    grub = subprocess.run(["grub-fstest", image, "cat", "(loop0)/file"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    grub_reads = grub.returncode == 0 and grub.stdout == (root / "file").read_bytes()
    found = json.loads(run(REHOST, "inspect", "--json", "--boot", image))
    assert bool(found["filesystems"]) == grub_reads
