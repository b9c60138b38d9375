# SPDX-License-Identifier: MIT
"""Whole migrations, from two running systems to a compared clone."""
import os

import pytest

from lib import migration


KINDS = [("target", "move")]
if os.environ.get("REHOST_LONG"):  # make check-long: seven minutes more
    KINDS.append(("target-single", "copy"))


@pytest.mark.parametrize("target,intent", KINDS)
def test_migration_leaves_the_sources_system_on_the_target(folder, target, intent):
    phases = migration.Phases()  # shown by pytest when the test fails
    try:
        wrong = migration.migrate(folder, target, intent, phases, record_as="migration-" + target)
    finally:
        print(phases.table())
    assert wrong == []
