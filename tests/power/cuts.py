# SPDX-License-Identifier: MIT
"""What may be on a disk after a power cut, enumerated from its write log.

The model. A flush makes everything before it durable. Between two flushes (an *epoch*) each write may have reached the
medium or not, in any order; a write of more than one sector may have arrived in part, sector by sector; one sector
is never torn, and neither are the two writes that ext4 itself does not outlive: the 1,024 bytes of its superblock, written
in place and not through the journal, and the journal's commit block (e2fsck 1.47.0 gives up a journal whose last one is
torn; later kernels look at its first sector only). A write with FUA is there when it was answered. For a disk's content order means: of several
writes to a sector any one may be the last that arrived. Applying an arbitrary subset of an epoch in its order gives
each of these contents (the later write of the two is simply not in the subset), so a cut is

    everything before entry `base`, then a chosen subset of the epoch's writes, some of them in part.

Whatever is chosen comes from a seed that is part of the cut's name: kind, base and seed make the same cut again.
"""
import collections
import random

import wlog

SECTOR = 512

# base: entries before it are durable. end: entries before it had been answered at the cut.
Cut = collections.namedtuple("Cut", "kind base end seed")
# of an epoch: entries start..end-1, none of them a barrier for another
Epoch = collections.namedtuple("Epoch", "start end")


def epochs(entries):
    """Epochs in order. A flush with data (a pre-flush) ends the epoch before its data."""
    start = 0
    for i, e in enumerate(entries):
        if e.flags & wlog.FLUSH:
            yield Epoch(start, i)
            start = i
    yield Epoch(start, len(entries))


def writes_in(entries, base, end):
    return [i for i in range(base, end) if entries[i].size]


def may_tear(entry):
    return entry.size > SECTOR and not entry.whole


def choose(entries, cut):
    """The cut's writes after base: list of (index, None) for whole ones or (index, sorted sector numbers)."""
    rng = random.Random(f"{cut.kind}:{cut.base}:{cut.end}:{cut.seed}")
    writes = writes_in(entries, cut.base, cut.end)
    forced = {i for i in writes if entries[i].flags & wlog.FUA}
    torn = set()
    if cut.kind == "flush":
        chosen = set()
    elif cut.kind == "answered":  # nothing lost: a prefix of the log
        chosen = set(writes)
    elif cut.kind == "half":
        chosen = {i for i in writes if rng.random() < 0.5}
        torn = {i for i in chosen if rng.random() < 0.25}
    elif cut.kind == "without-one":
        chosen = set(writes) - ({rng.choice(writes)} if writes else set())
    elif cut.kind == "only-one":
        chosen = {rng.choice(writes)} if writes else set()
    elif cut.kind == "late-half":  # the disk wrote the newest first
        chosen = set(writes[rng.randrange(len(writes)) :]) if writes else set()
    elif cut.kind == "torn":
        chosen = {i for i in writes if rng.random() < 0.7}
        many = sorted(i for i in chosen if may_tear(entries[i]))
        torn = {rng.choice(many)} if many else set()
    else:
        raise ValueError(cut.kind)
    out = []
    for i in sorted(chosen | forced):
        if i in torn and i not in forced and may_tear(entries[i]):
            count = entries[i].size // SECTOR
            if rng.random() < 0.5:
                sectors = range(rng.randrange(1, count))  # stopped in the middle
            else:
                sectors = [s for s in range(count) if rng.random() < 0.5]
            out.append((i, list(sectors)))
        else:
            out.append((i, None))
    return out


def _key(entries, cut):
    return tuple((i, None if s is None else tuple(s)) for i, s in choose(entries, cut))


def of_epoch(entries, epoch, extra, rng):
    """
    Cuts of one epoch: its start (all that was flushed, and nothing of what was answered since), and up to extra others,
    no content twice: that of a whole epoch is the start of the next. rng picks kinds and seeds.
    """
    writes = writes_in(entries, epoch.start, epoch.end)
    if not writes:
        yield Cut("flush", epoch.start, epoch.start, 0)
        return
    seen = set() if epoch.end == len(entries) else {tuple((i, None) for i in writes)}
    for cut in Cut("flush", epoch.start, epoch.end, 0), Cut("flush", epoch.start, epoch.start, 0):
        key = _key(entries, cut)
        if key not in seen:
            seen.add(key)
            yield cut
    kinds = ["answered", "late-half", "half", "without-one", "only-one", "torn"]
    rng.shuffle(kinds)
    tries = made = 0
    while made < extra and tries < 4 * extra + 8:
        # the whole epoch answered is what makes the most states reachable; some cuts fall earlier
        end = epoch.end if rng.random() < 0.6 else rng.choice(writes) + 1
        cut = Cut(kinds[tries % len(kinds)], epoch.start, end, rng.randrange(1 << 30))
        tries += 1
        key = _key(entries, cut)
        if key in seen:
            continue
        seen.add(key)
        made += 1
        yield cut


def name(cut):
    return f"{cut.kind}:{cut.base}:{cut.end}:{cut.seed}"


def parse(text):
    kind, base, end, seed = text.split(":")
    return Cut(kind, int(base), int(end), int(seed))
