# SPDX-License-Identifier: MIT
"""receive, rewrite, check on a real disk image, without a machine: a Debian root is received beside another
one, rewritten in the prepared chroot by its own tools, and proved. Needs root; uses one loop device.

The tests run in the order of this file and build on one another, as a migration does.
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import loopdisk
import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
BINARY = REPO / "build/rehost"
CACHE = REPO / "build/cache"
SUITE = "bookworm"
PACKAGES = (
    "ca-certificates,dbus,e2fsprogs,grub-pc,ifupdown,initramfs-tools,iproute2,kmod,linux-image-cloud-amd64,"
    "netbase,openssh-server,procps,systemd-sysv,udev,zstd"
)
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*"]
UUID = {
    "boot": "b0070000-1111-4222-8333-444455556666",
    "swap": "5ab00000-1111-4222-8333-444455556666",
    "root": "70070000-1111-4222-8333-444455556666",
}
SOURCE_UUID = "50c0ce00-aaaa-4bbb-8ccc-ddddeeeeffff"
MAC = "52:54:00:c1:0e:01"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH0PAM3CcSBoMTv9xvFcTqfU7bHEqY0hhQkXGzH1mC3p test"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not BINARY.exists(), reason="needs build/rehost"),
]


def sh(*argv, **kw):
    kw.setdefault("check", True)
    kw.setdefault("text", True)
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    r = subprocess.run([str(a) for a in argv], **{**kw, "check": False})
    assert not kw["check"] or r.returncode == 0, f"{argv}: {r.stdout}{r.stderr}"
    return r


def root_tar(packages=PACKAGES):
    """A minimal Debian server as a tar, made once."""
    recipe = hashlib.sha256(f"{SUITE}{packages}{LEFT_OUT}".encode()).hexdigest()[:12]
    tar = CACHE / f"clone-root-{recipe}.tar"
    if not tar.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        sources = sh(REPO / "scripts/apt-sources", SUITE).stdout
        new = tar.with_suffix(".new.tar")
        sh("mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}",
           *[f"--dpkgopt=path-exclude={p}" for p in LEFT_OUT], SUITE, new, "-", input=sources)
        new.rename(tar)
    return tar


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(mode)


class Target:
    """A disk image on a loop device, and a mount namespace that outlives the commands."""

    def __init__(self, work):
        self.work = work
        self.run_dir = work / "run"
        self.image = work / "disk.img"
        with open(self.image, "wb") as f:
            f.truncate(4 << 30)
        table = "label: dos\nlabel-id: 0x1badb002\n"
        table += "start=2048,size=524288,type=83,bootable\nstart=526336,size=131072,type=82\nstart=657408,type=83\n"
        sh("sfdisk", "-q", self.image, input=table)
        self.loop = loopdisk.attach(self.image)
        self.holder = None
        try:
            self.prepare()
        except BaseException:
            self.close()
            raise

    def prepare(self):
        self.boot, self.swap, self.root = (f"{self.loop}p{n}" for n in (1, 2, 3))
        sh("mkfs.ext4", "-q", "-U", UUID["boot"], self.boot)
        sh("mkswap", "-q", "-U", UUID["swap"], self.swap)
        sh("mkfs.ext4", "-q", "-U", UUID["root"], self.root)
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sleep", "infinity"], start_new_session=True)
        time.sleep(0.2)

    def close(self):
        if self.holder:
            self.holder.send_signal(signal.SIGKILL)
            self.holder.wait()
        loopdisk.detach(self.loop, self.image)
        self.image.unlink()

    def env(self):
        return dict(os.environ, REHOST_RUN_DIR=str(self.run_dir), REHOST_DISKS=self.loop.removeprefix("/dev/"),
                    REHOST_SCAN_LOOP="1")

    def inside(self, *argv, **kw):
        return sh("nsenter", "-t", self.holder.pid, "-m", "--", *argv, env=self.env(), **kw)

    def rehost(self, *words, **kw):
        return self.inside(BINARY, *words, check=False, **kw)

    def shell(self, script):
        return self.inside("/bin/sh", "-ec", script).stdout

    def read(self, path):
        """A file below the run folder, as the namespace sees it."""
        return self.inside("cat", self.run_dir / path).stdout

    def exists(self, path):
        return self.inside("test", "-e", self.run_dir / path, check=False).returncode == 0

    def clone_file(self, path):
        """Where the edited clone has its file: in the layer when it was edited, else in the stage."""
        fs, below = ("1", path.removeprefix("/boot")) if path.startswith("/boot/") else ("0", path)
        upper = f"fs/{fs}/.rehost/edits/upper{below}"
        return upper if self.exists(upper) else f"fs/{fs}/.rehost/tree{below}"


OLD_ROOT = {
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "etc/hostname": "oldbox\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 oldbox\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/fstab": (
        f"UUID={UUID['root']} / ext4 errors=remount-ro 0 1\n"
        f"UUID={UUID['boot']} /boot ext4 defaults 0 2\n"
        f"UUID={UUID['swap']} none swap sw 0 0\n"),
    "etc/network/interfaces": (
        "# this machine's own\nauto lo\niface lo inet loopback\n\nauto net7\niface net7 inet static\n"
        "\taddress 192.0.2.77/24\n\tgateway 192.0.2.1\n"),
    "etc/resolv.conf": "nameserver 192.0.2.53\n",
    "etc/default/grub": "GRUB_CMDLINE_LINUX=\"console=ttyS0,115200\"\n",
    "etc/systemd/system/multi-user.target.wants/networking.service": "[Unit]\n",
    "sbin/ifup": "#!/bin/sh\n",
    "sbin/ifdown": "#!/bin/sh\n",
    "sbin/ifquery": "#!/bin/sh\n",
    "root/precious": "do not lose me\n",
}


def make_old_system(t, work):
    m = work / "old"
    m.mkdir()
    sh("mount", t.root, m)
    try:
        for path, text in OLD_ROOT.items():
            write(m / path, text, 0o755 if path.startswith("sbin/") else 0o644)
        for d in ("bin", "sbin", "usr/bin", "dev", "proc", "sys", "run", "boot"):
            (m / d).mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/sh", m / "bin/sh")
        (m / "etc/ssh").mkdir()
        sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", m / "etc/ssh/ssh_host_ed25519_key")
        (m / "sbin/init").symlink_to("/lib/systemd/systemd")
        sh("mount", t.boot, m / "boot")
        write(m / "boot/vmlinuz-5.10.0-old", "old kernel")
        write(m / "boot/grub/grub.cfg", "# the old menu\n")
        sh("umount", m / "boot")
    finally:
        sh("umount", m)


def make_source(work, tar=None):
    root = work / "source"
    root.mkdir()
    sh("tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-C", root, "-xf", tar or root_tar())
    write(root / "etc/hostname", "wandering\n")
    write(root / "etc/fstab", f"# the source's\nUUID={SOURCE_UUID} / ext4 errors=remount-ro 0 1\n"
                              "tmpfs /srv/tmp tmpfs size=10m 0 0\n")
    write(root / "etc/network/interfaces",
          "auto lo\niface lo inet loopback\nauto ens3\niface ens3 inet static\n\taddress 198.51.100.9/24\n"
          "\tgateway 198.51.100.1\n")
    write(root / "etc/resolv.conf", "nameserver 198.51.100.53\n")
    (root / "etc/nginx/conf.d").mkdir(parents=True)
    write(root / "etc/nginx/conf.d/site.conf", "server {\n  listen 198.51.100.9:80;\n}\n")
    write(root / "etc/allowed", "198.51.100.9 # us\n")
    write(root / "etc/machine-id", "fedcba9876543210fedcba9876543210\n")
    write(root / "root/.ssh/authorized_keys", KEY + "\n", 0o600)
    write(root / "srv/data", "the source's data\n")
    os.setxattr(root / "srv/data", "user.kept", b"yes")
    os.link(root / "srv/data", root / "srv/same")
    if not list((root / "etc/ssh").glob("ssh_host_*_key")):
        sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / "etc/ssh/ssh_host_ed25519_key")
    return root


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_source(tmp_path_factory.mktemp("clone-source"))


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    work = tmp_path_factory.mktemp("clone-target")
    t = Target(work)
    try:
        make_old_system(t, work)
        # What the rescue's init writes: the card with this machine's address, under another name.
        write(t.run_dir / "net.json", json.dumps({"links": [{
            "name": "eth0", "mac": MAC, "driver": "virtio_net", "addresses": ["192.0.2.77/24"],
            "gateway": "192.0.2.1", "other_names": ["ens3"]}]}))
        yield t
    finally:
        t.close()


def send(t, root, *words, limit=None):
    """Stock GNU tar into 'receive tar'; limit cuts the stream after so many bytes."""
    cut = f"| head -c {limit}" if limit else ""
    tar = f"tar --xattrs --xattrs-include='*' --acls --numeric-owner --sparse --one-file-system -C {root} -cf - . {cut}"
    return sh("/bin/sh", "-c", f"{tar} | nsenter -t {t.holder.pid} -m -- {BINARY} receive tar {' '.join(words)}",
              check=False, env=t.env())


def send_nothing(t, *words):
    """What arrives when the command on the source fails at once."""
    return sh("/bin/sh", "-c", f"false | nsenter -t {t.holder.pid} -m -- {BINARY} receive tar {' '.join(words)}",
              check=False, env=t.env())


def state(t):
    return json.loads(t.rehost("status", "--json").stdout)["state"]


def old_system_is_whole(t):
    for path, text in OLD_ROOT.items():
        assert t.read(f"fs/0/{path}") == text
    assert t.read("fs/1/grub/grub.cfg") == "# the old menu\n"


def test_rewrite_before_receive_is_refused(target):
    r = target.rehost("rewrite")
    assert r.returncode == 1 and "RH-JOB-20" in r.stderr


def test_cut_stream_leaves_an_incomplete_stage(target, source):
    r = send(target, source, limit=60_000_000)
    assert r.returncode == 1, r.stderr
    assert "incomplete" in r.stderr and "old system is whole" in r.stderr
    assert state(target) == "staging"
    assert not target.exists("fs/0/.rehost/manifest")
    old_system_is_whole(target)
    r = target.rehost("rewrite")
    assert r.returncode == 1 and "RH-JOB-24" in r.stderr


def test_empty_stream_does_not_cost_what_was_received(target):
    before = target.shell(f"ls -R {target.run_dir}/fs/0/.rehost/tree | wc -l")
    assert int(before) > 100
    r = send_nothing(target)
    assert r.returncode == 1 and "RH-TAR-02" in r.stderr and "empty" in r.stderr, r.stderr
    assert target.shell(f"ls -R {target.run_dir}/fs/0/.rehost/tree | wc -l") == before


def test_receive(target, source):
    r = send(target, source)
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert "the stage is complete" in r.stdout
    assert state(target) == "staged"
    assert target.read("fs/0/.rehost/manifest").startswith("rehost-manifest 1\n")
    old_system_is_whole(target)
    out = target.shell(f"cd {target.run_dir}/fs/0/.rehost; stat -c %a .; stat -c '%a %h' tree tree/srv/data; ls tree/boot; "
                       "getfattr --only-values -n user.kept tree/srv/same; ls -d tree/proc tree/run")
    assert out.splitlines()[0] == "700"
    assert "644 2" in out and "yes" in out
    assert "vmlinuz" not in out  # /boot has a file system of its own
    assert "vmlinuz-" in target.shell(f"ls {target.run_dir}/fs/1/.rehost/tree")


def test_second_receive_needs_update(target, source):
    r = send(target, source)
    assert r.returncode == 1 and "RH-JOB-21" in r.stderr
    assert state(target) == "staged"


def test_empty_update_leaves_the_stage_complete(target):
    r = send_nothing(target, "--update")
    assert r.returncode == 1 and "empty" in r.stderr, r.stderr
    assert state(target) == "staged"
    assert target.exists("fs/0/.rehost/manifest")


def room(t):
    """Bytes free for users, and in all, of the target's root."""
    free, total, block = (int(n) for n in t.shell(f"stat -f -c '%a %b %S' {t.run_dir}/fs/0").split())
    return free * block, total * block


