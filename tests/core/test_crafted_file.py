"""What a file only claims costs neither memory nor time, and a model that is loaded no more memory
than one that is made."""

import io
import tracemalloc

import pytest
import test_files
import tinyprop as tp


def most_memory(function, *arguments):
    tracemalloc.start()
    try:
        function(*arguments)
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most


def refused(file):
    with pytest.raises(ValueError):
        tp.load(file)


@pytest.mark.parametrize("file", [io.BytesIO, test_files.Pipe])
def test_a_small_file_that_claims_half_a_gb(file):
    content = test_files.crafted()
    for data in content, test_files.with_checksum(content):
        assert most_memory(refused, file(data)) < 20000


def new():
    return tp.Model(64, [tp.Dense(128, activation="relu"), tp.Dense(10)], input_range=(0, 1))


def test_a_loaded_model_costs_what_a_new_one_does_and_a_refused_file_little():
    content = test_files.file_of(new())
    assert len(content) > 20000
    tp.load(io.BytesIO(content))  # so that all is imported
    # Beside a model a piece of 256 bytes, and what Python needs for objects and the error.
    assert most_memory(tp.load, io.BytesIO(content)) <= most_memory(new) + 512
    damaged = io.BytesIO(content[:-1] + bytes([content[-1] ^ 1]))
    assert most_memory(refused, damaged) < 5000
