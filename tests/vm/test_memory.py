# SPDX-License-Identifier: MIT
"""Whole migrations in no more memory than is promised for a profile; tests/bench/ram.py says which. Long: five minutes each."""
import os
import sys

import pytest

from lib import disks

sys.path.append(str(disks.REPO / "tests/bench"))
import ram  # noqa: E402


@pytest.mark.skipif(not os.environ.get("REHOST_LONG"), reason="REHOST_LONG=1 runs it")
@pytest.mark.parametrize("profile", ram.SIZES)
def test_a_migration_in_the_memory_that_is_promised(profile):
    print(ram.run(profile, ram.SIZES[profile][0]).table())
