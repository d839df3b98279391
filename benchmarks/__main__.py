"""`make bench`: every benchmark, one after the other; many hours on 2 cores. The machine should do nothing else."""

from benchmarks import (
    architectures,
    backbones,
    bccd,
    caltech22,
    camvid,
    cifar10,
    cifar10_fast,
    compiling,
    data_path,
    fod,
    inference,
    instance_masks,
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
    cifar10_fast,
    bccd,
    fod,
    camvid,
    backbones,
    instance_masks,
    architectures,
    compiling,
    inference,
    kill_resume,
    data_path,
    processes,
    whole_process,
    small_net,
    peers_ten_minutes,
):
    benchmark.main()
