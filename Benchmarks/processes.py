#!/usr/bin/env python3
"""Several processes of a thread each beside one process of as many threads: `detect-cli pretrain`, alternating, in one run.

Usage: Benchmarks/processes.py [--networks resnet18,resnet50] [--processes N] [--steps N] [--precisions fp32,bf16] [--repeats N]
                               [--json FILE]
Needs a build (`make build`).

The work is a step of instance discrimination with 4,096 noise images, batch norm by process. A ratio of 1 says that the exchange of
gradients, features and statistics costs what threads lose by waiting for each other.
"""
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmark import CLI, Row, alternate, arguments, contrast_training, detect, metrics, report, write_images

# (side, batch, stem, steps)
SETTINGS = {"resnet18": (32, 128, "imagenet", 12), "resnet50": (64, 64, "imagenet", 4)}


def free_port():
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


def together(count, *parts):
    """Runs detect-cli as so many processes to a good end."""
    port = str(free_port())
    processes = []
    for rank in range(count):
        place = {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1",
                 "MASTER_PORT": port}
        processes.append(subprocess.Popen(
            [str(CLI), *map(str, parts)], env={**os.environ, **{name: str(value) for name, value in place.items()}},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    errors = [process.communicate()[1] for process in processes]
    if any(process.returncode for process in processes):
        sys.exit("\n".join(errors))


def main():
    parser = arguments(__doc__)
    parser.add_argument("--networks", default="resnet18,resnet50")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--steps", type=int, help="steps of a run (default: 12 or 4)")
    parser.add_argument("--precisions", default="fp32,bf16")
    options = parser.parse_args()
    count, rows = options.processes, []
    for name in options.networks.split(","):
        side, batch, stem, steps = SETTINGS[name]
        steps = options.steps or steps
        for precision in options.precisions.split(","):
            with tempfile.TemporaryDirectory() as scratch:
                folder = write_images(Path(scratch) / "images", steps * batch)
                runs = iter(range(2 * options.repeats))

                def measured(run, threads, start):
                    start(*contrast_training(folder, name, stem, side, batch, 4096, precision, threads, run))
                    # The first epoch warms up.
                    return metrics(run)[-1]["images_per_second"]

                many, one = alternate(
                    options.repeats,
                    lambda: measured(Path(scratch) / f"run{next(runs)}", 1, lambda *parts: together(count, *parts)),
                    lambda: measured(Path(scratch) / f"run{next(runs)}", count, detect))
            rows.append(Row(f"{count} processes, {name} {side} px, batch {batch}, {precision}", "images/s",
                            f"one process, {count} threads", many, one))
    report(options, rows, threads=count)


if __name__ == "__main__":
    main()
