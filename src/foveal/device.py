"""What the machine can do, measured once: device, native bf16, memory, and its description for reports."""

import ctypes
import os
import platform
import sys
import time
from contextlib import AbstractContextManager, suppress
from functools import lru_cache
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from foveal.errors import UsageError
from foveal.files import cache_folder, read_json, write_json
from foveal.types import DeviceName

Module = TypeVar("Module", bound=nn.Module)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt, in its malloc.h


def pick_device(name: DeviceName = "auto") -> torch.device:
    """The device called `name`; "auto" takes CUDA, else Apple's MPS, else the CPU. Raises UsageError where absent."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    if name not in available:
        raise UsageError(f"--device {name}: expected auto, cpu, cuda or mps")
    if not available[name]:
        here = ", ".join(kind for kind, present in available.items() if present)
        raise UsageError(f"--device {name}: this PyTorch ({torch.__version__}) finds no such device; it has {here}")
    return torch.device(name)


def place(module: Module, device: torch.device) -> Module:
    """The module itself, moved to `device` and into the channels-last layout."""
    return module.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on `device`. To a GPU it goes by pinned memory, so that nobody waits for what the GPU still does."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@lru_cache(maxsize=64)
def constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """The float32 tensor (N,) of these values on `device`, made once and shared: not to be changed."""
    with torch.inference_mode(False):  # or what asked first within it would give others a tensor without gradients
        return torch.tensor(values, dtype=torch.float32, device=device)


def begin_to_start(device: torch.device) -> None:
    """Has a GPU and its libraries start, which takes seconds, while this process does something else."""
    if device.type == "cuda":
        Thread(target=_start, args=(device,)).start()


def full_float32() -> AbstractContextManager[None]:
    """In the block, convolutions of float32 on GPUs round nothing to fewer digits, as they do else (TF32)."""
    now = torch.backends.cudnn
    flags: AbstractContextManager[None] = now.flags(
        enabled=now.enabled, benchmark=now.benchmark, deterministic=now.deterministic, allow_tf32=False
    )
    return flags


def seed_draws(seed: int, device: torch.device) -> None:
    """Seeds what `device` and the CPU draw, at each step: `torch.manual_seed` takes 0.3 ms for all kinds of device."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def keep_freed_memory() -> None:
    """Has the C library keep the memory that tensors give back, for the next step to take, where it is glibc.

    Otherwise large blocks go back to the system and come anew, page by page: 40,000 page faults in each training step
    of ResNet-18 at 128 px with 32 images, and with them 9 % of its time. The process keeps its peak memory to its end.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        if not libc.mallopt(_M_MMAP_THRESHOLD, 2**31 - 1):
            libc.mallopt(_M_MMAP_THRESHOLD, 2**25)  # the most that an older one takes


def native_bf16(device: torch.device) -> bool:
    """Whether convolutions run faster in bfloat16 than in float32 on `device`.

    On a CPU both are timed once (about a second) and the answer is kept in the cache folder.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "mps":
        return False
    remembered = cache_folder() / "machine" / f"bf16-{fingerprint()}.json"
    if remembered.is_file():
        return bool(read_json(remembered)["native"])
    seconds = {dtype: _convolution_seconds(dtype) for dtype in (torch.float32, torch.bfloat16)}
    native = seconds[torch.bfloat16] < 0.8 * seconds[torch.float32]
    write_json(remembered, {"native": native, "seconds": {str(k): v for k, v in seconds.items()}})
    return native


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is what torch raises where memory does not suffice: a class of its own on GPUs, words elsewhere."""
    words = ("can't allocate memory", "out of memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(each in str(error) for each in words)


def free_gpu_bytes(device: torch.device) -> int:
    """Memory of a CUDA device that nobody has, what PyTorch holds without using it among it."""
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + held


def memory_bytes() -> int:
    """Memory of this machine, or of the container it runs in; 8 GiB where the system does not tell."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return min([physical, *_container_limits()])
    if os.name == "nt":
        return _windows_memory_bytes()
    return 8 * 2**30


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory that this process had: allocated on a CUDA device, else resident; 0 on Windows."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if os.name == "nt":
        return 0
    import resource  # is not there on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def machine() -> dict[str, Any]:
    """The machine and the versions, as a report names them."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gib": round(memory_bytes() / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def fingerprint() -> str:
    """Letters, digits and hyphens that name the processor, its cores and the version of PyTorch."""
    text = "-".join([_processor(), str(os.cpu_count()), torch.__version__])
    return "".join(letter if letter.isalnum() else "-" for letter in text).lower()


def _start(device: torch.device) -> None:
    with suppress(RuntimeError):  # whoever uses the device next gets the error
        images = torch.ones(8, 8, 8, 8, device=device)
        torch.mm(nn.functional.conv2d(images, images).flatten(1), torch.ones(8, 8, device=device))


def _convolution_seconds(dtype: torch.dtype) -> float:
    convolution = place(nn.Conv2d(64, 64, 3, padding=1).to(dtype), torch.device("cpu"))
    images = torch.zeros(8, 64, 56, 56, dtype=dtype).to(memory_format=torch.channels_last)
    best = float("inf")
    with torch.inference_mode():
        convolution(images)  # the first call picks kernels and packs weights
        for _ in range(5):
            start = time.perf_counter()
            convolution(images)
            best = min(best, time.perf_counter() - start)
    return best


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _container_limits() -> list[int]:
    """What Linux's control groups allow, version 2 and 1."""
    files = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
    texts = [file.read_text(encoding="ascii").strip() for file in files if file.is_file()]
    return [int(text) for text in texts if text.isdigit()]


def _windows_memory_bytes() -> int:
    class MemoryStatus(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "a", "b", "c", "d", "e")),
        ]

    status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return int(status.total)
