# SPDX-License-Identifier: MIT
"""A source whose initramfs is made by dracut: rewritten in the rescue by its own dracut, booted, confirmed, released.
Long: eight minutes. What tests/interop/test_dracut.py shows without a machine is in every check."""
import os
import re
import subprocess

import pytest

from lib import disks, migration, qemu

pytestmark = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="REHOST_LONG=1 runs it")

SOURCE_UUID = "50c0ce00-aaaa-4bbb-8ccc-ddddeeeeffff"
FILES = {
    "etc/hostname": "dracula\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 dracula\n",
    "etc/machine-id": "fedcba9876543210fedcba9876543210\n",
    "etc/fstab": f"UUID={SOURCE_UUID} / ext4 errors=remount-ro 0 1\n",
    "etc/network/interfaces": "auto lo\niface lo inet loopback\nauto ens3\niface ens3 inet dhcp\n",
    "etc/default/grub": 'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX="console=ttyS0,115200"\nGRUB_TERMINAL="console serial"\n'
                        f'GRUB_CMDLINE_LINUX_DEFAULT="quiet resume=UUID={SOURCE_UUID}"\n',
    "etc/dracut.conf.d/mine.conf": 'hostonly="yes"\nhostonly_cmdline="yes"\ncompress="gzip -1"\n'
                                   f'kernel_cmdline="root=UUID={SOURCE_UUID}"\n',
    # its kernel's modules and udev take longer than 90 s on an emulated processor that has other work
    "etc/systemd/system.conf.d/slow.conf": "[Manager]\nDefaultDeviceTimeoutSec=600\n",
    "srv/data": "the source's data\n",
}


def make_source(folder):
    root = folder / "source"
    root.mkdir()
    disks.run(["tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-C", root, "-xpf",
               disks.root_tar("dracut")])
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).unlink(missing_ok=True)
        (root / path).write_text(text)
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    (root / "root/.ssh/authorized_keys").write_text((disks.keys() / "operator.pub").read_text())
    for old in [*(root / "etc/ssh").glob("ssh_host_*"), *(root / "boot").glob("initrd.img-*")]:
        old.unlink()
    disks.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / "etc/ssh/ssh_host_ed25519_key"])
    return root


def receive(net, root):
    tar = subprocess.Popen(["tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--sparse", "-C", root,
                            "-cpf", "-", "."], stdout=subprocess.PIPE)
    done = net.ssh(qemu.TARGET, "receive tar", stdin=tar.stdout, timeout=1200, check=False)
    tar.stdout.close()
    assert tar.wait() == 0 and done.returncode in (0, 3), done


def test_a_clone_with_an_initramfs_of_dracut(net, folder):
    root = make_source(folder)
    disk = disks.overlay(disks.disk("target"), folder / "target.qcow2")
    with qemu.rescue(net, folder, disk, memory=512, full=True) as rescue:
        rescue.wait_banner()
        receive(net, root)
        said = migration.rescue_command(net, "rewrite", timeout=1800).stdout
        assert "running: initramfs " in said, said
        migration.rescue_command(net, "check", timeout=600)
        said = migration.rescue_command(net, "switch").stdout
        confirm = re.search(r"ssh root@10\.77\.2\.20 (/var/lib/rehost/rehost confirm [0-9a-f]{16})", said)[1]
        with migration.reboot_into_disk(net, rescue, folder) as clone:
            assert clone.ssh("hostname; cat /srv/data").stdout == "dracula\nthe source's data\n"
            assert "dracut-initqueue" in clone.ssh("journalctl -b --no-pager -o short").stdout
            words = clone.ssh("cat /proc/cmdline").stdout.split()
            assert "rd.emergency=reboot" in words and SOURCE_UUID not in " ".join(words)
            assert "/boot " in clone.ssh("findmnt -rno TARGET,SOURCE").stdout
            clone.ssh(confirm)
            clone.ssh("/var/lib/rehost/rehost release")
            # the clone's own next image is by the operator's settings again
            made = clone.ssh("ls /boot/initrd.img-*; cat /etc/dracut.conf.d/mine.conf").stdout
            assert 'hostonly="yes"' in made and SOURCE_UUID not in made
