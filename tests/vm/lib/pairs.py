# SPDX-License-Identifier: MIT
"""Rows in which every two values of different columns meet at least once. The same rows each time: nothing is drawn."""
import itertools


def _pairs(row):
    return set(itertools.combinations(enumerate(row), 2))


def every_pair(columns, allowed=lambda row: True):
    """Rows of one value a column; each pair that an allowed row can have is in one. The row with the most new pairs goes first."""
    rows = [row for row in itertools.product(*columns) if allowed(row)]
    missing = set().union(*map(_pairs, rows))
    chosen = []
    while missing:
        best = max(rows, key=lambda row: len(_pairs(row) & missing))
        chosen.append(best)
        missing -= _pairs(best)
    return chosen
