# SPDX-License-Identifier: MIT
"""The SSH service against clients that lie, that are old, and that may only look."""
import base64
import hashlib
import os
import shutil
import socket
import struct
import subprocess
import threading

import paramiko
import pytest
from ssh_server import REHOST, make_key, own_server, patterned, server, wait_for  # noqa: F401


def packet(*parts):
    body = b"".join(parts)
    return struct.pack(">I", len(body)) + body


def string(data):
    return struct.pack(">I", len(data)) + data


def lying_agent(path, blob):
    """An agent that has the right key and signs with zeros."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4)

    def answer(c):
        while True:
            head = c.recv(4, socket.MSG_WAITALL)
            if len(head) < 4:
                return
            body = c.recv(struct.unpack(">I", head)[0], socket.MSG_WAITALL)
            if body[0] == 11:  # which keys are there
                c.sendall(packet(b"\x0c", struct.pack(">I", 1), string(blob), string(b"liar")))
            elif body[0] == 13:  # sign this
                c.sendall(packet(b"\x0e", string(string(b"ssh-ed25519") + string(bytes(64)))))
            else:
                c.sendall(packet(b"\x05"))

    def serve():
        while True:
            try:
                c, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(c,), daemon=True).start()
    threading.Thread(target=serve, daemon=True).start()
    return listener


def test_wrong_signature_does_not_hang(own_server, tmp_path):
    """libssh answers a wrong signature with silence; the service must close."""
    s = own_server()
    with open(s.key + ".pub") as f:
        blob = base64.b64decode(f.read().split()[1])
    agent = lying_agent(str(tmp_path / "agent"), blob)
    argv = ["ssh", *s.options("-o", "BatchMode=yes", "-o", f"IdentityAgent={tmp_path}/agent", "-o",
                              "IdentitiesOnly=no", "-o", "IdentityFile=none"),
            "root@127.0.0.1", "status", "0"]
    argv[argv.index("IdentitiesOnly=yes")] = "IdentitiesOnly=no"
    r = subprocess.run(argv, capture_output=True, timeout=20)
    agent.close()
    assert r.returncode == 255
    assert "cannot be answered" in s.log()


def old_client(server, banner, key):
    t = paramiko.Transport(("127.0.0.1", server.port),
                           disabled_algorithms={"pubkeys": ["rsa-sha2-512", "rsa-sha2-256"]})
    t.local_version = banner
    offer = t.get_security_options()
    offer.kex = ("diffie-hellman-group14-sha1",)
    offer.key_types = ("ssh-rsa",)
    offer.ciphers = ("aes128-ctr",)
    offer.digests = ("hmac-sha1",)
    try:
        t.start_client(timeout=10)
        t.auth_publickey("root", key)
        c = t.open_session()
        c.exec_command("status 6")
        return c.recv_exit_status()
    finally:
        t.close()


def test_old_clients_get_what_they_need(own_server, tmp_path):
    s = own_server()
    key = paramiko.RSAKey.generate(2048)
    with open(os.path.join(s.run, "authorized_keys"), "a") as f:
        f.write(f"ssh-rsa {key.get_base64()} old\n")
    wait_for(lambda: os.path.exists(os.path.join(s.run, "host_key_rsa")), 60)
    assert old_client(s, "SSH-2.0-OpenSSH_5.3", key) == 6
    with pytest.raises(paramiko.SSHException):
        old_client(s, "SSH-2.0-OpenSSH_8.0", key)


def list_of_5_3(server, kex, key, mib=4):
    """What OpenSSH 5.3 (RHEL 6) proposes, in its order, as far as paramiko has it; a transfer and its hash."""
    t = paramiko.Transport(("127.0.0.1", server.port),
                           disabled_algorithms={"pubkeys": ["rsa-sha2-512", "rsa-sha2-256"]})
    t.local_version = "SSH-2.0-OpenSSH_5.3"
    offer = t.get_security_options()
    offer.kex = kex
    offer.key_types = ("ssh-rsa",)
    offer.ciphers = ("aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc", "3des-cbc", "aes192-cbc", "aes256-cbc")
    offer.digests = ("hmac-md5", "hmac-sha1", "hmac-sha1-96", "hmac-md5-96")
    data = patterned(mib << 20)
    try:
        t.start_client(timeout=20)
        t.auth_publickey("root", key)
        c = t.open_session()
        c.exec_command("receive tar")
        c.sendall(data)
        c.shutdown_write()
        out = c.makefile().read().decode()
        assert c.recv_exit_status() == 0
        assert (t.local_cipher, t.local_mac, t.host_key_type) == ("aes128-ctr", "hmac-sha1", "ssh-rsa")
        assert hashlib.sha256(data).hexdigest() in out
    finally:
        t.close()


def test_transfer_from_openssh_5_3(own_server):
    s = own_server()
    key = paramiko.RSAKey.generate(2048)
    with open(os.path.join(s.run, "authorized_keys"), "a") as f:
        f.write(f"ssh-rsa {key.get_base64()} old\n")
    wait_for(lambda: os.path.exists(os.path.join(s.run, "host_key_rsa")), 60)
    everything = ("diffie-hellman-group-exchange-sha256", "diffie-hellman-group-exchange-sha1",
                  "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1")
    list_of_5_3(s, everything, key)
    list_of_5_3(s, ("diffie-hellman-group-exchange-sha1", "diffie-hellman-group1-sha1"), key, 1)
    list_of_5_3(s, ("diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"), key, 1)
    with open(os.path.join(s.run, "options"), "w") as f:
        f.write("legacy_ssh=off\n")
    with pytest.raises(paramiko.SSHException):
        list_of_5_3(s, everything, key)


# What OpenSSH proposes by itself: banner, key exchanges, host keys, ciphers, MACs (myproposal.h of each release), and
# what must come of it here. The first of the client's that the server has counts (RFC 4253, 7.1).
ETM = "umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com," \
      "hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1"
CURVES = "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521"
GROUPS = "diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512," \
         "diffie-hellman-group14-sha256"
CHACHA = "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com"
PROPOSALS = [
    ("OpenSSH_5.3", "diffie-hellman-group-exchange-sha256,diffie-hellman-group-exchange-sha1,diffie-hellman-group14-sha1,"
     "diffie-hellman-group1-sha1", "ssh-rsa,ssh-dss", "aes128-ctr,aes192-ctr,aes256-ctr,arcfour256,arcfour128,aes128-cbc,3des-cbc",
     "hmac-md5,hmac-sha1,umac-64@openssh.com,hmac-ripemd160",
     ("diffie-hellman-group-exchange-sha256", "ssh-rsa", "aes128-ctr", "hmac-sha1")),
    ("OpenSSH_5.9", "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,"
     "diffie-hellman-group14-sha1,diffie-hellman-group1-sha1", "ecdsa-sha2-nistp256,ssh-rsa,ssh-dss",
     "aes128-ctr,aes192-ctr,aes256-ctr,arcfour256,aes128-cbc", "hmac-md5,hmac-sha1,umac-64@openssh.com,hmac-sha2-256",
     (None, "ssh-rsa", "aes128-ctr", None)),
    ("OpenSSH_6.6.1", f"{CURVES},{GROUPS},diffie-hellman-group14-sha1", "ssh-ed25519,ecdsa-sha2-nistp256,ssh-rsa",
     "aes128-ctr,aes192-ctr,aes256-ctr,arcfour256,aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com",
     f"hmac-md5-etm@openssh.com,{ETM}", ("curve25519-sha256", "ssh-ed25519", None, None)),
    ("OpenSSH_7.4", f"{CURVES},{GROUPS},diffie-hellman-group14-sha1", "ecdsa-sha2-nistp256,ssh-ed25519,rsa-sha2-512,ssh-rsa",
     CHACHA, ETM, ("curve25519-sha256", "ssh-ed25519", None, None)),
    ("OpenSSH_8.0", f"{CURVES},{GROUPS},diffie-hellman-group14-sha1", "ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa",
     CHACHA, ETM, ("curve25519-sha256", "ssh-ed25519", None, None)),
    ("OpenSSH_9.9", f"sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,mlkem768x25519-sha256,{CURVES},{GROUPS}",
     "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256", CHACHA, ETM, (None, "ssh-ed25519", None, None)),
    ("OpenSSH_10.0", f"mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,{CURVES}",
     "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256",
     "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr", ETM,
     (None, "ssh-ed25519", None, None)),
]


def server_lists(port, banner, lists):
    """The server's KEXINIT when a client says this: key exchanges, host keys, ciphers and MACs."""
    kex, keys, ciphers, macs = lists
    payload = b"\x14" + os.urandom(16)
    payload += b"".join(string(x.encode()) for x in (
        kex, keys, ciphers, ciphers, macs, macs, "none,zlib@openssh.com", "none,zlib@openssh.com", "", "")) + bytes(5)
    pad = 8 - (len(payload) + 5) % 8 + 8
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        stream = s.makefile("rwb")
        stream.write(f"SSH-2.0-{banner}\r\n".encode())
        stream.write(struct.pack(">IB", len(payload) + pad + 1, pad) + payload + bytes(pad))
        stream.flush()
        assert stream.readline().startswith(b"SSH-2.0-")
        length, padding = struct.unpack(">IB", stream.read(5))
        answer = stream.read(length - 1)[:length - 1 - padding]
    assert answer[0] == 20
    at, out = 17, []
    for _ in range(10):
        n, = struct.unpack_from(">I", answer, at)
        out.append(answer[at + 4:at + 4 + n].decode().split(","))
        at += 4 + n
    return out[0], out[1], out[2], out[4]


