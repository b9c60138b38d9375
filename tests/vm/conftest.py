# SPDX-License-Identifier: MIT
"""Shared machines and disks. Every test has its own network, overlay and folder; only read-only disks are shared."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lib import disks, migration, qemu  # noqa: E402


@pytest.fixture
def folder(request):
    return disks.workdir(request.node.name.replace("/", "_").replace("[", "-").rstrip("]"))


@pytest.fixture
def net():
    with qemu.Net() as net:
        yield net


@pytest.fixture(scope="session")
def stream():
    """Path of a tar of the source's root, as its own tar would send it."""
    return disks.source_tar()


@pytest.fixture(scope="session")
def staged(stream):
    """
    A target's disk whose stage is complete, rewritten and checked, left by an orderly reboot out of the rescue; as
    a qcow2 to put overlays on. With the time the switch would start from here.
    """
    folder = disks.workdir("staged")
    disk = disks.overlay(disks.disk("target"), folder / "staged.qcow2")
    with qemu.Net() as net, qemu.rescue(net, folder, disk) as rescue:
        rescue.wait_banner()
        with open(stream, "rb") as tar:
            net.ssh(qemu.TARGET, "receive tar", stdin=tar, timeout=900)
        for command in "rewrite", "check":
            migration.rescue_command(net, command, timeout=900)
        migration.rescue_command(net, "reboot", check=False)
        rescue.wait_exit()
    return disk
