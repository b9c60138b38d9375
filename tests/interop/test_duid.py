# SPDX-License-Identifier: MIT
"""The DHCPv6 identity that dhclient kept on the target, asked with by the real systemd-networkd of the clone."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOTS = HERE.parent / "fixtures" / "roots"
CASE = ROOTS / "bookworm-move-static-to-dhcp"
REHOST = HERE.parent.parent / "build" / "rehost"
NETWORKD = "/lib/systemd/systemd-networkd"
CONF = "etc/systemd/networkd.conf.d/10-rehost-duid.conf"

ASK = r"""
mount --make-rprivate / && mount -t sysfs -o ro s /sys && mount -t tmpfs t /run || exit 3
mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp /run/systemd/network /run/systemd/networkd.conf.d
chown -R systemd-network /run/systemd/netif
mount -t tmpfs t /etc/systemd/network
cp "$1" /run/systemd/networkd.conf.d/
printf '[Match]\nName=v0\n[Network]\nDHCP=ipv6\nIPv6AcceptRA=no\n[DHCPv6]\nWithoutRA=solicit\n' > /etc/systemd/network/10.network
ip link set lo up; ip link add v0 type veth peer name v1; ip link set v1 up
timeout 15 python3 -c "$2" &
server=$!
SYSTEMD_LOG_TARGET=console timeout 15 /lib/systemd/systemd-networkd >&2 &
client=$!
wait $server
kill $client
wait $client
"""

SERVER = r"""
import socket, struct
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 547))
member = socket.inet_pton(socket.AF_INET6, "ff02::1:2") + struct.pack("@I", socket.if_nametoindex("v1"))
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
data = s.recvfrom(2000)[0][4:]
while data:
    option, length = struct.unpack(">HH", data[:4])
    if option == 1:
        print(data[4:4 + length].hex(":"))
    data = data[4 + length:]
"""


def put(root, name, text):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.skipif(not os.path.exists(NETWORKD) or os.geteuid() != 0, reason="needs root and systemd-networkd")
def test_networkd_asks_with_the_targets_duid(tmp_path):
    tree, target = tmp_path / "tree", tmp_path / "target"
    shutil.copytree(ROOTS / "base-bookworm", tree, symlinks=True)
    shutil.copytree(CASE / "in", tree, symlinks=True, dirs_exist_ok=True)
    shutil.copytree(CASE / "target", target, symlinks=True)
    wants = tree / "etc/systemd/system/multi-user.target.wants"
    (wants / "networking.service").unlink()
    put(wants, "systemd-networkd.service", "")
    put(tree, "etc/network/interfaces", "auto lo\niface lo inet loopback\n")
    put(tree, "etc/systemd/network/20-wan.network", "[Match]\nName=ens9\n[Network]\nDHCP=yes\n")
    put(target, "etc/network/interfaces", "auto enp1s0\niface enp1s0 inet dhcp\niface enp1s0 inet6 dhcp\n")
    put(target, "var/lib/dhcp/dhclient6.enp1s0.leases",
        'default-duid "\\000\\001\\000\\001.\\231a\\"RT\\000\\0224V";\nlease6 {\n}\n')
    r = subprocess.run([REHOST, "rewrite", "--root", tree, "--facts", CASE / "facts.json", "--target-files", target],
                       capture_output=True, text=True)
    assert r.returncode in (0, 3), r.stdout + r.stderr
    why = {f["path"]: f["why"] for f in json.loads((tree / "var/lib/rehost/report.json").read_text())["files"]}
    assert "DHCPv6 identity" in why["/" + CONF]
    r = subprocess.run(["unshare", "-nm", "bash", "-c", ASK, "ask", tree / CONF, SERVER], capture_output=True, text=True,
                       timeout=60)
    assert r.stdout == "00:01:00:01:2e:99:61:22:52:54:00:12:34:56\n", r.stdout + r.stderr
