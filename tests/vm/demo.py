#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""make demo: a Debian server is moved onto another machine in QEMU, booted there, and compared."""
import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lib import disks, migration  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="target", choices=["target", "target-single"])
    parser.add_argument("--as", dest="intent", default="move", choices=["move", "copy"])
    parser.add_argument("--memory", type=int, default=512, help="MiB of the target while it runs the rescue")
    args = parser.parse_args()

    start = time.monotonic()
    folder = disks.workdir("demo")
    phases = migration.Phases()
    try:
        wrong = migration.migrate(folder, args.target, args.intent, phases, args.memory)
    except (RuntimeError, TimeoutError, AssertionError) as e:
        wrong = [str(e)]
    print("\n== report")
    print(phases.table())
    print(f"  {'all':<8} {time.monotonic() - start:6.1f} s; consoles and logs in {folder}")
    (folder / "findings").write_text("".join(line + "\n" for line in wrong))
    if wrong:
        print(f"\nFAILED, {len(wrong)} findings (all of them in {folder / 'findings'}):")
        for line in wrong[:60]:
            print("  " + line)
        return 1
    print("\nThe target runs the source's system at its own address; nothing was lost.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
