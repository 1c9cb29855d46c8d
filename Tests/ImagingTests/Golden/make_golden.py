"""Writes the golden values of the imaging tests with Pillow and OpenCV: python3 make_golden.py (needs Pillow, numpy and OpenCV)."""

import base64
import io
import json
import os
import struct
import tempfile
import zlib

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__))


def text(data):
    return base64.b64encode(data).decode()


def picture(width, height, seed):
    """Smooth colours, a hard edge and some noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    image = np.stack([255 * x / width, 255 * y / height, 127 + 120 * np.sin(x / 5 + y / 7)], -1)
    image[height // 3 : height // 2, width // 4 : width // 2] = (250, 20, 40)
    image += random.normal(0, 12, image.shape)
    return Image.fromarray(image.clip(0, 255).astype(np.uint8))


def png(width, height, depth, color_type, rows, extra=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    raw = b"".join(b"\0" + row for row in rows)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )


def encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def record(name, size, pixels, **more):
    return {"name": name, "width": size[0], "height": size[1], "rgb": text(pixels), **more}


def linear_profile():
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def interlaced(image):
    """Adam7 by hand: Pillow does not write it."""
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    raw = b""
    for x, y, dx, dy in [
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
    ]:
        raw += b"".join(b"\0" + row.tobytes() for row in pixels[y::dy, x::dx])

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def orientation():
    """Every EXIF orientation as Pillow turns it, in both byte orders."""
    image = picture(13, 8, 7)
    records = []
    for value in range(1, 9):
        for kind, order in [("JPEG", "<"), ("PNG", ">")]:
            exif = Image.Exif()
            exif.endian = order
            exif[0x010F] = "maker"
            exif[0x0112] = value
            data = encoded(image, kind, exif=exif)
            turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
            records.append(record(f"{kind} {value}", turned.size, turned.tobytes(), file=text(data)))
    return records


def damaged():
    """What OpenCV makes of JPEG files that are cut off; it has nothing for PNG files, of which the rows so far are kept."""
    import cv2

    image = picture(61, 47, 8)
    records = []
    for name, options in [("baseline", {}), ("grey", {}), ("progressive", {"progressive": True})]:
        data = encoded(image.convert("L") if name == "grey" else image, "JPEG", quality=85, **options)
        for part in [0.5, 0.9]:
            cut = data[: int(len(data) * part)]
            with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
                file.write(cut)
                file.flush()
                pixels = cv2.imread(file.name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)[:, :, ::-1]
            records.append(record(f"{name} {part}", image.size, pixels.tobytes(), file=text(cut)))
    data = encoded(image, "PNG")
    return records + [record("png", image.size, image.tobytes(), file=text(data[: len(data) // 2]))]


def decoding():
    image = picture(29, 23, 1)
    alpha = image.convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(image.size))
    wide = np.asarray(picture(9, 7, 2)).astype(np.uint16) * 257
    fine = np.random.default_rng(5).integers(0, 65536, (7, 9, 3), dtype=np.uint16)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    # Chunks about gamma and colours, which change no stored sample.
    gamma = chunk(b"gAMA", struct.pack(">I", 100000))
    cinema = chunk(b"gAMA", struct.pack(">I", 38462))
    primaries = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600))
    profile = chunk(b"iCCP", b"linear\0\0" + zlib.compress(linear_profile()))
    small = [np.asarray(picture(9, 7, 6))[row].tobytes() for row in range(7)]
    files = {
        "png gamma": png(9, 7, 8, 2, small, gamma),
        "png gamma and primaries": png(9, 7, 8, 2, small, cinema + primaries),
        "png profile": png(9, 7, 8, 2, small, profile),
        "png sRGB": png(9, 7, 8, 2, small, chunk(b"sRGB", b"\0")),
        "png grey gamma": png(9, 7, 8, 0, [row[::3] for row in small], gamma),
        "png fine 16 bit": png(9, 7, 16, 2, [row.astype(">u2").tobytes() for row in fine]),
        "png fine 16 bit gamma": png(9, 7, 16, 2, [row.astype(">u2").tobytes() for row in fine], gamma),
        "png interlaced": interlaced(image),
        "jpeg 4:2:0": encoded(image, "JPEG", quality=85, subsampling=2),
        "jpeg 4:4:4": encoded(image, "JPEG", quality=95, subsampling=0),
        "jpeg 4:2:2": encoded(image, "JPEG", quality=75, subsampling=1),
        "jpeg progressive": encoded(image, "JPEG", quality=85, progressive=True),
        "jpeg grey": encoded(image.convert("L"), "JPEG", quality=90),
        "jpeg CMYK": encoded(image.convert("CMYK"), "JPEG", quality=90),
        "jpeg 1x1": encoded(image.crop((3, 3, 4, 4)), "JPEG"),
        "png": encoded(image, "PNG"),
        "png grey": encoded(image.convert("L"), "PNG"),
        "png 1 bit": encoded(image.convert("1"), "PNG"),
        "png alpha": encoded(alpha, "PNG"),
        "png grey alpha": encoded(alpha.convert("LA"), "PNG"),
        "png palette": encoded(image.quantize(16), "PNG"),
        "png palette transparency": encoded(image.quantize(16), "PNG", transparency=3),
        "png 16 bit": png(9, 7, 16, 2, [row.astype(">u2").tobytes() for row in wide]),
        "png 1x1": encoded(image.crop((3, 3, 4, 4)), "PNG"),
    }
    records = []
    for name, data in files.items():
        rgb = Image.open(io.BytesIO(data)).convert("RGB")
        records.append(record(name, rgb.size, rgb.tobytes(), file=text(data)))
    return records


def resampling():
    image = picture(45, 33, 3)
    records = [record("source", image.size, image.tobytes())]
    for size in [(15, 11), (7, 9), (60, 50), (45, 12), (20, 33), (1, 1)]:
        records.append(record("resize", size, image.resize(size, Image.Resampling.BILINEAR).tobytes()))
    # A part on whole pixels is a crop and a resize; one between pixels reads no pixel it does not touch.
    for box in [(5, 4, 35, 29), (10.5, 3.25, 40.75, 30.5)]:
        hull = (int(box[0]), int(box[1]), -int(-box[2] // 1), -int(-box[3] // 1))
        inner = (box[0] - hull[0], box[1] - hull[1], box[2] - hull[0], box[3] - hull[1])
        for size in [(16, 12), (50, 40)]:
            out = image.crop(hull).resize(size, Image.Resampling.BILINEAR, box=inner)
            records.append(record("part", size, out.tobytes(), box=list(map(float, box))))
    return records


def color():
    image = picture(24, 20, 4)

    def hue(shift):
        h, s, v = image.convert("HSV").split()
        turned = ((np.asarray(h).astype(int) + int(shift * 255)) % 256).astype(np.uint8)
        return Image.merge("HSV", (Image.fromarray(turned), s, v)).convert("RGB")

    records = [record("source", image.size, image.tobytes())]
    records.append(record("grey", image.size, image.convert("L").convert("RGB").tobytes(), factor=0.0))
    for factor in [0.0, 0.6, 1.0, 1.4]:
        for name, enhancer in [
            ("brightness", ImageEnhance.Brightness),
            ("contrast", ImageEnhance.Contrast),
            ("saturation", ImageEnhance.Color),
        ]:
            records.append(record(name, image.size, enhancer(image).enhance(factor).tobytes(), factor=factor))
    for shift in [-0.5, -0.13, 0.0, 0.07, 0.4]:
        records.append(record("hue", image.size, hue(shift).tobytes(), factor=shift))
    return records


for name, records in [
    ("decoding", decoding()),
    ("orientation", orientation()),
    ("damaged", damaged()),
    ("resampling", resampling()),
    ("color", color()),
]:
    with open(os.path.join(HERE, name + ".json"), "w") as file:
        json.dump(records, file, indent=1)
        file.write("\n")
