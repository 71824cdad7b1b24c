import os
import signal
import time

# Tests that run the project's scripts check the cache once, as a run of make does.
os.environ.setdefault("CACHE_RUN", str(time.time_ns()))

# Tests send Ctrl-C, which a job of the background ignores, and all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
