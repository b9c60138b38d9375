# SPDX-License-Identifier: MIT
"""rehost inspect over real trees, disks and images: what it says, that it fits its schema, and that it writes nothing."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import time

import jsonschema
import pytest

import loopdisk

TOP = pathlib.Path(__file__).resolve().parents[2]
REHOST = TOP / "build/rehost"
SCHEMA = json.loads((TOP / "docs/inspect.schema.json").read_text())
MIB = 1 << 20


def run(*argv, check=True, **kw):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    assert not check or done.returncode == 0, (argv, done.stdout, done.stderr)
    return done


def inspect(*words):
    report = json.loads(run(REHOST, "inspect", "--json", *words).stdout)
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(report, SCHEMA)
    return report


def put(root, **files):
    for path, text in files.items():
        path = root / path.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def loops():
    return {p.parent.parent.name: p.read_text() for p in pathlib.Path("/sys/block").glob("loop*/loop/backing_file")}


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    """A root that mmdebstrap made for the machines of tests/vm, without its bulk; else one made here."""
    root = tmp_path_factory.mktemp("debian")
    tars = sorted((TOP / "build/vm").glob("root-source-*.tar"))
    folders = "usr/share", "usr/include", "usr/lib/x86_64-linux-gnu", "usr/lib/modules/*/kernel", "usr/lib/python*", "var/lib/dpkg/info", "var/lib/apt", "var/cache"
    bulk = [f"--exclude=./{folder}/*" for folder in folders]
    if tars:
        run("tar", "-C", root, "-xpf", tars[0], *bulk)
    else:
        run("mmdebstrap", "--variant=apt", "--include=systemd-sysv,ifupdown,openssh-server", "bookworm", root / "x.tar")
        run("tar", "-C", root, "-xpf", root / "x.tar", *bulk)
        (root / "x.tar").unlink()
    put(root, etc__network__interfaces="auto ens3\niface ens3 inet static\n address 192.0.2.10/24\n gateway 192.0.2.1\n",
        etc__ssh__sshd_config="Port 22\nListenAddress 192.0.2.10\n", etc__hostname="web01\n",
        etc__fstab="UUID=11111111-2222-3333-4444-555555555555 / ext4 defaults 0 1\nLABEL=boot /boot ext4 defaults 0 2\n"
                   "UUID=99999999-0000-0000-0000-000000000000 /data ext4 defaults 0 2\n")
    yield root
    shutil.rmtree(root)


def test_real_tree(debian):
    report = inspect(debian)
    system = report["system"]
    assert (system["distribution"], system["family"], system["package_manager"], system["init"]) == ("debian", "debian", "apt", "systemd")
    assert system["version"].startswith("12.") and system["architecture"] == "amd64" and system["usr_merged"]
    net = report["network"]
    assert net["stack"] == "ifupdown" and "networking.service" in net["why"]
    assert net["links"][0]["addresses"] == ["192.0.2.10/24"]
    places = {(p["service"], p["file"], p["line"], p["own"]) for p in report["mentions"]["places"]}
    assert ("sshd", "/etc/ssh/sshd_config", 2, True) in places
    assert report["mentions"]["complete"] and report["mentions"]["files_read"] > 100
    text = run(REHOST, "inspect", debian).stdout.decode()
    for word in "ifupdown", "web01", "/etc/ssh/sshd_config:2: 192.0.2.10 (sshd)", "Debian GNU/Linux 12":
        assert word in text


def test_this_machine_and_what_is_none(tmp_path):
    inspect("/")
    (tmp_path / "etc").mkdir()
    assert inspect(tmp_path)["system"]["is_linux_root"] is False


def build_image(root, image, second=None):
    """A GPT disk: /boot, the root, and with second another system."""
    boot = root.parent / "boot-of-image"
    shutil.rmtree(boot, ignore_errors=True)
    boot.mkdir()
    (boot / "vmlinuz-6.1.0-1-amd64").write_bytes(b"kernel")
    (boot / "initrd.img-6.1.0-1-amd64").write_bytes(b"initrd")
    with open(image, "wb") as f:
        f.truncate(600 * MIB)
    run("sfdisk", "-q", image, input=b"label: gpt\nstart=1MiB,size=32MiB\nstart=40MiB,size=400MiB\nstart=450MiB,size=64MiB\n")
    run("mke2fs", "-q", "-F", "-t", "ext4", "-L", "boot", "-E", f"offset={MIB}", "-d", boot, image, "32M")
    run("mke2fs", "-q", "-F", "-t", "ext4", "-U", "11111111-2222-3333-4444-555555555555", "-E", f"offset={40 * MIB}", "-d", root, image, "400M")
    if second:
        run("mke2fs", "-q", "-F", "-t", "ext4", "-U", "aaaaaaaa-2222-3333-4444-555555555555", "-E", f"offset={450 * MIB}", "-d", second, image, "64M")
    return image


@pytest.fixture(scope="module")
def disk(debian, tmp_path_factory):
    return build_image(debian, tmp_path_factory.mktemp("disk") / "disk.img")


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(f.read()).hexdigest()


def wait_for(loops_before):
    """The devices go with the namespace of a process that has ended; the kernel takes that down in the background."""
    end = time.monotonic() + 20
    while loops() != loops_before:
        assert time.monotonic() < end, loops()
        time.sleep(0.1)


def test_image(debian, disk):
    image = disk
    before, held = digest(image), loops()
    report = inspect(image)
    device = report["device"]
    assert device["table"] == "gpt" and [v["mount"] for v in device["volumes"]] == ["/boot", "/", None]
    assert device["volumes"][0]["label"] == "boot" and device["volumes"][1]["type"] == "ext4"
    assert any("99999999" in n and "/data" in n for n in device["notes"])
    assert report["system"]["hostname"] == "web01"
    assert report["kernels"][0]["initramfs"] == "/boot/initrd.img-6.1.0-1-amd64"
    plain = inspect(debian)
    for key in "network", "mentions", "mounts", "agents":
        assert report[key] == plain[key], key
    assert "volume        2: ext4, 419 MB, UUID 11111111" in run(REHOST, "inspect", image).stdout.decode()
    assert digest(image) == before
    wait_for(held)


def test_device_and_partition(disk, tmp_path):
    image = disk
    loop = loopdisk.attach(image)
    try:
        assert inspect(loop)["system"]["hostname"] == "web01"
        # a partition alone: /boot is named in its fstab and is not on it
        alone = inspect(loop + "p2")
        assert alone["device"]["table"] is None and any("/boot" in n for n in alone["device"]["notes"])
        at = tmp_path / "mnt"
        at.mkdir()
        run("mount", "-o", "ro,noload", loop + "p1", at)
        try:
            used = run(REHOST, "inspect", loop, check=False)
            assert used.returncode == 1 and b"RH-DISK-20" in used.stderr
        finally:
            run("umount", at)
    finally:
        loopdisk.detach(loop, image)


def test_two_systems_and_none(tmp_path):
    first, second = small_root(tmp_path), tmp_path / "second"
    for folder in "bin", "sbin", "etc":
        (second / folder).mkdir(parents=True)
    put(second, **{"etc__os-release": "ID=alpine\nVERSION_ID=3.19.1\n", "etc__hostname": "other\n"})
    image = build_image(first, tmp_path / "disk.img", second)
    two = run(REHOST, "inspect", "--json", image, check=False)
    error = json.loads(two.stdout)["error"]
    assert two.returncode == 1 and error["id"] == "RH-JOB-70" and "aaaaaaaa" in json.dumps(error) and "other" in json.dumps(error)
    report = inspect("--root", "aaaaaaaa-2222-3333-4444-555555555555", image)
    assert report["system"]["distribution"] == "alpine"
    assert [v["mount"] for v in report["device"]["volumes"]] == [None, None, "/"]
    none = tmp_path / "none.img"
    with open(none, "wb") as f:
        f.truncate(16 * MIB)
    assert b"RH-JOB-70" in run(REHOST, "inspect", none, check=False).stderr
    run("mke2fs", "-q", "-F", "-t", "ext4", none)
    assert b"RH-JOB-70" in run(REHOST, "inspect", none, check=False).stderr
    assert run(REHOST, "inspect", "/dev/null", check=False).returncode == 1


def small_root(tmp_path, *tops):
    """The least that counts as a system, at the top or in a folder of the file system's."""
    tree = tmp_path / "tree"
    for top in tops or ("",):
        for folder in "bin", "sbin", "etc":
            (tree / top / folder).mkdir(parents=True)
        put(tree / top, **{"etc__os-release": "ID=fedora\nVERSION_ID=40\n", "etc__hostname": f"host{top}\n", "etc__hosts": "192.0.2.7 host\n"})
    return tree


