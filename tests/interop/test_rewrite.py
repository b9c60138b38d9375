# SPDX-License-Identifier: MIT
"""The rewriting on a plain folder, judged by the programs that read its files: findmnt, sh, udevadm, diff and patch."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOTS = HERE.parent / "fixtures" / "roots"
REHOST = HERE.parent.parent / "build" / "rehost"
CASES = sorted(p.name for p in ROOTS.iterdir() if (p / "facts.json").exists())


def run(*argv, **kw):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, **kw)


def rehost(case, tree, *more):
    return run(REHOST, "rewrite", "--root", tree, "--facts", ROOTS / case / "facts.json",
               "--target-files", ROOTS / case / "target", *more)


@pytest.fixture(params=CASES)
def case(request):
    return request.param


@pytest.fixture
def tree(case, tmp_path):
    folder = tmp_path / "tree"
    shutil.copytree(ROOTS / "base-bookworm", folder, symlinks=True)
    shutil.copytree(ROOTS / case / "in", folder, symlinks=True, dirs_exist_ok=True)
    return folder


@pytest.mark.skipif(os.geteuid() != 0, reason="looks through a loop device")
def test_an_image_is_planned_like_its_folder_and_not_written(case, tree, tmp_path):
    image = tmp_path / "disk.img"
    run("mke2fs", "-q", "-F", "-t", "ext4", "-E", "offset=1048576", "-d", tree, image, "64M", check=True)
    run("sfdisk", "-q", image, input="label: dos\nstart=1MiB\n", check=True)
    before = image.read_bytes()
    seen, plain = rehost(case, image, "--dry-run", "--json"), rehost(case, tree, "--dry-run", "--json")
    assert seen.returncode == plain.returncode in (0, 3), seen
    assert json.loads(seen.stdout) == json.loads(plain.stdout)
    refused = rehost(case, image)
    assert refused.returncode == 1 and "RH-RW-03" in refused.stderr and "losetup" in refused.stderr, refused
    assert image.read_bytes() == before


def files_below(folder, name):
    return {str(p.relative_to(folder)): p.read_bytes() for p in (folder / name).rglob("*")
            if p.is_file() and not p.is_symlink()}


@pytest.mark.parametrize("program", (("patch", "-p1", "--no-backup-if-mismatch", "--batch"),
                                     ("git", "apply", "--whitespace=nowarn")), ids=("patch", "git"))
def test_dry_run_writes_nothing_and_patches(case, tree, tmp_path, program):
    """The whole text is one that patch(1) and git-apply(1) accept, and it gives the files that the real run gives."""
    before = run("find", tree, "-newer", ROOTS / case / "facts.json", "-ls").stdout
    dry = rehost(case, tree, "--dry-run")
    assert dry.returncode in (0, 3), dry.stderr
    assert run("find", tree, "-newer", ROOTS / case / "facts.json", "-ls").stdout == before
    patched = tmp_path / "patched"
    shutil.copytree(tree, patched, symlinks=True)
    done = run(*program, input=dry.stdout, cwd=patched)
    assert done.returncode == 0, done.stdout + done.stderr
    assert rehost(case, tree).returncode in (0, 3)
    want, got = files_below(tree, "etc"), files_below(patched, "etc")
    for name in sorted(want.keys() | got.keys()):
        if "ssh_host_" not in name:
            assert got.get(name) == want.get(name), name


def test_dry_run_says_first_what_decides(case, tree):
    """Numbers, blockers, notes and programs come before the first change; every change stands under its reason."""
    text = rehost(case, tree, "--dry-run").stdout
    head, _, diff = text.partition("\n== ")
    o = json.loads(rehost(case, tree, "--dry-run", "--json").stdout)
    s = o["summary"]
    assert text.startswith(f"Files: {s['changed']} changed, {s['new']} new, ")
    assert f"Notes: {s['notes']}." in head and "\n--- " not in head
    assert head.count("\nnote: ") == s["notes"] == len(o["notes"])
    assert head.count("\nrun: ") == s["programs"] == 3
    groups = {}
    for edit in o["edits"]:
        groups.setdefault(f"{edit['subject']}: {edit['why']} ==", []).append(edit)
    parts = {p.partition("\n")[0]: p.partition("\n")[2] for p in diff.split("\n== ")}
    assert set(parts) == set(groups)
    for title, edits in groups.items():
        for edit in edits:
            assert edit["path"] in parts[title]
            if edit["diff"]:
                assert edit["diff"].strip() in parts[title]
            if edit["change"] != "kept copy":
                assert edit["path"] in head


def report(tree, *more):
    return run(REHOST, "report", "--root", tree, *more)


def test_the_report_names_every_change(case, tree):
    """Each path that the rewriting changed, made or removed stands in it with a reason; a second run leaves it as it is."""
    before = files_below(tree, ".")
    assert report(tree).returncode == 1 and "RH-JOB-71" in report(tree).stderr
    assert rehost(case, tree).returncode in (0, 3)
    o = json.loads(report(tree, "--json").stdout)
    now = files_below(tree, ".")
    changed = {"/" + name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
    own = ("/var/lib/rehost/source-original/", "/var/lib/rehost/target-original/", "/var/lib/rehost/report.")
    listed = {f["path"] for f in o["files"]}
    assert {name for name in changed if not name.startswith(own)} <= listed
    assert all(f["why"] for f in o["files"]) and len(listed) == len(o["files"])
    for f in o["files"]:
        there = os.path.lexists(str(tree) + f["path"])
        assert there == (f["change"] not in ("removed", "moved aside")), f
        if f["change"] == "moved aside":
            assert os.path.lexists(f"{tree}/var/lib/rehost/source-original{f['path']}")
    text = report(tree).stdout
    assert text == (tree / "var/lib/rehost/report.txt").read_text()
    assert all(f["path"] in text for f in o["files"]) and all(n in text for n in o["notes"])
    assert rehost(case, tree).returncode in (0, 3)
    again = files_below(tree, ".")
    assert again == now


def test_second_run_has_nothing_to_say(case, tree):
    assert rehost(case, tree).returncode in (0, 3)
    again = rehost(case, tree, "--dry-run")
    assert "\n--- " not in "\n" + again.stdout


def test_findmnt_reads_the_table(case, tree):
    """util-linux sees the target's file systems and none of the source's."""
    assert rehost(case, tree).returncode in (0, 3)
    seen = json.loads(run("findmnt", "--fstab", "--tab-file", tree / "etc/fstab", "--json",
                          "-o", "SOURCE,TARGET,FSTYPE").stdout)
    rows = seen["filesystems"]
    facts = json.loads((ROOTS / case / "facts.json").read_text())
    for fs in facts["filesystems"]:
        mine = [r for r in rows if r["source"] == "UUID=" + fs["uuid"]]
        assert len(mine) == 1, fs
        assert mine[0]["fstype"] == fs["type"]
        if fs["type"] != "swap":
            assert mine[0]["target"].rstrip("/") == fs["mount"].rstrip("/")
    assert not [r for r in rows if r["source"].startswith("UUID=5eed")]


def test_findmnt_verifies_the_table(case, tree):
    """What util-linux would have the boot wait for is this machine's, and no mount point is named twice."""
    bad = run("findmnt", "--verify", "--tab-file", tree / "etc/fstab")
    before = bad.stderr.count("parse error at line")
    assert rehost(case, tree).returncode in (0, 3)
    said = run("findmnt", "--verify", "--tab-file", tree / "etc/fstab")
    assert said.stderr.count("parse error at line") == before
    facts = json.loads((ROOTS / case / "facts.json").read_text())
    mine = {"UUID=" + fs["uuid"] for fs in facts["filesystems"]}
    waits = [line.split("required source: ")[1] for line in said.stdout.splitlines()
             if "required source: " in line]
    assert waits and set(waits) <= mine, said.stdout
    assert "specified more than once" not in said.stdout.replace("none\n   [W] target", ""), said.stdout


