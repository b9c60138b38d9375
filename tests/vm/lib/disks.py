# SPDX-License-Identifier: MIT
"""Real Debian server disks, built once into build/vm and found again by a hash of their recipe.

A disk is a raw image that nothing ever writes to: machines run on qcow2 overlays (overlay()). Roots come from
mmdebstrap and this machine's own package sources.
"""
import concurrent.futures
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import threading

REPO = pathlib.Path(__file__).resolve().parents[3]
LIB = REPO / "tests/vm/lib"
CACHE = REPO / "build/vm"
SUITE = "bookworm"

# What a small server has, before it does anything.
COMMON = (
    "acl,attr,ca-certificates,cron,e2fsprogs,grub-pc,ifupdown,initramfs-tools,iproute2,iputils-ping,"
    "libcap2-bin,linux-image-cloud-amd64,lz4,openssh-server,systemd-sysv,udev,zstd"
)
# Left out to keep transfers short under emulation; nothing that is run reads them.
EXCLUDES = [
    "/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*",
    "/usr/share/bash-completion/*",
    "/lib/modules/*/kernel/drivers/infiniband/*", "/lib/modules/*/kernel/drivers/gpu/*",
    "/lib/modules/*/kernel/drivers/net/ethernet/*", "/lib/modules/*/kernel/fs/*fs/xfs.ko",
    "/lib/modules/*/kernel/sound/*",
]

ROOTS = {
    "source": COMMON + ",nginx-light,redis-server",
    "target": COMMON,
    # What a source needs whose clone is to start from LVM or an array.
    "source-storage": COMMON + ",nginx-light,redis-server,lvm2,mdadm",
    # A source whose initramfs is made by dracut.
    "dracut": COMMON.replace("initramfs-tools", "dracut,cpio"),
    # Only an init and its scripts (tests/interop/test_inits.py).
    "init-sysvinit": "sysvinit-core,sysv-rc,procps,iproute2",
    "init-openrc": "sysvinit-core,openrc,procps,iproute2",
    # Both sides of a UEFI migration: one root for two disks saves minutes.
    "uefi": COMMON.replace("grub-pc", "grub-efi-amd64,grub-efi-amd64-signed,shim-signed") + ",nginx-light,redis-server",
}
# name: root, layout, size, customise script
DISKS = {
    "source": ("source", "single", "3G", "customise-source.sh"),
    "source-storage": ("source-storage", "single", "3G", "customise-source.sh"),
    "target": ("target", "boot", "5G", "customise-target.sh"),
    "target-single": ("target", "single", "4G", "customise-target.sh"),
    "source-uefi": ("uefi", "efi", "3G", "customise-source.sh"),
    "target-uefi": ("uefi", "efi", "5G", "customise-target.sh"),
    # Its root has room for the old system and too little for the source beside it.
    "target-small": ("target", "boot", "1100M", "customise-target.sh"),
}

_locks = {}
_locks_guard = threading.Lock()


def _lock(name):
    """Lock over threads and processes; use as context manager."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with _locks_guard:
        mutex = _locks.setdefault(name, threading.Lock())

    class Held:
        def __enter__(self):
            mutex.acquire()
            self.file = open(CACHE / f".{name}.lock", "w")
            fcntl.flock(self.file, fcntl.LOCK_EX)

        def __exit__(self, *_):
            self.file.close()
            mutex.release()

    return Held()


def _digest(*parts):
    h = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, pathlib.Path) else str(part).encode()
        h.update(len(data).to_bytes(8, "big") + data)
    return h.hexdigest()[:16]


def run(argv, **kw):
    """Runs a program; its output is shown only when it fails."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **kw)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def keys():
    """Folder with the test keys: operator (logs in everywhere), source (root of the source), stranger."""
    folder = CACHE / "keys"
    with _lock("keys"):
        folder.mkdir(exist_ok=True)
        for who in "operator", "source", "stranger":
            if not (folder / f"{who}.pub").exists():
                (folder / who).unlink(missing_ok=True)
                run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", who, "-f", folder / who])
    return folder


def partitions(image):
    """Rows of the partition table of a raw disk: "start" and "size" in sectors, "type"."""
    return json.loads(run(["sfdisk", "--json", image]))["partitiontable"]["partitions"]


def root_tar(name):
    """Tar of a Debian root without any machine's identity."""
    packages = ROOTS[name]
    path = CACHE / f"root-{name}-{_digest(SUITE, packages, EXCLUDES)}.tar"
    with _lock(path.name):
        if path.exists():
            return path
        sources = run([REPO / "scripts/apt-sources", SUITE])
        tmp = path.with_suffix(".tmp.tar")
        argv = ["mmdebstrap", "--variant=minbase", f"--include={packages}"]
        argv += [f"--dpkgopt=path-exclude={glob}" for glob in EXCLUDES]
        argv += [SUITE, str(tmp), "-"]
        # INITRD=No: the initramfs is made when the disk is, once.
        run(argv, input=sources, env={**os.environ, "INITRD": "No", "LC_ALL": "C.UTF-8"})
        tmp.rename(path)
        return path


