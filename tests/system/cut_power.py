# Run by MicroPython of the unix port (test_power_cuts.py): saves a model on a disk whose power
# goes in its k-th write or erase, for every k, and again in the save after that; on the real
# littlefs and FAT. After every cut load has to find the model as it is or as it was before.
import sys

import data
import tinyprop as tp
import vfs

FILE = "/disk/a model.tp"  # on FAT the name takes several entries of a folder


class Disk:
    """Blocks in RAM. Of the write or erase in which the power goes, half is done. A file that was
    open then is closed whenever the collector finds it, so each cut is of a disk of its own."""

    def __init__(self, block_bytes, data, cut_at=0):
        self.block_bytes, self.data = block_bytes, bytearray(data)
        self.n, self.erased, self.cut_at = 0, 0, cut_at

    def is_off(self):
        return self.cut_at and self.n >= self.cut_at

    def readblocks(self, block, buffer, offset=0):
        if self.is_off():
            return -5
        at = block * self.block_bytes + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        return self.write(block * self.block_bytes + offset, buffer)

    def write(self, at, new):
        if self.is_off():
            return -5
        self.n += 1
        n = len(new) // 2 if self.is_off() else len(new)
        self.data[at : at + n] = memoryview(new)[:n]
        return -5 if self.is_off() else 0

    def ioctl(self, request, argument):
        if request == 4:
            return len(self.data) // self.block_bytes
        if request == 5:
            return self.block_bytes
        if request == 6:
            self.erased += 1
            return self.write(argument * self.block_bytes, b"\xff" * self.block_bytes)
        return 0


class Littlefs:
    """Blocks of 4096 bytes, of which 256 are written at once, are those of a Pico's flash."""

    def __init__(self, block_bytes, write_bytes, n_blocks=24):
        self.options = {"readsize": 32, "progsize": write_bytes}
        self.disk = Disk(block_bytes, bytes(n_blocks * block_bytes))
        vfs.VfsLfs2.mkfs(self.disk, **self.options)

    def mount(self, readonly=False):
        vfs.mount(vfs.VfsLfs2(self.disk, **self.options), "/disk", readonly=readonly)


class Fat:
    """n_files: others in the folder, so that the entries of ours lie on both sides of a border."""

    def __init__(self, n_files, n_blocks=64):
        self.disk = Disk(512, bytes(n_blocks * 512))
        vfs.VfsFat.mkfs(self.disk)
        self.mount()
        for i in range(n_files):
            open("/disk/%d" % i, "w").close()
        vfs.umount("/disk")

    def mount(self, readonly=False):
        vfs.mount(vfs.VfsFat(self.disk), "/disk", readonly=readonly)


X = [i / 16 for i in range(16)]


def step(model):
    model.learn(X, model.stats()["steps"] % 3)


def models():
    """A model as it was after 1, 2, .. steps; /tmp/0.tp, 1.tp, .. have it from the start on."""
    model = tp.Model(16, [tp.Dense(20, activation="relu"), tp.Dense(3)], input_range=(-1, 1))
    model.save("/tmp/0.tp")
    found = []
    for i in range(1, 7):
        step(model)
        model.save("/tmp/%d.tp" % i)
        found.append(tp.load("/tmp/%d.tp" % i))
    return found


MODELS = models()


def save(steps):
    MODELS[steps - 1].save(FILE)


def save_by_itself(steps):
    """The same by autosave, in the last of these steps."""
    model = tp.load("/tmp/%d.tp" % (steps - 1))
    model.autosave(FILE, 1)
    step(model)


def power_on(system, data, cut_at=0):
    system.disk = Disk(system.disk.block_bytes, data, cut_at)
    system.mount()


def loaded(system):
    """How many steps the model knows that is found when the power is back; 0: there is none."""
    power_on(system, system.disk.data)
    try:
        model = tp.load(FILE)
    except OSError:
        return 0
    finally:
        vfs.umount("/disk")
    steps = model.stats()["steps"]
    assert bytes(model._saved()) == bytes(MODELS[steps - 1]._saved())
    return steps


def saves(system, data, steps, cut_at=0, save=save):
    """Whether a save on a disk with this data comes to its end before the power goes."""
    power_on(system, data, cut_at)
    try:
        save(steps)
    except OSError:
        assert system.disk.is_off()
    vfs.umount("/disk")
    return not system.disk.is_off()


def cuts(system, before, steps):
    """Cuts a save at each point, and comes back after each with what load found then."""
    start, cut_at = bytes(system.disk.data), 0
    while True:
        cut_at += 1
        if saves(system, start, steps, cut_at):
            break
        found = loaded(system)
        assert found in (before, steps), (system, before, steps, cut_at, found)
        yield found
    assert loaded(system) == steps


def cut_everywhere(name, make):
    once = twice = 0
    for n_saved in range(3):  # the first save, the second, the third
        system = make()
        for steps in range(1, n_saved + 1):
            assert saves(system, system.disk.data, steps)
        for found in cuts(system, n_saved, n_saved + 1):
            once += 1
            after_cut = bytes(system.disk.data)
            for _ in cuts(system, found, n_saved + 2):
                twice += 1
            # With the power on it goes on as ever.
            system.disk.data = after_cut
            for steps in (n_saved + 3, n_saved + 2):
                assert saves(system, system.disk.data, steps) and loaded(system) == steps
    print("%s: %d cut once, %d cut twice" % (name, once, twice))


def cut_again_and_again(name, system, times, random):
    """Each autosave is cut somewhere, or comes to its end. (On FAT a cut may lose free blocks.)"""
    assert saves(system, system.disk.data, 1)
    known = 1
    for i in range(times):
        steps = 1 + i % len(MODELS)
        whole = saves(system, system.disk.data, steps, 1 + random.below(30), save_by_itself)
        found = loaded(system)
        expected = (steps,) if whole else (known, steps)
        assert found in expected, (name, i, expected, found)
        known = found
    print("%s: %d cut in a row" % (name, times))


def wear(n_units):
    """Blocks that are erased a save, on average, on the flash of a Pico."""
    system = Littlefs(4096, 256, 352)
    model = tp.Model(16, [tp.Dense(n_units, activation="relu"), tp.Dense(3)])
    power_on(system, system.disk.data)
    for _ in range(300):
        model.save(FILE)
    n_bytes = len(open(FILE, "rb").read())
    vfs.umount("/disk")
    print("a file of %d bytes: %.1f blocks a save" % (n_bytes, system.disk.erased / 300))


if __name__ == "__main__":
    cut_everywhere("littlefs", lambda: Littlefs(4096, 256))
    cut_everywhere("littlefs, small blocks", lambda: Littlefs(512, 64))
    cut_everywhere("FAT, 0 files beside it", lambda: Fat(0))
    cut_everywhere("FAT, 5 files beside it", lambda: Fat(5))
    cut_everywhere("FAT, 12 files beside it", lambda: Fat(12))
    print("seed", sys.argv[1])
    random = data.Random(int(sys.argv[1]))
    cut_again_and_again("littlefs", Littlefs(4096, 256), 500, random)
    cut_again_and_again("FAT", Fat(5, 1000), 200, random)
    for n_units in (1, 60, 300):
        wear(n_units)
