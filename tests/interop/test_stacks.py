# SPDX-License-Identifier: MIT
"""What is written for a network stack, brought up by that stack's own program on cards of a network namespace."""
import json
import pathlib
import subprocess

import pytest

DRIVER = "build/bin/stack_driver"

INTERFACES = """\
auto wan0
iface wan0 inet static
 address 203.0.113.10/32
 gateway 203.0.113.1
 mtu 1450
iface wan0 inet static
 address 203.0.113.77/32
iface wan0 inet6 static
 address 2001:db8:1::10/64
 gateway fe80::1
auto lan0
iface lan0 inet static
 address 10.5.0.1/24
 up ip route add 10.6.0.0/16 via 10.5.0.2 metric 70 dev $IFACE
auto br0
iface br0 inet static
 address 10.7.0.1/24
 bridge_ports port0
 bridge_stp off
"""

SETUP = """\
set -e
mount -t sysfs -o ro sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp /run/dbus
chown -R systemd-network /run/systemd/netif
ip link set lo up
for n in wan lan port; do
	ip link add ${n}0 type veth peer name far-$n
	ip link set far-$n up
done
# 20 s at most
wait_for_it() {
	for i in $(seq 40); do
		sleep 0.5
		[ -n "$(ip -4 route show default)" ] && [ -n "$(ip -6 route show default)" ] &&
			[ -n "$(ip route show 10.6.0.0/16)" ] &&
			[ -n "$(ip -4 -o addr show dev br0 2>/dev/null)" ] &&
			[ -z "$(ip -o -6 addr show tentative)" ] && break
	done
}
show() {
	printf '{"addr": '; ip -j addr show; printf ', "route": '; ip -j route show
	printf ', "route6": '; ip -j -6 route show; printf '}'
}
"""

NETWORKD = SETUP + """\
mount -t tmpfs tmpfs /usr/lib/systemd/network
mount --bind "$1/etc/systemd/network" /etc/systemd/network
/usr/lib/systemd/systemd-networkd >"$1/log" 2>&1 &
pid=$!
wait_for_it
show
kill $pid
"""

NETWORKMANAGER = SETUP + """\
mount -t tmpfs tmpfs /etc/NetworkManager
mount -t tmpfs tmpfs /var/lib/NetworkManager
cp -a "$1/etc/NetworkManager/system-connections" /etc/NetworkManager/
printf '[main]\\nplugins=keyfile\\ndns=none\\nno-auto-default=*\\n' >/etc/NetworkManager/NetworkManager.conf
dbus-daemon --system --fork --nopidfile --address=unix:path=/run/dbus/system_bus_socket \\
	--print-pid >/run/dbus.pid
NetworkManager -n >"$1/log" 2>&1 &
pid=$!
wait_for_it
show
kill $pid $(cat /run/dbus.pid)
"""


def bring_up(tmp_path, stack, script):
    source, out = tmp_path / "in", tmp_path / "out"
    (source / "etc/network").mkdir(parents=True)
    out.mkdir()
    (source / "etc/network/interfaces").write_text(INTERFACES)
    subprocess.run([DRIVER, source, stack, out], check=True)
    # its own processes end with the namespace
    done = subprocess.run(["unshare", "-n", "-m", "-p", "-f", "--kill-child", "bash", "-c", script, "peer", out],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + (out / "log").read_text()
    return json.loads(done.stdout)


@pytest.mark.parametrize("stack, script", [("systemd-networkd", NETWORKD), ("NetworkManager", NETWORKMANAGER)])
def test_stack_brings_up_the_model(tmp_path, stack, script):
    seen = bring_up(tmp_path, stack, script)
    links = {link["ifname"]: link for link in seen["addr"]}

    def addresses(name):
        return sorted(f"{a['local']}/{a['prefixlen']}" for a in links[name]["addr_info"] if a["scope"] == "global")

    assert addresses("wan0") == ["2001:db8:1::10/64", "203.0.113.10/32", "203.0.113.77/32"]
    assert addresses("lan0") == ["10.5.0.1/24"]
    assert addresses("br0") == ["10.7.0.1/24"]
    assert addresses("port0") == []
    assert links["port0"]["master"] == "br0"
    assert links["wan0"]["mtu"] == 1450
    # default routes through the gateway outside every prefix, and nothing beside them
    assert [(r["gateway"], r["dev"]) for r in seen["route"] if r["dst"] == "default"] == [("203.0.113.1", "wan0")]
    assert [(r["gateway"], r["dev"]) for r in seen["route6"] if r["dst"] == "default"] == [("fe80::1", "wan0")]
    route = next(r for r in seen["route"] if r["dst"] == "10.6.0.0/16")
    assert (route["gateway"], route["dev"], route["metric"]) == ("10.5.0.2", "lan0", 70)


def test_profiles_are_roots_alone(tmp_path):
    """NetworkManager ignores what others may read."""
    source = tmp_path / "in"
    (source / "etc/network").mkdir(parents=True)
    (source / "etc/network/interfaces").write_text(INTERFACES)
    subprocess.run([DRIVER, source, "NetworkManager", tmp_path], check=True)
    modes = {p.stat().st_mode & 0o777 for p in
             pathlib.Path(tmp_path, "etc/NetworkManager/system-connections").iterdir()}
    assert modes == {0o600}
