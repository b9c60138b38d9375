# SPDX-License-Identifier: MIT
"""
More clones that are broken in one way each (make check-long). The trial does not confirm, the rescue is back within the
time that was told, and has something to show; then a rollback.
"""
import os
import subprocess
import time

import pytest

from lib import disks, migration, qemu, trial

pytestmark = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="make check-long: three to five minutes each")


@pytest.fixture(scope="session")
def switched(staged):
    """A target's disk after the switch: the next boot is the planted rescue. As a qcow2 to put overlays on."""

    def make(disk, folder):
        with qemu.Net() as net, qemu.rescue(net, folder, disk, full=True, options=trial.OPTIONS) as rescue:
            rescue.wait_banner()
            migration.rescue_command(net, "switch")
            rescue.qmp("quit")  # the switch has brought everything to the disk
            rescue.wait_exit()

    return disks.prepared("switched", staged, [qemu.RESCUE / "initrd-full"], make)


class Case:
    """One sabotage: script in the rescue's shell; look(now, log, status text) judges what the rescue shows afterwards."""

    def __init__(self, script, look, **kw):
        self.script, self.look, self.kw = script, look, kw


def has(*words):
    def look(now, log, text):
        assert now["trial"]["log"] and trial.MINUTES * 60 - 15 <= now["trial"]["seconds"] <= 300, now
        for word in words:
            assert word in log, (word, log[-6000:])
        assert "nobody confirmed" in text

    return look


def left_nothing(now, log, text):
    assert not now["trial"]["log"] and now["trial"]["seconds"] == -1
    assert "none was written" in text and "did not come as far as its guard" in text
    assert "no clone has left a log" in log


def fetch_firewall():
    """Script that unpacks Debian's nftables and iptables into the clone."""
    path = disks.firewall_tar()
    data = subprocess.run(["base64", path], stdout=subprocess.PIPE, check=True, text=True).stdout
    return f"busybox base64 -d <<'END' | busybox tar -xzf - -C $C\n{data}END\n"


CASES = {
    "root": Case("busybox sed -i 's/root=UUID=[0-9a-f-]*/root=UUID=5ab07a9e-0000-4000-8000-000000000000/' $B/grub/grub.cfg",
                 left_nothing),
    "nft": Case(
        lambda: fetch_firewall() + """
busybox cat >$C/etc/nftables.conf <<'END'
table inet filter {
	chain input {
		type filter hook input priority 0; policy drop;
		iif lo accept
		tcp dport 80 accept
	}
}
END
""" + trial.unit("firewall", "/usr/sbin/nft -f /etc/nftables.conf", Before="ssh.service"),
        has("firewall (nft)", "policy drop", "tcp dport 80 accept", "0.0.0.0:22")),
}


@pytest.mark.parametrize("name", CASES)
def test_a_sabotaged_clone_gives_way_to_the_rescue(net, folder, switched, name):
    case = CASES[name]
    disk = disks.overlay(switched, folder / "target.qcow2")
    with qemu.Machine(net, "target", folder, disk=disk, name="rescue") as machine:
        machine.wait_banner(300)
        nonce = trial.status(net)["nonce"]
        trial.shell(net, case.script() if callable(case.script) else case.script)
        told = trial.begin(net, machine)
    with trial.failing(net, folder, disk, told, nonce, name, **case.kw) as (machine, now, _):
        done = migration.rescue_command(net, "log --trial", check=False)
        case.look(now, done.stdout + done.stderr, migration.rescue_command(net, "status").stdout)
        trial.roll_back(net, machine)


def test_what_the_kernel_said_at_last_is_kept_where_the_machine_can(net, folder, switched):
    """ACPI ERST, as servers have: the rescue shows the panic itself."""
    store = folder / "erst"
    store.write_bytes(b"")
    os.truncate(store, 0x10000)
    extra = ["-object", f"memory-backend-file,id=erst,mem-path={store},size=0x10000,share=on", "-device", "acpi-erst,memdev=erst"]
    disk = disks.overlay(switched, folder / "target.qcow2")
    with qemu.Machine(net, "target", folder, disk=disk, name="rescue", extra=extra) as machine:
        machine.wait_banner(300)
        nonce = trial.status(net)["nonce"]
        trial.shell(net, "busybox rm $C/usr/sbin/init\n"
                         "printf '#!/bin/sh\\necho the shop is on fire >/dev/kmsg\\nexit 1\\n' >$C/usr/sbin/init\n"
                         "busybox chmod 755 $C/usr/sbin/init")
        told = trial.begin(net, machine)
    with trial.failing(net, folder, disk, told, nonce, "crash", extra=extra) as (machine, now, _):
        for _ in range(60):
            log = migration.rescue_command(net, "log --trial", check=False).stdout
            if "Kernel panic" in log:
                break
            time.sleep(1)
        assert "Kernel panic - not syncing" in log and "the shop is on fire" in log
        assert log.index("the shop is on fire") < log.index("Kernel panic - not syncing")
        trial.roll_back(net, machine)
