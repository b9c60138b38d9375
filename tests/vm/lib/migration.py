# SPDX-License-Identifier: MIT
"""One migration, step by step, as the README tells it; used by the demo and by the tests."""
import contextlib
import json
import re
import subprocess
import sys
import time

from . import disks, qemu, record, tree

# The complete tar command of the README.
TAR = "tar --xattrs --xattrs-include='*' --acls --selinux --numeric-owner --one-file-system --sparse -cpf - -C / ."

# Where source and clone may differ, and why. Everything else must be equal.
EXPECTED = {
    # this machine's own: what the rewriting is for
    "etc/fstab": "disks of the target",
    "etc/network/interfaces": "network of the target",
    "etc/network/interfaces.d/*": "network of the target",
    "etc/resolv.conf": "network of the target",
    "etc/systemd/network/10-rehost-*.link": "names of the target's cards",
    "etc/initramfs-tools/conf.d/resume": "swap of the target",
    "boot/grub/*": "GRUB made by the clone's own tools",
    "boot/initrd.img-*": "initramfs for the target's hardware",
    "boot/lost+found": "/boot is a file system here",
    "lost+found": "of the file system",
    "var/lib/initramfs-tools/*": "checksum of the new initramfs",
    "var/lib/rehost": "what rehost keeps until release",
    "var/lib/rehost/*": "what rehost keeps until release",
    "etc/systemd/system/rehost-guard.service": "the trial's guard, until release",
    "etc/systemd/system/sysinit.target.wants*": "the trial's guard, until release",
    "etc/default/grub.d*": "panic= of the trial, until release",
    "var/cache/debconf/*": "install device of GRUB",
    # written by any running system
    "var/log/*": "logs",
    "var/lib/systemd/*": "random seed, timers",
    "var/lib/redis/*": "saved again by the database",
    "root/.ssh/known_hosts*": "the source met the rescue after it was read",
    "var/tmp/*": "temporary files",
}
SERVICES = "nginx redis-server cron"


class Phases:
    """Named phases with their times; prints as it goes. recorder (lib/record.py): is told where each begins."""

    def __init__(self, quiet=False):
        self.times, self.quiet, self.recorder = [], quiet, None

    @contextlib.contextmanager
    def __call__(self, name):
        start = time.monotonic()
        self.say(f"== {name}")
        if self.recorder:
            self.recorder.mark(name)
        try:
            yield
        finally:
            self.times.append((name, time.monotonic() - start))

    def say(self, text):
        if not self.quiet:
            print(text, flush=True)

    def table(self):
        width = max(len(name) for name, _ in self.times)
        return "\n".join(f"  {name:<{width}}  {seconds:6.1f} s" for name, seconds in self.times)


def show(text, lines=40):
    """Indented, cut output of a program, for the report."""
    rows = text.rstrip().splitlines()
    if len(rows) > lines:
        rows = rows[: lines // 2] + [f"... {len(rows) - lines} lines ..."] + rows[-lines // 2 :]
    return "\n".join("    " + row for row in rows)


def pin_host_key(net, console, source):
    """Compares the rescue's key with the fingerprint on its console, then makes the source trust it."""
    key = net.host_key(qemu.TARGET)
    line = f"{qemu.TARGET} ssh-ed25519 {key}"
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", "-"], input=line, text=True, stdout=subprocess.PIPE, check=True
    ).stdout.split()[1]
    if shown not in console():
        raise AssertionError(f"the console does not show the host key's fingerprint {shown}")
    source.ssh(f"mkdir -p /root/.ssh; echo '{line}' >/root/.ssh/known_hosts")


def push(source, tar=TAR, arguments=""):
    """The transfer, on the source with its own tar and ssh. Returns the finished process."""
    return source.ssh(
        f"set -o pipefail; {tar} | ssh root@{qemu.TARGET} receive tar {arguments}", check=False, timeout=900
    )


def quiesce(source):
    source.ssh(f"systemctl stop {SERVICES}; sync")


