# SPDX-License-Identifier: Apache-2.0
"""Inputs and references: pictures, arrays and raw files that are damaged or of another model."""

import os
import struct

from command import (DIFFERENT, FILE, OK, RESOURCES, USAGE, Command, field, npy, npy_bytes, onnx_model, png_bytes,
                     read, two_outputs)


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
            self.bad(USAGE, "no inputs", "run", model, "--input", given)
        self.assertEqual(self.json("run", model)[0]["outputs"][0]["top"][0]["value"], 1)
        flat = self.write("flat.onnx", two_outputs())
        self.bad(USAGE, "x is f32 2", "run", flat, "--input", picture)
        deep = onnx_model([("Relu", ["x"], ["y"])], [("x", [1, 5, 4, 4])], [("y", [1, 5, 4, 4])])
        self.bad(USAGE, "1x5x4x4", "run", self.write("deep.onnx", deep), "--input", picture)

    def test_several_inputs(self):
        model = self.write("sum.onnx", onnx_model([("Add", ["a", "b=c"], ["y"])], [("a", [2]), ("b=c", [2])], [("y", [2])]))
        arrays = [self.write(f"{i}.npy", npy_bytes("<f4", [2], struct.pack("<2f", i, 10 * i))) for i in range(4)]
        named = ["--input", f"a={arrays[1]}", "--input", f"b=c={arrays[2]}"]
        entry = self.json("run", model, *named)[0]
        self.assertEqual([(v["index"], v["value"]) for v in entry["outputs"][0]["top"]], [(1, 30), (0, 3)])
        self.assertEqual(entry["input"], f"a={arrays[1]} b=c={arrays[2]}")
        # One file for all steps beside one for each.
        entries = self.json("run", model, *named, "--input", f"a={arrays[3]}")
        self.assertEqual([e["outputs"][0]["top"][0]["value"] for e in entries], [30, 50])
        self.bad(USAGE, "a, b=c", "run", model, "--input", arrays[0])
        self.bad(USAGE, "for input b=c", "run", model, "--input", f"a={arrays[1]}")
        self.bad(USAGE, "a has 3 files", "run", model, *named, *["--input", f"a={arrays[3]}"] * 2, "--steps", "2")

    def test_steps_carry_outputs(self):
        # The state is a running sum, which the second output doubles.
        nodes = [("Add", ["x", "s"], ["sum"]), ("Add", ["sum", "sum"], ["y"])]
        model = self.write("running.onnx", onnx_model(nodes, [("x", [1]), ("s", [1])], [("sum", [1]), ("y", [1])]))
        arrays = [self.write(f"one{i}.npy", npy_bytes("<f4", [1], struct.pack("<f", 10 ** i))) for i in range(3)]
        given = [argument for array in arrays for argument in ("--input", array)]

        def sums(*arguments):
            return [e["outputs"][0]["top"][0]["value"] for e in self.json("run", model, "--carry", "sum=s", *arguments)]
        self.assertEqual(sums(*given), [1, 11, 111])
        self.assertEqual(sums(*given, "--steps", "3"), [111])
        self.assertEqual(sums("--input", arrays[0], "--steps", "5"), [5])
        self.assertEqual(sums("--input", arrays[0], "--input", f"s={arrays[2]}", "--steps", "2"), [102])
        out = self.path("sums")
        self.good("run", model, "--input", arrays[1], "--carry", "sum=s", "--steps", "4", "-o", out)
        self.assertEqual(struct.unpack("<f", npy(out + ".1")), (80,))
        self.bad(USAGE, "nothing=s", "run", model, "--input", arrays[0], "--carry", "nothing=s")
        self.bad(USAGE, "two outputs", "run", model, "--input", arrays[0], "--carry", "sum=s", "--carry", "y=s")
        wide = self.write("wide.onnx", onnx_model([("Relu", ["x"], ["y"])], [("x", [3])], [("y", [3])]))
        self.bad(USAGE, "no file", "run", wide)
        wider = self.write("wider.onnx", onnx_model([("Concat0", ["x"], ["y"])], [("x", [3])], [("y", [3])]))
        self.assertNotEqual(self.run_command("run", wider, "--carry", "y=x").returncode, OK)

    def test_outputs_are_carried_at_once(self):
        # A delay line of two: what the second state gets is what the first one was.
        nodes = [("Identity", ["x"], ["a"]), ("Identity", ["s"], ["b"]), ("Add", ["s", "t"], ["y"])]
        single = [(name, [1]) for name in ("x", "s", "t")]
        model = self.write("delay.onnx", onnx_model(nodes, single, [(name, [1]) for name in ("y", "a", "b")]))
        arrays = [self.write(f"delay{i}.npy", npy_bytes("<f4", [1], struct.pack("<f", 10 ** i))) for i in range(4)]
        given = [argument for array in arrays for argument in ("--input", f"x={array}")]
        for carries in (["a=s", "b=t"], ["b=t", "a=s"]):
            entries = self.json("run", model, *given, *[part for carry in carries for part in ("--carry", carry)])
            self.assertEqual([e["outputs"][0]["top"][0]["value"] for e in entries], [0, 1, 11, 110])

    def test_pictures_of_pixels_and_of_bytes(self):
        picture = self.write("pixels.png", png_bytes(32, 32, self.pixels))
        relu = [("Relu", ["x"], ["y"])]
        pixels = self.write("pixels.onnx", onnx_model(relu, [("x", [1, 32, 32, 3])], [("y", [1, 32, 32, 3])]))
        planes = self.write("planes.onnx", onnx_model(relu, [("x", [1, 3, 32, 32])], [("y", [1, 3, 32, 32])]))
        values = {}
        for name, model in (("pixels", pixels), ("planes", planes)):
            out = self.path(name + ".npy")
            self.good("run", model, "--input", picture, "--mean", "10,20,30", "--std", "2,4,5", "--order", "bgr", "-o", out)
            values[name] = struct.unpack("<3072f", npy(out))
        self.assertGreater(max(values["pixels"]), 1)
        for c in range(3):
            for a, b in zip(values["pixels"][c::3], values["planes"][c * 1024:(c + 1) * 1024]):
                self.assertAlmostEqual(a, b, places=4)
        same = [("Identity", ["x"], ["y"])]
        stored = self.write("stored.onnx", onnx_model(same, [("x", [1, 32, 32, 3], 2)], [("y", [1, 32, 32, 3], 2)]))
        out = self.path("stored.npy")
        self.good("run", stored, "--input", picture, "-o", out)
        self.assertEqual(npy(out), self.pixels)
        self.bad(USAGE, "--mean", "run", stored, "--input", picture, "--mean", "1")

    def test_free_dimensions(self):
        model = self.write("free.onnx", onnx_model([("Add", ["a", "b"], ["y"])], [("a", ["batch", 3]), ("b", ["batch", 3])],
                                                   [("y", ["batch", 3])]))
        done = self.good("inspect", model)
        self.assertIn("dimension 0 (batch) is free, and taken as 1", done.stderr)
        self.assertIn("a f32 1x3", done.stdout)
        self.assertEqual(self.good("inspect", model, "--shape", "a=2x3", "--shape", "b=2x3").stderr, "")
        text = onnx_model([("Add", ["a", "b"], ["y"])], [("a", ["batch", "seq-len"]), ("b", ["batch", "seq-len"])],
                          [("y", ["batch", "seq-len"])])
        done = self.bad(USAGE, "dimension 1 (seq-len) is free", "inspect", self.write("text.onnx", text))
        self.assertIn("--shape a=1xSEQ_LEN --shape b=1xSEQ_LEN", done.stderr)

    def test_data(self):
        empty = self.path("empty")
        os.makedirs(empty, exist_ok=True)
        stack = self.write("stack.npy", npy_bytes("|u1", [2, 32, 32, 3], self.pixels * 2))
        plan = self.path("never.plan")
        for command in (["verify", self.glyphs], ["quantize", self.glyphs, "-o", plan]):
            self.bad(FILE, "no pictures", *command, "--data", empty)
            self.bad(FILE, "nowhere", *command, "--data", self.path("nowhere"))
            self.bad(FILE, "not there", *command, "--data", empty, "--labels", self.write("a.csv", b"missing.png,1\n"))
            self.bad(FILE, "a.csv:2", *command, "--data", empty, "--labels", self.write("a.csv", b"f,c\nx.png,two\n"))
            self.bad(FILE, "names no file", *command, "--data", empty, "--labels", self.write("a.csv", b""))
            labels = self.write("labels.npy", npy_bytes("<i4", [2], struct.pack("<2i", 3, 40)))
            self.bad(USAGE, "class 40 of sample 1", *command, "--data", stack, "--labels", labels)
            self.bad(USAGE, "3 classes, there are 2", *command, "--data", stack, "--labels",
                     self.write("three.npy", npy_bytes("<i4", [3], bytes(12))))
            self.bad(USAGE, "f32", *command, "--data", stack, "--labels",
                     self.write("reals.npy", npy_bytes("<f4", [2], bytes(8))))
            self.bad(USAGE, "sample 0 is f64", *command, "--data",
                     self.write("other.npy", npy_bytes("<f8", [2, 5], bytes(80))))
        self.bad(USAGE, "two ways", "verify", self.glyphs, "--data", stack, "--reference", self.reference)
        self.bad(USAGE, "nothing to verify with", "verify", self.glyphs)
        self.bad(USAGE, "what kind of file", "quantize", self.glyphs, "--data", stack, "-o", self.path("out.bin"))
        self.bad(USAGE, "percentage points", "quantize", self.glyphs, "--data", stack, "-o", plan, "--max-accuracy-drop", "x")
        self.bad(USAGE, "no layer nothing", "quantize", self.glyphs, "--data", stack, "-o", plan, "--keep-float", "nothing")
        self.assertFalse(os.path.exists(plan))

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
