# SPDX-License-Identifier: MIT
"""
Releases, network stacks on both sides and forms of address: every pair of them in a clone that boots. The whole is
make check-matrix; make check boots two.
"""
import itertools
import os

import pytest

from lib import stackroots, stackrow, stacktargets
from lib.pairs import every_pair

COLUMNS = [stackroots.SUITES, stackroots.STACKS, stackroots.STACKS, stacktargets.FORMS]
ROWS = every_pair(COLUMNS, lambda row: row[1] != row[2])
ALWAYS = [("bookworm", "networkd", "ifupdown", "bond-vlan"), ("bookworm", "netplan-networkd", "NetworkManager", "dhcp")]
CHOSEN = ROWS if os.environ.get("REHOST_MATRIX") else ALWAYS


def test_rows_have_every_pair():
    for a, b in itertools.combinations(range(len(COLUMNS)), 2):
        for left, right in itertools.product(COLUMNS[a], COLUMNS[b]):
            met = any(row[a] == left and row[b] == right for row in ROWS)
            assert met == ((a, b) != (1, 2) or left != right), (left, right)
    assert set(ALWAYS) <= set(ROWS) and len(ROWS) < 30


@pytest.mark.parametrize("row", CHOSEN, ids=["-".join(row) for row in CHOSEN])
def test_clone_has_the_targets_network(row, folder):
    assert stackrow.run(row, folder) == []
