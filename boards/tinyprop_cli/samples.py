"""Samples in a file: a table of numbers, a line each, with labels; or arrays of numpy."""

import csv
import io
import zipfile
import zlib
from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from tinyprop_desk.arrays import blurred

from tinyprop_cli.board import Problem
from tinyprop_cli.files import bytes_of

# What comes of reading a .npz that is damaged: a zip file with arrays in it.
DAMAGE = (
    ValueError,
    EOFError,
    AttributeError,
    RuntimeError,
    OSError,
    zlib.error,
    zipfile.BadZipFile,
)
LARGEST = float(np.finfo(np.float32).max)
NEARLY_ALL = 0.9  # labels that are numbers, so that another one is a mistake
MOST_CLASSES = 20  # whole numbers of more values than that are no classes, unless it is said
MOST_LISTED = 20  # names, in a sentence


@dataclass
class Samples:
    """x: float32, a row a sample. y: labels, texts or floats, or None. lines: where each is in a
    table. blurred: a value of x, in words, that float32 cannot hold apart."""

    file: str
    x: np.ndarray
    y: np.ndarray | None
    lines: list[int] | None = None
    blurred: str | None = None

    def __len__(self):
        return len(self.x)

    def where(self, i):
        """Sample i, in words."""
        return f"Line {self.lines[i]}" if self.lines else f"Sample {i}, counted from 0,"


def read(file, label="", labelled=True):
    """The Samples in a .csv or .npz; labelled=False: they may have no labels.

    label: the name of the column with the labels; "": the last one.
    """
    if file.suffix.lower() == ".npz":
        samples = read_npz(file, label, labelled)
    elif file.suffix.lower() in (".csv", ".tsv", ".txt"):
        samples = read_csv(file, label)
    else:
        raise Problem(f"{file} should be a table, .csv, or arrays of numpy, .npz.")
    if len(samples) == 0:
        raise Problem(f"{file} has no sample.")
    if samples.x[0].size == 0:
        raise Problem(
            f"{file} has a label in each line, and no value beside it. Cells of a table are"
            " separated by commas, semicolons or tabs, in its first line too."
        )
    return samples


# ---- tables


def read_csv(file, label):
    try:
        return read_table(bytes_of(file).decode("utf-8-sig"), label, file)
    except UnicodeDecodeError:
        raise Problem(f"{file} is no text in UTF-8: save it as CSV UTF-8.") from None


@dataclass
class Table:
    """A table as it was read, not judged yet. It may be long: it keeps numbers alone, not the
    cells. head: the first line, which may be names. columns: what those of values are called.
    ragged: (line, cells), of lines of another length. wrong: (line, column, cell), the first cell
    of a line that is no value."""

    file: Path
    first: int
    head: list[str]
    has_names: bool
    columns: list[str]
    at: int
    places: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    x: array = field(default_factory=lambda: array("d"))
    ragged: list[tuple[int, int]] = field(default_factory=list)
    wrong: list[tuple[int, str, str]] = field(default_factory=list)
    ends_empty: bool = True
    is_counted: bool = True

    def add(self, line, cells):
        if len(cells) != len(self.head):
            self.ragged.append((line, len(cells)))
            return
        self.ends_empty &= not cells[-1]
        self.is_counted &= cells[0] == str(len(self.places))
        self.places.append(line)
        self.labels.append(cells[self.at])
        cells = cells[: self.at] + cells[self.at + 1 :]
        values = values_of(cells)
        if values is not None:
            self.x.frombytes(values.tobytes())
        else:
            i = [is_value(cell) for cell in cells].index(False)
            self.wrong.append((line, f"column {self.columns[i]}", cells[i]))


def read_table(text, label, file):
    table = table_of(text, label, file)
    check_columns(table)
    check_values(table.wrong, file)
    check_labels(table)
    x = np.array(table.x).reshape(len(table.places), len(table.columns))
    i = blurred(x)
    told = None if i is None else f"column {table.columns[i]}"
    return Samples(str(file), x.astype(np.float32), as_labels(table.labels), table.places, told)


def table_of(text, label, file):
    lines = numbered_lines(text, file)
    first, head = next(lines, (0, []))
    if not head:
        raise Problem(f"{file} is empty.")
    has_names = not any(is_number(with_point(cell)) for cell in head)
    names = head if has_names else [str(i) for i in range(1, len(head) + 1)]
    at = column_of(label, names, file)
    table = Table(file, first, head, has_names, names[:at] + names[at + 1 :], at)
    for line, cells in lines if has_names else chain([(first, head)], lines):
        table.add(line, cells)
    return table


def numbered_lines(text, file):
    """(number, cells) of each line that is not blank."""
    kind = {"delimiter": separator(text), "skipinitialspace": True, "strict": True}
    reader, ended = csv.reader(io.StringIO(text, newline=""), **kind), 0
    try:
        for cells in reader:
            cells, ended = [cell.strip() for cell in cells], reader.line_num
            if any(cells):
                yield ended, cells
    except csv.Error as error:
        raise Problem(
            f"{file}, line {ended + 1}, is no line of a table: {error}. A cell that begins with a"
            ' quote has to end with one, and a quote within it is written twice: "a ""b"" c".'
        ) from None