def disk(name):
    """Path of the finished raw disk, built when it is not there."""
    root, layout, size, script = DISKS[name]
    tar = root_tar(root)
    pubs = [keys() / f"{who}.pub" for who in ("operator", "source")]
    recipe = _digest(tar.name, layout, size, LIB / script, LIB / "customise-common.sh", LIB / "mkdisk.sh", *pubs)
    path = CACHE / f"disk-{name}-{recipe}.raw"
    with _lock(path.name):
        if path.exists():
            return path
        for old in CACHE.glob(f"disk-{name}-*.raw"):
            if len(old.name) == len(path.name):
                old.unlink()
        tmp = path.with_suffix(".tmp")
        run([LIB / "mkdisk.sh", tmp, size, tar, layout, LIB / script, keys()])
        tmp.rename(path)
        return path


LINUX = "83", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"  # types of the root's partition
ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"


def source_tar(name="source"):
    """What the source's own tar would send, made from its disk: for tests that need no running source."""
    from .migration import TAR

    image = disk(name)
    path = image.with_name(f"stream-{name}-{_digest(image.name, TAR)}.tar")
    with _lock(path.name):
        if not path.exists():
            for old in CACHE.glob(f"stream-{name}-*.tar"):
                old.unlink()
            start = next(
                int(part["start"]) * 512
                for part in partitions(image)
                if part["type"] in LINUX
            )
            tmp = path.with_suffix(".tmp")
            # No journal to replay: the disk was unmounted. A namespace of its own holds the mount. The source's own
            # tar runs, so that ACLs get the source's names.
            run(["unshare", "--mount", "sh", "-euc", """
                loop=$(losetup --find --show --read-only --offset "$1" "$2")
                trap 'cd /; umount "$4" 2>/dev/null; losetup -d "$loop"; rmdir "$4"' EXIT
                mkdir "$4"; mount -o ro,noload "$loop" "$4"
                chroot "$4" """ + TAR + """ >"$3" """,
                "sh", str(start), image, tmp, CACHE / f"mnt-{os.getpid()}"])
            tmp.rename(path)
        return path


FIREWALL = re.compile(r"^(\./)?(usr/)?(sbin/(nft|.*tables.*)|lib/x86_64-linux-gnu/(xtables|lib(nft|mnl|xtables|ip[46]tc|edit|bsd"
                      r"|md|jansson|gmp|nfnetlink|netfilter_conntrack|tinfo)).*)$")


def firewall_tar():
    """A tar.gz of Debian's nftables and iptables with their libraries, to be unpacked over a root of the suite."""
    path = CACHE / f"firewall-{_digest(SUITE, FIREWALL.pattern)}.tar.gz"
    with _lock(path.name):
        if not path.exists():
            whole, tmp = path.with_suffix(".all.tar"), path.with_suffix(".tmp")
            argv = ["mmdebstrap", "--variant=extract", "--include=nftables,iptables", SUITE, str(whole), "-"]
            run(argv, input=run([REPO / "scripts/apt-sources", SUITE]), env={**os.environ, "LC_ALL": "C.UTF-8"})
            with tarfile.open(whole) as source, tarfile.open(tmp, "w:gz") as out:
                for member in source:
                    if FIREWALL.match(member.name) and not member.isdir():
                        member.name = re.sub(r"^(\./)?(usr/)?", "usr/", member.name)
                        out.addfile(member, source.extractfile(member) if member.isfile() else None)
            whole.unlink()
            tmp.rename(path)
        return path


def build(*names):
    """Builds several disks at once, roots first; two at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(root_tar, sorted({DISKS[n][0] for n in names})))
        return list(pool.map(disk, names))


def overlay(backing, path):
    """A new qcow2 disk over backing, which may be a raw disk or an overlay nobody has open."""
    path = pathlib.Path(path)
    path.unlink(missing_ok=True)
    fmt = "raw" if pathlib.Path(backing).suffix == ".raw" else "qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", fmt, "-b", os.path.abspath(backing), path])
    return path


def prepared(name, base, recipe, make):
    """An overlay over base that make(overlay, folder) brought into a state; kept while the recipe is the same."""
    path = CACHE / f"prepared-{name}-{_digest(base.name, *recipe)}.qcow2"
    with _lock(path.name):
        if not path.exists():
            for old in CACHE.glob(f"prepared-{name}-*.qcow2"):
                old.unlink()
            folder = workdir(f"prepare-{name}")
            made = overlay(base, folder / "disk.qcow2")
            make(made, folder)
            made.rename(path)
        return path


def workdir(name):
    """An empty folder under build/vm for one run's overlays and logs."""
    path = CACHE / "run" / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


if __name__ == "__main__":
    for made in build(*DISKS):
        print(made)
