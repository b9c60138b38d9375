# SPDX-License-Identifier: MIT
"""Images on loop devices, their partitions known to the kernel.

The kernel may not scan tables of loop devices by itself, so partx tells it. A device that was given back while something
still held a partition keeps that partition, and gives it to whoever gets the device next: attach() waits until it is gone.
"""
import os
import pathlib
import subprocess
import time

PATIENCE = 20  # seconds; what holds a partition is a mount namespace being taken down


def _run(*argv, check=True):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert not check or done.returncode == 0, (argv, done.stdout, done.stderr)
    return done


def _sysfs(loop):
    return pathlib.Path("/sys/block") / os.path.basename(loop)


def _wait(is_done, what):
    end = time.monotonic() + PATIENCE
    while not is_done():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def _drop_partitions(loop):
    def gone():
        if not list(_sysfs(loop).glob("*/partition")):
            return True
        _run("partx", "-d", loop, check=False)
        return not list(_sysfs(loop).glob("*/partition"))

    _wait(gone, f"partitions of {loop} stay busy")


def _backing(loop):
    try:
        return (_sysfs(loop) / "loop/backing_file").read_text().rstrip("\n")
    except OSError:
        return None


def attach(image, *options, table=True):
    """The device the image is on now, with its partitions. table: there must be a partition table in it."""
    loop = _run("losetup", "-f", "--show", *options, image).stdout.strip()
    try:
        _drop_partitions(loop)
        _run("partx", "-a", loop, check=table)
    except BaseException:
        _run("losetup", "-d", loop, check=False)
        raise
    return loop


def detach(loop, image):
    """Gives the device back, once nothing holds its partitions. Not ours any more: nothing."""
    image = os.path.realpath(image)
    if _backing(loop) != image:
        return
    _drop_partitions(loop)
    _run("losetup", "-d", loop)
    _wait(lambda: _backing(loop) != image, f"{loop} stays attached")
