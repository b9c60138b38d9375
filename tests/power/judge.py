# SPDX-License-Identifier: MIT
"""What a disk would do at its next power-on, and whether anything on it is lost.

Three questions to an image, none of which changes it:
- what would start: `rehost inspect --boot`, which reads the disk the way firmware and GRUB do, without journals;
- the same after the journals were replayed (e2fsck -p, taken back afterwards);
- then: is J readable, and is every top-level name of both trees there exactly once?
"""
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import urllib.parse
import uuid

import cuts
import nvram

SLOT = 131072
REPO = pathlib.Path(__file__).resolve().parents[2]
REHOST = REPO / "build/rehost"
KEEP_WRITES = REPO / "build/tests/keep_writes.so"
OUTCOMES = ("old", "rescue", "clone")


class Wrong(AssertionError):
    """The disk is in a state that must not be."""


def run(argv, **kw):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **kw)


def newest_record(data):
    """The payload of the newest valid slot of a job file (docs/architecture.md section 4)."""
    best = None
    for start in (0, SLOT):
        slot = data[start : start + SLOT]
        if len(slot) != SLOT or slot[:8] != b"REHOSTJ1":
            continue
        sequence, length = struct.unpack_from("<QI", slot, 8)
        if sequence == 0 or length > SLOT - 64 or slot[20:32] != bytes(12):
            continue
        payload = slot[64 : 64 + length]
        if hashlib.sha256(slot[:32] + payload).digest() != slot[32:64]:
            continue
        if best is None or sequence > best[0]:
            best = (sequence, payload)
    if best is None:
        raise Wrong("J has no valid slot")
    return json.loads(best[1])


