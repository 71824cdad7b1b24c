"""The commands, their options and help. Each module is imported when its command is called."""

from pathlib import Path

import rich_click as click

from tinyprop_cli.board import COMMAND, Problem, find_port, open_repl, version


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

    \b
        tinyprop flash RPI_PICO-20250415-v1.25.0.uf2
        tinyprop deploy
        tinyprop repl
    """


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

    An older FILE is replaced only once the new one is whole.
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
def serve():
    """Shows the page in which a network learns, to browsers on this PC."""
    from tinyprop_cli.serve import serve

    serve()


@main.command()
def doctor():
    """What is connected, what is on it, and what is missing.

    It stops the program that runs on a board, until its next start, and changes nothing.
    """
    from tinyprop_cli.doctor import doctor

    doctor()


if __name__ == "__main__":
    main(prog_name=COMMAND)
