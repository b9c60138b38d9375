# SPDX-License-Identifier: MIT
"""The flow around the private loader on a real disk image: J and S at every step, power cuts and the start-up recovery.

The disk of test_switch.py with the loader planted on it. What the loader itself does when the machine starts is
tests/vm/test_loader.py; here its one write (clone-once becomes rescue) is done by hand.
"""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

from test_switch import BOOT_START, MIB, REHOST, SLOT, TOP, Disk, base, copy_running, describe, flags, read_record, run, write  # noqa: F401

sys.path.insert(0, str(TOP / "tests/vm"))
from lib.cpio import Cpio  # noqa: E402

GRUB = pathlib.Path("/usr/lib/grub/i386-pc")
DRIVER = str(TOP / "build/bin/loader_driver")
NONCE = "00112233445566ff"
ADDRESS = "192.0.2.20"
FROM_OUTSIDE = f"198.51.100.7 50022 {ADDRESS} 22"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root"),
    pytest.mark.skipif(os.path.exists("/sys/firmware/efi"), reason="this machine boots by UEFI"),
]


def archive(folder):
    """A loader archive with a small real GRUB core; kernel and initramfs are never started here, but look like some."""
    core = folder / "core.img"
    run("grub-mkimage", "-O", "i386-pc", "-d", str(GRUB), "-p", "/", "-o", str(core), "biosdisk", "part_msdos", "ext2", "normal")
    kernel = bytearray(b"k" * 5120)
    kernel[0x1f1] = 1  # sectors of setup code
    kernel[0x1f4:0x1f8] = (4096 // 16).to_bytes(4, "little")
    kernel[0x202:0x206] = b"HdrS"
    files = {"vmlinuz": bytes(kernel), "initrd": b"070701" + b"0" * 8994, "core.img": core.read_bytes(), "boot.img": (GRUB / "boot.img").read_bytes()}
    out, listing = Cpio(), "rehost-loader 1\n"
    for name, data in sorted(files.items()):
        out.add("rescue/" + name, data)
        listing += f"{hashlib.sha256(data).hexdigest()} {len(data)} {name}\n"
    out.add("rescue/list", listing)
    return out.data()


def record_with_nonce():
    import struct

    payload = json.dumps({
        "version": 1, "state": "merging", "job_id": "0123456789abcdef", "intent": "move", "token": "ABCD2345",
        "stage_booted": False, "edits_fingerprint": "", "notes": [], "filesystems": [],
        "boot": {"disk": "", "table_id": "", "saved_sha256": "", "saved_bytes": 0, "new_sha256": ""},
        "loader": {"kind": "none", "fs_uuid": "", "lba": 0, "sectors": 0, "nonce": NONCE, "trial_minutes": 15, "trials": 0},
    }).encode()
    head = b"REHOSTJ1" + struct.pack("<QI", 1, len(payload)) + bytes(12)
    return (head + hashlib.sha256(head + payload).digest() + payload).ljust(2 * SLOT, b"\0")


def net_json(disk):
    """What the rescue's init knows of this machine's address."""
    write(pathlib.Path(disk.run_dir) / "net.json", json.dumps({"links": [{
        "name": "eth0", "mac": "52:54:00:00:00:01", "driver": "virtio_net", "addresses": [ADDRESS + "/24"], "gateway": "192.0.2.1"}]}))


def driver(disk, *words, data=None):
    done = subprocess.run(disk.argv(DRIVER, *words), input=data, capture_output=True, env=disk.env())
    assert done.returncode == 0, (words, done.stderr.decode())
    return done.stdout.decode().strip()


def s(disk):
    return driver(disk, "selected")


def where(disk):
    return disk.state(), s(disk)


def area(disk):
    with open(disk.image, "rb") as f:
        return f.read(BOOT_START * MIB)


def live(disk):
    return describe(disk.mounted(0), (".rehost",)), describe(disk.mounted(1), (".rehost",))


@pytest.fixture(scope="module")
def planted(base, tmp_path_factory):  # noqa: F811
    """The image with the loader planted and the switch begun: J=merging, S=old; and what it was before."""
    folder = tmp_path_factory.mktemp("planted")
    image = folder / "planted.img"
    shutil.copyfile(base, image)
    with Disk(image, folder / "run") as disk:
        net_json(disk)
        before = area(disk)
        data = archive(folder)
        driver(disk, "assess")
        write(disk.mounted(0) / ".rehost/job", record_with_nonce(), 0o600)
        driver(disk, "store", data=data)
        driver(disk, "plant")
        assert s(disk) == "old" and read_record(disk.mounted(0))["loader"]["kind"] == "bios"
        old = live(disk), flags(disk)
        disk.rehost("rollback")  # collects the identity; nothing was moved
        write(disk.mounted(0) / ".rehost/job", record_again(disk), 0o600)
        assert where(disk) == ("merging", "old")
    return image, before, old


def record_again(disk):
    """The same record, as the newest: J says merging once more, with the loader that was planted."""
    import struct

    record = read_record(disk.mounted(0))
    sequence = record.pop("sequence") + 1
    record["loader"]["nonce"] = NONCE
    payload = json.dumps({**record, "state": "merging"}).encode()
    head = b"REHOSTJ1" + struct.pack("<QI", sequence, len(payload)) + bytes(12)
    slot = (head + hashlib.sha256(head + payload).digest() + payload).ljust(SLOT, b"\0")
    return slot + bytes(SLOT)


@pytest.fixture
def disk(planted, tmp_path):
    shutil.copyfile(planted[0], tmp_path / "disk.img")
    with Disk(tmp_path / "disk.img", tmp_path / "run") as found:
        net_json(found)
        found.rehost("plan")
        yield found


class Clone:
    """The clone as if it had been booted: its root, /boot mounted, the program in it."""

    def __init__(self, disk):
        self.disk, self.at = disk, f"{disk.run_dir}/fs/0"
        root = disk.mounted(0)
        (root / "var/lib/rehost").mkdir(exist_ok=True)
        shutil.copy(REHOST, root / "var/lib/rehost/rehost")
        run(*disk.argv("mount", f"{disk.loop}p1", f"{self.at}/boot"))
        for name in "dev", "sys", "proc":
            run(*disk.argv("mount", "--bind", f"/{name}", f"{self.at}/{name}"))

    def __call__(self, *words, **env):
        return run(*self.disk.argv("chroot", self.at, "/var/lib/rehost/rehost", *words), check=False,
                   env={"PATH": os.environ["PATH"], "REHOST_DISKS": os.path.basename(self.disk.loop), **env})

    def leave(self):
        for name in "proc", "sys", "dev", "boot":
            run(*self.disk.argv("umount", f"{self.at}/{name}"))
        shutil.rmtree(self.disk.mounted(0) / "run", ignore_errors=True)


def test_the_whole_order(disk, planted):
    planted_area = area(disk)
    said = disk.rehost("switch").stdout
    assert f"ssh root@{ADDRESS} /var/lib/rehost/rehost confirm {NONCE}" in said
    assert where(disk) == ("switched", "rescue")
    assert area(disk) == planted_area  # nothing of the boot area is written by the switch
    told = json.loads(disk.rehost("status", "--json").stdout)
    assert told["next_boot"] == "starts the rescue" and told["nonce"] == NONCE and told["loader"]["fits"]
    assert "RH-JOB-61" in disk.rehost("release", check=False).stderr
    said = disk.rehost("reboot", REHOST_NO_REBOOT="1").stdout
    assert "for a trial" in said and NONCE in said
    assert where(disk) == ("trial", "clone-once")
    driver(disk, "select", "rescue")  # what the loader does before it starts the clone

    clone = Clone(disk)
    told = json.loads(clone("status", "--json").stdout)
    assert (told["place"], told["state"], "nonce" in told) == ("clone", "trial", False)
    assert "RH-JOB-61" in clone("release").stderr and "RH-JOB-61" in clone("release", "--unconfirmed").stderr
    for words, session in (
        (["confirm", "ffeeddccbbaa0099"], FROM_OUTSIDE), (["confirm", NONCE], ""),
        (["confirm", NONCE], f"127.0.0.1 1 {ADDRESS} 22"), (["confirm", NONCE], "198.51.100.7 1 203.0.113.9 22"),
    ):
        refused = clone(*words, SSH_CONNECTION=session)
        assert refused.returncode == 1 and "RH-JOB-60" in refused.stderr, (words, session, refused)
    assert where(disk) == ("trial", "rescue")
    done = clone("confirm", NONCE, SSH_CONNECTION=FROM_OUTSIDE)
    assert done.returncode == 0, done.stderr
    assert where(disk) == ("confirmed", "clone")
    # a change of mind, and back
    assert clone("rollback").returncode == 0
    assert where(disk) == ("trial", "rescue")
    assert clone("confirm", NONCE, SSH_CONNECTION=FROM_OUTSIDE).returncode == 0
    assert clone("guard").returncode == 0  # ends by itself: nothing is on trial
    done = clone("release")
    assert done.returncode == 0, done.stderr
    clone.leave()
    assert area(disk) != planted_area
    for i in 0, 1:
        assert not (disk.mounted(i) / ".rehost").exists()
    assert (disk.mounted(0) / "etc/hostname").read_text() == "new\n"


@pytest.mark.parametrize("state", ["switched", "trial", "confirmed"])
def test_rollback_and_discard_leave_nothing(disk, planted, state):
    disk.rehost("switch")
    if state != "switched":
        disk.rehost("reboot", REHOST_NO_REBOOT="1")
        driver(disk, "select", "rescue")
        write(disk.mounted(0) / ".rehost/trial.times", "started=1000\nseen=1095\n")
        write(disk.mounted(0) / ".rehost/trial.log", "first\nlistening: nothing\n")
        text = disk.rehost("status").stdout
        assert "listening: nothing" in text and "1 min 35 s" in text
        assert disk.rehost("log", "--trial").stdout == "first\nlistening: nothing\n"
    if state == "confirmed":
        clone = Clone(disk)
        assert clone("confirm", NONCE, SSH_CONNECTION=FROM_OUTSIDE).returncode == 0
        clone.leave()
        shutil.rmtree(disk.mounted(0) / "var/lib/rehost")
    said = disk.rehost("rollback").stdout
    assert ("1 min 35 s" in said) == (state != "switched")
    assert where(disk) == ("staged", "old")
    assert (live(disk), flags(disk)) == planted[2]
    assert "starts the old system" in disk.rehost("status").stdout
    disk.rehost("rollback", "--discard")
    run("sync")
    assert area(disk) == planted[1]
    assert not (disk.mounted(0) / ".rehost").exists() and not (disk.mounted(1) / ".rehost").exists()


@pytest.mark.parametrize("steps", [1, 5, 9, 14, 20, 30, 40])
def test_a_cut_switch_goes_on_by_itself(disk, planted, steps, tmp_path):
    disk.rehost("switch", check=False, REHOST_STOP_AFTER=str(steps))
    cut = tmp_path / "cut.img"
    copy_running(disk.image, cut)
    with Disk(cut, tmp_path / "run2") as after:
        state, word = where(after)
        if state == "merging":
            assert word in ("old", "rescue") and live(after) == planted[2][0]
        else:
            assert word == "rescue"
        after.rehost("recover")
        if state == "merging":  # nothing was moved: the operator decides
            assert where(after) == (state, word)
            after.rehost("rollback")
            assert where(after) == ("staged", "old") and live(after) == planted[2][0]
        else:
            assert where(after) == ("switched", "rescue")
            assert (after.mounted(0) / "etc/hostname").read_text() == "new\n"


@pytest.mark.parametrize("steps", [1, 6, 12, 20, 28])
def test_a_cut_rollback_goes_on_by_itself(disk, planted, steps, tmp_path):
    disk.rehost("switch")
    disk.rehost("rollback", check=False, REHOST_STOP_AFTER=str(steps))
    cut = tmp_path / "cut.img"
    copy_running(disk.image, cut)
    with Disk(cut, tmp_path / "run2") as after:
        state, word = where(after)
        assert (state, word) in (("switched", "rescue"), ("undoing", "rescue"), ("undoing", "old"), ("staged", "old"))
        if word == "old":
            assert live(after) == planted[2][0]
        after.rehost("recover")
        if state == "undoing":
            assert where(after) == ("staged", "old")
            assert live(after) == planted[2][0]
        else:
            assert where(after) == (state, word)


def test_what_a_clone_left_in_the_journal_alone_is_told(disk, tmp_path):
    """A hang, a panic or a power cut: nothing was unmounted, and looking replays no journal."""
    disk.rehost("switch")
    disk.rehost("reboot", REHOST_NO_REBOOT="1")
    driver(disk, "select", "rescue")
    folder = disk.mounted(0) / ".rehost"
    write(folder / "trial.log", "listening: nothing\n")
    for path in folder / "trial.log", folder:
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
    copy_running(disk.image, tmp_path / "cut.img")
    with Disk(tmp_path / "cut.img", tmp_path / "run2") as after:
        assert "no clone has left a log" in after.rehost("log", "--trial", check=False).stderr
        after.rehost("recover")
        assert after.rehost("log", "--trial").stdout == "listening: nothing\n"
        assert "listening: nothing" in after.rehost("status").stdout
        assert where(after) == ("trial", "rescue")


def test_a_recovery_that_comes_late_leaves_what_reboot_selected(disk, tmp_path):
    """'reboot' typed in the first seconds of a rescue; without it the same word means a loader that could not write."""
    disk.rehost("switch")
    disk.rehost("reboot", REHOST_NO_REBOOT="1")
    assert where(disk) == ("trial", "clone-once")
    disk.rehost("recover")
    assert where(disk) == ("trial", "clone-once")
    copy_running(disk.image, tmp_path / "next.img")
    with Disk(tmp_path / "next.img", tmp_path / "run2") as after:
        after.rehost("recover")
        assert where(after) == ("trial", "rescue")


def test_a_command_waits_for_another_that_ends(disk):
    """What the rescue does by itself, and what a broken connection left winding up."""
    with open(pathlib.Path(disk.run_dir) / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        print("rewrite, process 1", file=lock, flush=True)
        refused = disk.rehost("switch", check=False)
        assert refused.returncode == 1 and "held by: rewrite, process 1" in refused.stderr
        assert where(disk)[1] == "old"
        threading.Timer(2, fcntl.flock, (lock.fileno(), fcntl.LOCK_UN)).start()
        disk.rehost("switch")
        assert where(disk) == ("switched", "rescue")
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        print("recover, process 1", file=lock, flush=True)
        threading.Timer(11, fcntl.flock, (lock.fileno(), fcntl.LOCK_UN)).start()
        disk.rehost("rollback")
    assert where(disk) == ("staged", "old")


def test_a_damaged_s_is_the_rescue_and_a_damaged_record_decides_nothing(disk):
    disk.rehost("switch")
    path = disk.mounted(1) / ".rehost/boot/s"
    with open(path, "r+b") as f:
        f.write(b"garbage")
    told = json.loads(disk.rehost("status", "--json").stdout)
    assert told["loader"]["selected"] == "damaged" and told["next_boot"].startswith("starts the rescue")
    disk.rehost("recover")
    assert where(disk) == ("switched", "rescue")
    driver(disk, "select", "old")  # somebody's hand: the old system is not in its place
    told = json.loads(disk.rehost("status", "--json").stdout)
    assert not told["loader"]["fits"] and "do not reboot" in told["next_boot"]
    disk.rehost("recover")
    assert where(disk) == ("switched", "rescue")
    driver(disk, "select", "clone")
    job = disk.mounted(0) / ".rehost/job"
    job.write_bytes(b"x" * len(job.read_bytes()))
    before = live(disk)
    refused = disk.rehost("recover", check=False)
    assert refused.returncode == 1 and "RH-JOB-10" in refused.stderr
    assert live(disk) == before and path.read_bytes().count(b"rehost=clone\n") == 1
