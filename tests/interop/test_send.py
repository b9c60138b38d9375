# SPDX-License-Identifier: MIT
"""rehost send tree: read by GNU tar, bsdtar and our own receiver, every attribute of every kind of inode compared; and sources that change."""
import os
import pathlib
import subprocess
import threading
import time

import pytest

from test_tar import assert_same, disk, look, make_tree, receive, run  # noqa: F401

REHOST = pathlib.Path(__file__).resolve().parents[2] / "build/rehost"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root and loop devices")


def send(top, *words, code=0):
    done = subprocess.run([REHOST, "send", "tree", "--root", top, *words], capture_output=True)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr.decode()


def names(stream):
    listed = subprocess.run(["tar", "-t"], input=stream, capture_output=True, check=True)
    return listed.stdout.decode().split()


def test_every_attribute_into_our_receiver(disk):
    src, dest = disk.path / "src", disk.path / "dest"
    make_tree(src)
    dest.mkdir()
    stream, said = send(src)
    want = look(src)
    got = receive(dest, stream, "--manifest", "m")
    assert got["notes"] == [] and got["xattrs"] == "1"
    assert_same(want, look(dest))
    assert f"{got['entries']} entries" in said
    again = receive(dest, send(src)[0], "--manifest", "m", "--update")
    assert again["notes"] == [] and again["removed"] == "0"
    assert_same(want, look(dest))


def test_the_same_tree_gives_the_same_stream(disk):
    make_tree(disk.path / "src")
    assert send(disk.path / "src")[0] == send(disk.path / "src")[0]


@pytest.mark.parametrize("command", [
    ["tar", "--numeric-owner", "--acls", "--xattrs", "--xattrs-include=*", "-xpf", "-"],
    ["bsdtar", "--numeric-owner", "--acls", "--xattrs", "-xpf", "-"],
], ids=["gnu", "bsd"])
def test_every_attribute_into_other_tars(disk, command):
    src, dest = disk.path / "src", disk.path / "dest"
    make_tree(src)
    dest.mkdir()
    stream, _ = send(src)
    done = subprocess.run([*command, "-C", dest], input=stream, capture_output=True)
    assert done.returncode == 0, done.stderr
    want, now = look(src, sparse=False), look(dest, sparse=False)
    if command[0] == "bsdtar":
        # It sets attributes of links only where libarchive's disk writer does, and reads such a time its own way.
        for name in b"link", b"hardlink-to-link":
            want[name][-1] = now[name][-1]
        assert abs(want[b"acl"][4] - now[b"acl"][4]) < 2 * 10**9
        want[b"acl"][4] = now[b"acl"][4]
        want[b"."][4] = now[b"."][4]  # nor the time of the folder that it works in
    assert_same(want, now)


def test_inode_flags(disk):
    src, dest = disk.path / "src", disk.path / "dest"
    (src / "d").mkdir(parents=True)
    (src / "d/fixed").write_text("x")
    (src / "log").write_text("l")
    run("chattr", "+i", src / "d/fixed")
    run("chattr", "+a", src / "log")
    dest.mkdir()
    try:
        assert receive(dest, send(src)[0])["notes"] == []
        for name, flag in ("d/fixed", "i"), ("log", "a"):
            assert flag in run("lsattr", "-d", dest / name).stdout.decode().split()[0]
    finally:
        for top in src, dest:
            run("chattr", "-R", "-i", "-a", top)


def test_what_is_left_out(disk):
    src = disk.path / "src"
    for folder in "home", "var/cache/apt", "mnt/other", ".rehost/tree", "proc":
        (src / folder).mkdir(parents=True)
    for name in "home/a", "var/cache/apt/x.deb", "var/cache/apt/keep", "var/cache/y.deb", ".rehost/tree/x", "proc/1", "new\nline":
        (src / name).write_text("x")
    run("mount", "-t", "tmpfs", "none", src / "mnt/other")
    try:
        (src / "mnt/other/in").write_text("x")
        stream, _ = send(src, "--exclude", "/var/cache/*.deb", "--exclude", "/home/*")
        assert names(stream) == ["./", "./home/", "./mnt/", "./mnt/other/", "./new\\nline", "./proc/", "./proc/1", "./var/", "./var/cache/",
                                 "./var/cache/apt/", "./var/cache/apt/keep", "./var/cache/apt/x.deb"]
        patterns = disk.path / "patterns"
        patterns.write_text("/var\n/proc/*\n\n")
        stream, _ = send(src, "--exclude-from", patterns, "--mount", "/mnt/other")
        assert names(stream) == ["./", "./home/", "./home/a", "./mnt/", "./mnt/other/", "./mnt/other/in", "./new\\nline", "./proc/"]
    finally:
        run("umount", src / "mnt/other")


