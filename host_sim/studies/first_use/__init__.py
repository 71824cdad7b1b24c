"""What a newcomer gets: models that are given their layers and nothing else.

Beside them the same models with learning rates tried by hand, and methods of scikit-learn. On the
data sets that come with scikit-learn, and with --data, a folder as in reproduce, on its data sets
too. What is done is kept in build/first_use and not done again. Writes first_use.csv and .md to
reports/; rows of other nets and methods stay as they are.
"""

from ...tasks.simple import NETS
from ..kit import jobs
from ..kit.command import REPORTS, listed
from ..kit.nets import parser_of_nets, to_learn
from . import report
from .methods import METHODS
from .runs import Runs, job


def main(arguments):
    given = parse(arguments)
    names = to_learn(given, NETS)
    if not names:
        return "There is no data set; those that are not scikit-learn's need --data."
    runs = Runs(given.data, given.runs)
    todo = [
        job(name, method, seed)
        for name in names
        for method in given.methods
        if METHODS[method].suits(NETS[name])
        for seed in range(1, 1 + (given.seeds or NETS[name].seeds))
    ]
    with jobs.pool() as workers:
        results = jobs.finish(workers, runs.run, todo, "learning", runs.finished)
    print(report.write(REPORTS, todo, results))
    return 0


def parse(arguments):
    result = parser_of_nets("first_use", __doc__, NETS)
    result.add_argument("--methods", type=listed(METHODS), default=list(METHODS))
    result.add_argument("--seeds", type=int, help="how many; 10, or 5 on large data sets")
    return result.parse_args(arguments)
