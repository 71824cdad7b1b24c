"""Means and spreads, Markdown tables, CSV files."""

import csv
from collections import defaultdict

import numpy as np


def sd(values):
    """Sample standard deviation; 0 for a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def standard_error(values):
    return sd(values) / len(values) ** 0.5


def mean(values):
    """The mean; None if one of the values is None."""
    return None if None in values else float(np.mean(values))


def percent(share, spread=None):
    text = f"{100 * share:.1f}"
    return text if spread is None else f"{text} ± {100 * spread:.1f}"


def number(value, digits, unknown):
    return unknown if value is None else f"{value:.{digits}f}"


def markdown(align, header, rows):
    """align: l or r for each column, as in LaTeX."""
    rules = ["---:" if letter == "r" else "---" for letter in align]
    lines = [f"| {' | '.join(map(str, cells))} |" for cells in (header, *rows)]
    return "\n".join([lines[0], f"|{'|'.join(rules)}|", *lines[1:]])


def write_csv(path, rows):
    """rows: dictionaries with the same keys."""
    path.parent.mkdir(exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path):
    """Its rows; none if there is no such file."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def read_groups(path, key):
    """{the values of the columns in key: rows}"""
    groups = defaultdict(list)
    for row in read_csv(path):
        groups[tuple(row[name] for name in key)].append(row)
    return groups


def write_groups(path, groups):
    write_csv(path, [row for rows in groups.values() for row in rows])
