# SPDX-License-Identifier: MIT
"""The rescue's network process in a network namespace, against a real DHCP server (dnsmasq) and the kernel's own routes."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
MACS = ["02:00:00:00:77:01", "02:00:00:00:77:02"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def run(*argv, check=True):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert not check or done.returncode == 0, (argv, done.stdout)
    return done.stdout


@pytest.fixture(scope="session")
def driver():
    run("make", "-s", "-C", TOP, "build/bin/net_driver")
    return TOP / "build/bin/net_driver"


class Wire:
    """Two namespaces, two veth pairs (c0-s0, c1-s1); the server side of the first has 10.66.0.1/24."""

    def __init__(self, driver, folder):
        self.driver, self.folder = driver, folder
        self.server, self.client = f"rh-s{os.getpid()}", f"rh-c{os.getpid()}"
        self.processes = []

    def __enter__(self):
        for name in (self.server, self.client):
            run("ip", "netns", "add", name)
        for i, mac in enumerate(MACS):
            run("ip", "-n", self.client, "link", "add", f"c{i}", "address", mac, "type", "veth",
                "peer", "name", f"s{i}", "netns", self.server)
            run("ip", "-n", self.server, "link", "set", f"s{i}", "up")
        run("ip", "-n", self.server, "addr", "add", "10.66.0.1/24", "dev", "s0")
        return self

    def __exit__(self, *_):
        for p in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(p.pid, signal.SIGKILL)
            p.wait()
        for name in (self.server, self.client):
            run("ip", "netns", "del", name, check=False)

    def start(self, *words):
        # Its own /run, /etc and host name: nothing of this machine's is touched.
        script = 'mount -t tmpfs t /run && mount -t tmpfs t /etc && exec "$0" "$@"'
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.client, "unshare", "-mu", "sh", "-c", script, self.driver, *words],
            start_new_session=True)
        self.processes.append(self.process)

    def dnsmasq(self, *options):
        log = self.folder / "dnsmasq.log"
        self.processes.append(subprocess.Popen(
            ["ip", "netns", "exec", self.server, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0",
             "--interface=s0", "--bind-interfaces", "--dhcp-authoritative", "--no-ping", "--log-dhcp",
             f"--dhcp-leasefile={self.folder}/leases", f"--log-facility={log}", f"--pid-file={self.folder}/pid", *options],
            start_new_session=True))
        return log

    def announce(self, *options):
        """A router on s0 that announces 2001:db8:66::/64 as dnsmasq is told."""
        run("ip", "-n", self.server, "addr", "add", "2001:db8:66::1/64", "dev", "s0", "nodad")
        return self.dnsmasq("--enable-ra", "--ra-param=s0,4,60", *options)

    def file(self, path):
        path = pathlib.Path(f"/proc/{self.process.pid}/root{path}")
        return path.read_text() if path.exists() else ""

    def net(self):
        text = self.file("/run/rehost/net.json")
        return json.loads(text) if text else {"links": [], "routes": [], "dns": []}

    def link(self, mac=MACS[0]):
        return next((link for link in self.net()["links"] if link["mac"] == mac), None)

    def reach(self, address):
        """Nobody listens there: what refuses a connection is there."""
        code = f"import socket, errno; s = socket.socket(socket.AF_INET{'6' * (':' in address)}); s.settimeout(5); " \
            f"raise SystemExit(s.connect_ex(('{address}', 9)) != errno.ECONNREFUSED)"
        run("ip", "netns", "exec", self.server, "python3", "-c", code)

    def routes(self):
        return run("ip", "-n", self.client, "-4", "route", "show")

    def wait(self, what, seconds=15):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                return
            time.sleep(0.1)
        raise AssertionError((self.net(), self.file("/run/rehost/log"), self.file("/run/rehost/net_error")))

    def has(self, address, mac=MACS[0]):
        return lambda: (self.link(mac) or {}).get("addresses", []).count(address) == 1


@pytest.fixture
def wire(driver, tmp_path):
    with Wire(driver, tmp_path) as w:
        yield w


def test_dhcp_lease_options_and_renewal(wire):
    log = wire.dnsmasq(f"--dhcp-range=10.66.0.50,10.66.0.60,255.255.255.0,2m", f"--dhcp-host={MACS[0]},10.66.0.55",
                       "--dhcp-option=3,10.66.0.1", "--dhcp-option=6,10.66.0.1,9.9.9.9", "--dhcp-option=26,1400",
                       "--dhcp-option=15,example.org", "--dhcp-option=58,4", "--dhcp-option=59,90")
    wire.start()
    wire.wait(wire.has("10.66.0.55/24"))
    assert wire.link()["gateway"] == "10.66.0.1"
    assert "nameserver 10.66.0.1\nnameserver 9.9.9.9\n" in wire.file("/etc/resolv.conf")
    assert "search example.org\n" in wire.file("/etc/resolv.conf")
    wire.wait(lambda: wire.link()["mtu"] == 1400)
    # T1 is 4 s: the second ACK is the renewal, asked for by unicast.
    wire.wait(lambda: log.read_text().count("DHCPACK") >= 2)
    assert log.read_text().count("DHCPDISCOVER") == 1
    assert wire.file("/run/rehost/net_error") == ""


def test_dhcp_classless_routes_with_a_host_address(wire):
    wire.dnsmasq("--dhcp-range=10.66.0.50,10.66.0.60,255.255.255.0,2m", f"--dhcp-host={MACS[0]},10.66.0.55",
                 "--dhcp-option-force=1,255.255.255.255", "--dhcp-option=3,10.66.0.99",
                 "--dhcp-option=121,10.66.0.1/32,0.0.0.0,0.0.0.0/0,10.66.0.1,192.168.5.0/24,10.66.0.1")
    wire.start("ip=dhcp")
    wire.wait(wire.has("10.66.0.55/32"))
    wire.wait(lambda: "192.168.5.0/24 via 10.66.0.1" in wire.routes())
    assert "10.66.0.1 dev c0" in wire.routes()
    assert "default via 10.66.0.1 dev c0" in wire.routes()
    assert "10.66.0.99" not in wire.routes()


def test_a_server_that_comes_late(wire):
    wire.start(f"ip={MACS[0]}:dhcp")
    wire.wait(lambda: "no DHCP server has answered" in wire.file("/run/rehost/net_error"), 30)
    wire.dnsmasq("--dhcp-range=10.66.0.50,10.66.0.60,255.255.255.0,2m", f"--dhcp-host={MACS[0]},10.66.0.55")
    wire.wait(wire.has("10.66.0.55/24"), 40)
    wire.wait(lambda: wire.file("/run/rehost/net_error") == "")
    assert wire.link(MACS[1])["method"] == "none"


def test_static_addresses_by_mac_gateway_off_the_link(wire):
    wire.start(f"ip=203.0.113.7::10.66.0.1:32:web:{MACS[0]}:none", "nameserver=9.9.9.9",
               f"ip=[2001:db8::7]::[fe80::1]:64::{MACS[0]}:none",
               f"ip=198.51.100.9:::255.255.255.0::{MACS[1].replace(':', '-')}:none:1300",
               "rd.route=10.0.0.0/8:198.51.100.1", "team=t0:a")
    wire.wait(wire.has("203.0.113.7/32"))
    wire.wait(wire.has("198.51.100.9/24", MACS[1]))
    wire.wait(lambda: "10.0.0.0/8 via 198.51.100.1 dev c1" in wire.routes())
    assert wire.has("2001:db8::7/64")()
    assert "default via 10.66.0.1 dev c0" in wire.routes()
    assert "10.66.0.1 dev c0" in wire.routes()
    assert "default via fe80::1 dev c0" in run("ip", "-n", wire.client, "-6", "route", "show")
    assert wire.link(MACS[1])["mtu"] == 1300
    assert wire.net()["dns"] == ["9.9.9.9"]
    # What was not understood is said, and everything else holds.
    assert "team=t0:a" in wire.file("/run/rehost/net_error")


def test_a_card_that_appears_and_a_cable_that_is_out(wire):
    run("ip", "-n", wire.server, "link", "set", "s0", "down")
    run("ip", "-n", wire.server, "link", "set", "s1", "down")
    wire.start("ip=dhcp")
    wire.wait(lambda: "no network card has a link" in wire.file("/run/rehost/net_error"), 20)
    wire.dnsmasq("--dhcp-range=10.66.0.50,10.66.0.60,255.255.255.0,2m", f"--dhcp-host={MACS[0]},10.66.0.55")
    run("ip", "-n", wire.server, "link", "set", "s0", "up")
    wire.wait(wire.has("10.66.0.55/24"), 20)
    run("ip", "-n", wire.client, "link", "add", "c9", "type", "veth", "peer", "name", "s9", "netns", wire.server)
    wire.wait(lambda: any(link["name"] == "c9" for link in wire.net()["links"]))


def test_router_advertisements(wire):
    wire.announce("--dhcp-range=2001:db8:66::,ra-only,64,2m")
    # On the second card, where no router is, only link-local: and there none would be heeded.
    wire.start(f"ip={MACS[0]}:auto6", f"ip={MACS[1]}:link6")
    wire.wait(lambda: any(a.startswith("2001:db8:66:") and a.endswith("/64") for a in (wire.link() or {}).get("addresses", [])))
    assert wire.link()["method"] == "auto6" and wire.link(MACS[1])["method"] == "link6"
    assert wire.link()["gateway"].startswith("fe80::")
    assert wire.file("/run/rehost/net_error") == ""
    wire.reach(wire.link()["addresses"][0].split("/")[0])
    assert run("ip", "netns", "exec", wire.client, "cat", "/proc/sys/net/ipv6/conf/c0/accept_ra",
               "/proc/sys/net/ipv6/conf/c1/accept_ra").split() == ["2", "0"]


def test_a_router_that_wants_dhcp6_is_said(wire):
    wire.announce("--dhcp-range=2001:db8:66::10,2001:db8:66::20,64,2m")
    wire.start("ip=either6")
    wire.wait(lambda: "RH-INIT-09" in wire.file("/run/rehost/net_error"), 30)
    assert "addresses come from DHCPv6" in wire.file("/run/rehost/net_error")
    assert wire.link()["method"] == "either6"


def test_static_ipv6_beats_the_announced_router(wire):
    wire.announce("--dhcp-range=2001:db8:66::,ra-only,64,2m")
    wire.start(f"ip=[2001:db8:7::7]::[2001:db8:ffff::1]:128::{MACS[0]}:none")
    wire.wait(wire.has("2001:db8:7::7/128"))
    # The router's address comes too; the gateway off the link got a route of its own and comes first.
    wire.wait(lambda: len(wire.link()["addresses"]) == 2)
    routes = run("ip", "-n", wire.client, "-6", "route", "show")
    assert "2001:db8:ffff::1 dev c0" in routes
    default = [line for line in routes.splitlines() if line.startswith("default")]
    assert any("via 2001:db8:ffff::1" in line and "metric 512" in line for line in default)
    assert all("metric 512" in line or "metric 1024" in line for line in default)
    assert wire.link()["gateway"] == "2001:db8:ffff::1"
    got = run("ip", "-n", wire.client, "-6", "route", "get", "2001:db8:1234::1")
    assert "via 2001:db8:ffff::1" in got


def test_bridge_with_an_address_on_top(wire):
    wire.start(f"bridge=br0:{MACS[0]},c1", "ip=10.66.0.9::10.66.0.1:24::br0:none:1400")
    wire.wait(lambda: any(link["name"] == "br0" and "10.66.0.9/24" in link["addresses"] for link in wire.net()["links"]))
    wire.reach("10.66.0.9")
    links = {link["name"]: link for link in wire.net()["links"]}
    assert links["br0"]["mac"] == MACS[0] and links["br0"]["driver"] == "bridge"
    assert links["c0"]["master"] == "br0" and links["c1"]["master"] == "br0"
    assert links["c0"]["addresses"] == [] and links["c0"]["method"] == "port"
    # A port that goes and comes back is a port again.
    run("ip", "-n", wire.client, "link", "set", "c1", "nomaster")
    wire.wait(lambda: next(link for link in wire.net()["links"] if link["name"] == "c1")["master"] == "br0")


def test_a_port_stands_in_for_a_bond_that_cannot_be_made(wire):
    """This host's kernel has no bonding, or it has: either way the address is there."""
    wire.start(f"bond=bond0:{MACS[0]},{MACS[1]}:mode=802.3ad,miimon=100", "ip=10.66.0.9::10.66.0.1:24::bond0:none")
    wire.wait(lambda: any("10.66.0.9/24" in link["addresses"] for link in wire.net()["links"]))
    if not any(link["name"] == "bond0" for link in wire.net()["links"]):
        assert "bond0 on c0" in wire.file("/run/rehost/net_error")
        wire.reach("10.66.0.9")
