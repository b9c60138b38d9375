# SPDX-License-Identifier: MIT
"""The harness itself: the log is read as QEMU writes it, every cut of the model is reached, and a wrong order is found."""
import hashlib
import itertools
import json
import random
import struct
import subprocess

import campaign
import cuts
import image
import judge
import nvram
import pytest
import synthetic
import wlog
from synthetic import SECTOR, LogWriter, fill

DISK = 64 * SECTOR


def blank(folder, data=b""):
    path = folder / "disk.raw"
    path.write_bytes(data.ljust(DISK, b"\0"))
    return image.Image(path)


def entries_of(log):
    return wlog.Log(log.save(), DISK).entries


# ---- the log ----


def test_a_log_written_by_qemu_is_read_back(tmp_path):
    disk, log = tmp_path / "disk.raw", tmp_path / "log"
    disk.write_bytes(bytes(1 << 20))
    log.touch()

    def plain(path):
        return {"driver": "raw", "cache": {"no-flush": True}, "file": {"driver": "file", "filename": str(path)}}

    node = {"driver": "blklogwrites", "file": plain(disk), "log": plain(log), "discard": "unmap"}
    argv = ["qemu-io", "json:" + json.dumps(node)]
    for command in "write -P 1 0 4k", "flush", "write -P 2 4k 8k", "discard 64k 64k", "write -z 256k 4k", "write -P 3 512 512":
        argv += ["-c", command]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    entries = wlog.Log(log, 1 << 20).entries
    assert [(e.offset, e.size, e.flags) for e in entries if not e.flags & wlog.FLUSH] == [
        (0, 4096, 0), (4096, 8192, 0), (65536, 65536, wlog.DISCARD), (262144, 4096, 0), (512, 512, 0),
    ]
    assert [i for i, e in enumerate(entries) if e.flags & wlog.FLUSH][0] == 1
    replayed = tmp_path / "replayed.raw"
    replayed.write_bytes(bytes(1 << 20))
    with image.Image(replayed) as out:
        image.Replay(out, entries).forward(len(entries))
    assert replayed.read_bytes() == disk.read_bytes()


def test_a_log_that_was_cut_ends_where_it_was_cut(tmp_path):
    log = LogWriter(tmp_path / "log").write(1, fill("a", 2)).flush().write(3, fill("b", 2))
    whole = log.save(count=2).read_bytes()
    assert len(wlog.Log(log.path, DISK).entries) == 3  # found although the header counts two
    log.path.write_bytes(whole[:-1])
    assert len(wlog.Log(log.path, DISK).entries) == 2
    log.path.write_bytes(whole[: 3 * SECTOR])  # inside what was counted
    with pytest.raises(wlog.BadLog):
        wlog.Log(log.path, DISK)


