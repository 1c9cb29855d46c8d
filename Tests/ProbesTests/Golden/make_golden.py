"""Writes svm.json: linear SVMs, stratified folds and average precisions as scikit-learn has them.

Usage: python3 make_golden.py   (needs numpy and scikit-learn)
"""

import json
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

N, D = 90, 6


def fit(features, labels, loss, c, bias, weight):
    # intercept_scaling is LIBLINEAR's -B; the tolerance makes the optimum exact to more digits than are compared.
    model = LinearSVC(
        C=c, loss=loss, dual=True, tol=1e-9, max_iter=10_000_000, fit_intercept=bias > 0,
        intercept_scaling=bias or 1, class_weight=weight, random_state=0)
    model.fit(features, labels)
    count = len(model.classes_)
    members = np.array([(labels == label).sum() for label in model.classes_])
    weights = np.ones(count) if weight is None else len(labels) / (count * members)
    coefficients, intercepts = model.coef_, np.broadcast_to(model.intercept_, len(model.coef_))
    if count == 2:  # one plane, between class 0 and class 1
        coefficients, intercepts = np.stack([-coefficients[0], coefficients[0]]), np.array([-1, 1]) * intercepts[0]
    objectives = []
    for index, label in enumerate(model.classes_):
        w, b = coefficients[index], intercepts[index]
        slack = np.maximum(0, 1 - np.where(labels == label, 1, -1) * (features @ w + b))
        other = weights[1 - index] if count == 2 else 1
        costs = c * np.where(labels == label, weights[index], other)
        appended = b / bias if bias else 0
        power = 1 if loss == "hinge" else 2
        objectives.append(0.5 * (w @ w + appended**2) + (costs * slack**power).sum())
    return {
        "loss": loss, "c": c, "bias": bias, "weight": weight or "none", "classes": count,
        "weights": coefficients.tolist(), "intercepts": list(map(float, intercepts)), "objectives": objectives,
        "correct": int((model.predict(features) == labels).sum()),
    }


def interpolated(scores, truth):
    """Area under the interpolated curve as the VOC07 SVM benchmark defines it."""
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(truth[order])
    precision = np.concatenate([[0], found / np.arange(1, len(order) + 1), [0]])
    recall = np.concatenate([[0], found / truth.sum(), [1]])
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.where(recall[1:] != recall[:-1])[0] + 1
    return float(((recall[steps] - recall[steps - 1]) * precision[steps]).sum())


def main():
    random = np.random.default_rng(5)
    labels = np.minimum(random.integers(4, size=N), 2)  # the last class is twice as frequent
    centres = random.normal(size=(3, D))
    features = (0.6 * centres[labels] + random.normal(size=(N, D)) + 0.5).astype(np.float32)
    exact = features.astype(np.float64)
    fits = [
        fit(exact, labels, loss, c, bias, weight)
        for loss in ("squared_hinge", "hinge")
        for c, bias, weight in ((1.0, 1.0, None), (0.01, 1.0, None), (2.0, 0.0, None), (0.5, 3.0, "balanced"))
    ]
    pair = np.minimum(labels, 1)
    fits += [fit(exact, pair, "squared_hinge", 0.5, 1.0, "balanced")]
    folds = []
    for counts in ((7, 4), (3, 12), (5, 5, 6), (100, 17)):
        drawn = random.permutation(np.repeat(np.arange(len(counts)), counts))
        for splits in (2, 3):
            fold = np.empty(len(drawn), int)
            for index, (_, test) in enumerate(StratifiedKFold(splits).split(np.zeros(len(drawn)), drawn)):
                fold[test] = index
            folds.append({"labels": drawn.tolist(), "count": splits, "folds": fold.tolist()})
    precisions = []
    for size, share in ((12, 0.3), (60, 0.1), (200, 0.5)):
        truth = random.random(size) < share
        truth[0] = True
        scores = (random.normal(size=size) + truth).astype(np.float32)
        precisions.append({
            "scores": scores.astype(float).tolist(), "truth": truth.astype(int).tolist(),
            "steps": float(average_precision_score(truth, scores)), "interpolated": interpolated(scores, truth),
        })
    tied = np.round(precisions[2]["scores"], 1).astype(np.float32)
    truth = np.array(precisions[2]["truth"])
    precisions.append({
        "scores": tied.astype(float).tolist(), "truth": truth.tolist(),
        "steps": float(average_precision_score(truth, tied)), "interpolated": None,
    })
    Path(__file__).with_name("svm.json").write_text(json.dumps({
        "dimension": D, "features": exact.ravel().tolist(), "labels": labels.tolist(), "pair": pair.tolist(),
        "fits": fits, "folds": folds, "precisions": precisions,
    }) + "\n")


main()
