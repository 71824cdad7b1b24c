"""Runs a function on many independent jobs, on all cores, with progress."""

import os
from multiprocessing import Pool

from tqdm import tqdm


def pool():
    return Pool(os.cpu_count())


def finish(workers, function, jobs, title, finished=lambda job: None):
    """[function(job) for job in jobs]. finished(job): the result of a job that was done before, or
    None."""
    results = [finished(job) for job in jobs]
    left = [job for job, result in zip(jobs, results, strict=True) if result is None]
    with tqdm(total=len(jobs), initial=len(jobs) - len(left), desc=title, unit="run") as bar:
        for result in workers.imap(function, left):
            results[results.index(None)] = result
            bar.update()
    return results
