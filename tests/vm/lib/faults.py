# SPDX-License-Identifier: MIT
"""
The plug of a machine pulled while a command is at work, what answers after a plain power-cycle, and the two ways on from
there. Killing QEMU is no power cut, since what the guest has flushed and most of what it has not survives in the host:
tests/power cuts between writes. Here firmware, loader, rescue and both systems go on by themselves.
"""
import contextlib
import dataclasses
import pathlib
import subprocess
import time

from . import disks, migration, qemu, trial, uefi

# Long enough for a look at a clone that the emulation starts slowly.
OPTIONS = "shell=1\ntrial_minutes=15\n"
SYSTEMS = {"vps4711": "old", "web01": "clone"}
PROGRAM = "/var/lib/rehost/rehost"


@dataclasses.dataclass(frozen=True)
class Phase:
    """A command that is cut. base: the prepared disk it begins on; answers: what the promises (README) let start afterwards."""

    base: str
    command: str
    answers: frozenset
    has_stream: bool = False


PHASES = {
    "switch": Phase("staged", "switch", frozenset({"old", "rescue"})),
    "rollback": Phase("switched", "rollback", frozenset({"rescue", "old"})),
    "release": Phase("switched", "release --unconfirmed", frozenset({"rescue", "clone"})),
    "rewrite": Phase("staged", "rewrite", frozenset({"old"})),
    "receive": Phase("staged", "receive tar --update", frozenset({"old"}), True),
}

_lengths = {}  # of phases: how many writes and flushes the disk sees


# ---- machines ----


@dataclasses.dataclass
class Target:
    """A target's disk through its machines, one after the other. variables: where a UEFI machine keeps its own; None: BIOS."""

    net: qemu.Net
    folder: pathlib.Path
    disk: pathlib.Path
    stream: pathlib.Path
    variables: pathlib.Path = None

    def rescue(self, name):
        """Kernel and initrd from outside, with the private loader's files. By UEFI the first one makes the old system's entry."""
        if not self.variables:
            return qemu.rescue(self.net, self.folder, self.disk, full=True, options=OPTIONS, name=name)
        return uefi.rescue_with_driver(self.net, self.folder, self.disk, options=OPTIONS, uefi=self.variables, name=name)

    def from_disk(self, name):
        """The disk started by its firmware."""
        return qemu.Machine(self.net, "target", self.folder, disk=self.disk, uefi=self.variables, name=name)

    def begin(self, phase):
        """A machine in which phase's command can be typed, answering. By UEFI the switch of a phase after it is made first."""
        is_first = bool(self.variables) and not self.variables.exists()
        if is_first and phase.base == "switched":
            with self.begin(PHASES["switch"]) as machine:
                migration.rescue_command(self.net, "switch")
                machine.qmp("quit")  # the switch has brought everything to the disk
                machine.wait_exit()
            is_first = False
        machine = (self.rescue if phase.base == "staged" else self.from_disk)("cut").start()
        machine.wait_banner(400)
        if is_first:
            uefi.make_old_entry(self.net)
        trial.status(self.net)  # its mounts are made
        return machine


@contextlib.contextmanager
def rescue(net, folder, disk, **kw):
    with qemu.rescue(net, folder, disk, **kw) as machine:
        machine.wait_banner()
        yield machine


@contextlib.contextmanager
def booted(net, folder, disk, name):
    """The disk started by the BIOS."""
    with qemu.Machine(net, "target", folder, disk=disk, name=name) as machine:
        machine.wait_banner(300)
        yield machine


def is_old_system(machine):
    """The old system, whole and at its address."""
    boot = "/boot/efi" if machine.is_uefi else "/boot"
    assert machine.ssh(f"hostname; cat /root/old-data; findmnt -no TARGET {boot}").stdout.split() == ["vps4711", "precious", boot]
    assert machine.ssh("systemctl --failed --no-legend").stdout == ""


def is_clone(machine):
    """The clone, as far as can be seen without waiting for its cron."""
    assert machine.ssh("hostname; cat /srv/www/index.html").stdout == "web01\nthe shop is open\n"
    said = machine.ssh("for i in $(seq 60); do redis-cli get shop:name && break; sleep 1; done").stdout
    assert said == "corner shop\n"


def who_answers(machine):
    """old, rescue or clone; the two systems are looked at."""
    banner, seconds = machine.wait_banner(300)
    who = "rescue" if banner.startswith("SSH-2.0-rehost") else SYSTEMS[machine.ssh("hostname").stdout.strip()]
    print(f"  {machine.name}: {who} after {seconds:.0f} s")
    if who != "rescue":
        {"old": is_old_system, "clone": is_clone}[who](machine)
    return who


# ---- the cut ----


