# SPDX-License-Identifier: MIT
"""Machines that start from a rescue image: ISO, raw disk, unified kernel image or the network; BIOS or UEFI."""
import hashlib
import json
import pathlib
import re
import shutil
import struct
import subprocess

from . import disks, qemu

BUILD = disks.REPO / "build"
OVMF = pathlib.Path("/usr/share/OVMF")
FIRMWARE = {
    "bios": None,
    "uefi": ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
    # Microsoft's keys are enrolled and Secure Boot is on; needs SMM, so that only the firmware writes variables.
    "secure": ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd"),
}
MEMORY = {"bios": 256, "uefi": 768, "secure": 768}
MAC = qemu.Machine.KINDS["target"][1]
IP = f"{qemu.TARGET}::10.77.2.1:24:rescue:{MAC}:none"


def customize(image, output, *arguments):
    """What an operator would type: the test's key and the target's address, into a copy of the image."""
    disks.run([BUILD / "rehost", "rescue-image", "customize", image, "--output", output,
               "--key", disks.keys() / "operator.pub", "--ip", IP, "--option", "shell=1", *arguments])
    return output


def esp(path, files, size=128):
    """A FAT file system of size MiB with files {path in it: file}."""
    path.unlink(missing_ok=True)
    disks.run(["mkfs.vfat", "-F", "32", "-C", path, str(size * 1024)])
    folders = {str(parent) for name in files for parent in pathlib.PurePosixPath(name).parents} - {"."}
    for name in sorted(folders):
        disks.run(["mmd", "-i", path, f"::{name}"])
    for name, file in files.items():
        disks.run(["mcopy", "-i", path, file, f"::{name}"])
    return path


