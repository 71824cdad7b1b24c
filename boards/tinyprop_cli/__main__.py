"""The commands, their options and help. Each module is imported when its command is called."""

from pathlib import Path

import rich_click as click

from tinyprop_cli.board import COMMAND, Problem, find_port, open_repl, version

click.rich_click.TEXT_MARKUP = "markdown"  # so indented lines of help stay as they are


class Commands(click.RichGroup):
    """A Problem ends a command with one sentence and exit code 1."""

    def invoke(self, context):
        try:
            return super().invoke(context)
        except Problem as problem:
            click.echo(f"error: {problem}", err=True)
        except KeyboardInterrupt:
            click.echo("error: stopped", err=True)
        context.exit(1)


port_argument = click.argument("port", default="")
port_option = click.option("-p", "--port", default="", help="Where the board is: COM3, ...")


@click.group(cls=Commands)
@click.version_option(version(), message="tinyprop %(version)s")
def main():
    """Networks that learn on the board they run on: from this PC to the board and back.

    A board is reached at its serial PORT: COM3 on Windows, /dev/cu.usbmodem1101 on macOS,
    /dev/ttyACM0 on Linux. It need not be said while one board alone is plugged in.

    A new board, from its box to a prompt that learns:

        tinyprop flash RPI_PICO-20250415-v1.25.0.uf2
        tinyprop deploy
        tinyprop repl

    And from a table of samples to a model on the board:

        tinyprop record -o samples.csv
        tinyprop train samples.csv
        tinyprop push model.tp
    """


# ---- the board


@main.command()
@port_argument
def deploy(port):
    """Puts tinyprop onto a board that has MicroPython.

    The board says which code it can execute, gets the files for it, and imports them once.
    Files that are there already, by their SHA-256, are not copied again.
    """
    from tinyprop_cli.deploy import deploy

    deploy(find_port(port))


@main.command()
@click.argument("firmware", default="", metavar="[FILE]")
@port_option
@click.option("-b", "--board", default="", help="Its name, where FILE fits several: RPI_PICO_W.")
def flash(firmware, port, board):
    """Puts MicroPython, or other firmware, onto a board.

    FILE is a .uf2 for a Raspberry Pi Pico, or a .bin for an ESP32, such as those of
    https://micropython.org/download/. It is refused if it is for another chip than the board's.

    A Pico shows a drive when it is plugged in while its button BOOTSEL is held; one that runs
    MicroPython is asked for it.
    """
    from tinyprop_cli.flash import flash

    flash(firmware, port, board)


@main.command()
@port_argument
def repl(port):
    """A MicroPython prompt on the board. Ctrl-] leaves."""
    open_repl(find_port(port))


# ---- models


def numbers(context, option, text):
    """32,16 as a list; of 0 an empty one."""
    if text.strip() == "0":
        return []
    try:
        found = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = [0]
    if not all(0 < n < 65535 for n in found):
        raise click.BadParameter(
            f"{text} should be numbers of units, such as 32,16, each of 1 to 65534; or 0, which is"
            " no hidden layer."
        )
    return found


def texts(context, option, text):
    """a,b as a list."""
    found = [part.strip() for part in text.split(",")] if text else []
    if not all(found) or len(set(found)) < len(found):
        raise click.BadParameter(f"{text} should be names that differ, such as left,right.")
    return found


file_type = click.Path(path_type=Path)
out_option = click.option(
    "-o", "--out", type=file_type, default="model.tp", show_default=True, help="Where it goes."
)
label_option = click.option(
    "--label", default="", help="The column with the labels, by name; else the last one."
)
kind_option = click.option(
    "--kind",
    type=click.Choice(["classes", "numbers"]),
    help="What labels are, if it takes them for the other.",
)


@main.command()
@click.argument("data", type=file_type)
@out_option
@label_option
@click.option(
    "--hidden",
    default="32",
    show_default=True,
    callback=numbers,
    help="Units of each hidden layer: 32,16. 0 is none: try it for numbers from few sensors.",
)
@kind_option
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="How often it sees each sample.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**30 - 1),
    default=1,
    show_default=True,
    help="Of first weights and of the order.",
)
@click.option(
    "--output-range",
    type=(float, float),
    metavar="LO HI",
    help="Of labels that are numbers, if some that are rare and far are cut.",
)
@click.option("--picture", type=file_type, help="A file for a picture of how it went, .png.")
def train(data, out, label, hidden, kind, epochs, seed, output_range, picture):
    """Trains a model on a table of samples, and tests it on a fifth of them.

    DATA is a .csv with a line for each sample: its values, and its label in the last column. The
    first line may have names, none of them a number. Or it is a .npz with arrays x and y. Labels
    that are texts, or whole numbers of at most 20 values, are classes; others are numbers to
    learn.

        x,y,z,label
        0.02,-0.05,0.98,flat
        0.97,0.04,0.11,upright

        tinyprop train poses.csv -o poses.tp
        tinyprop push poses.tp
    """
    from tinyprop_cli.train import train

    train(data, out, label, hidden, kind, epochs, seed, output_range, picture)


