# SPDX-License-Identifier: MIT
"""
A provider's rescue system: a Debian that runs from another disk, with SSH of its own. The binary alone is copied there and serves the
target's disk, as docs/rescue.md says. The rest of the way is tests/interop/test_foreign.py.
"""
import io
import os
import subprocess
import tarfile

import pytest

from lib import disks, qemu

pytestmark = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="REHOST_LONG=1 runs it")


def small_stream():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("./etc/hostname")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"web01"))
    return out.getvalue()


def test_the_binary_alone_serves_a_disk(net, folder):
    disk = disks.overlay(disks.disk("target"), folder / "target.qcow2")
    own = disks.overlay(disks.disk("target-single"), folder / "provider.qcow2")
    extra = ["-drive", f"if=none,id=served,file={disk},format=qcow2,cache=unsafe", "-device",
             "virtio-scsi-pci,id=second", "-device", "scsi-hd,drive=served,bus=second.0,serial=served1"]

    def typed(line, data=b"", codes=(0, 3)):
        argv = net.ssh_argv(qemu.TARGET, line, options=["-p", "2222"])
        done = subprocess.run(argv, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
        assert done.returncode in codes, (line, done)
        return done.stdout.decode()

    provider = qemu.Machine(net, "target", folder, disk=own, bus="virtio", memory=768, name="provider", extra=extra)
    provider.argv = [word + ",bootindex=1" if "virtio-blk-pci" in word else word for word in provider.argv]
    with provider:
        provider.wait_banner(400)
        assert provider.ssh("findmnt -rno SOURCE /").stdout.startswith("/dev/vda")
        with open(disks.REPO / "build/rehost", "rb") as binary:
            net.ssh(qemu.TARGET, "cat >/root/rehost && chmod +x /root/rehost", stdin=binary)
        refused = provider.ssh("/root/rehost serve --disk vda", check=False)
        assert refused.returncode == 1 and "RH-" in refused.stderr, refused  # the system itself runs from it
        provider.ssh("modprobe overlay; setsid /root/rehost serve --disk served1 </dev/null >/root/served 2>&1 &")
        said = provider.ssh("for i in $(seq 60); do grep -q listening /root/served && break; sleep 1; done; cat /root/served").stdout
        assert "listening on port 2222" in said, said
        plan = typed("plan")
        assert "10.77.2.20" in plan and "/boot" in plan and "vda" not in plan, plan
        typed("receive tar", small_stream())
        assert typed("status").startswith("state       staged:")
        typed("rollback --discard")
        assert typed("status").startswith("state       none:")
        typed("reboot", codes=[1])  # not this system, unless --host is said
        assert provider.running() and provider.ssh("cat /proc/mounts").stdout.count("/run/rehost/fs") == 0
