# SPDX-License-Identifier: MIT
"""What a migration leaves behind when it is interrupted: always a system that boots, and words that say which."""
import contextlib
import json
import os
import random
import subprocess
import time

import pytest

from lib import disks, faults, migration, qemu, record
from lib.faults import booted, is_old_system, rescue
from lib.trial import status


def feed(net, stream, limit=None, chunk=1 << 20):
    """`receive tar` fed with the first limit bytes of stream, then the end of the input."""
    sender = subprocess.Popen(
        net.ssh_argv(qemu.TARGET, "receive tar"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    left = limit if limit is not None else 1 << 62
    with open(stream, "rb") as f, contextlib.suppress(BrokenPipeError):
        while left and (data := f.read(min(chunk, left))):
            sender.stdin.write(data)
            left -= len(data)
    return sender


def finish(sender, timeout=300):
    out, err = sender.communicate(timeout=timeout)
    return sender.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def is_clone(net):
    assert net.ssh(qemu.TARGET, "hostname").stdout.strip() == "web01"
    assert migration.answers(net, is_held=True) == []


def test_a_cut_stream_is_noticed_and_the_old_system_boots(net, folder, stream):
    disk = disks.overlay(disks.disk("target"), folder / "target.qcow2")
    with rescue(net, folder, disk) as machine:
        code, out, err = finish(feed(net, stream, limit=40_000_000))
        assert code not in (0, 3, 255)
        assert "the stream" in err.lower() or "tar" in err.lower()
        assert "old system" in err
        assert status(net)["state"] == "staging"
        refused = migration.rescue_command(net, "switch", check=False)
        assert refused.returncode not in (0, 3)
        migration.rescue_command(net, "reboot", check=False)
        machine.wait_exit()
    with booted(net, folder, disk, "old") as machine:
        is_old_system(machine)


def test_a_killed_worker_comes_back_and_the_stage_is_incomplete(net, folder, stream):
    disk = disks.overlay(disks.disk("target"), folder / "target.qcow2")
    with rescue(net, folder, disk, options="shell=1\n") as machine:
        sender = feed(net, stream, limit=30_000_000)
        done = net.ssh(
            qemu.TARGET, "shell",
            input="for p in /proc/[0-9]*; do c=$(tr '\\0' ' ' <$p/cmdline); case $c in *' serve'*|*receive*)"
            " kill -9 ${p#/proc/};; esac; done\n", stdin=None, check=False,
        )
        finish(sender)
        end = time.monotonic() + 60
        while True:
            after = net.ssh(qemu.TARGET, "status --json", check=False)
            if after.returncode == 0 or time.monotonic() > end:
                break
            time.sleep(1)
        assert after.returncode == 0, (done, after)
        assert json.loads(after.stdout)["state"] == "staging"
        machine.kill()
    with booted(net, folder, disk, "old") as machine:
        is_old_system(machine)


def test_a_target_that_is_too_small_says_so_and_keeps_its_system(net, folder, stream):
    disk = disks.overlay(disks.disk("target-small"), folder / "target.qcow2")
    with rescue(net, folder, disk) as machine:
        code, out, err = finish(feed(net, stream), 600)
        assert code not in (0, 3, 255)
        assert "space" in err
        assert "old system" in err
        assert status(net)["state"] == "staging"
        assert migration.rescue_command(net, "rollback --discard", check=False).returncode == 0
        assert status(net)["state"] == "none"
        migration.rescue_command(net, "reboot", check=False)
        machine.wait_exit()
    with booted(net, folder, disk, "old") as machine:
        is_old_system(machine)
        assert machine.ssh("ls -A /.rehost 2>/dev/null", check=False).stdout == ""


def cut_switch(net, folder, disk, after):
    """Types switch and pulls the plug so many seconds after it said that it has begun."""
    with rescue(net, folder, disk, name="cut") as machine:
        migration.rescue_command(net, "status")
        typed = subprocess.Popen(
            net.ssh_argv(qemu.TARGET, "switch --without-loader"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )
        assert "Switching" in (said := typed.stdout.readline()), said + typed.stdout.read()
        time.sleep(after)
        machine.kill()
        typed.kill()
        typed.communicate()


@pytest.mark.parametrize("after", [0.0, 0.5])
def test_a_switch_that_was_cut_is_finished_by_switch(net, folder, staged, after):
    disk = disks.overlay(staged, folder / "target.qcow2")
    cut_switch(net, folder, disk, after)
    with rescue(net, folder, disk) as machine:
        print("after the cut:", status(net)["state"])
        migration.rescue_command(net, "switch --without-loader")
        assert status(net)["state"] == "switched"
        migration.rescue_command(net, "reboot", check=False)
        machine.wait_exit()
    with booted(net, folder, disk, "clone"):
        is_clone(net)


@pytest.mark.parametrize("after", [0.25, 1.0])
def test_a_switch_that_was_cut_is_undone_by_rollback(net, folder, staged, after):
    disk = disks.overlay(staged, folder / "target.qcow2")
    cut_switch(net, folder, disk, after)
    with rescue(net, folder, disk) as machine:
        print("after the cut:", state := status(net)["state"])
        if state in ("merging", "switching", "switched"):
            migration.rescue_command(net, "rollback")
        migration.rescue_command(net, "reboot", check=False)
        machine.wait_exit()
    with booted(net, folder, disk, "old") as machine:
        is_old_system(machine)


def boot_recorded(net, folder, recorder, name):
    """The recorder's disk, started by the BIOS."""
    return qemu.Machine(net, "target", folder, record=recorder, name=name)


def test_rollback_after_the_clone_has_run_brings_the_old_system_back(net, folder, staged):
    """With the private loader and with all that is written recorded for tests/power."""
    recorder = record.Recorder(record.place("rollback-target"), staged)
    with qemu.rescue(net, folder, recorder.disk, record=recorder) as machine:
        machine.wait_banner()
        recorder.mark("switch")
        with open(qemu.RESCUE / "loader.cpio", "rb") as archive:
            net.ssh(qemu.TARGET, "receive loader", stdin=archive)
        migration.rescue_command(net, "switch")
        recorder.mark("reboot into the clone")
        migration.rescue_command(net, "reboot", check=False)
        machine.wait_exit()
    with boot_recorded(net, folder, recorder, "clone") as machine:
        machine.wait_banner(300)
        is_clone(net)
        machine.power_off()
    with boot_recorded(net, folder, recorder, "planted") as machine:
        machine.wait_banner()
        assert status(net)["state"] == "trial"
        recorder.mark("rollback")
        migration.rescue_command(net, "rollback")
        recorder.mark("reboot into the old system")
        migration.rescue_command(net, "reboot", check=False)
        machine.wait_exit()
    with boot_recorded(net, folder, recorder, "old") as machine:
        machine.wait_banner(300)
        is_old_system(machine)
        machine.power_off()
    recorder.mark("remove everything")
    with qemu.rescue(net, folder, recorder.disk, record=recorder, name="again") as machine:
        machine.wait_banner()
        migration.rescue_command(net, "rollback --discard")
        migration.rescue_command(net, "reboot", check=False)
        machine.wait_exit()
    with boot_recorded(net, folder, recorder, "alone") as machine:
        machine.wait_banner(300)
        is_old_system(machine)
        assert machine.ssh("ls -A /.rehost /boot/.rehost 2>/dev/null", check=False).stdout == ""
        machine.power_off()
    recorder.finish(layout="target")


SEED = int(os.environ.get("REHOST_SEED", "0"))
CUTS = int(os.environ.get("REHOST_CUTS", "6")) if os.environ.get("REHOST_LONG") else 0
UEFI_CUTS = int(os.environ.get("REHOST_UEFI_CUTS", "3")) if os.environ.get("REHOST_LONG") else 0


def pull_the_plug(target, seed):
    """The disk decides what starts after the cut. Then even seeds finish the migration, odd ones roll it back."""
    names = list(faults.PHASES)
    # each phase both ways: its number and the seed's parity change against one another
    name = names[seed // 2 % len(names)]
    print(f"seed {seed}: {name}, then it is {'rolled back' if seed % 2 else 'finished'}")
    faults.cut(target, name, random.Random(seed))
    with target.from_disk("after") as machine:
        answered = faults.who_answers(machine)
        assert answered in faults.PHASES[name].answers
        wanted = faults.go_on(target, answered, machine, seed % 2)
    with target.from_disk("end") as machine:
        assert faults.who_answers(machine) == wanted


@pytest.mark.parametrize("seed", range(SEED, SEED + CUTS))
def test_the_plug_pulled_at_a_seeded_instant(net, folder, stream, request, seed):
    """REHOST_CUTS=n: so many seeds from REHOST_SEED on; three to nine minutes each."""
    base = faults.PHASES[list(faults.PHASES)[seed // 2 % len(faults.PHASES)]].base
    disk = disks.overlay(request.getfixturevalue(base), folder / "target.qcow2")
    pull_the_plug(faults.Target(net, folder, disk, stream), seed)


@pytest.mark.parametrize("seed", range(SEED, SEED + UEFI_CUTS))
def test_the_plug_of_a_uefi_machine_pulled_at_a_seeded_instant(net, folder, staged_uefi, seed):
    """The same under OVMF; REHOST_UEFI_CUTS=n."""
    disk = disks.overlay(staged_uefi, folder / "target.qcow2")
    pull_the_plug(faults.Target(net, folder, disk, disks.source_tar("source-uefi"), folder / "variables.qcow2"), seed)
