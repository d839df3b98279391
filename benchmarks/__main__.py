"""`make bench`: every benchmark, one after the other; many hours on 2 cores. The machine should do nothing else."""

from benchmarks import (
    architectures,
    caltech22,
    cifar10,
    data_path,
    kill_resume,
    mnist,
    peers_ten_minutes,
    processes,
    small_net,
    whole_process,
)

for benchmark in (
    caltech22,
    mnist,
    cifar10,
    architectures,
    kill_resume,
    data_path,
    processes,
    whole_process,
    small_net,
    peers_ten_minutes,
):
    benchmark.main()
