"""A file that takes less than it is given, or keeps something else, is noticed."""

import builtins
import io

import pytest
import tinyprop as tp
import tinyprop_files as files


@pytest.fixture
def model():
    return tp.Model(30, [tp.Dense(20)])


class Short(io.RawIOBase):
    """Takes at most so many bytes at a time, and then no more than there is room for."""

    def __init__(self, at_once, room=1 << 20):
        self.at_once, self.room, self.data = at_once, room, b""

    def writable(self):
        return True

    def write(self, piece):
        n = min(self.at_once, self.room - len(self.data), len(piece))
        self.data += bytes(piece[:n])
        return n or None


@pytest.mark.parametrize("at_once", [1, 3, 100, 1 << 20])
def test_the_rest_follows(model, at_once):
    file, whole = Short(at_once), io.BytesIO()
    model.save(file)
    model.save(whole)
    assert file.data == whole.getvalue()


@pytest.mark.parametrize("room", [0, 1, 100, 1000])
def test_a_file_without_room(model, room):
    with pytest.raises(OSError, match="takes no more than a part of the model"):
        model.save(Short(64, room))


@pytest.mark.parametrize("end", [".old", ""])
def test_what_is_not_kept_as_it_was_written(model, end, tmp_path, monkeypatch):
    path = tmp_path / "a.tp"
    model.save(path)
    model.learn(bytes(30), 1)

    def bad(name, mode):
        """open, of a disk with a bad bit."""
        if name != f"{path}{end}" or mode == "wb":
            return builtins.open(name, mode)
        content = bytearray(builtins.open(name, mode).read())
        content[100] ^= bool(written) << 3
        return io.BytesIO(content)

    written = []
    put = files._put
    monkeypatch.setattr(files, "_put", lambda *args: (written.append(1), put(*args)))
    monkeypatch.setattr(files, "open", bad, raising=False)
    with pytest.raises(OSError, match="read back is not what was written"):
        model.save(path)
    monkeypatch.undo()
    assert tp.load(path).stats()["steps"] == 0
