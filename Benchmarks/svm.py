#!/usr/bin/env python3
"""`detect-cli probe svm` beside scikit-learn's LinearSVC on the same features: alternating, in one run; prints medians.

Usage: Benchmarks/svm.py [--rows N] [--dimension D] [--classes K] [--c C] [--repeats N] [--json FILE]
Needs a build (`make build`), numpy and scikit-learn.

The features are drawn: ReLU of a random two-layer mixture of 64 factors, whose mean depends on the class, so that
they are sparse, never negative and strongly correlated, as pooled features of a network are; rows have length 1.
"""
import tempfile
from pathlib import Path

from benchmark import Row, alternate, arguments, detect, peer, report, results, timed, write_features

np = peer("numpy")
LinearSVC = peer("sklearn.svm", "scikit-learn").LinearSVC


def draw(count, dimension, classes, random, parts):
    means, first, second = parts
    labels = random.integers(classes, size=count)
    factors = means[labels] + random.normal(size=(count, means.shape[1]))
    hidden = np.maximum(factors @ first, 0)
    features = np.maximum(hidden @ second + 0.3 * random.normal(size=(count, dimension)), 0)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features.astype(np.float32), labels.astype(np.int64)


def objective(model, features, labels, c):
    total = 0.0
    for index, label in enumerate(model.classes_):
        sign = np.where(labels == label, 1.0, -1.0)
        slack = np.maximum(0, 1 - sign * (features @ model.coef_[index] + model.intercept_[index]))
        total += 0.5 * (model.coef_[index] @ model.coef_[index] + model.intercept_[index] ** 2) + c * (slack ** 2).sum()
    return total


def main():
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=5011)
    parser.add_argument("--dimension", type=int, default=2048)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--c", type=float, default=1.0)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    parts = (
        0.35 * random.normal(size=(options.classes, 64)), random.normal(size=(64, 256)) / 8,
        random.normal(size=(256, options.dimension)) / 16,
    )
    train, labels = draw(options.rows, options.dimension, options.classes, random, parts)
    test, truth = draw(options.rows, options.dimension, options.classes, random, parts)
    # The same algorithm, and the one that scikit-learn itself chooses when there are more rows than dimensions.
    models = {name: LinearSVC(C=options.c, tol=1e-4, dual=name) for name in (True, "auto")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_features(folder / "train.safetensors", train, labels)
        write_features(folder / "test.safetensors", test, truth)

        def fit():
            detect("probe", "svm", "--train-features", folder / "train.safetensors", "--test-features",
                   folder / "test.safetensors", "--c", options.c, "--json", folder / "svm.json")
            return results(folder / "svm.json")["fit_seconds"]

        ours, *others = alternate(
            options.repeats, fit, *[lambda model=model: timed(model.fit, train, labels) for model in models.values()])
        result = results(folder / "svm.json")
    rows = [Row(f"linear SVM, {options.rows} x {options.dimension}, {options.classes} classes, C {options.c:g}", "s",
                f"scikit-learn LinearSVC(dual={name!r})", ours, times) for name, times in zip(models, others)]
    quality = {"ours": {"objective": result["objective"], "top1": result["top1"]}}
    for name, model in models.items():
        quality[f"dual={name}"] = {
            "objective": objective(model, train.astype(np.float64), labels, options.c),
            "top1": float((model.predict(test) == truth).mean())}
    report(options, rows, quality=quality, iterations=result["iterations"])
    for name, values in quality.items():
        print(f"{name:10s} objective {values['objective']:.5f}  top-1 {values['top1']:.2%}")


if __name__ == "__main__":
    main()
