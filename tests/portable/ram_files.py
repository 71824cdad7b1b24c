# Sent to a board by targets.py: files in RAM that the board can import from.
import io
import sys

import vfs


class RamFile(io.IOBase):
    def __init__(self, data):
        self.data = data
        self.position = 0

    def readinto(self, buffer):
        chunk = self.data[self.position : self.position + len(buffer)]
        buffer[: len(chunk)] = chunk
        self.position += len(chunk)
        return len(chunk)

    def ioctl(self, request, argument):
        return 0


class RamFiles:
    def __init__(self):
        self.files = {}

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def stat(self, path):
        if path in self.files:
            return (0x8000,) + (0,) * 9
        if any(name.startswith(path + "/") for name in self.files):
            return (0x4000,) + (0,) * 9
        raise OSError(2)

    def open(self, path, mode):
        return RamFile(self.files[path])


ram = RamFiles()
vfs.mount(ram, "/ram")
sys.path.insert(0, "/ram")
