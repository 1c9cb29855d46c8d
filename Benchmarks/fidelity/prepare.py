#!/usr/bin/env python3
"""Lays out the images of the fidelity comparison: CIFAR-10, the first 1,000 training and 200 test images of each class.

Usage: Benchmarks/fidelity/prepare.py CIFAR OUT     CIFAR: a folder with train/<class>/ and test/<class>/
"""
import sys
from pathlib import Path


def main():
    source, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    for split, count in (("train", 1000), ("test", 200)):
        for folder in sorted((source / split).iterdir()):
            target = out / split / folder.name
            target.mkdir(parents=True, exist_ok=True)
            for image in sorted(folder.iterdir())[:count]:
                link = target / image.name
                if not link.exists():
                    link.symlink_to(image)


if __name__ == "__main__":
    main()
