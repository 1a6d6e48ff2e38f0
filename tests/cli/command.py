# SPDX-License-Identifier: Apache-2.0
"""What the tests of the fettle command share: running it, files to give it, and models written byte by byte."""

import functools
import io
import json
import os
import struct
import subprocess
import tempfile
import unittest
import zipfile
import zlib

# Set by cli_test.py: the program with its emulator, the source tree, and whether there is an emulator.
COMMAND = []
SOURCE = ""
EMULATED = False
OK, DIFFERENT, USAGE, FILE, MODEL, PLAN, RESOURCES, DEVICE = range(8)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def npy(path):
    """The bare bytes of a .npy file."""
    data = read(path)
    return data[10 + struct.unpack("<H", data[8:10])[0]:]


def npy_bytes(kind, shape, data):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def png_bytes(width, height, pixels):
    rows = b"".join(b"\0" + pixels[3 * width * y: 3 * width * (y + 1)] for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def sum_of_squares():
    """A model whose input x, of 4 numbers, gives the sum of their squares, in protobuf's wire format."""
    def integer(number, value):
        return bytes([number << 3, value])

    def message(number, *parts):
        whole = b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)
        return bytes([number << 3 | 2, len(whole)]) + whole

    equation = message(5, message(1, "equation"), message(4, "i,i->"), b"\xa0\x01\x03")
    node = message(1, message(1, "x"), message(1, "x"), message(2, "y"), message(4, "Einsum"), equation)
    shape = message(2, message(1, integer(1, 4)))
    x = message(11, message(1, "x"), message(2, message(1, integer(1, 1), shape)))
    graph = message(7, node, message(2, "g"), x, message(12, message(1, "y")))
    return integer(1, 8) + graph + message(8, integer(2, 13))


def field(number, value):
    """A field of a protobuf message: text, bytes or an integer."""
    def varint(integer):
        low, rest = integer & 127, integer >> 7
        return bytes([low | 128]) + varint(rest) if rest else bytes([low])
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def value_info(name, shape, kind=1):
    """Extents are integers, or the name of a free dimension."""
    dims = b"".join(field(1, field(2 if isinstance(extent, str) else 1, extent)) for extent in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def onnx_model(nodes, inputs, outputs, more=b""):
    """The bytes of a model: nodes are (operator, inputs, outputs), inputs and outputs (name, shape, type)."""
    graph = b"".join(field(1, b"".join(field(1, i) for i in ins) + b"".join(field(2, o) for o in outs) + field(4, op))
                     for op, ins, outs in nodes)
    graph += field(2, "test") + more
    graph += b"".join(field(11, value_info(*i)) for i in inputs) + b"".join(field(12, value_info(*o)) for o in outputs)
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def two_outputs():
    return onnx_model([("Relu", ["x"], ["y"]), ("Abs", ["x"], ["z"])], [("x", [2])], [("y", [2]), ("z", [2])])


def weights_in(location):
    """A model whose constant is in another file."""
    place = field(13, field(1, "location") + field(2, location)) + field(14, 1)
    constant = field(5, field(1, 2) + field(2, 1) + field(8, "w") + place)
    return onnx_model([("Add", ["x", "w"], ["y"])], [("x", [2])], [("y", [2])], constant)


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.glyphs = os.path.join(SOURCE, "examples/glyphs/glyphs.onnx")
        cls.labels = os.path.join(SOURCE, "examples/glyphs/labels.txt")
        images = npy(os.path.join(SOURCE, "examples/glyphs/test_images.npy"))
        cls.pixels = images[:3072]
        cls.label = npy(os.path.join(SOURCE, "examples/glyphs/test_labels.npy"))[0]
        scores = npy(os.path.join(SOURCE, "examples/glyphs/reference_scores.npy"))[: 36 * 4]
        values = [(p - 127.5) / 127.5 for p in cls.pixels]
        planes = [values[c::3] for c in range(3)]
        cls.input = struct.pack("<3072f", *planes[0], *planes[1], *planes[2])
        cls.scores = scores
        cls.reference = cls.write("good.npz", cls.npz({"input": ("<f4", [1, 3, 32, 32], cls.input),
                                                       "output:scores": ("<f4", [1, 36], scores)}))
        cls.plan = cls.write("default.plan", Command.tuned_plan(cls.glyphs))

    @classmethod
    @functools.cache
    def tuned_plan(cls, model):
        """The bytes of a plan for the model, tuned once for all classes."""
        with tempfile.TemporaryDirectory() as folder:
            plan = os.path.join(folder, "plan")
            done = cls.run_command("tune", model, "--output", plan, "--budget", "1s")
            assert done.returncode == 0, done.stderr
            return read(plan)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def write(cls, name, data):
        with open(cls.path(name), "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return cls.path(name)

    @staticmethod
    def npz(arrays):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, (kind, shape, data) in arrays.items():
                archive.writestr(name + ".npy", npy_bytes(kind, shape, data))
        return buffer.getvalue()

    @classmethod
    def run_command(cls, *arguments):
        return subprocess.run(COMMAND + [str(a) for a in arguments], capture_output=True, text=True, timeout=300,
                              check=False)

    def good(self, *arguments, code=OK):
        done = self.run_command(*arguments)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def json(self, *arguments, code=OK):
        return json.loads(self.good(*arguments, "--json", code=code).stdout)

    def bad(self, code, mention, *arguments, hint=True):
        """The command refuses: the code, one message that names the thing and says what to do, a clean stdout."""
        done = self.run_command(*arguments)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stderr}{done.stdout}")
        self.assertIn(mention, done.stderr)
        self.assertEqual(done.stdout, "")
        if hint:
            self.assertIn("hint: ", done.stderr)
        return done

    def changed_plan(self, name, change):
        plan = json.loads(read(self.plan))
        change(plan)
        return self.write(name, json.dumps(plan))
