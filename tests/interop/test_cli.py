# SPDX-License-Identifier: MIT
"""The command line: words, help and exit codes, without a target."""
import json
import os
import re
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REHOST = os.path.join(TOP, "build/rehost")
COMMANDS = ["help", "status", "plan", "receive", "rewrite", "check", "switch", "confirm", "rollback", "release", "identity", "report",
            "log", "reboot", "inspect", "explain", "serve"]


@pytest.fixture
def run(tmp_path):
    def call(*words, stdin=b""):
        env = {**os.environ, "REHOST_RUN_DIR": str(tmp_path)}
        return subprocess.run([REHOST, *words], input=stdin, capture_output=True, env=env, timeout=20)
    return call


def test_static_and_small():
    assert os.path.getsize(REHOST) <= 6_000_000
    out = subprocess.run(["readelf", "-lS", REHOST], capture_output=True, text=True, check=True).stdout
    assert "INTERP" not in out and ".debug_info" not in out


def test_version_and_list(run):
    r = run("--version")
    assert r.returncode == 0 and re.fullmatch(rb"rehost \d+\.\d+\.\d+\n", r.stdout)
    assert run().returncode == 2
    text = run("help").stdout.decode()
    for c in COMMANDS:
        assert re.search(rf"^  {c} ", text, re.M), c
    assert max(len(line) for line in text.splitlines()) <= 85
    for hidden in ("no-command", "modprobe", "init"):
        assert not re.search(rf"^  {hidden} ", text, re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each(run, command):
    r = run(command, "--help")
    assert r.returncode == 0 and r.stdout.startswith(f"rehost {command}".encode())
    assert run("help", command).stdout == r.stdout
    r = run(command, "--nonsense")
    assert r.returncode == 2 and b"unknown option: --nonsense" in r.stderr and r.stdout == b""


@pytest.mark.parametrize("words,text", [
    (["frobnicate"], b"unknown command"), (["frob\x1b[2J"], b"frob\\x1b[2J"), (["receive"], b"something is missing"),
    (["receive", "zip"], b"must be 'tar', 'loader' or 'sample'"), (["receive", "loader", "--update"], b"are for 'receive tar'"),
    (["confirm"], b"something is missing"), (["log", "--trial", "--follow"], b"nothing to follow"), (["receive", "tar", "--delete-ok"], b"goes with --update"),
    (["rewrite", "--as", "theft"], b"'move' or 'copy'"), (["rewrite", "--hostname", "a b"], b"host name"),
    (["rewrite", "--host-keys", "mine"], b"--host-keys"), (["rewrite", "--as"], b"needs a value"),
    (["rewrite", "--root", "/tmp"], b"--root and --facts"), (["switch", "now"], b"one word too many: now"),
    (["serve", "--listen", "70000"], b"65535"), (["serve", "--listen", "-1"], b"65535"),
    (["explain", "RH-NO-99"], b"no error code"), (["help", "frobnicate"], b"no command"),
])
def test_wrong_words(run, words, text):
    r = run(*words)
    assert r.returncode == 2
    assert text in r.stderr


def test_explain_knows_every_code(run):
    with open(os.path.join(TOP, "src/base/err_codes.def")) as f:
        ids = re.findall(r'"(RH-[A-Z]+-\d+)"', f.read())
    assert len(ids) == len(set(ids)) > 10
    text = run("explain").stdout.decode()
    for i in ids:
        assert i in text
    one = run("explain", ids[0].lower()).stdout.decode()
    assert one.startswith(ids[0]) and "next" in one and "exit" in one


def test_report_and_json_of_a_failure(run, tmp_path):
    r = run("inspect", str(tmp_path / "none"))
    assert r.returncode == 1 and r.stdout == b""
    for part in (b"RH-BASE-04", b"because", b"disk", b"next"):
        assert part in r.stderr
    r = run("inspect", "--json", str(tmp_path / "none"))
    assert json.loads(r.stdout)["error"]["id"] == "RH-BASE-04"
    assert r.returncode == 1


def test_last_error_is_kept_until_a_success(run, tmp_path):
    assert run("reboot").returncode == 1
    assert "RH-SSH-01" in (tmp_path / "last_error").read_text()
    assert "reboot" in (tmp_path / "log").read_text()
    assert run("help").returncode == 0
    assert (tmp_path / "last_error").exists()


def test_no_command(run):
    assert b"receive tar" in run("no-command", stdin=b"x").stderr
    assert run("no-command", stdin=b"x").returncode == 2
    assert run("no-command").returncode == 0


def test_log_goes_on_when_the_file_was_moved(run, tmp_path):
    """A full log is moved to log.old: both are printed, and --follow goes over to the new one."""
    (tmp_path / "log.old").write_text("old\n")
    (tmp_path / "log").write_text("first\n")
    assert run("log").stdout == b"old\nfirst\n"
    env = {**os.environ, "REHOST_RUN_DIR": str(tmp_path)}
    follow = subprocess.Popen([REHOST, "log", "--follow"], stdout=subprocess.PIPE, env=env)
    try:
        assert follow.stdout.readline() == b"old\n" and follow.stdout.readline() == b"first\n"
        with open(tmp_path / "log", "a") as f:
            (tmp_path / "log").rename(tmp_path / "log.old")
            f.write("last of the old\n")
        (tmp_path / "log").write_text("new\n")
        assert follow.stdout.readline() == b"last of the old\n" and follow.stdout.readline() == b"new\n"
    finally:
        follow.kill()
        follow.wait()
