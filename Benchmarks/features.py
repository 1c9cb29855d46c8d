#!/usr/bin/env python3
"""ResNet-50 features at 224 pixels, batches of 32: `detect-cli features` beside PyTorch eager in channels-last memory.

Both run alternately, several times, in one process tree; medians are printed. Ours is the whole command's own rate, with
reading and decoding of JPEG files and writing of the features; PyTorch gets random pixels and keeps nothing, and in
bfloat16 its weights are converted beforehand. Rates are images a second of wall time; where other programs keep the
machine busy, the images a second of processor time (all cores together, ours with start-up) say more.

Usage: Benchmarks/features.py [--repeats N] [--images N] [--json FILE]. Needs a build (`make build`) and the torch under
.libtorch or LIBTORCH.
"""
import resource
import tempfile
import time
from pathlib import Path

from benchmark import Row, alternate, arguments, detect, peer, report, results
from networks import OPERATIONS, network

torch = peer("torch")


@torch.inference_mode()
def eager(model, dtype, images, batch):
    """(images a second of wall time, of processor time)."""
    pixels = torch.randn(batch, 3, 224, 224).to(dtype).contiguous(memory_format=torch.channels_last)
    model(pixels)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(images // batch):
        model(pixels)
    return images / (time.perf_counter() - wall), images / (time.process_time() - cpu)


def ours(folder, precision, images, batch):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    detect("features", "--weights", "random", "--arch", "resnet50", "--data", folder / "objects/train", "--limit", images,
           "--feature-batch", batch, "--precision", precision, "--threads", torch.get_num_threads(), "--out",
           folder / "features.safetensors", "--json", folder / "features.json")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return results(folder / "features.json")["images_per_second"], images / cpu


def main():
    parser = arguments(__doc__)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--precisions", default="fp32,bf16")
    options = parser.parse_args()
    options.images -= options.images % options.batch
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        detect("synthesize", "--classification", "--out", folder / "objects", "--images", -(-options.images // 10),
               "--width", 256, "--height", 256)
        for precision in options.precisions.split(","):
            dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
            model = network("resnet50")[0].eval().to(dtype).to(memory_format=torch.channels_last)
            a, b = alternate(options.repeats, lambda: ours(folder, precision, options.images, options.batch),
                             lambda: eager(model, dtype, options.images, options.batch))
            for index, clock in enumerate(("wall", "processor")):
                # The peak is one of float32 and of wall time.
                operations = OPERATIONS["resnet50"] if (precision, clock) == ("fp32", "wall") else 0
                rows.append(Row(f"ResNet-50 features, 224 px, {precision}, {clock} time", "images/s",
                                f"PyTorch {torch.__version__} eager, channels-last", [r[index] for r in a],
                                [r[index] for r in b], operations))
    report(options, rows, threads=torch.get_num_threads(), torch=torch.__version__, images=options.images)


if __name__ == "__main__":
    main()
