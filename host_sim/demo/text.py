"""What `make demo` shows in the terminal."""

import numpy as np

OPENING = """
A network of 64-32-10 learns to read digits inside MicroPython. It starts from nothing and
sees one digit at a time: 1437 that people wrote by hand, 15 times over. 360 more, which it
never learns from, are the test set. Adaptive learns only from what it does not know yet;
Full is the usual training, for comparison.
"""


def show(sparse, dense, test):
    print(f"\nRight in the test set ({sparse.policy})\n")
    print(curve(sparse))
    print("\nFrom the test set\n")
    print(digits(sparse, test))
    print()
    print(table(sparse, dense))
    print(f"\n{verdict(sparse, dense)}")


def verdict(sparse, dense):
    right, dense_right = (round(run.curve[-1, 1] * len(run.answers)) for run in (sparse, dense))
    points = 100 * (right - dense_right) / len(sparse.answers)
    change = "the same"
    if points:
        change = f"{abs(points):.1f} points {'higher' if points > 0 else 'lower'}"
    return (
        f"{sparse.policy}: {sparse.curve[-1, 3]:.1%} of the backward work, accuracy {change} "
        f"({right} of {len(sparse.answers)} right; {dense.policy} {dense_right})."
    )


def curve(run, width=64, height=10):
    """The learning curve as a hill, over a logarithmic axis."""
    steps, right = run.curve[:, 0], run.curve[:, 1]
    columns = np.geomspace(steps[0], steps[-1], width)
    eighths = np.round(8 * height * np.interp(columns, steps, right)).astype(int)
    lines = []
    for row in reversed(range(height)):
        hill = "".join(" ▁▂▃▄▅▆▇█"[n] for n in np.clip(eighths - 8 * row, 0, 8))
        lines.append(f"  {(row + 1) / height:4.0%} │{hill}")
    ticks = [" "] * (width + 8)
    for step in 100, 300, 1000, 3000, 10000:
        column = np.searchsorted(columns, step)
        ticks[column : column + len(str(step))] = str(step)
    lines += ["       └" + "─" * width, " " * 8 + "".join(ticks).rstrip() + " digits seen"]
    return "\n".join(lines)


def digits(run, test, shades=" ░▒▓█"):
    """The first three digits of the test set and the first mistake, side by side."""
    x, y = test
    wrong = [i for i, (label, _) in enumerate(run.answers) if label != y[i]]
    chosen = [*range(3), *wrong[:1]]
    rows = [
        ["".join(2 * shades[(v + 1) // 4] for v in x[i, row : row + 8]) for i in chosen]
        for row in range(0, 64, 8)
    ]
    said = [run.answers[i] for i in chosen]
    rows.append([f"{label} ({probability:.0%} sure)" for label, probability in said])
    truth = [(label, y[i]) for (label, _), i in zip(said, chosen, strict=True)]
    rows.append(["right" if got == want else f"wrong, it is {want}" for got, want in truth])
    return "\n".join("  " + "   ".join(f"{cell:^16}" for cell in row).rstrip() for row in rows)


def table(sparse, dense):
    rows = [f"{'':10} {'right':>7} {'skipped':>8} {'time a step':>12} {'RAM':>11}  backward work"]
    for run in sparse, dense:
        n = run.numbers()
        work = n["backward_share"]
        rows.append(
            f"{run.policy:10} {n['accuracy']:7.1%} {n['skipped_share']:8.1%}"
            f"{n['us_per_step']:10.1f} us {n['image_bytes']:5} bytes"
            f"  {'█' * max(1, round(20 * work))} {work:.1%}"
        )
    return "\n".join("  " + row for row in rows)