@pytest.mark.parametrize("proposal", PROPOSALS, ids=lambda p: p[0])
def test_every_openssh_since_5_3_finds_something_in_common(server, proposal):
    banner, *lists, want = proposal
    wait_for(lambda: os.path.exists(os.path.join(server.run, "host_key_rsa")), 60)
    offered = server_lists(server.port, banner, lists)
    for client, server_has, must in zip(lists, offered, want):
        common = [x for x in client.split(",") if x in server_has]
        assert common and must in (None, common[0]), (banner, client, server_has)


OLD_LISTS = ["-o", "KexAlgorithms=diffie-hellman-group14-sha1", "-o", "HostKeyAlgorithms=ssh-rsa", "-o", "Ciphers=aes128-ctr",
             "-o", "MACs=hmac-sha1", "-o", "PubkeyAcceptedAlgorithms=ssh-rsa"]


def test_old_lists_for_everybody_are_a_choice(own_server, tmp_path):
    """A newer client that is held to old lists (by policy, by a proxy) says so in no banner."""
    s = own_server()
    make_key(str(tmp_path / "rsa"), "rsa")
    with open(tmp_path / "rsa.pub") as f, open(os.path.join(s.run, "authorized_keys"), "a") as out:
        out.write(f.read())
    wait_for(lambda: os.path.exists(os.path.join(s.run, "host_key_rsa")), 60)
    r = s.ssh("status", "0", options=OLD_LISTS, key=str(tmp_path / "rsa"))
    assert r.returncode == 255
    wait_for(lambda: "no match for method kex" in s.log())
    with open(os.path.join(s.run, "options"), "w") as f:
        f.write("legacy_ssh=on\n")
    data = patterned(3 << 20)
    r = s.ssh("receive", "tar", options=OLD_LISTS, key=str(tmp_path / "rsa"), stdin=data)
    assert r.returncode == 0 and hashlib.sha256(data).hexdigest().encode() in r.stdout, r.stderr
    assert s.ssh("status", "0").returncode == 0  # and everybody else as before


