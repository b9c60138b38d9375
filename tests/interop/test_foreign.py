# SPDX-License-Identifier: MIT
"""serve --disk on a system that is not ours, with stock tar and ssh: this machine plays the provider's rescue system,
a loop device the target's disk. No init of ours has prepared anything.

The tests run in the order of this file and build on one another, as a migration does.
"""
import hashlib
import json
import os
import pathlib
import subprocess
import threading
import time

import pytest
from test_clone import BINARY, Target, make_old_system, make_source, old_system_is_whole, sh

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not BINARY.exists(), reason="needs build/rehost"),
    pytest.mark.skipif(os.path.exists("/sys/firmware/efi"), reason="this machine boots by UEFI, the switch refuses"),
]

NOT_EXCHANGED = "-path ./.rehost -prune -o -path ./lost+found -prune -o"


class Service:
    """A disk, and 'serve --disk' for it in a mount namespace of its own."""

    def __init__(self, work):
        self.work = work
        self.target = Target(work)
        self.process = None
        self.keys = {}
        for name in "operator", "observer":
            self.keys[name] = str(work / name)
            sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.keys[name])

    def argv(self, disk, *more):
        return ["nsenter", "-t", str(self.target.holder.pid), "-m", "--", str(BINARY), "serve", "--disk", str(disk),
                "--run-dir", str(self.target.run_dir), "--listen", "0", "--authorized-keys", self.keys["operator"] + ".pub",
                "--observer-keys", self.keys["observer"] + ".pub", *more]

    def start(self, disk):
        self.process = subprocess.Popen(self.argv(disk), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on port "), (line, self.process.communicate())
        self.port = int(line.split()[-1])

    def refused(self, disk):
        done = subprocess.run(self.argv(disk), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
        assert done.returncode == 1, (done.stdout, done.stderr)
        return done.stderr

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(30) == 0

    def ssh(self, *command, who="operator", stdin=subprocess.DEVNULL, check=False):
        argv = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
                "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-i", self.keys[who],
                "-p", str(self.port), "root@127.0.0.1", *command]
        done = subprocess.run(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=900)
        assert not check or done.returncode in (0, 3), (command, done.stdout, done.stderr)
        return done

    def state(self, who="operator"):
        return json.loads(self.ssh("status", "--json", who=who).stdout)["state"]

    def read(self, path):
        return self.target.inside("cat", self.target.run_dir / path).stdout

    def close(self):
        self.stop()
        sh("swapoff", self.target.swap, check=False)
        self.target.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_source(tmp_path_factory.mktemp("foreign-source"))


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    work = tmp_path_factory.mktemp("foreign")
    s = Service(work)
    try:
        make_old_system(s.target, work)
        yield s
    finally:
        s.close()


def test_what_is_no_disk_is_refused(service):
    for given in service.target.root, "/dev/null", "/etc/passwd", "no-such-serial", "/dev/no-such":
        assert "RH-DISK-21" in service.refused(given)
    assert f"{service.target.root} is a partition" in service.refused(service.target.root)


def test_a_disk_in_use_is_refused(service):
    """Mounted here, mounted where we cannot see it, and the disk this machine runs from."""
    t, at = service.target, service.work / "host"
    at.mkdir()
    t.inside("mount", "-o", "ro", t.boot, at)
    said = service.refused(t.loop)
    assert "RH-DISK-20" in said and f"mounted at {at}" in said
    t.inside("umount", at)
    elsewhere = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c",
                                  f"mount -o ro {t.boot} {at} && echo ready && exec sleep 60"], stdout=subprocess.PIPE, text=True)
    try:
        assert elsewhere.stdout.readline() == "ready\n"
        assert "something else holds it" in service.refused(t.loop)
    finally:
        elsewhere.kill()
        elsewhere.wait()
    root = sh("findmnt", "-no", "SOURCE", "/").stdout.strip()
    if root.startswith("/dev/"):
        disk = sh("lsblk", "-nso", "NAME", "-r", root).stdout.split()[-1]
        assert "RH-DISK-20" in service.refused(disk)


def test_plan_without_our_init(service):
    """By a link, as an operator would name it; the host key and everything else is in the run folder."""
    link = service.work / "by-id"
    link.symlink_to(service.target.loop)
    for _ in range(100):  # the namespace above is taken down behind the process's back
        if "RH-DISK-20" not in subprocess.run(
                service.argv(link, "--bind", "nonsense"), stderr=subprocess.PIPE, text=True, check=False).stderr:
            break
        time.sleep(0.1)
    service.start(link)
    plan = json.loads(service.ssh("plan", "--json", check=True).stdout)
    assert plan["state"] == "none" and plan["token_disk"] == service.target.loop
    assert [f["mount"] for f in plan["filesystems"]] == ["/", "/boot"]
    assert len(plan["identity"]["disks"]) == 1
    assert plan["identity"]["links"], "the cards of this machine, from sysfs"
    assert {"host_key", "fingerprint", "options"} <= set(os.listdir(service.target.run_dir))
    assert old_system_is_whole(service.target) is None


