# Files by name: which of NAME and NAME.old is there when, which one load takes, autosave. On
# boards with a file system; power that goes in a save is in tests/system/test_power_cuts.py.
import io

import testkit
import tinyprop as tp

NAME = "test_keeping.tp"
OLD = NAME + ".old"

try:
    import os

    open(NAME, "wb").close()
    os.remove(NAME)
    HAS_FILES = True
except (ImportError, OSError, AttributeError):
    HAS_FILES = False


def with_files(test):
    def run():
        if HAS_FILES:
            remove(NAME, OLD)
            try:
                test()
            finally:
                remove(NAME, OLD)

    return run


def remove(*names):
    for name in names:
        if name in os.listdir():
            os.remove(name)


def write(name, content):
    with open(name, "wb") as f:
        f.write(content)


def read(name):
    with open(name, "rb") as f:
        return f.read()


def model_of(steps):
    model = tp.Model(3, [tp.Dense(4, activation="relu"), tp.Dense(2)], input_range=(-1, 1))
    for i in range(steps):
        model.learn((1, -1, 0.5), i % 2)
    return model


def saved(steps):
    model_of(steps).save(NAME)


def check(steps, name=NAME):
    model = tp.load(NAME)
    assert (model.stats()["steps"], model.loaded_from) == (steps, name)
    assert testkit.saved_but_loss(model) == testkit.saved_but_loss(model_of(steps))


@with_files
def test_the_model_and_the_one_before():
    saved(1)
    assert read(OLD) == read(NAME)
    check(1)
    for steps in (2, 3):
        before = read(NAME)
        saved(steps)
        assert read(OLD) == before
        check(steps)
    assert model_of(1).loaded_from is None
    file = io.BytesIO()
    model_of(1).save(file)
    assert tp.load(io.BytesIO(file.getvalue())).loaded_from is None


@with_files
def test_a_file_that_is_not_whole():
    saved(1)
    saved(2)
    whole = read(NAME)
    altered = bytearray(whole)
    altered[99] ^= 1
    for content in (b"", whole[:1], whole[:-1], bytes(len(whole)), altered):
        write(NAME, content)
        check(1, OLD)
    # The next save leaves the one before alone.
    saved(3)
    check(3)
    write(NAME, b"")
    check(1, OLD)
    write(OLD, whole[:-1])
    write(NAME, altered)
    said = str(testkit.raises(ValueError, tp.load, NAME))
    damaged, after = "%s: the file is damaged or cut short, and ", ", from the save before"
    advice = ". Load another file, or begin with a new model"
    both = OLD + after + ": the file is damaged or cut short"
    assert said == damaged % NAME + both + advice, said
    remove(OLD)
    said = str(testkit.raises(ValueError, tp.load, NAME))
    assert said == damaged % NAME + "there is no " + OLD + after + advice, said


@with_files
def test_a_file_that_is_another_one():
    write(NAME, b"\xff\xd8\xff\xe0, a picture")
    said = str(testkit.raises(ValueError, tp.load, NAME))
    assert said.startswith(NAME + ": the file is no tinyprop model: it begins with b'\\xff"), said
    remove(NAME)
    tp.Anomaly(3).save(NAME)
    said = str(testkit.raises(ValueError, tp.load, NAME))
    assert said == NAME + ": the file has more than a Model: Anomaly.load may read it", said


@with_files
def test_no_file_means_no_model():
    """Also after the first save was cut: a start that expects an OSError then goes on."""
    for content in (None, b"", b"TY", b"TYNP" + bytes(50)):
        if content is not None:
            write(OLD, content)
        said = str(testkit.raises(OSError, tp.load, NAME))
        assert said == "there is no file " + NAME, said
    saved(1)
    remove(NAME)  # as one does to begin anew
    testkit.raises(OSError, tp.load, NAME)
    saved(2)
    write(NAME, b"")
    check(2, OLD)


@with_files
def test_an_anomaly_and_the_one_before():
    anomaly = tp.Anomaly(3)
    for seen in (1, 2):
        anomaly.learn((seen, 2, 3))
        anomaly.save(NAME)
        assert tp.Anomaly.load(NAME).seen == seen
    whole = bytearray(read(NAME))
    for place in (len(whole) - 5, len(whole) - 5 - 260):  # of what is behind the model, and in it
        altered = bytearray(whole)
        altered[place] ^= 1
        write(NAME, altered)
        assert tp.Anomaly.load(NAME).seen == 1
        assert tp.Anomaly.load(NAME).model.loaded_from == OLD


@with_files
def test_a_file_of_another_is_never_written_to():
    for content in (b"a diary", b"TYPEWRITER", bytes(3) + b"a"):
        write(OLD, content)
        said = str(testkit.raises(OSError, model_of(1).save, NAME))
        assert OLD + " is no model" in said, said
        assert read(OLD) == content and NAME not in os.listdir()
        remove(OLD)
        write(NAME, content)
        said = str(testkit.raises(OSError, model_of(1).save, NAME))
        assert NAME + " is no model" in said, said
        assert read(NAME) == content and OLD not in os.listdir()
        remove(NAME)
        saved(1)
        write(NAME, content)  # as a cut may leave it
        saved(2)
        check(2)
        remove(NAME, OLD)


