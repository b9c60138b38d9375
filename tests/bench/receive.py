# SPDX-License-Identifier: MIT
"""Sends 18,000 files of 1.2 GB over ssh on loopback into ext4 in RAM. receive: `tar | ssh` into the rescue's service and its
`receive tar`, against OpenSSH's sshd and GNU tar. pass: `rehost send tree` in the place of tar, against the better of that and of
rsync. All start from a new file system, all use AES-GCM, all are on disk at the end."""
import contextlib
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

FILES = 18_000
BYTES = 1_200_000_000
REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/lib"))
import loopdisk  # noqa: E402
TAR = "tar --xattrs --xattrs-include='*' --acls --selinux --numeric-owner --one-file-system --sparse -cpf - -C {} ."
SEND = f"{REPO}/build/rehost send tree --root {{}}"
CIPHER = "aes128-gcm@openssh.com"


def make_tree(top):
    """Sizes like a server's: most files small, a few hundred large ones hold most of the data."""
    rng = random.Random(1)
    large = 400
    sizes = [min(int(rng.lognormvariate(8.0, 1.6)), 2_000_000) for _ in range(FILES - large)]
    sizes += [(BYTES - sum(sizes)) // large] * large
    rng.shuffle(sizes)
    noise = random.Random(2).randbytes(8 << 20)
    for i, size in enumerate(sizes):
        folder = top / f"d{i % 40}" / f"s{i % 600}"
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / f"file{i}", "wb") as f:
            while size > 0:
                at = rng.randrange(4 << 20)
                size -= f.write(noise[at : at + min(size, 4 << 20)])
        if i % 50 == 0:
            os.setxattr(folder / f"file{i}", "user.note", b"kept")
    (top / "etc").mkdir()
    for name in "passwd", "group", "fstab", "os-release":
        (top / "etc" / name).write_text("")


