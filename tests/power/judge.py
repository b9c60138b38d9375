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

SLOT = 131072
REPO = pathlib.Path(__file__).resolve().parents[2]
REHOST = REPO / "build/rehost"
KEEP_WRITES = REPO / "build/tests/keep_writes.so"
OUTCOMES = ("old", "rescue", "clone")


class Wrong(AssertionError):
    """The disk is in a state that must not be."""


def run(argv, **kw):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **kw)


def linux_partitions(image):
    """Byte offsets of the partitions with an ext file system, in the table's order."""
    table = json.loads(subprocess.run(["sfdisk", "--json", image], stdout=subprocess.PIPE, check=True).stdout)
    out = []
    with open(image, "rb") as f:
        for part in table["partitiontable"]["partitions"]:
            f.seek(part["start"] * 512 + 1024 + 56)
            if f.read(2) == b"\x53\xef":
                out.append(part["start"] * 512)
    return out


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


def inspect_boot(image):
    """(outcome, words) as the firmware would meet the disk."""
    done = subprocess.run(
        [REHOST, "inspect", "--boot", "--json", image], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
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
            name = entry["name"]
            for key, wanted in (("old_ino", keep_old), ("new_ino", clone_too)):
                ino = entry.get(key, 0)
                if not wanted or not ino:
                    continue
                found = [n for n, i in places if i == ino]
                if found != [name]:
                    where = "twice" if len(found) > 1 else "missing" if not found else f"called {found[0]}"
                    raise Wrong(f"/{name} of the {'old system' if key == 'old_ino' else 'clone'} is {where}")