@with_files
def test_a_folder_and_an_unknown_one():
    os.mkdir(NAME)
    try:
        said = str(testkit.raises(OSError, model_of(1).save, NAME))
        assert NAME + " is a folder" in said, said
        said = str(testkit.raises(OSError, tp.load, NAME))
        assert NAME + " is a folder, expected the name of a file" in said, said
        assert OLD not in os.listdir()
    finally:
        os.rmdir(NAME)
    said = str(testkit.raises(OSError, model_of(1).save, "no_such_folder/a.tp"))
    assert "no_such_folder/a.tp is not saved: there is no such folder" in said, said
    said = str(testkit.raises(OSError, tp.load, "no_such_folder/a.tp"))
    assert said == "there is no file no_such_folder/a.tp", said


def test_what_is_no_file():
    for file in (None, 3, 1.5, [], b"a.tp"):
        said = str(testkit.raises(TypeError, model_of(1).save, file))
        assert "expected a name or a file" in said, said
        assert said.startswith("file is %s, " % (None if file is None else type(file))), said
        testkit.raises(TypeError, tp.load, file)
    for call in model_of(1).save, model_of(1).autosave, tp.load, tp.Anomaly(3).save:
        said = str(testkit.raises(ValueError, call, ""))
        assert said == "file is '', expected a name, such as 'model.tp'", said


@with_files
def test_a_file_that_is_open_for_text():
    model = model_of(1)
    said = str(testkit.raises(TypeError, model.save, io.StringIO()))
    assert said == "file is open for text, expected in binary: mode 'rb' or 'wb'", said
    saved(1)
    with open(NAME) as file:
        testkit.raises(TypeError, tp.load, file)
    with open(NAME, "w") as file:
        testkit.raises(TypeError, model.save, file)


@with_files
def test_autosave_after_so_many_steps():
    model = model_of(0)
    model.autosave(NAME, every=3)
    for steps in range(1, 8):
        model.learn((1, -1, 0.5), (steps - 1) % 2)
        if steps < 3:
            testkit.raises(OSError, tp.load, NAME)
        else:
            check(steps // 3 * 3)
    many = [(1, -1, 0.5)] * 4
    assert model.learn_many(many, [1, 0, 1, 0]) >= 0
    check(9)
    model.evaluate(many, [1, 0, 1, 0])
    model.predict(many[0])
    testkit.raises(ValueError, model.learn, (1, 2), 0)
    check(9)
    model.learn(many[0], 1)
    check(12)
    model.autosave(NAME, every=2)  # counts anew
    model.learn(many[0], 1)
    check(12)
    model.autosave(None)
    for _ in range(5):
        model.learn(many[0], 1)
    check(12)
    model.autosave(None)


@with_files
def test_autosave_and_what_is_remembered():
    for replay in (False, True):
        model = tp.Model(3, [tp.Dense(2)], input_range=(-1, 1), replay=4)
        model.autosave(NAME, 2, replay)
        for i in range(2):
            model.learn((1, -1, 0.5), i)
        assert any(testkit.remembered(tp.load(NAME))) == replay


@with_files
def test_autosave_loses_no_step_to_an_error():
    model = model_of(0)
    model.autosave("no_such_folder/a.tp", 2)
    model.learn((1, -1, 0.5), 0)
    said = str(testkit.raises(OSError, model.learn, (1, -1, 0.5), 1))
    assert "no_such_folder/a.tp is not saved" in said, said
    assert testkit.saved(model) == testkit.saved(model_of(2))
    model.learn((1, -1, 0.5), 0)
    many = [(1, -1, 0.5)] * 8
    testkit.raises(OSError, model.learn_many, many, [1, 0] * 4)
    assert testkit.saved_but_loss(model) == testkit.saved_but_loss(model_of(11))
    model.autosave(NAME, 1)
    model.learn((1, -1, 0.5), 1)
    check(12)


@with_files
def test_autosave_goes_on_when_an_interrupt_learns_too():
    model = model_of(0)
    model.autosave(NAME, every=2)
    model._autosave.after(3, False)  # two steps and, meanwhile, one of an interrupt
    check(0)
    model.learn((1, -1, 0.5), 0)
    check(0)
    model.learn((1, -1, 0.5), 1)
    check(2)


@with_files
def test_autosave_begins_again_after_ctrl_c():
    """At any moment in it: with learn that saves, and without, whatever the model has noted."""
    model = model_of(0)
    model.autosave(NAME, every=1)
    del model.learn
    model.autosave(NAME, every=1)
    model.learn((1, -1, 0.5), 0)
    check(1)
    model._autosave = None
    model.autosave(None)
    model.learn((1, -1, 0.5), 1)
    check(1)


@with_files
def test_autosave_waits_where_another_call_has_the_model():
    model = model_of(0)
    model.autosave(NAME, every=2)
    model.learn((1, -1, 0.5), 0)
    calls = []

    def refused(file, replay):
        calls.append(file)
        del model.save
        raise RuntimeError("the model is in another call")

    model.save = refused
    assert model.learn((1, -1, 0.5), 1) in (True, False)  # it was learned: nothing is raised
    assert calls == [NAME] and NAME not in os.listdir()
    model.learn((1, -1, 0.5), 0)
    check(3)


def test_autosave_refuses_what_is_no_name_and_no_number():
    model = model_of(0)
    for file in (3, io.BytesIO()):
        testkit.raises(TypeError, model.autosave, file)
    for every in (0, -1, 1.5, "1", None):
        testkit.raises(ValueError, model.autosave, NAME, every)
    for _ in range(3):
        model.learn((1, -1, 0.5), 0)
    if HAS_FILES:
        testkit.raises(OSError, tp.load, NAME)


if __name__ == "__main__":
    testkit.main(globals())
