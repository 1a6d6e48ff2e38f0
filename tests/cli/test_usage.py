# SPDX-License-Identifier: Apache-2.0
"""Options, models, plans and records that are refused: each is named, with what to do."""

import os
import re

from command import DIFFERENT, FILE, MODEL, OK, PLAN, RESOURCES, USAGE, Command, png_bytes, read


class Usage(Command):
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

    def test_layers(self):
        good = "abs : f32 2 -> f32 2"
        self.bad(USAGE, "column 7: expected a data type", "bench", "--layer", "abs : f3 2 -> f32 2")
        self.bad(USAGE, "column 1: expected an operator", "bench", "--layer", "")
        self.bad(MODEL, "part 0, abs: result 0 must be f32 2", "bench", "--layer", "abs : f32 2 -> f32 3")
        self.bad(MODEL, "layers have it as clamp max=inf min=0.0", "bench", "--layer", "relu : f32 2 -> f32 2")
        self.bad(USAGE, "abs.none", "bench", "--layer", good, "--kernel", "abs.none")
        self.bad(USAGE, "negative stride", "bench", "--layer", good + " strides=-1")
        self.bad(RESOURCES, "4 GiB", "bench", "--layer", good + " strides=281474976710656")
        self.bad(RESOURCES, "2^48", "bench", "--layer", "abs : f32 281474976710656x2 -> f32 2")
        self.bad(USAGE, "model", "bench", self.glyphs, "--layer", good, hint=False)
        self.bad(USAGE, "--profile", "bench", "--layer", good, "--profile", hint=False)
        self.bad(USAGE, "--layer", "bench", self.glyphs, "--kernel", "abs.loop.f32.portable", hint=False)

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
            plan["points"][0]["layers"]["/classifier/Gemm"] = {"kernel": "gemm.magic.f32.moon", "revision": 1,
                                                                     "formats": "nchw f32"}
        path = self.changed_plan("magic.plan", unknown_kernel)
        done = self.good("bench", self.glyphs, "--plan", path, "--iterations", "1")
        self.assertIn("gemm.magic.f32.moon", done.stderr)
        self.assertIn("gemm.magic.f32.moon", self.good("plan", "check", self.glyphs, "--plan", path, code=DIFFERENT).stdout)

        def other_device(plan):
            plan["device"]["isa"] = ["neon"]
            plan["device"]["cores"] = [{"midr": "0x410fd034", "count": 4}]
        path = self.changed_plan("arm.plan", other_device)
        self.assertIn("device", self.good("bench", self.glyphs, "--plan", path, "--iterations", "1").stderr)

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
        for value in ("1e", "1,,2", "1;2", "one", ""):
            self.bad(USAGE, "list of numbers", "inspect", self.glyphs, "--bind", f"image={value}")
        for value in ("1.5", "1", "1,2.5"):
            self.bad(USAGE, "does not fit", "inspect", self.glyphs, "--bind", f"image={value}")
        self.bad(USAGE, "1e+39 is no number of type f32", "inspect", self.glyphs, "--bind", "image=1e39")
        for value in ("nan", "inf"):
            self.bad(USAGE, value, "run", self.glyphs, "--input", picture, "--mean", value)
            self.bad(USAGE, value, "run", self.glyphs, "--input", picture, "--std", value)
        self.bad(USAGE, "--profile", "bench", self.glyphs, "--json", "--profile", hint=False)
