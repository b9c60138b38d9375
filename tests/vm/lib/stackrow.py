# SPDX-License-Identifier: MIT
"""
One row of tests/vm/test_matrix.py: a root of one release and stack, made fit by `rehost rewrite --root` for a target with
another stack, booted on that target's cards and network, and looked at from outside and inside.

What a whole migration does besides (transfer, boot loader, trial) is not repeated: the kernel is started directly.
"""
import contextlib
import json
import pathlib
import re
import shutil
import subprocess

from . import disks, qemu, stackroots, stacktargets
from .wire import PROBE, PROBE_ADDRESS, Wire

UUID = "7b7b7b7b-0000-4000-8000-000000000002"
SOURCE_UUID = "5a5a5a5a-0000-4000-8000-000000000001"
# Seconds of the emulated clone for what brings the network up or waits for it; a wait for an absent card takes longer.
NET_SECONDS = 60

LOOK = r"""
systemctl is-system-running --wait
systemctl --failed --no-legend --plain | sed 's/^/FAILED /'
echo ===; ip -j address show
echo ===; ip -j route show table main
echo ===; ip -j -6 route show table main
echo ===; cat /etc/resolv.conf; resolvectl dns 2>/dev/null; resolvectl domain 2>/dev/null
echo ===; getent ahosts PROBE
echo ===; systemd-analyze blame --no-pager
echo ===; journalctl -b -o cat --no-pager | grep -E 'Timed out waiting|Dependency failed|A start job is running' || :
echo ===; cat /sys/class/net/bond0/bonding/mode /sys/class/net/bond0/bonding/slaves /sys/class/net/bond0/bonding/miimon 2>/dev/null
echo ===; findmnt -no UUID /; systemctl is-enabled ssh; hostname
"""


def unpack(tar, tree):
    tree.mkdir()
    disks.run(["tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-C", tree, "-xpf", tar])


def facts(target, form):
    return {
        "filesystems": [{"mount": "/", "device": "/dev/sda", "type": "ext4", "uuid": UUID, "options": "errors=remount-ro"}],
        "links": [{"mac": mac, "target_name": name, "rescue_name": f"eth{i}", "driver": "virtio_net"}
                  for i, (mac, name) in enumerate(stacktargets.links(target, form))],
        "hostname": "vps4711", "network_stack": stacktargets.STACK_NAME.get(target, target), "boot_disk": "/dev/sda",
        "uefi": False, "consoles": ["ttyS0,115200"], "drivers": ["virtio_scsi", "virtio_net"],
    }


def rewrite(tree, folder, target, form):
    """Makes the tree fit, with the real command. Returns what it printed."""
    files = folder / "target"
    for name, text in stacktargets.files(target, form).items():
        path = files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600 if name.endswith(".nmconnection") or "netplan" in name else 0o644)
    (folder / "facts.json").write_text(json.dumps(facts(target, form)))
    done = subprocess.run([disks.REPO / "build/rehost", "rewrite", "--root", tree, "--facts", folder / "facts.json",
                           "--target-files", files, "--as", "move"], capture_output=True, text=True)
    (folder / "rewrite.log").write_text(done.stdout + done.stderr)
    if done.returncode not in (0, 3):  # 3: done, with notes
        raise RuntimeError(f"rewrite: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def sweep(tree):
    """Lines below /etc and /boot that still name the source's addresses, cards or file systems."""
    words = [word for trace in [*stackroots.TRACES, SOURCE_UUID] for word in ("-e", trace)]
    done = subprocess.run(["grep", "-rIiF", *words, "etc", "boot"], cwd=tree, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if not re.match(r"[^:]*:\s*[#;]", line)]


def kernel(tree, folder):
    """Copies of the clone's kernel and initramfs."""
    found = []
    for name in "vmlinuz", "initrd.img":
        newest = sorted((tree / "boot").glob(f"{name}-*"))[-1]
        found.append(shutil.copy(newest, folder / name))
    return found


class Clone(qemu.Machine):
    """The target's machine: its card on the tap, or its two cards at the switch."""

    def __init__(self, net, folder, disk, kernel, initrd):
        super().__init__(net, "target", folder, disk=disk, kernel=kernel, initrd=initrd, name="clone", memory=768,
                         append=f"root=UUID={UUID} ro console=ttyS0,115200")
        if net.trunk:
            at = self.argv.index(next(word for word in self.argv if word.startswith("tap,"))) - 1
            del self.argv[at : at + 4]
            cards = net.trunk.argv()
            for device, slot in zip(range(3, len(cards), 4), stacktargets.PORT_SLOTS):
                cards[device] += f",addr={slot:#x}"
            self.argv += cards


# ---- looking ---------------------------------------------------------------------------------------------------


def _addresses(want, links):
    wrong, slaac = [], 0
    for link in links:
        name = link["ifname"]
        if name == "lo":
            continue
        have = [f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] == "global"]
        announced = [a for a in have if a.startswith(want.slaac_prefix)]
        if name == (want.slaac or next(iter(want.addresses))) and len(announced) == 1 and (want.slaac or want.slaac_open):
            slaac += 1
            have.remove(announced[0])
        if sorted(have) != sorted(want.addresses.get(name, [])):
            wrong.append(f"{name} has {have}, want {want.addresses.get(name, [])}")
        if [a for a in link["addr_info"] if "deprecated" in a or "tentative" in a or "dadfailed" in a]:
            wrong.append(f"{name}: {link['addr_info']}")
    wrong += [f"no link {name}" for name in want.addresses if name not in {link["ifname"] for link in links}]
    if want.slaac and not slaac:
        wrong.append(f"{want.slaac} has no address of its router's prefix")
    return wrong