@pytest.mark.parametrize("damage", ["magic", "beyond", "flags", "short"])
def test_a_damaged_log_is_refused(tmp_path, damage):
    log = LogWriter(tmp_path / "log").write(DISK // SECTOR if damage == "beyond" else 1, fill("a"))
    path = log.save(magic=1 if damage == "magic" else wlog.MAGIC)
    if damage == "flags":
        data = bytearray(path.read_bytes())
        data[SECTOR + 16] = 0x40
        path.write_bytes(data)
    if damage == "short":
        path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(wlog.BadLog):
        wlog.Log(path, DISK)


# ---- the model ----


def states_reached(tmp_path, log, epoch_number, tries=600):
    """Contents of the disk over many cuts of one epoch, its end included."""
    entries = entries_of(log)
    disk = blank(tmp_path)
    replay = image.Replay(disk, entries)
    epoch = list(cuts.epochs(entries))[epoch_number]
    seen = set()
    end = cuts.Cut("flush", epoch.end, epoch.end, 0)
    for cut in [*cuts.of_epoch(entries, epoch, tries, random.Random(1)), end]:
        with replay.at(cut):
            seen.add(disk.path.read_bytes())
    return seen, disk


def test_every_subset_of_an_epoch_is_reached_and_nothing_else(tmp_path):
    log = LogWriter(tmp_path / "log").write(0, fill("x")).flush()
    for i in range(4):
        log.write(1 + i, fill("abcd"[i]))
    log.flush().write(9, fill("z"))
    seen, _ = states_reached(tmp_path, log, 1)
    want = set()
    for bits in itertools.product([0, 1], repeat=4):
        sectors = [fill("x")] + [fill("abcd"[i]) if bit else bytes(SECTOR) for i, bit in enumerate(bits)]
        want.add(b"".join(sectors).ljust(DISK, b"\0"))
    assert seen == want


def test_of_two_writes_to_one_sector_either_may_be_the_last(tmp_path):
    log = LogWriter(tmp_path / "log").write(0, fill("a")).write(0, fill("b"))
    seen, _ = states_reached(tmp_path, log, 0)
    assert {s[0:1] for s in seen} == {b"\0", b"a", b"b"}


def test_a_forced_write_is_there_and_stays_behind_what_came_later(tmp_path):
    log = LogWriter(tmp_path / "log").write(0, fill("a")).write(1, fill("b"), wlog.FUA).write(1, fill("c"))
    entries = entries_of(log)
    disk = blank(tmp_path)
    replay = image.Replay(disk, entries)
    seen = set()
    for cut in cuts.of_epoch(entries, cuts.Epoch(0, 3), 200, random.Random(2)):
        with replay.at(cut):
            data = disk.path.read_bytes()
            seen.add((cut.end > 1, data[0:1], data[SECTOR : SECTOR + 1]))
    assert (True, b"\0", b"\0") not in seen and (True, b"a", b"\0") not in seen
    assert {(True, b"\0", b"b"), (True, b"a", b"b"), (True, b"\0", b"c"), (True, b"a", b"c")} <= seen


def test_large_writes_tear_between_sectors_and_single_ones_never(tmp_path):
    log = LogWriter(tmp_path / "log").write(0, fill("a", 3)).write(8, fill("b"))
    seen, _ = states_reached(tmp_path, log, 0)
    heads = {tuple(s[i * SECTOR : i * SECTOR + 1] == b"a" for i in range(3)) for s in seen}
    assert len(heads) == 8
    for s in seen:
        assert all(len(set(s[i : i + SECTOR])) == 1 for i in range(0, DISK, SECTOR))


def test_a_flush_with_data_does_not_cover_its_own(tmp_path):
    log = LogWriter(tmp_path / "log").write(0, fill("a")).write(1, fill("b"), wlog.FLUSH)
    seen, _ = states_reached(tmp_path, log, 1)
    assert {(s[0:1], s[SECTOR : SECTOR + 1]) for s in seen} == {(b"a", b"\0"), (b"a", b"b")}


def test_an_excursion_leaves_no_trace_and_a_name_makes_the_same_cut(tmp_path):
    rng = random.Random(3)
    log = LogWriter(tmp_path / "log")
    for _ in range(60):
        n = rng.randrange(1, 6)
        log.write(rng.randrange(0, 64 - n), rng.randbytes(n * SECTOR))
        if rng.random() < 0.2:
            log.flush()
        if rng.random() < 0.1:
            log.discard(rng.randrange(0, 60), 4)
    entries = entries_of(log)
    disk = blank(tmp_path, rng.randbytes(DISK))
    model = bytearray(disk.path.read_bytes())
    replay, done = image.Replay(disk, entries), 0
    for cut in campaign.Budget(200).cuts(entries, lambda i: "x", 4):
        for e in entries[done : cut.base]:
            model[e.offset : e.offset + e.size] = wlog.data_of(e)
        done = cut.base
        with replay.at(cut):
            once = disk.path.read_bytes()
        assert disk.path.read_bytes() == model
        with replay.at(cuts.parse(cuts.name(cut))):
            assert disk.path.read_bytes() == once


# ---- bugs are found ----


def history(path, broken_at=None, how=None, versions=12):
    """Versions b, c, d ... published one after the other over a whole a; one of them carelessly."""
    log, slot = LogWriter(path), 0
    for n in range(versions):
        careless = n == broken_at
        letter = chr(ord("b") + n)
        if careless and how == "in place":
            log.write(synthetic.SLOTS[slot], fill(letter, synthetic.SLOT_SECTORS)).flush()
            continue
        slot = 1 - slot
        synthetic.publish(
            log, letter, slot, flush_before=not (careless and how == "no flush before"),
            flush_after=not (careless and how == "no flush after"),
        )
    return log


def cut_history(tmp_path, log, total, judged=synthetic.judge, seed=5, jobs=1):
    start = bytearray(DISK)
    start[synthetic.SLOTS[0] * SECTOR : (synthetic.SLOTS[0] + 4) * SECTOR] = fill("a", 4)
    entries = entries_of(log)
    chosen = campaign.Budget(total).cuts(entries, lambda i: "publish", seed)

    def work(part, number):
        folder = tmp_path / str(number)
        folder.mkdir(exist_ok=True)
        return campaign.run(entries, lambda i: "publish", blank(folder, bytes(start)), judged, part, seed)

    return campaign.run_shared(work, chosen, jobs, seed) if jobs > 1 else work(chosen, 0)


def test_a_careful_order_has_no_wrong_cut(tmp_path):
    account = cut_history(tmp_path, history(tmp_path / "log"), 400)
    assert account.failures == []
    assert 80 < account.count < 400  # few states in a pointer's epoch, and none is counted twice
    assert {key[1] for key in account.outcomes} == set("abcdefghijklm")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("how", ["no flush before", "no flush after", "in place"])
def test_one_careless_step_is_found_where_it_is(tmp_path, how, seed):
    log = history(tmp_path / "log", broken_at=6, how=how)
    account = cut_history(tmp_path, log, 400, seed=seed)
    # version 6 is written from its slot's write on; without the flush after, the next slot's write joins the epoch
    epochs = list(cuts.epochs(entries_of(log)))
    assert account.failures
    assert {f.cut.base for f in account.failures} == {epochs[12].start if how != "no flush after" else epochs[13].start}
    again = account.failures[0].cut
    assert cuts.name(again) in account.text()


def test_cuts_that_are_shared_out_give_the_same_account(tmp_path):
    log = history(tmp_path / "log", broken_at=6, how="in place")
    alone, shared = (cut_history(tmp_path, log, 200, jobs=jobs) for jobs in (1, 3))
    assert alone.failures and shared.failures == alone.failures
    assert (shared.count, shared.outcomes, shared.examples) == (alone.count, alone.outcomes, alone.examples)


def test_a_part_that_is_not_judged_is_no_success(tmp_path):
    def judged(disk, cut, step):
        raise OSError("a broken tool")

    with pytest.raises(RuntimeError, match="a broken tool"):
        cut_history(tmp_path, history(tmp_path / "log"), 40, judged, jobs=2)


def test_what_differs_between_parts_is_found():
    one, two, total = campaign.Account(1), campaign.Account(1), campaign.Account(1)
    one.seen = {("clone", "vmlinuz"): ("aa", cuts.Cut("flush", 3, 3, 0))}
    two.seen = {("clone", "vmlinuz"): ("bb", cuts.Cut("flush", 4, 4, 0))}
    total.add(one)
    assert total.failures == []
    total.add(two)
    assert "vmlinuz" in total.failures[0].why


def test_a_lost_promise_is_found(tmp_path):
    """The judge may know what was promised before the cut: an answered and flushed version may not be gone."""
    log = history(tmp_path / "log", broken_at=6, how="no flush after", versions=7)
    last = len(log.rows)

    def judged(disk, cut, step):
        (letter,) = synthetic.judge(disk)
        if cut.end == last and letter != "h":
            raise judge.Wrong("the published version is gone")
        return (letter,)

    account = cut_history(tmp_path, log, 200, judged)
    assert {f.why for f in account.failures} == {"the published version is gone"}


def test_sampled_steps_get_their_share_and_no_more(tmp_path):
    log = LogWriter(tmp_path / "log")
    for i in range(400):
        log.write(i % 60, fill("a", 2)).flush()
    entries = entries_of(log)

    def step_at(i):
        return "switch" if 300 <= i < 340 else "receive"

    chosen = campaign.Budget(210, ["receive"]).cuts(entries, step_at, 1)
    hot = [c for c in chosen if step_at(c.base) == "switch"]
    assert 15 <= len(chosen) - len(hot) <= 32
    assert {c.base for c in hot} == {e.start for e in cuts.epochs(entries) if 300 <= e.start < 340}
    assert chosen == sorted(chosen, key=lambda c: c.base)


# ---- the firmware's variables ----


def variable(name, value, state=nvram.VALID, vendor=nvram.GLOBAL):
    raw = name.encode("utf-16-le") + b"\0\0"
    out = nvram.HEADER.pack(0x55AA, state, 0, 7, 0, bytes(16), 0, len(raw), len(value), vendor) + raw + value
    return out + b"\xff" * (-len(out) % 4)


def flash(*rows):
    head = bytes(40) + b"_FVH" + bytes(4) + struct.pack("<H", 0x48)
    body = b"".join(rows)
    store = nvram.STORE + struct.pack("<I", 4096) + b"\x5a\xfe".ljust(8, b"\0")
    return (head.ljust(0x48, b"\0") + store + body).ljust(0x48 + 4096, b"\xff")


def option(text, *path, attributes=1):
    nodes = b"".join(struct.pack("<BBH", kind, sub, len(data) + 4) + data for kind, sub, data in path)
    return struct.pack("<IH", attributes, len(nodes)) + text.encode("utf-16-le") + b"\0\0" + nodes + b"junk"


DRIVE, FILE = (4, 1, bytes(38)), (4, 4, "\\EFI\\debian\\shimx64.efi\0".encode("utf-16-le"))


def test_the_firmwares_order_is_read():
    data = flash(
        variable("Boot0000", option("menu", (4, 7, bytes(16)), attributes=0x101)),
        variable("Boot0001", option("UEFI QEMU HARDDISK", (2, 1, bytes(8)), (3, 2, bytes(4)))),
        variable("Boot0002", option("debian", DRIVE, FILE)),
        variable("Boot0003", option("UEFI PXEv4", (3, 11, bytes(33)))),
        variable("Boot0004", option("off", DRIVE, FILE, attributes=0)),
        variable("BootOrder", struct.pack("<HHHHHH", 9, 0, 3, 4, 2, 1)),
    )
    assert [tuple(s) for s in nvram.starts(data)] == [
        (2, "debian", "\\EFI\\debian\\shimx64.efi"), (1, "UEFI QEMU HARDDISK", ""), (None, "", ""),
    ]
    assert [tuple(s) for s in nvram.starts(flash())] == [(None, "", "")]
    with pytest.raises(ValueError):
        nvram.starts(bytes(8192))


@pytest.mark.parametrize(
    "old,new,want",
    [
        (0x3F, None, b"a"), (0x3F, 0xFF, b"a"), (0x3F, 0x7F, b"a"), (0x3E, 0x7F, b"a"), (0x3E, 0x3F, b"b"), (0x3C, 0x3F, b"b"),
        (0xFF, 0x3F, b"b"),
    ],
)
def test_a_variable_is_replaced_when_its_successor_is_complete(old, new, want):
    """The bytes in the order in which the firmware writes them: successor's header, its data, its state, then the old one's."""
    if old == 0xFF:
        rows = []
    else:
        rows = [variable("X", b"a", old)]
    if new is not None:
        rows.append(variable("X", b"b", new))
    assert nvram.variables(flash(*rows, variable("Y", b"c", vendor=bytes(16)))).get("X") == want


def test_what_the_firmware_wrote_is_neither_lost_nor_late(tmp_path):
    """A recording with both: in each cut the flash holds just what was written before it, whatever became of the disk."""
    log = LogWriter(tmp_path / "0.log")
    for i in range(4):
        log.write(i, fill("a")).write(DISK // SECTOR, fill("0123"[i])).write(8 + i, fill("b"))
    log.save()
    about = {"bytes": DISK, "variables": SECTOR, "superblocks": [], "logs": ["0.log"], "marks": [{"name": "x", "log": 0, "at": 0}]}
    (tmp_path / "recording.json").write_text(json.dumps(about))
    recording = campaign.Recording(tmp_path)
    (tmp_path / "disk.raw").write_bytes(bytes(DISK + SECTOR))
    with image.Image(tmp_path / "disk.raw") as disk:
        replay = image.Replay(disk, recording.entries)
        losses = set()
        for cut in campaign.Budget(200).cuts(recording.entries, recording.step_at, 3):
            written = sum(1 for e in recording.entries[: cut.end] if e.offset == DISK)
            with replay.at(cut):
                data = disk.path.read_bytes()
            assert data[DISK : DISK + 1] == (b"\0" + b"0123")[written : written + 1]
            losses.add((data[:SECTOR] == bytes(SECTOR), written))
    assert {(True, n) for n in range(1, 5)} <= losses  # what the disk had answered before may be gone


# ---- the judge's own parts ----


@pytest.fixture
def ext(tmp_path):
    """An ext4 file system at 1 MiB in an image, its journal dirty with a name that is not in place yet."""
    path = tmp_path / "fs.raw"
    with open(path, "wb") as f:
        f.truncate(24 << 20)
    top = tmp_path / "top"
    (top / ".rehost/tree").mkdir(parents=True)
    for name in "etc", "usr":
        (top / name).mkdir()
        (top / ".rehost/tree" / name).mkdir()
    (top / ".rehost/job").write_bytes(record_slot(1, {"state": "staged"}) + record_slot(2, {"state": "checked"}))
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-E", f"offset={1 << 20}", "-d", top, path, "20M"], check=True)
    return judge.Ext(path, 1 << 20, tmp_path)


def record_slot(sequence, payload):
    body = json.dumps(payload).encode()
    head = b"REHOSTJ1" + struct.pack("<QI", sequence, len(body)) + bytes(12)
    digest = hashlib.sha256(head + body).digest()
    return (head + digest + body).ljust(judge.SLOT, b"\0")


def test_names_and_j_are_read_from_an_image(ext):
    top, tree, job = ext.look()
    assert set(top) == {"lost+found", ".rehost", "etc", "usr"}
    assert set(tree) == {"etc", "usr"} and tree["etc"] != top["etc"]
    assert judge.newest_record(job)["state"] == "checked"


def test_a_torn_slot_leaves_the_other(ext):
    one, two = record_slot(1, {"state": "staged"}), bytearray(record_slot(2, {"state": "checked"}))
    two[70] ^= 1
    assert judge.newest_record(one + bytes(two))["state"] == "staged"
    one = bytearray(one)
    one[33] ^= 1
    with pytest.raises(judge.Wrong):
        judge.newest_record(bytes(one + two))


def test_repairing_is_taken_back(ext):
    """The superblock says unclean and a count lies: e2fsck writes, and every byte is as before."""
    subprocess.run(["debugfs", "-w", "-R", "set_super_value state 2", ext.device], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["debugfs", "-w", "-R", "set_super_value free_blocks_count 5", ext.device], check=True, stderr=subprocess.DEVNULL)
    before = ext.image.read_bytes()
    ext.replay()
    assert ext.image.read_bytes() != before
    ext.undo()
    assert ext.image.read_bytes() == before


def test_a_journal_is_replayed_and_taken_back(ext):
    """A transaction in the journal only: a block that e2fsck must copy to its place."""
    block = next(int(w) for w in ext.debugfs("blocks /.rehost/job").split() if w.isdigit())
    data = record_slot(3, {"state": "switching"})[:1024]
    (ext.work / "block").write_bytes(data)
    subprocess.run(["debugfs", "-w", "-f", "-", ext.device], input=f"jo\njw -b {block} {ext.work / 'block'}\njc\n", text=True,
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before = ext.image.read_bytes()
    states = [judge.newest_record(ext.look()[2])["state"]]
    ext.replay()
    states.append(judge.newest_record(ext.look()[2])["state"])
    ext.undo()
    assert ext.image.read_bytes() == before
    assert states == ["checked", "switching"]


def test_lost_and_doubled_names_are_found():
    plan = [{"name": "etc", "old_ino": 11, "new_ino": 21}, {"name": "opt", "old_ino": 0, "new_ino": 22}]
    good = [({"etc": 11}, {"etc": 21, "opt": 22}, plan)]
    judge.check_trees(good, True, True)
    judge.check_trees([({"etc": 21, "opt": 22}, {"etc": 11}, plan)], True, True)
    for top, tree, word in (
        ({"etc": 11}, {"etc": 21}, "missing"),
        ({"etc": 11, "opt": 22}, {"etc": 21, "opt": 22}, "twice"),
        ({"etd": 11}, {"etc": 21, "opt": 22}, "called etd"),
    ):
        with pytest.raises(judge.Wrong, match=word):
            judge.check_trees([(top, tree, plan)], True, True)
    judge.check_trees([({"etc": 21, "opt": 22}, {}, plan)], False, True)  # released


def test_what_ext4_trusts_is_not_torn(tmp_path):
    commit = campaign.COMMIT.ljust(2 * SECTOR, b"x")
    log = LogWriter(tmp_path / "log").write(4, commit).write(8, fill("a", 2)).write(16, fill("b", 4))
    entries = entries_of(log)
    own = [campaign.is_ext_own(e, [17 * SECTOR]) for e in entries]
    assert own == [True, False, True]
    assert [cuts.may_tear(e._replace(whole=o)) for e, o in zip(entries, own)] == [False, True, False]
