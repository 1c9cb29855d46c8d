#!/usr/bin/env python3
"""`detect-cli proposals` beside OpenCV's selective search on the same images, both in `fast` or both in `quality` mode.

Usage: Benchmarks/proposals.py DEVKIT [--set test] [--images N] [--mode fast|quality] [--processes] [--json FILE]
Needs a build (`make build`), numpy and opencv-contrib-python-headless.

Time: images in two halves, ours and OpenCV's alternating; seconds an image of wall time over all cores, reading and decoding
included (ours is the whole command). OpenCV runs as it is called, image by image with its own threads; with --processes
one process a core with one thread each, which serves it better than its own threads. Recall: the share of objects not
marked difficult that a box covers with an IoU of .5 or .7, and the mean best IoU, of at most 2,000 boxes an image;
OpenCV's in the order it gives.
"""
import argparse
import json
import multiprocessing
import os
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cv2
import numpy as np

CLI = Path(__file__).resolve().parent.parent / ".build/release/detect-cli"
LIMIT = 2000


def search(job):
    path, mode, threads = job
    cv2.setNumThreads(threads)
    image = cv2.imread(str(path))
    method = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    method.setBaseImage(image)
    method.switchToSelectiveSearchFast() if mode == "fast" else method.switchToSelectiveSearchQuality()
    return method.process()[:LIMIT].astype(np.float64)


def overlaps(boxes, truth):
    """Best IoU for each object; boxes x, y, w, h; truth half-open corners."""
    x0, y0, x1, y1 = boxes[:, 0], boxes[:, 1], boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
    best = []
    for a0, b0, a1, b1 in truth:
        common = np.maximum(np.minimum(x1, a1) - np.maximum(x0, a0), 0) * np.maximum(np.minimum(y1, b1) - np.maximum(y0, b0), 0)
        union = boxes[:, 2] * boxes[:, 3] + (a1 - a0) * (b1 - b0) - common
        best.append((common / union).max() if len(boxes) else 0.0)
    return best


def objects(path):
    for node in ElementTree.parse(path).getroot().findall("object"):
        if (node.findtext("difficult") or "0").strip() != "1":
            box = [float(node.findtext(f"bndbox/{name}")) for name in ("xmin", "ymin", "xmax", "ymax")]
            yield box[0] - 1, box[1] - 1, box[2], box[3]


def subset(devkit, ids, folder):
    """A devkit with one image set of these images, linked."""
    root = folder / "VOC2007"
    (root / "ImageSets/Main").mkdir(parents=True, exist_ok=True)
    for name in ("Annotations", "JPEGImages"):
        if not (root / name).exists():
            (root / name).symlink_to(devkit / name, target_is_directory=True)
    (root / "ImageSets/Main/part.txt").write_text("".join(f"{name}\n" for name in ids))
    return folder


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("devkit", type=Path)
    parser.add_argument("--set", default="test")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--mode", choices=["fast", "quality"], default="fast")
    parser.add_argument("--processes", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    devkit = (options.devkit / "VOC2007").resolve()
    ids = (devkit / f"ImageSets/Main/{options.set}.txt").read_text().split()[: options.images]
    cores = len(os.sched_getaffinity(0))
    ours, peer, boxes, best, results = [], [], [], [], []
    with tempfile.TemporaryDirectory() as name, multiprocessing.Pool(cores) as pool:
        folder = Path(name)
        for part in (ids[: len(ids) // 2], ids[len(ids) // 2:]):
            data = subset(devkit, part, folder)
            start = time.perf_counter()
            subprocess.run(
                [str(CLI), "proposals", "--devkit", data, "--set", "part", "--mode", options.mode, "--max", str(LIMIT), "--workers",
                 str(cores), "--out", folder / f"{len(ours)}.proposals", "--json", folder / "result.json"],
                check=True, capture_output=True)
            ours.append(time.perf_counter() - start)
            results.append(json.loads((folder / "result.json").read_text()))
            start = time.perf_counter()
            jobs = [(devkit / f"JPEGImages/{i}.jpg", options.mode, 1 if options.processes else cores) for i in part]
            found = pool.map(search, jobs, chunksize=1) if options.processes else [search(job) for job in jobs]
            peer.append(time.perf_counter() - start)
            for i, rows in zip(part, found):
                boxes.append(len(rows))
                best += overlaps(rows, list(objects(devkit / f"Annotations/{i}.xml")))
    best = np.array(best)
    counts = [result["objects"] for result in results]

    def mean(value):
        return float(np.average([value(result) for result in results], weights=counts))

    rows = {
        "seconds an image": (sum(ours) / len(ids), sum(peer) / len(ids)),
        "boxes an image": (float(np.mean([r["boxes_per_image"] for r in results])), float(np.mean(boxes))),
        "recall at IoU .5": (mean(lambda r: r["recall"]["0.5"]), float((best >= 0.5).mean())),
        "recall at IoU .7": (mean(lambda r: r["recall"]["0.7"]), float((best >= 0.7).mean())),
        "average best overlap": (mean(lambda r: r["average_best_overlap"]), float(best.mean())),
    }
    assert sum(counts) == len(best), "both must count the same objects"
    ratio = rows["seconds an image"][1] / rows["seconds an image"][0]
    print(f"{options.mode} mode, {len(ids)} images, {len(best)} objects, {cores} cores, OpenCV "
          f"{'in processes' if options.processes else 'with its own threads'}: {ratio:.2f} times as fast")
    print(f"{'':24s} {'detect-cli':>11s} {'OpenCV':>9s}")
    for title, (a, b) in rows.items():
        print(f"{title:24s} {a:11.4f} {b:9.4f}")
    if options.json:
        report = {"mode": options.mode, "processes": options.processes, "ratio": ratio, "images": len(ids), "cores": cores, "rows": rows}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


main()
