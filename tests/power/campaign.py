# SPDX-License-Identifier: MIT
"""Which cuts of a recording are judged, judging them, and the account of it."""
import collections
import json
import os
import pathlib
import random
import time

import cuts
import image
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
        for number, name in enumerate(self.about["logs"]):
            marks = [m for m in self.about["marks"] if m["log"] == number]
            for entry in wlog.Log(self.folder / name, self.about["bytes"]).entries:
                while marks and entry.at >= marks[0]["at"]:
                    step = marks.pop(0)["name"]
                self.entries.append(entry._replace(whole=is_ext_own(entry, self.about["superblocks"])))
                self.steps.append(step)
            if marks:
                step = marks[-1]["name"]

    def step_at(self, i):
        return self.steps[min(i, len(self.steps) - 1)]


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
        return sorted(out, key=lambda c: (c.base, c.end, c.kind, c.seed))


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
        self.seconds = 0.0

    def text(self):
        rows = [f"{self.count} cuts in {self.seconds:.0f} s, seed {self.seed}, {len(self.failures)} outside the table"]
        for key, n in sorted(self.outcomes.items(), key=lambda kv: [str(x) for x in kv[0]]):
            rows.append(f"  {n:5d}  " + " / ".join(map(str, key)))
        for f in self.failures[:40]:
            rows.append(f"  WRONG {cuts.name(f.cut)} in {f.step}: {f.why}")
        if len(self.failures) > 40:
            rows.append(f"  ... and {len(self.failures) - 40} more")
        return "\n".join(rows)


def run(entries, step_at, disk, judge, chosen, seed, stop_after=None):
    """
    Judges the chosen cuts, in order of base. judge(image, cut, step) returns (label, ...) to be counted, the first
    of them the outcome; it raises AssertionError for a state that must not be.
    """
    account = Account(seed)
    start = time.monotonic()
    replay = image.Replay(disk, entries)
    for cut in chosen:
        step = step_at(max(cut.end - 1, 0))
        with replay.at(cut):
            try:
                labels = judge(disk, cut, step)
                account.outcomes[(step, *labels)] += 1
                account.examples.setdefault(labels[0], []).append(cut)
            except AssertionError as e:
                account.failures.append(Failure(cut, step, str(e)))
        account.count += 1
        if stop_after and len(account.failures) >= stop_after:
            break
    account.seconds = time.monotonic() - start
    return account


def prepare(recording, folder):
    """The disk as it was before the first entry, in folder."""
    path = pathlib.Path(folder) / "disk.raw"
    image.flatten(recording.about["base"], path)
    if os.stat(path).st_size != recording.about["bytes"]:
        raise ValueError(f"{recording.about['base']} is not the disk that was recorded")
    return image.Image(path)


def rebuild(recording, cut, folder):
    """The image of one cut, for a boot or for a look; returns its path."""
    disk = prepare(recording, folder)
    with disk:
        image.Replay(disk, recording.entries).at(cut).__enter__()
    return disk.path


if __name__ == "__main__":
    import sys

    if len(sys.argv) != 4:
        sys.exit("usage: campaign.py RECORDING CUT FOLDER: leaves the disk of that cut in FOLDER/disk.raw")
    pathlib.Path(sys.argv[3]).mkdir(exist_ok=True)
    print(rebuild(Recording(sys.argv[1]), cuts.parse(sys.argv[2]), sys.argv[3]))
