"""The papers' table with this library's integers: all policies on all data sets, several seeds.

DATA is a folder with the data sets; one that is missing is named and left out. Finished runs are
kept in build/reproduce and not repeated. Writes summary.csv, runs.csv, reproduce.md and, for each
data set, a picture to reports/; rows of other data sets stay as they are.
"""

from pathlib import Path

from ... import ROOT
from ...tasks.datasets import SOURCES
from ...tasks.networks import NETWORKS
from ..kit import jobs
from ..kit.command import REPORTS, listed, parser_with_data, present
from . import report
from .policies import BASE, CHOSEN, POLICIES
from .runs import Runs, job

PROTOCOLS = "scratch", "finetune"
RATES = (0.003, 0.006, 0.0125, 0.025)
JUDGED = 1000  # samples that decide about a rate, at least, in validations of two seeds or more


def main(arguments):
    given = parse(arguments)
    names = present(given.only, given.data)
    if not names:
        return f"There is no data set in {given.data}."
    runs = Runs(given.data, given.runs)
    with jobs.pool() as workers:
        rates = {}
        if CHOSEN in given.policies:
            rates = choose_rates(workers, runs, names, given.protocol)
        todo = [
            job(name, protocol, policy, seed, *of_run(rates, name, protocol, policy))
            for name in names
            for protocol in given.protocol
            for policy in dict.fromkeys([BASE, *given.policies])
            for seed in range(1, 1 + (given.seeds or NETWORKS[name].seeds))
        ]
        results = jobs.finish(workers, runs.run, todo, "learning", runs.finished)
    print(report.write(REPORTS, todo, results))
    return 0


def parse(arguments):
    parser = parser_with_data("reproduce", __doc__)
    parser.add_argument("--only", type=listed(SOURCES), default=list(SOURCES))
    parser.add_argument("--protocol", type=listed(PROTOCOLS), default=list(PROTOCOLS))
    parser.add_argument("--policies", type=listed(POLICIES), default=list(POLICIES))
    parser.add_argument(
        "--seeds", type=int, help="how many; 5, or up to 30 where results vary most"
    )
    parser.add_argument("--runs", type=Path, default=ROOT / "build" / "reproduce")
    return parser.parse_args(arguments)


def of_run(rates, name, protocol, policy):
    """The learning rate of a run, and that of what its model learned before; None: found."""
    if policy != CHOSEN:
        return None, None
    return rates[name, protocol], before(rates, name, protocol)


def before(rates, name, protocol):
    return rates[name, "scratch"] if protocol == "finetune" else None


def choose_rates(workers, runs, names, protocols):
    """For each data set and protocol the rate that is best with Full in validation; of those that
    validation cannot tell from the best, the largest."""
    chosen = {}
    for protocol in PROTOCOLS[: PROTOCOLS.index(protocols[-1]) + 1]:  # fine-tuning needs both
        judges = {name: seeds_to_judge(runs, name, protocol) for name in names}
        todo = [
            job(name, protocol, CHOSEN, seed, rate, before(chosen, name, protocol), "validation")
            for name in names
            for rate in RATES
            for seed in judges[name]
        ]
        title = f"choosing learning rates, {protocol}"
        results = iter(jobs.finish(workers, runs.run, todo, title, runs.finished))
        for name in names:
            n = len(judges[name])
            score = {rate: sum(next(results)["curve"][-1] for _ in range(n)) / n for rate in RATES}
            best = max(score.values())
            worst = best - runs.standard_error(name, protocol, best, n)
            chosen[name, protocol] = max(rate for rate in RATES if score[rate] >= worst)
            print(f"{name}, {protocol}: lr {chosen[name, protocol]}")
    return chosen


def seeds_to_judge(runs, name, protocol):
    """The seeds with which a rate is chosen."""
    return range(1, 1 + max(2, -(-JUDGED // runs.validation_samples(name, protocol))))
