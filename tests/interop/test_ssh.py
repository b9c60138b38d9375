# SPDX-License-Identifier: MIT
"""The SSH service against the stock OpenSSH client, on loopback."""
import hashlib
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from ssh_server import GRACE, REHOST, make_key, own_server, patterned, server, wait_for  # noqa: F401


def test_key_is_accepted_for_root_and_rehost_only(server):
    assert server.ssh("status", "0").returncode == 0
    assert server.ssh("status", "0", user="rehost").returncode == 0
    assert server.ssh("status", "0", user="admin").returncode == 255


def test_wrong_key_is_refused(server, tmp_path):
    make_key(str(tmp_path / "other"))
    r = server.ssh("status", "0", key=str(tmp_path / "other"))
    assert r.returncode == 255
    assert b"Permission denied (publickey)" in r.stderr


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_other_key_types(server, tmp_path, kind):
    make_key(str(tmp_path / "k"), kind)
    path = os.path.join(server.run, "authorized_keys")
    with open(path) as f:
        before = f.read()
    with open(tmp_path / "k.pub") as f, open(path, "a") as out:
        out.write('command="/bin/false",no-pty ' + f.read())
    try:
        assert server.ssh("status", "7", key=str(tmp_path / "k")).returncode == 7
    finally:
        with open(path, "w") as f:
            f.write(before)


def test_certificates_are_refused(server, tmp_path):
    make_key(str(tmp_path / "ca"))
    make_key(str(tmp_path / "user"))
    subprocess.run(["ssh-keygen", "-q", "-s", str(tmp_path / "ca"), "-I", "x", "-n", "root",
                    str(tmp_path / "user.pub")], check=True)
    r = server.ssh("status", "0", key=str(tmp_path / "user"))
    assert r.returncode == 255


@pytest.mark.parametrize("code", [0, 1, 3, 77, 255])
def test_exit_codes_come_through(server, code):
    assert server.ssh("status", str(code)).returncode == code


def test_many_exit_codes_with_rekeying(server):
    for i in range(12):
        r = server.ssh("log", "3000000", options=["-o", "RekeyLimit=200K"])
        assert (r.returncode, len(r.stdout)) == (0, 3000000)
        assert r.stderr == b"noise on stderr\n"


def test_death_by_signal_is_told(server):
    assert server.ssh("check").returncode == 255  # what OpenSSH makes of exit-signal
    assert "ended with 137" in server.log()


@pytest.mark.parametrize("line,word", [
    ("nonsense", "nonsense"), ("/bin/sh", "/bin/sh"), ("explain", "explain"), ("init", "init"),
    ("serve", "serve"), ("status;reboot", "status;reboot"), ("'two words'", "two words"),
    ("no-command", "no-command"),
])
def test_unknown_commands(server, line, word):
    r = server.ssh(line)
    assert r.returncode == 2
    assert f"there is no command '{word}'".encode() in r.stderr
    assert b"'help'" in r.stderr


@pytest.mark.parametrize("line", ["status 'open", 'status "open', "status \\", "status \x01",
                                  "status " + "x " * 70, "status " + "y" * 5000],
                         ids=["quote", "double", "backslash", "control", "words", "bytes"])
def test_bad_lines(server, line):
    r = server.ssh(line)
    assert r.returncode in (2, 255)
    assert b"help" in r.stderr or b"exec request failed" in r.stderr


def test_shell_is_refused_unless_allowed(server, own_server):
    r = server.ssh("shell")
    assert r.returncode == 2 and b"not allowed" in r.stderr
    s = own_server()
    for word in "1", "yes", "on", "true":
        with open(os.path.join(s.run, "options"), "w") as f:
            f.write(f"shell={word}\n")
        assert s.ssh("shell").stdout == b"command 'shell'\n"


def test_no_command(server):
    assert server.ssh().stdout == b"command 'no-command'\n"


def test_refused_requests(server):
    r = server.ssh("-N", options=["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1"])
    assert r.returncode == 255
    assert server.ssh("-s", "sftp").returncode != 0
    # A forwarded connection is refused by the server, the client closes it at once.
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    p = subprocess.Popen(server.argv_for("-N", options=["-L", f"{port}:127.0.0.1:{server.port}"]),
                         stderr=subprocess.DEVNULL)
    try:
        def connect():
            try:
                return socket.create_connection(("127.0.0.1", port), 5)
            except OSError:
                return None
        c = wait_for(connect)
        c.settimeout(10)
        assert c.recv(100) == b""
        c.close()
    finally:
        p.kill()  # OpenSSH's client may overlook a SIGTERM that comes just before it waits
        p.wait()


