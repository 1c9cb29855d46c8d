#!/usr/bin/env python3
"""`detect-cli proposals` beside OpenCV's selective search (`fast` and, with --quality, `quality`) on the same images.

Usage: Benchmarks/proposals.py [DEVKIT] [--set test] [--images N] [--quality] [--repeats N] [--json FILE]
Needs a build (`make build`), numpy and opencv-contrib-python-headless. Without a devkit: that of DETECT_DATA, else drawn
images.

Seconds an image of wall time over all cores, reading and decoding included; ours is the whole command. OpenCV runs twice:
as it is called, image by image with its own threads, and in one process a core with one thread each, which serves it
better. Recall: the share of objects not marked difficult that a box covers with an IoU of .5 or .7, and the mean best IoU,
of at most 2,000 boxes an image; OpenCV's in the order it gives.
"""
import multiprocessing
import os
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from benchmark import Row, alternate, arguments, detect, devkit, image_ids, peer, report, results, timed

np = peer("numpy")
cv2 = peer("cv2", "opencv-contrib-python-headless")

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
    parser = arguments(__doc__, repeats=2)
    parser.add_argument("devkit", type=Path, nargs="?")
    parser.add_argument("--set", default="test")
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--quality", action="store_true")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    rows, quality = [], {}
    with tempfile.TemporaryDirectory() as name, multiprocessing.Pool(cores) as pool:
        folder = Path(name)
        kit, what = devkit(options.devkit, folder, 3 * options.images)
        root = (kit / "VOC2007").resolve()
        ids = image_ids(kit, options.set)[: options.images]
        data = subset(root, ids, folder / "part")
        truth = [list(objects(root / f"Annotations/{i}.xml")) for i in ids]
        for mode in ["fast"] + (["quality"] if options.quality else []):
            found = []

            def ours():
                (folder / "ours.proposals").unlink(missing_ok=True)
                detect("proposals", "--devkit", data, "--set", "part", "--mode", mode, "--max", LIMIT, "--workers", cores,
                       "--out", folder / "ours.proposals", "--json", folder / "result.json")

            def own_threads():
                found[:] = [search((root / f"JPEGImages/{i}.jpg", mode, cores)) for i in ids]

            def processes():
                pool.map(search, [(root / f"JPEGImages/{i}.jpg", mode, 1) for i in ids], chunksize=1)

            def per_image(work):
                return lambda: timed(work) / len(ids)

            times = alternate(options.repeats, per_image(ours), per_image(own_threads), per_image(processes))
            result = results(folder / "result.json")
            best = np.array([value for boxes, objects in zip(found, truth) for value in overlaps(boxes, objects)])
            assert result["objects"] == len(best), "both must count the same objects"
            work = f"selective search, {mode}, an image of {len(ids)}"
            rows += [Row(work, "s", "OpenCV, its own threads", times[0], times[1]),
                     Row(work, "s", "OpenCV, a process a core", times[0], times[2])]
            quality[mode] = {
                "boxes an image": (result["boxes_per_image"], float(np.mean([len(boxes) for boxes in found]))),
                "recall at IoU .5": (result["recall"]["0.5"], float((best >= 0.5).mean())),
                "recall at IoU .7": (result["recall"]["0.7"], float((best >= 0.7).mean())),
                "average best overlap": (result["average_best_overlap"], float(best.mean())),
            }
    report(options, rows, quality=quality)
    for mode, values in quality.items():
        for title, (a, b) in values.items():
            print(f"{mode}, {title:22s} ours {a:9.4f}  OpenCV {b:9.4f}")
    print(what)


if __name__ == "__main__":
    main()
