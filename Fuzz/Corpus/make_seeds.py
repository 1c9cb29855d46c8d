"""Writes the seeds of fuzzing: small sound files of every format, and typical attacks.

Usage: python3 make_seeds.py (needs numpy, Pillow and scipy). What fuzzing has found stands beside them under other names.
"""
import io
import json
import pathlib
import struct
import tarfile
import zipfile

import numpy as np
import scipy.io
from PIL import Image

here = pathlib.Path(__file__).parent


def write(target, name, data):
    folder = here / target
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40.5</ymax></bndbox>"
dog = f"<object><name>dog</name><pose>Left</pose><truncated>1</truncated><difficult>0</difficult>{box}</object>"
size = "<size><width>50</width><height>40</height><depth>3</depth></size>"
write("annotation", "sound.xml", f"<annotation><folder>VOC2007</folder><filename>1.jpg</filename>{size}{dog}"
      f"<object><name>cat &amp; co</name>{box.replace('30', '-3e2')}<part><name>head</name>{box}</part></object></annotation>")
write("annotation", "bomb.xml", '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>'
      "<annotation><filename>&b;</filename></annotation>")
write("annotation", "external.xml", '<!DOCTYPE a SYSTEM "file:///dev/null"><annotation/>')
write("annotation", "latin1.xml", b'<?xml version="1.0" encoding="ISO-8859-1"?><annotation><filename>\xe9.jpg</filename></annotation>')
write("annotation", "utf16.xml", f"<annotation>{dog}</annotation>".encode("utf-16"))
write("annotation", "path.xml", "<annotation><filename>../../etc/passwd</filename></annotation>")
write("annotation", "cdata.xml", "<annotation><filename><![CDATA[a]]>b.jpg</filename><!-- c --><?p q?></annotation>")
write("annotation", "bom.xml", f"\ufeff<?xml version='1.0' encoding='utf-8'?><annotation>{dog}</annotation>")
write("annotation", "utf16be.xml", b"\xfe\xff" + f"<annotation>{dog}</annotation>".encode("utf-16-be"))
write("annotation", "mislabelled.xml", f' <?xml version="1.0" encoding="utf-16"?><annotation>{dog}</annotation>')
write("annotation", "gbk.xml", f'<?xml version="1.0" encoding="GBK"?><annotation>{dog.replace("dog", "汽车")}</annotation>'.encode("gbk"))
write("annotation", "fields.xml", "<annotation><filename>C:\\a\\b..jpg</filename><path>\u00e9</path><size><width>x</width>"
      "<depth>Unspecified</depth></size><object><name>car</name><truncated>0.06</truncated><occluded>2</occluded>"
      f"<attributes><attribute><name>a</name></attribute></attributes><polygon><x1>1</x1></polygon>{box}</object></annotation>".encode("latin-1"))
write("image-set", "plain.txt", "000001\n2008_000002\r\n\n a \n")
write("image-set", "labels.txt", "000001 -1\n000002  1\n000003  0\n")
write("image-set", "path.txt", "../000001\n/etc/passwd 1\n..\\x\n")
write("image-set", "blanks.txt", '\ufeffphoto 1\r\n"photo (2)" 1\nsub/c.jpg\rC:\\d.jpg\n\xe9\n'.encode("latin-1", "replace"))
write("text", "marks.txt", "\ufeffa b\r\n\rc\t\n\u00e9")
write("text", "utf16.txt", "a\r\nb\u00e9\n".encode("utf-16"))
write("text", "utf32.txt", "a\nb\n".encode("utf-32"))
write("text", "latin1.txt", b"caf\xe9\nna\xefve\xc3\xa9\n")
write("image-list", "plain.txt", "# two images\nim/a.jpg\nim/b c.png\r\n")
write("image-list", "labels.txt", " im/a.jpg 0 \nim/b.jpg\t12\n")
write("image-list", "names.txt", b"a.jpg dog\ncaf\xe9.jpg cat\n")


