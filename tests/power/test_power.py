# SPDX-License-Identifier: MIT
"""
No power cut can hurt: write logs of whole migrations, cut at more than a thousand places, each judged offline; then
one machine is started from a disk of each outcome. docs/architecture.md section 11 has the promise.

REHOST_SEED=n chooses other cuts; REHOST_LONG=1 makes more of them. One cut again, for a look at its disk:
python3 tests/power/campaign.py build/vm/power/NAME CUT FOLDER
"""
import json
import os
import pathlib
import subprocess
import sys

import pytest

import campaign
import cuts
import image
import judge
import told
import wlog
from lib import disks, qemu, record

LONG = bool(os.environ.get("REHOST_LONG"))
SEED = int(os.environ.get("REHOST_SEED", "1"))
JOBS = min(os.cpu_count(), 4)
# The tests that leave the recordings behind; they run before, in check-vm.
RECORDED_BY = {
    "migration-target": "tests/vm/test_migration.py::test_migration_leaves_the_sources_system_on_the_target[target-move]",
    "rollback-target": "tests/vm/test_faults.py::test_rollback_after_the_clone_has_run_brings_the_old_system_back",
    "life-single": "tests/vm/test_life.py::test_a_trial_rolled_back_and_one_released[single]",
}
if LONG:
    RECORDED_BY["migration-target-single"] = (
        "tests/vm/test_migration.py::test_migration_leaves_the_sources_system_on_the_target[target-single-copy]"
    )
    RECORDED_BY["life-uefi"] = "tests/vm/test_life.py::test_a_trial_rolled_back_and_one_released[uefi]"
# For each recording, and the start of each epoch. About half a second of one processor each.
CUTS = 6000 if LONG else 500
# Outcomes that a machine is started from; each once, unless there is time.
BOOTS = {"migration-target": {"clone"}, "rollback-target": {"old"}, "life-single": {"rescue"}}
# Steps with thousands of writes and no decision: some of their epochs are drawn.
SAMPLED = (
    "boot the target into the rescue", "receive tar", "rewrite", "check", "look at the clone", "compare the trees",
    "rewrite again", "check again",
)


def is_fresh(folder):
    try:
        about = json.loads((folder / "recording.json").read_text())
    except FileNotFoundError:
        return False
    return about["digest"] == record.digest() and os.path.exists(about["base"])


@pytest.fixture(scope="session", params=RECORDED_BY)
def recording(request):
    folder = record.place(request.param)
    if not is_fresh(folder):
        argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", RECORDED_BY[request.param]]
        done = subprocess.run(argv, cwd=disks.REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout[-6000:]
    return campaign.Recording(folder)


def cut_all(recording, entries, chosen, stop_after=None):
    """The account of a campaign over entries, which may be other than the recorded ones; each processor has its part."""

    def work(part, number):
        with image.scratch(JOBS * (image.data_bytes(recording.about["base"]) + sum(e.size for e in entries))) as folder:
            with campaign.prepare(recording, folder) as disk:
                judged = campaign.judge_for(recording, disk, folder)
                return campaign.run(entries, recording.step_at, disk, judged, part, SEED, stop_after)

    return campaign.run_shared(work, chosen, JOBS, SEED)


@pytest.fixture(scope="session")
def account(recording):
    chosen = campaign.Budget(CUTS, SAMPLED).cuts(recording.entries, recording.step_at, SEED)
    out = cut_all(recording, recording.entries, chosen)
    (recording.folder / "account.txt").write_text(out.text() + "\n")
    return out


def test_every_cut_gives_old_rescue_or_clone(recording, account):
    print(account.text())  # shown when it fails, and kept beside the recording
    assert account.failures == []
    assert account.count >= 500


def test_the_judge_would_see_a_flush_that_is_missing(recording):
    """The same writes, but the disk never flushed while it was switched: then any order is possible, and is found wrong."""
    hot = [i for i, step in enumerate(recording.steps) if step == "switch"]
    careless = list(recording.entries)
    for i in hot:
        careless[i] = careless[i]._replace(flags=careless[i].flags & ~wlog.FLUSH)
    epoch = next(e for e in cuts.epochs(careless) if e.start <= hot[len(hot) // 2] < e.end)
    chosen = sorted(
        {cuts.Cut(kind, epoch.start, hot[-1] + 1, seed) for kind in ("half", "late-half") for seed in range(30)}
    )
    account = cut_all(recording, careless, chosen, stop_after=1)
    assert account.failures


def test_status_tells_what_a_cut_disk_starts(recording, account):
    """Which system is next, as status says it, is what the reader finds, in every step."""
    if recording.flash:
        pytest.skip("status is asked on this machine, whose firmware it is not")
    said = told.run(recording, account, 12 if LONG else 2)
    print(said.text())
    assert said.failures == []
    assert said.count >= 10 and {key[1] for key in said.outcomes} == set(account.examples)


OUTCOME_COMMAND = {
    "old": ("hostname; cat /root/old-data", "vps4711\nprecious\n"),
    "clone": ("hostname", "web01\n"),
    "rescue": ("status --json", None),
}


def test_a_disk_of_each_outcome_starts(recording, account, folder):
    wanted = set(account.examples) if LONG else BOOTS[recording.folder.name]
    assert wanted <= set(account.examples)
    for outcome in sorted(wanted):
        examples = account.examples[outcome]
        # the last of the odd ones: something was lost or torn
        cut = [c for c in examples if c.kind not in ("flush", "answered")][-1:] or examples[-1:]
        place = pathlib.Path(folder) / outcome
        place.mkdir()
        disk, variables = campaign.rebuild(recording, cut[0], place)
        command, want = OUTCOME_COMMAND[outcome]
        with qemu.Net() as net, qemu.Machine(
            net, "target", place, disk=disk, uefi=variables, name=outcome
        ) as machine:
            machine.wait_banner(300)
            said = machine.ssh(command).stdout
            assert want is None or said == want, (outcome, cuts.name(cut[0]), said)
            if want is None:
                assert json.loads(said)["state"] != "none", (outcome, cuts.name(cut[0]), said)
        disk.unlink()
