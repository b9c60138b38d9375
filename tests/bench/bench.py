#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""make bench: ratios from one run, medians of interleaved runs, beside the peers' own times; build/bench.json.

boot     power-on to the SSH banner, against the same kernel with an init that powers off at once
size     of the static binary, of kernel and initrd
receive  a tree through `tar | ssh`, against OpenSSH with GNU tar extracting
pass     the same tree by `rehost send tree`, against the better of tar and rsync
ram      (only with --ram; slow) the least memory in which a migration completes, for each profile (make image images)
"""
import argparse
import contextlib
import json
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[1]
sys.path.insert(0, str(REPO / "tests/vm"))
sys.path.insert(0, str(HERE))
from lib.cpio import Cpio  # noqa: E402

RESCUE = REPO / "build/rescue/cloud"
LIMITS = {
    "boot": (2.0, "ratio"),
    "binary": (6_000_000, "bytes"),
    "rescue": (26_000_000, "bytes"),
    "receive": (0.8, "ratio"),
    "pass": (0.6, "ratio"),
    "ram cloud": (160, "MiB"),
    "ram universal": (256, "MiB"),
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def scratch():
    path = pathlib.Path(tempfile.mkdtemp(prefix="bench", dir="/dev/shm"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


# ---- boot ------------------------------------------------------------------------------------------
def qemu(initrd, append, *more):
    return [
        "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-m", "512", "-smp", "2", "-nodefaults", "-display", "none",
        "-no-reboot", "-serial", "null", "-kernel", str(RESCUE / "vmlinuz"), "-initrd", str(initrd), "-append", append,
        *more,
    ]


def boot_off(initrd):
    start = time.monotonic()
    subprocess.run(qemu(initrd, "console=ttyS0,115200 quiet"), check=True, timeout=300, stdin=subprocess.DEVNULL)
    return time.monotonic() - start


def boot_rescue(initrd):
    port = free_port()
    start = time.monotonic()
    machine = subprocess.Popen(
        qemu(
            initrd, "console=ttyS0,115200 quiet ip=dhcp", "-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22",
            "-device", "virtio-net-pci,netdev=n,romfile=",
        ),
        stdin=subprocess.DEVNULL,
    )
    try:
        while time.monotonic() - start < 300 and machine.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as s:
                # QEMU takes the connection before the guest has an address, and then says nothing more of it
                s.settimeout(0.5)
                if s.recv(64).startswith(b"SSH-"):
                    return time.monotonic() - start
            time.sleep(0.02)
        raise RuntimeError("the rescue gave no SSH banner")
    finally:
        machine.kill()
        machine.wait()


def bench_boot(runs):
    with scratch() as tmp:
        subprocess.run(["cc", "-O2", "-static", "-o", tmp / "init", HERE / "off.c"], check=True)
        cpio = Cpio()
        cpio.add_dir("dev")
        cpio.add_device("dev/console", 5, 1)
        cpio.add("init", (tmp / "init").read_bytes(), 0o755)
        (tmp / "off").write_bytes(cpio.data())
        cpio = Cpio()
        cpio.add_dir("etc")
        cpio.add_dir("etc/rehost")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp / "key"], check=True)
        cpio.add("etc/rehost/authorized_keys", (tmp / "key.pub").read_text(), 0o600)
        core = (RESCUE / "initrd").read_bytes()
        (tmp / "rescue").write_bytes(core + b"\0" * (-len(core) % 512) + cpio.data())
        peer, ours = [], []
        for _ in range(runs):
            peer.append(boot_off(tmp / "off"))
            ours.append(boot_rescue(tmp / "rescue"))
    return ratio("boot", ours, peer, "same kernel, init that powers off")


# ---- report ----------------------------------------------------------------------------------------
def ratio(name, ours, peer, peer_name):
    a, b = statistics.median(ours), statistics.median(peer)
    return {
        "name": name, "ratio": round(a / b, 3), "limit": LIMITS[name][0], "ours_s": round(a, 2), "peer_s": round(b, 2),
        "peer": peer_name, "runs": {"ours": [round(x, 2) for x in ours], "peer": [round(x, 2) for x in peer]},
    }


def sizes():
    kernel, initrd = RESCUE / "vmlinuz", RESCUE / "initrd"
    return [
        {"name": "binary", "bytes": (REPO / "build/rehost").stat().st_size, "limit": LIMITS["binary"][0]},
        {"name": "rescue", "bytes": kernel.stat().st_size + initrd.stat().st_size, "limit": LIMITS["rescue"][0]},
    ]


def bench_ram():
    """Tries the sizes upward; each is a whole migration with the private loader in the image."""
    import ram

    return [{"name": f"ram {profile}", "mib": ram.least(profile), "limit": LIMITS[f"ram {profile}"][0]}
            for profile in ram.SIZES]


def row(result):
    if "ratio" in result:
        value, limit = f"{result['ratio']:.2f}", f"{result['limit']:.1f}"
        times = f"{result['ours_s']:.2f} s against {result['peer_s']:.2f} s ({result['peer']})"
        good = result["ratio"] <= result["limit"]
    elif "bytes" in result:
        value, limit, times = f"{result['bytes'] / 1e6:.2f} MB", f"{result['limit'] / 1e6:.0f} MB", ""
        good = result["bytes"] <= result["limit"]
    else:
        value, limit, times = f"{result['mib']} MiB", f"{result['limit']} MiB", ""
        good = result["mib"] is not None and result["mib"] <= result["limit"]
    result["good"] = good
    return f"{result['name']:<13} {value:>9}  at most {limit:<8} {'ok ' if good else 'OVER'}  {times}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="three runs")
    parser.add_argument("--ram", action="store_true", help="find the least memory for a migration (slow)")
    parser.add_argument("--only", choices=["boot", "size", "receive", "pass", "ram"])
    args = parser.parse_args()
    runs = 3 if args.quick else args.runs
    want = {args.only} if args.only else {"boot", "size", "receive", "pass"} | ({"ram"} if args.ram else set())

    results = []
    if "size" in want:
        results += sizes()
    if "boot" in want:
        results.append(bench_boot(runs))
    if "receive" in want:
        import receive

        results.append(ratio("receive", *receive.bench(runs), "OpenSSH and GNU tar"))
    if "pass" in want:
        import receive

        results.append(ratio("pass", *receive.bench_pass(runs)))
    if "ram" in want:
        results += bench_ram()
    print(*map(row, results), sep="\n")
    out = REPO / "build/bench.json"
    out.write_text(json.dumps({"runs": runs, "results": results}, indent=1) + "\n")
    print(f"written to {out.relative_to(REPO)}")
    return 0 if all(r["good"] for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
