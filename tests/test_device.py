"""What the machine is said to be, and what is asked of it."""

import platform
import subprocess
import sys

import pytest
import torch

from foveal.device import machine, memory_bytes, native_bf16, pick_device
from foveal.errors import UsageError


def test_devices() -> None:
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(UsageError, match="expected auto, cpu, cuda or mps"):
        pick_device("tpu")  # type: ignore[arg-type]
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="finds no such device; it has cpu"):
            pick_device("cuda")


def test_bf16_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = native_bf16(torch.device("cpu"))
    monkeypatch.setattr("foveal.device._convolution_seconds", None)
    assert native_bf16(torch.device("cpu")) == first


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library")
def test_freed_memory_is_kept() -> None:
    counted = """
import resource, torch, foveal.device as device
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
device.keep_freed_memory()
for turn in range(20):
    if turn == 10:
        before = faults()
    torch.ones(2**24)
print(faults() - before)
"""
    done = subprocess.run([sys.executable, "-c", counted], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1000  # else the 64 MiB come anew in each turn, as 16,384 pages


def test_the_machine_is_named() -> None:
    described = machine()
    assert described["processor"]
    assert described["threads"] >= 1
    assert 2**28 < memory_bytes() < 2**50