def _routes(want, routes, v6, said):
    wrong, gateway = [], want.gateway6 if v6 else want.gateway4
    defaults = [r for r in routes if r["dst"] == "default"]
    have = {(r.get("gateway") or str(r.get("nexthops") or r.get("via")), r["dev"]) for r in defaults if "dev" in r}
    if v6 and not gateway and (want.slaac or want.slaac_open):
        link = next(iter(want.addresses))
        if not (all(g.startswith("fe80:") and dev == link for g, dev in have) and len(have) <= 1) or (want.slaac and not have):
            wrong.append(f"IPv6 default routes {defaults}, want the router's on {link}")
    elif have != ({gateway} if gateway else set()) or len(defaults) != len(have):
        wrong.append(f"default routes {defaults}, want {gateway}")
    for r in routes:
        # the kernel's and the router's own; the way to a gateway outside every prefix; the lease's server
        usual = r["dst"] == "default" or r.get("protocol") in ("kernel", "ra") or r["dst"].startswith(("fe80:", want.slaac_prefix))
        way_to_gateway = gateway and r["dst"] == gateway[0] and "gateway" not in r and r["dev"] == gateway[1]
        own = r["dst"] in {a.split("/")[0] for addresses in want.addresses.values() for a in addresses}
        # netplan's way to say "no IPv4" to NetworkManager is a link-local address (a note of the rewriting)
        link_local = "link-local address (169.254.0.0/16)" in said and r["dst"] in ("224.0.0.0/4", "169.254.0.0/16")
        in_prefix = v6 and r["dst"].startswith("2001:db8:77::") and "gateway" not in r
        if not (usual or way_to_gateway or own or in_prefix or link_local):
            wrong.append(f"a route that is not the target's: {r}")
    return wrong


def _seconds(text):
    units = {"h": 3600, "min": 60, "s": 1, "ms": 0.001, "us": 0.000001}
    return sum(float(n) * units[u] for n, u in re.findall(r"([\d.]+)(min|ms|us|h|s)\b", text))


def _waits(blame):
    """Network units that took too long, of `systemd-analyze blame`. On a busy host as long as the disk took to appear is fine."""
    took = {unit: _seconds(time) for time, unit in (line.strip().rsplit(" ", 1) for line in blame.splitlines())}
    limit = max(NET_SECONDS, took.get("dev-sda.device", 0))
    # ifupdown-pre waits for udev, whatever the cards are
    return [f"{unit} took {seconds:.0f} s" for unit, seconds in took.items()
            if re.search(r"network|ifup@|Network|wait-online|resolv", unit) and seconds > limit]


def judge(want, form, seen, said):
    """Lines of what is wrong with the output of LOOK. said: what the rewriting printed, with what the stack cannot say."""
    state, address, route, route6, dns, probe, blame, journal, bond, rest = re.split(r"===\n", seen)
    wrong = _addresses(want, json.loads(address))
    for text, v6 in (route, False), (route6, True):
        wrong += _routes(want, json.loads(text or "[]"), v6, said)
    wrong += [line for line in state.splitlines() if line != "running"]
    wrong += [line for line in journal.splitlines() if line]
    wrong += _waits(blame)
    if PROBE_ADDRESS not in probe:
        wrong.append(f"{PROBE} is not resolved: {dns!r}")
    wrong += [f"no {server} in {dns!r}" for server in want.dns if server not in dns]
    wrong += [f"{trace} in {dns!r}" for trace in stackroots.TRACES if trace in dns]
    if form == "bond-vlan":
        mode, slaves, miimon = (bond.splitlines() + ["", "", ""])[:3]
        if mode != "active-backup 1" or len(slaves.split()) != 2 or miimon != "100":
            wrong.append(f"bond0: {bond!r}")
    if rest.split() != [UUID, "enabled", "web01"]:
        wrong.append(f"root, ssh, host name: {rest!r}")
    return wrong


def run(row, folder, say=print):
    """Makes, boots and judges the clone of a row (suite, source's stack, target's stack, form). Lines of what is wrong."""
    suite, source, target, form = row
    want = stacktargets.expected(target, form)
    tree, disk = folder / "tree", folder / "disk.raw"
    try:
        unpack(stackroots.build(suite, source), tree)
        say(said := rewrite(tree, folder, target, form))
        want.slaac_open |= "IPv6 is left to the kernel" in said
        wrong = [f"left: {line}" for line in sweep(tree)]
        vmlinuz, initrd = kernel(tree, folder)
        disks.run(["mke2fs", "-q", "-t", "ext4", "-U", UUID, "-d", tree, disk, "1500M"])
        shutil.copytree(tree / "etc", folder / "etc", symlinks=True)
        shutil.rmtree(tree)
        with Wire(stacktargets.PORTS if form == "bond-vlan" else ()) as net, Clone(net, folder, disk, vmlinuz, initrd) as clone:
            _, seconds = clone.wait_banner(400, address=want.main)
            say(f"answers at {want.main} after {seconds:.0f} s")
            seen = net.ssh(want.main, LOOK.replace("PROBE", PROBE), timeout=300).stdout
            (folder / "seen").write_text(seen)
            wrong += judge(want, form, seen, said)
            for address in {a.split("/")[0] for addresses in want.addresses.values() for a in addresses}:
                with contextlib.suppress(OSError):
                    net.connect(address, 22, 10).close()
                    continue
                wrong.append(f"no answer at {address}")
        return wrong
    finally:
        shutil.rmtree(tree, ignore_errors=True)
        for path in disk, folder / "vmlinuz", folder / "initrd.img":
            pathlib.Path(path).unlink(missing_ok=True)
