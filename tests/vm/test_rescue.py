# SPDX-License-Identifier: MIT
"""The rescue itself: it boots, gets an address, lets the right people in, and says what is wrong."""
import contextlib
import json
import os
import re
import shlex
import subprocess
import time

import pytest

from lib import disks, qemu


@pytest.fixture(scope="module")
def running():
    """A rescue with a static address, a key and a target's disk, for the tests that only talk to it."""
    folder = disks.workdir("rescue-static")
    disk = disks.overlay(disks.disk("target"), folder / "target.qcow2")
    with qemu.Net() as net, qemu.rescue(net, folder, disk, memory=192, cpus=2) as machine:
        machine.banner = machine.wait_banner()[0]
        yield machine


def test_static_address_banner_and_console(running):
    assert running.banner.startswith("SSH-2.0-")
    console = running.wait_console("receive tar", 30)
    assert "10.77.2.20" in console
    assert re.search(r"SHA256:[A-Za-z0-9+/]{43}", console)
    assert "ssh root@10.77.2.20" in console


def test_help_lists_the_commands(running):
    out = running.ssh("help").stdout
    for command in "help status plan receive rewrite check switch rollback release identity log reboot".split():
        assert re.search(rf"\b{command}\b", out), command


def test_plan_and_identity_write_nothing_and_know_the_target(running):
    plan = running.ssh("plan").stdout
    assert "10.77.2.20" in plan and "/boot" in plan
    identity = running.ssh("identity --json").stdout
    assert "vps4711" in identity and "52:54:00:77:02:14" in identity


def test_unknown_commands_and_options_are_refused(running):
    for command in "frobnicate", "receive rsync", "status --frob", "sh -c id", "shell":
        done = running.ssh(command, check=False)
        assert done.returncode not in (0, 255), command
        assert "uid=0" not in done.stdout


def test_wrong_key_is_refused_and_the_right_one_still_works(running):
    done = running.ssh("status", key="stranger", check=False)
    assert done.returncode == 255
    assert "Permission denied" in done.stderr
    assert running.ssh("status").returncode == 0