def answers(net, phases=None, is_held=False):
    """
    Checks of the running clone that need no comparison. Returns lines of what was wrong. is_held: nobody has confirmed it, so what acts
    by itself must wait.
    """
    wrong = []

    def check(what, command, want, host=qemu.TARGET):
        got = net.ssh(host, command, check=False).stdout.strip()
        good = re.search(want, got) is not None
        if phases:
            phases.say(f"  {'ok' if good else 'WRONG'}: {what}: {got.splitlines()[-1] if got else '(nothing)'}")
        if not good:
            wrong.append(f"{what}: got {got!r}, want {want!r}")

    check("web server", "exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3", "the shop is open")
    check("database", "redis-cli get shop:name; redis-cli lrange shop:orders 0 -1 | tr '\\n' ' '", "corner shop\n17 42 99")
    check("capabilities", "getcap /srv/files/capable", "cap_net_admin,cap_net_raw=ep")
    check("unprivileged ping", f"setpriv --reuid=alice --regid=alice --clear-groups ping -c1 -W5 10.77.2.1", "1 received")
    check("user and password", "getent shadow alice | cut -c1-12", r"alice:\$y\$")
    check("swap is the target's", "cat /proc/swaps | tail -1", "partition")
    check("no unit failed", "systemctl --failed --no-legend | wc -l", "^0$")
    check("its own address", "ip -4 -br address show scope global", "10.77.2.20/24")
    check("default route", "ip route show default", "via 10.77.2.1")
    check("mounts", "findmnt -rno TARGET -t ext4 | sort | tr '\\n' ' '", "^/")
    if is_held:
        check("cron waits", "systemctl is-active cron; cat /run/heartbeat", r"^inactive$")
        return wrong
    check("cron job", "for i in $(seq 75); do [ -e /run/heartbeat ] && break; sleep 1; done; cat /run/heartbeat", r"^\d+$")
    return wrong


