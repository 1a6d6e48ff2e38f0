#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the glyph network on what render.py drew, and exports it.

    train.py DIRECTORY [--epochs 4] [--output .]

reads the arrays in DIRECTORY, leaves weights.pt there, and writes into the output folder: glyphs.onnx,
labels.txt, test_images.npy, test_labels.npy (the pictures named sample_* in DIRECTORY) and
reference_scores.npy (what PyTorch answers for those). The test pictures are looked at after the last step;
nothing is chosen by them.
"""

import argparse
import os
import sys
import time

# Threads that spin while they wait starve each other on a busy machine: twenty times slower was seen.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as error:
    sys.exit(f"{error}; run: apt-get install python3-torch python3-numpy, and use /usr/bin/python3")

from network import CLASS_COUNT, GlyphNet
from render import CLASSES

BATCH = 128
PEAK_RATE = 6e-3
WEIGHT_DECAY = 0.02
LABEL_SMOOTHING = 0.05
LOOK_ALIKES = {"O": "0", "I": "1", "L": "1"}  # many fonts draw some form of these the same way
PIXEL_MEAN = PIXEL_STD = 127.5


def load(directory, name):
    return tuple(np.load(os.path.join(directory, f"{name}_{what}.npy")) for what in ("images", "labels"))


def to_input(images):
    """uint8 NHWC to what the network takes: float NCHW in channels_last memory, normalised."""
    pixels = (images.astype(np.float32) - PIXEL_MEAN) / PIXEL_STD
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def scores_of(model, images):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(to_input(images[i : i + 500])) for i in range(0, len(images), 500)]).numpy()


def train(model, images, labels, epochs, seed):
    steps = epochs * (len(labels) // BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=steps, pct_start=0.2)
    targets = torch.from_numpy(labels.astype(np.int64))
    rng = np.random.default_rng(seed)
    step, since, total = 0, time.time(), 0.0
    for epoch in range(epochs):
        model.train()
        order = rng.permutation(len(labels))
        for start in range(0, len(labels) - BATCH + 1, BATCH):
            chosen = np.sort(order[start : start + BATCH])
            optimiser.zero_grad(set_to_none=True)
            scores = model(to_input(images[chosen]))
            loss = F.cross_entropy(scores, targets[chosen], label_smoothing=LABEL_SMOOTHING)
            loss.backward()
            optimiser.step()
            schedule.step()
            step, total = step + 1, total + loss.item()
            if step % 200 == 0:
                mean, took = total / 200, time.time() - since
                print(f"epoch {epoch + 1} step {step}/{steps} loss {mean:.4f} {took:.0f} s", flush=True)
                total = 0.0


def export(model, path):
    """ONNX opset 13 with BatchNormalization left in place, as a framework's user would hand it over."""
    model.eval()
    example = torch.zeros(1, 3, 32, 32)
    torch.onnx.export(
        model,
        example,
        path,
        opset_version=13,
        input_names=["image"],
        output_names=["scores"],
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )


def report(name, scores, labels):
    answers = scores.argmax(1)
    print(f"{name}: {len(labels)} pictures, accuracy {100 * np.mean(answers == labels):.2f} %")
    lenient = np.array([ord(LOOK_ALIKES.get(c, c)) for c in CLASSES])
    same = np.mean(lenient[answers] == lenient[labels])
    print(f"  with 0 and O, and 1, I and L, taken for the same: {100 * same:.2f} %")
    wrong = np.zeros((CLASS_COUNT, CLASS_COUNT), int)
    np.add.at(wrong, (labels, answers), answers != labels)
    pairs = sorted(((wrong[i, j] + wrong[j, i], CLASSES[i] + CLASSES[j])
                    for i in range(CLASS_COUNT) for j in range(i)), reverse=True)[:8]
    listed = ", ".join(f"{pair[0]}/{pair[1]} {count}" for count, pair in pairs if count)
    print(f"  confused most often: {listed}")


def main():
    parser = argparse.ArgumentParser(description="Trains and exports the glyph network.")
    parser.add_argument("directory")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--output", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--export-only", action="store_true", help="use weights.pt of an earlier run")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    model = GlyphNet().to(memory_format=torch.channels_last)
    weights = os.path.join(options.directory, "weights.pt")
    if options.export_only:
        model.load_state_dict(torch.load(weights))
    else:
        train(model, *load(options.directory, "train"), options.epochs, options.seed)
        torch.save(model.state_dict(), weights)

    images, labels = load(options.directory, "test")
    report("unseen fonts", scores_of(model, images), labels)
    images, labels = load(options.directory, "sample")
    scores = scores_of(model, images)
    report("committed pictures", scores, labels)

    def place(name):
        return os.path.join(options.output, name)

    np.save(place("test_images.npy"), images)
    np.save(place("test_labels.npy"), labels)
    np.save(place("reference_scores.npy"), scores)
    with open(place("labels.txt"), "w", encoding="utf-8") as file:
        file.writelines(f"{c}\n" for c in CLASSES)
    export(model.to(memory_format=torch.contiguous_format), place("glyphs.onnx"))
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{parameters} parameters, glyphs.onnx {os.path.getsize(place('glyphs.onnx'))} bytes")


if __name__ == "__main__":
    main()
