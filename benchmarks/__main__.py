"""`make bench`: every benchmark, one after the other; a few hours on 2 cores. The machine should do nothing else."""

from benchmarks import architectures, caltech22, cifar10, kill_resume, mnist

for benchmark in (caltech22, mnist, cifar10, architectures, kill_resume):
    benchmark.main()
