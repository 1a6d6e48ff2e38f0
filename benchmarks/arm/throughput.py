#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast LLVM's models of Arm cores would run the innermost loops of the tiles (llvm-mca 19, Debian's llvm-19).

    cmake --preset aarch64-qemu && cmake --build --preset aarch64-qemu --target fettle_kernels_neon
    benchmarks/arm/throughput.py build/aarch64-qemu

A share of 100 % is one multiply-add of four lanes in every slot that the core has for it. The models know issue slots,
latencies and ports, not caches, and are good for cores that reorder; they say nothing of a Cortex-A53 or A55.
"""

import argparse
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests/kernels"))
import check_assembly as assembly  # noqa: E402

# Multiply-adds of 128 bits that start in a cycle, after Arm's software optimisation guides.
CORES = {"cortex-a57": 1, "cortex-a72": 1, "neoverse-n1": 2, "neoverse-v1": 4}
OBJECT = "kernels/neon/CMakeFiles/fettle_kernels_neon.dir/tile_neon.cc.o"
ITERATIONS = 200


def cycles(mca, core, loop):
    """Cycles of one round of the loop, in the steady state."""
    lines = [re.sub(r"<[^>]*>|//.*", "", re.sub(r"^(b\.\w+)\s.*", r"\1 .Lloop", text)) for text in loop]
    done = subprocess.run([mca, "-march=aarch64", f"-mcpu={core}", f"-iterations={ITERATIONS}"],
                          input=".Lloop:\n" + "\n".join(lines), capture_output=True, text=True, check=True)
    return int(re.search(r"Total Cycles:\s+(\d+)", done.stdout)[1]) / ITERATIONS


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path, help="build folder for aarch64")
    parser.add_argument("--mca", default="llvm-mca-19")
    parser.add_argument("--objdump", default="aarch64-linux-gnu-objdump")
    arguments = parser.parse_args()
    how = assembly.ARCHITECTURES["aarch64"]
    rows = []
    for name, body in assembly.functions(arguments.objdump, str(arguments.build / OBJECT)):
        if not (match := assembly.TILE.search(name)):
            continue
        height, width = int(match[1]), int(match[2])
        multiplies = height * width * how["round"]
        loop = next(l for l in assembly.innermost_loops(body, how) if assembly.count(l, how["multiply"]) == multiplies)
        shares = [multiplies / slots / cycles(arguments.mca, core, loop) for core, slots in CORES.items()]
        rows.append((width, height, shares))
    print("| tile |", " | ".join(CORES), "|\n|---|" + "---|" * len(CORES))
    for width, height, shares in sorted(rows):
        print(f"| {height} x {width * 4} |", " | ".join(f"{100 * share:.0f} %" for share in shares), "|")


if __name__ == "__main__":
    main()
