"""The planned size of an image is what is used of it: models of odd sizes learn under the address
sanitizer, and give the bits that numpy gives, which has no memory to share."""

import os
import subprocess

import images
import native
import numpy as np
import pytest
from images import Layer, dense


def conv(units, kernel, stride=(1, 1), same=0, activation="relu", trainable=1):
    return Layer("conv", units, kernel, stride, same, activation, trainable)


def depthwise(kernel, stride=(1, 1), same=0, activation="relu", trainable=1):
    return Layer("depthwise", 0, kernel, stride, same, activation, trainable)


def maxpool(*kernel):
    return Layer("maxpool", kernel=kernel)


def avgpool(*kernel):
    return Layer("avgpool", kernel=kernel)


MODELS = {
    "dense": ((1, 1, 7), [dense(5, "relu"), dense(3, "tanh"), dense(9)]),
    "dense over a map": ((7, 5, 3), [avgpool(1, 1), dense(5, "relu"), dense(3)]),
    "odd channels": ((7, 5, 3), [conv(5, (3, 2)), depthwise((2, 2)), dense(3)]),
    "one channel": ((5, 5, 1), [conv(1, (3, 3)), conv(1, (1, 1)), depthwise((3, 3)), dense(2)]),
    "tanh": ((7, 5, 3), [conv(5, (3, 2), activation="tanh"), conv(3, (1, 1)), dense(3)]),
    "sigmoid and a maximum": (
        (7, 7, 3),
        [conv(3, (2, 2), activation="sigmoid"), maxpool(2, 2), conv(5, (2, 2)), dense(3)],
    ),
    "many pixels, few weights": (
        (17, 15, 3),
        [conv(7, (2, 2)), conv(3, (1, 1)), depthwise((3, 3)), maxpool(3, 2), dense(3)],
    ),
    "few pixels, many weights": ((3, 3, 9), [conv(31, (3, 3)), conv(33, (1, 1)), dense(3)]),
    "kernels larger than the input": (
        (3, 2, 2),
        [conv(3, (7, 5), same=1), depthwise((4, 9), same=1), conv(5, (5, 5), same=1), dense(3)],
    ),
    "the largest kernel": (
        (5, 4, 1),
        [depthwise((255, 255), same=1), conv(1, (255, 255), same=1), dense(3)],
    ),
    "255 columns": (
        (2, 300, 1),
        [conv(3, (1, 255), same=1), depthwise((2, 255)), maxpool(1, 3), dense(3)],
    ),
    "strides larger than the kernel": (
        (19, 17, 3),
        [
            conv(3, (2, 1), (4, 3), same=1),
            depthwise((1, 1), (2, 2)),
            conv(3, (1, 1), (2, 5)),
            dense(3),
        ],
    ),
    "depthwise, strides": (
        (9, 11, 3),
        [depthwise((2, 3), (2, 1)), depthwise((3, 2), (1, 2), same=1), conv(2, (1, 1)), dense(3)],
    ),
    "pools of pools": (
        (17, 13, 3),
        [
            conv(5, (2, 2)),
            maxpool(2, 2),
            avgpool(1, 2),
            maxpool(2, 1),
            conv(3, (2, 2)),
            maxpool(1, 1),
            maxpool(2, 1),
            dense(3),
        ],
    ),
    "averages": (
        (9, 8, 3),
        [conv(5, (2, 2)), avgpool(2, 3), avgpool(2, 1), conv(3, (1, 1)), dense(3)],
    ),
    "pools first": (
        (9, 8, 3),
        [maxpool(2, 2), avgpool(1, 2), conv(3, (2, 1)), avgpool(0, 0), dense(3)],
    ),
    "a wide maximum": ((20, 21, 3), [conv(3, (3, 2)), maxpool(0, 0), dense(3)]),
    "wide maxima": ((40, 40, 1), [conv(3, (3, 2)), maxpool(19, 19), maxpool(2, 1), dense(3)]),
    "dense below a convolution": (
        (1, 1, 6),
        [dense(13, "relu"), conv(3, (1, 1)), depthwise((1, 1)), dense(7, "relu"), dense(3)],
    ),
    "dense below pools": (
        (3, 2, 2),
        [
            conv(3, (1, 1)),
            dense(13, "tanh"),
            maxpool(1, 1),
            conv(3, (1, 1)),
            avgpool(1, 1),
            dense(3),
        ],
    ),
    "a row of more than a piece": ((3, 90, 7), [conv(5, (2, 2)), dense(3)]),
    "pieces of several rows": ((20, 9, 7), [conv(5, (2, 2)), dense(5, "relu"), dense(3)]),
    "means of channels": ((20, 18, 2), [conv(5, (3, 3)), dense(5, "relu"), dense(3)]),
    "means of channels below": ((20, 18, 2), [conv(5, (3, 3), trainable=0), dense(3)]),
    "a piece and a row": ((17, 16, 1), [conv(1, (1, 1)), dense(3)]),
    "long rows of weights above a map": (
        (2, 3, 2),
        [conv(3, (2, 2)), dense(40000, "relu"), dense(3)],
    ),
    "rows of weights just too long": (
        (3, 2, 2),
        [conv(3, (2, 2)), dense(32767, "relu"), dense(3)],
    ),
    "the longest rows of weights": ((2, 2, 1), [conv(1, (1, 1)), dense(65534)]),
    "long rows of weights": ((1, 1, 7), [dense(5, "relu"), dense(40000, "relu"), dense(3)]),
    "many filters": ((1, 3, 2), [conv(3, (1, 1)), conv(20001, (1, 1)), dense(2)]),
    "two pixels of 32767 filters": ((1, 2, 2), [conv(2, (1, 1)), conv(32767, (1, 1)), dense(2)]),
    "two columns of 32767 filters": ((2, 2, 2), [conv(2, (2, 1)), conv(32767, (1, 1)), dense(2)]),
    "65534 filters": ((1, 1, 2), [conv(2, (1, 1)), conv(65534, (1, 1)), dense(2)]),
    "many channels": ((1, 1, 3), [conv(65534, (1, 1)), depthwise((1, 1)), dense(2)]),
    "series": (
        (1, 50, 3),
        [
            conv(5, (1, 4), (1, 3)),
            depthwise((1, 3), same=1),
            maxpool(1, 2),
            avgpool(1, 3),
            dense(3),
        ],
    ),
    "series under kernels of several rows": (
        (1, 9, 2),
        [
            conv(3, (3, 4), same=1),
            depthwise((5, 2), same=1),
            conv(5, (2, 9), (3, 2), same=1),
            dense(3),
        ],
    ),
    "a long series": (
        (1, 3001, 1),
        [conv(3, (1, 9), (1, 2)), conv(5, (1, 3)), maxpool(1, 255), avgpool(0, 0), dense(3)],
    ),
    "a column": ((50, 1, 3), [conv(5, (4, 1), (3, 1)), depthwise((3, 3), same=1), dense(3)]),
    "frozen below": (
        (9, 8, 3),
        [conv(5, (2, 2), trainable=0), maxpool(2, 2), conv(3, (2, 2)), conv(5, (1, 1)), dense(3)],
    ),
    "frozen between": (
        (9, 8, 3),
        [conv(5, (2, 2)), conv(3, (2, 2), trainable=0), depthwise((1, 1), trainable=0), dense(3)],
    ),
    "frozen below a dense layer": ((5, 5, 3), [conv(5, (2, 2), trainable=0), dense(3)]),
    "frozen above": ((9, 8, 3), [conv(5, (2, 2)), dense(5, "relu", 0), dense(3, trainable=0)]),
    "a lowest trained layer above a pool": (
        (9, 8, 3),
        [conv(5, (2, 2), trainable=0), avgpool(2, 2), depthwise((2, 2)), maxpool(1, 1), dense(3)],
    ),
    "all frozen": ((5, 5, 3), [conv(5, (2, 2), trainable=0), dense(3, trainable=0)]),
}

