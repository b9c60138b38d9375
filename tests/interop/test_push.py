# SPDX-License-Identifier: MIT
"""scripts/rehost-push against 'serve --disk': plan, passes, services of a fake init, switch, a stand-in for the clone.

The tests run in the order of this file and build on one another.
"""
import json
import os
import pty
import select
import signal
import socket
import subprocess
import threading
import time

import pytest
from pushing import PARTS, SHELLS, FakeClone, Push, fingerprint
from test_clone import BINARY, make_old_system, make_source, old_system_is_whole, sh
from test_foreign import Service
from test_rsync import BUNDLE, assert_same, listing, stage

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not BINARY.exists() or not BUNDLE.exists(), reason="needs build/rehost and image/build-rsync"),
    pytest.mark.skipif(os.path.exists("/sys/firmware/efi"), reason="this machine boots by UEFI, the switch refuses"),
]

# Names in the folder $1 are what runs; what 'again' names comes back once. Everything asked is in $1.log.
SYSTEMCTL = """
dir={units}
echo "$*" >>$dir.log
op=$1
shift
case $op in
list-units) for u in $dir/*; do echo "$(basename $u) loaded active running A service of the source"; done ;;
list-unit-files) echo "backup.timer enabled enabled"; echo "ssh.service enabled enabled" ;;
stop) for u; do rm -f $dir/$u; done; if [ -e $dir.again ]; then mv $dir.again $dir/stubborn.service; fi ;;
start) for u; do touch $dir/$u; done ;;
esac
exit 0
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    root = make_source(tmp_path_factory.mktemp("push-source"))
    for path in "proc/here", "tmp/scratch", "run/pid", "var/cache/shop/picture":
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text("not to be sent\n")
    with open(root / "swap.img", "wb") as f:
        f.truncate(1 << 20)
    with open(root / "etc/fstab", "a") as f:
        f.write("/swap.img none swap sw 0 0\n")
    return root


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """No system, but enough for the passes."""
    root = tmp_path_factory.mktemp("small")
    for i in range(40):
        (root / f"d{i}").mkdir()
        (root / f"d{i}/file").write_bytes(os.urandom(400_000))
        os.setxattr(root / f"d{i}/file", "user.kept", b"yes")
    for name in "etc/systemd/system", "root/.ssh":
        (root / name).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "root/.ssh/authorized_keys").write_text("ssh-ed25519 AAAA without a newline")
    return root


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    work = tmp_path_factory.mktemp("push-target")
    s = Service(work)
    try:
        make_old_system(s.target, work)
        s.start(s.target.loop)
        s.target.inside("cp", BUNDLE, s.target.run_dir / "rsync.cpio.xz")
        yield s
    finally:
        s.close()


@pytest.fixture(scope="module")
def push(tmp_path_factory, service, source):
    return Push(tmp_path_factory.mktemp("push"), service, source)


class Units:
    """A systemd whose units are files."""

    def __init__(self, push, *names):
        self.dir = push.work / "units"
        self.log = push.work / "units.log"
        self.dir.mkdir(exist_ok=True)
        for name in names:
            (self.dir / name).touch()
        push.stub("systemctl", SYSTEMCTL.format(units=self.dir))

    def running(self):
        return sorted(os.listdir(self.dir))


@pytest.fixture(scope="module")
def units(push):
    return Units(push, "shop.service", "shop.socket", "backup.timer", "ssh.service", "systemd-journald.service", "networking.service")


KEPT = ["networking.service", "ssh.service", "systemd-journald.service"]
ALL = sorted([*KEPT, "shop.service", "shop.socket", "backup.timer"])


def token(service):
    return json.loads(service.ssh("plan", "--json", check=True).stdout)["token"]


def nothing_is_left(push, source):
    assert "rehost-push" not in (source / "root/.ssh/authorized_keys").read_text()
    for folder in push.state_dir.glob("*"):
        assert not list(folder.glob("ssh*")) and not list(folder.glob("lock"))
        assert folder.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("shell", ["dash", "busybox", "bash"])
def test_the_plan_changes_nothing(push, service, source, shell):
    push.shell = shell
    out = push.run("--plan", "--without-loader")
    push.shell = "dash"
    assert "Debian GNU/Linux 12" in out and "KB/s, measured" in out and f"Token     {token(service)}" in out
    assert "/swap.img" in out and service.state() == "none"
    assert old_system_is_whole(service.target) is None
    nothing_is_left(push, source)
    assert not list(push.state_dir.glob("*/key*"))


def test_what_cannot_work_is_refused_before_anything_is_sent(push, service, source):
    for words, want in [
        (["--switch", "wrong-one"], f"token is {token(service)}"),
        (["--exclude", "cache"], "begins with /"),
        (["--skip", "/nowhere"], "nothing is mounted"),
        ([], "this target needs --without-loader"),
        (["--without-loader", "--before-final", "x", "--with", "zip"], "--with rsync or tar"),
        (["--without-loader", "--as", "copy"], "--clone-host-key"),
    ]:
        code = 2 if "zip" in words or "copy" in words else 1
        assert want in push.run(*words, code=code), words
    other = sh("ssh-keygen", "-lf", push.service.keys["observer"] + ".pub").stdout.split()[1]
    out = push.run("--without-loader", key=other, code=1)
    assert f"the host key of 127.0.0.1 is {fingerprint(service)}, not {other}" in out
    out = push.run("--without-loader", "--identity", push.service.keys["observer"] + "x", "--retries", "0", identity=False, code=1)
    assert "--password-file" in out or "lets nobody in" in out
    assert service.state() == "none"


def test_every_mount_is_assigned_or_refused(push, service, source):
    """In a mount namespace of the source's own: another file system, a tmpfs, a bind mount."""
    image = push.work / "data.img"
    with open(image, "wb") as f:
        f.truncate(8 << 20)
    sh("mkfs.ext4", "-q", image)
    for name in "home/data", "srv/bound", "srv/ram":
        (source / name).mkdir(parents=True)

    def run(*words, code=0):
        script = f"mount -o loop {image} {source}/home/data && mount -t tmpfs none {source}/srv/ram && " \
            f"mount --bind {source}/home {source}/srv/bound && exec \"$@\""
        argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", *push.argv("--plan", "--without-loader", *words)]
        done = subprocess.run(argv, env=push.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == code, done.stdout
        return done.stdout
    try:
        assert "not assigned: /home/data(ext4,/dev/loop" in run(code=1)
        out = run("--skip", "/home/data")
        assert "skip /home/data: as told" in out and "/srv/ram" not in out
        assert "skip /srv/bound: bind mount of what is sent anyway" in out
        out = run("--include", "/home/data")
        assert "include /home/data" in out and "with tar" in out  # rsync cannot put a deeper one into its place
        assert "use --with tar" in run("--include", "/home/data", "--with", "rsync", code=1)
    finally:
        for name in "home/data", "srv/bound", "srv/ram":
            (source / name).rmdir()
    assert service.state() == "none"


def test_subvolumes_are_not_lost_silently(push, tmp_path):
    with open(tmp_path / "image", "wb") as f:
        f.truncate(200 << 20)
    sh("mkfs.btrfs", "-q", tmp_path / "image")
    (tmp_path / "top").mkdir()

    def run(*words, code=0):
        argv = push.on(tmp_path / "top").argv("--plan", "--without-loader", *words)
        script = f"mount -o loop {tmp_path}/image {tmp_path}/top && exec \"$@\""
        done = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", *argv], env=push.env(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == code, done.stdout
        return done.stdout
    sh("unshare", "-m", "--propagation", "private", "sh", "-ec",
       f"mount -o loop {tmp_path}/image {tmp_path}/top; cd {tmp_path}/top; mkdir srv; btrfs -q subvolume create home; btrfs -q subvolume create srv/www")
    assert "not assigned: /home /srv/www." in run(code=1)
    out = run("--skip", "/home", "--include", "/srv/www")
    assert "skip /home: as told" in out and "include /srv/www" in out and "with tar" in out


def test_tar_prepares_and_nothing_is_stopped(push, service, source, units):
    out = push.run("--with", "tar", "--without-loader", "--services", "systemd", "--exclude", "/var/cache/shop/*")
    assert "Prepared. Nothing was stopped." in out and "stopped for the final pass: backup.timer shop.service shop.socket" in out
    assert service.state() == "checked" and push.state("phase") == "prepared"
    assert units.running() == ALL and "stop" not in units.log.read_text()
    nothing_is_left(push, source)
    there = service.target.inside("find", stage(service), "-path", "*/boot", "-prune", "-o", "-printf", "%P\n").stdout.splitlines()
    for path in "proc/here", "tmp/scratch", "run/pid", "var/cache/shop/picture", "swap.img":
        assert path not in there and (source / path).exists()
    for path in "proc", "tmp", "run", "var/cache/shop", "etc/fstab", "srv/data":
        assert path in there
    service.ssh("rollback", "--discard", check=True)


class Cutter:
    """A way to the service that breaks after so many bytes, each time, until its list of numbers is used up."""

    def __init__(self, port, cuts):
        self.to, self.cuts, self.socket = port, list(cuts), socket.create_server(("127.0.0.1", 0))
        self.port, self.broken = self.socket.getsockname()[1], 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        server = socket.create_connection(("127.0.0.1", self.to))
        both, sent = {client: server, server: client}, 0
        while True:
            for s in select.select(list(both), [], [])[0]:
                try:
                    data = s.recv(65536)
                    both[s].sendall(data)
                except OSError:
                    data = b""
                sent += len(data) if s is client else 0
                cut = self.cuts and sent > self.cuts[0]
                if cut:
                    self.cuts.pop(0)
                    self.broken += 1
                if cut or not data:
                    client.close()
                    server.close()
                    return


@pytest.mark.parametrize("tool,shell", [("tar", "dash"), ("rsync", "busybox"), ("rehost", "busybox")] + ([("tar", "bash")] if os.environ.get("REHOST_LONG") else []))
def test_a_connection_that_breaks_is_tried_again(push, service, small, tool, shell):
    """rehost: the program lies beside the script, and packs in the place of tar."""
    way = Cutter(service.port, [3_000_000, 9_000_000])
    beside = push.script.parent / "rehost"
    if tool == "rehost":
        tool = "tar"
        beside.symlink_to(BINARY)
    out = push.on(small, shell).run("--with", tool, "--without-loader", "--no-rehearsal", "--port", way.port)
    way.socket.close()
    assert way.broken == 2 and "try 1 of 8" in out and "try 2 of 8" in out, out
    assert (f"with tar by {beside}" in out) == beside.is_symlink(), out
    beside.unlink(missing_ok=True)
    assert service.state() == "staged"
    have = set(listing(service.target.inside, stage(service), True))
    top = "\td 700 "  # the root has lost+found besides
    assert [x for x in listing(sh, small, True) if x not in have and not x.startswith(top)] == []
    service.ssh("rollback", "--discard", check=True)


def test_a_way_that_always_breaks_is_given_up(push, service, small):
    way = Cutter(service.port, [2_000_000] * 50)
    out = push.on(small).run("--with", "tar", "--without-loader", "--no-rehearsal", "--port", way.port, "--retries", "1", code=1)
    way.socket.close()
    assert "again and again" in out and "the same line again goes on" in out
    service.ssh("rollback", "--discard", check=True)


def test_what_still_writes_stops_the_cutover(push, service, small, units):
    with open(small / "d1/journal", "w") as held:
        held.write("x")
        out = push.on(small).run("--with", "rsync", "--without-loader", "--no-rehearsal", "--services", "systemd", "--switch", token(service), code=1)
    assert f"{os.getpid()} " in out and "d1/journal" in out and "--ignore-writers" in out
    assert units.running() == ALL


def test_a_hook_that_fails_stops_it(push, service, small, units):
    (units.dir.parent / "units.again").touch()
    out = push.on(small).run("--with", "rsync", "--without-loader", "--services", "systemd", "--switch", token(service), "--no-rehearsal", "--after-final", "exit 7", code=1)
    assert "the hook --after-final failed" in out and "stopping: stubborn.service" in out
    assert units.running() == sorted([*ALL, "stubborn.service"])
    (units.dir / "stubborn.service").unlink()


def test_killed_in_the_cutover_the_source_can_be_resumed(push, service, small, units):
    """Not even the exit trap ran: the services are off."""
    push = push.on(small)
    words = ["--with", "rsync", "--without-loader", "--services", "systemd", "--switch", token(service), "--no-rehearsal"]
    out = start_and_end_in(push, "final", signal.SIGTERM, *words)
    assert "the services here are started again" in out and units.running() == ALL
    start_and_end_in(push, "final", signal.SIGKILL, *words)
    assert units.running() == KEPT
    out = push.run(*words, key="SHA256:another", code=1)  # what ends the next run as well starts them
    assert "the services here are started again" in out and units.running() == ALL
    assert push.state("phase") == "live"
    assert (small / "root/.ssh/authorized_keys").read_text().strip() == "ssh-ed25519 AAAA without a newline"
    service.ssh("rollback", "--discard", check=True)


class Terminal:
    """The script with a terminal; what it says is waited for, what is typed is answered."""

    def __init__(self, argv, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, env)
        self.said = ""

    def read(self):
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.said += data.decode(errors="replace")
        return data

    def answer(self, question, text, seconds=120):
        end, at = time.monotonic() + seconds, len(self.said)
        while question not in self.said[at:]:
            assert time.monotonic() < end, self.said
            if select.select([self.fd], [], [], 1)[0] and not self.read():
                raise AssertionError(self.said)
        os.write(self.fd, text.encode() + b"\n")

    def end(self):
        while self.read():
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def ask_argv(push, *words):
    """Nothing told that can be asked for."""
    argv = push.argv("--without-loader", *words, identity=False, yes=False)
    at = argv.index("--host-key")
    return [w for w in argv[:at] + argv[at + 2:] if w != "127.0.0.1"]


@pytest.fixture
def password(service):
    """What the rescue's console shows where no key was given."""
    path = service.target.run_dir / "password"
    service.target.inside("sh", "-c", f"echo open-sesame-12 >{path}")
    yield "open-sesame-12"
    service.target.inside("rm", "-f", path)


@pytest.mark.parametrize("shell", ["dash", "busybox", "bash"] if os.environ.get("REHOST_LONG") else ["dash"])
def test_it_asks_for_what_it_was_not_told(push, service, small, units, password, shell):
    push = push.on(small, shell)
    for old in push.state_dir.glob(f"*-{service.port}/*"):
        old.unlink()
    t = Terminal(ask_argv(push, "--services", "systemd", "--no-rehearsal", "--after-final", "exit 7"), push.env())
    t.answer("target's address:", "127.0.0.1")
    t.answer(f"is {fingerprint(service)}", "yes")
    t.answer("password:", password)
    t.answer("Send the live passes now?", "yes")
    t.answer("Type the target's token", token(service))
    t.answer("that shall run on", "shop.socket")
    assert t.end() == 1, t.said
    assert "the hook --after-final failed" in t.said and password not in t.said
    assert "stopping: backup.timer shop.service" in t.said and "starting: backup.timer shop.service" in t.said
    assert units.running() == ALL
    for f in push.state_dir.rglob("*"):
        assert f.is_dir() or password not in f.read_text(), f
    nothing_is_left(push, small)
    service.ssh("rollback", "--discard", check=True)


def test_a_wrong_token_stops_nothing(push, service, small, units):
    t = Terminal(ask_argv(push.on(small), "--identity", service.keys["operator"], "--services", "systemd", "--no-rehearsal"), push.env())
    t.answer("target's address:", "127.0.0.1")
    t.answer("Send the live passes now?", "yes")
    t.answer("Type the target's token", "abcdefgh")
    assert t.end() == 0 and "nothing was stopped" in t.said
    assert units.running() == ALL
    service.ssh("rollback", "--discard", check=True)


def test_a_password_from_a_file_and_the_key_is_taken_back(push, service, small, password):
    for old in push.state_dir.glob(f"*-{service.port}/*"):
        old.unlink()
    file = push.work / "password"
    file.write_text("not-this-one\n")
    out = push.on(small).run("--plan", "--without-loader", "--password-file", file, identity=False, code=1)
    assert "the temporary key was not taken" in out
    file.write_text(password + "\n")
    push.on(small).run("--plan", "--without-loader", "--password-file", file, identity=False)
    assert not service.target.exists("temporary_key")
    assert not list(push.state_dir.glob(f"*-{service.port}/key*"))


INIT = """
echo "$*" >>{log}
case $2 in status) [ -e {up}/$1 ] ;; stop) rm -f {up}/$1 ;; start) touch {up}/$1 ;; esac
"""


@pytest.mark.parametrize("shell", ["dash", "busybox", "bash"])
@pytest.mark.parametrize("init,links", [
    ("sysvinit", ["etc/rc2.d/S20shop", "etc/rc3.d/S20shop", "etc/rc2.d/S02ssh", "etc/rc2.d/S03idle"]),
    ("openrc", ["etc/runlevels/default/shop", "etc/runlevels/late/shop", "etc/runlevels/default/sshd", "etc/runlevels/default/idle"])])
def test_services_of_other_inits(tmp_path, shell, init, links):
    """The functions alone: what runs, stop, fence, back again."""
    up, bin_ = tmp_path / "up", tmp_path / "bin"
    up.mkdir()
    bin_.mkdir()
    for name in "shop", "ssh", "sshd":
        (up / name).touch()
    for name in "service", "rc-service":
        (bin_ / name).write_text("#!/bin/sh" + INIT.format(log=tmp_path / "log", up=up))
        (bin_ / name).chmod(0o755)
    (bin_ / "runlevel").write_text("#!/bin/sh\necho N 2\n")
    (bin_ / "runlevel").chmod(0o755)
    for link in links:
        (tmp_path / link).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / link).symlink_to("../init.d/shop" if "shop" in link else "../init.d/other")

    def do(script):
        start = f"has() {{ command -v $1 >/dev/null; }}; top={tmp_path}; state={tmp_path}; services={init}; . {PARTS}/services.sh; "
        return subprocess.run([*SHELLS[shell], "-c", start + script], env={"PATH": f"{bin_}:{os.environ['PATH']}"}, text=True,
                              stdout=subprocess.PIPE, check=True).stdout
    assert do("svc running").split() == ["shop"]  # sshd is kept, idle does not run
    do("svc stop shop; svc fence shop")
    assert not (up / "shop").exists()
    assert [link for link in links if (tmp_path / link).is_symlink()] == links[2:]
    do("svc unfence; svc start shop")
    assert (up / "shop").exists()
    assert all(os.readlink(tmp_path / link).endswith(("shop", "other")) for link in links)
    assert not (tmp_path / "links").exists()