def typed(target, phase):
    """The command typed in the rescue; the process is the operator's ssh."""
    with open(target.stream if phase.has_stream else "/dev/null", "rb") as stdin:
        return subprocess.Popen(
            target.net.ssh_argv(qemu.TARGET, phase.command), stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def length_of(target, machine, name):
    """
    How many writes and flushes of the disk the phase is long: between two of them no instant differs from another. The first
    time it is run to its end, and then machine and disk are as they were.
    """
    key = name, bool(target.variables)
    if key not in _lengths:
        machine.monitor("savevm before")
        before = machine.writes()
        operator = typed(target, PHASES[name])
        said = operator.communicate(timeout=1200)[0]
        assert operator.returncode in (0, 3), said
        _lengths[key] = machine.writes() - before
        machine.monitor("loadvm before")
    return _lengths[key]


def cut(target, name, random):
    """Types the phase's command and pulls the plug at an instant drawn from its length."""
    phase = PHASES[name]
    with target.begin(phase) as machine:
        length = length_of(target, machine, name)
        drawn = random.randint(1, length)
        before, begun, at = machine.writes(), time.monotonic(), 0
        operator = typed(target, phase)
        while operator.poll() is None and (at := machine.writes() - before) < drawn:
            assert time.monotonic() < begun + 1200
            time.sleep(0.01)
        machine.kill()
        seconds = time.monotonic() - begun
        operator.kill()
        said = operator.communicate()[0].strip().splitlines() or ["nothing"]
    print(f"  {phase.command}: cut at write {at}, drawn {drawn}, of {length}, {seconds:.1f} s after it was typed; "
          f"it had said {said[-1]!r}")


# ---- what is told, and the ways on ----


def settled(net):
    """
    status, once the rescue has done what it does by itself. A rollback that was cut after its last move but one, S=old, lets
    the old system start; a rescue started beside it leaves the rest to the operator.
    """
    end = time.monotonic() + 400
    while True:
        now = trial.status(net)
        is_left = now["state"] == "undoing" and now["starts"] == "old"
        if (is_left or now["state"] not in ("switching", "undoing")) and not now["progress"]:
            return now
        assert time.monotonic() < end, now
        time.sleep(2)


def selected(now):
    return now.get("loader", {}).get("selected", "none")


def tells_the_truth(now, answered):
    """status beside what the power-cycle has shown. Returns the system that it says the next boot starts."""
    state = now["state"]
    print(f"  status: {state}, selected {selected(now)}, next boot {now['next_boot']!r}")
    # a rescue that finished a rollback by itself has said so to the loader
    expected = "old" if answered == "rescue" and selected(now) == "old" else answered
    assert now["starts"] == expected and now["next_boot"].startswith("starts the "), now
    assert now.get("disk", {}).get("as_selected", True), now
    assert now["old"]["complete"] == (state != "releasing"), now
    assert now["clone"]["complete"] == (state in ("checked", "switched", "trial", "confirmed", "undoing", "releasing")), now
    return expected


STEPS = {
    "staging": "receive tar --update", "staged": "rewrite", "edited": "check", "checked": "switch", "merging": "switch",
    "undoing": "switch", "releasing": "release",
}


def finish(target):
    """In a rescue: types what is left until the next boot starts the clone."""
    while step := STEPS.get(settled(target.net)["state"]):
        print(f"  {step}")
        if step.startswith("receive"):
            with open(target.stream, "rb") as tar:
                target.net.ssh(qemu.TARGET, step, stdin=tar, timeout=1200)
        else:
            migration.rescue_command(target.net, step, timeout=1200)
    return "clone"


def roll_back(target):
    """In a rescue: the old system for good. A release that was begun has no way back, says so, and is finished."""
    net = target.net
    now = settled(net)
    if now["state"] == "releasing":
        refused = migration.rescue_command(net, "rollback", check=False)
        assert refused.returncode == 1 and "releas" in refused.stderr, refused
        return finish(target)
    if now["state"] == "none":  # released already
        return "clone"
    if now["state"] in ("merging", "switched", "undoing") or selected(now) not in ("none", "old"):
        migration.rescue_command(net, "rollback")
        now = trial.status(net)
        assert now["starts"] == "old" and now["old"]["complete"], now
    migration.rescue_command(net, "rollback --discard")
    return "old"


def go_on_in_clone(machine, with_rollback):
    """In the clone, of which a part of the old system may be left: the release is finished, and nothing of ours left."""
    if machine.ssh("ls -d /.rehost", check=False).stdout:
        if with_rollback:
            refused = machine.ssh(f"{PROGRAM} rollback", check=False)
            assert refused.returncode == 1, refused
        machine.ssh(f"{PROGRAM} release")
    assert machine.ssh(f"ls -d /.rehost /boot/.rehost {PROGRAM}", check=False).stdout == ""
    machine.power_off()


def go_on(target, answered, machine, with_rollback):
    """From whatever answered to the end; returns the system that the disk holds then. machine is ended."""
    if answered == "clone":
        go_on_in_clone(machine, with_rollback)
        return "clone"
    if answered == "old":
        machine.power_off()
        with target.rescue("again") as again:
            again.wait_banner(400)
            return go_on_in_rescue(target, answered, again, with_rollback)
    return go_on_in_rescue(target, answered, machine, with_rollback)


def go_on_in_rescue(target, answered, machine, with_rollback):
    """As go_on(), in the rescue that answers now."""
    tells_the_truth(settled(target.net), answered)
    wanted = (roll_back if with_rollback else finish)(target)
    migration.rescue_command(target.net, "reboot", check=False)
    machine.wait_exit()
    return wanted
