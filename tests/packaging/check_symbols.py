#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the library to its promises about symbols: it exports Fettle's alone, and Fettle's own code can neither print nor end the process."""
import argparse
import re
import subprocess
import sys

PUBLIC = re.compile(r"^(fettle_|_ZNK?6fettle|_ZT[VIS]N6fettle)")
FORBIDDEN = re.compile(r"^(abort|exit|_exit|_Exit|quick_exit|printf|puts|putchar|perror|vprintf|__printf_chk|__vprintf_chk"
                       r"|_ZSt4cout|_ZSt4cerr|_ZSt4clog)(@.*)?$")


def symbols(nm, *arguments):
    text = subprocess.run([nm, "--format=posix", *arguments], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in text.splitlines()]
    return [(row[0], row[1]) for row in rows if len(row) >= 2 and len(row[1]) == 1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nm", required=True)
    parser.add_argument("--objects", required=True)
    parser.add_argument("--library", required=True)
    options = parser.parse_args()
    problems = []

    objects = open(options.objects, encoding="utf-8").read().split()
    if not objects:
        problems.append("the list of objects is empty")
    for path in objects:
        for name, kind in symbols(options.nm, path):
            if kind == "U" and FORBIDDEN.match(name):
                problems.append(f"{path} refers to {name}")

    shared = ".so" in options.library
    exported = symbols(options.nm, *(["--dynamic"] if shared else []), "--defined-only", "--extern-only", options.library)
    exported = [name for name, _ in exported]
    if not any(name.startswith("fettle_") for name in exported):
        problems.append("the C interface is not exported")
    if not any(name.startswith("_ZN6fettle") for name in exported):
        problems.append("the C++ interface is not exported")
    problems += [f"{options.library} exports {name}" for name in exported if not PUBLIC.match(name)]

    for problem in problems[:50]:
        print(problem)
    print(f"{len(objects)} objects, {len(exported)} exported symbols, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
