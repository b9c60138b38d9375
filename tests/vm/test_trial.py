# SPDX-License-Identifier: MIT
"""A clone that nobody can confirm: the rescue is back by itself, says why, and the old system is one command away."""
import json
import subprocess
import time

from lib import disks, migration, qemu

MINUTES = 2


def shell(net, script):
    """Runs a script in the rescue's shell, which the options allow."""
    done = subprocess.run(
        net.ssh_argv(qemu.TARGET, "shell"), input=script, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=60,
    )
    assert done.returncode == 0, done
    return done.stdout


def test_a_clone_at_a_wrong_address_gives_way_to_the_rescue(net, folder, staged):
    disk = disks.overlay(staged, folder / "target.qcow2")
    options = f"shell=1\ntrial_minutes={MINUTES}\n"
    with qemu.rescue(net, folder, disk, full=True, options=options) as machine:
        machine.wait_banner()
        said = migration.rescue_command(net, "switch").stdout
        assert f"a trial of {MINUTES} minutes" in said and "rehost confirm" in said
        # like a network configuration that was rewritten wrongly
        shell(net, "busybox sed -i 's/10[.]77[.]2[.]20/10.77.2.77/' $(busybox find /run/rehost/fs/0/etc/network -type f)\n")
        said = migration.rescue_command(net, "reboot", check=False).stdout
        assert "for a trial" in said
        machine.wait_exit()
    started = time.monotonic()
    with qemu.Machine(net, "target", folder, disk=disk, name="trial") as machine:
        machine.wait_exit(MINUTES * 60 + 300)  # nothing is typed: the clone restarts itself
    ran = time.monotonic() - started
    with qemu.Machine(net, "target", folder, disk=disk, name="back") as machine:
        machine.wait_banner(300)
        now = json.loads(migration.rescue_command(net, "status --json").stdout)
        assert (now["state"], now["loader"]["selected"], now["place"]) == ("trial", "rescue", "rescue")
        assert now["next_boot"] == "starts the rescue" and now["trial"]["log"]
        assert MINUTES * 60 - 15 <= now["trial"]["seconds"] <= ran
        text = migration.rescue_command(net, "status").stdout
        assert "10.77.2.77" in text and "nobody confirmed" in text and now["nonce"] in text
        machine.wait_console("nobody confirmed", 60)
        assert "rehost-guard" in migration.rescue_command(net, "log --trial").stdout
        said = migration.rescue_command(net, "rollback").stdout
        assert "the clone ran for" in said
        assert "starts the old system" in migration.rescue_command(net, "reboot", check=False).stdout
        machine.wait_exit()
    with qemu.Machine(net, "target", folder, disk=disk, name="old") as machine:
        machine.wait_banner(300)
        assert machine.ssh("hostname; cat /root/old-data").stdout.split() == ["vps4711", "precious"]
