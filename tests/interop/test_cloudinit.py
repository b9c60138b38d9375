# SPDX-License-Identifier: MIT
"""What cloud-init makes of a network-config for netplan is the model that rehost reads from the document itself."""
import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REHOST = ROOT / "build/rehost"
UNPACKED = ROOT / "build/cloud-init"

DOCUMENTS = {
    "static": """version: 1
config:
- type: physical
  name: eth0
  mac_address: '52:54:00:aa:bb:cc'
  mtu: 1450
  accept-ra: false
  subnets:
  - {type: static, address: 192.0.2.5/24, gateway: 192.0.2.1, dns_nameservers: [192.0.2.53], dns_search: [a.example],
     routes: [{network: 10.0.0.0, netmask: 255.0.0.0, gateway: 192.0.2.2, metric: 7}]}
  - {type: static6, address: '2001:db8::5/64', gateway: 'fe80::1'}
""",
    "dhcp": """version: 1
config:
- {type: physical, name: eth0, accept-ra: true, subnets: [{type: dhcp4}, {type: dhcp6}]}
- {type: nameserver, address: [192.0.2.53], search: [b.example]}
- {type: physical, name: eth1, accept-ra: false, subnets: [{type: static, address: 192.0.2.6, netmask: 255.255.255.128}]}
""",
    "bond": """version: 1
config:
- {type: physical, name: eth0, mac_address: '52:54:00:00:00:01'}
- {type: physical, name: eth1, mac_address: '52:54:00:00:00:02'}
- {type: bond, name: bond0, bond_interfaces: [eth0, eth1], params: {bond-mode: active-backup, bond-miimon: 100},
   accept-ra: false, subnets: [{type: static, address: 192.0.2.5/24, gateway: 192.0.2.1}]}
- {type: vlan, name: bond0.7, vlan_link: bond0, vlan_id: 7, accept-ra: false,
   subnets: [{type: static, address: 10.7.0.5/24}]}
""",
    "version2": """version: 2
ethernets:
  one: {match: {macaddress: '52:54:00:00:00:01'}, set-name: eth0, addresses: [192.0.2.5/24], gateway4: 192.0.2.1,
        nameservers: {addresses: [192.0.2.53]}, mtu: 1400, accept-ra: false}
  eth1: {dhcp4: true, dhcp6: false}
bridges:
  br0: {interfaces: [eth1], parameters: {stp: false, forward-delay: 4}, addresses: ['2001:db8::1/64'], accept-ra: false}
""",
}


def python():
    """cloud-init's own code from its package, unpacked: installing it would enable its services."""
    env = dict(os.environ, PYTHONPATH=str(UNPACKED / "usr/lib/python3/dist-packages"))
    if not UNPACKED.exists():
        UNPACKED.parent.mkdir(exist_ok=True)
        got = subprocess.run(["apt-get", "download", "-q", "cloud-init"], cwd=UNPACKED.parent, capture_output=True)
        package = sorted(UNPACKED.parent.glob("cloud-init_*.deb"))
        if got.returncode or not package:
            pytest.skip("the package cloud-init cannot be fetched")
        subprocess.run(["dpkg", "-x", package[-1], UNPACKED], check=True)
    probe = subprocess.run(["/usr/bin/python3", "-c", "import cloudinit.cmd.main"], env=env, capture_output=True)
    if probe.returncode:
        pytest.skip("modules that cloud-init needs are not installed")
    return env


def model(folder):
    out = subprocess.run([REHOST, "inspect", "--json", folder], capture_output=True, text=True, check=True)
    net = json.loads(out.stdout)["network"]
    assert net["notes"] == []
    for link in net["links"]:
        # How cloud-init finds cards is its own business; where nothing is said, its two versions differ in what
        # netplan's default would be.
        link.pop("extra")
        link["ports"].sort()
        link["options"].sort()
        link["addresses"].sort()
    return net["stack"], {link["name"]: link for link in net["links"]}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_same_as_cloud_init(tmp_path, name):
    env = python()
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    seed = ours / "var/lib/cloud/seed/nocloud/network-config"
    seed.parent.mkdir(parents=True)
    theirs.mkdir()
    seed.write_text(DOCUMENTS[name])
    done = subprocess.run(["/usr/bin/python3", "-m", "cloudinit.cmd.main", "devel", "net-convert", "-p", seed, "-k", "yaml",
                           "-d", theirs, "-D", "ubuntu", "-O", "netplan"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    stack, mine = model(ours)
    assert stack == "cloud-init"
    stack, want = model(theirs)
    assert stack == "netplan"
    for link in want.values():
        # A link of version 1 without a word about advertisements: netplan's default, not the document's.
        if link["v6"] == "auto" and mine[link["name"]]["v6"] == "off" and "version: 1" in DOCUMENTS[name]:
            link["v6"] = "off"
    assert mine == want
