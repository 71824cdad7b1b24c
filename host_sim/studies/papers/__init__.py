"""The papers' table with this library's integers: all policies on all data sets, several seeds.

DATA is a folder with the data sets; one that is missing is named and left out. What is done is
kept in build/reproduce and not done again. Writes summary.csv, runs.csv, reproduce.md and, for
each data set, a picture to reports/; rows of other data sets stay as they are.
"""

import argparse
import gc
import os
from multiprocessing import Pool
from pathlib import Path

from tqdm import tqdm

from ... import ROOT
from ...tasks import datasets, networks
from . import report, runs
from .policies import POLICIES

PROTOCOLS = "scratch", "finetune"
RATES = (0.003, 0.006, 0.0125, 0.025)
JUDGED = 1000  # samples at least, in validations of two seeds or more, decide about a rate


def main(arguments):
    given = parse(arguments)
    gc.freeze()  # the modules: each new model looks for garbage, and there is none in them
    names = [name for name in given.only if present(name, given.data)]
    if not names:
        return f"There is no data set in {given.data}."
    runs.settle(given.data, given.runs)
    with Pool(os.cpu_count(), runs.settle, (given.data, given.runs)) as pool:
        rates = choose_rates(pool, names, given.protocol)
        jobs = [
            runs.job(
                name, protocol, policy, seed, rates[name, protocol], before(rates, name, protocol)
            )
            for name in names
            for protocol in given.protocol
            for policy in given.policies
            for seed in range(1, 1 + (given.seeds or networks.PLANS[name].seeds))
        ]
        results = finish(pool, jobs, "learning")
    print(report.write(ROOT / "reports", jobs, results))
    return 0


def parser_of(command, description):
    """With the one argument that every command on data sets has."""
    parser = argparse.ArgumentParser(
        prog=f"python -m host_sim {command}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", metavar="DATA", type=folder, help="folder of the data sets")
    return parser


def parse(arguments):
    parser = parser_of("reproduce", __doc__)
    parser.add_argument("--only", type=listed(datasets.SOURCES), default=list(datasets.SOURCES))
    parser.add_argument("--protocol", type=listed(PROTOCOLS), default=list(PROTOCOLS))
    parser.add_argument("--policies", type=listed(POLICIES), default=list(POLICIES))
    parser.add_argument(
        "--seeds", type=int, help="how many; 5, or up to 30 where results vary most"
    )
    parser.add_argument("--runs", type=Path, default=ROOT / "build" / "reproduce")
    return parser.parse_args(arguments)


def folder(text):
    if not text or not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no folder; with make, DATA=folder")
    return Path(text).resolve()


def listed(choices):
    def read(text):
        names = text.split(",")
        for name in names:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(choices)}")
        return names

    return read


def present(name, data):
    try:
        datasets.load(name, data)
    except datasets.Missing as e:
        print(e)
        return False
    return True


def before(rates, name, protocol):
    return rates[name, "scratch"] if protocol == "finetune" else None


def choose_rates(pool, names, protocols):
    """For each data set and protocol the rate that is best with Full, by validation; of those that
    validation cannot tell from the best, the largest."""
    chosen = {}
    for protocol in PROTOCOLS[: PROTOCOLS.index(protocols[-1]) + 1]:  # fine-tuning needs both
        jobs = [
            runs.job(
                name, protocol, "Full", seed, rate, before(chosen, name, protocol), "validation"
            )
            for name in names
            for rate in RATES
            for seed in judges(name, protocol)
        ]
        results = iter(finish(pool, jobs, f"choosing learning rates, {protocol}"))
        for name in names:
            n = len(judges(name, protocol))
            score = {rate: sum(next(results)["curve"][-1] for _ in range(n)) / n for rate in RATES}
            best = max(score.values())
            worst = best - runs.standard_error(name, protocol, best, n)
            chosen[name, protocol] = max(rate for rate in RATES if score[rate] >= worst)
            print(f"{name}, {protocol}: lr {chosen[name, protocol]}")
    return chosen


def judges(name, protocol):
    """Seeds by which a rate is chosen."""
    return range(1, 1 + max(2, -(-JUDGED // runs.validation_samples(name, protocol))))


def finish(pool, jobs, title):
    """The results of all jobs, in their order; those that are there already are not done again."""
    results = [runs.finished(job) for job in jobs]
    left = [job for job, result in zip(jobs, results, strict=True) if result is None]
    bar = tqdm(total=len(jobs), initial=len(jobs) - len(left), desc=title, unit="run")
    with bar:
        for result in pool.imap(runs.run, left):
            results[results.index(None)] = result
            bar.update()
    return results