class Ext:
    """One ext file system inside an image, looked at with e2fsprogs."""

    def __init__(self, image, offset, work):
        self.image, self.offset, self.work = image, offset, pathlib.Path(work)
        self.device = f"{image}?offset={offset}"
        self.undo_file = self.work / f"undo-{offset}"
        with open(image, "rb") as f:
            f.seek(offset + 1024 + 104)
            self.uuid = str(uuid.UUID(bytes=f.read(16)))

    def replay(self):
        """Replays the journal and lets e2fsck repair what it does without asking; undo() takes it back."""
        self.undo_file.unlink(missing_ok=True)
        env = {**os.environ, "LD_PRELOAD": str(KEEP_WRITES), "KEEP_FILE": str(self.image)}
        env |= {"KEEP_UNDO": str(self.undo_file), "KEEP_OFFSET": str(self.offset)}
        done = run(["e2fsck", "-p", self.image], env=env)
        if done.returncode not in (0, 1):
            raise Wrong(f"e2fsck -p of the file system at {self.offset}: exit {done.returncode}: {done.stdout}")

    def undo(self):
        """Puts back what replay() changed."""
        try:
            kept = self.undo_file.read_bytes()
        except FileNotFoundError:
            return
        at, rows = 0, []
        while at < len(kept):
            offset, length = struct.unpack_from("=QQ", kept, at)
            rows.append((offset, kept[at + 16 : at + 16 + length]))
            at += 16 + length
        with open(self.image, "r+b", buffering=0) as f:
            for offset, data in reversed(rows):
                f.seek(offset)
                f.write(data)
        self.undo_file.unlink()

    def debugfs(self, *commands):
        done = subprocess.run(
            ["debugfs", "-f", "-", self.device], input="\n".join(commands) + "\n", text=True, errors="surrogateescape",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        return done.stdout

    def look(self):
        """(top, tree, job): names with inode numbers of the root and of /.rehost/tree, and J's bytes or None."""
        job = self.work / "job"
        job.unlink(missing_ok=True)
        out = self.debugfs("ls -p /", "ls -p /.rehost/tree", f"dump /.rehost/job {job}")
        parts = re.split(r"^debugfs: ", out, flags=re.M)
        lists = [
            {
                row.split("/")[5]: int(row.split("/")[1])
                for row in part.splitlines()[1:]
                if row.count("/") >= 7 and row.split("/")[5] not in (".", "..", "")
            }
            for part in parts
            if part.startswith("ls ")
        ]
        return lists[0], lists[1], job.read_bytes() if job.exists() else None


class Fat:
    """The EFI system partition inside an image, repaired as every system does before it mounts it."""

    def __init__(self, image, offset, size, work):
        self.image, self.offset, self.size, self.kept = image, offset, size, None
        self.copy = pathlib.Path(work) / f"fat-{offset}"

    def replay(self):
        with open(self.image, "rb") as f:
            data = os.pread(f.fileno(), self.size, self.offset)
        self.copy.write_bytes(data)
        done = run(["fsck.fat", "-a", self.copy])
        if done.returncode not in (0, 1):
            raise Wrong(f"fsck.fat -a of the partition at {self.offset}: exit {done.returncode}: {done.stdout}")
        repaired = self.copy.read_bytes()
        if repaired != data:
            self.kept = data
            self._write(repaired, data)

    def undo(self):
        if self.kept is not None:
            with open(self.image, "rb") as f:
                now = os.pread(f.fileno(), self.size, self.offset)
            self._write(self.kept, now)
            self.kept = None

    def _write(self, new, old, step=65536):
        with open(self.image, "r+b", buffering=0) as f:
            for at in range(0, len(new), step):
                if new[at : at + step] != old[at : at + step]:
                    os.pwrite(f.fileno(), new[at : at + step], self.offset + at)


def inspect_boot(image, *options):
    """(outcome, words) as the firmware would meet the disk."""
    done = subprocess.run(
        [REHOST, "inspect", "--json", *options, "--boot", image], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        errors="replace",
    )
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return None, f"exit {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}"
    return found.get("starts"), found


def check_trees(parts, keep_old, clone_too):
    """
    Every name of the plan in one of both trees, by inode number: the old system's when it is to be kept, the clone's
    when it must be complete. parts: (top, tree, plan entries) of each file system.
    """
    for top, tree, entries in parts:
        places = list(top.items()) + list(tree.items())
        for entry in entries:
            name = urllib.parse.unquote(entry["name"])
            for key, wanted in (("old_ino", keep_old), ("new_ino", clone_too)):
                ino = entry.get(key, 0)
                if not wanted or not ino:
                    continue
                found = [n for n, i in places if i == ino]
                if found != [name]:
                    where = "twice" if len(found) > 1 else "missing" if not found else f"called {found[0]}"
                    raise Wrong(f"/{name} of the {'old system' if key == 'old_ino' else 'clone'} is {where}")


# What may start while a step runs, by the beginning of its name; the first that fits counts. Any other: all three.
TABLE = (
    ("boot the target into the rescue", {"old"}),
    ("plan", {"old"}),
    ("stop the source", {"old"}),
    ("receive", {"old"}),
    ("rewrite", {"old"}),
    ("check", {"old"}),
    ("confirm", {"rescue", "clone"}),
    ("switch", {"old", "rescue"}),
    ("reboot into the old system", {"old"}),
    ("reboot", {"rescue", "clone"}),
    ("look at the clone", {"rescue", "clone"}),
    ("release", {"clone"}),
    ("rollback", {"rescue", "old"}),
    ("remove everything", {"old"}),
    ("power off", {"clone"}),
)
# States of J in which the clone is complete, and those in which the old tree is being deleted.
CLONE_COMPLETE = ("switching", "switched", "trial", "confirmed", "undoing", "releasing")


class DiskJudge:
    """
    Judges cuts of one recording, in order: what it learned from J of earlier cuts (the plan with its inode numbers) it
    uses for later ones. superblocks: where the ext file systems have theirs; esps: offset and size of the EFI system
    partitions; flash: offset and size of the firmware's variables, None with a BIOS. starts(image, ...) is what the disk
    would start, as inspect_boot().
    """

    def __init__(self, image, work, superblocks, esps=(), flash=None, starts=inspect_boot, table=TABLE):
        self.starts, self.table, self.flash = starts, table, flash
        self.esps = [Fat(image.path, *esp, work) for esp in esps]
        self.parts = [Ext(image.path, at - 1024, work) for at in superblocks]
        self.old = [part.look()[0] for part in self.parts]  # names of the old system, before anything
        self.plan = None
        self.files = {}  # (outcome, file): (hash, the cut it was first seen in)

    def allowed(self, step):
        return next((outcomes for name, outcomes in self.table if step.startswith(name)), set(OUTCOMES))

    def check_files(self, outcome, found, cut, step):
        """
        A loader that finds a file may still read an old or half-written one. Each file on the way to an outcome has one
        content all the time: what is read first must be what is read ever after, in each of a recording's migrations.
        """
        for row in found.get("steps", []):
            if "sha256" in row:
                key = outcome, row["text"].rpartition(",")[0], step.endswith("again")
                first = self.files.setdefault(key, (row["sha256"], cut))
                if first[0] != row["sha256"]:
                    raise Wrong(f"{key[1]} on the way to {outcome} is not as in cut {cuts.name(first[1])}")
        core = found.get("core")
        if core and not core.get("equals"):
            raise Wrong(f"starts {outcome} from a core that is nobody's core.img")

    def firmware(self, image, *options):
        """What the firmware starts: the BIOS the disk, UEFI the first of its entries that it can read."""
        if not self.flash:
            return self.starts(image.path, *options)
        with open(image.path, "rb") as f:
            entries = nvram.starts(os.pread(f.fileno(), self.flash[1], self.flash[0]))
        for entry in entries:
            way = ["--efi-path", entry.path] if entry.path else ["--uefi"]
            outcome, found = self.starts(image.path, *way, *options)
            if "the firmware cannot read" not in words(found):
                break
        return outcome, found

    def look(self, image, *options):
        """The outcome. Without J the reader calls the only system old; which one it is the plan knows, by its /etc."""
        outcome, found = self.firmware(image, *options)
        if outcome == "old" and self.plan and found["j_state"] == "none":
            clone = [e["new_ino"] for p in self.plan for e in p["entries"] if e["name"] == "etc"]
            if (found.get("tree") or {}).get("etc_ino") in clone:
                outcome = "clone"
        return outcome, found

    def __call__(self, image, cut, step):
        before, found = self.look(image, "--hash")
        if before not in self.allowed(step):
            raise Wrong(f"starts {before}: {words(found)}")
        if found["then"] not in OUTCOMES:
            raise Wrong(f"starts {before}, and then {found['then']}")
        self.check_files(before, found, cut, step)
        try:
            for part in self.parts + self.esps:
                part.replay()
            after, found = self.look(image)
            if after not in self.allowed(step):
                raise Wrong(f"starts {before}, and {after} when the journals were replayed: {words(found)}")
            state = self.check_contents(step)
        finally:
            for part in self.parts + self.esps:
                part.undo()
        return before, after, state

    def check_contents(self, step):
        """J readable, both trees complete. Returns J's state."""
        looks = [part.look() for part in self.parts]
        jobs = [job for _, _, job in looks if job is not None]
        record = newest_record(jobs[0]) if jobs else {"state": "none", "filesystems": []}
        state = record["state"]
        if record["filesystems"]:
            self.plan = record["filesystems"]
        released = state == "releasing" or state == "none" and step.startswith(("release", "power off"))
        if self.plan is None:
            for (top, _, _), old in zip(looks, self.old):
                lost = {n for n, i in old.items() if top.get(n) != i}
                if lost:
                    raise Wrong(f"of the old system {sorted(lost)} are not where they were")
            return state
        by_uuid = {p["uuid"]: p["entries"] for p in self.plan}
        parts = [(top, tree, by_uuid.get(p.uuid, [])) for p, (top, tree, _) in zip(self.parts, looks)]
        undone = state == "staged" and step.startswith(("rollback", "reboot into the old"))
        check_trees(parts, keep_old=not released, clone_too=state in CLONE_COMPLETE or released or undone)
        return state


def words(found):
    """The reader's reason, short."""
    return found.get("why", "") if isinstance(found, dict) else str(found)
