"""Writes evaluator_ap.json: APs of the public YOLOv2 detections on VOC 2007 test, equal scores kept in file order.

Usage: python3 make_golden.py UNPACKED_DATA_FOLDER (needs numpy)

The APs recorded with the detections were made with an unstable sort, so that they differ where equal scores decide
(up to 2e-6 in the area metric). This is the same evaluation, written as plainly as possible, with a stable sort.
`ap_area_least` and `ap_area_most` are what the worst and the best order of equal scores give: any sort lies between.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np

data = pathlib.Path(sys.argv[1])
devkit = data / "full/VOCdevkit/VOC2007"
results = data / "golden/yolo2-voc07test/results"
corners = ("xmin", "ymin", "xmax", "ymax")


def objects(image):
    for node in ElementTree.parse(devkit / f"Annotations/{image}.xml").getroot().findall("object"):
        box = [float(node.find(f"bndbox/{corner}").text) for corner in corners]
        yield node.find("name").text, node.find("difficult").text == "1", box


def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(c[2] - c[0] + 1) * (c[3] - c[1] + 1) for c in (a, b)]
    return width * height / (sum(areas) - width * height)


def average_precisions(recall, precision):
    eleven = 0.0
    for threshold in np.arange(0.0, 1.1, 0.1):
        reached = precision[recall >= threshold]
        eleven += (reached.max() if len(reached) else 0.0) / 11
    recall = np.concatenate(([0.0], recall, [1.0]))
    envelope = np.maximum.accumulate(np.concatenate(([0.0], precision, [0.0]))[::-1])[::-1]
    return float(eleven), float(np.sum((recall[1:] - recall[:-1]) * envelope[1:]))


truth = {image: list(objects(image)) for image in (devkit / "ImageSets/Main/test.txt").read_text().split()}
golden = {}
for file in sorted(results.glob("comp4_det_test_*.txt")):
    name = file.stem.rsplit("_", 1)[1]
    boxes = {image: [(d, b) for n, d, b in found if n == name] for image, found in truth.items()}
    npos = sum(not difficult for found in boxes.values() for difficult, _ in found)
    lines = [line.split() for line in file.read_text().splitlines()]
    lines.sort(key=lambda line: -float(line[1]))
    claimed, true, false = set(), [], []
    for image, _, *box in lines:
        box = [float(value) for value in box]
        overlaps = [iou(box, candidate) for _, candidate in boxes[image]]
        best = int(np.argmax(overlaps)) if overlaps else -1
        matched = best >= 0 and overlaps[best] > 0.5
        ignored = matched and boxes[image][best][0]
        first = matched and not ignored and (image, best) not in claimed
        if first:
            claimed.add((image, best))
        true.append(first)
        false.append(not first and not ignored)
    scores = -np.array([float(line[1]) for line in lines])
    true, false = np.array(true, dtype=int), np.array(false, dtype=int)
    extremes = []
    for order in np.lexsort((true, scores)), np.lexsort((-true, scores)):
        found, wrong = np.cumsum(true[order]), np.cumsum(false[order])
        extremes.append(average_precisions(found / npos, found / np.maximum(found + wrong, 1))[1])
    true, false = np.cumsum(true), np.cumsum(false)
    ap11, area = average_precisions(true / npos, true / np.maximum(true + false, np.finfo(float).eps))
    golden[name] = {
        "ap11": ap11, "ap_area": area, "ap_area_least": extremes[0], "ap_area_most": extremes[1], "npos": npos,
        "detections": len(lines),
    }

target = pathlib.Path(__file__).parent / "evaluator_ap.json"
target.write_text(json.dumps(golden, indent=1) + "\n")
