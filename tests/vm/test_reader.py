# SPDX-License-Identifier: MIT
"""The reader on disks of real Debian servers that machines start from: nothing is started here."""
import hashlib
import json
import subprocess
import time

import pytest

from lib import disks

REHOST = disks.REPO / "build/rehost"


def look(image, *options):
    return json.loads(disks.run([REHOST, "inspect", "--json", *options, "--boot", image]))


@pytest.mark.parametrize("name", ["target", "target-single", "source"])
def test_an_installed_debian_is_the_old_system(name):
    image = disks.disk(name)
    began = time.monotonic()
    found = look(image)
    # Called thousands of times by the tests of power cuts. 10 ms on a quiet machine.
    assert time.monotonic() - began < 1
    assert (found["starts"], found["then"], found["via"]) == ("old", "old", "grub"), found
    assert found["core"]["decoded"] and found["core"]["equals"].endswith("grub/i386-pc/core.img")
    assert found["tree"]["hostname"] and all(step["ok"] for step in found["steps"])
    for step in look(image, "--hash")["steps"]:
        if "sha256" not in step:
            continue
        where, path = step["text"].rsplit(",", 1)[0].split(": ")
        grub = subprocess.run(
            ["grub-fstest", image, "cat", f"(loop0,msdos{where.split()[1]}){path}"], stdout=subprocess.PIPE, check=True
        )
        assert hashlib.sha256(grub.stdout).hexdigest() == step["sha256"], step


def test_a_disk_whose_core_is_damaged_starts_nothing(folder):
    image = folder / "disk.raw"
    disks.run(["cp", "--sparse=always", disks.disk("target-single"), image])
    with open(image, "r+b") as f:
        f.seek(512 * 40 + 17)
        byte = f.read(1)[0]
        f.seek(512 * 40 + 17)
        f.write(bytes([byte ^ 0x10]))
    found = look(image)
    assert found["starts"] == "nothing", found
