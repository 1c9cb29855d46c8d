#!/usr/bin/env python3
"""`detect-cli evaluate` beside the same protocol in plain numpy: alternating, in one run; prints medians.

Usage: Benchmarks/voc_eval.py [DEVKIT [DETECTIONS]] [--set test] [--images N] [--repeats N] [--json FILE]
Needs a build (`make build`) and numpy. Without a devkit: that of DETECT_DATA, else N drawn images.

DETECTIONS holds comp4 files. A class without a file gets detections made here from the ground truth (each object
moved a little, with false ones beside), so that all classes of the devkit are measured. The peer is written in the
usual numpy way: one loop over the detections of a class, array operations over the objects of an image; it has the
annotations in memory, as evaluators that keep a cache of them do, while ours is the whole command, which also starts,
reads the annotations and finds sizes, errors and ten thresholds. Both must agree to 1e-9 or the script fails.
"""
import random
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from benchmark import Row, alternate, arguments, detect, devkit, image_ids, peer, report, results, timed

np = peer("numpy")

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_annotations(devkit, ids):
    truth = {}
    for image in ids:
        objects = {}
        for node in ElementTree.parse(devkit / f"Annotations/{image}.xml").getroot().findall("object"):
            box = [float(node.find(f"bndbox/{corner}").text) for corner in CORNERS]
            objects.setdefault(node.find("name").text, []).append((box, node.find("difficult").text == "1"))
        truth[image] = objects
    return truth


def evaluate_class(path, name, truth, threshold=0.5):
    boxes, difficult, claimed, npos = {}, {}, {}, 0
    for image, objects in truth.items():
        found = objects.get(name, [])
        boxes[image] = np.array([box for box, _ in found], dtype=float).reshape(-1, 4)
        difficult[image] = np.array([flag for _, flag in found], dtype=bool)
        claimed[image] = [False] * len(found)
        npos += int(np.sum(~difficult[image]))
    with open(path) as file:
        lines = [line.split() for line in file]
    scores = np.array([float(line[1]) for line in lines])
    corners = np.array([[float(value) for value in line[2:]] for line in lines]).reshape(-1, 4)
    order = np.argsort(-scores, kind="stable")
    true, false = np.zeros(len(order)), np.zeros(len(order))
    for rank, index in enumerate(order):
        image, box, objects = lines[index][0], corners[index], boxes[lines[index][0]]
        best, overlap = -1, -np.inf
        if len(objects):
            width = np.maximum(np.minimum(objects[:, 2], box[2]) - np.maximum(objects[:, 0], box[0]) + 1, 0)
            height = np.maximum(np.minimum(objects[:, 3], box[3]) - np.maximum(objects[:, 1], box[1]) + 1, 0)
            area = (objects[:, 2] - objects[:, 0] + 1) * (objects[:, 3] - objects[:, 1] + 1)
            overlaps = width * height / ((box[2] - box[0] + 1) * (box[3] - box[1] + 1) + area - width * height)
            best = int(np.argmax(overlaps))
            overlap = overlaps[best]
        if overlap > threshold:
            if difficult[image][best]:
                continue
            if claimed[image][best]:
                false[rank] = 1
            else:
                true[rank], claimed[image][best] = 1, True
        else:
            false[rank] = 1
    true, false = np.cumsum(true), np.cumsum(false)
    recall, precision = true / npos, true / np.maximum(true + false, np.finfo(float).eps)
    return sum(precision[recall >= t].max(initial=0) for t in np.arange(0, 1.1, 0.1)) / 11


def complete(detections, folder, subset, truth):
    """Links the files there are, and makes those that are missing."""
    names = sorted({name for objects in truth.values() for name in objects})
    count = 0
    for name in names:
        target = folder / f"comp4_det_{subset}_{name}.txt"
        source = detections and detections / target.name
        if source and source.exists():
            shutil.copy(source, target)
        else:
            rng = random.Random(name)
            with open(target, "w") as file:
                for image, objects in truth.items():
                    for box, _ in objects.get(name, []):
                        for _ in range(4):
                            moved = [value + rng.gauss(0, 12) for value in box]
                            file.write(f"{image} {rng.random():.6f} " + " ".join(f"{v:.6f}" for v in moved) + "\n")
        count += sum(1 for _ in open(target))
    return names, count


def main():
    parser = arguments(__doc__, repeats=5)
    parser.add_argument("devkit", type=Path, nargs="?")
    parser.add_argument("detections", type=Path, nargs="?")
    parser.add_argument("--set", default="test")
    parser.add_argument("--images", type=int, default=1000, help="drawn images, where there is no devkit")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        kit, what = devkit(options.devkit, scratch, options.images)
        ids = image_ids(kit, options.set)
        truth = read_annotations(kit / "VOC2007", ids)
        (scratch / "results").mkdir()
        names, count = complete(options.detections, scratch / "results", options.set, truth)
        values = {}

        def numpy_way():
            for name in names:
                values[name] = evaluate_class(scratch / f"results/comp4_det_{options.set}_{name}.txt", name, truth)

        def ours():
            detect("evaluate", "--devkit", kit, "--set", options.set, "--detections", scratch / "results", "--json",
                   scratch / "ours.json")

        command, other, start, interpreter = alternate(
            options.repeats, lambda: timed(ours), lambda: timed(numpy_way), lambda: timed(detect, "--version"),
            lambda: timed(subprocess.run, [sys.executable, "-c", "import numpy"]))
        found = results(scratch / "ours.json")["ap"]
    worst = max(abs(found[name] - values[name]) for name in names)
    assert worst < 1e-9, f"the two differ by {worst}"
    report(options, [
        Row(f"VOC evaluation, {len(ids)} images, {count:,} detections", "s", "numpy, annotations in memory", command, other),
        Row("starting the program (--version)", "s", "python3 -c 'import numpy'", start, interpreter),
    ], classes=len(names), worst_difference=worst)
    print(f"{what}; values agree to {worst:.1e}")


if __name__ == "__main__":
    main()
