# SPDX-License-Identifier: MIT
"""Clones that nobody can confirm: the rescue is back by itself, says why, and the old system is one command away."""
from lib import disks, migration, qemu, trial

WRONG = "10.77.2.77"


def test_a_kernel_panic_and_a_wrong_address_give_way_to_the_rescue(net, folder, staged):
    disk = disks.overlay(staged, folder / "target.qcow2")
    with qemu.rescue(net, folder, disk, full=True, options=trial.OPTIONS) as machine:
        machine.wait_banner()
        assert "the rescue is back within 9 minutes" in " ".join(migration.rescue_command(net, "plan").stdout.split())
        said = migration.rescue_command(net, "switch").stdout
        assert f"a trial of {trial.MINUTES} minutes" in said and "rehost confirm" in said
        assert "back within 9 minutes" in said
        nonce = trial.status(net)["nonce"]
        # an init that ends: the kernel panics long before the guard
        trial.shell(net, "busybox rm $C/usr/sbin/init; printf '#!/bin/sh\\nexit 1\\n' >$C/usr/sbin/init\n"
                         "busybox chmod 755 $C/usr/sbin/init")
        told = trial.begin(net, machine)
    assert told == 9
    with trial.failing(net, folder, disk, told, nonce, "panic") as (machine, now, _):
        assert "Kernel panic" in (folder / "panic.log").read_text(errors="replace")
        assert not now["trial"]["log"] and now["trial"]["seconds"] == -1
        text = migration.rescue_command(net, "status").stdout
        assert "none was written" in text and "did not come as far as its guard" in text
        done = migration.rescue_command(net, "log --trial", check=False)
        assert done.returncode and "no clone has left a log" in done.stderr
        # the second attempt: init is there again, and a network configuration that was rewritten wrongly
        trial.shell(net, "busybox rm $C/usr/sbin/init; busybox ln -s /lib/systemd/systemd $C/usr/sbin/init\n"
                         f"busybox sed -i 's/10[.]77[.]2[.]20/{WRONG}/' $(busybox find $C/etc/network -type f)")
        told = trial.begin(net, machine)
    with trial.failing(net, folder, disk, told, nonce, "address", address=WRONG) as (machine, now, attempts):
        # reached, but not at the address that is this machine's
        assert any("RH-JOB-60" in said for said in attempts.said), attempts.said
        assert now["trial"]["log"] and now["trial"]["trials"] == 2
        assert trial.MINUTES * 60 - 15 <= now["trial"]["seconds"]
        text = migration.rescue_command(net, "status").stdout
        assert WRONG in text and "nobody confirmed" in text and nonce in text
        machine.wait_console("nobody confirmed", 60)
        assert "rehost-guard" in migration.rescue_command(net, "log --trial").stdout
        assert "the clone ran for" in trial.roll_back(net, machine, (folder, disk))
