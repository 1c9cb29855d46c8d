#!/usr/bin/env python3
"""The VOC07 SVM protocol in scikit-learn, on features that `detect-cli probe voc07-svm` wrote, beside its result.

Usage: Benchmarks/voc07_svm.py --devkit DIR --train-features F --test-features F [--ours voc.json] [--json FILE]
where the files come from
    detect-cli probe voc07-svm --devkit DIR ... --out-train F --out-test F --json voc.json
Needs numpy and scikit-learn. Goyal et al., ICCV 2019: LinearSVC(C, class_weight={1: 2, -1: 1}, squared hinge, dual,
tol 1e-4, 2000 iterations), C a class by the mean of cross_val_score(cv=3, "average_precision"). With large C these
fits end at the limit of iterations, well before the optimum; --exact uses the primal solver to tolerance 1e-6 instead.
"""
import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.svm import LinearSVC

COSTS = [0.01, 0.1, 1, 2, 5, 10, 15, 20, 50, 100, 1000]


def read_features(path):
    data = Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])

    def tensor(name, dtype):
        start, end = header[name]["data_offsets"]
        return np.frombuffer(data[8 + length + start:8 + length + end], dtype).reshape(header[name]["shape"])

    rows = tensor("features", np.float32).astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return rows, [name.rsplit(".", 1)[0] for name in tensor("names", np.uint8).tobytes().decode().split("\n")]


def read_labels(devkit, name, image_set, ids):
    lines = (devkit / f"VOC2007/ImageSets/Main/{name}_{image_set}.txt").read_text().split("\n")
    labels = dict(line.split() for line in lines if line.strip())
    return np.array([int(labels[i]) for i in ids])


def interpolated(scores, truth):
    found = np.cumsum(truth[np.argsort(-scores, kind="stable")])
    precision = np.concatenate([[0], found / np.arange(1, len(truth) + 1), [0]])
    recall = np.concatenate([[0], found / truth.sum(), [1]])
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.where(recall[1:] != recall[:-1])[0] + 1
    return ((recall[steps] - recall[steps - 1]) * precision[steps]).sum()


def machine(cost, exact):
    solver = {"dual": False, "tol": 1e-6, "max_iter": 20000} if exact else {"dual": True, "tol": 1e-4, "max_iter": 2000}
    return LinearSVC(C=cost, class_weight={1: 2, -1: 1}, loss="squared_hinge", random_state=0, **solver)


def one_class(train, y, test, truth, exact):
    warnings.simplefilter("ignore", ConvergenceWarning)
    means = [cross_val_score(machine(cost, exact), train, y, cv=3, scoring="average_precision").mean()
             for cost in COSTS]
    cost = COSTS[int(np.argmax(means))]
    scores = machine(cost, exact).fit(train, y).decision_function(test)
    counts = truth != 0
    return interpolated(scores[counts], truth[counts] == 1), cost, max(means)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--devkit", type=Path, required=True)
    parser.add_argument("--train-features", required=True)
    parser.add_argument("--test-features", required=True)
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--ours", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    train, train_ids = read_features(options.train_features)
    test, test_ids = read_features(options.test_features)
    folder = options.devkit / "VOC2007/ImageSets/Main"
    classes = sorted(path.name[:-len("_trainval.txt")] for path in folder.glob("*_trainval.txt"))
    start = time.perf_counter()
    results = Parallel(n_jobs=-1)(
        delayed(one_class)(
            train, np.where(read_labels(options.devkit, name, "trainval", train_ids) == 1, 1, -1), test,
            read_labels(options.devkit, name, "test", test_ids), options.exact)
        for name in classes)
    seconds = time.perf_counter() - start
    ours = json.loads(options.ours.read_text()) if options.ours else None
    for name, (ap, cost, fold) in zip(classes, results):
        text = f"{name:12s} AP {100 * ap:6.2f}  C {cost:7g}  fold AP {100 * fold:6.2f}"
        if ours:
            text += (f"   ours {100 * ours['ap'][name]:6.2f}  C {ours['c'][name]:7g}"
                     f"  fold AP {100 * ours['fold_ap'][name]:6.2f}")
        print(text)
    mean = float(np.mean([result[0] for result in results]))
    print(f"mAP scikit-learn {mean:.5f} in {seconds:.1f} s"
          + (f"; ours {ours['map']:.5f} in {ours['fit_seconds']:.1f} s" if ours else ""))
    if options.json:
        options.json.write_text(json.dumps({
            "map": mean, "seconds": seconds, "ap": {n: r[0] for n, r in zip(classes, results)},
            "c": {n: r[1] for n, r in zip(classes, results)}}, indent=2) + "\n")


main()
