#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Turns labelled pictures into arrays that fettle_accuracy reads, and lists which network wants which, and how.

    prepare.py SHARED OUTPUT

SHARED holds the folders models/ and images/; without one of them the list has the network of examples/glyphs alone. In OUTPUT
come the arrays (8-bit integers, pictures x height x width x channels), the labels (what the network's right output is
called) and list.json. The system's Python runs this, because it is Debian's packages that are used.
"""

import csv
import json
import os
import sys

try:
    import numpy
    from PIL import Image
except ImportError as error:
    sys.exit(f"{error}; run: scripts/bootstrap --with-benchmarks")

GLYPHS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/glyphs")
SIGNED = {"mean": [127.5], "std": [127.5]}  # pixels from -1 to 1
RAW = {"mean": [0], "std": [1]}
IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
CAFFE = {"mean": [104, 117, 123], "std": [1], "bgr": True}

# Networks of SHARED/models: what they see, how pixels become inputs, and the top-1 accuracy in per cent that the folder's
# README gives for each set of pictures. "background" marks those whose output 0 is none of the 1000 classes.
NETWORKS = {
    "mobilenet_v1_0.25_224_bn": ({"imagenet224": 57.6}, SIGNED),
    "mobilenet_v2_0.5_96": ({"imagenet96": 53.4}, SIGNED | {"background": True}),
    "mobilenet_v2_0.75_160": ({"imagenet160": 73.8}, SIGNED | {"background": True}),
    "mobilenet_v2_1.0_224": ({"imagenet224": 89.4}, SIGNED | {"background": True}),
    "mobilenet_v2_0.5_160_uint8_qdq": ({"imagenet160": 66.0}, SIGNED | {"background": True}),
    "mcunet_best_144_int8_qdq": ({"imagenet144": 66.2}, SIGNED),
    "squeezenet1.1": ({"imagenet224": 59.6}, CAFFE),
    "resnet20_cifar10": ({"cifar10_lossless": 91.4, "cifar10_jpegq75": 80.8}, IMAGENET),
    "resnet8_cifar10": ({"cifar10_lossless": 88.8, "cifar10_jpegq75": 75.9}, RAW),
    "resnet8_cifar10_int8_qdq": ({"cifar10_lossless": 88.6, "cifar10_jpegq75": 74.9}, RAW),
    "kws_dscnn": ({"kws12": 90.6}, {"mean": [83], "std": [1 / 0.5847029]}),
    "ppocr_cls_mbv3": ({"textline180": 95.0}, SIGNED | {"bgr": True}),
}


def photographs(folder, size):
    """Colour pictures as squares: bilinear with antialiasing, which is what Pillow does when it makes smaller ones."""
    with open(os.path.join(folder, "labels.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pixels = numpy.empty((len(rows), size, size, 3), numpy.uint8)
    for i, row in enumerate(rows):
        with Image.open(os.path.join(folder, row["file"])) as picture:
            picture = picture.convert("RGB")
            pixels[i] = picture if picture.size == (size, size) else picture.resize((size, size), Image.BILINEAR)
    return pixels, numpy.array([int(row["class_index_1000"]) for row in rows])


def load(images, name):
    """A set of pictures, and its labels from 0 on."""
    def array(*path):
        return numpy.load(os.path.join(images, *path))

    if name.startswith("imagenet"):
        return photographs(os.path.join(images, "imagenet224"), int(name.removeprefix("imagenet")))
    if name.startswith("cifar10_"):
        kind = name.removeprefix("cifar10_")
        return array("cifar10", f"{kind}_u8_nhwc.npy"), array("cifar10", f"{kind}_labels.npy")
    if name == "kws12":
        return array("kws12", "mfcc_i8_49x10.npy")[..., None], array("kws12", "labels.npy")
    return array("textline180", "lines_u8_nhwc.npy"), array("textline180", "labels.npy")


def write(output, name, pixels, labels):
    numpy.save(os.path.join(output, f"{name}.npy"), pixels)
    numpy.save(os.path.join(output, f"{name}_labels.npy"), labels.astype(numpy.uint16))


def entry(model, pictures, output, given, how):
    return {
        "model": model,
        "pictures": os.path.join(output, f"{pictures}.npy"),
        "labels": os.path.join(output, f"{pictures}_labels.npy"),
        "top1_given": given,
        "background": False,
        "bgr": False,
    } | how


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    shared, output = sys.argv[1:]
    os.makedirs(output, exist_ok=True)
    write(output, "glyphs", *(numpy.load(os.path.join(GLYPHS, f"test_{part}.npy")) for part in ("images", "labels")))
    entries = [entry(os.path.join(GLYPHS, "glyphs.onnx"), "glyphs", output, None, SIGNED)]
    there = all(os.path.isdir(os.path.join(shared, folder)) for folder in ("models", "images"))
    written = set()
    for network, (sets, how) in NETWORKS.items() if there else ():
        model = os.path.join(shared, "models", f"{network}.onnx")
        if not os.path.exists(model):
            print(f"left out: {model} is not there", file=sys.stderr)
            continue
        for pictures, given in sets.items():
            if pictures not in written:
                write(output, pictures, *load(os.path.join(shared, "images"), pictures))
                written.add(pictures)
            entries.append(entry(model, pictures, output, given, how))
    with open(os.path.join(output, "list.json"), "w", encoding="utf-8") as file:
        json.dump(entries, file, indent=1)


if __name__ == "__main__":
    main()