@contextlib.contextmanager
def disk(folder):
    """A disk in RAM: MBR, one ext4 with the least that is taken for a Linux root. Yields mount point, UUID."""
    image, mnt = folder / "disk.raw", folder / "mnt"
    mnt.mkdir(exist_ok=True)
    with open(image, "wb") as f:
        f.truncate(4 << 30)
    subprocess.run(["sfdisk", "-q", image], input="label: dos\ntype=83,bootable\n", text=True, check=True)
    loop = loopdisk.attach(image)
    try:
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", loop + "p1"], check=True)
        uuid = subprocess.run(
            ["blkid", "-p", "-o", "value", "-s", "UUID", loop + "p1"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout.strip()
        yield loop + "p1", mnt, uuid
    finally:
        loopdisk.detach(loop, image)
        image.unlink()


@contextlib.contextmanager
def mounted(device, mnt):
    subprocess.run(["mount", device, mnt], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", mnt], check=True)


def fake_root(mnt, uuid):
    for name in "etc", "bin", "sbin", "usr/bin", "usr/lib", "var/lib/dpkg", "boot", "root":
        (mnt / name).mkdir(parents=True, exist_ok=True)
    (mnt / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n')
    (mnt / "etc/fstab").write_text(f"UUID={uuid} / ext4 defaults 0 1\n")
    (mnt / "etc/hostname").write_text("bench\n")
    (mnt / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    for name in "sbin/init", "bin/sh":
        (mnt / name).write_text("#!/bin/sh\n")
        (mnt / name).chmod(0o755)


def wait_port(port, process):
    import socket

    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as s:
            s.settimeout(2)
            if s.recv(4) == b"SSH-":
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError("the SSH service did not start")


def ssh(port, key):
    return (
        f"ssh -F /dev/null -p {port} -i {key} -c {CIPHER} -o IdentitiesOnly=yes"
        " -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    )


def timed(line):
    """Seconds that the line of shell takes; all its parts must succeed."""
    start = time.monotonic()
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seconds = time.monotonic() - start
    if done.returncode:
        raise RuntimeError(f"{line}: exit {done.returncode}\n{done.stdout[-2000:]}")
    return seconds


def send(tree, port, key, command, pack=TAR):
    return timed(f"{pack.format(tree)} | {ssh(port, key)} root@127.0.0.1 {command!r}")


def count(top):
    return sum(len(files) for _, _, files in os.walk(top))


def untar(tree, port, key, dest):
    return send(tree, port, key, f"tar --xattrs --xattrs-include=* --acls --selinux --numeric-owner -xpf - -C {dest} && sync -f {dest}")


def rsync(tree, port, key, dest):
    remote = f"{ssh(port, key)} root@127.0.0.1"
    return timed(f"rsync -aHAXx --numeric-ids -e '{ssh(port, key)}' {tree}/ root@127.0.0.1:{dest}/ && {remote} sync -f {dest}")


def run_peer(tree, folder, port, transfer=untar):
    with disk(folder) as (device, mnt, _), mounted(device, mnt):
        sshd = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-f", "/dev/null", "-p", str(port), "-h", folder / "host_key", "-o", "PidFile=none",
             "-o", "ListenAddress=127.0.0.1", "-o", f"AuthorizedKeysFile={folder}/key.pub", "-o", "StrictModes=no",
             "-o", "UsePAM=no", "-o", "PermitRootLogin=prohibit-password", "-E", folder / "sshd.log"],
        )
        try:
            wait_port(port, sshd)
            dest = mnt / "tree"
            dest.mkdir()
            seconds = transfer(tree, port, folder / "key", dest)
            assert count(dest) == FILES + 4
            return seconds
        finally:
            sshd.terminate()
            sshd.wait()


def run_ours(tree, folder, port, pack=TAR):
    with disk(folder) as (device, mnt, uuid):
        with mounted(device, mnt):
            fake_root(mnt, uuid)
        # A mount namespace of its own: the run folder and the target's mounts are gone with the service.
        service = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-euc", """
             mount -t tmpfs tmpfs /run; mkdir -m 0700 /run/rehost
             cp "$1" /run/rehost/authorized_keys; printf 'disk=%s\\n' "$2" >/run/rehost/options
             exec "$3" serve --bind 127.0.0.1 --listen "$4" """,
             "sh", folder / "key.pub", device.removesuffix("p1"), REPO / "build/rehost", str(port)],
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_port(port, service)
            seconds = send(tree, port, folder / "key", "receive tar", pack)
        finally:
            service.terminate()
            service.wait()
        with mounted(device, mnt):
            assert count(mnt / ".rehost/tree") == FILES + 4
        return seconds


@contextlib.contextmanager
def sources():
    """A folder in RAM with the keys and the tree."""
    from bench import scratch

    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    with scratch() as folder:
        for name in "key", "host_key":
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        tree = folder / "tree"
        tree.mkdir()
        make_tree(tree)
        yield folder, tree


def bench(runs):
    """(our times, the peer's times), interleaved."""
    from bench import free_port

    ours, peer = [], []
    with sources() as (folder, tree):
        for _ in range(runs):
            peer.append(run_peer(tree, folder, free_port()))
            ours.append(run_ours(tree, folder, free_port()))
    return ours, peer


def bench_pass(runs):
    """(our times, those of the better peer, its name), interleaved."""
    from bench import free_port

    ours, tar, other = [], [], []
    with sources() as (folder, tree):
        for _ in range(runs):
            tar.append(run_peer(tree, folder, free_port()))
            other.append(run_peer(tree, folder, free_port(), rsync))
            ours.append(run_ours(tree, folder, free_port(), SEND))
    if statistics.median(tar) <= statistics.median(other):
        return ours, tar, f"tar and OpenSSH; rsync {statistics.median(other):.2f} s"
    return ours, other, f"rsync and OpenSSH; tar {statistics.median(tar):.2f} s"