def test_the_running_system_without_its_kernels_folders():
    """/ of this machine, but for everything in it: the folders that the clone needs are there, what is in them is not."""
    tops = ["--exclude=/%s/*" % name for name in os.listdir("/") if name not in ("proc", "sys", "dev", "run")]
    stream, _ = send("/", *tops)
    assert {"./proc/", "./sys/", "./dev/", "./run/"} <= set(names(stream))
    assert not [n for n in names(stream) if n.startswith(("./proc/", "./sys/", "./dev/", "./run/")) and n.count("/") > 2]


def test_a_source_that_changes(disk):
    """Files that grow, shrink and vanish all the while: the stream stays whole, and what was sent wrongly is named."""
    src, dest = disk.path / "src", disk.path / "dest"
    src.mkdir()
    dest.mkdir()
    for i in range(40):
        (src / f"f{i:02}").write_bytes(bytes([i]) * (1 << 21))
    over = threading.Event()

    def disturb():
        size = 0
        while not over.is_set():
            size = (size + 700_001) % (3 << 20)
            for i in range(0, 40, 3):
                os.truncate(src / f"f{i:02}", size)
            (src / "coming").write_text("x")
            os.unlink(src / "coming")

    worker = threading.Thread(target=disturb)
    worker.start()
    try:
        for _ in range(5):
            done = subprocess.run([REHOST, "send", "tree", "--root", src], capture_output=True)
            assert done.returncode in (0, 3), done.stderr
            if b"shrank" in done.stderr:
                assert done.returncode == 3
            got = receive(dest, done.stdout)
            assert got["notes"] == []
            for i in range(1, 40, 3):
                assert (dest / f"f{i:02}").read_bytes() == bytes([i]) * (1 << 21)
            for path in dest.iterdir():
                path.unlink()
    finally:
        over.set()
        worker.join()


def test_a_reader_that_goes_away(disk):
    src = disk.path / "src"
    src.mkdir()
    (src / "big").write_bytes(os.urandom(8 << 20))
    sender = subprocess.Popen([REHOST, "send", "tree", "--root", src], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    sender.stdout.read(1000)
    sender.stdout.close()
    said = sender.stderr.read().decode()
    assert sender.wait(20) == 1 and "RH-SEND-02" in said, said


def test_a_file_that_cannot_be_read_is_an_error(disk):
    """Named, and the exit code says that the copy is not whole; all the rest is sent."""
    src = disk.path / "src"
    (src / "closed").mkdir(parents=True)
    for name in "fine", "secret", "closed/in":
        (src / name).write_text("x")
    os.chmod(src / "secret", 0)
    os.chmod(src / "closed", 0)
    argv = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", REHOST, "send", "tree", "--root", src]
    done = subprocess.run(argv, capture_output=True)
    said = done.stderr.decode()
    assert done.returncode == 1 and "RH-SEND-01" in said and "2 files" in said, said
    assert "/secret: Permission denied" in said and "/closed: Permission denied" in said
    assert names(done.stdout) == ["./", "./fine"]


def test_a_terabyte_of_nothing(disk):
    src, dest = disk.path / "src", disk.path / "dest"
    src.mkdir()
    dest.mkdir()
    with open(src / "huge", "wb") as f:
        f.truncate(1 << 40)
        f.seek(1 << 39)
        f.write(b"middle")
    began = time.monotonic()
    stream, _ = send(src)
    assert len(stream) < 1 << 20 and time.monotonic() < began + 10
    assert receive(dest, stream)["notes"] == []
    assert os.stat(dest / "huge").st_size == 1 << 40
    with open(dest / "huge", "rb") as f:
        f.seek(1 << 39)
        assert f.read(8) == b"middle\0\0"


@pytest.mark.parametrize("words", [["tree", "--exclude", "var"], [], ["forest"], ["tree", "--exclude-from", "/no/such"]])
def test_wrong_words(words):
    done = subprocess.run([REHOST, "send", *words], capture_output=True)
    assert done.returncode == 2 and not done.stdout
