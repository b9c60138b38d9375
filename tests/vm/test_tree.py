# SPDX-License-Identifier: MIT
"""The comparison of trees must see every kind of difference; otherwise the migration tests prove nothing."""
import os
import subprocess

import pytest

from lib import tree


def look(top):
    done = subprocess.run(["sh", "-c", f"ROOT='{top}'; {tree.SCRIPT}"], stdout=subprocess.PIPE, check=True)
    return tree.parse(done.stdout)


def make(top):
    top.mkdir()
    (top / "dir").mkdir()
    (top / "dir/file").write_text("content")
    os.link(top / "dir/file", top / "dir/second")
    (top / "odd\nname").write_text("x")
    os.symlink("dir", top / "link")
    os.mknod(top / "node", 0o600 | 0o020000, os.makedev(1, 3))
    with open(top / "sparse", "wb") as f:
        f.truncate(4 << 20)
    os.setxattr(top / "dir/file", "user.a", b"1")
    subprocess.run(["setfacl", "-d", "-m", "u:1:rwx", top / "dir"], check=True)
    for path in top.rglob("*"):
        os.utime(path, ns=(0, 1_000_000_001), follow_symlinks=False)
    os.utime(top, ns=(0, 5))


def replace(path, make_new):
    """Replaces an entry and keeps all times."""
    make_new(path)
    os.utime(path, ns=(0, 1_000_000_001), follow_symlinks=False)
    os.utime(path.parent, ns=(0, 5 if path.parent.name == "tree" else 1_000_000_001))


def relink(path):
    path.unlink()
    os.symlink("elsewhere", path)


def renode(path):
    path.unlink()
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))


def unlink_names(path):
    path.unlink()
    path.write_text("content")
    os.setxattr(path, "user.a", b"1")


CHANGES = {
    "content": ("dir/file", lambda p: p.write_text("conTent"), "sha256"),
    "mode": ("dir/file", lambda p: p.chmod(0o4755), "mode"),
    "owner": ("odd\nname", lambda p: os.chown(p, 5, 0), "owner"),
    "xattr": ("dir/file", lambda p: os.setxattr(p, "user.a", b"2"), "xattrs"),
    "acl": ("dir", lambda p: subprocess.run(["setfacl", "-k", p], check=True), "xattrs"),
    "link": ("link", relink, "link"),
    "device": ("node", renode, "device"),
    "hole": ("sparse", lambda p: p.write_bytes(bytes(4 << 20)), "sparse"),
    "names": ("dir/second", unlink_names, "names"),
    "nanosecond": ("odd\nname", None, "mtime"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_kind_of_change_is_seen(tmp_path, what):
    make(tmp_path / "tree")
    before = look(tmp_path / "tree")
    name, change, attribute = CHANGES[what]
    path = tmp_path / "tree" / name
    if change:
        replace(path, change)
    else:
        os.utime(path, ns=(0, 1_000_000_002))
    found, _ = tree.compare(before, look(tmp_path / "tree"), {})
    assert any(f" {attribute}: " in line for line in found), found


def test_an_equal_tree_has_no_differences_and_missing_names_are_seen(tmp_path):
    make(tmp_path / "tree")
    before = look(tmp_path / "tree")
    assert tree.compare(before, look(tmp_path / "tree"), {}) == ([], set())
    (tmp_path / "tree/link").unlink()
    os.utime(tmp_path / "tree", ns=(0, 5))
    found, _ = tree.compare(before, look(tmp_path / "tree"), {})
    assert found == ["./link: only on the source"]


def test_expected_differences_are_named_and_cover_their_folder(tmp_path):
    make(tmp_path / "tree")
    before = look(tmp_path / "tree")
    (tmp_path / "tree/dir/new").write_text("")
    found, used = tree.compare(before, look(tmp_path / "tree"), {"dir/n*": "why", "never": "why"})
    assert (found, used) == ([], {"dir/n*"})
