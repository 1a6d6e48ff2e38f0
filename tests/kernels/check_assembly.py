#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the machine code of the innermost loops and counts what is in them.

A compiler that runs out of registers keeps sums on the stack, and a tile takes several times as long, with the right
results. For each tile of R rows and V vectors this looks at the loop that multiplies: it has the multiply-adds that the
tile needs and no others, no more loads than rows and weights need, no store, and on Arm nothing of the stack; on x86,
where the pointers of 14 rows do not fit into 16 registers, no vector of it. In tiles for in-order cores, loads
stand between multiply-adds. Where there are 32 vector registers, depthwise convolutions with windows of 3 columns hold what
they multiply in them, too: no vector goes to the stack. Files with flags of their own hold no weak symbols: the linker
may keep their copy of an inline function for the whole program.
"""

import argparse
import re
import subprocess
import sys

ARCHITECTURES = {
    # instruction of the loop: multiply-add, load of a vector or broadcast, how a branch looks, channels of one round;
    # for in-order cores: what goes beside a multiply-add, and rows of which tiles have room for all of them
    "x86": {
        "multiply": r"^vfmadd", "load": r"^v(movups|movaps|broadcastss)\s+[^%]*\(%", "branch": r"^j(?!mp)\w+\s+([0-9a-f]+)",
        "jump": r"^jmp\s+([0-9a-f]+)", "stack": r"[xyz]mm.*\(%[re]?[sb]p|\(%[re]?[sb]p.*[xyz]mm",
        "store": r"^vmov\w+\s+%[xyz]mm\d+,.*\(", "round": 1},
    "aarch64": {
        "multiply": r"^fmla\b", "load": r"^ld", "branch": r"^(?:b\.\w+|cbn?z\s+\w+,|tbn?z\s+\w+,\s*#\d+,)\s*([0-9a-f]+)",
        "jump": r"^b\s+([0-9a-f]+)", "stack": r"\[sp", "vector_stack": r"^(ld|st)[rp]\s+[qd]\d.*\[sp", "store": r"^st",
        "round": 4, "beside": r"^(ldr|mov)\b", "rows": 6},
    "arm": {
        "multiply": r"^vmla\b", "load": r"^vld", "branch": r"^(?:b(?!l(?:x|\b)|x)\w\w(?:\.[nw])?|cbn?z\s+\w+,)\s*([0-9a-f]+)",
        "jump": r"^b(?:\.[nw])?\s+([0-9a-f]+)", "stack": r"\[sp", "vector_stack": r"^v(ld|st).*\[sp",
        "store": r"^v?st", "round": 2,
        "beside": r"^vld", "rows": 4},
}
# Tiles that widen weights load them by other instructions, a channel in each round, and on armv7 fuse additions.
WIDENING = {"x86": {"round": 1}, "aarch64": {"round": 1}, "arm": {"round": 1, "multiply": r"^vfma\b"}}
TILE = re.compile(r"tile(?:_loop|_in_order)?I(?:.*?)Li(\d+)ELi(\d+)E")
TILE_Q8 = re.compile(r"(tile_q8_loopI\S*?|DotTileI|WideningTileI)Li(\d+)ELi(\d+)ELb[01]E")
DEPTHWISE_Q8 = re.compile(r"depthwise_q8_pixelsI\S*?Li(\d+)ELb[01]E|depthwise_q8_rowI")
MULTIPLY_Q8 = r"^(vp(dpbusd|maddwd)|sdot|v?[su]?mlal2?)\b"
# Of a row and a vector of columns, in one round of a tile's loop.
PRODUCTS_Q8 = {"Vnni": 1, "Widening256": 2, "DotTile": 4, "WideningTile": 8}
DEPTHWISE = re.compile(r"depthwise_groupsI\S*?(?:Avx512|Neon)ELi(\d+)ELi3ELi[12]ELi1E")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def functions(objdump, path):
    """Yields (name, [(address, text)]) of each function."""
    name, body = None, []
    for line in run(objdump, "-d", "--no-show-raw-insn", path).splitlines():
        if match := re.match(r"^[0-9a-f]+ <(.+)>:$", line):
            if name:
                yield name, body
            name, body = match[1], []
        elif match := re.match(r"^\s*([0-9a-f]+):\s+(\S.*)$", line):
            body.append((int(match[1], 16), match[2].strip()))
    if name:
        yield name, body


def innermost_loops(body, how):
    """The instructions of each loop that holds no other."""
    loops = []
    for index, (address, text) in enumerate(body):
        match = re.match(how["branch"], text) or re.match(how["jump"], text)
        if match and int(match[1], 16) <= address:
            start = next((i for i, (at, _) in enumerate(body) if at == int(match[1], 16)), None)
            if start is not None:
                loops.append((start, index))
    for start, end in loops:
        if not any((s, e) != (start, end) and start <= s and e <= end for s, e in loops):
            yield [text for _, text in body[start:end + 1]]


def count(loop, pattern):
    return sum(1 for text in loop if re.search(pattern, text))


def loads(loop, how):
    pairs = sum(1 for text in loop if re.match(r"^ldp\s+q", text))
    return count(loop, how["load"]) + pairs


def expected(name, rows, vectors, how):
    """Multiply-adds and loads of one round of a tile's loop."""
    if "in_order" in name:  # two channels, weights in halves
        return 2 * rows * vectors, rows + 4 * vectors
    if "planar_pixels" in name:  # one weight of each channel; a distance is loaded besides
        return rows * vectors, vectors + (rows // 4 + 1 if how["round"] > 1 else rows)
    # Direct convolutions load the four channels of a pixel's vector on armv7 too.
    channels = 4 if "direct" in name and how["round"] > 1 else how["round"]
    return rows * vectors * channels, rows + vectors * channels


def crowded(loop, how):
    """Loads and moves that follow one another without a multiply-add between."""
    return sum(1 for one, two in zip(loop, loop[1:]) if re.search(how["beside"], one) and re.search(how["beside"], two))


def check_tile(name, rows, vectors, body, how):
    """What is wrong with a tile, as sentences, and a line for the table."""
    multiplies, most_loads = expected(name, rows, vectors, how)
    loop = next((l for l in innermost_loops(body, how) if count(l, how["multiply"]) == multiplies), None)
    if loop is None:
        return [f"{name}: no loop has {multiplies} multiply-adds"], ""
    problems = []
    found = {"loads": loads(loop, how), "stores": count(loop, how["store"]), "stack": count(loop, how["stack"])}
    # A broadcast may be part of the multiply-add, and then is no instruction of its own.
    if found["loads"] > most_loads:
        problems.append(f"{name}: {found['loads']} loads, {most_loads} are enough")
    if found["stores"] or found["stack"]:
        problems.append(f"{name}: {found['stores']} stores, {found['stack']} uses of the stack in the loop")
    if "in_order" in name and vectors == 2 and rows >= how["rows"] and (beside := crowded(loop, how)):
        problems.append(f"{name}: {beside} loads or moves have no multiply-add beside them")
    line = f"{rows:2} x {vectors}: {multiplies:3} multiply-adds, {found['loads']:2} loads, {len(loop):3} instructions"
    return problems, line


def check_tile_q8(name, simd, rows, vectors, body, how):
    """What is wrong with a tile of bytes, as sentences, and a line for the table."""
    multiplies = rows * vectors * next(each for kind, each in PRODUCTS_Q8.items() if kind in simd)
    loop = next((l for l in innermost_loops(body, how) if count(l, MULTIPLY_Q8) == multiplies), None)
    if loop is None:
        return [f"{name}: no loop has {multiplies} products of bytes"], ""
    found = {"stores": count(loop, how["store"]), "stack": count(loop, how["stack"])}
    line = f"{rows:2} x {vectors}, 8 bits: {multiplies:3} products, {len(loop):3} instructions"
    if not any(found.values()):
        return [], line
    return [f"{name}: {found['stores']} stores, {found['stack']} vectors on the stack in the loop"], line


def check_depthwise_q8(name, body, how):
    """What is wrong with the loops of a depthwise convolution of bytes, as sentences; None if they are not here."""
    loops = [l for l in innermost_loops(body, how) if count(l, MULTIPLY_Q8)]
    used = sum(count(l, how.get("vector_stack", how["stack"])) for l in loops)
    if not loops:
        return None
    return [f"{name}: {used} vectors on the stack in the loops"] if used else []


def check_depthwise(name, outputs, body, how):
    """What is wrong with neighbouring outputs of a depthwise convolution, as sentences; None if they are not here."""
    loops = [l for l in innermost_loops(body, how) if count(l, how["multiply"]) == outputs * 3]
    used = sum(count(l, how.get("vector_stack", how["stack"])) for l in loops)
    if not loops:
        return None
    return [f"{name}: {used} vectors on the stack in the loops"] if used else []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nm", required=True)
    parser.add_argument("--objdump", required=True)
    parser.add_argument("--architecture", choices=ARCHITECTURES, required=True)
    parser.add_argument("objects", nargs="+", help="object files with flags of their own")
    arguments = parser.parse_args()
    how = ARCHITECTURES[arguments.architecture]
    problems, tiles, widened, tiles_q8, depthwise = [], 0, 0, 0, {}
    for path in arguments.objects:
        for line in run(arguments.nm, path).splitlines():
            kind, symbol = line.split()[-2:]
            if kind in "uVvWw":
                problems.append(f"{path}: weak symbol {symbol}")
        for name, body in functions(arguments.objdump, path):
            if match := TILE.search(name):
                tiles += 1
                widening = "widening" in name
                widened += widening
                found, line = check_tile(name, int(match[1]), int(match[2]), body,
                                         how | WIDENING[arguments.architecture] if widening else how)
                problems += found
                print(f"{path.rsplit('/', 1)[-1]}: {line}")
            elif match := TILE_Q8.search(name):
                found, line = check_tile_q8(name, match[1], int(match[2]), int(match[3]), body, how)
                problems += found
                print(f"{path.rsplit('/', 1)[-1]}: {line}")
                tiles_q8 += 1
            elif DEPTHWISE_Q8.search(name):
                found = check_depthwise_q8(name, body, how)
                problems += found or []
                depthwise["q8"] = depthwise.get("q8", False) or found is not None
            elif (match := DEPTHWISE.search(name)) and arguments.architecture != "arm":
                found = check_depthwise(name, int(match[1]), body, how)
                problems += found or []
                depthwise[match[0]] = depthwise.get(match[0], False) or found is not None
    if tiles == 0:
        problems.append("no tile was found")
    if widened == 0:
        problems.append("no tile that widens weights was found")
    if tiles_q8 == 0:
        problems.append("no tile of 8-bit products was found")
    problems += [f"{name}: no loop has the multiply-adds of a row" for name, there in depthwise.items() if not there]
    if not depthwise and arguments.architecture != "arm":
        problems.append("no depthwise convolution was found")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
