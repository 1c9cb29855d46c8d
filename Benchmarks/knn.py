#!/usr/bin/env python3
"""`detect-cli probe knn` beside faiss's IndexFlatIP on the same vectors: alternating, in one run; prints medians.

Usage: Benchmarks/knn.py [--bank N] [--dimension D] [--k K] [--queries Q,Q] [--repeats N] [--json FILE]
Needs a build (`make build`), numpy and faiss-cpu. The vectors are drawn around 1000 centres, so that neighbours mean
something; rows have length 1. A single query is also set beside the time in which all cores together read the bank once.
"""
import os
import tempfile
import threading
from pathlib import Path

from benchmark import Row, alternate, arguments, detect, peer, report, results, timed, write_features

np = peer("numpy")
faiss = peer("faiss", "faiss-cpu")


def draw(count, dimension, centres, random):
    rows = np.empty((count, dimension), np.float32)
    labels = random.integers(len(centres), size=count)
    for start in range(0, count, 65536):
        part = labels[start:start + 65536]
        block = centres[part] + random.standard_normal((len(part), dimension), dtype=np.float32)
        rows[start:start + 65536] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return rows, labels.astype(np.int64)


def bfloat16(rows):
    bits = rows.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def read_once(bank, threads):
    """Seconds for `threads` threads to read the bank once together: the largest value of each part."""
    parts = np.array_split(bank.reshape(-1), threads)
    workers = [threading.Thread(target=part.max) for part in parts]

    def run():
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    return timed(run)


def ours(folder, bank, queries, k):
    detect("probe", "knn", "--train-features", folder / bank, "--test-features", folder / queries, "--k", k, "--json",
           folder / "knn.json")
    return results(folder / "knn.json")["search_seconds"]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--bank", type=int, default=1_281_167)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--k", type=int, default=200)
    parser.add_argument("--queries", default="512,1")
    options = parser.parse_args()
    random = np.random.default_rng(0)
    centres = random.standard_normal((1000, options.dimension), dtype=np.float32)
    bank, labels = draw(options.bank, options.dimension, centres, random)
    counts = [int(count) for count in options.queries.split(",")]
    queries, truth = draw(max(counts), options.dimension, centres, random)
    index = faiss.IndexFlatIP(options.dimension)
    index.add(bank)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_features(folder / "bank.safetensors", bank, labels)
        write_features(folder / "bank16.safetensors", bfloat16(bank), labels)
        for count in counts:
            write_features(folder / "queries.safetensors", queries[:count], truth[:count])
            fp32, bf16, other, read = alternate(
                options.repeats,
                lambda: ours(folder, "bank.safetensors", "queries.safetensors", options.k),
                lambda: ours(folder, "bank16.safetensors", "queries.safetensors", options.k),
                lambda: timed(index.search, queries[:count], options.k), lambda: read_once(bank, os.cpu_count()))
            what = f"exact search, {count} in {options.bank:,} x {options.dimension}, k {options.k}"
            # A single query is bound by memory: a share of the peak would say nothing.
            operations = 2.0 * count * options.bank * options.dimension if count >= 64 else 0
            rows += [Row(f"{what}, fp32", "s", "faiss IndexFlatIP", fp32, other, operations),
                     Row(f"{what}, bf16 bank", "s", "faiss IndexFlatIP", bf16, other, operations)]
            if count < 64:
                rows.append(Row(f"{what}, fp32", "s", "numpy, reading the bank once", fp32, read))
    # What rounding the bank to bfloat16 costs: the share of the true k nearest that are still found.
    _, exact = index.search(queries, options.k)
    index.reset()
    index.add((bfloat16(bank).astype(np.uint32) << 16).view(np.float32))
    _, rounded = index.search(queries, options.k)
    recall = float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(exact, rounded)]) / options.k)
    report(options, rows, recall_bf16=recall)
    print(f"recall@{options.k} of a bfloat16 bank: {recall:.4f}; ours includes the vote")


if __name__ == "__main__":
    main()