def test_terminal(server):
    r = server.ssh("status", "5", options=["-tt"])
    assert r.returncode == 5
    r = server.ssh("receive", "tar", options=["-tt"])
    assert r.returncode == 2
    assert b"without -t" in r.stdout + r.stderr


@pytest.mark.parametrize("size", [0, 1, 32768, 65537, 5_000_000, 80_000_000])
@pytest.mark.parametrize("rekey", ["default", "1M"])
def test_stdin_arrives_whole(server, size, rekey):
    if size > 10_000_000 and rekey != "default":
        size = 30_000_000
    data = patterned(size)
    r = server.ssh("receive", "tar", stdin=data, options=["-o", f"RekeyLimit={rekey}"],
                   timeout=120)
    assert r.returncode == 0
    assert r.stdout.decode().split() == [str(size), hashlib.sha256(data).hexdigest()]


def test_algorithms(server):
    r = server.ssh("status", "0", options=["-c", "aes256-gcm@openssh.com"])
    assert r.returncode == 0
    before = server.log().count("key exchange")
    r = server.ssh("status", "0", options=["-o", "KexAlgorithms=diffie-hellman-group14-sha1"])
    assert r.returncode == 255
    wait_for(lambda: server.log().count("key exchange") == before + 1)
    argv = server.argv_for("status", "0")
    argv[argv.index("LogLevel=ERROR")] = "LogLevel=DEBUG1"
    r = subprocess.run(argv, capture_output=True, timeout=30)
    if b" aes " in open("/proc/cpuinfo", "rb").read():
        assert b"client->server cipher: aes128-gcm@openssh.com" in r.stderr
    assert b"compression: none" in r.stderr


