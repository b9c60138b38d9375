# SPDX-License-Identifier: MIT
"""
A provider's rescue system: a Debian that runs from another disk, with SSH of its own. The binary alone is copied there, and the whole
way of docs/rescue.md is gone, until the clone runs from the disk that was served.
"""
import os
import subprocess

import pytest

from lib import disks, migration, qemu

pytestmark = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="REHOST_LONG=1 runs it")


def test_a_server_moves_through_a_foreign_rescue_system(net, folder, stream):
    disk = disks.overlay(disks.disk("target"), folder / "target.qcow2")
    own = disks.overlay(disks.disk("target-single"), folder / "provider.qcow2")
    extra = ["-drive", f"if=none,id=served,file={disk},format=qcow2,cache=unsafe", "-device", "virtio-scsi-pci,id=second",
             "-device", "scsi-hd,drive=served,bus=second.0,serial=served1"]

    def typed(line, check=True, **kw):
        argv = net.ssh_argv(qemu.TARGET, line, options=["-p", "2222"])
        done = subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=1200, **kw)
        assert not check or done.returncode in (0, 3), (line, done.stdout[-2000:], done.stderr[-2000:])
        return done

    with qemu.Machine(net, "target", folder, disk=own, bus="virtio", memory=1024, name="provider", extra=extra) as provider:
        provider.wait_banner(300)
        with open(disks.REPO / "build/rehost", "rb") as binary:
            net.ssh(qemu.TARGET, "cat >/root/rehost && chmod +x /root/rehost", stdin=binary)
        before = provider.ssh("cat /etc/hostname; ls /").stdout
        provider.ssh("modprobe overlay; setsid /root/rehost serve --disk served1 </dev/null >/root/served 2>&1 &")
        said = provider.ssh("for i in $(seq 60); do grep -q listening /root/served && break; sleep 1; done; cat /root/served").stdout
        assert "listening on port 2222" in said, said
        plan = typed("plan", stdin=subprocess.DEVNULL).stdout
        assert "10.77.2.20" in plan and "/boot" in plan
        with open(stream, "rb") as tar:
            typed("receive tar", stdin=tar)
        for command in "rewrite", "check", "switch --without-loader", "status", "reboot":
            print(typed(command, stdin=subprocess.DEVNULL).stdout)
        assert provider.running() and provider.ssh("cat /etc/hostname; ls /").stdout == before
        provider.power_off()
    with qemu.Machine(net, "target", folder, disk=disk, name="clone") as clone:
        clone.wait_banner(300)
        assert clone.ssh("hostname").stdout == "web01\n"
        assert migration.answers(net) == []
        done = clone.ssh("/var/lib/rehost/rehost release --unconfirmed", check=False)
        assert done.returncode == 0, done
        assert clone.ssh("ls -d /.rehost /boot/.rehost 2>/dev/null", check=False).stdout == ""
