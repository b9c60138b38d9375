# SPDX-License-Identifier: MIT
"""
The guard under init systems other than systemd: a small Debian with sysvinit, and one whose scripts OpenRC runs, started
with the real init as process 1 of namespaces (REHOST_LONG=1: two minutes of waiting). The clock since the start is the namespace's own,
and the user namespace keeps its scripts away from this machine's settings. A check of a file system at work stretches the time.
"""
import hashlib
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/vm"))
from lib import disks  # noqa: E402

SLOT = 131072
MINUTES = 2
TOLD = MINUTES + 7
CHECK = 40  # seconds, on top of the trial

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.environ.get("REHOST_LONG"), reason="REHOST_LONG=1: two small roots and two minutes of waiting"
)


def guard_line():
    """GUARD_INITTAB of the header."""
    text = (TOP / "src/rewrite/guard.h").read_text()
    return "".join(re.findall(r'"([^"]*)"', re.search(r"define GUARD_INITTAB((?:.*\\\n)+.*)", text)[1]))


def slot(root, sequence, state):
    """A record of a clone on trial, whose plan knows the folder /etc."""
    folder = [0o755, 0, 0, 0]
    payload = json.dumps({
        "version": 1, "state": state, "job_id": "0123456789abcdef", "intent": "move", "token": "ABCD2345",
        "stage_booted": False, "edits_fingerprint": "", "notes": [],
        "filesystems": [{"uuid": "u", "mount": "/", "old_dir": folder, "new_dir": folder, "entries": [
            {"name": "etc", "old_ino": 0, "new_ino": (root / "etc").stat().st_ino}]}],
        "boot": {"disk": "", "table_id": "", "saved_sha256": "", "saved_bytes": 0, "new_sha256": ""},
        "loader": {"kind": "bios", "fs_uuid": "u", "lba": 1, "sectors": 1, "nonce": "00112233445566ff",
                   "trial_minutes": MINUTES, "trials": 1},
    }).encode()
    head = b"REHOSTJ1" + struct.pack("<QI", sequence, len(payload)) + bytes(12)
    return head + hashlib.sha256(head + payload).digest() + payload


class Clone:
    """A root as the switch leaves it, and its init as process 1. Context manager."""

    def __init__(self, name, folder):
        self.root = folder
        folder.mkdir()
        subprocess.run(["tar", "-xpf", disks.root_tar("init-" + name), "-C", folder, "--exclude=./dev/*"], check=True)
        (folder / "var/lib/rehost").mkdir()
        (folder / ".rehost").mkdir(mode=0o700)
        subprocess.run(["cp", TOP / "build/rehost", folder / "var/lib/rehost/rehost"], check=True)
        (folder / ".rehost/job").write_bytes(slot(folder, 1, "trial").ljust(2 * SLOT, b"\0"))
        inittab = folder / "etc/inittab"
        text = inittab.read_text()
        # no terminals here; the guard's line before the scripts, as plan_guard.c puts it
        text = re.sub(r"(?m)^\d:.*getty.*\n", "", text)
        inittab.write_text(re.sub(r"(?m)^(?=[^#:\n]*:[^:\n]*:sysinit:)", lambda _: guard_line() + "\n", text, count=1))
        assert inittab.read_text().count("rehost guard") == 1

    def __enter__(self):
        self.log = open(self.root.with_suffix(".log"), "w+")
        up = int(float(pathlib.Path("/proc/uptime").read_text().split()[0]))
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--ipc", "--uts", "--net", "--fork", "--kill-child",
             "--time", "--boottime", str(-up), "sh", "-euc", """
                mount --bind "$0" "$0"; cd "$0"
                mount -t proc proc proc; mount -t tmpfs tmpfs run; mount -t tmpfs tmpfs dev
                for n in null zero urandom; do : >dev/$n; mount --bind /dev/$n dev/$n; done
                : >dev/console; mount --bind "$1" dev/console
                # root of a user namespace is root to these files all the same
                mount --bind proc/sys proc/sys; mount -o remount,bind,ro proc/sys
                [ ! -e proc/sysrq-trigger ] || mount --bind /dev/null proc/sysrq-trigger
                exec chroot . /sbin/init""", self.root, self.root.with_suffix(".log")],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def processes(self):
        """Command lines in the clone's namespace."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / "root") == str(self.root):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                pass
        return found

    def wait_for(self, what, seconds, want=True):
        end = time.monotonic() + seconds
        while any(what in line for line in self.processes().values()) != want:
            assert time.monotonic() < end and self.process.poll() is None, (self.processes(), self.said())
            time.sleep(0.5)

    def said(self):
        return self.root.with_suffix(".log").read_text(errors="replace")[-3000:]


@pytest.mark.parametrize("name", ["sysvinit", "openrc"])
def test_the_guard_ends_a_trial_and_lets_a_confirmed_clone_stay(tmp_path, name):
    lost, kept = Clone(name, tmp_path / "lost"), Clone(name, tmp_path / "kept")
    # a long check of a file system, as the guard sees one
    subprocess.run(["cp", lost.root / "bin/sleep", lost.root / "usr/local/sbin/fsck.ext4"], check=True)
    with open(lost.root / "etc/inittab", "a") as f:
        f.write(f"fk:2:once:/usr/local/sbin/fsck.ext4 {CHECK}\n")
    with lost, kept:
        for clone in lost, kept:
            clone.wait_for("/var/lib/rehost/rehost guard", 60)
        # what confirm writes: the other slot, one number higher
        with open(kept.root / ".rehost/job", "r+b") as f:
            f.seek(SLOT)
            f.write(slot(kept.root, 2, "confirmed"))
        kept.wait_for("/var/lib/rehost/rehost guard", 30, want=False)
        lost.process.wait(TOLD * 60)
        took = time.monotonic() - lost.started
        print(f"{name}: over after {took:.0f} s, told {TOLD} minutes")
        times = dict(line.split("=") for line in (lost.root / ".rehost/trial.times").read_text().split())
        assert CHECK - 5 <= int(times["repair"]) <= CHECK + 10, times
        assert MINUTES * 60 + CHECK - 5 <= took <= TOLD * 60 - 120 + CHECK
        log = (lost.root / ".rehost/trial.log").read_text(errors="replace")
        assert "nobody confirmed within" in log.splitlines()[-1]
        # by init's own way, not by the guard's last means
        assert "will now restart" in lost.said().lower(), lost.said()
        assert kept.process.poll() is None and any("init" in line for line in kept.processes().values()), kept.said()
        assert not any("rehost" in line for line in kept.processes().values())
        assert not (kept.root / ".rehost/trial.log").exists()
