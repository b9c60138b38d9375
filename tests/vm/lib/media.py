# SPDX-License-Identifier: MIT
"""Machines that start from a rescue image: ISO, raw disk, unified kernel image or the network; BIOS or UEFI."""
import pathlib
import shutil

from . import disks, qemu

BUILD = disks.REPO / "build"
OVMF = pathlib.Path("/usr/share/OVMF")
FIRMWARE = {
    "bios": None,
    "uefi": ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
    # Microsoft's keys are enrolled and Secure Boot is on; needs SMM, so that only the firmware writes variables.
    "secure": ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd"),
}
MEMORY = {"bios": 512, "uefi": 768, "secure": 768}
MAC = qemu.Machine.KINDS["target"][1]
IP = f"{qemu.TARGET}::10.77.2.1:24:rescue:{MAC}:none"


def customize(image, output, *arguments):
    """What an operator would type: the test's key and the target's address, into a copy of the image."""
    disks.run([BUILD / "rehost", "rescue-image", "customize", image, "--output", output,
               "--key", disks.keys() / "operator.pub", "--ip", IP, *arguments])
    return output


def esp(path, files, size=128):
    """A FAT file system of size MiB with files {path in it: file}."""
    path.unlink(missing_ok=True)
    disks.run(["mkfs.vfat", "-F", "32", "-C", path, str(size * 1024)])
    for name, file in files.items():
        folders = pathlib.PurePosixPath(name).parts[:-1]
        for i in range(len(folders)):
            disks.run(["mmd", "-D", "s", "-i", path, "::" + "/".join(folders[: i + 1])])
        disks.run(["mcopy", "-i", path, file, f"::{name}"])
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
