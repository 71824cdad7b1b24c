"""A million valid, damaged and random images under the address and undefined-behaviour sanitizers.

TINYPROP_FUZZ sets how many; the seeds are 1 and 2, or from TINYPROP_SEED on.
"""

import os
import re
import subprocess

import native

COUNT = int(os.environ.get("TINYPROP_FUZZ", "1000000"))
SEED = int(os.environ.get("TINYPROP_SEED", "1"))
PROCESSES = 2


def test_no_image_makes_the_core_misbehave(tmp_path):
    program = tmp_path / "fuzz_image"
    sources = [native.HERE / "fuzz_image.c", native.HERE / "apart.c", *native.SOURCES]
    native.gcc(*native.SANITIZED, "-Wl,--wrap=tp_open", "-o", program, *sources)
    # The core allocates nothing that could leak; a short quarantine of freed blocks is faster.
    options = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=4"}
    running = [
        subprocess.Popen(
            [program, str(COUNT // PROCESSES), str(SEED + i)],
            env=options,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for i in range(PROCESSES)
    ]
    for process in running:
        output, _ = process.communicate()
        assert process.returncode == 0, f"{process.args}\n{output}"
        images, whole, opened = map(int, re.findall(r"\d+", output))
        assert images == COUNT // PROCESSES
        assert whole > images / 2 and opened > images / 3, output  # not all were refused
