# SPDX-License-Identifier: MIT
"""The target on real file systems: found, looked at without a byte written, taken over, and its boot area.

Runs as root with loop devices whose partitions are made known by partx. Everything is mounted in a mount namespace of
a process that ends with the test, and rehost looks only at the loop devices of the test (REHOST_DISKS).
"""

import contextlib
import hashlib
import json
import os
import pathlib
import subprocess
import time

import loopdisk
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
ROOT_UUID = "11111111-2222-4333-8444-555555555555"
BOOT_UUID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
SWAP_UUID = "99999999-8888-4777-8666-555555555555"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def run(*argv, check=True, **kw):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)
    assert not check or done.returncode == 0, (argv, done.stdout, done.stderr)
    return done


@pytest.fixture(scope="session")
def driver():
    run("make", "-s", "-C", TOP, "build/bin/target_driver")
    return TOP / "build/bin/target_driver"


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def debian_tree(folder, fstab, hostname="oldhost"):
    for name in ("usr/bin", "usr/sbin", "boot/grub", "var", "proc", "home", "srv"):
        (folder / name).mkdir(parents=True)
    (folder / "bin").symlink_to("usr/bin")
    (folder / "sbin").symlink_to("usr/sbin")
    write(folder / "etc/fstab", fstab)
    write(folder / "etc/hostname", hostname + "\n")
    write(folder / "etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    write(folder / "usr/lib/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    (folder / "etc/os-release").symlink_to("../usr/lib/os-release")
    write(folder / "etc/network/interfaces", "source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n")
    write(folder / "etc/network/interfaces.d/lan",
          "auto ens3\niface ens3 inet static\n  address 192.0.2.10/24\n  gateway 192.0.2.1\n")
    write(folder / "usr/sbin/ifup", "", 0o755)
    write(folder / "lib/systemd/system/networking.service", "[Unit]\n")
    wants = folder / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "networking.service").symlink_to("/lib/systemd/system/networking.service")
    write(folder / "etc/ssh/ssh_host_ed25519_key", "SECRET KEY\n", 0o600)
    write(folder / "etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAA old\n")
    write(folder / "etc/default/grub", 'GRUB_CMDLINE_LINUX="console=tty9"\n')
    return folder


GRUB_CFG = "menuentry 'Debian' {\n\tlinux /vmlinuz-6.1 root=UUID=1 ro console=tty0 console=ttyS0,115200\n}\n"
SEPARATE = (f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\nUUID={BOOT_UUID} /boot ext4 ro,nosuid 0 2\n"
            f"UUID={SWAP_UUID} none swap sw 0 0\ntmpfs /tmp tmpfs defaults 0 0\nnas:/x /mnt nfs defaults 0 0\n")
SINGLE = f"UUID={ROOT_UUID} / ext4 defaults 0 1\n"


