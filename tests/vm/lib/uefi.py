# SPDX-License-Identifier: MIT
"""What the tests do to a UEFI machine's firmware from inside the rescue, by tests/interop/loader_driver.c."""
import subprocess

from . import disks, qemu
from .cpio import Cpio


def shell(net, script):
    """Runs a script in the rescue's shell, which the options allow."""
    done = subprocess.run(net.ssh_argv(qemu.TARGET, "shell"), input=script, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=180)
    assert done.returncode == 0, done
    return done.stdout


def rescue_with_driver(net, folder, disk, options="shell=1\n", **kw):
    """The rescue with /driver in it and a shell; kw goes to qemu.rescue()."""
    machine = qemu.rescue(net, folder, disk, full=True, options=options, **kw)
    disks.run(["strip", "-o", folder / "driver", disks.REPO / "build/bin/loader_driver"])
    cpio = Cpio()
    cpio.add("driver", (folder / "driver").read_bytes(), 0o755)
    with open(machine.initrd, "ab") as f:
        f.write(cpio.data())
    return machine


def make_old_entry(net):
    """The old system's boot entry, as Debian's installer makes one: the firmware's variables were empty."""
    shell(net, "/driver entry '\\EFI\\debian\\shimx64.efi'\n")
