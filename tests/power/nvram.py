# SPDX-License-Identifier: MIT
"""
The boot variables in an image of the flash that QEMU gives to OVMF: what its firmware would start.

Facts from edk2 (MdeModulePkg/Include/Guid/VariableFormat.h) and the UEFI specification (3.1.3 load options, 10.3 device paths),
checked with what OVMF 2022.11 leaves behind: a firmware volume header whose length is at byte 48, then a store header of
28 bytes with its size at 16, then variables at multiples of 4, each with a header of 60 bytes. Flash bits only go from 1 to
0 between erasures, and a variable's state byte tells how far its writing has come.
"""
import collections
import struct

STORE = bytes.fromhex("782cf3aa7b949a43a1802e144ec37792")  # authenticated variables
GLOBAL = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")
HEADER = struct.Struct("<HBBIQ16sIII16s")
VALID, IN_TRANSITION = 0x3F, 0x3E
ACTIVE, CATEGORY, HIDDEN = 1, 0x1F00, 8

# path: "\\EFI\\debian\\shimx64.efi"; "" is the disk itself, from which the removable path starts
Start = collections.namedtuple("Start", "number description path")


def variables(flash):
    """{name: value} of the global variables."""
    head = struct.unpack_from("<H", flash, 48)[0]
    if flash[40:44] != b"_FVH" or flash[head : head + 16] != STORE:
        raise ValueError("no variable store")
    end = head + struct.unpack_from("<I", flash, head + 16)[0]
    at, found = head + 28, {}
    while at + HEADER.size <= end:
        start, state, _, _, _, _, _, name_size, data_size, vendor = HEADER.unpack_from(flash, at)
        if start != 0x55AA:
            break
        if state == 0xFF or name_size == 0xFFFFFFFF or data_size == 0xFFFFFFFF:
            name_size = data_size = 0  # cut while its header was written
        name_at = at + HEADER.size
        data_at = name_at + name_size
        at = (data_at + data_size + 3) & ~3
        name = flash[name_at : data_at - 2].decode("utf-16-le", "replace")
        # the one that is being replaced counts until the new one is complete
        if vendor == GLOBAL and (state == VALID or state == IN_TRANSITION and name not in found):
            found[name] = flash[data_at : data_at + data_size]
    return found


def nodes(path):
    at = 0
    while at + 4 <= len(path):
        kind, sub, length = struct.unpack_from("<BBH", path, at)
        if kind == 0x7F or length < 4:
            return
        yield kind, sub, path[at + 4 : at + length]
        at += length


def start_of(number, option):
    """The Start of a load option, or None when the firmware does not start a disk from it by itself."""
    attributes, length = struct.unpack_from("<IH", option)
    end = 6
    while option[end : end + 2] != b"\0\0":
        end += 2
    path = list(nodes(option[end + 2 : end + 2 + length]))
    kinds = {(kind, sub) for kind, sub, _ in path}
    if not attributes & ACTIVE or attributes & (CATEGORY | HIDDEN):
        return None
    name = option[6:end].decode("utf-16-le", "replace")
    for kind, sub, data in path:
        if (kind, sub) == (4, 4) and (4, 1) in kinds:
            return Start(number, name, data.decode("utf-16-le", "replace").rstrip("\0"))
    disk = {(3, 1), (3, 2), (3, 18)} & kinds or name.startswith("UEFI QEMU")  # ATAPI, SCSI, SATA
    return Start(number, name, "") if disk and not (3, 11) in kinds else None


def starts(flash):
    """What the firmware tries, in order. Behind them it looks at every disk's removable path."""
    found = variables(flash)
    order = found.get("BootOrder", b"")
    numbers = [n for (n,) in struct.iter_unpack("<H", order[: len(order) & ~1])]
    options = [start_of(n, found[f"Boot{n:04X}"]) for n in numbers if f"Boot{n:04X}" in found]
    return [o for o in options if o] + [Start(None, "", "")]


if __name__ == "__main__":
    import sys

    with open(sys.argv[1], "rb") as f:
        data = f.read()
    data = data[data.index(b"_FVH") - 40 :] if data[40:44] != b"_FVH" else data
    for row in starts(data):
        print(row)
