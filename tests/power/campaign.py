# SPDX-License-Identifier: MIT
"""Which cuts of a recording are judged, judging them, and the account of it."""
import collections
import json
import multiprocessing
import os
import pathlib
import random
import time
import traceback

import cuts
import image
import judge
import wlog

Failure = collections.namedtuple("Failure", "cut step why")


COMMIT = bytes.fromhex("c03b399800000002")  # jbd2: magic, type of a commit block


def is_ext_own(entry, superblocks):
    """A write that ext4 itself trusts not to be torn: a superblock, or a commit block of the journal."""
    if any(entry.offset < at + 1024 and at < entry.offset + entry.size for at in superblocks):
        return True
    return 512 < entry.size <= 4096 and entry.data is not None and wlog.data_of(entry, 0, 8) == COMMIT


class Recording:
    """What lib/record.py left in a folder: the log of a whole sequence of machines on one disk."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.about = json.loads((self.folder / "recording.json").read_text())
        self.entries, self.steps = [], []
        self.flash = (self.about["bytes"], self.about["variables"]) if self.about.get("variables") else None
        total = sum(self.flash or (self.about["bytes"], 0))
        for number, name in enumerate(self.about["logs"]):
            marks = [m for m in self.about["marks"] if m["log"] == number]
            for entry in wlog.Log(self.folder / name, total).entries:
                while marks and entry.at >= marks[0]["at"]:
                    step = marks.pop(0)["name"]
                if entry.offset >= self.about["bytes"]:
                    # Flash has no cache: what the firmware wrote is there, in its order.
                    entry = entry._replace(whole=True, flags=entry.flags | wlog.FUA)
                elif is_ext_own(entry, self.about["superblocks"]):
                    entry = entry._replace(whole=True)
                self.entries.append(entry)
                self.steps.append(step)
            if marks:
                step = marks[-1]["name"]

    def step_at(self, i):
        return self.steps[min(i, len(self.steps) - 1)]


def in_order(cut):
    return cut.base, cut.end, cut.kind, cut.seed


class Budget:
    """
    About total cuts over the epochs: steps whose name is in sampled share a seventh of them over epochs drawn at random;
    every epoch of the others is visited, and they share the rest evenly, as far as an epoch has so many states.
    """

    PER_SAMPLED = 4

    def __init__(self, total, sampled=()):
        self.total, self.sampled = total, set(sampled)

    def cuts(self, entries, step_at, seed):
        rng = random.Random(seed)
        hot, cold = [], []
        for epoch in cuts.epochs(entries):
            if cuts.writes_in(entries, *epoch):
                (cold if step_at(epoch.start) in self.sampled else hot).append(epoch)
        share = self.total // 7 if hot else self.total
        if len(cold) * self.PER_SAMPLED > share:
            cold = rng.sample(cold, max(share // self.PER_SAMPLED, 1))
        plan = [(epoch, self.PER_SAMPLED - 1) for epoch in cold]
        plan += zip(hot, level([states(entries, epoch) for epoch in hot], self.total - len(cold) * self.PER_SAMPLED))
        out = {cut for epoch, extra in plan for cut in cuts.of_epoch(entries, epoch, extra, rng)}
        out.add(cuts.Cut("answered", list(cuts.epochs(entries))[-1].start, len(entries), 0))
        return sorted(out, key=in_order)


def states(entries, epoch):
    """How many contents the disk can have, at most, after losses in an epoch; counted no further than 1,024."""
    writes = [entries[i] for i in cuts.writes_in(entries, *epoch)]
    pieces = sum(e.size // cuts.SECTOR if cuts.may_tear(e) else 1 for e in writes)
    return (1 << min(pieces, 10)) - 2  # nothing of it and all of it are other epochs' starts


def level(capacities, total):
    """Shares of total, as even as capacities allow; each at least 1 even when that is more than total."""
    shares = [0] * len(capacities)
    left, open_ = total, sorted(range(len(capacities)), key=lambda i: capacities[i])
    while open_:
        i = open_.pop(0)
        shares[i] = max(min(capacities[i], left // (len(open_) + 1)), 1)
        left -= shares[i]
    return shares


class Account:
    """What a campaign found."""

    def __init__(self, seed):
        self.seed, self.count, self.failures = seed, 0, []
        self.outcomes = collections.Counter()  # (step, before replay, after replay)
        self.examples = {}  # outcome: cuts that have it
        self.seen = {}  # (outcome, file, ...): (hash, the cut it was first seen in)
        self.seconds = 0.0

    def add(self, other):
        """Takes in what another process found in other cuts of the same recording."""
        self.count += other.count
        self.failures = sorted(self.failures + other.failures, key=lambda f: in_order(f.cut))
        self.outcomes += other.outcomes
        for outcome, examples in other.examples.items():
            self.examples[outcome] = sorted(self.examples.get(outcome, []) + examples, key=in_order)
        for key, (digest, cut) in other.seen.items():
            first = self.seen.setdefault(key, (digest, cut))
            if first[0] != digest:
                self.failures.append(Failure(cut, "", f"{key} is not as in cut {cuts.name(first[1])}"))

    def text(self):
        rows = [f"{self.count} cuts in {self.seconds:.0f} s, seed {self.seed}, {len(self.failures)} outside the table"]
        for key, n in sorted(self.outcomes.items(), key=lambda kv: [str(x) for x in kv[0]]):
            rows.append(f"  {n:5d}  " + " / ".join(map(str, key)))
        for f in self.failures[:40]:
            rows.append(f"  WRONG {cuts.name(f.cut)} in {f.step}: {f.why}")
        if len(self.failures) > 40:
            rows.append(f"  ... and {len(self.failures) - 40} more")
        return "\n".join(rows)


def run(entries, step_at, disk, judged, chosen, seed, stop_after=None):
    """
    Judges the chosen cuts, in order of base. judged(image, cut, step) returns (label, ...) to be counted, the first
    of them the outcome; it raises AssertionError for a state that must not be.
    """
    account = Account(seed)
    start = time.monotonic()
    replay = image.Replay(disk, entries)
    for cut in chosen:
        step = step_at(max(cut.end - 1, 0))
        with replay.at(cut):
            try:
                labels = judged(disk, cut, step)
                account.outcomes[(step, *labels)] += 1
                account.examples.setdefault(labels[0], []).append(cut)
            except AssertionError as e:
                account.failures.append(Failure(cut, step, str(e)))
        account.count += 1
        if stop_after and len(account.failures) >= stop_after:
            break
    account.seconds = time.monotonic() - start
    account.seen = getattr(judged, "files", {})
    return account


def run_shared(work, chosen, jobs, seed):
    """
    The account of work(part, number), which is run in processes of their own for jobs interleaved parts of chosen: every
    part comes by every step, and learns on the way what a judge learns.
    """
    start = time.monotonic()
    context = multiprocessing.get_context("fork")

    def child(pipe, number):
        try:
            pipe.send(work(chosen[number::jobs], number))
        except BaseException:
            pipe.send(traceback.format_exc())
            raise

    workers = []
    for number in range(jobs):
        ours, theirs = context.Pipe(duplex=False)
        workers.append((context.Process(target=child, args=(theirs, number)), ours))
        workers[-1][0].start()
        theirs.close()
    total = Account(seed)
    accounts = []
    for process, pipe in workers:
        try:
            accounts.append(pipe.recv())
        except EOFError:
            accounts.append("ended without a word")
        process.join()
    for account in accounts:
        if isinstance(account, str):
            raise RuntimeError(f"a part of the cuts was not judged: {account}")
        total.add(account)
    total.seconds = time.monotonic() - start
    return total


def prepare(recording, folder):
    """The disk as it was before the first entry, in folder."""
    path = pathlib.Path(folder) / "disk.raw"
    image.flatten(recording.about["base"], path)
    if os.stat(path).st_size != recording.about["bytes"]:
        raise ValueError(f"{recording.about['base']} is not the disk that was recorded")
    if recording.flash:
        with open(path, "ab") as f:
            f.write((recording.folder / "variables.fd").read_bytes())
    return image.Image(path)


def judge_for(recording, disk, folder):
    about = recording.about
    return judge.DiskJudge(disk, folder, about["superblocks"], about.get("esps", ()), recording.flash)


def rebuild(recording, cut, folder):
    """The image of one cut, for a boot or for a look; returns its path, and that of the variables if there are any."""
    disk = prepare(recording, folder)
    with disk:
        image.Replay(disk, recording.entries).at(cut).__enter__()
    if not recording.flash:
        return disk.path, None
    variables = disk.path.with_name("variables.fd")
    with open(disk.path, "r+b") as f:
        variables.write_bytes(os.pread(f.fileno(), recording.flash[1], recording.flash[0]))
        f.truncate(recording.about["bytes"])
    return disk.path, variables


if __name__ == "__main__":
    import sys

    if len(sys.argv) != 4:
        sys.exit("usage: campaign.py RECORDING CUT FOLDER: leaves the disk of that cut in FOLDER/disk.raw")
    pathlib.Path(sys.argv[3]).mkdir(exist_ok=True)
    print(*rebuild(Recording(sys.argv[1]), cuts.parse(sys.argv[2]), sys.argv[3]))
