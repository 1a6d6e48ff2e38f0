#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the fettle command as people and scripts do: what it prints, its exit codes, and every kind of bad input.

    cli_test.py FETTLE SOURCE_FOLDER [--emulator PROGRAM] [unittest arguments]
"""

import io
import json
import os
import re
import shlex
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile
import zlib

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
    dims = b"".join(field(1, field(1, extent)) for extent in shape)
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
        cls.plan = cls.path("default.plan")
        done = cls.run_command("tune", cls.glyphs, "--output", cls.plan, "--budget", "1s")
        assert done.returncode == 0, done.stderr

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


class Good(Command):
    def test_help_names_every_command(self):
        text = self.good("--help").stdout
        for command in ("inspect", "tune", "run", "bench", "verify", "explain", "variants", "plan", "kernels"):
            self.assertIn(command, text)
            self.good(command, "--help")
        self.assertRegex(self.good("--version").stdout, r"\d+\.\d+\.\d+")

    def test_inspect(self):
        self.assertIn("image f32 1x3x32x32", self.good("inspect", self.glyphs).stdout)
        data = self.json("inspect", self.glyphs)
        self.assertEqual(data["inputs"][0]["shape"], [1, 3, 32, 32])
        self.assertEqual(len(data["layers"]), 32)
        self.assertTrue(all(layer["operations"] >= layer["macs"] for layer in data["layers"]))
        self.assertEqual(data["reference_layers"], 0)

    def test_kernels(self):
        known = {row["kernel"] for row in self.json("variants")}
        lines = self.good("kernels", self.glyphs).stdout.splitlines()
        self.assertEqual(lines[0], f"# {self.glyphs}")
        names = lines[1:]
        self.assertEqual(names, sorted(set(names)))
        self.assertLessEqual(set(names), known)
        self.assertTrue(any(name.startswith("conv.") for name in names))

    def test_variants(self):
        data = self.json("variants", self.glyphs)
        self.assertEqual(len(data), 32)
        for layer in data:
            self.assertEqual(sum(v["default"] for v in layer["variants"]), 1, layer["layer"])
            self.assertTrue(all(v["refusal"] is None or v["refusal"] for v in layer["variants"]))

    def test_kernels_that_lose_nan_have_to_be_allowed(self):
        declared = {row["kernel"]: row["nonfinite"] for row in self.json("variants")}
        weakest = {"exact": {"exact"}, "spreads_in_tile": {"exact", "spreads_in_tile"}, "loses_nan": set(declared.values())}
        for allowed, values in weakest.items():
            listed = [v for layer in self.json("variants", self.glyphs, "--nonfinite", allowed) for v in layer["variants"]]
            self.assertEqual({declared[v["kernel"]] for v in listed if v["refusal"] is None} - values, set())
            refused = {declared[v["kernel"]] for v in listed if v["refusal"] == "nonfinite"}
            self.assertEqual(refused & values, set())
            if allowed == "exact":  # Winograd's for one
                self.assertIn("spreads_in_tile", refused)
        self.bad(USAGE, "--nonfinite", "bench", self.glyphs, "--nonfinite", "maybe", hint=False)

    def test_bench(self):
        for more in ([], ["--plan", self.plan], ["--threads", "2"]):
            data = self.json("bench", self.glyphs, "--duration", "0.1", "--warmup", "0", *more)
            for key in ("median_us", "p90_us", "min_us", "arena_bytes", "weight_bytes", "load_us", "peak_rss_bytes"):
                self.assertGreater(data[key], 0, key)
            self.assertLessEqual(data["min_us"], data["median_us"])
            self.assertLessEqual(data["median_us"], data["p90_us"])
            self.assertEqual((data["reference_layers"], data["reference_share"]), (0, 0))
        trace = self.path("trace.json")
        text = self.good("bench", self.glyphs, "--iterations", "3", "--profile", "--trace", trace).stdout
        self.assertIn("3 runs", text)
        self.assertIn("no layer runs on a reference kernel", text)
        self.assertIn("conv.", text)
        json.loads(read(trace))

    def test_verify(self):
        text = self.good("verify", self.glyphs, "--reference", self.reference).stdout
        self.assertIn("largest relative error", text)
        data = self.json("verify", self.glyphs, "--plan", self.plan, "--reference", self.reference, "--layers")
        self.assertTrue(data["match"])
        self.assertLess(data["largest_relative_error"], 1e-4)
        # What is compared: every layer that is not a view of another, a region as one, and conversions. How many regions
        # there are is up to the plan.
        self.assertGreater(len(data["layers"]), 5)
        data = self.json("verify", self.glyphs, "--reference", self.reference, "--layers")
        self.assertGreater(len(data["layers"]), 20)

    def test_verify_says_when_outputs_differ(self):
        values = bytearray(self.scores)
        values[0:4] = struct.pack("<f", 100.0)
        wrong = self.write("wrong.npz", self.npz({"input:image": ("<f4", [1, 3, 32, 32], self.input),
                                                  "output:scores": ("<f4", [1, 36], bytes(values))}))
        self.assertIn("DIFFERS", self.good("verify", self.glyphs, "--reference", wrong, code=DIFFERENT).stdout)
        self.good("verify", self.glyphs, "--reference", wrong, "--tolerance", "2")

    def test_run_takes_pictures_arrays_and_raw_bytes(self):
        picture = self.write("a.png", png_bytes(32, 32, self.pixels))
        array = self.write("a.npy", npy_bytes("<f4", [1, 3, 32, 32], self.input))
        raw = self.write("a.raw", self.input)
        options = ["--labels", self.labels, "--top", "3"]
        pictures = self.json("run", self.glyphs, "--input", picture, picture, "--mean", "127.5", "--std", "127.5", *options)
        self.assertEqual(len(pictures), 2)
        arrays = self.json("run", self.glyphs, "--plan", self.plan, "--input", array, raw, *options)
        name = read(self.labels).decode().split()[self.label]
        for entry in pictures + arrays:
            top = entry["outputs"][0]["top"]
            self.assertEqual((top[0]["index"], top[0]["label"]), (self.label, name))
            self.assertEqual(len(top), 3)
        scores = struct.unpack("<36f", self.scores)
        self.assertAlmostEqual(pictures[0]["outputs"][0]["top"][0]["value"], max(scores), places=3)
        saved = self.path("out.npy")
        self.good("run", self.glyphs, "--input", array, "--output", saved)
        for got, wanted in zip(struct.unpack("<36f", npy(saved)), scores):
            self.assertAlmostEqual(got, wanted, places=3)

    def test_subnormal_numbers_count_where_they_are_kept(self):
        model = self.write("squares.onnx", sum_of_squares())
        x = self.write("tiny.raw", struct.pack("<4f", *[2.0 ** -70] * 4))
        for options, expected in ([], 0.0), (["--keep-subnormals"], 2.0 ** -138):
            saved = self.path("squares.npy")
            self.good("run", model, "--input", x, "--output", saved, *options)
            self.assertEqual(struct.unpack("<f", npy(saved)), (expected,))
        self.good("bench", model, "--keep-subnormals", "--iterations", "1")

    def test_run_resizes(self):
        big = self.write("big.png", png_bytes(48, 64, bytes(48 * 64 * 3)))
        for resize in ("stretch", "crop"):
            self.good("run", self.glyphs, "--input", big, "--resize", resize, "--order", "bgr")
        self.bad(USAGE, "48x64", "run", self.glyphs, "--input", big, "--resize", "none")

    def test_tune_writes_plan_records_and_report(self):
        plan, records, report = self.path("t.plan"), self.path("t.jsonl"), self.path("t.html")
        data = self.json("tune", self.glyphs, "--output", plan, "--budget", "2s", "--threads", "2", "--records", records,
                         "--report", report)
        self.assertLessEqual(data["ratio"], 1.0)
        self.assertGreater(data["measurements"], 0)
        self.assertEqual((data["reference_layers"], data["reference_share"]), (0, 0))
        for line in read(records).decode().splitlines():
            json.loads(line)
        page = read(report).decode()
        self.assertIn("<svg", page)
        self.assertIn("no layer runs on a reference kernel", page)
        self.assertNotRegex(page, r"(src|href)=\"http")
        self.good("plan", "check", self.glyphs, "--plan", plan)
        self.assertIn("conv", self.good("explain", self.glyphs, "--plan", plan, "--records", records).stdout)
        layers = self.json("explain", self.glyphs, "--plan", plan, "--records", records)
        self.assertTrue(any(v["samples"] > 0 for layer in layers for v in layer["variants"]))
        self.explains_by_quiet_times(plan, records)

    def explains_by_quiet_times(self, plan, records):
        """Of records whose medians are in the opposite order of the times that choices go by. A slow machine has measured
        the default alone; so each record gets a twin with the other number of threads."""
        measured = [json.loads(line) for line in read(records).decode().splitlines()]
        twins = [{**record, "threads": 3 - record["threads"], "us": dict(record["us"])} for record in measured]
        opposite = list({tuple(record[key] for key in ("layer", "kernel", "layouts", "threads")): record
                         for record in twins + measured}.values())
        for number, record in enumerate(opposite):
            record["us"].update(quiet=1 + number, median=10 ** 6 - number)
        changed = self.write("opposite.jsonl", "".join(json.dumps(record) + "\n" for record in opposite))
        command = ("explain", self.glyphs, "--plan", plan, "--records", changed, "--threads", "2")
        several = 0
        for layer in self.json(*command):
            measured = [v for v in layer["variants"] if v["median_us"] > 0]
            several += len(measured) > 1
            self.assertEqual(measured, sorted(measured, key=lambda v: v["quiet_us"]), layer["layer"])
            self.assertTrue(all(v["quiet_us"] < v["median_us"] for v in measured))
        self.assertGreater(several, 0)
        self.assertRegex(self.good(*command).stdout, r" [0-9]+\.00 us \(median 999[0-9]{3}\.00, ")

    def test_plan_commands(self):
        self.assertIn("glyphs", self.good("plan", "show", self.plan).stdout)
        self.assertIn("points", self.json("plan", "show", self.plan))
        self.good("plan", "check", self.glyphs, "--plan", self.plan)
        self.good("plan", "diff", self.plan, self.plan)

        def other_kernel(plan):
            layers = plan["points"][0]["layers"]
            next(iter(layers.values()))["threads"] = 2
        other = self.changed_plan("other.plan", other_kernel)
        self.assertNotEqual(self.good("plan", "diff", self.plan, other, code=DIFFERENT).stdout, "")

    def test_shared_models(self):
        shared = os.environ.get("FETTLE_SHARED") or os.path.join(SOURCE, "..", "shared")
        names = ["kws_dscnn", "resnet8_cifar10"] + ([] if EMULATED else ["face_rfb_320", "squeezenet1.1"])
        if not os.path.isdir(os.path.join(shared, "models")):
            self.skipTest("no shared models")
        for name in names:
            model, reference = f"{shared}/models/{name}.onnx", f"{shared}/refs/{name}.npz"
            self.assertLess(self.json("verify", model, "--reference", reference)["largest_relative_error"], 1e-4)


class Bad(Command):
    def test_usage(self):
        self.bad(USAGE, "", hint=False)
        self.bad(USAGE, "juggle", "juggle")
        self.bad(USAGE, "--wild", "bench", self.glyphs, "--wild", hint=False)
        self.bad(USAGE, "model", "bench", hint=False)
        self.bad(USAGE, "--output", "tune", self.glyphs, hint=False)
        for threads in ("0", "-1", "257", "many"):
            self.bad(USAGE, "--threads", "bench", self.glyphs, "--threads", threads, hint=False)
        self.bad(USAGE, "--budget", "tune", self.glyphs, "--output", self.path("x"), "--budget", "0s")
        self.bad(USAGE, "--budget", "tune", self.glyphs, "--output", self.path("x"), "--budget", "soon")
        self.bad(USAGE, "--shape", "inspect", self.glyphs, "--shape", "1x3")
        self.bad(USAGE, "shape", "inspect", self.glyphs, "--shape", "image=1x-3x32x32")
        self.bad(USAGE, "1x3x64x64", "inspect", self.glyphs, "--shape", "image=1x3x64x64")
        self.bad(USAGE, "picture", "inspect", self.glyphs, "--shape", "picture=1x3x32x32")

    def test_models(self):
        whole = read(self.glyphs)
        self.bad(FILE, "/nowhere/a.onnx", "inspect", "/nowhere/a.onnx")
        self.bad(FILE, self.folder.name, "inspect", self.folder.name)
        for name, data in (("empty.onnx", b""), ("half.onnx", whole[: len(whole) // 2]), ("text.onnx", b"hello there"),
                           ("plan.onnx", read(self.plan)), ("zeros.onnx", bytes(5000))):
            path = self.write(name, data)
            for command in (["inspect"], ["bench"], ["tune", "--output", self.path("never.plan")]):
                self.bad(MODEL, name, command[0], path, *command[1:])
        self.assertFalse(os.path.exists(self.path("never.plan")))

    def test_unsupported_nodes_are_all_listed(self):
        model = self.write("odd.onnx", read(self.glyphs).replace(b"Flatten", b"Fllaten").replace(b"Add\x32", b"Adx\x32"))
        text = self.bad(MODEL, "Fllaten", "inspect", model).stderr
        self.assertGreaterEqual(len(re.findall("Fllaten|Adx", text)), 1)

    def test_plans(self):
        for command in (["bench", "--iterations", "1"], ["verify", "--reference", self.reference], ["plan", "check"]):
            start = command[:2] if command[0] == "plan" else command[:1]
            rest = command[2:] if command[0] == "plan" else command[1:]

            def with_plan(path):
                return [*start, self.glyphs, "--plan", path, *rest]
            self.bad(FILE, "/nowhere/a.plan", *with_plan("/nowhere/a.plan"))
            self.bad(PLAN, "damaged.plan", *with_plan(self.write("damaged.plan", read(self.plan)[:-40])))
            self.bad(PLAN, "empty.plan", *with_plan(self.write("empty.plan", b"")))

            def other_model(plan):
                plan["model"]["graph"] = "xxh3:" + "0" * 32
            self.bad(PLAN, "glyphs", *with_plan(self.changed_plan("alien.plan", other_model)))

    def test_plans_that_fall_back_run_and_say_so(self):
        def unknown_kernel(plan):
            plan["points"][0]["layers"]["/classifier/Gemm"] = {"kernel": "gemm.magic.f32.moon", "revision": 1}
        path = self.changed_plan("magic.plan", unknown_kernel)
        done = self.good("bench", self.glyphs, "--plan", path, "--iterations", "1")
        self.assertIn("gemm.magic.f32.moon", done.stderr)
        self.assertIn("gemm.magic.f32.moon", self.good("plan", "check", self.glyphs, "--plan", path, code=DIFFERENT).stdout)

        def other_device(plan):
            plan["device"]["isa"] = ["neon"]
            plan["device"]["cores"] = [{"midr": "0x410fd034", "count": 4}]
        path = self.changed_plan("arm.plan", other_device)
        self.assertIn("device", self.good("bench", self.glyphs, "--plan", path, "--iterations", "1").stderr)

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

    def test_explain_says_what_is_wrong_with_records(self):
        explain = ["explain", self.glyphs, "--plan", self.plan, "--records"]
        self.bad(FILE, "/nowhere/a.jsonl", *explain, "/nowhere/a.jsonl")
        self.bad(FILE, self.folder.name, *explain, self.folder.name)
        self.bad(FILE, "line 1 ", *explain, self.write("plan.jsonl", read(self.plan)))
        records = self.path("explained.jsonl")
        self.good("tune", self.glyphs, "--output", self.path("explained.plan"), "--budget", "1s", "--records", records)
        lines = read(records).decode().splitlines(keepends=True)
        self.assertGreater(len(lines), 2)
        self.good(*explain, records)
        self.good(*explain, self.write("none.jsonl", ""))
        damaged = self.write("damaged.jsonl", "".join(lines[:2]) + lines[2][:20] + "\n" + "".join(lines[2:]))
        self.bad(FILE, "damaged.jsonl: line 3 ", *explain, damaged)
        self.bad(FILE, "cut.jsonl: line 3 ", *explain, self.write("cut.jsonl", "".join(lines[:2]) + lines[2][:20]))

    def test_numbers_are_finite(self):
        picture = self.write("c.png", png_bytes(32, 32, self.pixels))
        for value in ("nan", "inf", "-1"):
            self.bad(USAGE, value, "verify", self.glyphs, "--reference", self.reference, "--tolerance", value, hint=False)
            for option in ("--duration", "--warmup"):
                self.bad(USAGE, value, "bench", self.glyphs, option, value, hint=False)
            self.bad(USAGE, value, "tune", self.glyphs, "--output", self.path("x"), "--tolerance", value, hint=False)
            self.bad(USAGE, value, "tune", self.glyphs, "--output", self.path("x"), "--budget", value)
        for value in ("0", "-1", "1.5", "1e3", "99999999999"):
            said = value + " is not a whole number of 1 or more"
            self.bad(USAGE, said, "bench", self.glyphs, "--iterations", value, hint=False)
        for value in ("1e300", "1e7", "1e999", "7s", ""):
            for option in ("--duration", "--warmup"):
                self.bad(USAGE, option, "bench", self.glyphs, option, value, hint=False)
        for value in ("1e300", "1e7s", "1e999", "9e99h", "-5s", "s", "1x", ""):
            self.bad(USAGE, "--budget", "tune", self.glyphs, "--output", self.path("x"), "--budget", value)
        for value in ("1e300", "1e999", "many", ""):
            self.bad(USAGE, "--tolerance", "verify", self.glyphs, "--reference", self.reference, "--tolerance", value,
                     hint=False)
            self.bad(USAGE, "--tolerance", "tune", self.glyphs, "--output", self.path("x"), "--tolerance", value,
                     hint=False)
        for value in ("0", "-1", "1.5", "1e300", "99999999999999999999", "2147483648", "nan", "many", ""):
            self.bad(USAGE, "--iterations", "bench", self.glyphs, "--iterations", value, hint=False)
            self.bad(USAGE, "--top", "run", self.glyphs, "--input", picture, "--top", value, hint=False)
            self.bad(USAGE, "--threads", "inspect", self.glyphs, "--threads", value, hint=False)
        for value in ("1e300", "1e39", "x", "1,,2", "1,2", "1,2,3,4"):
            self.bad(USAGE, "mean", "run", self.glyphs, "--input", picture, "--mean", value)
            self.bad(USAGE, "std", "run", self.glyphs, "--input", picture, "--std", value)
        for value in ("1e-45", "0", "1,0,1"):
            self.bad(USAGE, "std", "run", self.glyphs, "--input", picture, "--std", value)
        for extent in ("99999999999999999999", "-1", "0", "1e3", ""):
            self.bad(USAGE, "shape", "inspect", self.glyphs, "--shape", f"image=1x3x32x{extent}")
        self.assertNotEqual(self.run_command("inspect", self.glyphs, "--shape",
                                             "image=1x3x9223372036854775807x9223372036854775807").returncode, OK)
        for value in ("99999999999999999999", "1.5", "nan", ""):
            self.bad(USAGE, "integers", "inspect", self.glyphs, "--bind", f"image={value}")
        for value in ("nan", "inf"):
            self.bad(USAGE, value, "run", self.glyphs, "--input", picture, "--mean", value)
            self.bad(USAGE, value, "run", self.glyphs, "--input", picture, "--std", value)
        self.bad(USAGE, "--profile", "bench", self.glyphs, "--json", "--profile", hint=False)

    def test_no_output_replaces_what_is_read_or_another_output(self):
        model, data = self.write("precious.onnx", read(self.glyphs)), read(self.glyphs)
        array = self.write("precious.npy", npy_bytes("<f4", [1, 3, 32, 32], self.input))
        link = self.path("link.plan")
        os.symlink(model, link)
        for output in (model, os.path.join(self.folder.name, ".", "precious.onnx"), link):
            self.bad(USAGE, output, "tune", model, "--output", output, "--budget", "1s")
        self.bad(USAGE, model, "bench", model, "--iterations", "1", "--trace", model)
        for output in (model, array):
            self.bad(USAGE, output, "run", model, "--input", array, "--output", output)
        twice = self.path("twice")
        self.bad(USAGE, twice, "tune", model, "--output", twice, "--records", twice, "--budget", "1s")
        self.bad(USAGE, twice, "tune", model, "--output", twice, "--report", twice, "--budget", "1s")
        self.assertFalse(os.path.exists(twice))
        self.assertEqual(read(model), data)
        self.assertEqual(len(npy(array)), len(self.input))

    def test_a_full_disk_is_told(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(COMMAND + ["inspect", self.glyphs], stdout=full, stderr=subprocess.PIPE, text=True,
                                  check=False)
        self.assertEqual(done.returncode, FILE)
        self.assertIn("stdout", done.stderr)

    def test_outputs_that_cannot_be_written_are_found_before_the_work(self):
        start = time.monotonic()
        self.bad(FILE, "/nowhere/a.plan", "tune", self.glyphs, "--output", "/nowhere/a.plan", "--budget", "60s")
        self.bad(FILE, "/nowhere/a.html", "tune", self.glyphs, "--output", self.path("y.plan"), "--report",
                 "/nowhere/a.html", "--budget", "60s")
        self.bad(FILE, "/nowhere/a.json", "bench", self.glyphs, "--trace", "/nowhere/a.json")
        self.bad(FILE, "/nowhere/a.npy", "run", self.glyphs, "--input", self.glyphs, "--output", "/nowhere/a.npy")
        self.bad(USAGE, "name", "tune", self.glyphs, "--output", "", "--budget", "60s", hint=False)
        self.bad(FILE, "a folder", "tune", self.glyphs, "--output", self.folder.name, "--budget", "60s")
        fifo = self.fifo("out.fifo")
        for option in ("--records", "--report"):
            self.bad(FILE, "a FIFO", "tune", self.glyphs, "--output", self.path("y.plan"), option, fifo, "--budget", "60s")
        self.bad(FILE, "a FIFO", "bench", self.glyphs, "--trace", fifo)
        self.bad(FILE, "a FIFO", "run", self.glyphs, "--input", self.glyphs, "--output", fifo)
        self.assertTrue(stat.S_ISFIFO(os.stat(fifo).st_mode))
        self.assertLess(time.monotonic() - start, 60)

    def test_every_option_that_names_a_file_wants_a_name(self):
        tune = ["tune", self.glyphs, "--output", self.path("y.plan"), "--budget", "1s"]
        run = ["run", self.glyphs, "--input", self.glyphs]
        for command, option in ((tune, "--records"), (tune, "--report"), (tune, "--start"), (run, "--output"),
                                (run, "--labels"), (run, "--plan"), (["bench", self.glyphs], "--trace"),
                                (["verify", self.glyphs], "--reference"),
                                (["explain", self.glyphs, "--plan", self.plan], "--records")):
            self.bad(USAGE, option, *command, option, "", hint=False)
        self.bad(USAGE, "name", "inspect", "", hint=False)
        self.bad(USAGE, "name", "plan", "show", "", hint=False)

    def test_device_nodes_and_links_are_not_replaced(self):
        node = self.path("node")
        try:
            os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except PermissionError:
            self.skipTest("no permission to make device nodes")
        array = self.write("dev.npy", npy_bytes("<f4", [1, 3, 32, 32], self.input))
        try:
            with open(node, "wb"):
                code = OK
        except OSError:
            code = FILE  # devices do not work in the temporary folder
        for command in (["tune", self.glyphs, "--budget", "1s", "--output", node],
                        ["run", self.glyphs, "--input", array, "--output", node],
                        ["bench", self.glyphs, "--iterations", "1", "--trace", node]):
            self.good(*command, code=code)
            info = os.lstat(node)
            self.assertTrue(stat.S_ISCHR(info.st_mode))
            self.assertEqual(info.st_rdev, os.makedev(1, 3))
        target, link = self.write("linked.json", "old"), self.path("link.json")
        os.symlink("linked.json", link)
        self.good("bench", self.glyphs, "--iterations", "1", "--trace", link)
        self.assertTrue(os.path.islink(link))
        json.loads(read(target))

    def test_no_file_beside_an_output_is_touched(self):
        victim = self.write("victim", "precious")
        trace, array = self.path("t.json"), self.write("in.npy", npy_bytes("<f4", [1, 3, 32, 32], self.input))
        os.symlink(victim, trace + ".part")
        self.good("bench", self.glyphs, "--iterations", "1", "--trace", trace)
        self.assertEqual(read(victim), b"precious")
        self.assertTrue(os.path.islink(trace + ".part"))
        part = self.write("out.npy.part", read(array))
        os.rename(part, self.path("out.part"))
        raw = self.write("x.npy.part", self.input)
        self.good("run", self.glyphs, "--input", raw, "--output", self.path("x.npy"))
        self.assertEqual(read(raw), self.input)

    def test_each_of_several_outputs_is_checked_before_the_work(self):
        model, values = self.write("two.onnx", two_outputs()), struct.pack("<2f", 1.0, -2.0)
        out, array = self.path("two.npy"), self.write("two.npy.1", npy_bytes("<f4", [2], values))
        raw = self.write("two.raw", values)
        self.bad(USAGE, "two.npy.1", "run", model, "--input", array, "--output", out)
        self.assertEqual(npy(array), values)
        self.assertFalse(os.path.exists(out + ".0"))
        os.remove(array)
        os.mkdir(array)
        self.bad(FILE, "two.npy.1", "run", model, "--input", raw, "--output", out)
        self.assertFalse(os.path.exists(out + ".0"))
        os.rmdir(array)
        self.good("run", model, "--input", raw, "--output", out)
        self.assertEqual(struct.unpack("<2f", npy(out + ".0")), (1.0, 0.0))
        self.assertEqual(struct.unpack("<2f", npy(out + ".1")), (1.0, 2.0))

    def test_an_output_is_not_where_stdout_goes(self):
        name = self.path("both.json")
        with open(name, "w", encoding="ascii") as both:
            done = subprocess.run(COMMAND + ["bench", self.glyphs, "--iterations", "1", "--trace", name], stdout=both,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("stdout", done.stderr)

    def test_nothing_waits_for_a_fifo(self):
        fifo, array = self.fifo("in.fifo"), self.write("f.npy", npy_bytes("<f4", [1, 3, 32, 32], self.input))
        for name in (".png", ".npy", ".raw"):
            os.symlink(fifo, self.path("fifo" + name))
            self.bad(FILE, "a FIFO", "run", self.glyphs, "--input", self.path("fifo" + name))
        self.bad(FILE, "a FIFO", "inspect", fifo)
        self.bad(FILE, "a FIFO", "run", self.glyphs, "--input", array, "--labels", fifo)
        self.bad(FILE, "a FIFO", "bench", self.glyphs, "--plan", fifo)
        self.bad(FILE, "a FIFO", "plan", "show", fifo)
        self.bad(FILE, "a FIFO", "verify", self.glyphs, "--reference", fifo)
        self.bad(FILE, "a FIFO", "explain", self.glyphs, "--plan", self.plan, "--records", fifo)
        self.bad(FILE, "a FIFO", "tune", self.glyphs, "--output", self.path("f.plan"), "--start", fifo)
        weights = self.write("weights.onnx", weights_in("in.fifo"))
        self.bad(FILE, "a FIFO", "inspect", weights)

    @classmethod
    def fifo(cls, name):
        os.mkfifo(cls.path(name))
        return cls.path(name)

    @staticmethod
    def wait_for_handler(pid, number):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt:"))
            if caught >> (number - 1) & 1:
                return
            time.sleep(0.01)
        raise AssertionError(f"process {pid} never caught signal {number}")

    def test_interrupted_tuning_keeps_what_was_learnt(self):
        plan, records = self.path("stopped.plan"), self.path("stopped.jsonl")
        self.write("stopped.plan", b"what was there before")
        with subprocess.Popen(COMMAND + ["tune", self.glyphs, "--output", plan, "--records", records, "--budget", "600s",
                                         "--threads", "2", "--json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            if EMULATED:
                time.sleep(5)
            else:
                self.wait_for_handler(child.pid, signal.SIGINT)
            child.send_signal(signal.SIGINT)
            output, errors = child.communicate(timeout=120)
        self.assertEqual(child.returncode, OK, errors)
        self.assertTrue(json.loads(output)["stopped"])
        self.good("plan", "check", self.glyphs, "--plan", plan)
        for line in read(records).decode().splitlines():
            json.loads(line)


if __name__ == "__main__":
    COMMAND = [sys.argv[1]]
    SOURCE = sys.argv[2]
    rest = sys.argv[3:]
    if rest[:1] == ["--emulator"]:
        COMMAND = shlex.split(rest[1]) + COMMAND
        EMULATED = True
        rest = rest[2:]
    unittest.main(argv=[sys.argv[0]] + rest)
