"""Flower's strategies for files of models: the exact mean, and any of Flower's own through floats.

A message to a client has the file of the model, and in its config the round and how many steps. A
reply has a file for each board behind that client, by its name, and how many samples each has.
"""

from logging import WARNING
from operator import index

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.common import log
from flwr.serverapp.strategy import FedAvg
from tinyprop_fleet import _LEAST

from . import averaging

MODEL = "model"  # what the file is called in a message
SAMPLES = "samples"


def to_record(files):
    """{name: file} as Flower sends it."""
    return ArrayRecord(
        {name: Array(np.frombuffer(file, np.uint8)) for name, file in files.items()}
    )


def to_files(record):
    return {name: array.numpy().tobytes() for name, array in record.items()}


def question(message):
    """What a client is asked: (file, round, steps)."""
    config = message.content["config"]
    files = to_files(message.content["arrays"])
    return files[MODEL], config["server-round"] + config["rounds-before"], config["steps"]


def answer(message, updates):
    """A client's reply. updates: {name of a board: (file, samples)}"""
    counts = [samples for _, samples in updates.values()]
    content = RecordDict(
        {
            "arrays": to_record({name: file for name, (file, _) in updates.items()}),
            "metrics": MetricRecord({"num-examples": sum(counts), SAMPLES: counts}),
        }
    )
    return Message(content=content, reply_to=message)


def updates_in(replies):
    """(name, file, samples) of each board, once: two gateways at one broker hear the same."""
    seen = set()
    for reply in replies:
        try:
            files, counts = to_files(reply.content["arrays"]), reply.content["metrics"][SAMPLES]
            updates = [*zip(files.items(), map(index, counts), strict=True)]
        except Exception as e:  # not some alone: it may be anything
            node = reply.metadata.src_node_id
            log(WARNING, "what gateway %s has sent is left out: it is no reply: %r", node, e)
            continue
        for (name, file), samples in updates:
            if (name, file) not in seen:
                seen.add((name, file))
                yield name, file, samples


def reply_of(node, content):
    question = Message(content=RecordDict(), dst_node_id=node, message_type="train")
    return Message(content=content, reply_to=question)


def asked(steps, rounds_before=0):
    """What Strategy.start needs as train_config. ValueError: no board would take part."""
    if steps < _LEAST:
        raise ValueError(
            f"a round has {steps} steps, expected {_LEAST} or more: an update of fewer would tell"
            " what the samples were, and boards send none"
        )
    return ConfigRecord({"steps": steps, "rounds-before": rounds_before})


class TinyPropAvg(FedAvg):
    """The mean of all boards' models, exactly: averaging.py. Arguments are those of FedAvg.

    before: the model that was there a round before the one to begin with, if any. An update that
    is damaged, or of another model, is left out, and one whose error stands out counts less; the
    log tells.
    """

    def __init__(
        self,
        before=None,
        fraction_evaluate=0.0,
        min_train_nodes=1,
        min_available_nodes=1,
        **of_fedavg,
    ):
        self.before = before
        super().__init__(
            fraction_evaluate=fraction_evaluate,
            min_train_nodes=min_train_nodes,
            min_available_nodes=min_available_nodes,
            **of_fedavg,
        )

    def configure_train(self, server_round, arrays, config, grid):
        now = to_files(arrays)[MODEL]
        self.sent, self.before = self.begin(now), now
        return super().configure_train(server_round, to_record({MODEL: self.sent}), config, grid)

    def aggregate_train(self, server_round, replies):
        replies = list(replies)
        whole, _ = self._check_and_log_replies(replies, is_train=True, validate=False)
        merged = averaging.Merged(self.sent)
        for name, file, samples in updates_in(whole):
            try:
                merged.take(file, samples, name)
            except ValueError as e:
                log(WARNING, "%s is left out: %s", name, e)
        if not merged.models:
            late = (
                "no gateway has answered in time; seconds of the run have to be more than theirs"
            )
            none = "no board has sent an update; logs of SuperNodes may tell why"
            log(WARNING, "%s", none if replies else late)
            return None, None
        file = self.result(server_round, merged)
        for k in sorted(merged.far):
            log(
                WARNING,
                "%s has a range that is far off and left out: look at its sensor",
                merged.names[k],
            )
        metrics = MetricRecord({"boards": len(merged.models), "num-examples": merged.n})
        return to_record({MODEL: file}), metrics

    def begin(self, now):
        """What a round begins with, after the last one gave now."""
        return averaging.onward(self.before, now)

    def result(self, server_round, merged):
        for name, why in merged.screen():
            log(WARNING, "%s counts an eighth: %s", name, why)
        return merged.mean()


class ByFloats(TinyPropAvg):
    """What one of Flower's own strategies, FedMedian(), FedTrimmedAvg(), Krum(), .., makes of
    weights and biases as floats, without momentum; all else as TinyPropAvg.

    least: of fewer boards it leaves none out, which the log tells once.
    """

    def __init__(self, strategy, least=0, **of_fedavg):
        super().__init__(**of_fedavg)
        self.strategy, self.least = strategy, least

    def begin(self, now):
        return now  # which is no mean: what moves it is also that others are in the middle

    def result(self, server_round, merged):
        if len(merged.models) < self.least:
            few = "%d boards have sent an update: a faulty one is not left out of fewer than %d"
            log(WARNING, few, len(merged.models), self.least)
            self.least = 0
        merged.merge()
        replies = []
        for k, samples in enumerate(merged.samples):
            arrays = {str(i): Array(part) for i, part in enumerate(merged.floats(k))}
            content = {
                "arrays": ArrayRecord(arrays),
                "metrics": MetricRecord({"num-examples": samples}),
            }
            replies.append(reply_of(k + 1, RecordDict(content)))
        arrays, _ = self.strategy.aggregate_train(server_round, replies)
        merged.set_floats([arrays[str(i)].numpy() for i in range(len(arrays))])
        return merged.file()
