#!/usr/bin/env python3
"""`detect-cli probe voc07-svm` beside its protocol in scikit-learn on the same features, in values and in time.

Usage: Benchmarks/voc07_svm.py [DEVKIT] [--features OPTION...] [--classes N] [--limit N] [--exact] [--repeats N] [--json FILE]
where the options after --features say what features `detect-cli` takes (default: ResNet-18 with random weights).
Needs a build (`make build`), numpy and scikit-learn. Without a devkit: that of DETECT_DATA, else drawn images.

Goyal et al., ICCV 2019: LinearSVC(C, class_weight={1: 2, -1: 1}, squared hinge, dual, tol 1e-4, 2000 iterations), C a
class by the mean of cross_val_score(cv=3, "average_precision"). With large C these fits end at the limit of iterations,
well before the optimum; --exact uses the primal solver to tolerance 1e-6 instead. Times are those of the fits, over all
cores: scikit-learn's classes run in processes of their own.
"""
import argparse
import json
import tempfile
import warnings
from pathlib import Path

from benchmark import Row, alternate, arguments, detect, devkit, peer, report, results, timed

np = peer("numpy")
joblib = peer("joblib")
peer("sklearn", "scikit-learn")
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.model_selection import cross_val_score  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402

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
    parser = arguments(__doc__, repeats=2)
    parser.add_argument("devkit", type=Path, nargs="?")
    parser.add_argument("--features", nargs=argparse.REMAINDER, default=["--weights", "random", "--arch", "resnet18"])
    parser.add_argument("--classes", type=int, default=6)
    parser.add_argument("--limit", type=int, default=400, help="images of each set")
    parser.add_argument("--exact", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kit, what = devkit(options.devkit, folder, 3 * options.limit)
        sets = kit / "VOC2007/ImageSets/Main"
        classes = sorted(path.name[:-len("_trainval.txt")] for path in sets.glob("*_trainval.txt"))[: options.classes]

        def ours():
            detect("probe", "voc07-svm", "--devkit", kit, "--classes", ",".join(classes), "--limit", options.limit,
                   "--out-train", folder / "train", "--out-test", folder / "test", "--json", folder / "voc.json",
                   *options.features)
            return results(folder / "voc.json")["fit_seconds"]

        found = []

        def scikit():
            train, train_ids = read_features(folder / "train")
            test, test_ids = read_features(folder / "test")
            jobs = [joblib.delayed(one_class)(
                train, np.where(read_labels(kit, name, "trainval", train_ids) == 1, 1, -1), test,
                read_labels(kit, name, "test", test_ids), options.exact) for name in classes]
            return timed(lambda: found.__setitem__(slice(None), joblib.Parallel(n_jobs=-1)(jobs)))

        mine, other = alternate(options.repeats, ours, scikit)
        result = results(folder / "voc.json")
    mean = float(np.mean([ap for ap, _, _ in found]))
    report(options, [Row(f"VOC07 SVM, {len(classes)} classes, {options.limit} + {options.limit} images, 11 costs, 3 folds", "s",
                         "scikit-learn LinearSVC", mine, other)],
           map={"ours": result["map"], "scikit_learn": mean})
    for name, (ap, cost, fold) in zip(classes, found):
        print(f"{name:12s} AP {ap:7.2%}  C {cost:7g}  fold AP {fold:7.2%}   ours {result['ap'][name]:7.2%}  "
              f"C {result['c'][name]:7g}  fold AP {result['fold_ap'][name]:7.2%}")
    print(f"{what}; mAP scikit-learn {mean:.5f}, ours {result['map']:.5f}")


if __name__ == "__main__":
    main()
