# SPDX-License-Identifier: MIT
"""Networks that are more than a card and an address, and what else the rescue does without being asked."""
import os
import re

import pytest

from lib import disks, qemu
from lib.trunk import Trunk

CARD = "52-54-00-77-02-14"
PORTS = ["52:54:00:77:05:01", "52:54:00:77:05:02"]
LACP = ["52:54:00:77:05:03", "52:54:00:77:05:04"]


def shell(net, address, script, **kw):
    """A script for the busybox shell of a rescue that was started with rehost.shell=1."""
    return net.ssh(address, "shell", stdin=None, input=script, timeout=60, **kw)


@pytest.fixture
def announced():
    """A network whose router announces an IPv6 prefix."""
    with qemu.Net(dhcp=["--enable-ra", "--dhcp-range=2001:db8:78::,ra-only,64,2m"]) as net:
        disks.run(["ip", "-n", net.name, "address", "add", "2001:db8:78::1/64", "dev", "tgt0", "nodad"])
        yield net


def test_vlan_on_a_bond_and_static_ipv6(announced, folder):
    """
    Cards in one machine: SSH over IPv6 alone on the first, at a given address and at the one that the router's prefix makes; over
    a VLAN on a bond of the next; a bond of the last two.
    """
    net = announced
    disks.run(["ip", "-n", net.name, "address", "add", "2001:db8:77::1/64", "dev", "tgt0", "nodad"])
    append = (f"console=hvc0 rehost.shell=1 ip=[2001:db8:77::20]::[2001:db8:77::1]:64::{CARD}:none "
              f"bond=bond0:{','.join(PORTS)}:mode=active-backup,miimon=50,primary={PORTS[0]}:1450 vlan=bond0.5:bond0 "
              f"bond=lag:{','.join(LACP)}:mode=802.3ad,lacp_rate=fast,xmit_hash_policy=layer3+4 "
              "ip=10.77.5.20:::24::bond0.5:none")
    hvc = folder / "hvc.log"
    with Trunk(net, PORTS + LACP, 5, "vl5", "10.77.5.1/24") as trunk:
        extra = [*trunk.argv(), "-chardev", f"file,id=hvc,path={hvc}", "-device", "virtio-serial-pci",
                 "-device", "virtconsole,chardev=hvc"]
        with qemu.rescue(net, folder, None, append=append, extra=extra) as machine:
            machine.wait_banner(address="2001:db8:77::20")
            machine.wait_banner(60, address="2001:db8:78::5054:ff:fe77:214")
            machine.wait_banner(60, address="10.77.5.20")
            assert trunk.frames > 0
            state = shell(net, "10.77.5.20", "cat /proc/net/bonding/bond0 /sys/class/net/bond0*/mtu; "
                          "cat /run/rehost/log\n").stdout
            assert "Bonding Mode: fault-tolerance (active-backup)" in state
            assert "MII Polling Interval (ms): 50" in state
            assert all(f"Permanent HW addr: {mac}" in state for mac in PORTS)
            assert "Primary Slave: eth0" in state and "Currently Active Slave: eth0" in state
            assert "\n1450\n1450\n" in state
            lacp = shell(net, "10.77.5.20", "cat /proc/net/bonding/lag\n").stdout
            assert "IEEE 802.3ad Dynamic link aggregation" in lacp and "LACP rate: fast" in lacp
            assert "Transmit Hash Policy: layer3+4 (1)" in lacp and "MII Polling Interval (ms): 100" in lacp
            assert all(f"Permanent HW addr: {mac}" in lacp for mac in LACP)
            # Both consoles show both ways in.
            machine.wait_console("10.77.5.20/24", 30)
            for read in machine.console, hvc.read_text:
                text = read()
                assert "2001:db8:77::20" in text and "10.77.5.20/24" in text and "in bond0" in text
            # A cable is pulled: the other port takes over.
            machine.qmp("set_link", name="card0", up=False)
            assert net.ssh("10.77.5.20", "help", timeout=60).returncode == 0
            assert "Currently Active Slave: eth1" in shell(net, "10.77.5.20", "cat /proc/net/bonding/bond0\n").stdout