def inode(image, path, offset=0):
    """Of a path on an ext4 in a file, as debugfs sees it."""
    said = subprocess.run(["debugfs", "-R", f"stat {path}", f"{image}?offset={offset}"], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return int(re.match(r"Inode: (\d+)", said)[1])


def job(state, kind, uuid, etc, **loader):
    """
    J as a whole file (docs/architecture.md section 4) of a switch that put the clone's /etc, inode etc, in its place on one
    file system; loader: its place.
    """
    entry = {"name": "etc", "old_ino": etc + 1000000, "new_ino": etc}
    payload = json.dumps({
        "version": 1, "state": state, "job_id": "0123456789abcdef", "intent": "move", "token": "ABCD2345",
        "stage_booted": False, "edits_fingerprint": "", "notes": [],
        "filesystems": [{"uuid": uuid, "mount": "/", "old_dir": [0o755, 0, 0, 0], "new_dir": [0o755, 0, 0, 0],
                         "entries": [entry]}],
        "boot": {"disk": "vda", "table_id": "", "saved_sha256": "", "saved_bytes": 0, "new_sha256": ""},
        "loader": {"kind": kind, "fs_uuid": uuid, "lba": 0, "sectors": 0, "nonce": "00112233445566ff", "trial_minutes": 15,
                   "trials": 1, **loader},
    }).encode()
    head = b"REHOSTJ1" + struct.pack("<QI", 1, len(payload)) + bytes(12)
    return (head + hashlib.sha256(head + payload).digest() + payload).ljust(2 * 131072, b"\0")


# Prints "CHAINED" on the serial line and stops: mov dx,0x3f8; mov si,text; lodsb, out until NUL; cli; hlt.
BOOT_SECTOR = (b"\x31\xc0\x8e\xd8\xbe\x14\x7c\xba\xf8\x03\xac\x84\xc0\x74\x03\xee\xeb\xf8\xfa\xf4" + b"CHAINED\r\n\0")
STAND_IN = """serial --unit=0 --speed=115200
terminal_output console serial
echo CHAINED
sleep 600
"""


ROOT_UUID = "11111111-2222-4333-8444-555555555503"


def target_disk(path, selected, folder, record=None):
    """
    A disk with S on its second partition, and a stand-in for the private loader: in sector 0 and on its ESP. record: the state
    that J says; then there is what a target's root is known by, too.
    """
    env = f"# GRUB Environment Block\nrehost={selected}\n"
    (folder / "tree/.rehost/boot").mkdir(parents=True)
    if record:
        for name in "etc", "usr/bin", "usr/lib/systemd", "root", "boot", "var/lib":
            (folder / "tree" / name).mkdir(parents=True)
        (folder / "tree/etc/os-release").write_text("ID=debian\nVERSION_ID=12\n")
        (folder / "tree/etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (folder / "tree/etc/fstab").write_text(f"UUID={ROOT_UUID} / ext4 defaults 0 1\n")
        (folder / "tree/usr/lib/systemd/systemd").write_text("x")
        for link, to in ("bin", "usr/bin"), ("sbin", "usr/bin"), ("lib", "usr/lib"):
            (folder / "tree" / link).symlink_to(to)
        (folder / "tree/usr/bin/init").symlink_to("../lib/systemd/systemd")
    (folder / "tree/.rehost/boot/s").write_text(env + "#" * (512 - len(env)))
    (folder / "grub.cfg").write_text(STAND_IN)
    files = {f"EFI/rehost/{name}": file for name, file in {
        "shimx64.efi": "/usr/lib/shim/shimx64.efi.signed",
        "grubx64.efi": "/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed",
        "grub.cfg": folder / "grub.cfg"}.items()}
    boot = esp(folder / "esp.img", files, 40)
    root = folder / "root.img"
    disks.run(["mke2fs", "-q", "-t", "ext4", "-U", ROOT_UUID, "-O", "^orphan_file,^metadata_csum_seed", "-d", folder / "tree", root, "16M"])
    if record:
        (folder / "job").write_bytes(job(record, "uefi", ROOT_UUID, inode(root, "/etc")))
        disks.run(["debugfs", "-w", "-R", f"write {folder / 'job'} /.rehost/job", root])
    with open(path, "wb") as disk:
        disk.truncate(64 << 20)
    subprocess.run(["sfdisk", "-q", path], check=True, text=True,
                   input="label: gpt\nsize=40MiB, type=uefi\nsize=16MiB, type=linux\n")
    with open(path, "r+b") as disk:
        disk.write(BOOT_SECTOR)
        for at, part in (1, boot), (41, root):
            disk.seek(at << 20)
            disk.write(part.read_bytes())
    return path


def machine(net, folder, medium, image=None, firmware="bios", memory=None, extra=(), name=None):
    """A target without a disk of its own. medium: "iso", "raw" (also for a FAT with a UKI) or "net"."""
    m = qemu.Machine(net, "target", folder, memory=memory or MEMORY[firmware], name=name or f"{medium}-{firmware}")
    m.argv[m.argv.index("-machine") + 1] = "q35,smm=on" if firmware == "secure" else "q35"
    if medium == "net":
        nic = next(i for i, word in enumerate(m.argv) if word.endswith("romfile="))
        m.argv[nic] = m.argv[nic].removesuffix(",romfile=") + ",bootindex=1"
    if medium == "iso":
        m.argv += ["-drive", f"if=none,id=medium,file={image},format=raw,readonly=on,media=cdrom",
                   "-device", "ide-cd,drive=medium,bootindex=1"]
    if medium == "raw":
        m.argv += ["-drive", f"if=none,id=medium,file={image},format=raw,cache=unsafe",
                   "-device", "virtio-blk-pci,drive=medium,bootindex=1"]
    if FIRMWARE[firmware]:
        code, variables = FIRMWARE[firmware]
        own = pathlib.Path(folder) / f"{m.name}.vars"
        shutil.copyfile(OVMF / variables, own)
        m.argv += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF / code}",
                   "-drive", f"if=pflash,unit=1,format=raw,file={own}"]
    if firmware == "secure":
        m.argv += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    m.argv += list(extra)
    return m
