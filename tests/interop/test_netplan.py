# SPDX-License-Identifier: MIT
"""What rehost writes for netplan is taken by netplan itself without a word, and what it makes of it says the same."""
import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WRITER = ROOT / "build/bin/model_writer"
REHOST = ROOT / "build/rehost"

pytestmark = pytest.mark.skipif(not shutil.which("netplan"), reason="netplan.io is not installed")


def write(folder, seed, nm=False):
    if nm:
        (folder / "etc/netplan").mkdir(parents=True)
        (folder / "etc/netplan/01.yaml").write_text("network: {renderer: NetworkManager}")
        (folder / "etc/netplan/01.yaml").chmod(0o600)
    done = subprocess.run([WRITER, "netplan", folder, str(seed)], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def links(folder):
    out = subprocess.run([REHOST, "inspect", "--json", folder], capture_output=True, text=True, check=True)
    net = json.loads(out.stdout)["network"]
    assert net["stack"] == "netplan" and net["notes"] == []
    return net["links"]


def generate(folder, seed, model):
    done = subprocess.run(["netplan", "generate", "--root-dir", folder], capture_output=True, text=True)
    # A model may well have two default routes; that is what netplan warns of (and GLib of how it does).
    if all(sum(bool(one[g]) for one in model) < 2 for g in ("gateway4", "gateway6")):
        assert done.stderr == "", f"seed {seed}: {done.stderr}"
    assert done.returncode == 0 and "rror in" not in done.stderr, f"seed {seed}: {done.stderr}"


def sections(path):
    """[(section, [(key, value)])] of a file of systemd's."""
    found = []
    for line in path.read_text().splitlines():
        if line.startswith("["):
            found.append((line[1:-1], []))
        elif "=" in line:
            found[-1][1].append(tuple(line.split("=", 1)))
    return found


def values(parsed, section, key):
    return [v for s, items in parsed if s == section for k, v in items if k == key]


def routes(parsed):
    got = set()
    for section, items in parsed:
        if section == "Route":
            i = dict(items)
            got.add((i["Destination"], i.get("Gateway"), i.get("GatewayOnLink") == "true", int(i.get("Metric", 0)),
                     int(i.get("Table", 0)), int(i.get("MTUBytes", 0)), i.get("PreferredSource"), i.get("Type")))
    return got


def wanted_routes(one):
    want = {(r["to"], r["via"], r["on_link"], r["metric"], r["table"], r["mtu"], r["src"], r["type"])
            for r in one["routes"]}
    for to, gateway, on_link in (("0.0.0.0/0", "gateway4", "on_link4"), ("::/0", "gateway6", "on_link6")):
        if one[gateway]:
            want.add((to, one[gateway], one[on_link], 0, 0, 0, None, None))
    return want


def check_link(folder, one, ports, seed):
    where = f"seed {seed}, {one['name']}"
    parsed = sections(folder / f"run/systemd/network/10-netplan-{one['name']}.network")
    if one["mac"]:
        assert values(parsed, "Match", "PermanentMACAddress") == [one["mac"]], where
        link = sections(folder / f"run/systemd/network/10-netplan-{one['name']}.link")
        assert values(link, "Link", "Name") == [one["name"]], where
    assert sorted(values(parsed, "Network", "Address")) == sorted(one["addresses"]), where
    dhcp = {(False, False): [], (True, False): ["ipv4"], (False, True): ["ipv6"], (True, True): ["yes"]}
    assert values(parsed, "Network", "DHCP") == dhcp[one["v4"] == "dhcp", one["v6"] == "dhcp"], where
    if one["name"] not in ports:
        want = "yes" if one["v6"] in ("auto", "dhcp") else "no"
        assert values(parsed, "Network", "IPv6AcceptRA") == [want], where
    assert values(parsed, "Network", "DNS") == sorted(one["dns"], key=lambda a: ":" in a), where
    assert " ".join(values(parsed, "Network", "Domains")).split() == one["search"], where
    assert routes(parsed) == wanted_routes(one), where
    rules = {(dict(i).get("From"), dict(i).get("To"), int(dict(i)["Table"]), int(dict(i)["Priority"]))
             for s, i in parsed if s == "RoutingPolicyRule"}
    assert rules == {(r["from"], r["to"], r["table"], r["priority"]) for r in one["rules"]}, where
    device = parsed
    if one["kind"] != "card":
        device = sections(folder / f"run/systemd/network/10-netplan-{one['name']}.netdev")
        assert values(device, "NetDev", "Kind") == [one["kind"]], where
    mtu = values(parsed, "Link", "MTUBytes") or values(device, "NetDev", "MTUBytes")
    assert mtu == ([str(one["mtu"])] if one["mtu"] else []), where
    if one["kind"] == "vlan":
        assert values(device, "VLAN", "Id") == [str(one["vlan_id"])], where
    for port in one["ports"]:
        key = "Bond" if one["kind"] == "bond" else "Bridge"
        assert one["name"] in values(sections(folder / f"run/systemd/network/10-netplan-{port}.network"),
                                     "Network", key), where


@pytest.mark.parametrize("first", [0, 15])
def test_networkd(tmp_path, first):
    for seed in range(first, first + 15):
        folder = tmp_path / str(seed)
        folder.mkdir()
        write(folder, seed)
        model = links(folder)
        generate(folder, seed, model)
        ports = {p for one in model for p in one["ports"]}
        for one in model:
            check_link(folder, one, ports, seed)


def test_networkmanager(tmp_path):
    for seed in range(100, 110):
        folder = tmp_path / str(seed)
        folder.mkdir()
        write(folder, seed, nm=True)
        model = links(folder)
        generate(folder, seed, model)
        for one in model:
            text = (folder / f"run/NetworkManager/system-connections/netplan-{one['name']}.nmconnection").read_text()
            for address in one["addresses"]:
                assert f"={address}\n" in text, f"seed {seed}, {one['name']}"
            for family, gateway in (("4", one["gateway4"]), ("6", one["gateway6"])):
                zero = "0.0.0.0/0" if family == "4" else "::/0"
                assert not gateway or f"={zero},{gateway}\n" in text, f"seed {seed}, {one['name']}"
