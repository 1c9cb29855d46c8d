#!/usr/bin/env python3
"""How cost grows: training with batch and threads, memory with batch, kNN and noise-contrastive estimation with images.

Usage: Benchmarks/scaling.py [--only batch,images] [--largest N] [--out FOLDER] [--json FILE] [--repeats N]
Needs builds (`make build` and `swift build -c release --product noise-contrast`), numpy and matplotlib. Draws a picture of
each into the folder (default: docs). There is no peer here: what is looked at is the shape of the curves.

Training is `detect-cli pretrain` of ResNet-50 at 224 pixels, NCE with m = 4,096; memory is the largest resident set of that
process. kNN searches 512 queries, K = 200, in a bank of n rows of 128 float32; NCE is a step of loss, gradient and update of
the bank with m = 4,096 and a batch of 32, without the network.
"""
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from benchmark import CLI, ROOT, arguments, contrast_training, detect, metrics, peer, results, write_features, write_images

np = peer("numpy")
matplotlib = peer("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

NEGATIVES, DIMENSION = 4096, 128
CONTRAST = ROOT / ".build/release/noise-contrast"


def training(folder, batch, threads, precision):
    """(images a second, GB of memory) of an epoch of two steps, the second one of a run."""
    images = write_images(folder / "images", 2 * batch)
    command = [CLI, *contrast_training(images, "resnet50", "imagenet", 224, batch, NEGATIVES, precision, threads, folder / "run")]
    with open(folder / "errors", "wb") as errors:
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit((folder / "errors").read_text())
    return metrics(folder / "run")[-1]["images_per_second"], usage.ru_maxrss / 1e6


def search(folder, count, repeats):
    """Seconds to search 512 queries in `count` rows: a median."""
    random = np.random.default_rng(0)
    rows = np.empty((count, DIMENSION), np.float32)
    for start in range(0, count, 1 << 16):
        block = random.standard_normal((min(1 << 16, count - start), DIMENSION), dtype=np.float32)
        rows[start:start + len(block)] = block / np.linalg.norm(block, axis=1, keepdims=True)
    labels = random.integers(1000, size=count)
    write_features(folder / "bank.safetensors", rows, labels)
    write_features(folder / "queries.safetensors", rows[:512], labels[:512])
    del rows
    seconds = []
    for _ in range(repeats):
        detect("probe", "knn", "--train-features", folder / "bank.safetensors", "--test-features",
               folder / "queries.safetensors", "--k", 200, "--json", folder / "knn.json")
        seconds.append(results(folder / "knn.json")["search_seconds"])
    return statistics.median(seconds)


def contrast(count):
    """Seconds of a step of noise-contrastive estimation among `count` images."""
    output = subprocess.run([CONTRAST, str(count), str(NEGATIVES), "32", "20"], check=True, capture_output=True, text=True)
    return float(output.stdout)


def picture(path, title, x, curves, xlabel, ylabel, log=False):
    figure, axes = pyplot.subplots(figsize=(6, 4), dpi=100)
    for label, values in curves.items():
        axes.plot(x, values, marker="o", label=label)
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
    else:
        axes.set_xscale("log", base=2)
        axes.set_xticks(x, [str(value) for value in x])
        # Room for the legend above the curves.
        axes.set_ylim(0, 1.35 * max(max(values) for values in curves.values()))
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", ncols=2)
    figure.tight_layout()
    # Without date and version the same figures give the same file.
    figure.savefig(path, metadata={"Software": None})
    print(f"wrote {path}")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--only", default="batch,images")
    parser.add_argument("--batches", default="4,8,16,32,64")
    parser.add_argument("--largest", type=int, default=10**7, help="images of the largest bank")
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    options = parser.parse_args()
    found = {"cores": os.cpu_count()}
    cores = len(os.sched_getaffinity(0))
    if "batch" in options.only:
        batches = [int(batch) for batch in options.batches.split(",")]
        threads = sorted({1, *(1 << i for i in range(1, 8) if 1 << i < cores), cores})
        rates, memory = {}, {}
        for precision in ("fp32", "bf16"):
            for count in threads:
                label = f"{precision}, {count} thread{'s' if count > 1 else ''}"
                measured = []
                for batch in batches:
                    with tempfile.TemporaryDirectory() as scratch:
                        measured.append(training(Path(scratch), batch, count, precision))
                    print(f"{label}, batch {batch}: {measured[-1][0]:.2f} images/s, {measured[-1][1]:.2f} GB", flush=True)
                rates[label] = [rate for rate, _ in measured]
                if count == cores:
                    memory[precision] = [size for _, size in measured]
        found |= {"batches": batches, "images_per_second": rates, "memory_gb": memory}
        title = "Instance discrimination, ResNet-50, 224 px"
        picture(options.out / "scaling-speed.png", title, batches, rates, "images in a batch", "images a second")
        picture(options.out / "scaling-memory.png", title, batches, memory, "images in a batch", "GB of memory")
    if "images" in options.only:
        counts = [10**power for power in range(4, 9) if 10**power <= options.largest]
        curves = {"kNN, 512 queries": [], "NCE, a step of 32": []}
        for count in counts:
            with tempfile.TemporaryDirectory() as scratch:
                curves["kNN, 512 queries"].append(search(Path(scratch), count, options.repeats))
            curves["NCE, a step of 32"].append(statistics.median(contrast(count) for _ in range(options.repeats)))
            print(", ".join(f"{name}: {values[-1]:.4f} s" for name, values in curves.items()), f"for {count:,}", flush=True)
        found |= {"images": counts, "seconds": curves}
        picture(options.out / "scaling-images.png", f"Cost of a bank of n rows of {DIMENSION}", counts, curves,
                "n", "seconds", log=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
