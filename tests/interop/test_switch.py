# SPDX-License-Identifier: MIT
"""The switch on real ext4 file systems: killed or cut off from power at any point, then redone or undone.

A disk image with an MBR, /boot and /, a staged clone, and a job record that says "merging". The image is copied
while it is still mounted to get what a power cut leaves: what ext4 had sent to the disk, journals not replayed.
"""
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import stat
import struct
import subprocess
import time

import loopdisk
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
REHOST = str(TOP / "build/rehost")
MIB = 1024 * 1024
UUIDS = ["5f3b2c1a-0000-4000-8000-000000000001", "5f3b2c1a-0000-4000-8000-000000000002"]
SLOT = 131072
BOOT_START, ROOT_START = 1, 9  # MiB
SIZES = [8, 24]  # MiB: /boot, /

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root"),
    pytest.mark.skipif(os.path.exists("/sys/firmware/efi"), reason="this machine boots by UEFI, the switch refuses"),
]


def run(*argv, check=True, **kw):
    done = subprocess.run(argv, capture_output=True, text=True, **kw)
    assert not check or done.returncode == 0, (argv, done.stdout, done.stderr)
    return done


# ---- what is on the disk ----------------------------------------------------------------------------


def write(path, data, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    path.chmod(mode)


FSTAB = f"UUID={UUIDS[1]} / ext4 defaults 0 1\nUUID={UUIDS[0]} /boot ext4 defaults 0 2\n"
BOOT_IMG = b"\xeb" + b"\x11" * 0x17f + b"GRUB \0" + b"\x11" * (510 - 0x186) + b"\x55\xaa"
CORE_IMG = b"\x22" * 320 + b"\0" * 190 + b"\x20\x08" + b"\x33" * 29000


def fill_system(root, boot, name):
    """A root that is taken for a Linux system, and what else a top level may have."""
    write(root / "etc/os-release", f'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="{name}"\n')
    write(root / "etc/hostname", name + "\n")
    write(root / "etc/fstab", FSTAB)
    write(root / "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    write(root / "etc/debian_version", "12.0\n")
    write(root / "usr/bin/tool", name * 5000, 0o755)
    write(root / "usr/sbin/init", name, 0o755)
    write(root / "usr/lib/systemd/systemd", name, 0o755)
    for link in "bin", "sbin", "lib":
        if name == "old" and link == "lib":
            write(root / "lib/a", "a folder in the old system")
        else:
            os.symlink("usr/" + link, root / link)
    for d, mode in ("root", 0o700), ("tmp", 0o1777), ("var/lib", 0o755), ("proc", 0o555), ("sys", 0o555), ("dev", 0o755):
        (root / d).mkdir(parents=True, exist_ok=True)
        (root / d).chmod(mode)
    (root / "boot").mkdir(exist_ok=True)
    write(root / f"only-{name}/file", name)
    write(root / os.fsdecode(b"odd \xff\n%"), name)
    write(boot / f"vmlinuz-{name}", name * 3000)
    write(boot / "grub/grub.cfg", name)
    if name == "new":
        write(boot / "grub/i386-pc/boot.img", BOOT_IMG)
        write(boot / "grub/i386-pc/core.img", CORE_IMG)
    os.setxattr(root / "usr/bin/tool", "user.origin", name.encode())


def make_record(state):
    payload = json.dumps({
        "version": 1, "state": state, "job_id": "0123456789abcdef", "intent": "move", "token": "ABCD2345",
        "stage_booted": False, "edits_fingerprint": "", "notes": [], "filesystems": [],
        "boot": {"disk": "", "table_id": "", "saved_sha256": "", "saved_bytes": 0, "new_sha256": ""},
    }).encode()
    head = b"REHOSTJ1" + struct.pack("<QI", 1, len(payload)) + bytes(12)
    return (head + hashlib.sha256(head + payload).digest() + payload).ljust(2 * SLOT, b"\0")


def read_record(root):
    best = {"sequence": 0}
    image = (root / ".rehost/job").read_bytes()
    for slot in image[:SLOT], image[SLOT:]:
        sequence, length = struct.unpack_from("<QI", slot, 8)
        payload = slot[64:64 + length]
        if hashlib.sha256(slot[:32] + payload).digest() == slot[32:64] and sequence > best["sequence"]:
            best = {"sequence": sequence, **json.loads(payload)}
    return best


class Disk:
    """An image on a loop device, its partitions known to the kernel, in our own mount namespace and run folder."""

    def __init__(self, image, run_dir):
        self.image, self.run_dir = str(image), str(run_dir)
        os.makedirs(self.run_dir, 0o700, exist_ok=True)
        self.loop = loopdisk.attach(self.image)
        self.holder = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sleep", "600"])
        try:
            while os.readlink(f"/proc/{self.holder.pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt"):
                time.sleep(0.01)
        except BaseException:
            self.close()
            raise

    def close(self):
        self.holder.kill()  # its mounts go with the namespace
        self.holder.wait()
        loopdisk.detach(self.loop, self.image)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def argv(self, *command):
        return ["nsenter", "-t", str(self.holder.pid), "-m", "--", *command]

    def env(self, **more):
        return {"PATH": os.environ["PATH"], "REHOST_RUN_DIR": self.run_dir, "REHOST_DISKS": self.loop, **more}

    def rehost(self, *command, check=True, **env):
        return run(*self.argv(REHOST, *command), check=check, env=self.env(**env))

    def start(self, *command):
        return subprocess.Popen(self.argv(REHOST, *command), env=self.env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def state(self):
        return json.loads(self.rehost("status", "--json").stdout)["state"]

    def mounted(self, index):
        """A path to a mounted file system, seen from here: 0 is /, 1 is /boot."""
        return pathlib.Path(f"/proc/{self.holder.pid}/root{self.run_dir}/fs/{index}")


def describe(top, skip=()):
    """All there is below top, as comparable lines."""
    lines = {}
    for folder, dirs, files in os.walk(top):
        at = os.path.relpath(folder, top)
        if at == ".":
            dirs[:] = [d for d in dirs if d not in (*skip, "lost+found")]
        for name in [".", *files, *[d for d in dirs if os.path.islink(os.path.join(folder, d))]]:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            content = ""
            if stat.S_ISLNK(st.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    content = hashlib.sha256(f.read()).hexdigest()
            xattrs = [] if stat.S_ISLNK(st.st_mode) else [(x, os.getxattr(path, x)) for x in sorted(os.listxattr(path))]
            lines[os.path.normpath(os.path.join(at, name))] = (oct(st.st_mode), st.st_uid, st.st_gid, content, xattrs)
    return lines


def flags(disk):
    out = run("lsattr", "-d", *(str(disk.mounted(0) / n) for n in ("usr", ".rehost/tree/usr", "tmp", ".rehost/tree/tmp"))).stdout
    return ["".join(c for c in line.split()[0] if c in "ia") for line in out.splitlines()]


def picture(disk):
    """Both systems, where they are, and the boot area."""
    with open(disk.image, "rb") as f:
        area = hashlib.sha256(f.read(BOOT_START * MIB)).hexdigest()
    return {
        "live": describe(disk.mounted(0), (".rehost",)), "kept": describe(disk.mounted(0) / ".rehost/tree"),
        "live boot": describe(disk.mounted(1), (".rehost",)), "kept boot": describe(disk.mounted(1) / ".rehost/tree"),
        "flags": flags(disk), "area": area, "state": read_record(disk.mounted(0))["state"],
    }


def expect(disk, want, what):
    now = picture(disk)
    for key in want:
        assert now[key] == want[key], (what, key)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The image with the old system and a stage whose merging has begun."""
    folder = tmp_path_factory.mktemp("switch")
    image = folder / "base.img"
    with open(image, "wb") as f:
        f.truncate((ROOT_START + SIZES[1] + 1) * MIB)
        f.write(bytes(i * 7 & 255 for i in range(440)))
    run("sfdisk", "-q", "--wipe", "never", str(image), input=f"label: dos\nlabel-id: 0x1234abcd\nstart={BOOT_START * 2048}, size={SIZES[0] * 2048}, type=83\n"
        f"start={ROOT_START * 2048}, size={SIZES[1] * 2048}, type=83\n")
    with Disk(image, folder / "run") as disk:
        for part, uuid in (1, UUIDS[0]), (2, UUIDS[1]):
            run("mkfs.ext4", "-q", "-F", "-U", uuid, "-O", "^metadata_csum_seed", f"{disk.loop}p{part}")
        for i in 0, 1:
            os.makedirs(f"{disk.run_dir}/fs/{i}", exist_ok=True)
            run(*disk.argv("mount", f"{disk.loop}p{2 - i}", f"{disk.run_dir}/fs/{i}"))
        root, boot = disk.mounted(0), disk.mounted(1)
        for top in root, boot:
            (top / ".rehost/tree").mkdir(parents=True, mode=0o700)
            (top / ".rehost/edits/upper").mkdir(parents=True)
            (top / ".rehost/edits/work").mkdir()
            write(top / ".rehost/edits/begun", "")
        fill_system(root, boot, "old")
        fill_system(root / ".rehost/tree", boot / ".rehost/tree", "new")
        write(root / ".rehost/edits/upper/etc/network", "an edit")
        write(boot / ".rehost/edits/upper/grub/grub.cfg", "an edit")
        write(root / ".rehost/job", make_record("merging"), 0o600)
        run("chattr", "+i", str(root / "usr"))
        run("chattr", "+a", str(root / ".rehost/tree/tmp"))
    return image


@pytest.fixture(scope="module")
def outcomes(base, tmp_path_factory):
    """What the disk holds after an undisturbed switch, after its undo, and how long and how many steps it takes."""
    folder = tmp_path_factory.mktemp("outcomes")
    image = folder / "disk.img"
    shutil.copyfile(base, image)
    found = {}
    with Disk(image, folder / "run") as disk:
        disk.rehost("plan")
        found["original"] = {k: v for k, v in picture(disk).items() if k.startswith("live") or k == "area"}
        start = time.monotonic()
        disk.rehost("switch")
        found["seconds"] = time.monotonic() - start
        found["switched"] = picture(disk)
        disk.rehost("rollback")
        found["undone"] = picture(disk)
    return found


def test_what_a_switch_and_its_undo_are(outcomes):
    switched, undone = outcomes["switched"], outcomes["undone"]
    assert switched["state"] == "switched"
    assert "only-new/file" in switched["live"] and "only-old/file" in switched["kept"]
    assert "etc/network" in switched["live"]  # the edits were merged
    assert switched["flags"] == ["", "i", "a", ""]
    assert switched["area"] != outcomes["original"]["area"]
    assert undone["state"] == "staged"
    assert undone["flags"] == ["i", "", "", "a"]
    for key in "live", "live boot", "area":
        assert undone[key] == outcomes["original"][key], key
    assert switched["kept"] == outcomes["original"]["live"]
    assert undone["kept"] == switched["live"]


def finish(disk, outcomes, forward, what):
    state = disk.state()
    done = disk.rehost("switch" if forward else "rollback", check=False)  # a child of a killed process may outlive it a little, with the lock
    assert done.returncode == 0, done.stderr
    if forward:
        expect(disk, outcomes["switched"], what)
    elif state == "merging":  # nothing was moved: what is live is all that counts
        expect(disk, outcomes["original"], what)
    else:
        expect(disk, outcomes["undone"], what)


def copy_running(image, to):
    """The image as a power cut leaves it; copied until nothing changed meanwhile."""
    for _ in range(20):
        shutil.copyfile(image, to)
        if run("cmp", "-s", str(image), str(to), check=False).returncode == 0:
            return
    raise AssertionError("the image never rests")


@pytest.mark.parametrize("forward", [True, False], ids=["redo", "undo"])
def test_killed(base, outcomes, tmp_path, forward):
    """kill -9, and the next command in the same rescue."""
    chance = random.Random(7 if forward else 8)
    seen = set()
    for n in range(4):
        image = tmp_path / "disk.img"
        shutil.copyfile(base, image)
        with Disk(image, tmp_path / "run") as disk:
            disk.rehost("plan")
            process = disk.start("switch")
            time.sleep(outcomes["seconds"] * chance.uniform(0.1, 1))
            process.send_signal(signal.SIGKILL)
            process.wait()
            state = disk.state()
            seen.add(state)
            finish(disk, outcomes, forward, (n, state))
    print("killed in:", sorted(seen))


@pytest.mark.parametrize("forward", [True, False], ids=["redo", "undo"])
@pytest.mark.parametrize("steps", [4, 10, 16, 22, 28, 34])
def test_power_cut(base, outcomes, tmp_path, steps, forward):
    """Stopped before a change, the disk cut off; the next rescue replays the journals and goes on."""
    image, cut = tmp_path / "disk.img", tmp_path / "cut.img"
    shutil.copyfile(base, image)
    with Disk(image, tmp_path / "run") as disk:
        disk.rehost("switch", check=False, REHOST_STOP_AFTER=str(steps))
        copy_running(image, cut)
    with Disk(cut, tmp_path / "run2") as disk:
        state = disk.state()
        assert state in ("merging", "switching", "switched")
        finish(disk, outcomes, forward, (steps, state))
    for part, start in (1, BOOT_START), (2, ROOT_START):
        done = run("e2fsck", "-fp", f"{cut}?offset={start * MIB}", check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("forward", [True, False], ids=["redo", "undo"])
@pytest.mark.parametrize("steps", [2, 9, 16, 23])
def test_power_cut_in_the_undo(base, outcomes, tmp_path, steps, forward):
    image, cut = tmp_path / "disk.img", tmp_path / "cut.img"
    shutil.copyfile(base, image)
    with Disk(image, tmp_path / "run") as disk:
        disk.rehost("switch")
        disk.rehost("rollback", check=False, REHOST_STOP_AFTER=str(steps))
        copy_running(image, cut)
    with Disk(cut, tmp_path / "run2") as disk:
        assert disk.state() == "undoing"
        finish(disk, outcomes, forward, steps)


def test_release_and_discard(base, tmp_path):
    image = tmp_path / "disk.img"
    shutil.copyfile(base, image)
    with Disk(image, tmp_path / "run") as disk:
        assert disk.rehost("release", check=False).returncode == 1
        disk.rehost("switch")
        assert "RH-JOB-61" in disk.rehost("release", check=False).stderr
        out = disk.rehost("release", "--unconfirmed").stdout
        assert "deleting the old /usr" in out and "deleting the old /boot/vmlinuz-old" in out
        for i in 0, 1:
            assert not (disk.mounted(i) / ".rehost").exists()
        assert (disk.mounted(0) / "etc/hostname").read_text() == "new\n"
        assert disk.state() == "none"
    shutil.copyfile(base, image)
    with Disk(image, tmp_path / "run3") as disk:
        disk.rehost("rollback", "--discard")
        for i in 0, 1:
            assert not (disk.mounted(i) / ".rehost").exists()
        assert (disk.mounted(0) / "etc/hostname").read_text() == "old\n"


def forget(disk):
    """A new start of the rescue: nothing is mounted, nothing is in RAM."""
    for i in 1, 0:
        run(*disk.argv("umount", f"{disk.run_dir}/fs/{i}"))
    shutil.rmtree(f"{disk.run_dir}/identity")


def test_going_back_and_releasing_need_no_identity(base, tmp_path):
    image = tmp_path / "disk.img"
    shutil.copyfile(base, image)
    with Disk(image, tmp_path / "run") as disk:
        disk.rehost("switch")
        shutil.rmtree(disk.mounted(0) / ".rehost/identity")
        forget(disk)
        disk.rehost("rollback")
        assert disk.state() == "staged"
        assert (disk.mounted(0) / "etc/hostname").read_text() == "old\n"
    shutil.copyfile(base, image)
    with Disk(image, tmp_path / "run2") as disk:
        disk.rehost("switch")
        path = disk.mounted(0) / ".rehost/job"
        record = read_record(disk.mounted(0))
        sequence = record.pop("sequence") + 1
        payload = json.dumps({**record, "state": "releasing"}).encode()
        head = b"REHOSTJ1" + struct.pack("<QI", sequence, len(payload)) + bytes(12)
        slot = (head + hashlib.sha256(head + payload).digest() + payload).ljust(SLOT, b"\0")
        path.write_bytes((slot + path.read_bytes()[SLOT:]) if sequence % 2 else path.read_bytes()[:SLOT] + slot)
        shutil.rmtree(disk.mounted(0) / ".rehost/identity")  # a release that was cut there
        forget(disk)
        assert disk.state() == "releasing"
        refused = disk.rehost("rollback", check=False)
        assert refused.returncode == 1 and "partly deleted" in refused.stderr, refused
        disk.rehost("release")
        assert disk.state() == "none"
        assert (disk.mounted(0) / "etc/hostname").read_text() == "new\n"


def test_rollback_in_the_merge_leaves_a_whole_stage(base, tmp_path):
    image = tmp_path / "disk.img"
    shutil.copyfile(base, image)
    with Disk(image, tmp_path / "run") as disk:
        disk.rehost("rollback")
        assert disk.state() == "staged"
        for i, edit in (0, "etc/network"), (1, "grub/grub.cfg"):
            assert (disk.mounted(i) / ".rehost/tree" / edit).read_text() == "an edit"
        assert (disk.mounted(0) / "etc/hostname").read_text() == "old\n"
        assert not (disk.mounted(0) / "etc/network").exists()


def test_a_lost_record_is_not_a_new_disk(base, tmp_path):
    """Only /.rehost/job is gone, and the tree holds the old system: nothing may delete it."""
    image = tmp_path / "disk.img"
    shutil.copyfile(base, image)
    with Disk(image, tmp_path / "run") as disk:
        disk.rehost("switch")
        (disk.mounted(0) / ".rehost/job").unlink()
        for command in ["status"], ["plan"], ["receive", "tar"], ["rollback", "--discard"], ["release"]:
            refused = run(*disk.argv(REHOST, *command), check=False, env=disk.env(), stdin=subprocess.DEVNULL)
            assert refused.returncode == 1 and "RH-JOB-10" in refused.stderr, (command, refused)
        assert (disk.mounted(0) / ".rehost/tree/etc/hostname").read_text() == "old\n"


def test_in_the_running_clone(base, tmp_path):
    """The binary inside the clone: it sees what runs, refuses what needs the rescue, and releases."""
    image = tmp_path / "disk.img"
    shutil.copyfile(base, image)
    with Disk(image, tmp_path / "run") as disk:
        disk.rehost("switch")
        root = disk.mounted(0)
        (root / "var/lib/rehost").mkdir()
        shutil.copy(REHOST, root / "var/lib/rehost/rehost")
        at = f"{disk.run_dir}/fs/0"

        def inside(*command):
            return run(*disk.argv("chroot", at, "/var/lib/rehost/rehost", *command), check=False, env={"PATH": os.environ["PATH"]})

        told = json.loads(inside("status", "--json").stdout)
        assert (told["place"], told["state"]) == ("clone", "switched")
        for command in "switch", "rollback":
            refused = inside(command)
            assert refused.returncode == 1 and "RH-JOB-17" in refused.stderr, refused
        refused = inside("release", "--unconfirmed")
        assert refused.returncode == 1 and "RH-JOB-18" in refused.stderr and "/boot" in refused.stderr, refused
        assert (root / ".rehost/tree/etc/hostname").exists()
        run(*disk.argv("mount", f"{disk.loop}p1", f"{at}/boot"))
        assert "RH-JOB-61" in inside("release").stderr
        done = inside("release", "--unconfirmed")
        assert done.returncode == 0, done.stderr
        assert not (root / ".rehost").exists() and not (disk.mounted(1) / ".rehost").exists()
        assert not (root / "var/lib/rehost").exists()
        assert (root / "etc/hostname").read_text() == "new\n"


def test_in_the_running_old_system(base, tmp_path):
    image = tmp_path / "disk.img"
    shutil.copyfile(base, image)
    with Disk(image, tmp_path / "run") as disk:
        disk.rehost("rollback")  # opens the target for writing and leaves the old system in place
        shutil.copy(REHOST, disk.mounted(0) / "rehost")
        at = f"{disk.run_dir}/fs/0"
        done = run(*disk.argv("chroot", at, "/rehost", "status", "--json"), env={"PATH": os.environ["PATH"]})
        assert json.loads(done.stdout)["place"] == "old system"
        refused = run(*disk.argv("chroot", at, "/rehost", "release"), check=False, env={"PATH": os.environ["PATH"]})
        assert refused.returncode == 1
        assert (disk.mounted(0) / "etc/hostname").read_text() == "old\n"