@main.command("import")
@click.argument("network", metavar="NET.onnx", type=file_type)
@click.option("--samples", type=file_type, help="Some of its training set, .npz or .csv.")
@out_option
@label_option
@kind_option
@click.option(
    "--classes",
    default="",
    metavar="NAME,NAME,..",
    callback=texts,
    help="Of the outputs, in their order; else labels that are names, in alphabetical order.",
)
def import_(network, samples, out, label, kind, classes):
    """Makes a model of a network that PyTorch or Keras trained, out of its ONNX file.

    It computes the same, in integers, and goes on learning on the board. The ranges of its numbers
    are chosen by samples, which are as the network takes them: arrays x, and y for the report. A
    table will not do if they have channels before rows.
    Without samples x is taken to be anything from 0 to 1.

        tinyprop import net.onnx --samples digits.npz -o digits.tp
    """
    from tinyprop_cli.onnx import bring_in

    bring_in(network, samples, out, label, kind, classes)


@main.command()
@click.argument("file", type=file_type)
@click.argument("data", type=file_type)
@label_option
def evaluate(file, data, label):
    """How well the model FILE answers on the samples in DATA, a table as of tinyprop train.

    A sample is in the order of the model, which has maps as rows, columns, channels.

    For classes it tells the share of right answers, and what is taken for what; for numbers how
    far they are off.

        tinyprop evaluate poses.tp more_poses.csv
    """
    from tinyprop_cli.evaluate import evaluate

    evaluate(file, data, label)


@main.command()
@click.argument("file", type=file_type)
@click.argument("data", type=file_type)
@port_argument
@label_option
@click.option(
    "--learn",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="So many samples are learned.",
)
def compare(file, data, port, label, learn):
    """Whether a board computes what this PC does, to the last bit.

    Both get the model FILE and the samples in DATA, a table as of tinyprop train. They predict
    all, learn the first ones, and predict all again. FILE stays as it is, here and on the board.

        tinyprop compare poses.tp poses.csv /dev/ttyACM0
    """
    from tinyprop_cli.compare import compare

    compare(find_port(port), file, data, label, learn)


@main.command()
@click.argument("file")
def info(file):
    """What is in a saved model, which boards it fits, and how long a step takes there."""
    from tinyprop_cli.models import info

    info(Path(file))


@main.command()
@click.argument("name")
@click.argument("file", default="")
@port_option
def pull(name, file, port):
    """Brings the model NAME from the board to this PC, as FILE or under the same name.

    An older FILE is replaced only once the new one is whole, and only if it is a model.
    """
    from tinyprop_cli.models import pull

    pull(find_port(port), name, Path(file or Path(name).name))


@main.command()
@click.argument("file")
@click.argument("name", default="")
@port_option
def push(file, name, port):
    """Puts the model FILE onto the board, as NAME or under the same name.

    An older one on the board is replaced only once the new one is whole.
    """
    from tinyprop_cli.models import push

    push(find_port(port), Path(file), name or Path(file).name)


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Of the page's address; without it always the same one, and 0 is one that is free.",
)
def serve(port):
    """Shows the page in which a network learns, to browsers on this PC."""
    from tinyprop_cli.serve import serve

    serve(port)


@main.command()
@port_argument
@click.option(
    "-o",
    "--out",
    type=file_type,
    default="samples.csv",
    show_default=True,
    help="Where samples go: .csv or .npz.",
)
@click.option("--label", default="", help="The board prints values alone, and this is what of.")
@click.option(
    "-n",
    "--count",
    type=click.IntRange(0),
    default=0,
    help="Ends after so many samples; else Ctrl-C does.",
)
def record(port, out, label, count):
    """Writes samples that a board prints into a table, for tinyprop train.

    A program on the board prints a line for each: its label and its values.

        while True:
            x, y, z = imu.read()
            print("still", x, y, z, sep=",")

        tinyprop record /dev/ttyACM0 -o poses.csv

    With --label it prints the values alone. Then the label may be changed: type another one, and
    Enter. If the file is there, samples are added to it. Each is in the file once it is counted,
    in a .npz after two seconds.
    """
    from tinyprop_cli.record import record

    record(find_port(port), out, label, count)


@main.command()
@port_argument
def watch(port):
    """Shows how a board learns, while it does.

    The program on the board prints what the model says of itself, now and then:

        if model.stats()["steps"] % 100 == 0:
            print(model.stats())

        tinyprop watch /dev/ttyACM0

    Ctrl-C ends this; the board learns on.
    """
    from tinyprop_cli.watch import watch

    watch(find_port(port))


@main.command()
def doctor():
    """What is connected, what is on it, and what is missing.

    It stops the program that runs on a board, until its next start, and changes nothing.
    """
    from tinyprop_cli.doctor import doctor

    doctor()


if __name__ == "__main__":
    main(prog_name=COMMAND)
