# SPDX-License-Identifier: Apache-2.0
"""What each command prints and writes when all is well."""

import json
import os
import struct

import command
from command import DIFFERENT, USAGE, Command, npy, npy_bytes, onnx_model, png_bytes, read, sum_of_squares


class Commands(Command):
    def test_help_names_every_command(self):
        text = self.good("--help").stdout
        for command in ("inspect", "tune", "run", "bench", "verify", "explain", "variants", "plan", "kernels",
                        "quantize"):
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
        self.assertNotIn("passes", data)

    def test_inspect_shows_the_passes(self):
        text = self.good("inspect", self.glyphs, "--passes").stdout
        self.assertRegex(text, r"simplify +0 +\d+ ")
        passes = self.json("inspect", self.glyphs, "--passes")["passes"]
        self.assertEqual(passes[0]["name"], "simplify")
        self.assertEqual(passes[-1]["nodes_after"], 32)
        self.assertFalse(any(run["changed"] for run in passes if run["round"] == passes[-1]["round"]))
        for run in passes:
            self.assertEqual(run["nodes_after"] - run["nodes_before"], sum(run["operators"].values()))

    def test_kernels(self):
        known = {row["kernel"] for row in self.json("variants")}
        lines = self.good("kernels", self.glyphs).stdout.splitlines()
        self.assertEqual(lines[0], f"# {self.glyphs}")
        names = lines[1:]
        self.assertEqual(names, sorted(set(names)))
        self.assertLessEqual({name.split("+")[0] for name in names}, known)
        self.assertTrue(any(name.startswith("conv.") for name in names))

    def test_kernels_with_epilogues(self):
        listed = {row["kernel"]: row["epilogues"] for row in self.json("variants")}
        self.assertEqual(listed["conv.gemm.f32.portable"], ["+add"])
        self.assertEqual(listed["add.loop.f32.portable"], [])
        self.assertIn("conv.gemm.f32.portable ", self.good("variants").stdout)
        region = next((layer["layer"], v) for layer in self.json("variants", self.glyphs) for v in layer["variants"]
                      if v["kernel"] == "conv.gemm.f32.portable" and v["covers"] and v["refusal"] is None)
        layer, variant = region
        self.assertIn(f"covers {variant['covers'][0]}", self.good("variants", self.glyphs).stdout)
        plan = json.loads(read(self.plan))
        layers = plan["points"][0]["layers"]
        # The region takes the place of whatever the plan has for its layers.
        for name in [name for name, entry in layers.items() if {layer, *variant["covers"]} & {name, *entry.get("covers", [])}]:
            del layers[name]
        layers[layer] = {"kernel": variant["kernel"], "revision": 1, "formats": variant["formats"], "covers": variant["covers"]}
        path = self.path("epilogue.plan")
        with open(path, "w") as file:
            json.dump(plan, file)
        names = self.good("kernels", self.glyphs, "--plan", path).stdout.splitlines()[1:]
        self.assertIn("conv.gemm.f32.portable+add", names)
        self.assertTrue(all(name.split("+")[0] in listed for name in names))

    def test_variants(self):
        data = self.json("variants", self.glyphs)
        self.assertEqual(len(data), 32)
        # A layer's default may compute the next one's sum too, which then has none of its own.
        covered = {other for layer in data for v in layer["variants"] if v["default"] for other in v["covers"]}
        self.assertTrue(covered)
        for layer in data:
            self.assertEqual(sum(v["default"] for v in layer["variants"]), int(layer["layer"] not in covered), layer["layer"])
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

    def test_bench_of_one_layer(self):
        convolution = next(layer["desc"] for layer in self.json("inspect", self.glyphs)["layers"]
                           if layer["desc"].startswith("conv") and "nchw 1x16x16x16" in layer["desc"])
        self.assertIn(convolution, self.good("inspect", self.glyphs).stdout)
        quick = ["--iterations", "1", "--warmup", "0"]
        data = self.json("bench", "--layer", convolution, "--threads", "2", *quick)
        self.assertEqual(data["layer"], convolution)
        self.assertGreater(data["macs"], 0)
        self.assertEqual(data["refused"], [])
        known = {row["kernel"] for row in self.json("variants")}
        for row in data["kernels"]:
            self.assertIn(row["kernel"], known)
            self.assertGreater(row["gflops"], 0)
            self.assertLessEqual(row["min_us"], row["median_us"])
            self.assertLess(row["relative_error"], 1e-4, row)
        kernels = {row["kernel"] for row in data["kernels"]}
        self.assertIn("conv.direct.any.reference", kernels)
        self.assertTrue(any(kernel.endswith(".portable") for kernel in kernels))
        one = self.json("bench", "--layer", convolution, "--kernel", "conv.direct.any.reference", *quick)
        self.assertEqual([row["kernel"] for row in one["kernels"]], ["conv.direct.any.reference"])
        text = self.good("bench", "--layer", convolution, *quick).stdout
        self.assertTrue(text.startswith(convolution + "\n"))
        self.assertIn("best GFLOP/s", text)

    def test_bench_of_a_layer_as_it_is_laid_out(self):
        text = "abs : f32 nhwc 1x8x4x4 -> f32 nhwc 1x8x4x4"
        rows = self.json("bench", "--layer", text, "--iterations", "1")["kernels"]
        self.assertTrue(rows)
        self.assertEqual({row["formats"] for row in rows}, {"as given"})
        self.assertEqual({row["gflops"] for row in rows}, {None})
        strided = "abs : f32 nchw 2x8x4x4 -> f32 nchw 2x8x4x4 strides=256,16,4,1"
        self.assertIn("abs.direct.any.reference",
                      {row["kernel"] for row in self.json("bench", "--layer", strided, "--iterations", "1")["kernels"]})
        named = self.good("bench", "--layer", text, "--kernel", "add.loop.f32.portable", code=DIFFERENT).stdout
        self.assertEqual(named.splitlines()[1].split(), ["add.loop.f32.portable", "as", "given", "refused:", "op"])
        refused = self.json("bench", "--layer", text, "--kernel", "add.loop.f32.portable", code=DIFFERENT)
        self.assertEqual((refused["kernels"], refused["refused"][0]["refusal"]), ([], "op"))
        # Nothing computes in a type that no kernel has.
        none = self.good("bench", "--layer", "erf : u16 2 -> u16 2", code=DIFFERENT).stdout
        self.assertIn("no kernel of this build", none)

    def test_a_network_whose_data_say_how_much_there_is(self):
        nodes = [("Compress", ["x", "which"], ["some"]), ("Exp", ["some"], ["grown"]), ("Mul", ["grown", "grown"], ["y"])]
        model = self.write("some.onnx", onnx_model(nodes, [("x", [64]), ("which", [64], 9)], [("y", ["n"])]))
        text = self.good("inspect", model).stdout
        self.assertIn("output  y f32 at most 64\n", text)
        self.assertIn("multiply-accumulates at most ", text)
        data = self.json("inspect", model)
        self.assertEqual([tensor["bounded"] for tensor in data["inputs"] + data["outputs"]], [False, False, True])
        # Tuned at the bounds; whatever cannot follow is refused with the reason, and the plan fits.
        plan, records = self.path("some.plan"), self.path("some.jsonl")
        self.good("tune", model, "--output", plan, "--budget", "1s", "--records", records)
        self.good("plan", "check", model, "--plan", plan)
        layers = {row["layer"]: row for row in self.json("explain", model, "--plan", plan, "--records", records)}
        grown = next(row for name, row in layers.items() if row["desc"].startswith("exp"))
        self.assertIn("<=64", grown["desc"])
        refusals = {variant["refusal"] for variant in grown["variants"]}
        self.assertIn(None, refusals)
        chosen = [variant for variant in grown["variants"] if variant["chosen"]]
        self.assertEqual([variant["refusal"] for variant in chosen], [None])
        x, some = self.write("x.npy", npy_bytes("<f4", [64], struct.pack("<64f", *[0.0] * 64))), [1, 0, 0, 1] + [0] * 60
        which = self.write("which.npy", npy_bytes("|b1", [64], bytes(some)))
        result = self.path("some.npy")
        self.good("run", model, "--plan", plan, "--input", f"x={x}", "--input", f"which={which}", "-o", result)
        self.assertEqual(npy(result), struct.pack("<2f", 1, 1))

    def test_bench_of_a_region(self):
        text = ("conv dilations=[1,1] group=1 kernel_shape=[1,1] pads=[0,0,0,0] strides=[1,1] (0 1) + add (r0 2) : f32 nchw "
                "1x8x4x4, f32 const 8x8x1x1, f32 nchw 1x8x4x4 -> f32 nchw 1x8x4x4 via f32 nchw 1x8x4x4")
        rows = self.json("bench", "--layer", text, "--iterations", "1")["kernels"]
        self.assertIn("conv.gemm.f32.portable", {row["kernel"] for row in rows})
        self.assertLess(max(row["relative_error"] for row in rows), 1e-4)

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

    def glyph_data(self):
        folder = os.path.join(command.SOURCE, "examples/glyphs")
        return ["--data", os.path.join(folder, "test_images.npy"), "--mean", "127.5", "--std", "127.5"], \
            ["--labels", os.path.join(folder, "test_labels.npy")]

    def test_verify_measures_accuracy(self):
        data, labels = self.glyph_data()
        result = self.json("verify", self.glyphs, *data, *labels, "--plan", self.plan, "--samples", "100")
        self.assertEqual(result["samples"], 100)
        self.assertGreater(result["top1"], 0.9)
        self.assertGreaterEqual(result["top5"], result["top1"])
        self.assertEqual(result["agreement"], 1)
        self.assertEqual(result["drop"]["value"], 0)
        self.assertGreater(result["drop"]["high"], 0)
        self.assertEqual(result["reference"]["top1"], result["top1"])
        # Without labels: agreement, divergence and noise alone.
        result = self.json("verify", self.glyphs, *data, "--samples", "20")
        self.assertNotIn("top1", result)
        self.assertEqual(result["changed"]["value"], 0)
        # An interval of 20 samples is wider than a point.
        bound = ["--max-accuracy-drop", "1%", "--samples", "20"]
        self.assertIn("within", self.good("verify", self.glyphs, *data, *labels, *bound).stdout)
        self.assertIn("ABOVE", self.good("verify", self.glyphs, *data, *labels, *bound, "--strict", code=DIFFERENT).stdout)

    def test_verify_takes_a_folder_with_labels(self):
        folder = self.path("pictures")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "a.png"), "wb") as file:
            file.write(png_bytes(32, 32, self.pixels))
        with open(os.path.join(folder, "b.npy"), "wb") as file:
            file.write(npy_bytes("<f4", [1, 3, 32, 32], self.input))
        with open(os.path.join(folder, "c.npy"), "wb") as file:
            file.write(npy_bytes("|u1", [32, 32, 3], self.pixels))
        rows = f'file,class\na.png,{self.label}\n"b.npy",{self.label},more\nc.npy,{self.label}\n'
        labels = self.write("labels.csv", rows.encode())
        result = self.json("verify", self.glyphs, "--data", folder, "--labels", labels, "--mean", "127.5", "--std", "127.5")
        self.assertEqual((result["samples"], result["top1"]), (3, 1))
        wrong = self.write("wrong.csv", rows.replace(f",{self.label}", f",{(self.label + 1) % 36}").encode())
        result = self.json("verify", self.glyphs, "--data", folder, "--labels", wrong, "--mean", "127.5", "--std", "127.5")
        self.assertEqual(result["top1"], 0)

    def test_quantize_writes_plans_and_models(self):
        data, labels = self.glyph_data()
        plan, model = self.path("q.plan"), self.path("q.onnx")
        report = self.json("quantize", self.glyphs, *data, *labels, "--samples", "120", "-o", plan)
        self.assertEqual(report["calibration_samples"], 60)
        self.assertEqual(report["accuracy"]["samples"], 60)
        self.assertGreater(report["accuracy"]["agreement"], 0.9)
        self.assertLess(report["constant_bytes"], report["real_constant_bytes"] / 2)
        self.assertGreater(report["layers"], report["all_layers"] / 2)
        self.assertEqual(len(report["sensitivity"]), len({row["layer"] for row in report["sensitivity"]}))
        bench = self.json("bench", self.glyphs, "--plan", plan, "--iterations", "2")
        self.assertLess(bench["weight_bytes"], self.json("bench", self.glyphs, "--iterations", "2")["weight_bytes"])
        self.assertIn(": s8 nchw scale=", self.good("inspect", self.glyphs, "--plan", plan).stdout)
        verified = self.json("verify", self.glyphs, "--plan", plan, *data, *labels)
        self.assertGreater(verified["agreement"], 0.9)
        text = self.good("quantize", self.glyphs, *data, "--samples", "60", "-o", model, "--method", "mse").stdout
        self.assertIn("expected loss", text)
        against = self.json("verify", model, "--against", self.glyphs, *data, *labels)
        self.assertGreater(against["agreement"], 0.9)
        self.good("plan", "check", self.glyphs, "--plan", plan)
        tuned = self.path("tuned.plan")
        self.good("tune", self.glyphs, "--start", plan, "--budget", "1s", "-o", tuned)
        quantisation = json.loads(read(plan))["quantisation"]
        self.assertEqual(json.loads(read(tuned))["quantisation"], quantisation)
        self.assertIn("q8", self.good("explain", self.glyphs, "--plan", tuned).stdout)

    def test_quantize_keeps_an_accuracy(self):
        data, labels = self.glyph_data()
        plan = self.path("accurate.plan")
        common = ["quantize", self.glyphs, *data, *labels, "--samples", "60", "-o", plan]
        report = self.json(*common, "--max-accuracy-drop", "20%")
        self.assertTrue(report["within"])
        # So few samples cannot show so little, whatever is in floats.
        result = self.good(*common, "--max-accuracy-drop", "0.01%", "--strict", "--json", code=DIFFERENT)
        self.assertFalse(json.loads(result.stdout)["within"])
        self.assertTrue(json.loads(read(plan))["quantisation"]["layers"])

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
        opposite = list({tuple(record[key] for key in ("layer", "kernel", "formats", "threads")): record
                         for record in twins + measured}.values())
        for number, record in enumerate(opposite):
            record["us"].update(quiet=1 + number, median=10 ** 6 - number)
        changed = self.write("opposite.jsonl", "".join(json.dumps(record) + "\n" for record in opposite))
        arguments = ("explain", self.glyphs, "--plan", plan, "--records", changed, "--threads", "2")
        several = 0
        for layer in self.json(*arguments):
            measured = [v for v in layer["variants"] if v["median_us"] > 0]
            several += len(measured) > 1
            self.assertEqual(measured, sorted(measured, key=lambda v: v["quiet_us"]), layer["layer"])
            self.assertTrue(all(v["quiet_us"] < v["median_us"] for v in measured))
        self.assertGreater(several, 0)
        self.assertRegex(self.good(*arguments).stdout, r" [0-9]+\.00 us \(median 999[0-9]{3}\.00, ")

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
        shared = os.environ.get("FETTLE_SHARED") or os.path.join(command.SOURCE, "..", "shared")
        names = ["kws_dscnn", "resnet8_cifar10"] + ([] if command.EMULATED else ["face_rfb_320", "squeezenet1.1"])
        if not os.path.isdir(os.path.join(shared, "models")):
            self.skipTest("no shared models")
        for name in names:
            model, reference = f"{shared}/models/{name}.onnx", f"{shared}/refs/{name}.npz"
            self.assertLess(self.json("verify", model, "--reference", reference)["largest_relative_error"], 1e-4)
