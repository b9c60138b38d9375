# SPDX-License-Identifier: MIT
"""Every way to boot the rescue as an image: each must reach the SSH banner with what was baked in, and answer."""
import filecmp
import os
import subprocess

import pytest

from lib import disks, media, qemu

LONG = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="REHOST_LONG=1 runs it")
ISO = media.BUILD / "rehost-rescue.iso"
RAW = media.BUILD / "rehost-rescue.raw"
UKI = media.BUILD / "rehost-rescue.efi"


SHELL = """free -m
sed 1d /rescue/list | while read sum size file; do echo "$sum  /rescue/$file"; done | sha256sum -c
"""


def answers(machine, secure=False):
    """The banner, then status with the baked-in key; the loader's files are there, whole."""
    console = machine.wait_console("Login: ", 300)
    assert "one-time password" not in console and "unpacking failed" not in console
    banner, seconds = machine.wait_banner(120)
    assert banner.startswith("SSH-2.0-")
    done = machine.ssh("status", check=False)
    assert done.returncode in (0, 1), done.stderr  # there is no disk: it says so
    done = subprocess.run(machine.net.ssh_argv(qemu.TARGET, "shell"), input=SHELL, text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout.count(": OK") == 7, done.stdout
    print(f"{machine.name}: banner after {seconds:.1f} s\n{done.stdout}")
    assert secure == ("Secure boot enabled" in console)
    return seconds


@pytest.fixture
def host_key(folder):
    disks.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host"])
    return folder / "host"


@pytest.mark.parametrize("firmware", ["bios", "secure", pytest.param("uefi", marks=LONG)])
def test_iso(net, folder, firmware, host_key):
    image = media.customize(ISO, folder / "rescue.iso", "--host-key", host_key)
    with media.machine(net, folder, "iso", image, firmware) as machine:
        answers(machine, firmware == "secure")
        assert net.host_key(qemu.TARGET) == host_key.with_suffix(".pub").read_text().split()[1]


@LONG
@pytest.mark.parametrize("firmware", ["bios", "uefi", "secure"])
def test_raw(net, folder, firmware):
    image = media.customize(RAW, folder / "rescue.raw")
    with media.machine(net, folder, "raw", image, firmware) as machine:
        answers(machine, firmware == "secure")


@LONG
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_iso_on_a_stick(net, folder, firmware):
    """The ISO written to a disk as it is."""
    image = media.customize(ISO, folder / "rescue.iso")
    with media.machine(net, folder, "raw", image, firmware, name=f"stick-{firmware}") as machine:
        answers(machine)


@LONG
@pytest.mark.parametrize("firmware", ["bios", "uefi", "secure"])
def test_iso_left_attached_goes_on_to_the_disk(net, folder, firmware):
    """The rescue said "clone-once" and rebooted: the disk's own loader must get its turn. A stand-in says so.
    With the real loader, and the word from the rescue itself: test_medium.py."""
    disk = media.target_disk(folder / "target.raw", "clone-once", folder)
    extra = ["-drive", f"if=none,id=target,file={disk},format=raw", "-device", "virtio-blk-pci,drive=target,bootindex=2"]
    with media.machine(net, folder, "iso", ISO, firmware, extra=extra) as machine:
        machine.wait_console("CHAINED", 300)


@LONG
def test_iso_starts_the_rescue_for_every_other_word(net, folder):
    disk = media.target_disk(folder / "target.raw", "clone", folder)
    extra = ["-drive", f"if=none,id=target,file={disk},format=raw", "-device", "virtio-blk-pci,drive=target,bootindex=2"]
    image = media.customize(ISO, folder / "rescue.iso")
    with media.machine(net, folder, "iso", image, extra=extra) as machine:
        answers(machine)


@LONG
def test_uki(net, folder):
    image = media.customize(UKI, folder / "rescue.efi")
    esp = media.esp(folder / "esp.raw", {"EFI/BOOT/BOOTX64.EFI": image})
    with media.machine(net, folder, "raw", esp, "uefi", name="uki") as machine:
        answers(machine)


@LONG
def test_pxe(folder):
    """The card's own iPXE, a DHCP and TFTP server on the router, the script of the PXE set."""
    tftp = folder / "tftp"
    tftp.mkdir(mode=0o755)
    for file in (media.BUILD / "pxe").iterdir():
        if file.name != "custom.cpio":
            os.link(file, tftp / file.name)
    media.customize(media.BUILD / "pxe", tftp / "custom.cpio")
    with qemu.Net(dhcp=["--enable-tftp", f"--tftp-root={tftp}", "--dhcp-boot=rehost.ipxe"]) as net:
        with media.machine(net, folder, "net") as machine:
            answers(machine)


def test_the_same_input_gives_the_same_bytes(folder):
    disks.run([disks.REPO / "image/build-images", folder])
    for name in ISO.name, RAW.name, UKI.name:
        assert filecmp.cmp(media.BUILD / name, folder / name, shallow=False), name
    for file in (media.BUILD / "pxe").iterdir():
        assert filecmp.cmp(file, folder / "pxe" / file.name, shallow=False), file.name
    assert ISO.stat().st_size <= 50_000_000


@LONG
def test_another_folder_gives_the_same_bytes(folder):
    """The sources elsewhere, under a name of another length, built from nothing but the kernel packages."""
    there = folder / "a-checkout-with-a-longer-name"
    there.mkdir()
    names = subprocess.run(["git", "-C", disks.REPO, "ls-files", "-z"], stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["cpio", "-0", "-pdm", "--quiet", there], cwd=disks.REPO, input=names, check=True)
    (there / "build").mkdir()
    (there / "build/.setup").touch()
    disks.run(["cp", "-r", "--reflink=auto", media.BUILD / "cache", there / "build"])
    disks.run(["make", "-s", "-C", there, "-j2", "image", "images"])
    for part in ISO.name, RAW.name, UKI.name, "rehost", *(
            f"rescue/{profile}/{name}" for profile in ("cloud", "universal")
            for name in ("vmlinuz", "initrd", "loader.cpio", "initrd-full")):
        assert filecmp.cmp(media.BUILD / part, there / "build" / part, shallow=False), part
    for file in (media.BUILD / "pxe").iterdir():
        assert filecmp.cmp(file, there / "build/pxe" / file.name, shallow=False), file.name


def test_customizing_is_undone_without_a_trace(folder):
    """Every kind of image: put something in, show it, take it out; the bytes are those of before."""
    for image in ISO, RAW, UKI, media.BUILD / "pxe":
        copy = media.customize(image, folder / "copy")
        rehost = media.BUILD / "rehost"
        shown = disks.run([rehost, "rescue-image", "customize", copy, "--show"])
        assert (disks.keys() / "operator.pub").read_text().split()[1] in shown
        disks.run([rehost, "rescue-image", "customize", copy, "--clear"])
        original = image / "custom.cpio" if image.is_dir() else image
        assert filecmp.cmp(original, copy, shallow=False), image
    done = subprocess.run([rehost, "rescue-image", "customize", __file__, "--option", "a=b"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "RH-IMG-01" in done.stderr
