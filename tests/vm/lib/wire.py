# SPDX-License-Identifier: MIT
"""The network of a target of tests/vm/test_matrix.py: a router that answers DNS and DHCP and announces prefixes, wanted or not."""
import contextlib
import subprocess

from . import disks, qemu
from .trunk import Trunk

VLAN = 5
PROBE, PROBE_ADDRESS = "probe.example.test", "10.77.0.99"  # a name that only the target's server knows


class Wire(qemu.Net):
    """With ports (MAC addresses), the cards of a switch whose trunk has VLAN 5: .trunk, else the card's tap tgt0."""

    def __init__(self, ports=()):
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.ports, self.trunk = ports, None

    def ip(self, *words):
        disks.run(["ip", "-n", self.name, *words])

    def __enter__(self):
        super().__enter__()
        try:
            # a router's neighbour advertisements say that it is one, or the default route to it goes
            disks.run(self.inside("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"))
            for address in "2001:db8:77::1/64", "2001:db8:78::1/64", "fe80::1/64":
                self.ip("address", "add", address, "dev", "tgt0", "nodad")
            self.ip("route", "add", "10.99.0.20/32", "dev", "tgt0")
            if self.ports:
                self.trunk = self.stack.enter_context(Trunk(self, self.ports, VLAN, "vl5", "10.77.5.1/24"))
                self.ip("address", "add", "2001:db8:79::1/64", "dev", "vl5", "nodad")
            self._start_dnsmasq()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start_dnsmasq(self):
        argv = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-dynamic",
                "--leasefile-ro", "--pid-file=", "--user=root", "--dhcp-authoritative", "--no-ping", "--enable-ra",
                f"--address=/{PROBE}/{PROBE_ADDRESS}", "--dhcp-option=option6:dns-server"]
        for dev, subnet, prefix in ("tgt0", "10.77.2", "2001:db8:78::"), ("vl5", "10.77.5", "2001:db8:79::"):
            argv += [f"--interface={dev}", f"--dhcp-range={subnet}.100,{subnet}.100,10m",
                     f"--dhcp-range={prefix},ra-only,64,30m", f"--ra-param={dev},20,1800"]
        self.dnsmasq = subprocess.Popen(self.inside(*argv), stderr=subprocess.DEVNULL)

    def __exit__(self, *error):
        self.stack.close()
        super().__exit__(*error)
