"""Samples with labels, from a board into a file."""

import csv
import errno
import io
import os
import sys
import threading
import time
from collections import Counter

import numpy as np
from rich.live import Live
from rich.table import Table

from tinyprop_cli import samples
from tinyprop_cli.board import Problem
from tinyprop_cli.files import bytes_of, check_folder, replace
from tinyprop_cli.lines import Gone, lines
from tinyprop_cli.screen import new_console, right_aligned

SAVE_EVERY = 2  # seconds


def record(port, file, label, count):
    check_folder(file)
    kept = {".npz": Arrays, ".csv": Rows}.get(file.suffix.lower())
    if not kept:
        raise Problem(f"{file} should be a table, .csv, or arrays of numpy, .npz.")
    if label and not samples.is_label(label):
        raise Problem(f"{label} is no label: a name, or a number that a network takes.")
    kept, console, typed = kept(file), new_console(), Typed(label)
    gone, others = False, ""
    try:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            for line in lines(port):
                sample = line and sample_in(line, typed.label)
                if sample and kept.width not in (None, len(sample[1])):
                    others = f"{len(sample[1])} values, and {file} has {kept.width} a sample"
                    console.print(f"{line}  ({others})")
                elif sample:
                    kept.add(*sample)
                elif line:
                    console.print(line)
                else:
                    kept.save_now_and_then()
                    if console.is_terminal:
                        live.update(shown(kept, typed.label), refresh=True)
                if count and kept.new >= count:
                    break
            else:
                console.print("The program on the board has ended.")
    except KeyboardInterrupt:
        pass
    except Gone:
        gone = True
    finally:
        kept.save()
    if not kept.new and others:
        raise Problem(f"The lines from {port} have {others}: say another file with -o.")
    if not kept.new:
        raise Problem(
            f"No sample came from {port}. The line of one is as print(label, x, y, z, sep=',')"
            " makes it; with --label of values alone."
        )
    console.print(f"{kept.new} samples are new, and {file} has {kept.text()}.")
    if gone:
        raise Problem(f"The board at {port} is gone. All that it sent is in {file}.")


def sample_in(line, label):
    """(label, values as texts), or None. label: None if it is in the line."""
    cells = [cell.strip() for cell in line.split(",")]
    if label is None:
        label, *cells = cells
    if not samples.is_label(label) or not cells:
        return None
    return (label, cells) if all(map(samples.is_value, cells)) else None


def shown(kept, label):
    table = Table("class", "samples")
    for name, n in kept.counts.items():
        table.add_row(name, str(n))
    if label is None:
        table.caption = "Ctrl-C ends it"
    else:
        table.caption = f"now: {label}; for another one type it, and Enter. Ctrl-C ends it"
    return right_aligned(table, 1)


class Typed:
    """The label that was typed last, if there was one to begin with."""

    def __init__(self, label):
        self.label = label or None
        if label and sys.stdin.isatty():
            threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in sys.stdin:
            if samples.is_label(line.strip()):
                self.label = line.strip()


# ---- files


class Kept:
    """The samples of a file, to which others are added. width: values of a sample, or None."""

    def __init__(self, file):
        self.file, self.new = file, 0
        self.width, self.counts = None, Counter()
        if file.exists() and bytes_of(file):
            self.begin(samples.read(file))

    def begin(self, old):
        """Goes on from the samples that the file has."""
        self.width = old.x[0].size
        self.counts.update(samples.texts(old.y))

    def add(self, label, values):
        self.put(label, values)
        self.width = len(values)
        self.counts[label] += 1
        self.new += 1

    def text(self):
        return ", ".join(f"{name} ({n})" for name, n in self.counts.items())

    def save_now_and_then(self):
        """For what is not in the file as soon as it is there."""

    save = save_now_and_then


class Rows(Kept):
    """A .csv, to which each sample is written as it comes."""

    def begin(self, old):
        super().begin(old)
        if samples.separator(self.file.read_text(encoding="utf-8-sig")) != ",":
            raise Problem(f"{self.file} has no commas between its cells: take another file.")

    def put(self, label, values):
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        if self.width is None:
            rows.writerow([f"v{i + 1}" for i in range(len(values))] + ["label"])
        rows.writerow([*values, label])
        self.append(text.getvalue().encode())

    def append(self, data):
        """All of it, or nothing."""
        try:
            with open(self.file, "ab+", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                if size and self.new == 0:
                    file.seek(size - 1)
                    data = data if file.read(1) == b"\n" else b"\n" + data
                try:
                    if file.write(data) != len(data):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                except OSError:
                    file.truncate(size)
                    raise
        except OSError as error:
            raise Problem(
                f"{self.file} could not be written: {error.strerror}. The {self.new} samples"
                " before are in it."
            ) from None


class Arrays(Kept):
    """A .npz, which is written anew every few seconds."""

    def __init__(self, file):
        # Pairs in one list: Ctrl-C between two lists would leave one of them longer.
        self.rows, self.saved = [], time.monotonic()
        super().__init__(file)

    def begin(self, old):
        super().begin(old)
        values = old.x.reshape(len(old), -1)
        self.rows = list(zip(values, samples.texts(old.y), strict=True))
        with np.load(self.file) as arrays:
            there, ours = dict(arrays), self.arrays()
        if there.keys() != ours.keys() or any(
            there[name].dtype != a.dtype or not np.array_equal(there[name], a)
            for name, a in ours.items()
        ):
            raise Problem(
                f"{self.file} is not as record writes it, x in rows of float32 and y, their"
                " labels, and would not be the same after it: take another file."
            )

    def arrays(self):
        x = np.array([values for values, _ in self.rows])
        return {"x": x, "y": samples.as_labels([label for _, label in self.rows])}

    def put(self, label, values):
        self.rows.append((np.float32(values), label))

    def save_now_and_then(self):
        if time.monotonic() - self.saved > SAVE_EVERY:
            self.save()

    def save(self):
        if self.new:
            data = io.BytesIO()
            np.savez(data, **self.arrays())
            replace(self.file, data.getvalue())
            self.saved = time.monotonic()
