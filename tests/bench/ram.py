# SPDX-License-Identifier: MIT
"""The least memory in which a migration completes: the stream of a real Debian server goes into a rescue that carries the
private loader, is rewritten with the clone's own tools, checked, switched to and started; the power fails, and the planted rescue, in
as little memory, starts it again. It is confirmed and released. The clone itself gets 512 MiB."""
import contextlib
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vm"))
from lib import disks, migration, qemu  # noqa: E402

# MiB, tried upward. The first is the aim.
SIZES = {"cloud": (160, 176, 192, 224, 256), "universal": (256, 288, 320, 384)}


def run(profile, memory):
    """One migration. Raises with the console when it does not complete. Returns its phases."""
    folder = disks.workdir(f"ram-{profile}-{memory}")
    disk = disks.overlay(disks.disk("target"), folder / "target.qcow2")
    stream = disks.source_tar()
    phases = migration.Phases(quiet=True)
    with qemu.Net() as net, contextlib.ExitStack() as stack:
        with phases("boot"):
            rescue = stack.enter_context(qemu.rescue(
                net, folder, disk, memory=memory, full=True, profile=profile, options="shell=1\n"))
            rescue.wait_banner(300)
        try:
            with phases("receive tar"), open(stream, "rb") as tar:
                done = net.ssh(qemu.TARGET, "receive tar", stdin=tar, timeout=1200, check=False)
                if done.returncode not in (0, 3):
                    raise RuntimeError(f"receive tar: exit {done.returncode}\n{done.stderr[-2000:]}")
            for command in "rewrite", "check", "switch":
                with phases(command):
                    migration.rescue_command(net, command, timeout=1200)
            with phases("reboot"), migration.reboot_into_disk(net, rescue, folder) as clone:
                clone.kill()
            rescue = stack.enter_context(qemu.Machine(net, "target", folder, disk=disk, memory=memory, name="planted"))
            with phases("planted rescue"):
                rescue.wait_banner(300)
                now = json.loads(migration.rescue_command(net, "status --json").stdout)
                if (now["state"], now["place"]) != ("trial", "rescue"):
                    raise RuntimeError(f"after the power cut: {now}")
            with phases("reboot again, confirm, release"), migration.reboot_into_disk(net, rescue, folder, name="again") as clone:
                for command in "confirm " + now["nonce"], "release":
                    clone.ssh(f"/var/lib/rehost/rehost {command}")
        except Exception as e:
            raise RuntimeError(f"{e}\n{rescue.console()[-3000:]}") from e
    return phases


def least(profile):
    """MiB of the first size that is enough; None when none is."""
    for memory in SIZES[profile]:
        start = time.monotonic()
        try:
            phases = run(profile, memory)
        except (RuntimeError, TimeoutError, OSError) as e:
            print(f"ram: {profile}: {memory} MiB is not enough: {e}", flush=True)
            continue
        print(f"ram: {profile}: {memory} MiB is enough, {time.monotonic() - start:.0f} s\n{phases.table()}", flush=True)
        return memory
    return None


if __name__ == "__main__":
    print(run(sys.argv[1], int(sys.argv[2])).table())
