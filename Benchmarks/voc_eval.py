#!/usr/bin/env python3
"""Times detect-cli's evaluator beside the same protocol in plain numpy, over whole commands and over the work alone.

Usage: Benchmarks/voc_eval.py DEVKIT DETECTIONS [--set test] [--repeats N] [--json FILE]   (needs numpy and a build)

DETECTIONS holds comp4 files. A class without a file gets detections made here from the ground truth (each object
moved a little, with false ones beside), so that all classes of the devkit are measured. The peer is written in the
usual numpy way: one loop over the detections of a class, array operations over the objects of an image; it has the
annotations in memory, as evaluators that keep a cache of them do. Both must agree to 1e-9 or the script fails.
"""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

CLI = Path(__file__).resolve().parent.parent / ".build/release/detect-cli"
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
        source = detections / target.name
        if source.exists():
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
    parser = argparse.ArgumentParser()
    parser.add_argument("devkit", type=Path)
    parser.add_argument("detections", type=Path)
    parser.add_argument("--set", default="test")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    year = options.devkit / "VOC2007"
    ids = (year / f"ImageSets/Main/{options.set}.txt").read_text().split()
    start = time.perf_counter()
    truth = read_annotations(year, ids)
    reading = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        (scratch / "results").mkdir()
        names, count = complete(options.detections, scratch / "results", options.set, truth)
        times = {"numpy": [], "command": [], "start": []}
        for _ in range(options.repeats):
            start = time.perf_counter()
            peer = {n: evaluate_class(scratch / f"results/comp4_det_{options.set}_{n}.txt", n, truth) for n in names}
            times["numpy"].append(time.perf_counter() - start)
            command = [CLI, "evaluate", "--devkit", options.devkit, "--set", options.set, "--detections",
                       scratch / "results", "--json", scratch / "ours.json"]
            start = time.perf_counter()
            subprocess.run([str(part) for part in command], check=True, capture_output=True)
            times["command"].append(time.perf_counter() - start)
            start = time.perf_counter()
            subprocess.run([str(CLI), "--version"], check=True, capture_output=True)
            times["start"].append(time.perf_counter() - start)
        ours = json.loads((scratch / "ours.json").read_text())["ap"]
    worst = max(abs(ours[name] - peer[name]) for name in names)
    assert worst < 1e-9, f"the two differ by {worst}"
    numpy, command, start = (statistics.median(times[key]) for key in ("numpy", "command", "start"))
    print(f"{len(ids)} images, {len(names)} classes, {count} detections; values agree to {worst:.1e}")
    print(f"numpy, annotations in memory     {numpy:7.3f} s   (reading them took {reading:.3f} s)")
    print(f"detect-cli evaluate, all of it   {command:7.3f} s")
    print(f"  of which starting the program  {start:7.3f} s   (detect-cli --version: loading libtorch)")
    print(f"  of which reading and evaluating{command - start:7.3f} s   {numpy / (command - start):.1f}x the peer")
    print(f"medians of {options.repeats} alternating runs; detect-cli also reads the annotations and finds sizes, errors, 10 thresholds")
    if options.json:
        result = {"images": len(ids), "classes": len(names), "detections": count, "seconds": times,
                  "reading_annotations": reading, "worst_difference": worst, "cpus": os.cpu_count()}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


main()
