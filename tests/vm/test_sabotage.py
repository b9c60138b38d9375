# SPDX-License-Identifier: MIT
"""
More clones that are broken in one way each (make check-long). The trial does not confirm, the rescue is back within the
time that was told, and has something to show; then a rollback.
"""
import os
import subprocess
import time

import pytest

from lib import disks, migration, qemu, trial, watchdog

pytestmark = pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="make check-long: three to five minutes each")


class Case:
    """One sabotage: script in the rescue's shell; look(now, log, status text) judges what the rescue shows afterwards."""

    def __init__(self, script, look):
        self.script, self.look = script, look


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


NO_SSH = "busybox rm -f $C/etc/systemd/system/multi-user.target.wants/ssh.service\n"
INTERFACES = "$(busybox find $C/etc/network -type f)"

CASES = {
    "root": Case("busybox sed -i 's/root=UUID=[0-9a-f-]*/root=UUID=5ab07a9e-0000-4000-8000-000000000000/' $B/grub/grub.cfg",
                 left_nothing),
    "link": Case(f"for f in {INTERFACES}; do : >$f; done; printf 'auto lo\\niface lo inet loopback\\n' >$C/etc/network/interfaces",
                 has("addresses: 127.0.0.1 ::1\n", "default route: none")),
    # Whoever tries to confirm is behind a router (lib/trial.py): next door nobody would miss the gateway.
    "gateway": Case(f"busybox sed -i 's/gateway 10[.]77[.]2[.]1$/gateway 10.77.2.254/' {INTERFACES}\n"
                    f"busybox grep -q 10.77.2.254 {INTERFACES}",
                    has("addresses: 127.0.0.1 10.77.2.20 ", "default route: default via 10.77.2.254")),
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
    "iptables": Case(
        lambda: fetch_firewall() + "busybox ln -sf xtables-legacy-multi $C/usr/sbin/iptables\n" + trial.unit(
            "firewall", "/usr/sbin/iptables -A INPUT -p tcp --dport 22 -j DROP", Before="ssh.service"),
        has("firewall (iptables)", "--dport 22 -j DROP", "0.0.0.0:22")),
    "sshd": Case("echo 'ListenAddress 10.77.1.10' >$C/etc/ssh/sshd_config.d/listen.conf",
                 has("10.77.1.10", "failed units: ssh.service", "default via 10.77.2.1 ")),
}


def begin(net, folder, disk, script, extra=()):
    """Sabotages the clone from the planted rescue and starts its trial. Returns the minutes that were told, and the nonce."""
    with qemu.Machine(net, "target", folder, disk=disk, name="rescue", extra=extra) as machine:
        machine.wait_banner(300)
        nonce = trial.status(net)["nonce"]
        trial.shell(net, script)
        return trial.begin(net, machine), nonce


@pytest.mark.parametrize("name", CASES)
def test_a_sabotaged_clone_gives_way_to_the_rescue(net, folder, switched, name):
    case = CASES[name]
    disk = disks.overlay(switched, folder / "target.qcow2")
    told, nonce = begin(net, folder, disk, case.script() if callable(case.script) else case.script)
    with trial.failing(net, folder, disk, told, nonce, name) as (machine, now, _):
        done = migration.rescue_command(net, "log --trial", check=False)
        case.look(now, done.stdout + done.stderr, migration.rescue_command(net, "status").stdout)
        trial.roll_back(net, machine)


def wait_log(net, word):
    """The clone's log once it has this word: what came last the rescue takes in after its start."""
    for _ in range(60):
        log = migration.rescue_command(net, "log --trial", check=False).stdout
        if word in log:
            return log
        time.sleep(1)
    raise AssertionError(f"no {word!r} in the log: {log}")


def test_a_hang_is_ended_by_the_hardware_watchdog(net, folder, switched):
    """A kernel that panics and stands still for ever: nothing in the machine but its watchdog can end that."""
    extra = watchdog.machine(folder)
    disk = disks.overlay(switched, folder / "target.qcow2")
    told, nonce = begin(net, folder, disk, NO_SSH + trial.unit(
        "hang", "/bin/sh -c 'until [ -s /.rehost/trial.log ]; do sleep 1; done; sleep 3; echo 0 >/proc/sys/kernel/panic;"
        " echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger'"), extra)
    with trial.failing(net, folder, disk, told, nonce, "hang", extra=extra) as (machine, now, _):
        console = (folder / "hang.log").read_text(errors="replace")
        assert "end Kernel panic - not syncing" in console and "Rebooting in" not in console
        # it is in a journal that the rescue replays first
        log = wait_log(net, "watchdog")
        assert 0 <= now["trial"]["seconds"] < trial.MINUTES * 60, now
        assert "a hang of 120 seconds is ended by the watchdog" in log
        assert "stopped later without a word" in migration.rescue_command(net, "status").stdout
        trial.roll_back(net, machine)


def test_what_the_kernel_said_at_last_is_kept_where_the_machine_can(net, folder, switched):
    """ACPI ERST, as servers have: the rescue shows the panic itself."""
    store = folder / "erst"
    store.write_bytes(b"")
    os.truncate(store, 0x10000)
    extra = ["-object", f"memory-backend-file,id=erst,mem-path={store},size=0x10000,share=on", "-device", "acpi-erst,memdev=erst"]
    disk = disks.overlay(switched, folder / "target.qcow2")
    told, nonce = begin(net, folder, disk, "busybox rm $C/usr/sbin/init\n"
                        "printf '#!/bin/sh\\necho the shop is on fire >/dev/kmsg\\nexit 1\\n' >$C/usr/sbin/init\n"
                        "busybox chmod 755 $C/usr/sbin/init", extra)
    with trial.failing(net, folder, disk, told, nonce, "crash", extra=extra) as (machine, now, _):
        log = wait_log(net, "Kernel panic")
        assert "Kernel panic - not syncing" in log and "the shop is on fire" in log
        assert log.index("the shop is on fire") < log.index("Kernel panic - not syncing")
        trial.roll_back(net, machine)
