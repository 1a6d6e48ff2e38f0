#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions per multiply-accumulate of whole layers, by kernel, as qemu executes them, as Markdown tables: of
f32, and of 8 bits.

    cmake --preset aarch64-qemu -DFETTLE_BUILD_BENCHMARKS=ON
    cmake --build --preset aarch64-qemu --target fettle_arm_layers
    benchmarks/arm/instructions.py build/aarch64-qemu

Needs qemu-user 7.2 or newer with plugins, and a compiler for this machine. An instruction is not a cycle: the table says
how much work surrounds the multiplications, of which one of four lanes counts 0.25. Winograd's are divided by the
multiply-accumulates of the plain sum.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
# What runs the emulated program, where its libraries are, and the number of getppid.
MACHINES = {"aarch64": ("qemu-aarch64", "/usr/aarch64-linux-gnu", 173),
            "arm": ("qemu-arm", "/usr/arm-linux-gnueabihf", 64)}
COLUMNS = (("`conv.indirect`", r"^conv\.indirect\.f32\.neon$"), ("`conv.padded_rows`", r"^conv\.padded_rows\.f32\.neon$"),
           ("`conv.planar_pixels`", r"^conv\.planar_pixels\.f32\.neon$"),
           ("`conv.winograd_f2`", r"^conv\.winograd_f2\.f32\.neon$"), ("`_f4`", r"^conv\.winograd_f4\.f32\.neon$"),
           ("`_f5`", r"^conv\.winograd_f5\.f32\.neon$"), ("`_f6`", r"^conv\.winograd_f6\.f32\.neon$"),
           ("`dwconv.direct`", r"^dwconv\.direct\.f32\.neon$"), ("XNNPACK", r"\.xnnpack$"))
COLUMNS_Q8 = (("`conv.indirect`, dot products", r"^conv\.indirect\.q8\.neondot$"), ("without", r"^conv\.indirect\.q8\.neon$"),
              ("`dwconv.direct`, dot products", r"^dwconv\.direct\.q8\.neondot$"),
              ("without", r"^dwconv\.direct\.q8\.neon$"), ("XNNPACK", r"\.xnnpack$"))


def counts(command):
    """{layer: {kernel: instructions per multiply-accumulate}}, the fewest where a kernel has several layouts."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    found, executed = collections.defaultdict(dict), []
    for line in done.stdout.splitlines():
        if match := re.match(r"^executed (\d+)$", line):
            executed.append(int(match[1]))
        elif match := re.match(r"^(.+); (\S+); (\d+)$", line):
            share = (executed[-1] - executed[-2]) / int(match[3])
            found[match[1]][match[2]] = min(share, found[match[1]].get(match[2], share))
    return found


def print_table(found, columns, digits):
    print("| layer |", " | ".join(title for title, _ in columns), "|\n|---|" + "---|" * len(columns))
    for layer, kernels in found.items():
        cells = []
        for _, pattern in columns:
            shares = [share for kernel, share in kernels.items() if re.search(pattern, kernel)]
            cells.append(f"{min(shares):.{digits}f}" if shares else "")
        print(f"| {layer} |", " | ".join(cells), "|")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path, help="build folder for Arm")
    parser.add_argument("--machine", choices=MACHINES, default="aarch64")
    parser.add_argument("--cpu", default="max", help="as qemu names it, for instance cortex-a72")
    parser.add_argument("--cc", default="cc", help="compiler for this machine")
    arguments = parser.parse_args()
    qemu, root, mark = MACHINES[arguments.machine]
    with tempfile.TemporaryDirectory() as folder:
        plugin = f"{folder}/count_instructions.so"
        subprocess.run([arguments.cc, "-O2", "-shared", "-fPIC", "-o", plugin, HERE / "count_instructions.c"], check=True)
        found = counts([qemu, "-cpu", arguments.cpu, "-L", root, "-plugin", f"{plugin},mark={mark}",
                        arguments.build / "benchmarks/fettle_arm_layers"])
    in_bytes = {layer: kernels for layer, kernels in found.items() if layer.startswith("8 bits")}
    print_table({layer: kernels for layer, kernels in found.items() if layer not in in_bytes}, COLUMNS, 2)
    print()
    print_table(in_bytes, COLUMNS_Q8, 3)


if __name__ == "__main__":
    main()
