# SPDX-License-Identifier: MIT
"""Stock rsync against 'serve': as typed, again and again, into the stage. The rsync at this end is the image's bundle.

The tests run in the order of this file and build on one another.
"""
import os
import pathlib
import shutil
import subprocess
import time

import pytest
from test_clone import BINARY, make_old_system, make_source, old_system_is_whole, sh
from test_foreign import Service

BUNDLE = BINARY.parent / "rescue/rsync.cpio.xz"
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not BINARY.exists() or not BUNDLE.exists(), reason="needs build/rehost and image/build-rsync"),
    pytest.mark.skipif(os.path.exists("/sys/firmware/efi"), reason="this machine boots by UEFI"),
]
USUAL = ["-aHAXx", "--numeric-ids", "--delete"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    root = make_source(tmp_path_factory.mktemp("rsync-source"))
    (root / "srv/other").mkdir()
    os.link(root / "srv/data", root / "srv/other/third")
    os.mknod(root / "srv/null", 0o600 | 0o020000, os.makedev(1, 3))
    os.setxattr(root / "srv/other", "trusted.kept", b"for root alone")
    shutil.copy("/usr/bin/true", root / "srv/able")
    sh("setcap", "cap_net_raw+ep", root / "srv/able")
    sh("setfacl", "-m", "u:1234:r", root / "srv/able")
    with open(root / "srv/sparse", "wb") as f:
        f.truncate(50 << 20)
    return root


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    work = tmp_path_factory.mktemp("rsync")
    s = Service(work)
    try:
        make_old_system(s.target, work)
        s.start(s.target.loop)
        s.target.inside("cp", BUNDLE, s.target.run_dir / "rsync.cpio.xz")
        yield s
    finally:
        s.close()


def rsync_argv(service, *words, to="root@127.0.0.1:/"):
    ssh = (f"ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR -o UserKnownHostsFile=/dev/null "
           f"-o IdentitiesOnly=yes -i {service.keys['operator']} -p {service.port}")
    return ["rsync", "-e", ssh, *map(str, words), to]


def rsync(service, *words, code=0, **kw):
    done = subprocess.run(rsync_argv(service, *words, **kw), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == code, (done.returncode, done.stdout[-3000:])
    return done.stdout


def listing(run, top, deep):
    """Every entry with what belongs to it, hard links by their first name; deep: attributes and content, too."""
    script = f"""cd {top} && find . -name lost+found -prune -o -path ./boot -prune -o -printf '%i %P\\t%y %m %U %G %l %n\\t' \\
        \\( -type d -printf '\\n' -o -printf '%s %T@\\n' \\) | sort -k2"""
    seen, out = {}, []
    for line in run("sh", "-c", script).stdout.splitlines():
        inode, rest = line.split(" ", 1)
        out.append(f"{rest} {seen.setdefault(inode, rest.split(chr(9))[0])}")
    if not deep:
        return out
    out += run("sh", "-c", f"cd {top} && find . -path ./boot -prune -o -type f -print0 | sort -z | xargs -0 sha256sum").stdout.splitlines()
    out += run("sh", "-c", f"cd {top} && getfattr -R -h -d -m - -e hex . | grep -v '^$'").stdout.splitlines()
    return out


def stage(service):
    return service.target.run_dir / "fs/0/.rehost/tree"


def assert_same(service, source, deep=False):
    service.state()  # mounts the target, should the last command have left it
    want, have = listing(sh, source, deep), listing(service.target.inside, stage(service), deep)
    boot = {e.name for e in (source / "boot").iterdir()} - {"lost+found"}
    assert [x for x in want if x not in have] == [] and [x for x in have if x not in want] == []
    assert boot == set(service.target.inside("ls", service.target.run_dir / "fs/1/.rehost/tree").stdout.split()) - {"lost+found"}


def test_only_a_whole_root_is_received(service, source):
    assert "without -x" in rsync(service, "-aHAX", "--numeric-ids", f"{source}/", code=12)
    assert "only a whole root" in rsync(service, *USUAL, f"{source}/etc/", to="root@127.0.0.1:/etc", code=12)
    assert "this end only receives" in rsync(service, "-a", "root@127.0.0.1:/etc/passwd", to=str(service.work), code=12)
    assert "--partial-dir is not accepted" in rsync(service, *USUAL, "--partial-dir=/etc", f"{source}/", code=12)
    assert service.state() == "none"
    assert old_system_is_whole(service.target) is None


def test_a_dry_run_without_a_stage_is_refused(service, source):
    assert "there is none yet" in rsync(service, *USUAL, "-n", f"{source}/", code=12)


def test_first_pass_brings_everything(service, source):
    out = rsync(service, *USUAL, f"{source}/")
    assert "the stage is complete; next: rewrite" in out
    assert service.state() == "staged"
    assert_same(service, source, deep=True)
    old_system_is_whole(service.target)


def test_what_is_lost_is_said(service, source):
    out = rsync(service, "-rltx", "-n", f"{source}/")
    for words in "hard links become files", "access control lists are lost", "--numeric-ids", "without --delete":
        assert words in out
    assert service.state() == "staged"
    assert_same(service, source)


def test_a_second_pass_follows_the_source_and_edits_are_made_again(service, source):
    service.ssh("rewrite", check=True)
    assert service.state() == "edited"
    os.unlink(source / "srv/same")
    os.link(source / "srv/other/third", source / "srv/other/fourth")
    with open(source / "srv/data", "a") as f:
        f.write("and more\n")
    os.rename(source / "srv/able", source / "srv/other/able")
    rsync(service, *USUAL, "-z", f"{source}/")
    assert service.state() == "staged"
    assert_same(service, source)
    service.ssh("rewrite", check=True)


@pytest.mark.parametrize("more", [["-s"], ["-c", "--inplace", "--no-whole-file"],
                                  ["--delete-after", "-v", "--stats", "--bwlimit=100m", "--timeout=60", "--info=stats1"]])
def test_words_of_other_clients(service, source, more):
    with open(source / "srv/data", "a") as f:
        f.write(f"{more}\n")
    rsync(service, *USUAL, *more, f"{source}/")
    assert service.state() == "staged"
    assert_same(service, source)


def test_an_old_client_and_a_new_one_after_it(service, source):
    """Protocol 29 is that of rsync 2.6: it knows neither ACLs nor attributes, the next pass brings them."""
    with open(source / "srv/data", "a") as f:
        f.write("by an old client\n")
    out = rsync(service, "-aHx", "--numeric-ids", "--delete", "--protocol=29", f"{source}/")
    assert "access control lists are lost" in out and service.state() == "staged"
    assert service.target.inside("tail", "-n1", stage(service) / "srv/data").stdout == "by an old client\n"
    rsync(service, *USUAL, f"{source}/")
    assert_same(service, source)


def test_deletions_are_guarded(service, source):
    for name in "usr", "var":
        os.rename(source / name, source.parent / name)
    try:
        out = rsync(service, *USUAL, f"{source}/", code=1)
        assert service.state() == "staging"
        assert "remove more than a tenth" in out and "--delete-ok" in out, out
    finally:
        for name in "usr", "var":
            os.rename(source.parent / name, source / name)
    rsync(service, *USUAL, f"{source}/")
    assert_same(service, source)
    os.rename(source / "usr/share", source.parent / "share")
    try:
        rsync(service, *USUAL, "--rsync-path=rsync --delete-ok", f"{source}/")
        assert_same(service, source)
    finally:
        os.rename(source.parent / "share", source / "usr/share")


def processes(service):
    """The bundle's processes: their root holds nothing but itself and the stage."""
    found = []
    for proc in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (proc / "cmdline").read_bytes().split(b"\0")[:1] == [b"/ld-linux-x86-64.so.2"]:
                found.append((proc, dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line),
                              set(os.listdir(proc / "root")), os.readlink(proc / "ns/net")))
        except (OSError, ValueError):
            continue
    return found


def test_a_session_is_confined_and_one_that_was_cut_goes_on(service, source):
    with open(source / "srv/large", "wb") as f:
        f.write(os.urandom(6 << 20))
    slow = subprocess.Popen(rsync_argv(service, *USUAL, "--bwlimit=500k", f"{source}/"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            running = processes(service)
            if len(running) >= 2:
                break
            time.sleep(0.05)
        assert running, "no session was seen"
        for _, status, root, net in running:
            assert status["NoNewPrivs"] == "1"
            capabilities = int(status["CapEff"], 16)
            assert not capabilities >> 12 & 1 and not capabilities >> 16 & 1 and not capabilities >> 17 & 1  # NET_ADMIN, SYS_MODULE, SYS_RAWIO
            assert {"stage", "rsync"} <= root and not root & {"etc", "home", "root", "usr"}
            assert net != os.readlink("/proc/self/ns/net")
    finally:
        slow.kill()
        slow.wait()
    for _ in range(100):
        if not processes(service) and not service.ssh("status", "--json").returncode:
            break
        time.sleep(0.1)
    assert not processes(service)
    assert service.state() == "staging"
    assert service.ssh("rewrite").returncode == 1
    rsync(service, *USUAL, f"{source}/")
    assert service.state() == "staged"
    assert_same(service, source, deep=True)


def test_the_clone_can_be_made_from_it(service):
    service.ssh("rewrite", check=True)
    assert service.ssh("check").returncode in (0, 3)
    service.ssh("rollback", "--discard", check=True)
    assert service.state() == "none"
    old_system_is_whole(service.target)
