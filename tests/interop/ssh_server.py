# SPDX-License-Identifier: MIT
"""The SSH service of a test, and the stock client's way to it."""
import hashlib
import os
import shutil
import subprocess
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
SINK = os.environ.get("SINK_SERVER") or os.path.join(TOP, "build/bin/sink_server")
REHOST = os.path.join(TOP, "build/rehost")
GRACE = 6


def make_key(path, kind="ed25519"):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)


def wait_for(what, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


class Server:
    """One service with a run folder of its own."""

    def __init__(self, folder, argv=None, password=None, keys=True):
        self.dir = str(folder)
        self.run = os.path.join(self.dir, "run")
        os.makedirs(self.run, 0o700)
        self.key = os.path.join(self.dir, "id")
        make_key(self.key)
        if keys:
            shutil.copy(self.key + ".pub", os.path.join(self.run, "authorized_keys"))
        if password:
            with open(os.path.join(self.run, "password"), "w") as f:
                f.write(password + "\n")
        self.argv = argv or [SINK, "serve", self.run, str(GRACE)]
        self.process = None
        self.start()

    def start(self):
        port = os.path.join(self.run, "port")
        if os.path.exists(port):
            os.unlink(port)
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on port "), line
        self.port = int(line.split()[-1])

    def stop(self):
        self.process.terminate()
        assert self.process.wait(10) == 0

    def options(self, *more):
        return ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
                "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
                "-p", str(self.port), *more]

    def argv_for(self, *command, options=(), key=None, user="root"):
        return ["ssh", *self.options("-o", "BatchMode=yes", "-i", key or self.key, *options),
                f"{user}@127.0.0.1", *command]

    def ssh(self, *command, options=(), key=None, user="root", stdin=b"", timeout=60):
        return subprocess.run(self.argv_for(*command, options=options, key=key, user=user),
                              input=stdin, capture_output=True, timeout=timeout)

    def log(self):
        with open(os.path.join(self.run, "log")) as f:
            return f.read()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("ssh"))
    yield s
    s.stop()


@pytest.fixture
def own_server(tmp_path):
    servers = []

    def make(**kw):
        s = Server(tmp_path / f"s{len(servers)}", **kw)
        servers.append(s)
        return s
    yield make
    for s in servers:
        if s.process.poll() is None:
            s.stop()


def patterned(size):
    block = hashlib.sha512(b"seed").digest() * 1024
    return (block * (size // len(block) + 1))[:size]
