# SPDX-License-Identifier: MIT
"""A trial of a clone that nobody will be able to confirm, measured against what was told beforehand."""
import contextlib
import json
import re
import subprocess
import threading
import time

from . import migration, qemu

MINUTES = 2  # the shortest that there is
OPTIONS = f"shell=1\ntrial_minutes={MINUTES}\n"
# From the other side of the router: what is wrong with the clone's way back must show.
OUTSIDE = ("-o", "BindAddress=10.77.1.1", "-o", "ConnectTimeout=5")
CLONE = "/run/rehost/fs/0"


def shell(net, script, timeout=60):
    """
    Runs a script in the rescue's shell, which the options allow. The clone's root is $C, its /boot $B; "switch", which was
    done, leaves both writable.
    """
    assert "switched already" in migration.rescue_command(net, "switch").stdout
    done = subprocess.run(
        net.ssh_argv(qemu.TARGET, "shell"), input=f"set -e\nC={CLONE} B=/run/rehost/fs/1\n{script}\n", text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
    )
    assert done.returncode == 0, done
    return done.stdout


def status(net):
    return json.loads(migration.rescue_command(net, "status --json").stdout)


def unit(name, command, **more):
    """Script that gives the clone a unit of its own, started on the way to multi-user.target."""
    lines = ["[Unit]", *(f"{k}={v}" for k, v in more.items()), "[Service]", "Type=simple", f"ExecStart={command}"]
    text = "\n".join(lines)
    return f"""
busybox cat >$C/etc/systemd/system/{name}.service <<'END'
{text}
END
busybox mkdir -p $C/etc/systemd/system/multi-user.target.wants
busybox ln -sf ../{name}.service $C/etc/systemd/system/multi-user.target.wants/{name}.service
"""


class Attempts:
    """Somebody who tries to confirm all the time, from outside. Context manager."""

    def __init__(self, net, nonce, address=qemu.TARGET):
        self.net, self.command, self.address = net, f"/var/lib/rehost/rehost confirm {nonce}", address
        self.over = threading.Event()
        self.count, self.confirmed, self.said = 0, False, []

    def _try(self):
        while not self.over.is_set():
            done = subprocess.run(
                self.net.ssh_argv(self.address, self.command, options=OUTSIDE), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            self.count += 1
            self.confirmed |= done.returncode == 0
            self.said.append(done.stdout)
            self.over.wait(5)

    def __enter__(self):
        self.thread = threading.Thread(target=self._try)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def begin(net, machine):
    """Types reboot in the rescue: the trial. Returns the minutes that were told, everywhere the same."""
    now = status(net)
    told = now["trial"]["back_minutes"]
    text = migration.rescue_command(net, "status").stdout
    assert f"the rescue is back within {told}" in text or now["state"] not in ("switched", "trial")
    said = migration.rescue_command(net, "reboot", check=False).stdout
    assert f"the rescue is back within {told} minutes" in said and now["nonce"] in said
    machine.wait_exit()
    return told


@contextlib.contextmanager
def failing(net, folder, disk, told, nonce, name="trial", address=qemu.TARGET, extra=(), starts=1, report=None):
    """
    The disk is started and left to itself while somebody tries to confirm; yields the rescue that is back, and the seconds
    it took. starts: how often the machine restarts until the rescue is there.
    """
    started = time.monotonic()
    with Attempts(net, nonce, address) as attempts:
        for i in range(starts):
            with qemu.Machine(net, "target", folder, disk=disk, name=f"{name}{i or ''}", extra=extra) as machine:
                machine.wait_exit(told * 60 + 120)
    assert attempts.count and not attempts.confirmed, attempts.said
    with qemu.Machine(net, "target", folder, disk=disk, name=f"{name}-back", extra=extra) as machine:
        machine.wait_banner(300)
        took = time.monotonic() - started
        print(f"{name}: back after {took:.0f} s, told {told} minutes; {attempts.count} attempts to confirm")
        now = status(net)
        assert (now["state"], now["loader"]["selected"], now["place"]) == ("trial", "rescue", "rescue"), now
        assert now["next_boot"] == "starts the rescue"
        assert {"reboot", "rollback"} <= {row["command"] for row in now["type"]}
        assert took <= told * 60
        yield machine, now, attempts


def roll_back(net, machine, boot=None):
    """rollback; boot (folder, disk): the old system is started and looked at."""
    said = migration.rescue_command(net, "rollback").stdout
    assert status(net)["state"] == "staged"
    assert "starts the old system" in migration.rescue_command(net, "reboot", check=False).stdout
    machine.wait_exit()
    if boot:
        with qemu.Machine(net, "target", boot[0], disk=boot[1], name="old") as old:
            old.wait_banner(300)
            assert old.ssh("hostname; cat /root/old-data").stdout.split() == ["vps4711", "precious"]
    return said


def confirm(net, nonce, seconds=300):
    """Somebody reaches the clone from outside and confirms it."""
    end = time.monotonic() + seconds
    with Attempts(net, nonce) as attempts:
        while not attempts.confirmed and time.monotonic() < end:
            time.sleep(1)
    assert attempts.confirmed, attempts.said


def seconds_in(text):
    return int(re.search(r"\d+", text)[0])
