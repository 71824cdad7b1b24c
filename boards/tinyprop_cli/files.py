"""Files of this PC: read whole, and replaced at once."""

import contextlib
import io
import os

from tinyprop_cli.board import Problem


def bytes_of(file):
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise Problem(f"There is no file {file}.") from None
    except OSError as error:
        raise Problem(f"{file} cannot be read: {error.strerror}.") from None


def replace(file, data):
    """Writes a file; an older one is replaced only once the new one is whole."""
    new = unfinished(file)
    try:
        new.write_bytes(data)
        os.replace(new, file)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink()
        raise Problem(f"{file} could not be written: {error.strerror}.") from None


def unfinished(file):
    """Where it is until it is whole."""
    return file.with_name(file.name + ".new")


def check_folder(file):
    """Says before the work, not after it, that its result has no place."""
    try:
        if not file.parent.is_dir():
            raise Problem(f"There is no folder {file.parent} for {file.name}.")
        if file.is_dir():
            raise Problem(f"{file} is a folder. Say the name that the file shall have in it.")
        unfinished(file).exists()  # which is no matter, but its name may be too long
    except OSError as error:
        raise Problem(f"{file} cannot be written: {error.strerror}.") from None


def check_model_place(file):
    """The same for a model, which replaces no file but a model."""
    check_folder(file)
    if file.exists() and not bytes_of(file).startswith(b"TYNP"):
        raise Problem(f"{file} is there already, and no model: say another name for the model.")


def model_in(data, where, has_old=False):
    """has_old: whether beside it is the file of the save before."""
    import tinyprop

    try:
        return tinyprop.load(io.BytesIO(data))
    except ValueError as error:
        text = f"tinyprop {tinyprop.__version__} cannot load {where}: {error}."
        if has_old:
            text += " That with .old in its name is of the save before: try it."
        raise Problem(text) from None


def load(file):
    """The model in a file."""
    has_old = os.path.exists(f"{file}.old")  # false if the name is too long, unlike Path.exists
    return model_in(bytes_of(file), str(file), has_old)


def save(model, file):
    data = io.BytesIO()
    model.save(data)
    replace(file, data.getvalue())
