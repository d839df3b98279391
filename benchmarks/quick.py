"""`make bench-quick`: the comparisons that fit five minutes. Indications: one repetition, and few epochs."""

from benchmarks import small_net, whole_process

EPOCHS = 2


def main() -> None:
    """About 5 minutes on 2 cores, once the peers' environment is made."""
    whole_process.main(
        epochs=EPOCHS, repetitions=1, contenders=("foveal", "torchvision-default"), name="whole-process-quick"
    )
    small_net.main(repetitions=1, name="small-net-quick")


if __name__ == "__main__":
    main()
