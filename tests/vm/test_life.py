# SPDX-License-Identifier: MIT
"""
Everything that can happen to a target with a single root, on one disk: a trial that is rolled back, the old system again, a
second trial, confirmed and released. All that is written is recorded, and tests/power cuts it.
"""
import os
import re

import pytest

from lib import disks, migration, qemu, record
from lib.uefi import make_old_entry, rescue_with_driver

# name: source's stream, target's disk, by UEFI
LAYOUTS = {"single": ("source", "target-single", False), "uefi": ("source-uefi", "target-uefi", True)}
LONG = os.environ.get("REHOST_LONG")
SECONDS = 600  # for a start; a loaded emulator takes minutes


class Life:
    """One target from its first rescue to the released clone."""

    def __init__(self, net, folder, layout):
        stream, disk, self.is_uefi = LAYOUTS[layout]
        self.net, self.folder, self.stream = net, folder, disks.source_tar(stream)
        self.recorder = record.Recorder(record.place("life-" + layout), disks.disk(disk), uefi=self.is_uefi)
        self.times = 0

    def mark(self, name):
        self.recorder.mark(name + (" again" if self.times else ""))

    def command(self, text):
        return migration.rescue_command(self.net, text, timeout=900).stdout

    def reboot(self, machine):
        migration.rescue_command(self.net, "reboot", check=False)
        machine.wait_exit()

    def rescue(self):
        return qemu.rescue(
            self.net, self.folder, None, record=self.recorder, full=True, name=f"rescue{self.times}", options="shell=1\n"
        )

    def first_rescue(self):
        return rescue_with_driver(self.net, self.folder, None, record=self.recorder) if self.is_uefi else self.rescue()

    def from_disk(self, name):
        return qemu.Machine(self.net, "target", self.folder, record=self.recorder, name=f"{name}{self.times}")

    def receive(self):
        self.mark("receive tar")
        with open(self.stream, "rb") as tar:
            done = self.net.ssh(qemu.TARGET, "receive tar", stdin=tar, timeout=900, check=False)
        assert done.returncode == 0, done

    def switch(self, machine):
        """Rewrites, checks, switches and starts the trial; returns what is to be typed in the clone."""
        for step in "rewrite", "check", "switch":
            self.mark(step)
            said = self.command(step)
        self.mark("reboot into the clone")
        self.reboot(machine)
        return re.search(r"/var/lib/rehost/rehost confirm [0-9a-f]{16}", said)[0]

    def is_clone(self, machine):
        machine.wait_banner(SECONDS)
        assert machine.ssh("hostname; redis-cli get shop:name").stdout == "web01\ncorner shop\n"
        assert machine.ssh("systemctl is-system-running --wait; systemctl --failed --no-legend", check=False).stdout == "running\n"

    def run(self):
        self.mark("boot the target into the rescue")
        with self.first_rescue() as machine:
            machine.wait_banner(SECONDS)
            if self.is_uefi:
                make_old_entry(self.net)
            self.receive()
            self.switch(machine)
        with self.from_disk("clone") as machine:
            self.is_clone(machine)
            machine.qmp("quit")  # nobody confirms, and the power fails; the log must be whole
            machine.wait_exit()
        with self.from_disk("planted") as machine:
            machine.wait_banner(SECONDS)
            self.mark("rollback")
            self.command("rollback")
            if LONG:
                self.look_at_the_old_system(machine)
        self.times = 1
        self.recorder.mark("rewrite again")
        with self.rescue() as machine:
            machine.wait_banner(SECONDS)
            confirm = self.switch(machine)
        with self.from_disk("clone") as machine:
            self.is_clone(machine)
            self.mark("confirm")
            machine.ssh(confirm)
            self.mark("release")
            machine.ssh("/var/lib/rehost/rehost release")
            assert machine.ssh("ls -d /.rehost /boot/.rehost", check=False).stdout == ""
            self.mark("power off")
            machine.power_off()
        self.recorder.finish(layout=self.recorder.base.name)

    def look_at_the_old_system(self, machine):
        self.mark("reboot into the old system")
        self.reboot(machine)
        with self.from_disk("old") as machine:
            machine.wait_banner(SECONDS)
            assert machine.ssh("hostname; cat /root/old-data").stdout == "vps4711\nprecious\n"
            machine.power_off()


@pytest.mark.parametrize("layout", ["single", "uefi"] if LONG else ["single"])
def test_a_trial_rolled_back_and_one_released(net, folder, layout):
    Life(net, folder, layout).run()
