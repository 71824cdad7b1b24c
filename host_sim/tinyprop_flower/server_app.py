"""The app of a SuperLink. Its run config, in the app's pyproject.toml or by flwr run --run-config:

model = "model.tp"    the file that a fleet begins with; best its whole path, as others are looked
                      for where the SuperLink was started
folder = "rounds"     where the model is kept after each round in which a board sent something, as
                      0001.tp, ..; a run that ended early goes on after the last one that is there
rounds = 10           how many, with those that are there
steps = 100           that each board learns in a round, 8 or more
strategy = "mean"     or "median", "trimmed mean", "krum": where some boards may be faulty
seconds = 120         that a round takes at most: more than each gateway has for its boards
gateways = 1          that have to be there before one begins
"""

from pathlib import Path

from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedMedian, FedTrimmedAvg, Krum

from .averaging import settings_of
from .models import load
from .strategy import MODEL, ByFloats, TinyPropAvg, asked, to_files, to_record

# With the least boards of which they leave one out.
OF_FLOWER = {"median": (FedMedian, 3), "trimmed mean": (FedTrimmedAvg, 5), "krum": (Krum, 3)}

app = ServerApp()


@app.main()
def main(grid, context):
    config = context.run_config
    folder = Path(config["folder"])
    done, before, file = last_round(folder, Path(config["model"]))
    rounds, kept = config["rounds"], file
    if rounds <= done:
        raise ValueError(
            f'all {rounds} rounds are in {folder}/: give --run-config "rounds={done + 10}", or '
            "remove the folder"
        )

    def keep(turn, arrays):
        nonlocal kept
        now = to_files(arrays)[MODEL]
        if now != kept:  # else nobody has sent anything
            put(folder / f"{done + turn:04}.tp", now)
            kept = now

    chosen(config["strategy"], config["gateways"], before).start(
        grid,
        to_record({MODEL: file}),
        num_rounds=rounds - done,
        timeout=config["seconds"],
        train_config=asked(config["steps"], done),
        evaluate_fn=keep,
    )
    if kept == file:
        raise RuntimeError(
            "no board has sent an update in any round; the log above and those of SuperNodes may"
            " tell why"
        )


def last_round(folder, begin):
    """(number of the last round that is kept, the model before it or None, its model)"""
    files = [path for path in folder.glob("*.tp") if path.stem.isdecimal()]
    kept = sorted(files, key=lambda path: int(path.stem))
    if not kept:
        return 0, None, model_in(begin)
    before, now = map(model_in, [begin, *kept][-2:])
    if settings_of(now) != settings_of(model_in(begin)):
        raise ValueError(
            f"{kept[-1]} is of another model than {begin}: remove the folder, or give another"
        )
    return int(kept[-1].stem), before, now


def model_in(path):
    try:
        file = path.read_bytes()
        load(file)
    except (OSError, ValueError) as e:
        why = e.strerror if isinstance(e, OSError) else e
        raise ValueError(
            f"{path.absolute()}: {why}. Expected a file that Model.save() wrote, on the PC of the "
            "SuperLink: model in the run config is its path, best a whole one"
        ) from None
    return file


def put(path, file):
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(file)
    new.replace(path)


def chosen(name, gateways, before):
    at_least = {"min_train_nodes": gateways, "min_available_nodes": gateways}
    if name == "mean":
        return TinyPropAvg(before, **at_least)
    if name in OF_FLOWER:
        of_flower, least = OF_FLOWER[name]
        return ByFloats(of_flower(), least, **at_least)
    raise ValueError(f"strategy is {name!r}, expected mean, {', '.join(OF_FLOWER)}")
