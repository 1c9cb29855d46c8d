#!/usr/bin/env python3
"""JPEG files to training images of 224 pixels: our loader beside PIL in processes, and beside PyTorch's DataLoader with PIL.

Usage: Benchmarks/images.py [DEVKIT] [--images N] [--side N] [--repeats N] [--json FILE]
Needs a build (`swift build -c release`), numpy, pillow and the torch under .libtorch or LIBTORCH. Without a devkit: that of
DETECT_DATA, else drawn images.

Random resized crop, grayscale, colour jitter with hue, mirroring, as for instance discrimination. Both sides use a worker
a core, started before the clock for PIL; ours starts its threads on the clock. Ours and the DataLoader hand over batches of
32 as bytes; the conversion to normalised float32 tensors is left out on both sides.
"""
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import augment
from benchmark import ROOT, Row, alternate, arguments, devkit, image_ids, peer, report, timed

np = peer("numpy")
torch = peer("torch")
LOADER = ROOT / ".build/release/image-loader"


class Images(torch.utils.data.Dataset):
    def __init__(self, paths, side):
        self.paths, self.side = paths, side

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return augment.training_image(self.paths[index], self.side)


def collate(images):
    return torch.from_numpy(np.stack(images))


def main():
    parser = arguments(__doc__, repeats=5)
    parser.add_argument("devkit", type=Path, nargs="?")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--side", type=int, default=224)
    options = parser.parse_args()
    if not LOADER.exists():
        sys.exit(f"{LOADER} is missing: run `swift build -c release --product image-loader`")
    cores = len(os.sched_getaffinity(0))
    # The workers share the cores; PIL needs no threads of torch.
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name, multiprocessing.Pool(cores, random.seed) as pool:
        folder = Path(name)
        kit, what = devkit(options.devkit, folder, 2 * options.images)
        ids = image_ids(kit, "trainval")[: options.images]
        (folder / "images").mkdir()
        paths = []
        for index in ids:
            paths.append(folder / f"images/{index}.jpg")
            paths[-1].symlink_to((kit / f"VOC2007/JPEGImages/{index}.jpg").resolve())
        loader = torch.utils.data.DataLoader(
            Images(paths, options.side), 32, shuffle=True, num_workers=cores, collate_fn=collate, persistent_workers=True)
        for _ in loader:
            pass

        def ours():
            output = subprocess.run([LOADER, folder / "images", str(options.side), str(cores)], check=True,
                                    capture_output=True, text=True)
            return float(output.stdout)

        def rate(work):
            return lambda: len(paths) / timed(work)

        a, pil, torch_loader = alternate(
            options.repeats, ours,
            rate(lambda: pool.starmap(augment.training_image, [(p, options.side) for p in paths], chunksize=8)),
            rate(lambda: [None for _ in loader]))
    work = f"training images of {options.side} px from {len(ids)} JPEGs"
    report(options, [Row(work, "images/s", f"PIL, {cores} processes", a, pil),
                     Row(work, "images/s", f"PyTorch DataLoader with PIL, {cores} workers", a, torch_loader)])
    print(what)


if __name__ == "__main__":
    main()
