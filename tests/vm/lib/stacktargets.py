# SPDX-License-Identifier: MIT
"""
What a provider wrote on the target, for each stack and form of address, and what a machine with it has.

The router is Wire (lib/wire.py): 10.77.2.1, 2001:db8:77::1 and fe80::1 on the card's network, 10.77.5.1 in VLAN 5; it answers DNS
and DHCP in both, and announces 2001:db8:78::/64 and 2001:db8:79::/64.
"""
from dataclasses import dataclass

FORMS = ["dhcp", "static", "onlink", "ipv6", "bond-vlan"]
MAC = "52:54:00:77:02:14"
PORTS = ["52:54:00:77:05:01", "52:54:00:77:05:02"]
PORT_SLOTS = [0x9, 0xA]
# What networkd and NetworkManager call cards in these slots; ifupdown's target has the old names.
CARD, PORT_NAMES = "ens6", ["ens9", "ens10"]
SEARCH = "tgt.example.net"

STACK_NAME = {"netplan-networkd": "netplan", "netplan-nm": "netplan", "networkd": "systemd-networkd"}


@dataclass
class Expected:
    """Addresses by link, with their lengths; the default routes by family as (gateway, link)."""

    addresses: dict
    gateway4: tuple = None
    gateway6: tuple = None
    dns: tuple = ()
    slaac: str = None  # the link that also has the address its router announces, and the default route to it
    slaac_prefix: str = "2001:db8:78:"
    slaac_open: bool = False  # whether it has one is not said by the target's files

    @property
    def main(self):
        """The address to log in at."""
        return next(a for addresses in self.addresses.values() for a in addresses).split("/")[0]


def card(stack):
    return "eth0" if stack == "ifupdown" else CARD


def ports(stack):
    return ["eth0", "eth1"] if stack == "ifupdown" else PORT_NAMES


def links(stack, form):
    """(MAC address, name in the target's files) of its cards."""
    return list(zip(PORTS, ports(stack))) if form == "bond-vlan" else [(MAC, card(stack))]


# Forms in which the target listens to routers: said by its files, or by their silence.
LISTENS = {
    "ifupdown": ["dhcp", "static", "onlink", "bond-vlan"],  # no inet6 stanza: the kernel does
    "networkd": ["dhcp", "static"],
    "netplan-networkd": ["dhcp", "onlink", "bond-vlan"],
    "netplan-nm": [],
    "NetworkManager": ["dhcp", "bond-vlan"],
}


def expected(stack, form):
    name = card(stack)
    row = {
        "dhcp": Expected({name: ["10.77.2.100/24"]}, ("10.77.2.1", name), None, ("10.77.2.1",)),
        "static": Expected({name: ["10.77.2.20/24", "10.77.2.21/24"]}, ("10.77.2.1", name), None, ("10.77.2.1",)),
        "onlink": Expected({name: ["10.99.0.20/32"]}, ("10.77.2.1", name), None, ("10.77.2.1",)),
        "ipv6": Expected({name: ["2001:db8:77::20/64"]}, None, ("fe80::1", name), ("2001:db8:77::1",)),
        "bond-vlan": Expected({"bond0.5": ["10.77.5.20/24"]}, ("10.77.5.1", "bond0.5"), None, ("10.77.5.1",),
                              slaac_prefix="2001:db8:79:"),
    }[form]
    if form in LISTENS[stack]:
        row.slaac = next(iter(row.addresses))
    # netplan hands NetworkManager "ipv6.method=ignore" for links with IPv4 alone: left to the kernel
    row.slaac_open = stack == "netplan-nm" and form != "ipv6"
    return row


# ---- ifupdown --------------------------------------------------------------------------------------------------