def test_too_large_for_the_disk(target, source):
    """The old system keeps its 5 %: the stream is stopped, with numbers, before the disk is full."""
    filler = target.run_dir / "fs/0/filler"
    big = source / "srv/big"
    with open(big, "wb") as f:
        f.write(os.urandom(1 << 20) * 300)
    free, total = room(target)
    target.shell(f"fallocate -l {free - total // 20 - (100 << 20)} {filler}")
    try:
        r = send(target, source, "--update")
        assert r.returncode == 1 and "RH-JOB-22" in r.stderr, r.stderr
        assert re.search(r"/: .* are free, .* stay free for the old\s+system, so .* are missing", r.stderr)
        assert room(target)[0] > total // 50  # stopped near the limit, not at the end of the disk
        assert state(target) == "staging"
        old_system_is_whole(target)
    finally:
        target.shell(f"rm {filler}")
        big.unlink()


def test_killed_command_leaves_no_lock_and_no_lie(target, source):
    tar = subprocess.run(["tar", "-C", source, "-cf", "-", "./etc", "./usr/bin"], stdout=subprocess.PIPE, check=True).stdout
    victim = subprocess.Popen(
        ["nsenter", "-t", str(target.holder.pid), "-m", "--", BINARY, "receive", "tar", "--update", "--delete-ok"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=target.env())
    victim.stdin.write(tar[: len(tar) // 2])
    victim.stdin.flush()
    r = send(target, source, "--update")
    assert r.returncode == 1 and "receive tar, process" in r.stderr, r.stderr
    victim.kill()
    victim.wait()
    time.sleep(0.5)  # the child that held the lock as well follows
    assert state(target) == "staging"
    old_system_is_whole(target)
    r = send(target, source, "--update")  # goes on with what is there
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert state(target) == "staged"
    assert not target.exists("fs/0/.rehost/tree/srv/big")


def test_dry_run_writes_nothing(target):
    r = target.rehost("rewrite", "--dry-run")
    assert r.returncode == 0, r.stderr
    assert "--- a/etc/fstab" in r.stdout and "+++ b/etc/fstab" in r.stdout
    assert re.search(rf"^-UUID={SOURCE_UUID}", r.stdout, re.M)
    assert re.search(rf"^\+UUID={UUID['root']}", r.stdout, re.M)
    assert "run: grub menu: " in r.stdout
    assert "RH-JOB-71" in target.rehost("report").stderr  # nothing is rewritten yet
    assert target.shell(f"find {target.run_dir}/fs/*/.rehost/edits/upper -mindepth 1") == ""
    assert state(target) == "staged"


def names_nothing_foreign(t, path, text):
    for bad in ("/run/rehost", ".rehost", str(t.run_dir), SOURCE_UUID, "overlay", "loop"):
        assert bad not in text, f"{bad} in {path}"


def test_rewrite(target):
    r = target.rehost("rewrite")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert state(target) == "edited"
    # the stage itself is as received
    assert SOURCE_UUID in target.read("fs/0/.rehost/tree/etc/fstab")
    fstab = target.read(target.clone_file("/etc/fstab"))
    assert f"UUID={UUID['root']}" in fstab and f"UUID={UUID['boot']}" in fstab
    assert "tmpfs /srv/tmp tmpfs size=10m 0 0" in fstab
    names_nothing_foreign(target, "fstab", fstab)
    net = target.read(target.clone_file("/etc/network/interfaces"))
    assert "192.0.2.77" in net and "198.51.100.9" not in net
    assert target.read(target.clone_file("/etc/hostname")) == "wandering\n"  # move keeps the source's
    assert not target.exists("fs/0/.rehost/scratch")
    old_system_is_whole(target)


def test_loader_is_made_for_this_disk(target):
    menu = target.read(target.clone_file("/boot/grub/grub.cfg"))
    names_nothing_foreign(target, "grub.cfg", menu)
    assert f"root=UUID={UUID['root']}" in menu
    assert re.search(rf"search .*--set=root .*{UUID['boot']}", menu)
    linux = re.search(r"^\s+linux\s+(\S+)", menu, re.M).group(1)
    assert linux.startswith("/vmlinuz-")  # relative to the file system of /boot
    upper = target.run_dir / "fs/1/.rehost/edits/upper/grub/i386-pc"
    sizes = target.shell(f"stat -c %s {upper}/boot.img {upper}/core.img").split()
    assert sizes[0] == "512" and 20_000 < int(sizes[1]) < 2047 * 512
    # the old loader is untouched until the switch
    with open(target.image, "rb") as f:
        assert f.read(440) == bytes(440)


def step_lines(r):
    return [line for line in r.stdout.splitlines() if line.startswith(("kept: ", "running: "))]


def test_second_rewrite_runs_no_tool_again(target):
    layer = f"cd {target.run_dir}/fs/1/.rehost/edits/upper; find . -type f | sort | xargs sha256sum"
    before = target.shell(layer)
    r = target.rehost("rewrite")
    assert r.returncode in (0, 3), r.stderr
    assert step_lines(r) and all(line.startswith("kept: ") for line in step_lines(r)), r.stdout
    assert target.shell(layer) == before


def test_check_passes(target):
    r = target.rehost("check", "--json")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    answer = json.loads(r.stdout)
    assert answer["would_boot"] is True
    assert not [f for f in answer["findings"] if f["severity"] == "blocker"]
    assert state(target) == "checked"


def test_report(target):
    """What was changed, by whom and why, and what the check found, before anything is switched; looking writes nothing."""
    layer = f"cd {target.run_dir}/fs; find */.rehost/edits/upper -type f | sort | xargs sha256sum"
    before = target.shell(layer)
    r = target.rehost("report", "--json")
    assert r.returncode == 0, r.stderr
    o = json.loads(r.stdout)
    files = {f["path"]: f for f in o["files"]}
    assert files["/etc/fstab"]["change"] == "changed" and "UUID" in files["/etc/fstab"]["why"]
    assert o["clone"]["addresses"] == ["192.0.2.77"] and o["source"]["addresses"] == ["198.51.100.9"]
    menu = [p for p in o["programs"] if p["name"] == "grub menu"]
    assert "/boot/grub/grub.cfg" in menu[0]["wrote"]
    found = json.loads(target.rehost("check", "--look", "--json").stdout)["findings"]
    assert o["findings"] == found
    says = {(f["severity"], f["id"], f["text"].partition(" ")[0]) for f in found}
    assert ("warning", "source-address", "/etc/nginx/conf.d/site.conf:2") in says, found
    assert ("note", "source-address", "/etc/allowed:1") in says and len([f for f in found if f["id"] == "sweep"]) == 1
    assert any("/etc/nginx/conf.d/site.conf:2" in line for line in o["left"])
    assert target.rehost("report").stdout.startswith("Report of a migration")
    assert target.shell(layer) == before


@pytest.mark.parametrize(("path", "change", "finding"), [
    ("fs/1/.rehost/tree", "for f in vmlinuz-*; do mv $f kept.$f; done", "kernel"),
    ("fs/1/.rehost/edits/upper/grub/i386-pc", "mv core.img kept.core.img", "loader"),
    ("fs/1/.rehost/edits/upper/grub", f"cp -p grub.cfg kept.grub.cfg; sed -i 's/{UUID['root']}/{SOURCE_UUID}/' grub.cfg",
     "root-argument"),
    ("fs/0/.rehost/edits/upper/etc", "cp -p fstab kept.fstab; echo 'UUID=00000000-dead-4bad-8bad-000000000000 /x ext4 defaults 0 2' >>fstab",
     "fstab"),
    ("fs/0/.rehost/tree/etc/ssh", "for f in ssh_host_*_key; do mv $f kept.$f; done", "host-keys"),
    ("fs/0/.rehost/tree/root/.ssh", "mv authorized_keys kept.authorized_keys", "login"),
])
def test_check_refuses(target, path, change, finding):
    """Breaks one thing, as a bug or a bad source would, and asks again."""
    folder = target.run_dir / path
    record = target.run_dir / "fs/0/.rehost/job"
    target.shell(f"cp {record} {target.work}/job; cd {folder}; {change}")
    try:
        if "/edits/" in path:  # the layer no longer is what rewrite made: that alone is refused
            r = target.rehost("check")
            assert r.returncode == 1 and "changed since" in r.stderr, r.stdout + r.stderr
        else:
            r = target.rehost("check", "--json")
            assert r.returncode == 1, r.stdout + r.stderr
            answer = json.loads(r.stdout)
            assert answer["would_boot"] is False
            assert finding in [f["id"] for f in answer["findings"] if f["severity"] == "blocker"], answer
            assert state(target) == "edited"
    finally:
        target.shell(f"cd {folder}; for f in kept.*; do [ ! -e \"$f\" ] || mv \"$f\" \"${{f#kept.}}\"; done")


def test_update_after_rewrite(target, source):
    """The final pass: one file changed on the source; only what depends on it is made again."""
    write(source / "srv/data2", "written last\n")
    (source / "srv/same").unlink()
    r = send(target, source, "--update")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert state(target) == "staged"
    assert target.read("fs/0/.rehost/tree/srv/data2") == "written last\n"
    assert not target.exists("fs/0/.rehost/tree/srv/same")
    r = target.rehost("rewrite")
    assert r.returncode in (0, 3), r.stderr
    assert all(line.startswith("kept: ") for line in step_lines(r)), r.stdout
    r = target.rehost("check")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert state(target) == "checked"


def boot_area(t):
    with open(t.loop, "rb") as f:
        return f.read(1024 * 1024)


def test_missing_initramfs_is_made(target, source):
    """And by a copy with another boot loader's hook, which would write its boot sector: not to this disk."""
    for image in (source / "boot").glob("initrd.img-*"):
        image.unlink()
    write(source / "etc/initramfs/post-update.d/zz-loader",
          f"#!/bin/sh\n{{ head -c 512 {target.loop} | wc -c; dd if=/dev/zero of={target.loop} bs=512 count=1 "
          "conv=notrunc; } >/var/lib/zz-loader 2>&1 || true\n", 0o755)
    before = boot_area(target)
    r = send(target, source, "--update")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    r = target.rehost("rewrite")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert [line for line in step_lines(r) if line.startswith("running: initramfs ")]
    said = target.read(target.clone_file("/var/lib/zz-loader"))
    assert said.startswith("512\n") and "Permission denied" in said  # it may read, and tried to write
    assert boot_area(target) == before
    r = target.rehost("check")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    r = target.rehost("rewrite")
    assert [line for line in step_lines(r) if line.startswith("kept: initramfs ")], r.stdout
    r = target.rehost("check")
    assert r.returncode in (0, 3), r.stdout + r.stderr


def test_other_options_run_what_depends_on_them(target):
    r = target.rehost("rewrite", "--as", "copy", "--hostname", "newname")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert target.read(target.clone_file("/etc/hostname")) == "newname\n"
    assert target.read(target.clone_file("/etc/machine-id")) != "fedcba9876543210fedcba9876543210\n"
    key = "etc/ssh/ssh_host_ed25519_key.pub"
    assert target.read(target.clone_file("/" + key)) == target.read("fs/0/" + key)
    old_system_is_whole(target)


def test_a_copy_keeps_the_ids_it_was_given(target):
    """Drawn by the first rewrite as a copy; a failed one in between forgets nothing."""
    first = target.read(target.clone_file("/etc/machine-id"))
    assert re.fullmatch("[0-9a-f]{32}\n", first)
    dry = target.rehost("rewrite", "--dry-run", "--as", "copy", "--hostname", "newname")
    assert "+" + first.strip() in dry.stdout
    layer = f"cd {target.run_dir}/fs/0/.rehost/edits/upper; find . -type f | sort | xargs sha256sum"
    before = target.shell(layer)
    modules = target.run_dir / "fs/0/.rehost/tree/usr/lib/modules"
    target.shell(f"mv {modules} {modules}.away")
    assert target.rehost("rewrite", "--as", "copy", "--hostname", "newname").returncode == 1
    target.shell(f"mv {modules}.away {modules}")
    r = target.rehost("rewrite", "--as", "copy", "--hostname", "newname")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    assert target.read(target.clone_file("/etc/machine-id")) == first
    assert target.shell(layer) == before


LISTING = """cd {} && find . -mindepth 1 -path ./.rehost -prune -o -path ./lost+found -prune -o -printf '%p %y %m %U %G %l %n\\n' |
awk '$2 == "d" {{ $NF = "" }} {{ print }}' | sort; find . -path ./.rehost -prune -o -type f -print0 | sort -z | xargs -0 sha256sum"""


def test_switched_root_is_the_clone_that_was_checked(target):
    """The kernel's own view of stage and edits, against what the merge and the exchange made of them."""
    r = target.rehost("check")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    want = []
    for n in (0, 1):
        hidden = f"{target.run_dir}/fs/{n}/.rehost"
        view = target.work / f"view{n}"
        view.mkdir()
        target.shell(f"mount -t overlay -o ro,lowerdir={hidden}/edits/upper:{hidden}/tree overlay {view}")
        want.append(target.shell(LISTING.format(view)))
        target.shell(f"umount {view}")
    r = target.rehost("switch", "--without-loader")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    for n in (0, 1):
        got = target.shell(LISTING.format(f"{target.run_dir}/fs/{n}"))
        assert got == want[n]
    assert "trusted.overlay" not in target.shell(f"getfattr -R -d -m - {target.run_dir}/fs/0 2>/dev/null || true")
    with open(target.image, "rb") as f:
        assert f.read(440) != bytes(440)  # the clone's boot code
    r = target.rehost("rollback")
    assert r.returncode in (0, 3), r.stdout + r.stderr
    old_system_is_whole(target)
    with open(target.image, "rb") as f:
        assert f.read(440) == bytes(440)
