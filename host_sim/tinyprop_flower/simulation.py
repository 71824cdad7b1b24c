"""A fleet in Flower's simulation engine. Its boards compute with the core in C. Each node of the
engine is a gateway with many of them, as in a real fleet; behind which one a board is makes no
difference to the result.
"""

from functools import lru_cache
from logging import WARNING

import numpy as np
from flwr.clientapp import ClientApp
from flwr.common import log
from flwr.serverapp import ServerApp
from flwr.simulation import run_simulation
from tinyprop_fleet import _LEAST

from .models import learned
from .strategy import MODEL, TinyPropAvg, answer, asked, question, to_files, to_record

BOARDS_OF_A_GATEWAY = 50
ENGINE = {"client_resources": {"num_cpus": 1}, "init_args": {"include_dashboard": False}}


def simulate(sent, boards, rounds, steps, strategy=None):
    """The file of what a fleet makes of a model in some rounds.

    sent: the file that it begins with. boards: the path of a file of numpy.savez, with samples x,
    y, and group, the number of the board that has a sample; a board with fewer than 8 sits out, as
    a real one does. strategy: TinyPropAvg() if None; it is made to wait for all gateways.
    ValueError: the file of the boards is not like that, steps are below 8, or no round gave a
    model.
    """
    n = -(-(int(samples_of(boards)[2].max()) + 1) // BOARDS_OF_A_GATEWAY)
    strategy = strategy or TinyPropAvg()
    # Else a round begins with those that are there, and on a busy machine some are still starting.
    strategy.min_train_nodes = strategy.min_available_nodes = n
    begin, config = to_record({MODEL: sent}), asked(steps)
    client, server, results = ClientApp(), ServerApp(), []

    @client.train()
    def train(message, context):
        return answer(message, updates(boards, context.node_config["partition-id"], n, message))

    @server.main()
    def main(grid, context):
        result = strategy.start(grid, begin, num_rounds=rounds, train_config=config)
        results.extend(to_files(result.arrays).values())  # none, if no board has sent anything

    run_simulation(server, client, n, backend_config=ENGINE)
    if not results:
        raise ValueError(
            f"no round gave a model: expected a round or more, and in {boards} {_LEAST} samples "
            "or more of a board, which the model can learn; the log above says what failed"
        )
    return results[0]


def updates(boards, gateway, n_gateways, message):
    """{name: (file, samples)} of the boards behind a gateway."""
    file, turn, steps = question(message)
    x, y, group = samples_of(boards)
    found = {}
    for board in range(gateway, group.max() + 1, n_gateways):
        mine = group == board
        samples = int(mine.sum())
        if samples >= _LEAST:
            try:
                found[str(board)] = learned(file, x[mine], y[mine], turn, steps), samples
            except (ValueError, TypeError) as e:  # with which its program would end
                log(WARNING, "board %d is left out: %s", board, e)
    return found


@lru_cache(1)
def samples_of(boards):
    with np.load(boards, allow_pickle=False) as file:
        missing = {"x", "y", "group"} - {*file}
        if missing:
            raise ValueError(
                f"{boards} has no {' and no '.join(sorted(missing))}: write it by "
                "numpy.savez(.., x=.., y=.., group=..)"
            )
        x, y, group = file["x"], file["y"], file["group"]
    lengths = [part.shape[:1] for part in (x, y, group)]
    if lengths[0] in ((), (0,)) or len({*lengths}) > 1:
        shapes = ", ".join(str(part.shape) for part in (x, y, group))
        raise ValueError(
            f"x, y, group in {boards} have shapes {shapes}: expected one of each a sample"
        )
    if group.ndim > 1 or group.dtype.kind not in "iu" or group.min() < 0:
        raise ValueError(
            f"group in {boards} is {group.dtype} from {group.min()}: expected a board's number "
            "for each sample, whole and from 0"
        )
    return x, y, group.astype(int)
