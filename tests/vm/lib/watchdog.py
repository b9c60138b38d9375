# SPDX-License-Identifier: MIT
"""
A hardware watchdog that kernels of clouds have a driver for: the chipset's TCO timer of QEMU's q35, told to the guest by an ACPI
table WDAT (Microsoft, "Hardware Watchdog Timers Design Specification"), as servers' firmware does.
"""
import pathlib
import struct

TCO = 0x660  # where SeaBIOS puts it: the power management's base and 0x60
RELOAD, CONTROL, TIMER = TCO, TCO + 8, TCO + 0x12
HALT = 11  # bit of CONTROL
CONFIGURATION = 0xFED1C000 + 0x3410  # in memory; bit 5 keeps the timer from resetting
TICK_MS = 1200  # the timer counts 0.6 s, and has to run out twice

IO, MEMORY = 1, 0
WORD, LONG = (16, 2), (32, 3)  # bits, and the table's word for them
READ, READ_COUNT, WRITE, WRITE_COUNT, PRESERVE = 0, 1, 2, 3, 0x80
ENTRIES = [  # action, instruction, space, width, bit, address, value, mask
    (1, WRITE, IO, WORD, 0, RELOAD, 1, 0x3FF),  # feed
    (4, READ_COUNT, IO, WORD, 0, RELOAD, 0, 0x3FF),
    (6, WRITE_COUNT | PRESERVE, IO, WORD, 0, TIMER, 0, 0x3FF),  # set the time
    (8, READ, IO, WORD, HALT, CONTROL, 0, 1),  # does it run
    (9, WRITE | PRESERVE, IO, WORD, HALT, CONTROL, 0, 1),  # start
    (10, READ, IO, WORD, HALT, CONTROL, 1, 1),
    (11, WRITE | PRESERVE, IO, WORD, HALT, CONTROL, 1, 1),  # stop
    (17, WRITE | PRESERVE, MEMORY, LONG, 5, CONFIGURATION, 0, 1),  # it is to reset the machine
]


def table():
    """The table without its header."""
    out = struct.pack("<IHBBB3xIIIB3xI", 32, 0xFF, 0xFF, 0xFF, 0xFF, TICK_MS, 0x3FF, 4, 1, len(ENTRIES))
    for action, instruction, space, (bits, width), bit, address, value, mask in ENTRIES:
        out += struct.pack("<BBHBBBBQII", action, instruction, 0, space, bits, bit, width, address, value, mask)
    return out


def machine(folder):
    """QEMU arguments; the table lies in folder."""
    path = pathlib.Path(folder) / "wdat"
    path.write_bytes(table())
    return ["-machine", "q35", "-global", "ICH9-LPC.noreboot=false", "-action", "watchdog=reset",
            "-acpitable", f"sig=WDAT,rev=1,data={path}"]
