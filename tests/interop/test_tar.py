# SPDX-License-Identifier: MIT
"""Real tar programs into tar_receive() on a real ext4: every attribute of every kind of inode compared."""
import os
import shutil
import socket
import stat
import struct
import subprocess
import time
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRIVER = ROOT / "build/tests/tar_driver"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root and loop devices")

GNU = ["tar", "--numeric-owner", "--acls", "--xattrs", "--xattrs-include=*", "--sparse", "-cpf", "-"]
PAX = GNU[:1] + ["--format=posix"] + GNU[1:]
BSD = ["bsdtar", "--format=pax", "--acls", "--xattrs", "--numeric-owner", "-cf", "-"]


def run(*argv, **kw):
    return subprocess.run([str(a) for a in argv], check=True, capture_output=True, **kw)


class Disk:
    """An ext4 in a file, mounted."""

    def __init__(self, folder, name, size, *mkfs):
        self.image, self.path = folder / f"{name}.img", folder / name
        self.path.mkdir()
        with open(self.image, "wb") as f:
            f.truncate(size)
        run("mkfs.ext4", "-qF", *mkfs, self.image)
        run("mount", "-o", "loop,user_xattr,acl", self.image, self.path)

    def close(self):
        for _ in range(20):
            if subprocess.run(["umount", str(self.path)], capture_output=True).returncode == 0:
                return
            time.sleep(0.2)
        subprocess.run(["umount", "-l", str(self.path)])


@pytest.fixture
def disk(tmp_path):
    d = Disk(tmp_path, "disk", 256 << 20)
    yield d
    d.close()


def receive(dest, stream, *options, ok=True, stdin=None):
    """Runs the driver; a dict of its key=value lines, notes as a list."""
    p = subprocess.run([str(DRIVER), *options, str(dest)], input=stream, stdin=stdin,
                       capture_output=True)
    got = {"notes": [], "stderr": p.stderr.decode()}
    for line in p.stdout.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key == "note":
            got["notes"].append(value)
        else:
            got[key] = value
    assert (p.returncode == 0) == ok, p.stdout + p.stderr
    return got


def holes(path, size):
    """Data segments, as far as the file system tells."""
    found, at = [], 0
    fd = os.open(path, os.O_RDONLY)
    try:
        while at < size:
            try:
                data = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(fd, data, os.SEEK_HOLE)
            found.append((data, at))
    finally:
        os.close(fd)
    return found