def separator(text):
    """What stands between cells, by the first line. Beside semicolons, commas may be those of
    numbers: 1,5;2,5;3,5."""
    line = text.lstrip().partition("\n")[0]
    parts = line.split(";")
    if len(parts) > 1 and any(is_number(with_point(part)) for part in parts):
        return ";"
    return max(";,\t", key=line.count)


def check_columns(table):
    """Refuses lines of several lengths, a last column of nothing, and a first one that counts."""
    if table.ragged:
        line, n = table.ragged[0]
        raise Problem(
            f"{table.file}, line {line}, has {n} cells, expected {len(table.head)} as in line"
            f" {table.first}.{all_told(len(table.ragged))}"
        )
    is_named = table.has_names and table.head[-1]
    if table.ends_empty and not is_named and len(table.head) > 1:
        raise Problem(
            f"The last column of {table.file} is empty: remove the separator at the end of each"
            " line."
        )
    if table.is_counted:
        names = table.head if table.has_names else None
        check_no_index(names, len(table.head), len(table.places), table.file)


def check_labels(table):
    labels = list(zip(table.places, table.labels, strict=True))
    without = [(line, cell) for line, cell in labels if not is_label(cell)]
    if without:
        line, cell = without[0]
        raise Problem(
            f"{table.file}, line {line}, has no label, but {cell or 'an empty cell'}: remove the"
            f" line.{all_told(len(without))}"
        )
    if not table.has_names:
        counts_up = table.head == [str(i) for i in range(len(table.head))]
        check_no_names(table.labels, counts_up, f"{table.file}, line {table.first}")
    if should_be_numbers(table.labels):
        wrong = [(line, "the label", cell) for line, cell in labels if not is_value(cell)]
        check_values(wrong, table.file)


def check_no_names(labels, counts_up, where):
    """Refuses a first line of numbers that may be names of columns all the same: one with a label
    of its own, as names have, if other numbers come again and again; and 0, 1, 2, which pandas
    gives to columns without names."""
    first, *others = labels
    are_numbers = is_number(first) and any(map(is_number, others))
    is_alone = others and first not in others
    why = ""
    if are_numbers and counts_up:
        why = "it counts up from 0"
    elif is_alone and (not are_numbers or all(n > 1 for n in Counter(others).values())):
        why = f"no other line has the label {first}"
    if why:
        raise Problem(
            f"{where}, may be names of columns, as {why}. Are they names, let none of them be a"
            " number; is it a sample, put a line of names in front of it."
        )


def check_no_index(names, width, count, file):
    """Refuses a first column that counts the samples. names: None if there are none."""
    few = 1 if names else 2  # by chance two lines may begin with 0 and 1
    if count > few and (not names[0] if names else width > 2):
        raise Problem(
            f"The first column of {file} has no name and counts the samples from 0, as the"
            " index of pandas does: write the table with to_csv(.., index=False), or name the"
            " column, in a first line of names, if it is a value of x."
        )


def column_of(label, names, file):
    if not label:
        return len(names) - 1
    if label not in names:
        raise Problem(f"{file} has no column {label}; it has {listed(names)}.")
    if names.count(label) > 1:
        raise Problem(f"{file} has the column {label} twice: give one of them another name.")
    return names.index(label)