POLICIES = {
    "full": {},
    "topk": {"policy": "topk", "s_min": 1 << 12, "s_max": 1 << 13},
    "diffused": {"policy": "diffused", "s_min": 1 << 12, "s_max": 0, "replay": 70},
}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("run_image") / "run_image"
    sources = [native.HERE / "run_image.c", native.HERE / "apart.c", *native.SOURCES]
    native.build(path, sources, *native.SANITIZED, "-Wl,--wrap=tp_open")
    return path


def settings_of(name, policy):
    settings = {"lr_shift": 7, "ranges": images.BYTES, **POLICIES[policy]}
    if name in ("the longest rows of weights", "all frozen"):
        settings["replay"] = 0  # there is no place for each class; or nothing learns
    return settings


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("policy", POLICIES)
def test_no_more_is_used_than_planned(name, policy, program, tmp_path):
    settings = settings_of(name, policy)
    file = tmp_path / "image"
    file.write_bytes(images.new(images.BACKENDS["c"], *MODELS[name], **settings))
    options = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run([program, file], env=options, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("policy", POLICIES)
def test_odd_models_give_the_bits_of_numpy(name, policy):
    n, shape, buffers = 6, MODELS[name][0], []
    for backend in images.BACKENDS.values():
        random = np.random.default_rng(1)
        buffer = images.build(backend, *MODELS[name], **settings_of(name, policy))
        for scale in (256, 40, 256):
            x = random.integers(0, scale, n * int(np.prod(shape))).astype(np.uint8)
            x *= random.integers(0, 3, x.size, np.uint8) > 0
            y = bytearray(random.integers(0, 2, n, np.uint8).tobytes())
            backend.run(buffer, bytearray(x.tobytes()), y, n, 0, n, True)
        buffers.append(buffer)
    assert images.saved(buffers[0]) == images.saved(buffers[1]), images.difference(*buffers)[:2000]
