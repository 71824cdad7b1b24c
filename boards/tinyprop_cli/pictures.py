"""A picture of how a training went."""

import io
import warnings

from tinyprop_desk.report import scores_of

from tinyprop_cli.board import Problem
from tinyprop_cli.evaluate import answers
from tinyprop_cli.files import replace
from tinyprop_cli.screen import counted

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError:
    raise Problem(
        'A picture needs the package matplotlib: pip install "tinyprop[picture]"'
    ) from None


def draw(file, history, model, names, x, y):
    """history: as train.learn returns it. x, y: the samples that were held out."""
    what, values = history
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(values)
    left.set(xlabel="pass", ylabel=what, ylim=(0, 1.05 if names else None))
    if names:
        right.imshow(counted(len(names), y, answers(model, x)), cmap="Blues")
        right.set(xlabel="taken for", ylabel="is")
        right.set_xticks(range(len(names)), names, rotation=90)
        right.set_yticks(range(len(names)), names)
    else:
        right.plot(y, scores_of(model, x), ".")
        right.axline((y.mean(), y.mean()), slope=1, color="grey", linewidth=0.5)
        right.set(xlabel="is", ylabel="taken for")
    png = io.BytesIO()
    with warnings.catch_warnings():
        # Of letters that its font has not, which are drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing|Matplotlib currently does not support")
        FigureCanvasAgg(figure).print_png(png)
    replace(file, png.getvalue())