def archive(format, members):
    """A tar archive of files, links ("name -> target", "name => target" for hard ones) and folders ("name/")."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for member in members:
            name, arrow, target = member.partition(" -> " if " -> " in member else " => ")
            info = tarfile.TarInfo(name.rstrip("/"))
            info.linkname = target
            info.type = {" -> ": tarfile.SYMTYPE, " => ": tarfile.LNKTYPE}.get(
                arrow, tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE)
            info.size = 3 if info.isreg() else 0
            tar.addfile(info, io.BytesIO(b"xyz"))
    # Two blocks of zeros are an end; the padding of tarfile would only make seeds long.
    return buffer.getvalue().rstrip(b"\0").ljust(-(-len(buffer.getvalue().rstrip(b"\0")) // 512) * 512 + 1024, b"\0")


write("tar", "classes.tar", archive(tarfile.USTAR_FORMAT, ["./", "./cat/", "./cat/1.jpg", "./cat/2.PNG", "./dog/1.jpg", "./notes.txt"]))
write("tar", "gnu.tar", archive(tarfile.GNU_FORMAT, ["a/" + "n" * 120 + ".jpg", "a/link.jpg -> " + "n" * 120 + ".jpg"]))
write("tar", "pax.tar", archive(tarfile.PAX_FORMAT, ["a/é" + "n" * 120 + ".jpg", "a/._1.jpg"]))
write("tar", "links.tar", archive(tarfile.USTAR_FORMAT, ["1.jpg", "2.jpg -> 1.jpg", "3.jpg => 1.jpg", "4.jpg -> 5.jpg", "5.jpg -> 4.jpg", "6.jpg -> ../1.jpg", "1.jpg"]))
write("tar", "outside.tar", archive(tarfile.USTAR_FORMAT, ["../1.jpg"]))
write("detections", "blanks.txt", "\ufeffa b 0.5 1 1 2 2\r\n000001 0.5 1 1 2 2\r")
write("detections", "sound.txt", "000001 0.922 65.7 137.4 357.4 347.1\n000002 1e-3 -4 +5 .5 1234567890123456789\n9 0.5 1 1 2 2\n")
write("detections", "bad.txt", "000001 nan 1 1 2 2\n000001 0x1p3 1 inf 2\n")
write("detections", "ties.txt", "a 0.5 1 1 9 9\na 0.5 1 1 9 9\na 0.5 2 2 9 9\n000001 1 5 5 1 1\n")
pixels = np.arange(12 * 10 * 3, dtype=np.uint8).reshape(10, 12, 3)
for name, image, options in [
    ("rgb.jpg", Image.fromarray(pixels), {}), ("progressive.jpg", Image.fromarray(pixels), {"progressive": True}),
    ("grey.jpg", Image.fromarray(pixels[:, :, 0]), {}), ("cmyk.jpg", Image.fromarray(pixels).convert("CMYK"), {}),
    ("rgb.png", Image.fromarray(pixels), {}), ("palette.png", Image.fromarray(pixels).convert("P"), {}),
    ("grey16.png", Image.fromarray(pixels[:, :, 0].astype(np.uint16)), {}),
    ("alpha.png", Image.fromarray(pixels).convert("RGBA"), {}),
]:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG" if name.endswith("jpg") else "PNG", **options)
    write("image", name, buffer.getvalue())
exif = Image.Exif()
exif[0x010F] = "maker"
exif[0x0112] = 6
for name in ["exif.jpg", "exif.png"]:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG" if name.endswith("jpg") else "PNG", exif=exif)
    write("image", name, buffer.getvalue())
    write("image", name.replace("exif", "cut"), buffer.getvalue()[:-60])
header = json.dumps({
    "__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
    "b": {"dtype": "I64", "shape": [], "data_offsets": [8, 16]}, "c": {"dtype": "U8", "shape": [0], "data_offsets": [16, 16]},
}).encode()
write("safetensors", "sound.safetensors", struct.pack("<Q", len(header)) + header + bytes(range(16)))
header = b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}'
write("safetensors", "overflow.safetensors", struct.pack("<Q", len(header)) + header + bytes(8))
write("safetensors", "huge.safetensors", struct.pack("<Q", 2**63) + b"{}")


def proposals(images, counts, boxes):
    text = json.dumps({"method": "m", "options": {}, "seed": "0", "images": images, "counts": counts}).encode()
    data = b"DETPROPS" + struct.pack("<IQ", 1, len(text)) + text + np.array(boxes, dtype="<f4").tobytes()
    checksum = 0xCBF29CE484222325
    for byte in data:
        checksum = (checksum ^ byte) * 0x100000001B3 % 2**64
    return data + struct.pack("<Q", checksum)


write("proposals", "sound.bin", proposals(["a", "b"], [2, 1], [[0, 0, 1, 1], [2, 2, 5, 5.5], [1, 1, 9, 9]]))
write("proposals", "empty.bin", proposals([], [], []))
write("proposals", "inverted.bin", proposals(["a"], [1], [[5, 0, 1, 1]]))
boxes = np.empty((1, 2), dtype=object)
boxes[0, 0], boxes[0, 1] = np.array([[1, 2, 30, 40]], dtype=np.uint16), np.zeros((0, 4))
for name, variables, compress in [
    ("cells.mat", {"boxes": boxes}, False), ("compressed.mat", {"boxes": boxes, "images": np.array(["a", "b"], dtype=object)}, True),
    ("matrix.mat", {"boxes": np.array([[1.5, 2, 3, 4]]), "s": {"x": 1}}, False),
]:
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, variables, do_compression=compress)
    write("matlab", name, b"MATLAB 5.0 MAT-file".ljust(116) + buffer.getvalue()[116:])
write("box-text", "blanks.txt", "000001 1 2 30 40\n000001\t5 6.5 7e1 80\r\n\nb 1 1 1 1\n")
write("box-text", "commas.txt", "a,1,2,3,4\n")


def unchecked(data):
    """A zip archive without checksums, so that damage to its entries is not refused for that alone."""
    data = bytearray(data)
    position = data.find(b"PK\1\2")
    while position >= 0:
        data[position + 16:position + 20] = bytes(4)
        position = data.find(b"PK\1\2", position + 4)
    return bytes(data)


golden = here.parent.parent / "Tests/BackboneTests/Golden/pth"
for name in ["types", "views", "checkpoint2", "moco", "evil", "lemniscate", "extras", "network"]:
    write("torch", f"{name}.pth", unchecked((golden / f"{name}.pth").read_bytes()))
# The format before PyTorch 1.6 has no checksums.
for name in ["types", "views", "moco4", "lemniscate", "network"]:
    write("torch", f"legacy-{name}.pth", (golden / f"legacy-{name}.pth").read_bytes())
write("torch", "page.pth", "<!DOCTYPE html><html><body>Sign in</body></html>")
for name in ["checkpoint2", "checkpoint4", "views", "extras", "network"]:
    with zipfile.ZipFile(golden / f"{name}.pth") as archive:
        write("pickle", f"{name}.pkl", archive.read(f"{name}/data.pkl"))
buffer = io.BytesIO()
with zipfile.ZipFile(golden / "views.pth") as archive, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
    for entry in archive.namelist():
        packed.writestr(entry, archive.read(entry))
write("torch", "deflated.pth", buffer.getvalue())
write("pickle", "reduce.pkl", b"\x80\2cos\nsystem\n(U\4truetR.")
write("pickle", "stack-global.pkl", b"\x80\4\x8c\x08builtins\x8c\4eval\x93).")
write("pickle", "build.pkl", b"\x80\2cargparse\nNamespace\n)\x81}U\x0c__setstate__Nsb.")
write("pickle", "cycle.pkl", b"\x80\2]q\0h\0a.")
write("pickle", "long.pkl", b"\x80\4\x8d" + struct.pack("<Q", 2**62))
