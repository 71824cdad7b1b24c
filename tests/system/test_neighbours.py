"""What is beside a saved model on a PC, and what its name is, stays as it was."""

import os
import stat

import pytest
import tinyprop as tp


@pytest.fixture
def model():
    return tp.Model(3, [tp.Dense(2)])


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_path_is_a_name(model, tmp_path):
    model.save(tmp_path / "a.tp")
    assert tp.load(tmp_path / "a.tp").loaded_from == str(tmp_path / "a.tp")
    model.autosave(tmp_path / "b.tp", 1)
    model.learn([1, 2, 3], 0)
    assert tp.load(tmp_path / "b.tp").stats()["steps"] == 1


def test_permissions_stay(model, tmp_path):
    path, old = tmp_path / "a.tp", tmp_path / "a.tp.old"
    model.save(path)
    assert mode(path) == mode(old) == 0o666 & ~umask()
    for bits in 0o600, 0o640, 0o604:
        path.chmod(bits)
        model.save(path)
        assert mode(path) == mode(old) == bits


def test_permissions_that_may_not_be_changed_are_left(model, tmp_path, monkeypatch):
    def refused(*arguments):
        raise PermissionError(1, "Operation not permitted")

    path, old = tmp_path / "a.tp", tmp_path / "a.tp.old"
    model.save(path)
    monkeypatch.setattr(os, "chmod", refused)  # another user's, or of a disk without permissions
    for steps in range(1, 3):
        model.learn([1, 2, 3], 0)
        model.save(path)
        assert [tp.load(p).stats()["steps"] for p in (path, old)] == [steps, steps - 1]


def umask():
    now = os.umask(0)
    os.umask(now)
    return now


def test_a_link_stays_one(model, tmp_path):
    (tmp_path / "far").mkdir()
    link, target = tmp_path / "a.tp", tmp_path / "far/model.tp"
    link.symlink_to(target)
    for steps in range(3):
        model.save(link)
        assert link.is_symlink() and link.readlink() == target
        assert tp.load(link).stats()["steps"] == tp.load(target).stats()["steps"] == steps
        model.learn([1, 2, 3], 0)
    assert sorted(os.listdir(tmp_path)) == ["a.tp", "far"]
    target.write_bytes(b"")
    assert tp.load(link).loaded_from == f"{target}.old"


def test_nothing_else_is_written_to(model, tmp_path):
    others = [tmp_path / f"a.tp{end}" for end in (".new", "~", ".bak", ".tmp")]
    for path in others:
        path.write_text("a diary")
    for _ in range(3):
        model.save(tmp_path / "a.tp")
    assert all(path.read_text() == "a diary" for path in others)
    assert len(os.listdir(tmp_path)) == len(others) + 2


def test_load_says_that_it_took_the_one_before(model, tmp_path, capsys):
    path = tmp_path / "a.tp"
    for _ in range(2):
        model.save(path)
        model.learn([1, 2, 3], 0)
    assert tp.load(path).loaded_from == str(path) and capsys.readouterr().out == ""
    path.write_bytes(b"")
    assert tp.load(path).loaded_from == f"{path}.old"
    said = f"tinyprop: {path}: the file is empty. Loaded {path}.old, which knows 0 steps\n"
    assert capsys.readouterr().out == said