class Machine:
    """Loop devices that play the target's disks, a namespace to mount in, and the run folder."""

    def __init__(self, driver, folder):
        self.driver, self.folder, self.loops, self.images = driver, folder, [], []
        self.run_dir = folder / "run"
        self.run_dir.mkdir()
        self.holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", "echo ready; exec sleep 600"],
            stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"
        write(self.run_dir / "net.json", json.dumps({"version": 1, "links": [
            {"name": "eth0", "mac": "52:54:00:12:34:56", "driver": "virtio_net", "other_names": [],
             "addresses": ["192.0.2.10/24"], "gateway": "192.0.2.1"}]}))

    def attach(self, image, *options):
        loop = loopdisk.attach(image, *options, table=False)
        self.loops.append(loop)
        self.images.append(image)
        return loop

    def disk(self, name, table, *options, size=96, fill=None):
        image = self.folder / name
        image.touch()
        os.truncate(image, size * MIB)
        if table:
            run("sfdisk", "-q", image, input=table)
        loop = self.attach(image)
        if fill:
            fill(loop)
            run("sync")
        if options:
            self.detach(loop)
            loop = self.attach(image, *options)
        return loop

    def detach(self, loop):
        index = self.loops.index(loop)
        loopdisk.detach(loop, self.images[index])
        del self.loops[index], self.images[index]

    def env(self, **extra):
        names = ",".join(pathlib.Path(loop).name for loop in self.loops)
        return {**os.environ, "REHOST_RUN_DIR": str(self.run_dir), "REHOST_DISKS": names, **extra}

    def argv(self, *args):
        return ["nsenter", "-m", "-t", str(self.holder.pid), *[str(a) for a in args]]

    def shell(self, *args, check=True):
        return run(*self.argv(*args), check=check)

    def __call__(self, *args, check=True, **env):
        done = subprocess.run(self.argv(self.driver, *args), env=self.env(**env), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        assert not check or done.returncode == 0, (args, done.stdout, done.stderr)
        return done

    def refused(self, *args, **env):
        done = self(*args, check=False, **env)
        assert done.returncode == 1, (done.stdout, done.stderr)
        return json.loads(done.stdout)

    def hashes(self):
        run("sync")
        return [hashlib.sha256(pathlib.Path(i).read_bytes()).hexdigest() for i in self.images]

    def close(self):
        self.holder.kill()
        self.holder.wait()
        for loop in list(self.loops):
            self.detach(loop)


@pytest.fixture
def machine(driver, tmp_path):
    made = Machine(driver, tmp_path)
    yield made
    made.close()


def ext4(device, uuid, tree, *options):
    run("mkfs.ext4", "-q", "-F", "-U", uuid, "-d", tree, *options, device)


def boot_tree(folder):
    write(folder / "grub/grub.cfg", GRUB_CFG)
    return folder


def fill_separate(machine, fstab=SEPARATE):
    tree = debian_tree(machine.folder / "tree", fstab)
    boot = boot_tree(machine.folder / "boot")

    def fill(loop):
        ext4(loop + "p1", BOOT_UUID, boot)
        ext4(loop + "p2", ROOT_UUID, tree)
        run("mkswap", "-q", "-U", SWAP_UUID, loop + "p3")
    return fill


THREE = "label: dos\nstart=2048,size=32768\nsize=98304\ntype=82\n"


@pytest.fixture
def separate(machine):
    machine.loop = machine.disk("disk", THREE, fill=fill_separate(machine))
    return machine


@pytest.fixture
def single(machine):
    tree = debian_tree(machine.folder / "tree", SINGLE)
    boot_tree(tree / "boot")
    machine.loop = machine.disk("disk", "label: dos\nstart=2048\n", fill=lambda d: ext4(d + "p1", ROOT_UUID, tree))
    return machine


def test_looking_finds_all_and_writes_nothing(separate):
    before = separate.hashes()
    seen = separate("look").stdout
    assert f"fs / {separate.loop}p2 errors=remount-ro read-only\n" in seen
    assert f"fs /boot {separate.loop}p1 ro,nosuid read-only\n" in seen
    assert f"swap {separate.loop}p3\n" in seen
    assert "note" not in seen and "provisional 0" in seen
    plan = separate("plan").stdout
    separate("identity")
    separate("identity", "json")
    assert separate("look").stdout == seen
    separate("unmount")
    assert separate.hashes() == before
    for word in (separate.loop, "oldhost", "Debian GNU/Linux 12", "/boot on", "192.0.2.10/24 via 192.0.2.1, kept",
                 "root@192.0.2.10 receive tar", "rollback", "swap on", "complete"):
        assert word in plan, (word, plan)
    assert max(len(line) for line in plan.splitlines()) <= 80, plan
    assert len(plan.splitlines()) <= 25, plan
    for part in ("p1", "p2"):
        assert run("blockdev", "--getro", separate.loop + part).stdout == "0\n"


def test_plan_json(single):
    plan = json.loads(single("plan", "json").stdout)
    assert plan["state"] == "none" and plan["address"] == "192.0.2.10" and not plan["provisional"]
    assert len(plan["token"]) == 8 and plan["token_disk"] == single.loop
    (root,) = plan["filesystems"]
    assert root["mount"] == "/" and root["free_bytes"] - root["size_bytes"] // 20 <= root["fits_bytes"] < root["free_bytes"]
    (warning,) = plan["warnings"]  # there is no /rescue here
    assert "private loader" in warning and "--without-loader" in warning
    assert "switch" in plan["power_cut"]
    assert plan["identity"]["token"] == plan["token"]


def test_identity_content(separate):
    identity = json.loads(separate("identity", "json").stdout)
    assert identity["version"] == 1 and identity["provisional"] is False
    assert identity["hostname"] == "oldhost" and identity["distribution"] == "Debian GNU/Linux 12 (bookworm)"
    assert identity["machine_id"] == "0123456789abcdef0123456789abcdef"
    assert identity["kernel_cmdline"] == "root=UUID=1 ro console=tty0 console=ttyS0,115200"
    assert identity["consoles"] == ["tty0", "ttyS0,115200"]
    assert [(f["mount"], f["uuid"], f["options"]) for f in identity["filesystems"]] == [
        ("/", ROOT_UUID, "errors=remount-ro"), ("/boot", BOOT_UUID, "ro,nosuid")]
    assert identity["swaps"] == [{"device": separate.loop + "p3", "uuid": SWAP_UUID}]
    assert identity["links"] == [{"mac": "52:54:00:12:34:56", "name": "ens3", "rescue_name": "eth0",
                                  "driver": "virtio_net", "addresses": ["192.0.2.10/24"], "gateway": "192.0.2.1"}]
    files = identity["files"]
    assert files["/etc/network/interfaces.d/lan"].startswith("auto ens3")
    assert files["/etc/ssh/ssh_host_ed25519_key"] is None and "/etc/ssh/ssh_host_ed25519_key.pub" in files
    assert "SECRET" not in separate("identity", "json").stdout
    kept = separate.run_dir / "identity/files/etc/ssh/ssh_host_ed25519_key"
    assert kept.read_text() == "SECRET KEY\n" and kept.stat().st_mode & 0o777 == 0o600
    facts = separate("facts").stdout
    assert f"fs / ext4 {ROOT_UUID} errors=remount-ro\n" in facts
    assert f"fs none swap {SWAP_UUID} -\n" in facts
    assert "console ttyS0,115200\n" in facts and "hostname oldhost\n" in facts and f"boot {separate.loop}\n" in facts


def make_dirty(machine, loop, part="p1"):
    """A copy of the disk as a power cut would leave it: the change is in the journal only."""
    point = machine.folder / "mnt"
    point.mkdir()
    machine.shell("mount", loop + part, point)
    machine.shell("sh", "-ec", f"echo changed >{point}/etc/hostname; exec 9>{point}/gone; echo x >&9; rm {point}/gone;"
                  f"sync -f {point}; cp --sparse=always {machine.images[0]} {machine.folder}/dirty")
    machine.shell("umount", point)
    machine.detach(loop)
    machine.loop = machine.attach(machine.folder / "dirty")
    assert "needs_recovery" in run("dumpe2fs", "-h", machine.loop + part).stdout


def test_dirty_journal_is_not_replayed_by_looking(single):
    make_dirty(single, single.loop)
    before = single.hashes()
    assert "provisional 1" in single("look").stdout
    plan = single("plan").stdout
    assert "not unmounted cleanly" in plan and "provisional" in plan
    assert json.loads(single("identity", "json").stdout)["provisional"] is True
    single("unmount")
    assert single.hashes() == before
    # The first command that writes replays it and takes the identity again.
    single("begin", "test")
    identity = json.loads(single("identity", "json").stdout)
    assert identity["provisional"] is False and identity["hostname"] == "changed"
    single("unmount")
    assert "needs_recovery" not in run("dumpe2fs", "-h", single.loop + "p1").stdout


def test_orphans_are_not_cleaned_by_looking(machine):
    tree = debian_tree(machine.folder / "tree", SINGLE)
    write(tree / "orphan", "x" * 50000)

    def fill(loop):
        ext4(loop + "p1", ROOT_UUID, tree)
        inode = run("debugfs", "-R", "stat /orphan", loop + "p1").stdout.split()[1]
        for command in ("unlink /orphan", f"sif <{inode}> links_count 0", f"ssv last_orphan {inode}"):
            run("debugfs", "-w", "-R", command, loop + "p1")
    loop = machine.disk("disk", "label: dos\nstart=2048\n", fill=fill)
    before = machine.hashes()
    machine("look")
    machine("unmount")
    assert machine.hashes() == before
    # This is what an ordinary mount for looking would have done, noload or not.
    point = machine.folder / "mnt"
    point.mkdir()
    machine.shell("mount", "-o", "ro,noload", loop + "p1", point)
    machine.shell("umount", point)
    assert machine.hashes() != before


def test_writing_makes_our_folder_and_keeps_the_identity(separate):
    separate("look")
    separate("begin", "test")
    for n in (0, 1):
        top = f"{separate.run_dir}/fs/{n}/.rehost"
        listing = separate.shell("stat", "-c", "%a %u %F", top, top + "/tree", top + "/edits/upper",
                                 top + "/edits/work").stdout
        assert listing.splitlines()[0] == "700 0 directory" and listing.count("directory") == 4
    saved = f"{separate.run_dir}/fs/0/.rehost/identity"
    assert separate.shell("cat", saved + "/files/etc/ssh/ssh_host_ed25519_key").stdout == "SECRET KEY\n"
    first = separate("identity", "json").stdout
    # A reboot into the rescue: the run folder is empty, the copy on the disk is taken.
    separate("unmount")
    for path in sorted((separate.run_dir / "identity").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (separate.run_dir / "identity").rmdir()
    assert separate("identity", "json").stdout == first
    assert "read-only" in separate("look").stdout
    assert "writable" in separate("write").stdout
    assert "writable" in separate("look").stdout  # used as it is


def test_views(separate):
    failed = separate.refused("write-old", "/etc/new")
    assert failed["errno"] == 30, failed
    separate("write-stage", "/etc/staged")
    separate("write-stage", "/boot/staged")
    separate("write-clone", "/etc/edited")
    separate("write-clone", "/boot/edited")
    separate("write-clone", "/etc/staged")
    top = separate.run_dir / "fs"

    def there(path):
        return separate.shell("test", "-e", top / path, check=False).returncode == 0
    assert there("0/.rehost/tree/etc/staged") and there("1/.rehost/tree/staged")
    assert there("0/.rehost/edits/upper/etc/edited") and there("1/.rehost/edits/upper/edited")
    assert there("0/.rehost/edits/upper/etc/staged")
    for path in ("0/.rehost/tree/etc/edited", "1/.rehost/tree/edited", "0/etc/new", "0/etc/edited", "1/edited"):
        assert not there(path), path
    # Nothing of a view stays mounted.
    assert str(separate.run_dir / "view") not in separate.shell("cat", "/proc/self/mountinfo").stdout


def test_a_cut_switch_needs_no_fstab(separate):
    separate("record-switching")
    top = separate.run_dir / "fs/0"
    for name in ("etc", "bin"):  # on their way between the two trees
        separate.shell("mv", top / name, top / ".rehost/tree" / name)
    separate("unmount")
    seen = separate("look").stdout
    assert f"fs / {separate.loop}p2 " in seen and f"fs /boot {separate.loop}p1 " in seen
    # The identity is the one from before; it is not taken again from what lies at / now.
    assert "oldhost" in separate("identity").stdout
    (separate.run_dir / "identity/identity.json").unlink()
    assert "oldhost" in separate("identity").stdout
    (separate.run_dir / "identity/identity.json").unlink()
    separate("write")
    separate.shell("rm", "-r", top / ".rehost/identity")
    failed = separate.refused("identity")
    assert failed["id"] == "RH-JOB-45" and "do not boot" in failed["disk"]


def test_no_disk(machine):
    failed = machine.refused("plan")
    assert failed["id"] == "RH-DISK-01" and failed["disk"] == "nothing has been written"


def test_empty_disk(machine):
    machine.disk("disk", "label: dos\nstart=2048\n")
    failed = machine.refused("plan")
    assert failed["id"] == "RH-JOB-41" and "unknown content" in failed["because"]


def test_two_roots_are_refused_until_one_is_chosen(machine):
    one = debian_tree(machine.folder / "one", SINGLE, "one")
    two = debian_tree(machine.folder / "two", "", "two")

    def fill(loop):
        ext4(loop + "p1", ROOT_UUID, one)
        ext4(loop + "p2", BOOT_UUID, two)
    loop = machine.disk("disk", "label: dos\nstart=2048,size=65536\ntype=83\n", fill=fill)
    before = machine.hashes()
    failed = machine.refused("plan")
    assert failed["id"] == "RH-JOB-42"
    for word in (ROOT_UUID, BOOT_UUID, "one", "two"):
        assert word in failed["because"]
    assert machine.hashes() == before
    write(machine.run_dir / "options", f"ip=dhcp\nroot={BOOT_UUID.upper()}\n")
    assert f"fs / {loop}p2 " in machine("look").stdout
    write(machine.run_dir / "options", f"root={ROOT_UUID}\n")
    assert f"fs / {loop}p1 " in machine("look").stdout
    write(machine.run_dir / "options", "root=nosuch\n")
    assert machine.refused("look")["id"] == "RH-JOB-41"


def test_encrypted_disk_is_named(machine):
    image = machine.folder / "disk"
    header = bytearray(4 * MIB)
    header[:8] = b"LUKS\xba\xbe\x00\x01"
    header[168:204] = ROOT_UUID.encode()
    header[104:112] = (4096).to_bytes(4, "big") + (32).to_bytes(4, "big")

    def fill(loop):
        with open(loop + "p1", "r+b") as f:
            f.write(header)
    machine.disk("disk", "label: dos\nstart=2048\n", fill=fill)
    assert image.exists()
    before = machine.hashes()
    failed = machine.refused("plan")
    assert failed["id"] == "RH-DISK-06" and "crypto_LUKS" in failed["because"]
    assert machine.hashes() == before


def test_write_protected_disk(machine):
    tree = debian_tree(machine.folder / "tree", SINGLE)
    machine.disk("disk", "label: dos\nstart=2048\n", "-r", fill=lambda d: ext4(d + "p1", ROOT_UUID, tree))
    assert "read-only" in machine("look").stdout
    assert "write-protected" in machine("plan").stdout
    assert machine.refused("write")["id"] == "RH-DISK-03"
    assert "read-only" in machine("look").stdout  # and looking still works


@pytest.mark.parametrize("option, code", [("defaults", "RH-JOB-43"), ("nofail", None), ("noauto", None)])
def test_missing_file_system(machine, option, code):
    missing = "UUID=deadbeef-0000-4000-8000-000000000000"
    tree = debian_tree(machine.folder / "tree", SINGLE + f"{missing} /srv ext4 {option} 0 2\n")
    machine.disk("disk", "label: dos\nstart=2048\n", fill=lambda d: ext4(d + "p1", ROOT_UUID, tree))
    if code:
        failed = machine.refused("look")
        assert failed["id"] == code and "/srv" in failed["because"] and missing in failed["because"]
        assert failed["disk"] == "nothing has been written"
    else:
        assert ("note" in machine("look").stdout) == (option == "nofail")


def test_disk_without_a_table(machine):
    tree = debian_tree(machine.folder / "tree", SINGLE)
    loop = machine.disk("disk", None, fill=lambda d: ext4(d, ROOT_UUID, tree, "-E", "nodiscard"))
    before = machine.hashes()
    assert f"fs / {loop} defaults read-only" in machine("look").stdout
    assert run("blockdev", "--getro", loop).stdout == "1\n"
    assert "no room for a boot loader" in machine("plan").stdout
    assert machine.hashes() == before
    assert "writable" in machine("write").stdout  # our own protection is no write protection


def test_device_in_use_elsewhere_is_left_alone(single):
    point = single.folder / "mnt"
    point.mkdir()
    run("mount", single.loop + "p1", point)
    try:
        assert single.refused("look")["id"] == "RH-DISK-12"
        assert run("blockdev", "--getro", single.loop + "p1").stdout == "0\n"
        (point / "still").write_text("writable")
        run("sync", "-f", point)
    finally:
        run("umount", point)


def test_hostile_folder_in_our_place(machine):
    tree = debian_tree(machine.folder / "tree", SINGLE)
    (tree / ".rehost").symlink_to("/etc")
    machine.disk("disk", "label: dos\nstart=2048\n", fill=lambda d: ext4(d + "p1", ROOT_UUID, tree))
    assert machine.refused("write")["id"] == "RH-JOB-46"
    assert not (tree / "etc/tree").exists()


def test_lock_names_the_holder(single):
    with subprocess.Popen(single.argv(single.driver, "hold", "receive"), env=single.env(), text=True,
                          stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == "begun\n"
        failed = single.refused("begin", "rewrite")
        assert failed["id"] == "RH-JOB-40" and "receive" in failed["because"] and "process" in failed["because"]
        assert "writable" in single("look").stdout  # looking needs no lock
        holder.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        holder.wait(timeout=5)


# ---- the boot area, against GRUB's own installer -----------------------------------------------------------

GEOMETRY = r"""
#include <dlfcn.h>
#include <linux/hdreg.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
/* grub-bios-setup asks partitions for their geometry, which loop devices do not have. */
int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int, unsigned long, ...) = dlsym((void *)-1l, "ioctl");
	va_list ap;
	va_start(ap, request);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	if (request != HDIO_GETGEO)
		return next(fd, request, arg);
	struct stat st;
	char path[64];
	struct hd_geometry *g = arg;
	unsigned long start = 0;
	if (fstat(fd, &st))
		return -1;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/start", major(st.st_rdev), minor(st.st_rdev));
	FILE *f = fopen(path, "r");
	if (f && fscanf(f, "%lu", &start) != 1)
		start = 0;
	*g = (struct hd_geometry){ .heads = 255, .sectors = 63, .cylinders = 10, .start = start };
	return 0;
}
"""
GRUB = pathlib.Path("/usr/lib/grub/i386-pc")
BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"


@pytest.mark.skipif(not (GRUB / "grub-bios-setup").exists(), reason="needs grub-pc-bin")
@pytest.mark.parametrize("table, part, module", [
    ("label: dos\nstart=2048\n", "p1", "part_msdos"),
    (f"label: gpt\nstart=2048,size=2048,type={BIOS_BOOT}\nsize=81920\n", "p2", "part_gpt"),
])
def test_boot_area_is_what_grub_writes(machine, table, part, module):
    folder = machine.folder
    write(folder / "geometry.c", GEOMETRY)
    run("cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", folder / "geometry.so", folder / "geometry.c")
    files = folder / "grub/boot/grub/i386-pc"
    files.mkdir(parents=True)
    (files / "boot.img").write_bytes((GRUB / "boot.img").read_bytes())
    run("grub-mkimage", "-O", "i386-pc", "-o", files / "core.img", "-p", "/boot/grub", "biosdisk", module, "ext2")
    loop = machine.disk("theirs", table, fill=lambda d: ext4(d + part, ROOT_UUID, folder / "grub"))
    run("cp", "--sparse=always", folder / "theirs", folder / "ours")
    point = folder / "mnt"
    point.mkdir()
    write(folder / "device.map", f"(hd0) {loop}\n")
    machine.shell("mount", "-o", "ro", loop + part, point)
    machine.shell("env", f"LD_PRELOAD={folder}/geometry.so", GRUB / "grub-bios-setup", "--no-rs-codes", "-d",
                  point / "boot/grub/i386-pc", "-m", folder / "device.map", loop)
    machine.shell("umount", point)
    run("sync")
    machine.detach(loop)
    machine("embed", folder / "ours", files / "boot.img", files / "core.img")
    theirs, ours = (folder / "theirs").read_bytes(), (folder / "ours").read_bytes()
    assert theirs[:440] != bytes(440) and b"GRUB" in theirs[:512]
    assert theirs[:2 * MIB] == ours[:2 * MIB]
