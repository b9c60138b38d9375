# SPDX-License-Identifier: MIT
"""The replay tests share the machines of tests/vm."""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "vm")]

import pytest  # noqa: E402

from lib import disks  # noqa: E402


@pytest.fixture
def folder(request):
    return disks.workdir(request.node.name.replace("/", "_").replace("[", "-").rstrip("]"))
