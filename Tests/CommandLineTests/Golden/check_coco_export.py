"""Checks `detect-cli voc export-coco` with pycocotools: the boxes, what is ignored, and the average precision.

Usage: python3 check_coco_export.py DETECT_CLI   (needs pycocotools)

Draws a devkit, exports it with detections that are the objects themselves, and holds every box against the XML. COCO's
evaluator must then find every object and leave the difficult ones out.
"""
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def detect(*arguments):
            subprocess.run([sys.argv[1], *map(str, arguments)], check=True, capture_output=True)

        detect("synthesize", "--out", folder, "--images", 30, "--width", 120, "--height", 96)
        year = folder / "VOC2007"
        ids = (year / "ImageSets/Main/test.txt").read_text().split()
        objects, files = [], {}
        for image in ids:
            for node in ElementTree.parse(year / f"Annotations/{image}.xml").getroot().findall("object"):
                box = [int(node.find(f"bndbox/{corner}").text) for corner in CORNERS]
                objects.append((int(image), node.find("name").text, box, int(node.find("difficult").text)))
                files.setdefault(node.find("name").text, []).append((image, *box))
        (folder / "found").mkdir()
        for label, lines in files.items():
            text = "".join(f"{image} 0.9 {a} {b} {c} {d}\n" for image, a, b, c, d in lines)
            (folder / f"found/comp4_det_test_{label}.txt").write_text(text)
        detect("voc", "export-coco", "--devkit", folder, "--set", "test", "--out", folder / "truth.json",
               "--detections", folder / "found", "--results", folder / "results.json")

        truth = COCO(str(folder / "truth.json"))
        names = {category["id"]: category["name"] for category in truth.loadCats(truth.getCatIds())}
        exported = [
            (a["image_id"], names[a["category_id"]],
             [a["bbox"][0] + 1, a["bbox"][1] + 1, a["bbox"][0] + a["bbox"][2], a["bbox"][1] + a["bbox"][3]], a["iscrowd"])
            for a in truth.loadAnns(truth.getAnnIds())
        ]
        assert sorted(exported) == sorted(objects), "the boxes differ from the XML"
        assert any(difficult for *_, difficult in objects), "no difficult object to check"
        results = truth.loadRes(str(folder / "results.json"))
        assert len(results.getAnnIds()) == len(objects)
        evaluation = COCOeval(truth, results, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        assert abs(evaluation.stats[0] - 1) < 1e-12, evaluation.stats
        print(f"{len(objects)} objects agree")


main()
