# SPDX-License-Identifier: MIT
"""What rehost writes for ifupdown is run by Debian's own ifup, in a network namespace, and gives what was meant."""
import ipaddress
import json
import pathlib
import shutil
import subprocess

import pytest

from test_clone import root_tar

REPO = pathlib.Path(__file__).resolve().parents[2]
WRITER = REPO / "build/bin/model_writer"
REHOST = REPO / "build/rehost"

# net_models.h: on-link gateways, routes, tables, types, mtu of routes, rules, marks, DNS, MTU, peers, set addresses.
FEATURES = 2 | 64 | 128 | 256 | 512 | 1024 | 2048 | 4096 | 8192 | 131072 | 262144
SEEDS = range(8)

# Cards are veth pairs. ip prints JSON lists, one a line.
SCRIPT = """
set -e
mount -t proc proc /proc
mount -t tmpfs none /run
ip link set lo up
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
for card in $CARDS; do
    ip link add "$card" type veth peer name "p-$card"
    ip link set "p-$card" up
done
ifup -a >/run/log 2>&1 || { cat /run/log >&2; exit 1; }
ip -j addr show
ip -j -d route show table all
ip -j -6 -d route show table all
ip -j rule show
ip -j -6 rule show
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ifupdown") / "root"
    folder.mkdir()
    subprocess.run(["tar", "xf", root_tar(), "-C", folder, "--exclude=./dev", "--exclude=./boot",
                    "--exclude=./usr/share", "--exclude=./var/lib/apt"], check=True)
    (folder / "dev").mkdir()
    subprocess.run(["mknod", folder / "dev/null", "c", "1", "3"], check=True)
    (folder / "dev/null").chmod(0o666)
    yield folder
    shutil.rmtree(folder)


def inspect(folder):
    out = subprocess.run([REHOST, "inspect", "--json", folder], capture_output=True, text=True, check=True)
    net = json.loads(out.stdout)["network"]
    assert net["stack"] == "ifupdown" and net["notes"] == []
    return net["links"]


def bring_up(root, cards):
    done = subprocess.run(["unshare", "-n", "-m", "--propagation", "private", "chroot", root, "sh", "-c", SCRIPT],
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CARDS": " ".join(cards)},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]


def same_net(shown, wanted):
    return ipaddress.ip_network(shown.replace("default", "::/0" if ":" in wanted else "0.0.0.0/0")) == \
        ipaddress.ip_network(wanted)


def find_route(routes, name, to, via=None, **more):
    return [r for r in routes if r.get("dev", name) == name and same_net(r["dst"], to)
            and (via is None or r.get("gateway") == via)
            and all(r.get(k) == v for k, v in more.items())]


def check_link(link, shown, routes):
    name = link["name"]
    got = [a for a in shown["addr_info"] if a["scope"] != "link"]
    want = [ipaddress.ip_interface(a) for a in link["addresses"]]
    assert {a["local"] for a in got} == {str(a.ip) for a in want}, name
    if not link["peer4"]:
        assert {ipaddress.ip_interface(f"{a['local']}/{a['prefixlen']}") for a in got} == set(want), name
    else:
        assert link["peer4"] in [a.get("address") for a in got], name
    assert not link["mtu"] or shown["mtu"] == link["mtu"], name
    assert not link["set_mac"] or shown["address"] == link["set_mac"], name
    for gateway, to in ((link["gateway4"], "0.0.0.0/0"), (link["gateway6"], "::/0")):
        assert not gateway or find_route(routes, name, to, gateway), f"{name} default via {gateway}"
    for r in link["routes"]:
        more = {}
        if r["metric"]:
            more["metric"] = r["metric"]
        if r["table"]:
            more["table"] = str(r["table"])
        if r["src"]:
            more["prefsrc"] = r["src"]
        if r["type"]:
            more["type"] = r["type"]
        found = find_route(routes, name, r["to"], r["via"], **more)
        assert found, f"{name}: {r} is not in {routes}"
        if r["mtu"]:
            assert found[0]["metrics"][0]["mtu"] == r["mtu"]


def check_rules(link, rules):
    for r in link["rules"]:
        found = [x for x in rules if x["priority"] == r["priority"] and x["table"] == str(r["table"])]
        assert found, r
        shown = found[0]
        src = shown["src"] + (f"/{shown['srclen']}" if "srclen" in shown else "")
        assert src == "all" if not r["from"] else same_net(src, r["from"]), (r, shown)
        assert not r["fwmark"] or int(shown["fwmark"], 0) == int(r["fwmark"], 0)
        assert not r["iif"] or shown["iif"] == r["iif"]


def one_default(links):
    """Two default routes without metrics are the second ifup's failure, whoever writes them."""
    return all(sum(bool(link[g]) for link in links) < 2 for g in ("gateway4", "gateway6"))


@pytest.mark.parametrize("seed", SEEDS)
def test_ifup_does_what_was_meant(root, seed):
    (root / "etc/network/interfaces").unlink(missing_ok=True)
    losses = subprocess.run([WRITER, "ifupdown", root, str(seed), str(FEATURES)], capture_output=True, text=True,
                            check=True).stdout
    assert losses == ""
    links = inspect(root)
    if not one_default(links):
        links = links[:1]
        text = (root / "etc/network/interfaces").read_text()
        first = text.split("\nauto ")
        (root / "etc/network/interfaces").write_text("\nauto ".join(first[:3]))
    addrs, routes4, routes6, rules4, rules6 = bring_up(root, [link["name"] for link in links])
    shown = {a["ifname"]: a for a in addrs}
    assert links
    for link in links:
        check_link(link, shown[link["name"]], routes4 + routes6)
        check_rules(link, rules4 + rules6)


def test_ifquery_reads_the_same(root):
    """Names, and the addresses of each, as ifupdown itself reads the file; bonds, bridges and VLANs with them."""
    for seed in range(40):
        subprocess.run([WRITER, "ifupdown", root, str(seed), str(524287 & ~1)], check=True, capture_output=True)
        links = {link["name"]: link for link in inspect(root)}
        said = subprocess.run(["chroot", root, "ifquery", "--list"], capture_output=True, text=True, check=True)
        assert said.stderr == "" and set(said.stdout.split()) == {"lo", *links}, f"seed {seed}"
        for name, link in links.items():
            said = subprocess.run(["chroot", root, "ifquery", name], capture_output=True, text=True, check=True)
            assert said.stderr == "", f"seed {seed}: {said.stderr}"
            pairs = [line.split(": ", 1) for line in said.stdout.splitlines() if ": " in line]
            got = {ipaddress.ip_address(v) for k, v in pairs if k == "address"}
            assert got == {ipaddress.ip_interface(a).ip for a in link["addresses"]}, f"seed {seed}: {name}"


def test_busybox_takes_the_file(tmp_path):
    """What Alpine's ifup would run: every stanza is understood (bonds and the like are other programs')."""
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin/ifup").symlink_to("/bin/busybox")
    file = tmp_path / "etc/network/interfaces"
    for seed in range(40):
        subprocess.run([WRITER, "ifupdown", tmp_path, str(seed), str(524287 & ~1)], check=True, capture_output=True)
        said = subprocess.run(["busybox", "ifup", "-n", "-a", "-i", file], capture_output=True, text=True)
        assert said.returncode == 0 and said.stderr == "", f"seed {seed}: {said.stderr}"
        for link in inspect(tmp_path):
            for address in link["addresses"]:
                assert address.split("/")[0] in said.stdout, f"seed {seed}: {address}"