def test_slow_command_holds_the_client_back(server):
    """Data waits at the client, not in the memory of the service."""
    p = subprocess.Popen(server.argv_for("plan", "3000"), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
    data = patterned(60_000_000)
    feeder = threading.Thread(target=lambda: (p.stdin.write(data), p.stdin.close()))
    feeder.start()
    time.sleep(1.5)
    biggest = 0
    for pid in os.listdir("/proc"):
        try:
            with open(f"/proc/{pid}/status") as f:
                text = f.read()
        except (OSError, ValueError):
            continue
        parent = re.search(r"^PPid:\s+(\d+)", text, re.M)
        rss = re.search(r"^VmRSS:\s+(\d+)", text, re.M)
        if parent and rss and int(parent.group(1)) == server.process.pid:
            biggest = max(biggest, int(rss.group(1)))
    feeder.join()
    out = p.stdout.read()
    assert p.wait() == 0
    assert out == b"60000000\n"
    assert 0 < biggest < 40_000  # KiB: at most a window, its copy in libssh, and the program


def test_command_that_does_not_read(server):
    r = server.ssh("status", "9", stdin=patterned(20_000_000))
    assert r.returncode == 9


def test_killed_client_is_not_an_end_of_file(server, tmp_path):
    note = tmp_path / "note"
    p = subprocess.Popen(server.argv_for("receive", "tar", str(note)), stdin=subprocess.PIPE,
                         stdout=subprocess.DEVNULL)
    p.stdin.write(patterned(3_000_000))
    p.stdin.flush()
    wait_for(lambda: note.exists() and note.read_text() == "running\n")
    time.sleep(0.3)
    p.send_signal(signal.SIGKILL)
    p.wait()
    assert wait_for(lambda: note.read_text() != "running\n" and note.read_text()) == "terminated\n"


def test_killed_connection_process_leaves_no_command_behind(own_server, tmp_path):
    """The kernel closes the pipe before it sends the signal: the archive's own end marker decides, not we."""
    s = own_server()
    note = tmp_path / "note"
    p = subprocess.Popen(s.argv_for("receive", "tar", str(note)), stdin=subprocess.PIPE,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: note.exists() and note.read_text() == "running\n")
    login = re.findall(r"\[(\d+)\] ssh: 127.0.0.1: 'root' logged in", s.log())
    os.kill(int(login[-1]), signal.SIGKILL)
    assert wait_for(lambda: note.read_text() != "running\n" and note.read_text())
    assert p.wait(10) == 255


def test_work_on_the_disk_goes_on_without_the_client(server, tmp_path):
    done = tmp_path / "done"
    p = subprocess.Popen(server.argv_for("rewrite", str(done)), stdin=subprocess.DEVNULL)
    wait_for(lambda: f"rewrite {done}" in server.log())
    p.send_signal(signal.SIGKILL)
    p.wait()
    assert wait_for(done.exists)


def test_worker_may_end_while_a_transfer_runs(own_server):
    s = own_server()
    p = subprocess.Popen(s.argv_for("receive", "tar"), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
    wait_for(lambda: "logged in" in s.log())
    p.stdin.write(b"one")
    p.stdin.flush()
    s.stop()
    s.start()
    assert s.ssh("status", "4").returncode == 4
    p.stdin.write(b"two")
    p.stdin.close()
    assert p.stdout.read().decode().split() == ["6", hashlib.sha256(b"onetwo").hexdigest()]
    assert p.wait() == 0


def test_multiplexed_sessions(server, tmp_path):
    control = ["-o", f"ControlPath={tmp_path}/c"]
    master = subprocess.Popen(server.argv_for("-N", options=[*control, "-M"]))
    try:
        wait_for(lambda: os.path.exists(tmp_path / "c"))
        for code in (0, 3, 9):
            assert server.ssh("status", str(code), options=control).returncode == code
        data = patterned(4_000_000)
        many = [subprocess.Popen(server.argv_for("receive", "tar", options=control),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                for _ in range(3)]
        for p in many:
            p.stdin.write(data)
            p.stdin.close()
        for p in many:
            assert p.stdout.read().split()[0] == b"4000000"
            assert p.wait() == 0
        # A fifth session at once is one too many; the four go on.
        held = [subprocess.Popen(server.argv_for("receive", "tar", options=control),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                for _ in range(4)]
        time.sleep(1)
        fifth = server.ssh("status", "0", options=[*control, "-o", "ControlMaster=no",
                                                   "-o", "ProxyCommand=false"])
        assert fifth.returncode == 255
        for p in held:
            p.stdin.close()
            assert p.wait() == 0
    finally:
        master.kill()
        master.wait()


def raw(server):
    s = socket.create_connection(("127.0.0.1", server.port), 10)
    s.settimeout(GRACE + 10)
    return s


def read_to_end(s):
    got = b""
    try:
        while True:
            chunk = s.recv(4096)
            if not chunk:
                break
            got += chunk
    except ConnectionResetError:
        pass
    return got


def test_silent_clients_are_dropped(own_server):
    s = own_server()
    start = time.monotonic()
    with raw(s) as mute, raw(s) as banner_only:
        banner_only.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        assert read_to_end(mute).startswith(b"SSH-2.0-rehost_")
        read_to_end(banner_only)
    assert GRACE - 1 <= time.monotonic() - start < GRACE + 5
    assert s.ssh("status", "0").returncode == 0


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.0\r\n\r\n", os.urandom(4096), b"\0" * 70000,
                                  b"SSH-2.0-x\r\n" + b"\xff" * 8192, b"SSH-1.5-old\r\n",
                                  b"SSH-2.0-" + b"A" * 100000],
                         ids=["http", "noise", "zeros", "banner+noise", "ssh1", "long banner"])
def test_garbage_on_the_port(server, junk):
    with raw(server) as s:
        try:
            s.sendall(junk)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        read_to_end(s)
    r = server.ssh("status", "0")
    assert r.returncode == 0, (r.stderr, server.log()[-600:])


def nice_values(s):
    """Of the service's connection processes, and below them of their commands."""
    found = []
    for line in subprocess.run(["ps", "-eo", "pid,ppid,ni,comm"], capture_output=True, text=True).stdout.splitlines()[1:]:
        pid, parent, nice, name = line.split(None, 3)
        if int(parent) == s.process.pid and name == "rehost-ssh":
            found.append(int(nice))
    return found


def test_strangers_do_not_compete_with_a_transfer(own_server):
    s = own_server()
    with raw(s) as stranger:
        assert stranger.recv(100).startswith(b"SSH-2.0-")
        wait_for(lambda: nice_values(s) == [10])
    wait_for(lambda: nice_values(s) == [])
    transfer = subprocess.Popen(s.argv_for("receive", "tar"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: nice_values(s) == [0])
    finally:
        transfer.stdin.close()
        transfer.wait()


def test_too_many_connections_of_one_source(own_server):
    s = own_server()
    held = [raw(s) for _ in range(4)]
    for h in held:
        assert h.recv(100).startswith(b"SSH-2.0-")
    with raw(s) as fifth:
        assert b"too many connections from your address" in read_to_end(fifth)
    for _ in range(50):
        with raw(s) as more:
            read_to_end(more)
    for _ in range(3):  # the client's own words, not a reset
        r = s.ssh("status", "0")
        assert r.returncode == 255
        assert b"too many connections from your address that have not logged in" in r.stderr, r.stderr
        assert b"reset" not in r.stderr
    assert s.log().count("turned away") == 1  # a flood does not fill the log
    for h in held:
        h.close()
    wait_for(lambda: s.ssh("status", "0").returncode == 0)


def test_logged_in_connections_do_not_count_as_waiting(own_server):
    s = own_server()
    running = [subprocess.Popen(s.argv_for("receive", "tar"), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE) for _ in range(3)]
    wait_for(lambda: s.log().count("logged in") == 3)
    running += [subprocess.Popen(s.argv_for("receive", "tar"), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE) for _ in range(3)]
    wait_for(lambda: s.log().count("logged in") == 6)
    for p in running:
        p.stdin.close()
        assert p.wait() == 0


def sshpass(s, password):
    return subprocess.run(["sshpass", "-p", password, "ssh",
                           *s.options("-o", "PubkeyAuthentication=no", "-o",
                                      "NumberOfPasswordPrompts=1"),
                           "root@127.0.0.1", "status", "6"], capture_output=True, timeout=30)


def test_password(own_server):
    s = own_server(password="correct horse battery", keys=False)
    assert sshpass(s, "correct horse battery").returncode == 6
    start = time.monotonic()
    r = sshpass(s, "correct horse batterx")
    assert r.returncode in (5, 255) and b"Permission denied" in r.stderr
    assert time.monotonic() - start > 0.7
    assert sshpass(s, "").returncode in (5, 255)


def test_no_password_without_the_file(server):
    r = sshpass(server, "x")
    assert r.returncode == 255
    assert b"Permission denied (publickey)" in r.stderr


def test_attempts_are_counted(own_server, tmp_path):
    s = own_server()
    identities = []
    for i in range(8):
        make_key(str(tmp_path / f"k{i}"))
        identities += ["-i", str(tmp_path / f"k{i}")]
    r = s.ssh("status", "0", options=identities, key=str(tmp_path / "k0"))
    assert r.returncode == 255
    assert "too many attempts" in s.log()


def test_no_login_possible_is_an_error(tmp_path):
    os.makedirs(tmp_path / "run")
    r = subprocess.run([REHOST, "serve", "--listen", "0", "--run-dir", str(tmp_path / "run")],
                       capture_output=True, timeout=20, text=True)
    assert r.returncode == 1
    assert "RH-SSH-04" in r.stderr
    # The console shows it: what the service prints itself is seen by nobody.
    assert "RH-SSH-04" in (tmp_path / "run/serve_error").read_text()
    (tmp_path / "run/password").write_text("secret\n")
    s = subprocess.Popen([REHOST, "serve", "--listen", "0", "--run-dir", str(tmp_path / "run")], stdout=subprocess.PIPE)
    assert s.stdout.readline().startswith(b"listening")
    assert not (tmp_path / "run/serve_error").exists()
    s.terminate()
    assert s.wait(10) == 0


def test_host_key_and_fingerprint_stay(own_server):
    s = own_server()
    with open(os.path.join(s.run, "fingerprint")) as f:
        print_before = f.read()
    listed = subprocess.run(["ssh-keygen", "-lf", os.path.join(s.run, "host_key")],
                            capture_output=True, text=True, check=True).stdout
    assert print_before.strip() in listed
    assert os.stat(os.path.join(s.run, "host_key")).st_mode & 0o777 == 0o600
    s.stop()
    s.start()
    with open(os.path.join(s.run, "fingerprint")) as f:
        assert f.read() == print_before


def test_the_real_program(own_server, tmp_path):
    run = tmp_path / "s0" / "run"
    s = own_server(argv=[REHOST, "serve", "--listen", "0", "--run-dir", str(run)])
    r = s.ssh("help")
    assert r.returncode == 0 and b"receive" in r.stdout
    assert b"\n  init" not in r.stdout
    r = s.ssh("receive", stdin=b"")
    assert r.returncode == 2 and b"usage: rehost receive tar" in r.stderr
    r = s.ssh("reboot")
    assert r.returncode == 1 and b"RH-SSH-01" in r.stderr
    with open(run / "last_error") as f:
        assert "RH-SSH-01" in f.read()
    r = s.ssh(stdin=b"some tar data")
    assert r.returncode == 2 and b"receive tar" in r.stderr
    assert s.ssh("log").stdout.count(b"reboot") >= 1
