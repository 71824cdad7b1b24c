# Freezes the Python half of tinyprop into a firmware.
with open("../boards/mpy_files.txt") as names:
    for name in names.read().split():
        module(name.replace(".mpy", ".py"))