def test_a_check_that_refuses_starts_the_services_again(push, service, source, units):
    """The rehearsal is left out, so that it is the cutover that finds the missing kernel."""
    kernels = list((source / "boot").glob("vmlinuz*"))
    for k in kernels:
        k.rename(source.parent / k.name)
    try:
        out = push.run("--with", "rsync", "--without-loader", "--no-rehearsal", "--services", "systemd", "--switch", token(service), code=1)
    finally:
        for k in kernels:
            (source.parent / k.name).rename(k)
    assert "RH-JOB-2" in out and "the services here are started again" in out and "this server runs on" in out, out
    assert units.running() == ALL
    assert not list((source / "etc/systemd/system").glob("*/50-rehost-fence.conf"))
    assert not (source / "var/lib/rehost-push/fenced").exists()
    nothing_is_left(push, source)
    assert service.state() != "switched"


def start_and_end_in(push, phase, how, *words):
    running = push.start(*words, "--after-final", "exec sleep 60")
    for _ in range(600):
        if push.state("phase") == phase:
            break
        time.sleep(0.1)
    assert push.state("phase") == phase
    os.killpg(running.pid, how)
    return running.communicate()[0]


def test_cut_twice_and_on_to_the_clone(push, service, source, units):
    """Killed behind the final pass; then stopped after the switch, where nothing is resumed; then to the end."""
    words = ["--with", "rsync", "--without-loader", "--services", "systemd", "--switch", token(service), "--wait", "2", "--no-rehearsal"]
    start_and_end_in(push.on(source, "bash"), "final", signal.SIGKILL, *words)
    assert units.running() == KEPT
    out = push.run(*words, "--stop", f"touch {push.work}/stopped", "--after-final", f"test -e {push.work}/stopped", code=1)
    assert "going on in the cutover that was cut" in out and "live pass" not in out
    assert "RH-SSH-06" in out and "the services here stay off" in out  # the reboot of another's system was not asked for
    assert push.state("phase") == "switched" and units.running() == KEPT
    assert service.state() == "switched"
    nothing_is_left(push, source)
    fences = sorted(f.parent.name for f in (source / "etc/systemd/system").glob("*/50-rehost-fence.conf"))
    assert fences == ["backup.timer.d", "shop.service.d", "shop.socket.d"]
    with FakeClone(push) as clone:
        out = push.on(source, "busybox").run(*words, "--reboot-host")
        assert "== switch" not in out and "final pass," not in out.split("== done")[0]
        assert clone.read("etc/hostname") == "wandering\n"
        assert "rehost-push" not in clone.read("root/.ssh/authorized_keys")
        assert "ssh-ed25519" in clone.read("root/.ssh/authorized_keys")
        assert "status" in clone.read("clone.log")
        fenced = service.target.inside("find", clone.root / "etc/systemd/system", "-name", "50-rehost-fence.conf").stdout
        assert fenced == "", "the fence went along"
    assert "done: 127.0.0.1 runs as the clone" in out and "services off " in out
    assert not list(push.state_dir.glob(f"*-{service.port}/key*"))
    assert push.state("phase") == "finished" and units.running() == KEPT
    assert "is finished" in push.run("--without-loader")


def test_the_source_is_resumed_only_when_told(push, source, units):
    out = push.run("--resume-source")
    assert "run again" in out and units.running() == ALL
    assert not list((source / "etc/systemd/system").glob("*/50-rehost-fence.conf"))
    assert not (source / "var/lib/rehost-push/fenced").exists()
