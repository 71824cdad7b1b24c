"""What the commands show beside sentences: curves and tables."""

import math
from contextlib import suppress

import numpy as np
import plotille
from rich.console import Console
from rich.table import Table
from rich.text import Text

HEIGHT = 11  # of a curve, in lines
AXES = 20  # columns beside it
WIDEST = 90
MOST_CLASSES = 16  # that a table of confusions has room for


class PatientConsole(Console):
    def on_broken_pipe(self):
        """Is silent from now on, in place of an end: `| head` has read enough, and a model that is
        being trained is to be saved nonetheless."""
        with suppress(SystemExit):
            super().on_broken_pipe()


def new_console():
    """One that shows names as they are, whatever they look like, and breaks no line."""
    return PatientConsole(soft_wrap=True, markup=False, emoji=False, highlight=False)


def curve(console, step, steps, what, values):
    """Values over steps, for a rich Console. step, what: names of the axes; shares end at 1."""
    # It is drawn in dots of Braille.
    if console.options.ascii_only or not steps or steps[0] == steps[-1]:
        return Text()
    figure = plotille.Figure()
    figure.with_colors = figure.origin = False
    figure.width, figure.height = max(min(console.width, WIDEST) - AXES, 20), HEIGHT
    figure.set_x_limits(min_=steps[0], max_=steps[-1])
    if what == "right":  # the lowest line begins at a tenth, the highest one at 1
        least = math.floor(10 * min(*values, 0.5)) / 10
        figure.set_y_limits(min_=least, max_=1 + (1 - least) / (HEIGHT - 1))
    else:
        figure.set_y_limits(min_=0, max_=1.05 * (max(values) or 1))
    for kind in int, float:
        figure.register_label_formatter(kind, axis_label)
    figure.x_label, figure.y_label = step, what
    figure.plot(steps, values)
    return Text(figure.show())


def axis_label(value, chars, delta, left=False):
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return text.ljust(chars) if left else text.rjust(chars)


def counted(n, y, found):
    """[class, class that it is taken for]: how many samples."""
    counts = np.zeros((n, n), int)
    np.add.at(counts, (y, found), 1)
    return counts


def confusions(names, y, found):
    """A table of what is of which class, and what it is taken for; y, found: class numbers."""
    counts = counted(len(names), y, found).tolist()
    if len(names) > MOST_CLASSES:
        return mistakes(names, counts)
    table = Table("is \\ taken for", *names, "right")
    for i, (name, row) in enumerate(zip(names, counts, strict=True)):
        share = f"{row[i] / sum(row):.0%}" if any(row) else ""
        table.add_row(name, *(str(n) if n else "" for n in row), share)
    return right_aligned(table, 1)


def mistakes(names, counts):
    """A table of the ten that are made most often."""
    table = Table("is", "taken for", "times")
    n = len(names)
    wrong = [(counts[i][j], i, j) for i in range(n) for j in range(n) if i != j and counts[i][j]]
    for times, i, j in sorted(wrong, reverse=True)[:10]:
        table.add_row(names[i], names[j], str(times))
    return right_aligned(table, 2)


def right_aligned(table, first):
    """A table whose columns from this one on are numbers."""
    for column in table.columns[first:]:
        column.justify = "right"
    return table
