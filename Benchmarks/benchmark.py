"""What the scripts of this folder share: options, peers, alternation, the machine's sgemm peak, the table and its JSON.

A script measures rows: the same work done by detect-cli and by a peer, alternating, several times. Alone it prints its own
rows; `Benchmarks/run` runs all scripts and prints one table of them.
"""
import argparse
import dataclasses
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLI = ROOT / ".build/release/detect-cli"
# Where `Benchmarks/run` installs the peers; an environment that has them already serves as well.
PACKAGES = ROOT / ".tools/bench-python"
LIBTORCH = Path(os.environ["LIBTORCH"]).parent if "LIBTORCH" in os.environ else ROOT / ".libtorch"
# Exit code of a script that lacks a peer.
MISSING = 3

if PACKAGES.is_dir():
    sys.path.insert(1, str(PACKAGES))
    # For the processes that peers start.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")]))
# Behind everything else: beside torch lie its own dependencies only.
sys.path.append(str(LIBTORCH))


def peer(module, package=None):
    """Imports a peer, or ends with what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        print(f"{module} is missing ({error}): run `Benchmarks/run`, which installs the peers, or "
              f"`python3 -m pip install --target {PACKAGES.relative_to(ROOT)} {package or module}`", file=sys.stderr)
        sys.exit(MISSING)


def arguments(description, repeats=3):
    """The options that every script has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=repeats, help="runs of each side")
    parser.add_argument("--json", type=Path, help="write the results there, too")
    parser.add_argument("--peak", type=float, help="the machine's sgemm GFLOP/s; measured when it is needed and not given")
    return parser


def detect(*parts):
    """Runs detect-cli to a good end; returns what it printed."""
    if not CLI.exists():
        sys.exit(f"{CLI} is missing: run `make build`")
    result = subprocess.run([str(CLI), *map(str, parts)], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"detect-cli {' '.join(map(str, parts))}: {result.stderr.strip().splitlines()[-1]}")
    return result.stdout


def results(path):
    return json.loads(Path(path).read_text())


def timed(work, *parts):
    """Seconds that a call takes."""
    start = time.perf_counter()
    work(*parts)
    return time.perf_counter() - start


def alternate(repeats, *sides):
    """Calls each side in turn, `repeats` times; returns the results of each side."""
    rounds = [[side() for side in sides] for _ in range(repeats)]
    return [list(values) for values in zip(*rounds)]


def devkit(given, folder, images):
    """(folder that holds VOC2007, what to call it): the one given, that of DETECT_DATA, or a drawn one."""
    if given:
        return given, given.name
    if "DETECT_DATA" in os.environ:
        return Path(os.environ["DETECT_DATA"]) / "VOCdevkit", "VOC2007"
    detect("synthesize", "--out", folder / "devkit", "--images", images, "--width", 500, "--height", 375)
    return folder / "devkit", "drawn images of 500 x 375"


def image_ids(devkit, name):
    return (devkit / f"VOC2007/ImageSets/Main/{name}.txt").read_text().split()


def write_features(path, features, labels):
    """A safetensors file of rows and their labels, as `detect-cli probe` reads it; uint16 stands for bfloat16."""
    header, offset = {}, 0
    for name, array in (("features", features), ("labels", labels)):
        dtype = {"float32": "F32", "uint16": "BF16", "int64": "I64"}[array.dtype.name]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in (features, labels):
            file.write(array.data)


def write_images(folder, count):
    """`count` images as CIFAR-10's binary files hold them: a label and 3 x 32 x 32 bytes each."""
    numpy = peer("numpy")
    folder.mkdir()
    records = numpy.random.default_rng(0).integers(256, size=(count, 3073), dtype=numpy.uint8)
    records[:, 0] %= 10
    records.tofile(folder / "data_batch_1.bin")
    return folder


