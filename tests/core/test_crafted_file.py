"""What a file only claims costs neither memory nor time."""

import io
import tracemalloc

import pytest
import test_files
import tinyprop as tp


@pytest.mark.parametrize("file", [io.BytesIO, test_files.Pipe])
def test_a_small_file_that_claims_half_a_gb(file):
    content = test_files.crafted()
    for data in content, test_files.with_checksum(content):
        tracemalloc.start()
        with pytest.raises(ValueError):
            tp.load(file(data))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20000
