#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which font files the glyph dataset is drawn from, and which of them only the test set may use.

    fonts.py packages   the Debian packages to install, on one line
    fonts.py list       every design with its split and its files
"""

import fnmatch
import hashlib
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CATALOGUE = os.path.join(HERE, "fonts.txt")
MAX_FILES_PER_DESIGN = 12  # no design, however many weights it has, fills the memory
# Strokes that vanish when a character is 16 pixels high.
TOO_THIN = re.compile(r"hairline|thin|extralight|ultralight", re.IGNORECASE)


def read_catalogue():
    """Lines of fonts.txt as (design, package, patterns)."""
    entries = []
    with open(CATALOGUE, encoding="utf-8") as lines:
        for line in lines:
            fields = line.split("#")[0].split()
            if fields:
                entries.append((fields[0], fields[1], fields[2:]))
    return entries


def packages():
    return sorted({package for _, package, _ in read_catalogue()})


def files_of_package(package):
    listing = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        sys.exit(f"{package} is not installed; run: apt-get install $(python3 fonts.py packages)")
    return [path for path in listing.stdout.splitlines() if path.lower().endswith((".ttf", ".otf"))]


def matches(path, patterns):
    name = os.path.basename(path)
    if TOO_THIN.search(name):
        return False
    wanted = any(fnmatch.fnmatchcase(name, p) for p in patterns if not p.startswith("-"))
    return wanted and not any(fnmatch.fnmatchcase(name, p[1:]) for p in patterns if p.startswith("-"))


def designs():
    """{design: sorted font files}, one file for each distinct base name, at most MAX_FILES_PER_DESIGN."""
    found = {}
    for design, package, patterns in read_catalogue():
        chosen = found.setdefault(design, {})
        for path in files_of_package(package):
            if matches(path, patterns):
                # The same face as .otf and .ttf is one face.
                chosen.setdefault(os.path.splitext(os.path.basename(path))[0].lower(), path)
    result = {}
    for design, chosen in sorted(found.items()):
        if not chosen:
            sys.exit(f"fonts.txt: no file matches design {design}")
        paths = [chosen[name] for name in sorted(chosen)]
        step = max(1.0, len(paths) / MAX_FILES_PER_DESIGN)
        result[design] = [paths[int(i * step)] for i in range(min(len(paths), MAX_FILES_PER_DESIGN))]
    return result


def is_test_design(design):
    """One design in four is for testing alone; the hash of its name chooses, so nobody did."""
    return hashlib.sha256(design.encode()).digest()[0] % 4 == 0


def main():
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if command == "packages":
        print(" ".join(packages()))
    elif command == "list":
        for design, paths in designs().items():
            split = "test " if is_test_design(design) else "train"
            print(split, f"{design}:", ", ".join(os.path.basename(path) for path in paths))
    else:
        sys.exit(__doc__.strip())


if __name__ == "__main__":
    main()
