# SPDX-License-Identifier: MIT
"""
The plug of a machine pulled while a command is at work, what answers after a plain power-cycle, and the two ways on from
there. Killing QEMU is no power cut, since what the guest has flushed and most of what it has not survives in the host:
tests/power cuts between writes. Here firmware, loader, rescue and both systems go on by themselves.
"""
import contextlib
import dataclasses
import subprocess
import time

from . import migration, qemu, trial

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
    assert machine.ssh("hostname; cat /root/old-data; findmnt -no TARGET /boot").stdout.split() == ["vps4711", "precious", "/boot"]
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


def begin(net, phase, stream):
    """The command typed in the rescue; the process is the operator's ssh."""
    with open(stream if phase.has_stream else "/dev/null", "rb") as stdin:
        return subprocess.Popen(
            net.ssh_argv(qemu.TARGET, phase.command), stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def length_of(net, machine, name, stream):
    """
    How many writes and flushes of the disk the phase is long: between two of them no instant differs from another. The first
    time it is run to its end, and then machine and disk are as they were.
    """
    if name not in _lengths:
        machine.monitor("savevm before")
        before = machine.writes()
        typed = begin(net, PHASES[name], stream)
        said = typed.communicate(timeout=1200)[0]
        assert typed.returncode in (0, 3), said
        _lengths[name] = machine.writes() - before
        machine.monitor("loadvm before")
    return _lengths[name]


def cut(net, folder, disk, name, stream, random):
    """Types the phase's command and pulls the plug at an instant drawn from its length."""
    phase = PHASES[name]
    if phase.base == "staged":
        machine = qemu.rescue(net, folder, disk, full=True, options=OPTIONS, name="cut")
    else:
        machine = qemu.Machine(net, "target", folder, disk=disk, name="cut")
    with machine:
        machine.wait_banner(300)
        trial.status(net)  # its mounts are made
        length = length_of(net, machine, name, stream)
        drawn = random.randint(1, length)
        before, begun, at = machine.writes(), time.monotonic(), 0
        typed = begin(net, phase, stream)
        while typed.poll() is None and (at := machine.writes() - before) < drawn:
            assert time.monotonic() < begun + 1200
            time.sleep(0.01)
        machine.kill()
        seconds = time.monotonic() - begun
        typed.kill()
        said = typed.communicate()[0].strip().splitlines() or ["nothing"]
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


def finish(net, stream):
    """In a rescue: types what is left until the next boot starts the clone."""
    while step := STEPS.get(settled(net)["state"]):
        print(f"  {step}")
        if step.startswith("receive"):
            with open(stream, "rb") as tar:
                net.ssh(qemu.TARGET, step, stdin=tar, timeout=1200)
        else:
            migration.rescue_command(net, step, timeout=1200)
    return "clone"


def roll_back(net, stream):
    """In a rescue: the old system for good. A release that was begun has no way back, says so, and is finished."""
    now = settled(net)
    if now["state"] == "releasing":
        refused = migration.rescue_command(net, "rollback", check=False)
        assert refused.returncode == 1 and "releas" in refused.stderr, refused
        return finish(net, stream)
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


def go_on(net, folder, disk, stream, answered, machine, with_rollback):
    """From whatever answered to the end; returns the system that the disk holds then. machine is ended."""
    way = roll_back if with_rollback else finish
    if answered == "clone":
        go_on_in_clone(machine, with_rollback)
        return "clone"
    if answered == "rescue":
        tells_the_truth(settled(net), answered)
        wanted = way(net, stream)
        migration.rescue_command(net, "reboot", check=False)
        machine.wait_exit()
        return wanted
    machine.power_off()
    with rescue(net, folder, disk, full=True, options=OPTIONS, name="again") as again:
        tells_the_truth(settled(net), answered)
        wanted = way(net, stream)
        migration.rescue_command(net, "reboot", check=False)
        again.wait_exit()
    return wanted
