# SPDX-License-Identifier: MIT
"""Which ext file systems the private loader may lie on: our words about them against what GRUB itself reads."""
import pathlib
import subprocess

import pytest

DRIVER = pathlib.Path(__file__).resolve().parents[2] / "build/bin/loader_driver"
FEATURES = [
    "", "^has_journal", "^64bit", "^extent,^64bit", "^flex_bg", "meta_bg,^resize_inode", "mmp", "large_dir", "quota,project",
    "metadata_csum_seed", "orphan_file", "encrypt", "verity", "fast_commit", "inline_data", "casefold", "ea_inode", "bigalloc",
]


@pytest.mark.parametrize("features", FEATURES)
def test_what_grub_reads_is_what_we_accept(tmp_path, features):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_text("hello")
    image = tmp_path / "image"
    with open(image, "wb") as f:
        f.truncate(40 << 20)
    made = subprocess.run(
        ["mke2fs", "-q", "-F", "-t", "ext4", *(["-O", features] if features else []), "-d", tmp_path / "tree", image],
        capture_output=True, text=True,
    )
    if made.returncode:
        pytest.skip(f"this mke2fs cannot: {made.stderr}")
    read = subprocess.run(["grub-fstest", image, "cat", "/file"], capture_output=True, text=True)
    ours = subprocess.run([DRIVER, "extfs", image], capture_output=True, text=True, check=True).stdout
    assert (ours == "can be used\n") == (read.stdout == "hello"), (ours, read)


def test_data_in_the_journal_is_refused(tmp_path):
    image = tmp_path / "image"
    with open(image, "wb") as f:
        f.truncate(40 << 20)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", image], check=True)
    subprocess.run(["tune2fs", "-o", "journal_data", image], check=True, capture_output=True)
    assert "data=journal" in subprocess.run([DRIVER, "extfs", image], capture_output=True, text=True, check=True).stdout