def test_no_password_when_a_key_was_given(running):
    done = subprocess.run(
        running.net.inside(
            "sshpass", "-p", "root", *running.net.ssh_argv(qemu.TARGET, "status", key=None, options=[
                "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"])[4:],
        ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    assert done.returncode not in (0,)


def test_garbage_and_silence_on_the_port_hurt_nobody(running):
    """Eight silent connections from one address: some are refused, and whoever comes from elsewhere is served."""
    silent = [running.net.connect(qemu.TARGET, 22, 5) for _ in range(8)]
    try:
        with running.net.connect(qemu.TARGET, 22, 5) as s, contextlib.suppress(OSError):
            s.settimeout(5)
            s.sendall(b"GET / HTTP/1.0\r\n\r\n" + bytes(range(256)) * 64)
            s.recv(4096)
        argv = running.net.ssh_argv(qemu.TARGET, "help", options=["-o", "BindAddress=10.77.1.1"])
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=120)
        assert done.returncode == 0
        assert "receive" in done.stdout
    finally:
        for s in silent:
            s.close()
    assert running.ssh("help").returncode == 0


def test_not_a_tar_is_refused(running):
    done = running.net.ssh(qemu.TARGET, "receive tar", input="this is no tar\n" * 1000, stdin=None, check=False)
    assert done.returncode not in (0, 3, 255)
    assert "tar" in done.stderr


def test_a_stock_rsync_is_received(running, tmp_path):
    """In the rescue itself: its own bundle, kernel and RAM. tests/interop/test_rsync.py looks closer."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text("by rsync\n")
    os.link(tmp_path / "etc/hostname", tmp_path / "linked")
    remote = shlex.join(map(str, running.net.ssh_argv(qemu.TARGET)[:-1]))
    argv = ["rsync", "-aHAXx", "--numeric-ids", "--delete", "-e", remote, f"{tmp_path}/", f"root@{qemu.TARGET}:/"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0 and "the stage is complete" in done.stdout, done
    assert json.loads(running.ssh("status --json").stdout)["state"] == "staged"
    running.ssh("rollback --discard")


def test_dhcp_and_password_on_the_console(folder):
    disk = disks.overlay(disks.disk("target"), folder / "target.qcow2")
    address = "10.77.2.100"
    with qemu.Net(dhcp=True) as net, qemu.rescue(net, folder, disk, append="ip=dhcp", authorized_keys=None) as machine:
        machine.wait_banner(address=address)
        console = machine.wait_console("assword", 30)
        password = re.search(r"assword[^:\n]*:\s*(\S+)", console)[1]
        assert len(password) >= 16

        def login(word):
            return subprocess.run(
                ["sshpass", "-p", word, *net.ssh_argv(address, "status", key=None, options=[
                    "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"])],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
            )

        assert login("wrong" + password).returncode != 0
        good = login(password)
        assert good.returncode == 0, good.stderr
        # The lease is two minutes: it must be renewed for the address to be there after that.
        time.sleep(130)
        assert login(password).returncode == 0


def test_key_from_the_kernel_command_line(net, folder):
    key = (disks.keys() / "operator.pub").read_text().strip()
    disk = disks.overlay(disks.disk("target-single"), folder / "target.qcow2")
    watcher = (disks.keys() / "stranger.pub").read_text().strip()
    append = f'{qemu.TARGET_IP_ARGUMENT} rehost.key="{key}" rehost.observer_key="{watcher}"'
    with qemu.rescue(net, folder, disk, append=append, authorized_keys=None, bus="sata") as machine:
        machine.wait_banner()
        assert machine.ssh("plan").returncode == 0
        assert "assword:" not in machine.console()
        # A second operator, who may look and not write.
        assert machine.ssh("status", key="stranger").stdout.startswith("state       none:")
        for command in "receive tar", "rollback --discard", "reboot":
            refused = machine.ssh(command, key="stranger", check=False)
            assert refused.returncode == 2 and "may look, not write" in refused.stderr, refused


def test_no_disk_and_no_network_are_said(net, folder):
    with qemu.rescue(net, folder, None, append="ip=dhcp") as machine:
        console = machine.wait_console("DHCP", 120)
        assert machine.running()
    with qemu.rescue(net, folder, None, name="no-disk") as machine:
        machine.wait_banner()
        done = machine.ssh("plan", check=False)
        assert done.returncode not in (0, 255)
        assert "disk" in done.stderr
        assert machine.ssh("help").returncode == 0


def test_two_roots_are_not_guessed(net, folder):
    disk = disks.overlay(disks.disk("target"), folder / "target.qcow2")
    other = disks.overlay(disks.disk("target-single"), folder / "other.qcow2")
    extra = ["-drive", f"if=none,id=second,file={other},format=qcow2,cache=unsafe", "-device", "virtio-blk-pci,drive=second"]
    with qemu.rescue(net, folder, disk, extra=extra) as machine:
        machine.wait_banner()
        done = machine.ssh("plan", check=False)
        assert done.returncode not in (0, 255)
        assert "root=" in done.stderr


def test_what_was_typed_wrong_locks_nobody_out(net, folder):
    """A key that was cut off and a port that is none: the password is there instead, on the usual port."""
    key = (disks.keys() / "operator.pub").read_text().split()[1][:40]
    append = f'{qemu.TARGET_IP_ARGUMENT} rehost.key="ssh-ed25519 {key}" rehost.listen=ssh'
    with qemu.rescue(net, folder, None, append=append, authorized_keys=None) as machine:
        machine.wait_banner()
        console = machine.wait_console("assword:", 30)
        assert "RH-INIT-08" in machine.wait_console("RH-INIT-08", 30)
        password = re.search(r"assword:\s*(\S+)", console)[1]
        # The answer to reboot arrives before the connection goes.
        done = subprocess.run(
            ["sshpass", "-p", password, *net.ssh_argv(qemu.TARGET, "reboot", key=None, options=[
                "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"])],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
        )
        assert done.returncode == 0 and "rebooting" in done.stdout, done.stderr
        machine.wait_exit(60)
