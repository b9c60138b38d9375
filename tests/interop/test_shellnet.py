# SPDX-License-Identifier: MIT
"""What rehost writes for netctl and dhcpcd is run by those programs, in a network namespace, and gives what was meant."""
import json
import pathlib
import shutil
import subprocess

import pytest

from test_clone import root_tar
from test_ifupdown import FEATURES, REHOST, WRITER, check_link, check_rules, find_route, one_default

REPO = pathlib.Path(__file__).resolve().parents[2]
BRIDGES = 32768
SHOW = """
ip -j addr show
ip -j -d route show table all
ip -j -6 -d route show table all
ip -j rule show
ip -j -6 rule show
"""
SETUP = """
set -e
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs none /run
ip link set lo up
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
for card in $CARDS; do
    ip link add name "$card" type veth peer name "p-$card"
    ip link set "p-$card" up
done
"""
# systemd-notify has nobody to tell here, and there is no resolv.conf to be kept
NETCTL = SETUP + """
for profile in $PROFILES; do
    PATH=/stubs:$PATH /usr/lib/netctl/network start "$profile" >>/run/log 2>&1 || { cat /run/log >&2; exit 1; }
done
""" + SHOW
DHCPCD = SETUP + """
mkdir -p /run/dhcpcd /var/lib/dhcpcd
dhcpcd --nodev --nobackground --script /bin/true >/run/log 2>&1 &
pid=$!
for i in $(seq 40); do
    sleep 0.5
    [ "$(ip -o addr show scope global | wc -l)" -ge "$ADDRESSES" ] && [ -z "$(ip -o -6 addr show tentative)" ] && break
done
sleep 1
""" + SHOW + """
kill $pid
"""


def unpack(package, into):
    """From its package, unpacked: installing it would take over this machine's network."""
    cache = REPO / "build/packages"
    cache.mkdir(parents=True, exist_ok=True)
    if not list(cache.glob(f"{package}_*.deb")):
        got = subprocess.run(["apt-get", "download", "-q", package], cwd=cache, capture_output=True, text=True)
        assert got.returncode == 0, got.stderr
    subprocess.run(["dpkg", "-x", sorted(cache.glob(f"{package}_*.deb"))[-1], into], check=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shellnet") / "root"
    folder.mkdir()
    subprocess.run(["tar", "xf", root_tar(), "-C", folder, "--exclude=./dev", "--exclude=./boot",
                    "--exclude=./usr/share", "--exclude=./var/lib/apt"], check=True)
    (folder / "dev").mkdir()
    subprocess.run(["mknod", folder / "dev/null", "c", "1", "3"], check=True)
    (folder / "dev/null").chmod(0o666)
    # where /lib and /sbin are links, dpkg -x would replace them
    for package in ("netctl", "dhcpcd-base"):
        unpack(package, folder / "unpacked")
    subprocess.run("cp -a unpacked/usr/. usr/; cp -a unpacked/lib/. lib/; cp -a unpacked/sbin/. sbin/ 2>/dev/null; "
                   "cp -a unpacked/etc/. etc/; rm -r unpacked; mkdir -p stubs", shell=True, cwd=folder, check=True)
    for stub in ("systemd-notify", "resolvconf"):
        (folder / "stubs" / stub).write_text("#!/bin/sh\ncat >/dev/null </dev/null\n")
        (folder / "stubs" / stub).chmod(0o755)
    (folder / "stubs/sysctl").write_text(
        '#!/bin/sh\nfor word; do case $word in *=*) path=$(echo "${word%%=*}" | tr . /)\n'
        'echo "${word#*=}" >"/proc/sys/$path";; esac; done\n')
    (folder / "stubs/sysctl").chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def write(stack, tmp_path, seed, features):
    done = subprocess.run([WRITER, stack, tmp_path, str(seed), str(features)], capture_output=True, text=True, check=True)
    out = subprocess.run([REHOST, "inspect", "--json", tmp_path], capture_output=True, text=True, check=True)
    net = json.loads(out.stdout)["network"]
    assert net["stack"] == stack and net["notes"] == []
    return done.stdout.splitlines(), net["links"]


def bring_up(root, script, links, **env):
    cards = [link["name"] for link in links if link["kind"] == "card"]
    done = subprocess.run(["unshare", "-n", "-m", "-p", "-f", "--kill-child", "--propagation", "private", "chroot", root,
                           "sh", "-c", script],
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CARDS": " ".join(cards), **env},
                          capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]


@pytest.mark.parametrize("seed", (0, 1, 3, 5, 8, 9))
def test_netctl_does_what_was_meant(root, tmp_path, seed):
    losses, links = write("netctl", tmp_path, seed, FEATURES | BRIDGES)
    assert losses == []
    links.sort(key=lambda link: ("card", "bridge").index(link["kind"]))
    if not one_default(links):
        links = [link for link in links if link["kind"] == "card"][-1:]
    shutil.rmtree(root / "etc/netctl")
    shutil.copytree(tmp_path / "etc/netctl", root / "etc/netctl")
    (root / "etc/netctl/hooks").mkdir()
    profiles = [f"rehost_{link['name']}" for link in links if (tmp_path / f"etc/netctl/rehost_{link['name']}").exists()]
    addrs, routes4, routes6, rules4, rules6 = bring_up(root, NETCTL, links, PROFILES=" ".join(profiles))
    shown = {a["ifname"]: a for a in addrs}
    for link in links:
        check_link(link, shown[link["name"]], routes4 + routes6)
        check_rules(link, rules4 + rules6)
        for port in link["ports"]:
            assert shown[port]["master"] == link["name"]


def test_dhcpcd_does_what_was_meant(root, tmp_path):
    """On-link gateways, routes, name servers, MTU. What it cannot say was said, and is no part of what is read again."""
    for seed in range(20):
        losses, links = write("dhcpcd", tmp_path, seed, 2 | 64 | 4096 | 8192)
        if one_default(links) and any(link["routes"] for link in links) and any(link["mtu"] for link in links):
            break
    assert losses
    shutil.copy(tmp_path / "etc/dhcpcd.conf", root / "etc/dhcpcd.conf")
    addresses = sum(len(link["addresses"]) for link in links)
    addrs, routes4, _, _, _ = bring_up(root, DHCPCD, links, ADDRESSES=str(addresses))
    shown = {a["ifname"]: a for a in addrs}
    for link in links:
        # the metrics are dhcpcd's own; the MTU is that of its routes
        link["routes"] = [dict(r, metric=0) for r in link["routes"]]
        mtu, link["mtu"] = link["mtu"], 0
        check_link(link, shown[link["name"]], routes4)
        assert not mtu or not link["gateway4"] or \
            find_route(routes4, link["name"], "0.0.0.0/0")[0]["metrics"][0]["mtu"] == mtu