def seed_iso(folder, label, files):
    tree, iso = folder / f"tree-{label}", folder / f"{label}.iso"
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    disks.run(["xorriso", "-as", "mkisofs", "-quiet", "-V", label, "-J", "-R", "-o", iso, tree])
    return ["-drive", f"if=none,id=seed,file={iso},format=raw,media=cdrom,readonly=on", "-device", "ide-cd,drive=seed"]


def test_seed_and_a_worker_that_hangs(net, folder):
    """Keys and address from a CD; then the service is stopped, and the hardware watchdog resets the machine."""
    key = (disks.keys() / "operator.pub").read_text()
    mac = CARD.replace("-", ":")
    extra = seed_iso(folder, "cidata", {
        "meta-data": "instance-id: i-1\n",
        "user-data": f"#cloud-config\nssh_authorized_keys:\n  - {key}",
        "network-config": f"version: 2\nethernets:\n  lan:\n    match: {{macaddress: '{mac}'}}\n    addresses: [10.77.2.20/24]\n"
                          "    gateway4: 10.77.2.1\n    nameservers: {addresses: [10.77.2.1]}\n",
    })
    extra += ["-device", "i6300esb", "-action", "watchdog=reset"]
    with qemu.rescue(net, folder, None, append="rehost.seed=1 rehost.shell=1 rehost.watchdog=20", authorized_keys=None,
                     extra=extra) as machine:
        machine.wait_banner()
        for line in ("i6300ESB timer resets this machine when the rescue hangs for 20 s",
                     "Seed: NoCloud on sr0: network used, keys taken", "10.77.2.20/24"):
            machine.wait_console(line, 60)
        out = shell(net, qemu.TARGET, "ls /run/rehost; cat /etc/resolv.conf; route -n\n").stdout
        assert "password" not in out.split() and "nameserver 10.77.2.1" in out
        assert re.search(r"^0\.0\.0\.0 +10\.77\.2\.1 ", out, re.MULTILINE)
        # Healthy it stays, longer than the watchdog's time.
        with pytest.raises(TimeoutError):
            machine.wait_exit(25)
        # What a migration waits for came before the ciphers.
        log = shell(net, qemu.TARGET, "cat /run/rehost/log\n").stdout
        assert log.index("module sr_mod loaded") < log.index("devices have settled") < log.index("module crc32_pclmul loaded"), log
        shell(net, qemu.TARGET, "for p in /proc/[0-9]*; do grep -q '^PPid:[[:space:]]*1$' $p/status && "
              "tr '\\0' ' ' <$p/cmdline | grep -q '^rehost serve' && kill -STOP ${p#/proc/}; done\n", check=False)
        machine.wait_exit(90)


@pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="REHOST_LONG=1")
def test_config_drive_is_a_hint_only(net, folder):
    """OpenStack's drive as vfat on a disk: the network is used, the key is not, and the password still holds."""
    image, tree = folder / "config.img", folder / "openstack"
    (tree / "latest").mkdir(parents=True)
    (tree / "latest/meta_data.json").write_text('{"public_keys": {"k": "%s"}}' % (disks.keys() / "operator.pub").read_text().strip())
    (tree / "latest/network_data.json").write_text(
        '{"links": [{"id": "t", "type": "phy", "ethernet_mac_address": "%s"}], "networks": [{"link": "t", "type": "ipv4",'
        ' "ip_address": "10.77.2.20", "netmask": "255.255.255.0", "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0",'
        ' "gateway": "10.77.2.1"}]}]}' % CARD.replace("-", ":"))
    disks.run(["mkfs.vfat", "-C", "-n", "CONFIG-2", image, "8192"])
    disks.run(["mcopy", "-s", "-i", image, tree, "::"])
    extra = ["-drive", f"if=none,id=seed,file={image},format=raw,readonly=on", "-device", "virtio-blk-pci,drive=seed"]
    with qemu.rescue(net, folder, None, append="", authorized_keys=None, extra=extra) as machine:
        machine.wait_banner()
        console = machine.wait_console("1 key not taken", 60)
        assert "Seed: config drive on vda: network used" in console and "assword:" in console
        assert machine.ssh("help", check=False).returncode == 255