def look(top, sparse=True, xattrs=True, nanoseconds=True):
    """Everything there is to know of a tree: {path: attributes}."""
    seen, first_name = {}, {}
    top = os.fsencode(top)
    for folder, dirs, files in os.walk(top):
        for name in [b"."] * (folder == top) + dirs + files:
            path = os.path.join(folder, name) if name != b"." else folder
            rel = os.path.relpath(path, top)
            st = os.lstat(path)
            if stat.S_ISSOCK(st.st_mode) or rel == b"lost+found":
                continue
            row = [stat.S_IFMT(st.st_mode), st.st_mode & 0o7777, st.st_uid, st.st_gid,
                   st.st_mtime_ns if nanoseconds else st.st_mtime_ns // 10**9]
            if not stat.S_ISDIR(st.st_mode):
                row.append(first_name.setdefault((st.st_dev, st.st_ino), rel))
                row.append(st.st_nlink)
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    row += [st.st_size, hash(f.read())]
                if sparse:
                    row.append(holes(path, st.st_size))
            if stat.S_ISLNK(st.st_mode):
                row.append(os.readlink(path))
            if stat.S_ISBLK(st.st_mode) or stat.S_ISCHR(st.st_mode):
                row.append(st.st_rdev)
            if xattrs:
                row.append({n: os.getxattr(path, n, follow_symlinks=False)
                            for n in os.listxattr(path, follow_symlinks=False)})
            seen[rel] = row
    # The first name of an inode depends on the order of the walk: name the smallest.
    smallest = {}
    for rel, row in seen.items():
        if row[0] != stat.S_IFDIR:
            smallest[row[5]] = min(rel, smallest.get(row[5], rel))
    for row in seen.values():
        if row[0] != stat.S_IFDIR:
            row[5] = smallest[row[5]]
    return seen


def assert_same(want, got):
    assert sorted(want) == sorted(got)
    for path, row in want.items():
        assert got[path] == row, path


def make_tree(top):
    """Every kind of inode, attribute, odd name and odd time."""
    top.mkdir()
    (top / "etc").mkdir()
    (top / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nalice:x:4242:4242::/:/bin/sh\n")
    (top / "etc/group").write_text("root:x:0:\ndevs:x:5252:\n")
    b = os.fsencode(top)
    for i, name in enumerate([b"new\nline", b"latin\xe9", b"-dash", b"n" * 255, "caf\u00e9".encode(), b" ",
                              b"back\\slash", b"*?[", b"e\xcc\x81", b"%41"]):
        with open(os.path.join(b, name), "wb") as f:
            f.write(b"x" * i * 1000)
    deep = top
    for i in range(60):
        deep = deep / ("d%02d" % i + "x" * 20)
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")
    for mode in (0o4755, 0o2755, 0o1777, 0o6711, 0o000, 0o400):
        (top / f"mode{mode:o}").write_text("m")
        os.chown(top / f"mode{mode:o}", 1000, 1001)
        os.chmod(top / f"mode{mode:o}", mode)
    (top / "setgid").mkdir()
    os.chown(top / "setgid", 7, 8)
    os.chmod(top / "setgid", 0o2775)
    (top / "setgid/in").write_text("g")
    (top / "sticky").mkdir()
    os.chmod(top / "sticky", 0o1777)
    (top / "closed").mkdir()
    (top / "closed/in").write_text("c")
    os.chmod(top / "closed", 0)
    (top / "bigid").write_text("i")
    os.chown(top / "bigid", 4294967294, 3000000000)
    os.symlink("no/such", top / "link")
    os.lchown(top / "link", 5, 6)
    os.symlink("t" * 1000, top / "longlink")
    os.symlink(b"raw\xff", os.path.join(b, b"rawlink"))
    os.mkfifo(top / "fifo", 0o640)
    os.mknod(top / "chr", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(top / "blk", 0o660 | stat.S_IFBLK, os.makedev(259, 70000))
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(top / "sock"))
    s.close()
    (top / "hard1").write_text("shared")
    os.link(top / "hard1", top / "etc/hard2")
    os.link(top / "hard1", top / "sticky/hard3")
    os.link(top / "link", top / "hardlink-to-link", follow_symlinks=False)
    with open(top / "sparse", "wb") as f:
        f.truncate(50 << 20)
        f.seek(10 << 20)
        f.write(b"A" * 8192)
        f.seek(30 << 20)
        f.write(b"B" * 4096)
    with open(top / "hole-only", "wb") as f:
        f.truncate(5 << 20)
    with open(top / "big", "wb") as f:
        for i in range(20):
            f.write(os.urandom(1 << 20))
    (top / "empty").write_text("")
    (top / "caps").write_text("c")
    run("setcap", "cap_net_raw,cap_net_admin+ep", top / "caps")
    (top / "acl").write_text("a")
    run("setfacl", "-m", "u:4242:rw,g:5252:r,m::rw", top / "acl")
    (top / "acldir").mkdir()
    run("setfacl", "-m", "u:4242:rwx,d:u:4242:rwx,d:g:5252:rx", top / "acldir")
    (top / "acldir/inherits").write_text("i")
    (top / "acldir/sub").mkdir()
    for name, value in (("user.one", b"1"), ("user.binary", bytes(range(256))), ("user.empty", b""),
                        ("trusted.two", b"2"), ("security.three", b"3"),
                        ("security.selinux", b"system_u:object_r:etc_t:s0\0")):
        os.setxattr(top / "acl", name, value)
    os.setxattr(top / "sticky", "user.dir", b"d")
    os.setxattr(top / "link", "trusted.onlink", b"l", follow_symlinks=False)
    for name, ns in (("empty", 1234567890_123456789), ("hard1", 1), ("acl", -86400 * 365 * 10**9 + 5),
                     ("big", 4_000_000_000 * 10**9 + 999_999_999), ("mode400", 0)):
        os.utime(top / name, ns=(ns, ns))
    os.utime(top / "link", ns=(5, 1_500_000_000_000_000_001), follow_symlinks=False)
    for folder in (top / "etc", top / "acldir", top / "sticky", top / "closed", deep, top):
        os.utime(folder, ns=(7, 1_600_000_000_000_000_007))


def pack(command, top):
    p = subprocess.run([*command, "."], cwd=top, capture_output=True)
    assert p.returncode == 0, p.stderr
    return p.stdout


@pytest.mark.parametrize("command", [PAX, BSD], ids=["gnu", "bsd"])
def test_every_attribute(disk, command):
    src, dest = disk.path / "src", disk.path / "dest"
    make_tree(src)
    dest.mkdir()
    stream = pack(command, src)
    want = look(src)
    got = receive(dest, stream, "--manifest", "m")
    assert got["notes"] == []
    assert got["xattrs"] == "1"
    now = look(dest)
    if command is BSD:
        # It sees its own names only where libarchive's disk reader looks: attributes of links are not sent.
        want[b"link"][-1] = now[b"link"][-1]
        want[b"hardlink-to-link"][-1] = now[b"hardlink-to-link"][-1]
        # It writes fractions of a second before 1970 its own way.
        assert abs(want[b"acl"][4] - now[b"acl"][4]) < 2 * 10**9
        want[b"acl"][4] = now[b"acl"][4]
    assert_same(want, now)
    # The same once more, as an update: nothing to do, nothing lost.
    again = receive(dest, stream, "--manifest", "m", "--update")
    assert again["notes"] == [] and again["removed"] == "0"
    plain = sum(1 for row in want.values() if row[0] != stat.S_IFDIR)
    # Symbolic links with several names are made anew, they cannot be told apart from changed ones.
    assert int(again["unchanged"]) >= plain - 2
    assert_same(want, look(dest))


def test_gnu_format(disk):
    """tar's default on old systems: no attributes, whole seconds, long names as L and K records."""
    src, dest = disk.path / "src", disk.path / "dest"
    make_tree(src)
    dest.mkdir()
    got = receive(dest, pack(["tar", "--format=gnu", "-S", "-cf", "-"], src))
    assert got["notes"] == [] and got["xattrs"] == "0"
    want = look(src, xattrs=False, nanoseconds=False)
    assert_same(want, look(dest, xattrs=False, nanoseconds=False))


@pytest.mark.parametrize("command", [["busybox", "tar", "-cf", "-"], ["tar", "--format=ustar", "-cf", "-"],
                                     ["bsdtar", "--format=ustar", "-cf", "-"],
                                     ["tar", "--format=v7", "-cf", "-"]],
                         ids=["busybox", "ustar", "bsdustar", "v7"])
def test_simple_formats(disk, command):
    src, dest = disk.path / "src", disk.path / "dest"
    (src / "a/b").mkdir(parents=True)
    (src / "a/b/f").write_text("one")
    os.link(src / "a/b/f", src / "h")
    os.symlink("a/b", src / "l")
    with open(src / "big", "wb") as f:
        f.write(os.urandom(3 << 20))
    os.chown(src / "big", 33, 44)
    os.chmod(src / "big", 0o4711)
    if command[1] != "--format=v7":
        os.mkfifo(src / "fifo")
        os.mknod(src / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        with open(src / ("n" * 99), "w") as f:
            f.write("long")
    dest.mkdir()
    receive(dest, pack(command, src))
    kinds = dict(sparse=False, xattrs=False, nanoseconds=False)
    assert_same(look(src, **kinds), look(dest, **kinds))


@pytest.mark.parametrize("program", ["gzip", "bzip2", "xz", "zstd", "lz4"])
def test_compressions(disk, program):
    src, dest = disk.path / "src", disk.path / "dest"
    src.mkdir()
    (src / "random").write_bytes(os.urandom(1 << 20))
    (src / "text").write_text("line\n" * 300000)
    (src / "zeros").write_bytes(bytes(1 << 20))
    dest.mkdir()
    stream = run(program, "-c", input=pack(PAX, src)).stdout
    assert receive(dest, stream)["compression"] == program
    assert_same(look(src, sparse=False), look(dest, sparse=False))
    for cut in (len(stream) // 2, len(stream) - 1):
        dest2 = disk.path / f"cut{cut}"
        dest2.mkdir()
        assert receive(dest2, stream[:cut], ok=False)["error"] in ("RH-TAR-02", "RH-TAR-03")


def with_dictionary(packed, code):
    """An xz stream that demands another dictionary: 18 is 2 MiB, 28 64 MiB, 40 4 GiB (xz file format, 5.3.1)."""
    data = bytearray(packed)
    end = 12 + (data[12] + 1) * 4
    data[data.index(b"\x21\x01", 12, end) + 2] = code
    data[end - 4:end] = struct.pack("<I", zlib.crc32(bytes(data[12:end - 4])))
    return bytes(data)


def test_window_that_does_not_fit_into_memory(disk):
    """A few bytes of header may demand gigabytes; what needs little still goes."""
    src = disk.path / "src"
    src.mkdir()
    (src / "random").write_bytes(os.urandom(1 << 20))
    plain = pack(PAX, src)

    def packed(*command):
        return run(*command, "-c", input=plain).stdout
    modest = [packed("xz", "-6"), packed("zstd", "-19"), packed("bzip2", "-9"), packed("lz4", "-9"), packed("gzip", "-9"),
              with_dictionary(packed("xz", "-0"), 22)]
    greedy = [packed("xz", "-9"), packed("zstd", "-1", "--long=27"), packed("zstd", "-1", "--long=31"),
              with_dictionary(packed("xz", "-0"), 28), with_dictionary(packed("xz", "-0"), 40)]
    for n, stream in enumerate(modest):
        dest = disk.path / f"modest{n}"
        dest.mkdir()
        receive(dest, stream, "--memory", "16")
        assert (dest / "random").read_bytes() == (src / "random").read_bytes()
    for n, stream in enumerate(greedy):
        dest = disk.path / f"greedy{n}"
        dest.mkdir()
        assert receive(dest, stream, "--memory", "32", ok=False)["error"] == "RH-TAR-14"
        assert os.listdir(dest) == []
    dest = disk.path / "roomy"
    dest.mkdir()
    receive(dest, packed("xz", "-9"), "--memory", "80")


def test_tar_that_is_killed(disk):
    """A pipe that ends early, also between members, is never taken for a whole archive."""
    src = disk.path / "src"
    src.mkdir()
    for i in range(20):
        (src / f"f{i}").write_bytes(b"x" * 100)
    stream = pack(["tar", "--format=ustar", "-cf", "-"], src)
    dest = disk.path / "dest"
    dest.mkdir()
    for cut in range(512, 42 * 512, 512):
        assert receive(dest, stream[:cut], ok=False)["error"] == "RH-TAR-02", cut


def test_update(disk):
    src, dest = disk.path / "src", disk.path / "dest"
    make_tree(src)
    for i in range(100):
        (src / f"fill{i}").write_text("x")
    dest.mkdir()
    receive(dest, pack(PAX, src), "--manifest", "m")

    (src / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nalice:x:4343:4343::/:/bin/sh\n")
    with open(src / "big", "r+b") as f:
        f.seek(15 << 20)
        f.write(b"changed")
    os.utime(src / "big", ns=(1, 4_000_000_000 * 10**9))  # time says nothing
    with open(src / "sparse", "r+b") as f:
        f.seek(20 << 20)
        f.write(b"C" * 4096)
    run("fallocate", "-p", "-o", str(30 << 20), "-l", "4096", src / "sparse")
    with open(src / "hole-only", "w") as f:
        f.write("no hole")
    os.unlink(src / "fifo")
    (src / "fifo").mkdir()
    (src / "fifo/in").write_text("in")
    shutil.rmtree(src / "acldir")
    os.symlink("etc", src / "acldir")
    os.unlink(src / "link")
    os.unlink(src / "etc/hard2")
    (src / "etc/hard2").write_text("alone")
    os.removexattr(src / "acl", "user.one")
    os.setxattr(src / "acl", "trusted.two", b"two")
    run("setfacl", "-b", src / "acl")
    run("setcap", "-r", src / "caps")
    os.chown(src / "mode4755", 0, 0)
    os.chmod(src / "mode4755", 0o4755)
    os.unlink(src / "fill0")
    os.utime(src, ns=(7, 1_600_000_000_000_000_009))

    # +i in the old tree does not stop it.
    run("chattr", "+i", dest / "mode400")
    run("chattr", "+a", dest / "sticky")
    got = receive(dest, pack(PAX, src), "--manifest", "m", "--update")
    assert got["notes"] == []
    # fill0; acldir's two entries went with it, so did the first name of the link
    assert int(got["removed"]) >= 2
    assert_same(look(src), look(dest))


def test_deletions_guard(disk):
    src, dest = disk.path / "src", disk.path / "dest"
    src.mkdir()
    dest.mkdir()
    for i in range(40):
        (src / f"f{i}").write_text("x")
    receive(dest, pack(PAX, src), "--manifest", "m")
    for i in range(10):
        os.unlink(src / f"f{i}")
    stream = pack(PAX, src)
    assert receive(dest, stream, "--manifest", "m", "--update", ok=False)["error"] == "RH-TAR-10"
    assert (dest / "f0").exists()
    got = receive(dest, stream, "--manifest", "m", "--update", "--delete-ok")
    assert got["removed"] == "10"
    assert_same(look(src), look(dest))


def test_acl_names(disk):
    """GNU tar writes names into ACLs; they are those of the incoming passwd, not of this machine."""
    src, dest = disk.path / "src", disk.path / "dest"
    src.mkdir()
    (src / "f").write_text("x")
    (src / "etc").mkdir()
    run("setfacl", "-m", "u:daemon:rw,g:games:r", src / "f")  # known to this machine, so tar sends names
    (src / "etc/passwd").write_text("daemon:x:7771:1::/:/bin/sh\n")
    (src / "etc/group").write_text("games:x:7772:\n")
    dest.mkdir()
    got = receive(dest, pack(PAX, src))
    assert got["notes"] == []
    acl = run("getfacl", "-n", "-c", "-p", dest / "f").stdout.decode()
    assert "user:7771:rw-" in acl and "group:7772:r--" in acl
    (src / "etc/passwd").write_text("nobody-else:x:1:1::/:/bin/sh\n")
    shutil.rmtree(dest)
    dest.mkdir()
    got = receive(dest, pack(PAX, src))
    assert len(got["notes"]) == 1 and "daemon" in got["notes"][0]
    assert "group:7772:r--" in run("getfacl", "-n", "-c", "-p", dest / "f").stdout.decode()


def test_inode_flags_of_bsdtar(disk):
    src, dest = disk.path / "src", disk.path / "dest"
    (src / "d").mkdir(parents=True)
    (src / "d/fixed").write_text("x")
    (src / "log").write_text("l")
    os.link(src / "d/fixed", src / "other")
    run("chattr", "+i", src / "d/fixed")
    run("chattr", "+a", src / "log")
    run("chattr", "+i", src / "d")
    dest.mkdir()
    try:
        stream = pack(["bsdtar", "--format=pax", "--fflags", "-cf", "-"], src)
        for options in ([], ["--update"]):
            got = receive(dest, stream, "--manifest", "m", *options)
            assert got["notes"] == []
            for name, flag in (("d/fixed", "i"), ("log", "a"), ("d", "i")):
                assert flag in run("lsattr", "-d", dest / name).stdout.decode().split()[0]
            assert os.stat(dest / "other").st_nlink == 2
    finally:
        for top in (src, dest):
            run("chattr", "-R", "-i", "-a", top)


def test_no_space(tmp_path):
    d = Disk(tmp_path, "tiny", 8 << 20)
    try:
        src, dest = tmp_path / "src", d.path / "dest"
        src.mkdir()
        dest.mkdir()
        (src / "big").write_bytes(os.urandom(20 << 20))
        assert receive(dest, pack(PAX, src), ok=False)["error"] == "RH-TAR-06"
        (src / "big").unlink()
        for i in range(200):
            (src / f"f{i}").write_bytes(os.urandom(100000))
        assert receive(dest, pack(PAX, src), ok=False)["error"] == "RH-TAR-06"
    finally:
        d.close()


def test_no_inodes(tmp_path):
    d = Disk(tmp_path, "few", 8 << 20, "-N", "64")
    try:
        src, dest = tmp_path / "src", d.path / "dest"
        src.mkdir()
        dest.mkdir()
        for i in range(200):
            (src / f"f{i}").write_text("x")
        assert receive(dest, pack(PAX, src), ok=False)["error"] == "RH-TAR-06"
    finally:
        d.close()


def test_read_only(disk):
    src, dest = disk.path / "src", disk.path / "dest"
    src.mkdir()
    dest.mkdir()
    (src / "f").write_text("x")
    stream = pack(PAX, src)
    run("mount", "-o", "remount,ro", disk.path)
    got = receive(dest, stream, ok=False)
    assert got["error"] == "RH-TAR-07"
    assert "ead-only" in got["stderr"]


def test_attribute_that_does_not_fit(tmp_path, disk):
    """ENOSPC of one attribute is not a full disk."""
    big = Disk(tmp_path, "big", 64 << 20, "-O", "ea_inode")
    try:
        src, dest = big.path / "src", disk.path / "dest"
        src.mkdir()
        dest.mkdir()
        (src / "f").write_text("x")
        os.setxattr(src / "f", "user.large", b"v" * 20000)
        got = receive(dest, pack(PAX, src))
        assert len(got["notes"]) == 1 and "user.large" in got["notes"][0]
        assert (dest / "f").read_text() == "x"
    finally:
        big.close()


def test_mount_points_in_the_stage(disk):
    """Binds of other file systems (or of the same one) are filled, never replaced or emptied."""
    src, dest = disk.path / "src", disk.path / "dest"
    boot = disk.path / "boot"
    for p in (src / "boot", dest / "boot", dest / "data", dest / "parent/mnt", boot):
        p.mkdir(parents=True)
    (boot / "precious").write_text("p")
    (src / "kernel").write_text("k")
    os.link(src / "kernel", src / "boot/kernel")
    os.chmod(src / "boot", 0o700)
    os.utime(src / "boot", ns=(1, 1_234_567_890_000_000_001))
    (src / "data").write_text("a file where a file system is mounted")
    (src / "parent").write_text("a file in the place of its parent")
    mounted = []
    try:
        for where in ("boot", "data", "parent/mnt"):
            run("mount", "--bind", boot, dest / where)
            mounted.append(where)
        run("mount", "-t", "tmpfs", "tmpfs", dest / "boot")
        mounted.append("boot")
        got = receive(dest, pack(PAX, src))
        assert (boot / "precious").read_text() == "p"
        assert (dest / "boot/kernel").read_text() == "k"
        assert stat.S_IMODE(os.stat(dest / "boot").st_mode) == 0o700
        assert os.stat(dest / "boot").st_mtime_ns == 1_234_567_890_000_000_001
        noted = " ".join(got["notes"])
        assert "data" in noted and "parent" in noted and "kernel" in noted
        assert got["note_count"] == "3"
    finally:
        for where in reversed(mounted):
            run("umount", dest / where)


def test_sender_is_not_cut_off(disk):
    """GNU tar pads to 10 KiB and more; it must not die of a closed pipe."""
    src, dest = disk.path / "src", disk.path / "dest"
    src.mkdir()
    dest.mkdir()
    (src / "f").write_text("x")
    p = subprocess.Popen(["tar", "-b", "2000", "-C", str(src), "-cf", "-", "."], stdout=subprocess.PIPE)
    receive(dest, None, stdin=p.stdout)
    p.stdout.close()
    assert p.wait() == 0