def test_a_shell_reads_the_command_line(case, tree):
    """What grub-mkconfig would source gives the consoles of the target and no device of the source."""
    assert rehost(case, tree).returncode in (0, 3)
    line = run("sh", "-c", "set -e; for f in etc/default/grub etc/default/grub.d/*.cfg; do "
               "[ ! -f $f ] || . ./$f; done; "
               "echo $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT", cwd=tree)
    assert line.returncode == 0, line.stderr
    words = line.stdout.split()
    want = json.loads((ROOTS / case / "facts.json").read_text()).get("consoles")
    if want:
        assert [w[8:] for w in words if w.startswith("console=")] == want
    assert not [w for w in words if w.startswith(("root=", "resume="))]


@pytest.mark.skipif(not shutil.which("sshd") and not os.path.exists("/usr/sbin/sshd"),
                    reason="needs sshd")
def test_sshd_accepts_its_file(case, tree, tmp_path):
    config = tree / "etc/ssh/sshd_config"
    if not config.exists():
        pytest.skip("this tree has none")
    assert rehost(case, tree).returncode in (0, 3)
    key = tmp_path / "key"
    assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).returncode == 0
    os.makedirs("/run/sshd", exist_ok=True)
    said = run("/usr/sbin/sshd", "-T", "-f", config, "-h", key)
    assert said.returncode == 0, said.stderr
    assert "192.0.2.10" not in said.stdout


def test_hostile_facts(tmp_path, tree, case):
    facts = json.loads((ROOTS / case / "facts.json").read_text())
    facts["links"][0]["target_name"] = "x\n[Link]"
    bad = tmp_path / "facts.json"
    bad.write_text(json.dumps(facts))
    done = run(REHOST, "rewrite", "--root", tree, "--facts", bad)
    assert done.returncode == 1
    assert "RH-RW-01" in done.stderr
