# Run by MicroPython of the unix port (test_full_disk.py): saves where there is too little room, or
# none may be used, on the real littlefs and FAT.
import os

import tinyprop as tp
import vfs
from cut_power import Fat, Littlefs

FILE = "/disk/a.tp"


def model_of(n_units, steps):
    model = tp.Model(16, [tp.Dense(n_units, activation="relu"), tp.Dense(3)], input_range=(-1, 1))
    for i in range(steps):
        model.learn([i / 16 for i in range(16)], i % 3)
    return model


def is_refused(model, errno):
    try:
        model.save(FILE)
    except OSError as e:
        assert e.errno == errno and "is not saved: the disk is " in str(e), e
        return True
    return False


def contents():
    found = {}
    for name in os.listdir("/disk"):
        if name != "filler":
            with open("/disk/" + name, "rb") as f:
                found[name] = f.read()
    return found


def fill(n_bytes):
    """Leaves about so many bytes of the disk free."""
    block, _, _, free = os.statvfs("/disk")[:4]
    n = block * free - n_bytes
    while n > 0:
        try:
            with open("/disk/filler", "wb") as f:
                f.write(bytes(n))
            return
        except OSError:  # littlefs needs some of it to list the others
            n -= block


def try_full(make):
    n_refused = n_saved = 0
    for n_saved_before in range(3):
        for room in range(0, 24000, 1000):
            system = make()
            system.mount()
            for steps in range(n_saved_before):
                model_of(20, steps).save(FILE)
            fill(room)
            before, larger = contents(), model_of(90, 5)
            if is_refused(larger, 28):
                n_refused += 1
                after = contents()
                assert after.get("a.tp") == before.get("a.tp"), (n_saved_before, room)
                assert all(whole in before.values() for whole in after.values())
            else:
                n_saved += 1
                assert tp.load(FILE).stats()["steps"] == 5
            vfs.umount("/disk")
    print(make, n_refused, "refused", n_saved, "saved")
    assert n_refused > 5 and n_saved > 5


def try_readonly(system):
    system.mount()
    model_of(20, 1).save(FILE)
    vfs.umount("/disk")
    system.mount(readonly=True)
    before = contents()
    assert is_refused(model_of(20, 2), 30)
    assert contents() == before and tp.load(FILE).stats()["steps"] == 1
    vfs.umount("/disk")


if __name__ == "__main__":
    try_full(lambda: Littlefs(4096, 256, 16))
    try_full(lambda: Fat(0, 128))
    try_readonly(Littlefs(4096, 256, 16))
    try_readonly(Fat(0, 128))
