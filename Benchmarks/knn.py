#!/usr/bin/env python3
"""`detect-cli probe knn` beside faiss's IndexFlatIP on the same vectors: alternating, in one run; prints medians.

Usage: Benchmarks/knn.py [--bank N] [--dimension D] [--k K] [--queries Q,Q] [--repeats N] [--json FILE]
Needs a build (`make build`), numpy and faiss-cpu. The vectors are drawn around 1000 centres, so that neighbours mean
something; rows have length 1. "read" is the time in which all cores together read the bank once.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import faiss
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
CLI = ROOT / ".build/release/detect-cli"


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


def write_features(path, features, labels):
    header, offset = {}, 0
    for name, array in (("features", features), ("labels", labels)):
        dtype = {"float32": "F32", "uint16": "BF16", "int64": "I64"}[array.dtype.name]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.write(features.data)
        file.write(labels.data)


def read_once(bank, threads):
    """Seconds for `threads` threads to read the bank once together: the largest value of each part."""
    parts = np.array_split(bank.reshape(-1), threads)
    workers = [threading.Thread(target=part.max) for part in parts]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - start


def ours(folder, bank, queries, k):
    subprocess.run(
        [str(CLI), "probe", "knn", "--train-features", folder / bank, "--test-features", folder / queries, "--k",
         str(k), "--json", folder / "knn.json"], check=True, capture_output=True)
    return json.loads((folder / "knn.json").read_text())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bank", type=int, default=1_281_167)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--k", type=int, default=200)
    parser.add_argument("--queries", default="512,1")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
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
            times = {"fp32": [], "bf16": [], "faiss": [], "read": []}
            for _ in range(options.repeats):
                for key, file in (("fp32", "bank.safetensors"), ("bf16", "bank16.safetensors")):
                    result = ours(folder, file, "queries.safetensors", options.k)
                    times[key].append(result["search_seconds"])
                start = time.perf_counter()
                index.search(queries[:count], options.k)
                times["faiss"].append(time.perf_counter() - start)
                times["read"].append(read_once(bank, os.cpu_count()))
            median = {key: statistics.median(values) for key, values in times.items()}
            rows.append({"queries": count, "seconds": times, "ratio": median["faiss"] / median["fp32"],
                         "to_read": median["fp32"] / median["read"]})
            print(f"{count:5d} queries: " + ", ".join(f"{key} {1e3 * value:.1f} ms" for key, value in median.items())
                  + f"; faiss/fp32 {rows[-1]['ratio']:.2f}, fp32/read {rows[-1]['to_read']:.2f}")
    # What rounding the bank to bfloat16 costs: the share of the true k nearest that are still found.
    _, exact = index.search(queries, options.k)
    index.reset()
    index.add((bfloat16(bank).astype(np.uint32) << 16).view(np.float32))
    _, rounded = index.search(queries, options.k)
    recall = float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(exact, rounded)]) / options.k)
    print(f"recall@{options.k} of a bfloat16 bank: {recall:.4f}")
    print(f"bank {options.bank} x {options.dimension}, k = {options.k}, {os.cpu_count()} cores; "
          f"medians of {options.repeats} alternating runs; ours includes the vote")
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "recall_bf16": recall}, indent=2) + "\n")


main()