def contrast_training(images, arch, stem, side, batch, negatives, precision, threads, run):
    """What detect-cli is told for two epochs of noise-contrastive estimation in which images are only cropped and enlarged."""
    return ["pretrain", "--data", images, "--arch", arch, "--stem", stem, "--image-size", side, "--batch", batch, "--loss",
            "nce", "--negatives", negatives, "--epochs", 2, "--jitter", 0, "--grayscale", 0, "--flip", 0, "--knn-every", 0,
            "--checkpoint-every", 10**6, "--precision", precision, "--threads", threads, "--run", run]


def metrics(run):
    """The lines of a run's log."""
    return [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]


@dataclasses.dataclass
class Row:
    """One piece of work, measured on both sides."""

    work: str
    # "s" for seconds, of which fewer are better, or something a second, of which more are.
    unit: str
    peer_name: str
    ours: list
    peer: list
    # Floating-point operations of the work, or of one of the things counted; 0 where a share of the peak says nothing.
    operations: float = 0.0
    # The value that products and memory of this machine would allow, in the row's unit; 0 where none was computed.
    limit: float = 0.0

    @property
    def medians(self):
        return statistics.median(self.ours), statistics.median(self.peer)

    @property
    def ratio(self):
        """How many times as fast ours is."""
        ours, peer = self.medians
        return ours / peer if self.unit.endswith("/s") else peer / ours

    def gflops(self):
        ours = self.medians[0]
        return self.operations * (ours if self.unit.endswith("/s") else 1 / ours) / 1e9

    def json(self, peak):
        result = dataclasses.asdict(self) | {"ratio": self.ratio}
        if self.operations and peak:
            result["share_of_sgemm_peak"] = self.gflops() / peak
        if self.limit:
            result["share_of_limit"] = self.share_of_limit
        return result

    @property
    def share_of_limit(self):
        ours = self.medians[0]
        return ours / self.limit if self.unit.endswith("/s") else self.limit / ours


def sgemm_peak(side=4096, repeats=5):
    """GFLOP/s of the best of some products of two square float32 matrices, by numpy's OpenBLAS on all cores."""
    numpy = peer("numpy")
    left, right = (numpy.random.default_rng(seed).standard_normal((side, side), dtype=numpy.float32) for seed in (0, 1))
    out = left @ right
    return 2 * side**3 / min(timed(numpy.matmul, left, right, out) for _ in range(repeats)) / 1e9


def copy_speed(megabytes=256, repeats=5):
    """GB/s read and written, together, by copying memory on all cores."""
    torch = peer("torch")
    source, target = torch.zeros(megabytes << 18), torch.zeros(megabytes << 18)
    return 2 * source.numel() * 4 / min(timed(target.copy_, source) for _ in range(repeats)) / 1e9


def print_table(rows, peak):
    print(f"{'work':62s} {'unit':9s} {'ours':>9s} {'peer':>9s} {'ratio':>6s} {'of peak':>8s} {'of limit':>8s}  peer")
    for row in rows:
        ours, other = row.medians
        share = f"{row.gflops() / peak:8.0%}" if row.operations and peak else " " * 8
        limit = f"{row.share_of_limit:8.0%}" if row.limit else " " * 8
        print(f"{row.work:62s} {row.unit:9s} {number(ours):>9s} {number(other):>9s} {row.ratio:6.2f} {share} {limit}"
              f"  {row.peer_name}")


def number(value):
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def report(options, rows, **more):
    """Prints the rows of a script and writes its JSON; `more` goes into the JSON."""
    peak = options.peak or (sgemm_peak() if any(row.operations for row in rows) else None)
    print_table(rows, peak)
    print(f"medians of {options.repeats} alternating runs, {os.cpu_count()} cores"
          + (f", sgemm peak {peak:.0f} GFLOP/s" if peak else ""))
    if options.json:
        document = {"cores": os.cpu_count(), "sgemm_gflops": peak, "repeats": options.repeats,
                    "rows": [row.json(peak) for row in rows], **more}
        options.json.write_text(json.dumps(document, indent=2) + "\n")
