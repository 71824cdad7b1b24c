"""Results of runs, each in a file. One that is there for the same settings is not done again."""

import json
import os
import time
from functools import partial


class Runs:
    """The runs of a study, which says path(job), where a result is kept, settings(job), all that
    decides it, and learn(job), the result. data: the folder of the data sets; folder: where
    results are kept."""

    def __init__(self, data, folder):
        self.data, self.folder = data, folder

    def finished(self, job):
        """The result of a run, or None if it is still to be done."""
        return finished(self.path(job), self.settings(job))

    def run(self, job):
        return run(self.path(job), self.settings(job), partial(self.learn, job))


def finished(path, settings):
    """The result that is kept for these settings, or None."""
    try:
        result = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return result if result["settings"] == settings else None


def run(path, settings, function):
    """The result of function(), kept with its settings and the time it took."""
    started = time.monotonic()
    learned = function()
    seconds = round(time.monotonic() - started, 1)
    result = {"settings": settings, **learned, "seconds": seconds}
    keep(path, json.dumps(result, indent=1).encode())
    return result


def keep(path, content):
    """Written whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_bytes(content)
    new.replace(path)