LO = "auto lo\niface lo inet loopback\n\n"
IFUPDOWN = {
    "dhcp": "auto eth0\niface eth0 inet dhcp\n",
    "static": """\
auto eth0
iface eth0 inet static
    address 10.77.2.20
    netmask 255.255.255.0
    gateway 10.77.2.1
    dns-nameservers 10.77.2.1
auto eth0:1
iface eth0:1 inet static
    address 10.77.2.21
    netmask 255.255.255.0
""",
    "onlink": """\
auto eth0
iface eth0 inet static
    address 10.99.0.20
    netmask 255.255.255.255
    up ip route add 10.77.2.1 dev eth0
    up ip route add default via 10.77.2.1 dev eth0
""",
    "ipv6": """\
auto eth0
iface eth0 inet6 static
    address 2001:db8:77::20/64
    gateway fe80::1
    accept_ra 0
    dns-nameservers 2001:db8:77::1
""",
    "bond-vlan": """\
auto eth0
iface eth0 inet manual
auto eth1
iface eth1 inet manual
auto bond0
iface bond0 inet manual
    bond-slaves eth0 eth1
    bond-mode active-backup
    bond-miimon 100
auto bond0.5
iface bond0.5 inet static
    address 10.77.5.20/24
    gateway 10.77.5.1
    vlan-raw-device bond0
""",
}


def _ifupdown(form):
    server = expected("ifupdown", form).dns[0]
    return {"etc/network/interfaces": LO + IFUPDOWN[form], "etc/resolv.conf": f"search {SEARCH}\nnameserver {server}\n"}


# ---- netplan ---------------------------------------------------------------------------------------------------

NETPLAN_CARD = {
    "dhcp": "dhcp4: true",
    "static": """\
addresses: [10.77.2.20/24, 10.77.2.21/24]
      routes: [{to: 0.0.0.0/0, via: 10.77.2.1}]
      nameservers: {addresses: [10.77.2.1], search: [SEARCH]}""",
    "onlink": """\
addresses: [10.99.0.20/32]
      routes: [{to: 0.0.0.0/0, via: 10.77.2.1, on-link: true}]
      nameservers: {addresses: [10.77.2.1], search: [SEARCH]}""",
    "ipv6": """\
addresses: ["2001:db8:77::20/64"]
      routes: [{to: "::/0", via: "fe80::1"}]
      nameservers: {addresses: ["2001:db8:77::1"], search: [SEARCH]}""",
}
NETPLAN_BOND = """\
  ethernets:
    ens9: {}
    ens10: {}
  bonds:
    bond0:
      interfaces: [ens9, ens10]
      parameters: {mode: active-backup, mii-monitor-interval: 100}
  vlans:
    bond0.5:
      id: 5
      link: bond0
      addresses: [10.77.5.20/24]
      routes: [{to: 0.0.0.0/0, via: 10.77.5.1}]
      nameservers: {addresses: [10.77.5.1], search: [SEARCH]}
"""


def _netplan(renderer, form):
    text = f"network:\n  version: 2\n  renderer: {renderer}\n"
    if form == "bond-vlan":
        text += NETPLAN_BOND
    else:
        text += f"  ethernets:\n    ens6:\n      match: {{macaddress: \"{MAC}\"}}\n      set-name: ens6\n      {NETPLAN_CARD[form]}\n"
        if renderer == "networkd" and form in ("static", "ipv6"):
            text += "      accept-ra: false\n"
    files = {"etc/netplan/50-provider.yaml": text.replace("SEARCH", SEARCH)}
    if renderer == "NetworkManager":
        files["etc/resolv.conf"] = _nm_resolv(form)
    return files


# ---- systemd-networkd ------------------------------------------------------------------------------------------

NETWORKD = {
    "dhcp": "[Network]\nDHCP=ipv4\n",
    "static": """\
[Network]
Address=10.77.2.20/24
Address=10.77.2.21/24
Gateway=10.77.2.1
DNS=10.77.2.1
Domains=SEARCH
""",
    "onlink": """\
[Network]
Address=10.99.0.20/32
DNS=10.77.2.1
IPv6AcceptRA=no

[Route]
Gateway=10.77.2.1
GatewayOnLink=yes
""",
    "ipv6": """\
[Network]
Address=2001:db8:77::20/64
Gateway=fe80::1
DNS=2001:db8:77::1
IPv6AcceptRA=no
""",
}