@pytest.mark.parametrize("top", ["", "@", "root", "@rootfs"])
def test_btrfs(tmp_path, top):
    """The root at the top, or in a subvolume as installers name it (a plain folder looks the same)."""
    image = tmp_path / "disk.img"
    with open(image, "wb") as f:
        f.truncate(128 * MIB)
    tree = small_root(tmp_path, top)
    (tree / "root").exists() or (tree / "root").symlink_to("/")  # no way to this machine's own root
    run("mkfs.btrfs", "-q", "-r", tree, image)
    before = digest(image)
    report = inspect(image)
    assert report["system"]["distribution"] == "fedora" and report["system"]["hostname"] == f"host{top}"
    assert report["device"]["volumes"][0]["mount"] == "/" and digest(image) == before


def test_xfs(tmp_path):
    image = tmp_path / "disk.img"
    with open(image, "wb") as f:
        f.truncate(320 * MIB)
    proto = tmp_path / "proto"  # mkfs.xfs(8), -p
    put(tmp_path, **{"os": "ID=rocky\nVERSION_ID=9.3\n"})
    proto.write_text(f"x\n0 0\nd--755 0 0\nbin d--755 0 0\n$\nsbin d--755 0 0\n$\netc d--755 0 0\nos-release ---644 0 0 {tmp_path}/os\n$\n$\n")
    run("mkfs.xfs", "-q", "-p", proto, image)
    before = digest(image)
    assert inspect(image)["system"]["distribution"] == "rocky" and digest(image) == before


def test_hostile_fstab_leads_nowhere(tmp_path):
    """Mount points that are links out of the tree, and one that is none."""
    root = tmp_path / "root"
    for folder in "bin", "sbin", "etc":
        (root / folder).mkdir(parents=True)
    (root / "boot").symlink_to("/../../../../etc")
    put(root, **{"etc__os-release": "ID=debian\n", "etc__fstab": "LABEL=boot /boot ext4 defaults 0 2\nLABEL=boot /../x ext4 defaults 0 2\n"})
    before = os.stat("/etc").st_ino, os.listdir("/etc")
    report = inspect(build_image(root, tmp_path / "disk.img"))
    assert report["system"]["distribution"] is None  # /boot leads to the tree's own /etc, which is below the mount now
    assert (os.stat("/etc").st_ino, os.listdir("/etc")) == before