def rescue_command(net, command, phases=None, check=True, timeout=600, key="operator"):
    """A named command of the rescue, its output shown."""
    if phases:
        phases.say(f"  $ ssh root@TARGET {command}")
    done = net.ssh(qemu.TARGET, command, check=False, timeout=timeout, key=key)
    if phases:
        phases.say(show(done.stdout + done.stderr))
    if check and done.returncode not in (0, 3):  # 3: done, with notes
        raise RuntimeError(f"{command}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


def reboot_into_disk(net, rescue, folder, name="clone", timeout=300, **kw):
    """Types reboot in the rescue, then starts the same disk from its own boot sector, as the BIOS would."""
    rescue_command(net, "reboot", check=False)
    rescue.wait_exit(120)
    machine = qemu.Machine(
        net, "target", folder, disk=rescue.disk, bus=rescue.bus, name=name, record=rescue.record, **kw
    ).start()
    try:
        machine.wait_banner(timeout)
    except BaseException:
        machine.kill()
        raise
    return machine


def confirm_clone(clone, line, phases):
    """On trial: what must not confirm it does not, the line that switch printed does. Returns lines of what was wrong."""
    wrong = []
    program = line.split()[0]

    def state():
        return json.loads(clone.ssh(f"{program} status --json").stdout)

    if (before := state())["state"] != "trial" or before["loader"]["selected"] != "rescue":
        wrong.append(f"before confirm: {before}")
    if (guard := clone.ssh("systemctl is-active rehost-guard", check=False).stdout.strip()) != "active":
        wrong.append(f"the guard is {guard}")
    if (held := clone.ssh("systemctl is-active cron", check=False).stdout.strip()) != "inactive":
        wrong.append(f"cron is {held} before anybody confirmed")
    if "panic=30" not in clone.ssh("cat /proc/cmdline").stdout:
        wrong.append("no panic= on the clone's command line")
    for attempt in (
        f"{program} confirm 0123456789abcdef",  # another word
        f"env -u SSH_CONNECTION {line}",  # no session
        f"SSH_CONNECTION='127.0.0.1 1 127.0.0.1 22' {line}",  # from inside
        f"{program} release",
    ):
        refused = clone.ssh(attempt, check=False)
        if refused.returncode != 1 or "RH-JOB-6" not in refused.stderr:
            wrong.append(f"{attempt}: {refused}")
    phases.say(f"  $ ssh root@TARGET {line}")
    phases.say(show(clone.ssh(line).stdout))
    if (after := state())["state"] != "confirmed" or after["loader"]["selected"] != "clone":
        wrong.append(f"after confirm: {after}")
    report = json.loads(clone.ssh(f"{program} report --json").stdout)
    changed = {f["path"]: f["why"] for f in report["files"]}
    wrote = {path for p in report["programs"] for path in p["wrote"]}
    if "/etc/fstab" not in changed or "/boot/grub/grub.cfg" not in wrote or not isinstance(report["findings"], list):
        wrong.append(f"report in the clone: {report}")
    return wrong


def migrate(folder, target="target", intent="move", phases=None, memory=512, record_as=None):
    """
    A whole migration with both old systems running first. Raises when a step fails; returns the list of everything
    that differs from what it should be. record_as: what is written to the target's disk from the rescue's start on is
    recorded under this name, for tests/power.
    """
    phases = phases or Phases(quiet=True)
    wrong = []
    with contextlib.ExitStack() as stack:
        with phases("build the disks (kept for the next time)"):
            source_disk, target_disk = disks.build("source", target)
        net = stack.enter_context(qemu.Net())
        source_disk = disks.overlay(source_disk, folder / "source.qcow2")
        target_disk = disks.overlay(target_disk, folder / "target.qcow2")
        with phases("boot source and target"):
            source = stack.enter_context(qemu.Machine(net, "source", folder, disk=source_disk))
            old = stack.enter_context(qemu.Machine(net, "target", folder, disk=target_disk, name="old"))
            source.wait_banner()
            old.wait_banner()
            for machine in source, old:
                phases.say(show(machine.ssh("cat /etc/motd; ip -4 -br address show scope global; lsblk -rno NAME,SIZE,MOUNTPOINT").stdout))
            source_key, target_key = net.host_key(qemu.SOURCE), net.host_key(qemu.TARGET)
            target_identity = old.ssh("cat /etc/machine-id").stdout
            source_identity = source.ssh("cat /etc/machine-id").stdout
            old.power_off()
        with phases("boot the target into the rescue"):
            if record_as:
                phases.recorder = record.Recorder(record.place(record_as), target_disk)
                phases.recorder.mark("boot the target into the rescue")
            rescue = stack.enter_context(
                qemu.rescue(net, folder, target_disk, memory=memory, full=True, record=phases.recorder)
            )
            phases.say(f"  {rescue.wait_banner()[0]}")
            pin_host_key(net, lambda: rescue.wait_console("SHA256:"), source)
        with phases("plan"):
            rescue_command(net, "plan", phases)
        with phases("stop the source's services, list its tree"):
            quiesce(source)
            before = tree.take(net, qemu.SOURCE)
            phases.say(f"  {len(before)} names")
        with phases("receive tar"):
            phases.say(f"  source# {TAR} | ssh root@{qemu.TARGET} receive tar")
            done = push(source)
            phases.say(show(done.stdout + done.stderr, 16))
            if done.returncode not in (0, 1, 3):  # 1: tar saw a file change; the rescue's own state is asked below
                raise RuntimeError(f"receive: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
            rescue_command(net, "status", phases)
        with phases("rewrite"):
            rescue_command(net, f"rewrite --as {intent} --dry-run", phases)
            rescue_command(net, f"rewrite --as {intent}", phases, timeout=900)
        with phases("check"):
            rescue_command(net, "check", phases)
        with phases("switch"):
            said = rescue_command(net, "switch", phases).stdout
            confirm = re.search(r"ssh root@10\.77\.2\.20 (/var/lib/rehost/rehost confirm [0-9a-f]{16})", said)[1]
        with phases("reboot through the private loader, until the clone answers"):
            clone = stack.enter_context(reboot_into_disk(net, rescue, folder))
        with phases("confirm"):
            wrong += confirm_clone(clone, confirm, phases)
        with phases("look at the clone"):
            wrong += answers(net, phases)
            if target == "target" and "/boot " not in clone.ssh("findmnt -rno TARGET,SOURCE").stdout:
                wrong.append("/boot of the target is not mounted")
            want_name = "web01" if intent == "move" else "vps4711"
            if (name := clone.ssh("hostname").stdout.strip()) != want_name:
                wrong.append(f"hostname is {name}, not {want_name}")
            if net.host_key(qemu.TARGET) != (source_key if intent == "move" else target_key):
                wrong.append("the SSH host key is not the one that --as " + intent + " keeps")
            machine_id = clone.ssh("cat /etc/machine-id").stdout
            if (machine_id == source_identity) != (intent == "move") or machine_id == target_identity:
                wrong.append(f"machine-id {machine_id.strip()} is not what --as {intent} means")
        with phases("compare the trees"):
            patterns = dict(EXPECTED)
            if intent == "copy":
                patterns |= {p: "identity" for p in (
                    "etc/hostname", "etc/hosts", "etc/machine-id", "var/lib/dbus/machine-id", "etc/ssh/ssh_host_*",
                    "etc/mailname",
                )}
            after = tree.take(net, qemu.TARGET)
            differences, used = tree.compare(before, after, patterns)
            phases.say(f"  {len(after)} names; {len(differences)} unexpected differences")
            phases.say("  expected: " + ", ".join(sorted(used)))
            wrong += differences
        with phases("release"):
            done = clone.ssh("/var/lib/rehost/rehost release", check=False)
            phases.say(show(done.stdout + done.stderr))
            if done.returncode:
                wrong.append(f"release: exit {done.returncode}: {done.stderr}")
            left = clone.ssh("ls -d /.rehost /boot/.rehost /var/lib/rehost/rehost 2>/dev/null", check=False).stdout
            if left:
                wrong.append(f"release left {left.split()}")
            kept = json.loads(clone.ssh("cat /var/lib/rehost/report.json").stdout)
            text = clone.ssh("cat /var/lib/rehost/report.txt").stdout
            if not kept["left"] or not all(f["text"] in text for f in kept["findings"]) or "Left to you" not in text:
                wrong.append(f"report after release: {kept}")
            phases.say(show(text))
        if phases.recorder:
            phases.recorder.mark("power off")
            clone.power_off()
            phases.recorder.finish(layout=target)
    return wrong


if __name__ == "__main__":
    sys.exit("run tests/vm/demo.py")
