# SPDX-License-Identifier: MIT
"""scripts/rehost-push on a running source: a real init's services stopped and fenced, the clone confirmed by the nonce, the source resumed."""
import contextlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

from lib import disks, migration, qemu

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pushing import assemble  # noqa: E402

pytestmark = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="make check-long: eight minutes")
SERVICES = "nginx", "redis-server", "cron"


def active(machine):
    said = machine.ssh("systemctl is-active " + " ".join(SERVICES), check=False).stdout.split()
    return [name for name, word in zip(SERVICES, said) if word == "active"]


def host_fingerprint(net):
    line = f"x ssh-ed25519 {net.host_key(qemu.TARGET)}"
    return subprocess.run(["ssh-keygen", "-lf", "-"], input=line, text=True, stdout=subprocess.PIPE, check=True).stdout.split()[1]


def start_push(net, source, folder, *words):
    script = assemble(folder)
    with open(script, "rb") as f:
        source.ssh("cat >/root/rehost-push; chmod 755 /root/rehost-push", stdin=f)
    log = open(folder / "push.log", "w")
    line = f"/root/rehost-push --yes {' '.join(words)} {qemu.TARGET}"
    return subprocess.Popen(net.ssh_argv(qemu.SOURCE, line), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


def copy_image(source, target):
    """To the source, which may log in to the target as an operator's ssh would: the host key is known, the key is taken."""
    tar = ["tar", "-C", disks.REPO / "build", "--transform", "s,rescue/cloud/,,", "-c", "rehost", "rescue/cloud/vmlinuz",
           "rescue/cloud/initrd-full"]
    with subprocess.Popen([str(w) for w in tar], stdout=subprocess.PIPE) as sender:
        source.ssh("mkdir /root/rescue && tar -C /root/rescue -x", stdin=sender.stdout)
    key = source.ssh("cat /root/.ssh/id_ed25519.pub").stdout
    target.ssh(f"echo '{key.strip()}' >>/root/.ssh/authorized_keys")
    source.ssh(f"ssh-keyscan -t ed25519 {qemu.TARGET} >>/root/.ssh/known_hosts 2>/dev/null")


def test_a_live_server_is_pushed_and_fenced(folder):
    with contextlib.ExitStack() as stack:
        source_disk, target_disk = disks.build("source", "target")
        net = stack.enter_context(qemu.Net())
        source_disk = disks.overlay(source_disk, folder / "source.qcow2")
        target_disk = disks.overlay(target_disk, folder / "target.qcow2")
        source = stack.enter_context(qemu.Machine(net, "source", folder, disk=source_disk))
        target = stack.enter_context(qemu.Machine(net, "target", folder, disk=target_disk, name="old"))
        source.wait_banner()
        target.wait_banner(300)
        copy_image(source, target)
        before = host_fingerprint(net)
        source.ssh("for i in $(seq 60); do systemctl is-active redis-server && break; sleep 1; done")
        assert len(active(source)) == 3
        # without the token everything is prepared, and nothing stopped
        push = start_push(net, source, folder, "--enter", "/root/rescue")
        target.wait_exit(300)
        rescue = stack.enter_context(qemu.Machine(net, "target", folder, disk=target_disk, name="rescue").start())
        assert push.wait(900) == 0, (folder / "push.log").read_text()
        print((folder / "push.log").read_text())
        assert len(active(source)) == 3 and host_fingerprint(net) == before
        token = json.loads(migration.rescue_command(net, "plan --json").stdout)["token"]
        push = start_push(net, source, folder, "--switch", token)
        try:
            rescue.wait_exit(1500)  # the script's reboot
            clone = stack.enter_context(qemu.Machine(net, "target", folder, disk=rescue.disk, bus=rescue.bus, name="clone").start())
            clone.wait_banner(300)
            code = push.wait(300)
        finally:
            push.kill()
            said = (folder / "push.log").read_text()
            print(said)
        assert code == 0, said
        status = json.loads(clone.ssh("/var/lib/rehost/rehost status --json").stdout)
        assert status["state"] == "confirmed" and status["loader"]["selected"] == "clone"
        assert migration.answers(net) == []
        assert "rehost-push" not in clone.ssh("cat /root/.ssh/authorized_keys").stdout
        assert clone.ssh("find /etc/systemd -name '50-rehost-fence.conf'").stdout == ""
        assert active(source) == [] and "rehost-push" not in source.ssh("cat /root/.ssh/authorized_keys").stdout
        source.power_off()
        again = stack.enter_context(qemu.Machine(net, "source", folder, disk=source_disk, name="source-again").start())
        again.wait_banner()
        again.ssh("systemctl is-system-running --wait", check=False, timeout=300)
        assert active(again) == [], "the fence did not hold across a reboot"
        again.ssh("/root/rehost-push --yes --resume-source")
        assert len(active(again)) == 3
