# SPDX-License-Identifier: Apache-2.0
"""Inputs and references: pictures, arrays and raw files that are damaged or of another model."""

import struct

from command import (DIFFERENT, FILE, OK, RESOURCES, USAGE, Command, field, npy_bytes, onnx_model, png_bytes, read,
                     two_outputs)


class Inputs(Command):
    def test_inputs(self):
        short = self.write("short.raw", self.input[:-4])
        self.bad(USAGE, "short.raw", "run", self.glyphs, "--input", short)
        self.bad(FILE, "/nowhere/a.png", "run", self.glyphs, "--input", "/nowhere/a.png")
        self.bad(FILE, "broken.png", "run", self.glyphs, "--input", self.write("broken.png", b"\x89PNG\r\n\x1a\nrubbish"))
        self.bad(FILE, "cut.npy", "run", self.glyphs, "--input", self.write("cut.npy", b"\x93NUMPY\x01\x00"))
        wrong = self.write("ints.npy", npy_bytes("<i8", [1, 3, 32, 32], bytes(3072 * 8)))
        self.bad(USAGE, "ints.npy", "run", self.glyphs, "--input", wrong)
        for shape in ([3, 32, 32], [1, 32, 32, 3], [3072], [1, 1, 3, 32, 32]):
            turned = self.write("turned.npy", npy_bytes("<f4", shape, self.input))
            error = self.bad(USAGE, "turned.npy", "run", self.glyphs, "--input", turned).stderr
            self.assertIn("x".join(str(extent) for extent in shape), error)
            self.assertIn("1x3x32x32", error)
        deep = self.write("deep.npz", self.npz({"input": ("<f4", [1, 3, 32, 32], self.input),
                                                "output:scores": ("<f4", [1, 36] + [1] * 7, self.scores)}))
        self.bad(USAGE, "1x36x1x1x1x1x1x1x1", "verify", self.glyphs, "--reference", deep)
        picture = self.write("b.png", png_bytes(32, 32, self.pixels))
        self.bad(USAGE, "--mean", "run", self.glyphs, "--input", picture, "--mean", "a,b")
        self.bad(USAGE, "std", "run", self.glyphs, "--input", picture, "--std", "0")
        self.bad(FILE, "/nowhere/labels", "run", self.glyphs, "--input", picture, "--labels", "/nowhere/labels")

    def test_damaged_pictures(self):
        whole = b"P6 32 32 255\n" + self.pixels
        for name, data in (("empty.ppm", b"P6\n0 0\n255\n"), ("cut.ppm", whole[:50]), ("byte.ppm", whole[:-1]),
                           ("none.ppm", b""), ("short.ppm", b"P6 32 32 255\n"),
                           ("flat.bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 154, 0, 0, 54, 40, 6, 0, 1, 24, 0, 100, 0,
                                                            0, 0, 0) + bytes(100)),
                           ("reason.png", png_bytes(32, 32, self.pixels).replace(b"IEND", b"IDAT"))):
            self.bad(FILE, name, "run", self.glyphs, "--input", self.write(name, data))
        good = self.write("whole.ppm", whole)
        entry = self.json("run", self.glyphs, "--input", good, "--mean", "127.5", "--std", "127.5")[0]
        self.assertEqual(entry["outputs"][0]["top"][0]["index"], self.label)
        self.bad(RESOURCES, "huge.ppm", "run", self.glyphs, "--input", self.write("huge.ppm", b"P6 20000 20000 255\n"))

    def test_models_that_take_no_picture(self):
        picture = self.write("d.png", png_bytes(32, 32, self.pixels))
        constant = field(5, field(1, 2) + field(2, 1) + field(8, "w") + field(9, struct.pack("<2f", 1, -1)))
        model = self.write("lonely.onnx", onnx_model([("Relu", ["w"], ["y"])], [], [("y", [2])], constant))
        array = self.write("lonely.npy", npy_bytes("<f4", [2], bytes(8)))
        for given in (picture, array):
            self.bad(USAGE, "0 inputs", "run", model, "--input", given)
        flat = self.write("flat.onnx", two_outputs())
        self.bad(USAGE, "x is f32 2", "run", flat, "--input", picture)
        deep = onnx_model([("Relu", ["x"], ["y"])], [("x", [1, 5, 4, 4])], [("y", [1, 5, 4, 4])])
        self.bad(USAGE, "1x5x4x4", "run", self.write("deep.onnx", deep), "--input", picture)

    def test_references(self):
        self.bad(FILE, "/nowhere/a.npz", "verify", self.glyphs, "--reference", "/nowhere/a.npz")
        self.bad(FILE, "no.npz", "verify", self.glyphs, "--reference", self.write("no.npz", b"PK no zip"))
        good = read(self.reference)
        self.bad(FILE, "cut.npz", "verify", self.glyphs, "--reference", self.write("cut.npz", good[: len(good) // 2]))
        lonely = self.write("lonely.npz", self.npz({"input": ("<f4", [1, 3, 32, 32], self.input)}))
        self.bad(USAGE, "output:scores", "verify", self.glyphs, "--reference", lonely)
        small = self.write("small.npz", self.npz({"input": ("<f4", [1, 3, 4, 4], bytes(192)),
                                                  "output:scores": ("<f4", [1, 36], self.scores)}))
        self.bad(USAGE, "image", "verify", self.glyphs, "--reference", small)

    def test_references_hold_every_output_and_no_other(self):
        ghost = self.write("ghost.npz", self.npz({"input": ("<f4", [1, 3, 32, 32], self.input),
                                                  "output:scores": ("<f4", [1, 36], self.scores),
                                                  "output:ghost": ("<f4", [1, 36], self.scores)}))
        self.bad(USAGE, "output:ghost", "verify", self.glyphs, "--reference", ghost)
        turned = self.write("turned.npz", self.npz({"input": ("<f4", [1, 3, 32, 32], self.input),
                                                    "output:scores": ("<f4", [36, 1], self.scores)}))
        self.bad(USAGE, "36x1", "verify", self.glyphs, "--reference", turned)
        for value in ("nan", "inf", "-inf"):
            scores = struct.pack("<f", float(value)) + self.scores[4:]
            path = self.write(value + ".npz", self.npz({"input": ("<f4", [1, 3, 32, 32], self.input),
                                                        "output:scores": ("<f4", [1, 36], scores)}))
            text = self.good("verify", self.glyphs, "--reference", path, code=DIFFERENT).stdout
            self.assertIn("largest relative error inf, ", text)
            self.assertNotIn("nan", text)

    def test_verify_compares_every_type_and_what_is_not_finite(self):
        """Expected values by the operators' documents. Types of ONNX by their numbers."""
        nan, inf, high, low = float("nan"), float("inf"), 2 ** 53 + 2, 2 ** 53
        cases = [  # operator, type of ONNX, of NumPy, of struct, input, right, nearly right, wrong
            ("Relu", 1, "<f4", "f", (nan, 1.0), (nan, 1.0), (nan, 1.00001), (1.0, 1.0)),
            ("Abs", 1, "<f4", "f", (-inf, 1.0), (inf, 1.0), (inf, 1.00001), (-inf, 1.0)),
            ("Abs", 11, "<f8", "d", (-1.5, 2.0), (1.5, 2.0), (1.50001, 2.0), (1.51, 2.0)),
            ("Abs", 10, "<f2", "e", (-0.1, 2048.0), (0.1, 2048.0), (0.2, 2048.0), (0.1, 2040.0)),
            ("Abs", 7, "<i8", "q", (-high, 0), (high, 0), (low, 0), (0, high)),
            ("Abs", 6, "<i4", "i", (-100000, 7), (100000, 7), (100001, 7), (100100, 7)),
            ("Not", 9, "|b1", "?", (True, False), (False, True), None, (True, True)),
        ]
        for op, kind, numpy, code, given, right, nearly, wrong in cases:
            model = self.write("one.onnx", onnx_model([(op, ["x"], ["y"])], [("x", [2], kind)], [("y", [2], kind)]))
            for expected, exit_code in ((right, OK), (nearly, OK), (wrong, DIFFERENT)):
                if expected is None:
                    continue
                with self.subTest(op=op, numpy=numpy, expected=expected):
                    arrays = {"input": (numpy, [2], struct.pack(f"<2{code}", *given)),
                              "output:y": (numpy, [2], struct.pack(f"<2{code}", *expected))}
                    self.good("verify", model, "--reference", self.write("one.npz", self.npz(arrays)), code=exit_code)
            if nearly is not None:
                arrays["output:y"] = (numpy, [2], struct.pack(f"<2{code}", *nearly))
                self.good("verify", model, "--reference", self.write("one.npz", self.npz(arrays)), "--tolerance", "0",
                          code=DIFFERENT)
