# SPDX-License-Identifier: MIT
"""A whole tree, attribute by attribute, taken with find, stat, getfattr and sha256sum on the machine that has it.

Nothing of rehost is used, so that what rehost lost cannot be hidden by how rehost looks.
"""
import fnmatch
import os
import re

# Kept out on both sides: not files of the system, or emptied by every boot.
PRUNE = ["./proc", "./sys", "./dev", "./run", "./tmp", "./.rehost", "./*/.rehost"]

_PRUNE = " -o ".join(f"-path '{p}'" for p in PRUNE)
# Sections are divided by a line no file name ends with; every field ends in NUL.
SCRIPT = f"""
set -e; cd "$ROOT"; export LC_ALL=C
walk() {{ find . \\( {_PRUNE} \\) -prune -o "$@"; }}
walk -printf '%p\\0%y\\0%m\\0%U\\0%G\\0%s\\0%T@\\0%D:%i\\0%b\\0%l\\0'
printf '=====\\0'
walk \\( -type b -o -type c \\) -print0 | xargs -0r stat --printf '%t:%T %n\\0'
printf '=====\\0'
walk -type f -print0 | xargs -0r sha256sum -z
printf '=====\\0'
walk \\( -type f -o -type d -o -type l \\) -print0 | xargs -0r getfattr -h -d -m - -e hex --absolute-names
"""


def _unescape(name):
    return re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), name)


def parse(raw):
    """{path: {attribute: value}} of SCRIPT's output."""
    walk, devices, hashes, xattrs = raw.split(b"=====\0")
    tree, inodes = {}, {}
    fields = walk.split(b"\0")[:-1]
    assert len(fields) % 10 == 0
    for i in range(0, len(fields), 10):
        path, kind, mode, uid, gid, size, mtime, inode, blocks, link = fields[i : i + 10]
        kind = kind.decode()
        entry = {"kind": kind, "owner": f"{uid.decode()}:{gid.decode()}", "mtime": mtime.decode(), "xattrs": {}}
        if kind != "l":
            entry["mode"] = mode.decode()
        else:
            entry["link"] = link
        if kind == "f":
            entry["size"] = int(size)
            entry["sparse"] = int(size) >= 1 << 20 and int(blocks) * 512 < int(size) // 2
        if kind != "d":
            inodes.setdefault(inode, set()).add(path)
        tree[path] = entry
    for same in inodes.values():
        for path in same:
            tree[path]["names"] = frozenset(same)
    for item in devices.split(b"\0")[:-1]:
        number, path = item.split(b" ", 1)
        tree[path]["device"] = number.decode()
    for item in hashes.split(b"\0")[:-1]:
        tree[item[66:]]["sha256"] = item[:64].decode()
    path = None
    for line in xattrs.split(b"\n"):
        if line.startswith(b"# file: "):
            path = _unescape(line[8:])
        elif line:
            name, _, value = line.partition(b"=")
            tree[path]["xattrs"][_unescape(name).decode()] = value.decode()
    return tree


def take(net, host, root="/"):
    """The tree of a running machine, as root."""
    import subprocess

    done = subprocess.run(
        net.ssh_argv(host, f"ROOT={root}; {SCRIPT}"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=900,
    )
    if done.returncode:
        raise RuntimeError(f"{host}: listing the tree: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return parse(done.stdout)


def _show(path):
    return os.fsdecode(path).encode("utf-8", "backslashreplace").decode()


def expected(path, patterns):
    """The pattern of patterns that path (bytes, ./...) matches, or None."""
    name = os.fsdecode(path)[2:]
    return next((p for p in patterns if fnmatch.fnmatchcase(name, p)), None)


def compare(a, b, patterns):
    """Differences of tree b from a that no pattern explains, as lines; and which patterns were used."""
    out, used = [], set()
    # Folders of expected differences: their times may differ. The root's does: the switch renames what is in it.
    touched = {b"."}
    for path in a.keys() | b.keys():
        pattern = expected(path, patterns)
        if pattern and a.get(path) != b.get(path):
            used.add(pattern)
            touched.add(os.path.dirname(path))
    for path in sorted(a.keys() | b.keys()):
        if expected(path, patterns):
            continue
        x, y = a.get(path), b.get(path)
        if x is None or y is None:
            if (x or y)["kind"] != "s":  # tar carries no sockets; their programs make them
                out.append(f"{_show(path)}: only on the {'clone' if x is None else 'source'}")
            continue
        for key in sorted(x.keys() | y.keys()):
            if x.get(key) == y.get(key):
                continue
            if key == "mtime" and x["kind"] == "d" and path in touched:
                continue
            out.append(f"{_show(path)}: {key}: {x.get(key)} became {y.get(key)}")
    return out, used
