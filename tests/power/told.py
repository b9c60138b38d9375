# SPDX-License-Identifier: MIT
"""
What `rehost status` says of a cut disk, beside what the disk's own reader finds. The rescue's command runs here, on a read-only
loop device, in a mount namespace of its own.
"""
import json
import os
import pathlib
import subprocess
import sys

import campaign
import image
import judge

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import loopdisk  # noqa: E402


class Damaged(Exception):
    """status refused: J cannot be read. Its report."""


def status(path, folder):
    """status --json of a disk image."""
    loop = loopdisk.attach(path, "-r")
    try:
        env = {**os.environ, "REHOST_RUN_DIR": str(folder), "REHOST_DISKS": os.path.basename(loop)}
        done = subprocess.run(
            ["unshare", "-m", "--propagation", "private", judge.REHOST, "status", "--json"], env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
    finally:
        loopdisk.detach(loop, path)
    said = json.loads(done.stdout)
    if "error" in said:
        raise Damaged(done.stderr)
    return said


class Telltale:
    """A judge for campaign.run()."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, disk, cut, step):
        outcome, found = judge.inspect_boot(disk.path)
        try:
            told = status(disk.path, self.folder)
        except Damaged as report:
            # What only the journal would mend: nothing is claimed but what the loader will find.
            if f"starts the {'old system' if outcome == 'old' else outcome}" not in str(report):
                raise judge.Wrong(f"the disk starts {outcome}, status says: {report}") from None
            return outcome, "not to be read", None
        # Without J the only system is called old by both, whichever it is.
        same = told["starts"] == outcome or told["state"] == "none" and outcome in ("old", "clone")
        if told["state"] != found["j_state"] or not same:
            raise judge.Wrong(f"{found['j_state']}, starts {outcome}: {judge.words(found)}; status says {told['state']}, "
                              f"{told['next_boot']}")
        if not told["next_boot"].startswith("starts the ") or not told.get("disk", {}).get("as_selected", True):
            raise judge.Wrong(f"status says: {told['next_boot']}")
        return outcome, told["state"], told.get("loader", {}).get("selected")


def sample(recording, account, per_kind):
    """Some cuts of each step and outcome, the odd ones (something lost or torn) first."""
    kinds = {}
    for outcome, found in account.examples.items():
        for cut in found:
            kinds.setdefault((recording.step_at(max(cut.end - 1, 0)), outcome), []).append(cut)
    out = set()
    for found in kinds.values():
        found.sort(key=lambda c: c.kind in ("flush", "answered"))
        out.update(found[:: max(len(found) // per_kind, 1)][:per_kind])
    return sorted(out, key=campaign.in_order)


def run(recording, account, per_kind):
    """The account of asking status about a sample of an account's cuts."""
    with image.scratch(image.data_bytes(recording.about["base"]) + sum(e.size for e in recording.entries)) as folder:
        (folder / "run").mkdir(mode=0o700)
        with campaign.prepare(recording, folder) as disk:
            chosen = sample(recording, account, per_kind)
            return campaign.run(recording.entries, recording.step_at, disk, Telltale(folder / "run"), chosen, account.seed)