def _networkd(form):
    folder = "etc/systemd/network"
    if form != "bond-vlan":
        return {f"{folder}/20-wan.network": f"[Match]\nMACAddress={MAC}\n\n{NETWORKD[form]}".replace("SEARCH", SEARCH)}
    return {
        f"{folder}/10-bond0.netdev": "[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode=active-backup\nMIIMonitorSec=100ms\n",
        f"{folder}/10-vlan.netdev": "[NetDev]\nName=bond0.5\nKind=vlan\n\n[VLAN]\nId=5\n",
        f"{folder}/20-ports.network": "[Match]\nName=ens9 ens10\n\n[Network]\nBond=bond0\n",
        f"{folder}/30-bond0.network": "[Match]\nName=bond0\n\n[Network]\nVLAN=bond0.5\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
        f"{folder}/40-vlan.network": "[Match]\nName=bond0.5\n\n[Network]\nAddress=10.77.5.20/24\nGateway=10.77.5.1\nDNS=10.77.5.1\n"
                                     "IPv6AcceptRA=no\n",
    }


# ---- NetworkManager --------------------------------------------------------------------------------------------

NM = {
    "dhcp": "[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n",
    "static": "[ipv4]\nmethod=manual\naddress1=10.77.2.20/24,10.77.2.1\naddress2=10.77.2.21/24\ndns=10.77.2.1;\n"
              "dns-search=SEARCH;\n\n[ipv6]\nmethod=disabled\n",
    "onlink": "[ipv4]\nmethod=manual\naddress1=10.99.0.20/32,10.77.2.1\ndns=10.77.2.1;\n\n[ipv6]\nmethod=link-local\n",
    "ipv6": "[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=manual\naddress1=2001:db8:77::20/64,fe80::1\ndns=2001:db8:77::1;\n",
}


def _nm_resolv(form):
    return f"# Generated by NetworkManager\nnameserver {expected('NetworkManager', form).dns[0]}\n"


def _profile(number, name, rest):
    return {f"etc/NetworkManager/system-connections/{name}.nmconnection":
            f"[connection]\nid={name}\nuuid=9b1f6c3a-2d3e-4f50-8a61-7c2d1e0f9a0{number}\ninterface-name={name}\n{rest}"}


def _nm(form):
    files = {"etc/resolv.conf": _nm_resolv(form)}
    if form != "bond-vlan":
        return files | _profile(0, CARD, f"type=ethernet\n\n[ethernet]\nmac-address={MAC.upper()}\n\n{NM[form]}".replace("SEARCH", SEARCH))
    for i, name in enumerate(PORT_NAMES):
        files |= _profile(i, name, "type=ethernet\nmaster=bond0\nslave-type=bond\n")
    files |= _profile(2, "bond0", "type=bond\n\n[bond]\nmode=active-backup\nmiimon=100\n\n[ipv4]\nmethod=disabled\n\n"
                                  "[ipv6]\nmethod=disabled\n")
    return files | _profile(3, "bond0.5", "type=vlan\n\n[vlan]\nid=5\nparent=bond0\n\n[ipv4]\nmethod=manual\n"
                                          "address1=10.77.5.20/24,10.77.5.1\ndns=10.77.5.1;\n\n[ipv6]\nmethod=auto\n")


def files(stack, form):
    """The target's own files as the rescue saves them: {path: text}."""
    own = {
        "ifupdown": _ifupdown,
        "netplan-networkd": lambda form: _netplan("networkd", form),
        "netplan-nm": lambda form: _netplan("NetworkManager", form),
        "networkd": _networkd,
        "NetworkManager": _nm,
    }[stack](form)
    return own | {"etc/hostname": "vps4711\n", "etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\tvps4711\n",
                  "etc/machine-id": "00112233445566778899aabbccddeeff\n"}