def is_number(cell):
    """As float has it, but 1_2 is a name: not 12."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def with_point(cell):
    """1.5 for 1,5."""
    return cell.replace(",", ".")


def is_value(cell):
    """Whether it is a number that a network takes: no NaN, no infinity."""
    return is_number(cell) and abs(float(cell)) <= LARGEST


def is_label(cell):
    """Whether it is a name, or a number that a network takes."""
    return is_value(cell) if is_number(cell) else bool(cell)


def values_of(cells):
    """float64 of each; None if one of them is no value."""
    try:
        values = np.array([float(cell) for cell in cells])
    except ValueError:
        return None
    is_plain = np.all(abs(values) <= LARGEST) and "_" not in "".join(cells)
    return values if is_plain else None


def check_values(wrong, file):
    """Refuses the first cell of [(line, column, cell)], which are no values."""
    if wrong:
        line, column, cell = wrong[0]
        why = no_value_as(cell)
        n = sum(no_value_as(other) == why for _, _, other in wrong)
        raise Problem(
            f"{file}, line {line}, {column}: {cell or 'an empty cell'} {why}{all_told(n)}"
        )


def no_value_as(cell):
    """What is wrong with a cell that is no value, and what to do."""
    if is_number(cell):
        return "is no value that a network takes. Remove the line."
    if is_number(with_point(cell)):
        return "should have a point in place of its comma."
    return (
        "should be a number. Remove the line, or the column; the label is the last column, or"
        " --label NAME."
    )


def all_told(n):
    """How many lines are wrong as the one that was named, where it is not alone."""
    return f" There are {n} such lines." if n > 1 else ""


def should_be_numbers(labels):
    """Whether all of them are, or nearly all are and these are no numbers of classes, or more than
    half of them are and these are too many for classes."""
    cells = [with_point(cell) for cell in labels]
    numbers = np.array([float(cell) for cell in cells if is_number(cell)])
    if len(numbers) < NEARLY_ALL * len(cells):
        return 2 * len(numbers) > len(cells) and len(np.unique(numbers)) > MOST_CLASSES
    return len(numbers) == len(cells) or not are_classes(numbers)


def as_labels(cells):
    """An array; of numbers, if all of them are."""
    return np.array([float(cell) for cell in cells] if all(map(is_number, cells)) else cells)


# ---- arrays


def read_npz(file, label, labelled):
    try:
        arrays = np.load(io.BytesIO(bytes_of(file)))
        arrays = {name: arrays[name] for name in arrays.files}
    except DAMAGE as error:
        if str(error).startswith("Object arrays"):
            raise Problem(
                f"{file} has an array of Python objects, which is not read: save names as"
                " y.astype(str), numbers as x.astype(float)."
            ) from None
        raise Problem(
            f"{file} is damaged, or holds no arrays of numpy: numpy.savez({file.name!r}, x=x, y=y)"
            " makes it."
        ) from None
    label = label or "y"
    for name in ["x", label] if labelled else ["x"]:
        if name not in arrays:
            raise Problem(
                f"{file} has no array {name}, expected x and y; it has"
                f" {', '.join(arrays) or 'none'}."
            )
    x, y = arrays["x"], arrays.get(label)
    if y is not None and y.dtype.kind not in "biufU":
        raise Problem(
            f"{label} in {file} is of dtype {y.dtype}, expected numbers, or names: save bytes as"
            f" {label}.astype(str)."
        )
    if x.ndim < 2 or x.dtype.kind not in "biuf":
        raise Problem(
            f"x in {file} is of shape {x.shape} and dtype {x.dtype}, expected numbers, one row a"
            " sample."
        )
    if y is not None and (y.ndim == 0 or len(y) != len(x)):
        raise Problem(f"{label} in {file} is of shape {y.shape}, and there are {len(x)} samples.")
    if y is not None and len(y) and y.size == 0:
        raise Problem(
            f"{label} in {file} is of shape {y.shape}, expected a label or more for each of"
            f" {len(x)} samples: save them in {label}, or name another array, --label NAME."
        )
    if y is not None and y.dtype.kind in "iub":
        y = y.astype(float)
    for name, a in ("x", x), (label, y):
        if a is not None and a.dtype.kind == "f":
            wrong = np.argwhere(~(abs(a.astype(float)) <= LARGEST))  # float16 ends before it
            if len(wrong):
                value = a[tuple(wrong[0])]
                cure = "remove the sample"
                if np.isfinite(value):
                    cure = f"float32 ends at {LARGEST:.1e}: scale it"
                raise Problem(f"{name} in {file}: sample {wrong[0][0]} holds {value}: {cure}.")
    i = blurred(x.reshape(len(x), int(np.prod(x.shape[1:]))))
    told = None if i is None else f"value {i} of x, counted from 0,"
    return Samples(str(file), x.astype(np.float32), y, blurred=told)


def check_shape(given, shape, who):
    """Refuses samples of another shape than who takes. A row of a table has any shape, and an axis
    of one value is none."""
    came = given.x.shape[1:]
    is_row = len(came) == 1 and came[0] == np.prod(shape)
    if not is_row and longer(came) != longer(shape):
        raise Problem(
            f"x in {given.file} is of shape {' x '.join(map(str, came))} a sample, and {who} takes"
            f" {' x '.join(map(str, shape))}.{turned(came, shape)}"
        )


def turned(came, shape):
    """What to do if only the channels are elsewhere: a sentence, or nothing."""
    for axes in {2: [(0, 2, 1)], 3: [(0, 2, 3, 1), (0, 3, 1, 2)]}.get(len(came), []):
        if longer([came[axis - 1] for axis in axes[1:]]) == longer(shape):
            return f" x.transpose{axes} turns it."
    return ""


def longer(shape):
    return [n for n in shape if n > 1]


# ---- labels


def are_classes(y):
    """Whether labels are of classes: texts, or whole numbers of few values."""
    if y.ndim == 2 and y.shape[1] > 1:
        return False
    if y.dtype.kind != "f":
        return True
    return bool(np.all(y == np.floor(y))) and len(np.unique(y)) <= MOST_CLASSES


def texts(y):
    """Labels as text: 3 for 3.0."""
    return [f"{v:.15g}" for v in y.ravel()] if y.dtype.kind == "f" else [str(v) for v in y.ravel()]


def listed(texts):
    """a, b, c; of many the first ones, and how many there are."""
    more = f", .. {len(texts)} in all" if len(texts) > MOST_LISTED else ""
    return ", ".join(texts[:MOST_LISTED]) + more


def plain(label):
    """A label that is a number as texts() has it: 1 for 01."""
    return texts(as_labels([label]))[0]
