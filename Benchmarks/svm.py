#!/usr/bin/env python3
"""`detect-cli probe svm` beside scikit-learn's LinearSVC on the same features: alternating, in one run; prints medians.

Usage: Benchmarks/svm.py [--rows N] [--dimension D] [--classes K] [--c C] [--repeats N] [--json FILE]
Needs a build (`make build`), numpy and scikit-learn.

The features are drawn: ReLU of a random two-layer mixture of 64 factors, whose mean depends on the class, so that
they are sparse, never negative and strongly correlated, as pooled features of a network are; rows have length 1.
"""
import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.svm import LinearSVC

ROOT = Path(__file__).resolve().parent.parent
CLI = ROOT / ".build/release/detect-cli"


def draw(count, dimension, classes, random, parts):
    means, first, second = parts
    labels = random.integers(classes, size=count)
    factors = means[labels] + random.normal(size=(count, means.shape[1]))
    hidden = np.maximum(factors @ first, 0)
    features = np.maximum(hidden @ second + 0.3 * random.normal(size=(count, dimension)), 0)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features.astype(np.float32), labels.astype(np.int64)


def write_features(path, features, labels):
    header, offset = {}, 0
    for name, array, dtype in (("features", features, "F32"), ("labels", labels, "I64")):
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + features.tobytes() + labels.tobytes())


def objective(model, features, labels, c):
    total = 0.0
    for index, label in enumerate(model.classes_):
        sign = np.where(labels == label, 1.0, -1.0)
        slack = np.maximum(0, 1 - sign * (features @ model.coef_[index] + model.intercept_[index]))
        total += 0.5 * (model.coef_[index] @ model.coef_[index] + model.intercept_[index] ** 2) + c * (slack ** 2).sum()
    return total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5011)
    parser.add_argument("--dimension", type=int, default=2048)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--c", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    parts = (
        0.35 * random.normal(size=(options.classes, 64)), random.normal(size=(64, 256)) / 8,
        random.normal(size=(256, options.dimension)) / 16,
    )
    train, labels = draw(options.rows, options.dimension, options.classes, random, parts)
    test, truth = draw(options.rows, options.dimension, options.classes, random, parts)
    # The same algorithm, and the one that scikit-learn itself chooses when there are more rows than dimensions.
    solvers = {"dual": True, "auto": "auto"}
    ours, peer = [], {name: [] for name in solvers}
    models = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_features(folder / "train.safetensors", train, labels)
        write_features(folder / "test.safetensors", test, truth)
        for _ in range(options.repeats):
            subprocess.run(
                [str(CLI), "probe", "svm", "--train-features", folder / "train.safetensors", "--test-features",
                 folder / "test.safetensors", "--c", str(options.c), "--json", folder / "svm.json"],
                check=True, capture_output=True)
            result = json.loads((folder / "svm.json").read_text())
            ours.append(result["fit_seconds"])
            for solver, dual in solvers.items():
                models[solver] = LinearSVC(C=options.c, tol=1e-4, dual=dual)
                start = time.perf_counter()
                models[solver].fit(train, labels)
                peer[solver].append(time.perf_counter() - start)
    a = statistics.median(ours)
    peer_median = {solver: statistics.median(times) for solver, times in peer.items()}
    expected = {solver: objective(model, train.astype(np.float64), labels, options.c)
                for solver, model in models.items()}
    accuracy = {solver: float((model.predict(test) == truth).mean()) for solver, model in models.items()}
    report = {
        "rows": options.rows, "dimension": options.dimension, "classes": options.classes, "c": options.c,
        "ours_s": ours, "scikit_learn_s": peer, "ratio": {key: value / a for key, value in peer_median.items()},
        "objective": {"ours": result["objective"], "scikit_learn": expected},
        "top1": {"ours": result["top1"], "scikit_learn": accuracy}, "iterations": result["iterations"],
    }
    print(f"{options.rows} x {options.dimension}, {options.classes} classes, C = {options.c}, tolerance 1e-4")
    print(f"ours                   {a:7.2f} s                objective {result['objective']:.5f}  "
          f"top-1 {100 * result['top1']:.2f} %")
    for solver, value in peer_median.items():
        print(f"LinearSVC(dual={solvers[solver]!r:6}) {value:7.2f} s  ratio {value / a:5.1f}  "
              f"objective {expected[solver]:.5f}  top-1 {100 * accuracy[solver]:.2f} %")
    print(f"medians of {options.repeats} alternating runs")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


main()
