# SPDX-License-Identifier: MIT
"""Shared machines and disks. Every test has its own network, overlay and folder; only read-only disks are shared."""
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
from lib import disks, migration, qemu, trial  # noqa: E402


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
    a qcow2 to put overlays on. Made once for each build of the rescue, shared by all workers.
    """

    def make(disk, folder):
        with qemu.Net() as net, qemu.rescue(net, folder, disk) as rescue:
            rescue.wait_banner()
            with open(stream, "rb") as tar:
                done = net.ssh(qemu.TARGET, "receive tar", stdin=tar, timeout=900, check=False)
            assert done.returncode == 0, done
            for command in "rewrite", "check":
                migration.rescue_command(net, command, timeout=900)
            migration.rescue_command(net, "reboot", check=False)
            rescue.wait_exit()

    return disks.prepared("staged", disks.disk("target"), [qemu.RESCUE / "initrd", stream.name], make)


@pytest.fixture(scope="session")
def switched(staged):
    """A target's disk after the switch: the next boot is the planted rescue. As a qcow2 to put overlays on."""

    def make(disk, folder):
        with qemu.Net() as net, qemu.rescue(net, folder, disk, full=True, options=trial.OPTIONS) as rescue:
            rescue.wait_banner()
            migration.rescue_command(net, "switch")
            rescue.qmp("quit")  # the switch has brought everything to the disk
            rescue.wait_exit()

    return disks.prepared("switched", staged, [qemu.RESCUE / "initrd-full"], make)


@pytest.fixture(scope="session")
def staged_uefi():
    """As staged, on a target that starts by UEFI."""
    stream = disks.source_tar("source-uefi")

    def make(disk, folder):
        with qemu.Net() as net, qemu.rescue(net, folder, disk, uefi=folder / "variables.fd") as rescue:
            rescue.wait_banner()
            with open(stream, "rb") as tar:
                done = net.ssh(qemu.TARGET, "receive tar", stdin=tar, timeout=900, check=False)
            assert done.returncode == 0, done
            assert "grub files" in migration.rescue_command(net, "rewrite", timeout=900).stdout
            migration.rescue_command(net, "check")
            migration.rescue_command(net, "reboot", check=False)
            rescue.wait_exit()

    return disks.prepared("staged-uefi", disks.disk("target-uefi"), [qemu.RESCUE / "initrd", stream.name], make)


def pytest_collection_modifyitems(items):
    """Long ones first; the tests that share a running rescue stay together (make check-vm runs two workers)."""
    for item in items:
        if "running" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("rescue"))
    order = ["test_migration.py", "test_rescue.py", "test_faults.py"]
    items.sort(key=lambda item: order.index(item.path.name) if item.path.name in order else 0)
