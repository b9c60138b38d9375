# SPDX-License-Identifier: MIT
"""A Debian root whose initramfs is made by dracut: received beside another one, rewritten by its own dracut and GRUB in
the prepared chroot, and proved. What test_clone.py does with initramfs-tools; the machinery is that file's.

The tests run in the order of this file and build on one another.
"""
import re
import subprocess

import pytest

import test_clone as clone
from test_clone import SOURCE_UUID, UUID, send, sh, state, step_lines, target  # noqa: F401 (a fixture)

pytestmark = clone.pytestmark


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    tar = clone.root_tar(clone.PACKAGES.replace("initramfs-tools", "dracut"))
    root = clone.make_source(tmp_path_factory.mktemp("dracut-source"), tar)
    clone.write(root / "etc/dracut.conf.d/mine.conf",
                'hostonly="yes"\nhostonly_cmdline="yes"\ncompress="gzip -1"\n'
                f'kernel_cmdline="root=UUID={SOURCE_UUID} resume=UUID={SOURCE_UUID} quiet"\n'
                f'add_device+=" /dev/disk/by-uuid/{SOURCE_UUID} "\n')
    for image in (root / "boot").glob("initrd.img-*"):
        image.unlink()
    return root


def image_of(t):
    folder = t.run_dir / "fs/1/.rehost/edits/upper"
    image = t.shell(f"ls {folder}/initrd.img-*").split()
    assert len(image) == 1
    return image[0]


def test_image_is_made_by_dracut(target, source):
    r = send(target, source)
    assert r.returncode in (0, 3), r.stdout + r.stderr
    r = target.rehost("rewrite", "--dry-run")
    assert r.returncode == 0, r.stderr
    assert "run: initramfs " in r.stdout and "dracut --force --no-hostonly" in r.stdout
    r = target.rehost("rewrite")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert [line for line in step_lines(r) if line.startswith("running: initramfs ")], r.stdout
    assert state(target) == "edited"


def test_image_fits_any_machine_of_this_kind(target, source):
    listed = source / "var/tmp/image"
    with open(listed, "wb") as f:
        f.write(target.inside("cat", image_of(target), text=False).stdout)
    names = sh("chroot", source, "sh", "-c", "gzip -dc /var/tmp/image | cpio -t --quiet").stdout
    listed.unlink()
    for wanted in ("virtio_blk.ko", "virtio_scsi.ko", "sd_mod.ko"):
        assert wanted in names, wanted
    assert "lib/dracut/hooks" in names
    assert not re.search(r"by-uuid|by\\x2duuid", names)


def test_settings_name_no_disk_of_the_source(target):
    conf = target.read(target.clone_file("/etc/dracut.conf.d/mine.conf"))
    assert f"root=UUID={UUID['root']}" in conf and "quiet" in conf
    assert "resume=" not in conf
    assert re.search(r"^# rehost: add_device", conf, re.M)
    assert 'hostonly="yes"' in conf  # the clone's own images are again as the operator wanted


def test_check_passes_and_nothing_runs_twice(target):
    r = target.rehost("check")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert state(target) == "checked"
    before = target.shell(f"sha256sum {image_of(target)}")
    r = target.rehost("rewrite")
    assert r.returncode in (0, 3), r.stderr
    assert step_lines(r) and all(line.startswith("kept: ") for line in step_lines(r)), r.stdout
    assert target.shell(f"sha256sum {image_of(target)}") == before


def test_image_of_another_machine_is_refused(target, source):
    """An image with the words of the source inside: dracut makes it, check says so, rewrite makes another."""
    version = next((source / "boot").glob("vmlinuz-*")).name.removeprefix("vmlinuz-")
    image = f"/boot/initrd.img-{version}"
    made = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-ec",
         f"mount --bind /proc {source}/proc; mount --bind /dev {source}/dev; mount --bind /sys {source}/sys; "
         f"chroot {source} dracut --force --no-hostonly --modules 'base kernel-modules rootfs-block' "
         f"--drivers 'ext4 virtio_blk virtio_scsi virtio_pci sd_mod loop' --kernel-cmdline "
         f"'root=UUID={SOURCE_UUID}' {image} {version}"],
        capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    r = send(target, source, "--update")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    r = target.rehost("rewrite")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert re.search("must be made, (its etc/cmdline.d/|it waits for a disk of the source)", r.stdout), r.stdout
