"""How a board learns, while it does: it prints stats() now and then."""

import ast

from rich.console import Group
from rich.live import Live

from tinyprop_cli.board import Problem
from tinyprop_cli.lines import Gone, lines
from tinyprop_cli.screen import curve, new_console


def watch(port):
    console, history = new_console(), History()
    gone = False
    try:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            for line in filter(None, lines(port)):
                stats = stats_in(line)
                if stats is None:
                    console.print(line)
                    continue
                history.add(stats)
                if console.is_terminal:
                    live.update(Group(history.curve(console), history.text()), refresh=True)
                else:
                    console.print(history.text())
            console.print("The program on the board has ended.")
    except KeyboardInterrupt:
        pass
    except Gone:
        gone = True
    if history.steps:
        console.print(history.curve(console))
        console.print(history.text())
    if gone:
        raise Problem(f"The board at {port} is gone.")
    if not history.steps:
        raise Problem(
            f"What is shown here did not come from {port}: a program prints it by"
            " print(model.stats()), every hundred samples or so."
        )


def stats_in(line):
    """What Model.stats() gave, out of a line with it; or None."""
    try:
        stats = ast.literal_eval(line)
        known = {"steps", "skipped", "accuracy", "error"} <= stats.keys()
    except (ValueError, SyntaxError, AttributeError, TypeError, MemoryError, RecursionError):
        return None
    return stats if known and stats["error"] is not None else None  # None: no range is known yet


class History:
    """What was told so far."""

    def __init__(self):
        self.steps, self.values = [], []

    def add(self, stats):
        if self.steps and stats["steps"] < self.steps[-1]:  # another model, or it began anew
            self.__init__()
        errors = stats["error"] if isinstance(stats["error"], list) else [stats["error"]]
        self.error = sum(errors) / len(errors)
        self.stats = stats
        self.steps.append(stats["steps"])
        self.values.append(self.error if stats["accuracy"] is None else stats["accuracy"])

    def curve(self, console):
        what = "error" if self.stats["accuracy"] is None else "right"
        return curve(console, "samples", self.steps, what, self.values)

    def text(self):
        steps, skipped = self.stats["steps"], self.stats["skipped"]
        text = f"{steps} samples, {skipped / steps if steps else 0:.0%} of them skipped;"
        if self.stats["accuracy"] is not None:
            text += f" of the last ones {self.stats['accuracy']:.0%} were right,"
        return text + f" error {self.error:.3g}"