@pytest.fixture
def watched(own_server, tmp_path):
    """A service with an operator, an observer, and the real program behind it."""
    run = tmp_path / "s0" / "run"
    make_key(str(tmp_path / "observer"))
    s = own_server(argv=[REHOST, "serve", "--listen", "0", "--run-dir", str(run)])
    shutil.copy(tmp_path / "observer.pub", run / "observer_keys")
    (run / "options").write_text("disk=none\n")  # nothing of this machine
    s.observer = str(tmp_path / "observer")
    return s


def test_an_observer_may_look_only(watched):
    refused = ["receive tar", "receive tar --update", "rewrite", "rewrite --dry-run", "switch", "rollback",
               "rollback --discard", "release", "reboot", "shell", "'reboot'", "  switch"]
    for line in refused:
        r = watched.ssh(line, key=watched.observer, stdin=b"data")
        assert r.returncode == 2, (line, r)
        assert b"your key may look, not write" in r.stderr
        assert r.stdout == b""
    for line in ["help", "log", "help switch"]:
        assert watched.ssh(line, key=watched.observer).returncode == 0
    assert "observer's key ssh-ed25519" in watched.log()
    assert watched.log().count(": refused") == len(refused)


def test_an_observer_gets_no_shell(watched):
    with open(os.path.join(watched.run, "options"), "a") as f:
        f.write("shell=1\n")
    r = watched.ssh(options=["-tt"], key=watched.observer)
    assert b"this machine runs the rescue" in r.stdout
    assert watched.ssh("shell", key=watched.observer).returncode == 2


def test_an_observer_leaves_the_last_error_alone(watched):
    assert watched.ssh("reboot").returncode == 1
    path = os.path.join(watched.run, "last_error")
    with open(path) as f:
        before = f.read()
    assert "RH-SSH-01" in before
    for line in "plan", "identity", "check", "status":  # they fail or not: this machine is no target
        watched.ssh(line, key=watched.observer)
    with open(path) as f:
        assert f.read() == before


def test_a_key_in_both_lists_may_write(watched):
    with open(os.path.join(watched.run, "observer_keys"), "a") as f, open(watched.key + ".pub") as mine:
        f.write(mine.read())
    assert b"RH-SSH-01" in watched.ssh("reboot").stderr


class Failures:
    """Stands in for paramiko's handler and takes the answer to a login request."""

    def __init__(self):
        self.got = threading.Event()
        self._handler_table = {51: self.take, 6: lambda *a: None}
        self._client_handler_table = self._handler_table

    def take(self, *_):
        self.got.set()

    def is_authenticated(self):
        return False

    def abort(self):
        pass


def test_gssapi_is_answered(own_server):
    """Clients may ask for it unoffered; the stand-ins for the library must lead to a plain refusal."""
    s = own_server()
    t = paramiko.Transport(("127.0.0.1", s.port))
    try:
        t.start_client(timeout=10)
        t.auth_handler = Failures()
        m = paramiko.Message()
        m.add_byte(b"\x05")
        m.add_string("ssh-userauth")
        t._send_message(m)
        m = paramiko.Message()
        m.add_byte(b"\x32")
        m.add_string("root")
        m.add_string("ssh-connection")
        m.add_string("gssapi-with-mic")
        m.add_int(1)
        m.add_string(bytes.fromhex("06092a864886f712010202"))
        t._send_message(m)
        assert t.auth_handler.got.wait(10)
    finally:
        t.close()
    assert s.ssh("status", "0").returncode == 0