def swaps():
    return [line.split()[0] for line in pathlib.Path("/proc/swaps").read_text().splitlines()[1:]]


def swap_header(service):
    with open(service.target.swap, "rb") as f:
        return hashlib.sha256(f.read(4096)).hexdigest()


def test_memory_of_the_target_only_when_asked_for(service):
    """Beside a system that is not ours its own memory is none of our business."""
    assert "swap partition" not in service.ssh("plan", check=True).stdout
    with open(service.target.run_dir / "options", "a") as f:
        f.write("lowmem=on\n")
    plan = " ".join(service.ssh("plan", check=True).stdout.split())
    assert f"its swap partition {service.target.swap} is used" in plan
    service.header = swap_header(service)
    assert service.target.swap not in swaps()


def test_receive_while_somebody_looks_on(service, source):
    seen, done = [], threading.Event()

    def look_on():
        while not done.is_set():
            r = service.ssh("status", "--json", who="observer")
            if r.returncode == 0:
                seen.append(json.loads(r.stdout))
    observer = threading.Thread(target=look_on)
    observer.start()
    try:
        tar = subprocess.Popen(["tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--one-file-system",
                                "-C", str(source), "-cf", "-", "."], stdout=subprocess.PIPE)
        received = service.ssh("receive", "tar", stdin=tar.stdout)
        tar.wait()
    finally:
        done.set()
        observer.join()
    assert received.returncode in (0, 3), received.stderr
    progress = [s["progress"] for s in seen if s["progress"]]
    assert any(p["command"] == "receive tar" and p["bytes"] > 0 for p in progress), seen[-3:]
    assert service.state("observer") == "staged"
    assert service.target.swap in swaps()


def test_rewrite_check_and_an_observers_check(service):
    early = service.ssh("check", who="observer")
    assert early.returncode == 1 and "RH-JOB-20" in early.stderr
    service.ssh("rewrite", check=True)
    record = ("sha256sum", service.target.run_dir / "fs/0/.rehost/job")
    before = service.target.inside(*record).stdout
    looked = service.ssh("check", who="observer")
    assert looked.returncode in (0, 3) and "boot proof passed" in looked.stdout, looked.stdout + looked.stderr
    assert service.state() == "edited" and service.target.inside(*record).stdout == before
    checked = service.ssh("check", check=True)
    assert checked.stdout == looked.stdout
    assert service.state() == "checked"
    for word in "switch", "rollback --discard":
        refused = service.ssh(word, who="observer")
        assert refused.returncode == 2 and "look, not write" in refused.stderr
    assert service.state() == "checked"


def test_a_disk_that_came_into_use_is_left_alone(service):
    """That system may mount what it likes at any time; a command that writes looks first."""
    t, at = service.target, service.work / "host"
    t.inside("mount", t.boot, at)
    refused = service.ssh("rewrite")
    assert refused.returncode == 1 and "RH-DISK-20" in refused.stderr and str(at) in refused.stderr
    t.inside("umount", at)
    assert service.state() == "checked"


def listing(service):
    script = f"cd {service.target.run_dir}/fs/0 && find . {NOT_EXCHANGED} -print | sort | head -100000"
    return service.target.shell(script)


def test_switch_and_the_host_is_not_rebooted(service):
    refused = service.ssh("switch")
    said = " ".join(refused.stderr.split())
    assert refused.returncode == 1 and "the rescue system that runs here is not rehost's own" in said
    assert "switch --without-loader" in said, said
    r = service.ssh("switch", "--without-loader")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert service.target.swap not in swaps() and swap_header(service) == service.header
    assert service.state() == "switched"
    assert service.read("fs/0/etc/hostname") == "wandering\n"
    assert "./srv/data" in listing(service)
    with open(service.target.image, "rb") as f:
        assert f.read(440) != bytes(440)
    refused = service.ssh("reboot")
    assert refused.returncode == 1 and "RH-SSH-06" in refused.stderr
    assert str(service.target.run_dir) not in service.target.inside("cat", "/proc/mounts").stdout
    # the run folder is as it was: the clone is still there after the file systems were left
    assert service.state() == "switched"


def test_reboot_of_the_host_when_asked_for(service):
    mark = service.work / "rebooted"
    fake = service.work / "fake-reboot"
    fake.write_text(f"#!/bin/sh\ntouch {mark}\n")
    fake.chmod(0o755)
    path = next(p for p in map(pathlib.Path, ("/sbin/reboot", "/usr/sbin/reboot", "/bin/reboot")) if p.exists())
    service.target.inside("mount", "--bind", fake, path)
    r = service.ssh("reboot", "--host")
    assert r.returncode == 0, r.stderr
    assert mark.exists()
    service.target.inside("umount", path)


def test_rollback_and_the_end(service):
    service.ssh("rollback", check=True)
    service.ssh("rollback", "--discard", check=True)
    old_system_is_whole(service.target)
    service.stop()
    assert str(service.target.run_dir) not in service.target.inside("cat", "/proc/mounts").stdout
    assert sh("blockdev", "--getro", service.target.root).stdout.strip() == "0"
