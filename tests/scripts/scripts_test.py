#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the scripts that make networks and tables do, and what docs/models.md shows.

    scripts_test.py FETTLE SOURCE_FOLDER [unittest arguments]

The system's Python runs this, as it runs those scripts; exit code 77 where it has no onnx.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    print(f"skipped: {error}; Debian's package is python3-onnx")
    sys.exit(77)

FETTLE = SOURCE = ""
SCALE, ZERO = 0.05, 10  # of all activations, in int8


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, check=False)


def quantised_network(constants=(), input_type=TensorProto.FLOAT):
    """A convolution with a scale for each output channel and a bias, and a pooling between quantised values."""
    random = numpy.random.default_rng(1)
    weights = random.integers(-127, 128, (4, 3, 3, 3)).astype(numpy.int8)
    scales = numpy.array([0.01, 0.02, 0.03, 0.015], numpy.float32)
    values = {
        "s": numpy.float32(SCALE), "z": numpy.int8(ZERO),
        "w": weights, "ws": scales, "wz": numpy.zeros(4, numpy.int8),
        "b": random.integers(-500, 500, 4).astype(numpy.int32), "bs": scales * numpy.float32(SCALE),
        "bz": numpy.zeros(4, numpy.int32),
    } | dict(constants)
    node = helper.make_node
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
        node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=0),
        node("DequantizeLinear", ["b", "bs", "bz"], ["bd"], axis=0),
        node("Conv", ["xd", "wd", "bd"], ["c"], pads=[1, 1, 1, 1]),
        node("QuantizeLinear", ["c", "s", "z"], ["cq"]),
        node("DequantizeLinear", ["cq", "s", "z"], ["cd"]),
        node("MaxPool", ["cd"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("QuantizeLinear", ["p", "s", "z"], ["pq"]),
        node("DequantizeLinear", ["pq", "s", "z"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("x", input_type, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 4, 4])],
        [numpy_helper.from_array(numpy.asarray(value), name) for name, value in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)


class ExportFloats(Folder):
    def export(self, model):
        onnx.save(model, self.path("small_qdq.onnx"))
        return run(os.path.join(SOURCE, "scripts/export-floats"), self.folder.name, self.path("small_qdq.onnx"))

    def layers(self, name):
        done = run(FETTLE, "inspect", self.path(name), "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [layer["desc"] for layer in json.loads(done.stdout)["layers"]]

    def outputs(self, name, values):
        numpy.save(self.path("x.npy"), values)
        done = run(FETTLE, "run", self.path(name), "--input", self.path("x.npy"), "--output", self.path("y.npy"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return numpy.load(self.path("y.npy"))

    def test_the_copy_is_the_network_in_floats(self):
        done = self.export(quantised_network())
        self.assertEqual(done.returncode, 0, done.stderr)
        before, after = self.layers("small_qdq.onnx"), self.layers("small_qdq_in_floats.onnx")
        self.assertTrue(any("s8" in layer for layer in before), before)
        self.assertFalse(any("s8" in layer or "quantize" in layer for layer in after), after)
        for operator in ("conv", "max_pool"):
            self.assertEqual(sum(layer.startswith(operator + " ") for layer in after), 1, after)
        # Values far outside what int8 holds, so that the bounds matter.
        values = numpy.random.default_rng(2).normal(0, 6, (1, 3, 8, 8)).astype(numpy.float32)
        wanted, got = self.outputs("small_qdq.onnx", values), self.outputs("small_qdq_in_floats.onnx", values)
        self.assertAlmostEqual(float(got.max()), (127 - ZERO) * SCALE, places=5)
        # An input off by half a unit moves a sum of 27 products by a few units.
        self.assertLess(numpy.abs(got - wanted).max(), 10 * SCALE)
        self.assertGreater(numpy.corrcoef(got.ravel(), wanted.ravel())[0, 1], 0.999)

    def test_what_cannot_be_written_in_floats_is_refused(self):
        for model, mention in ((quantised_network(input_type=TensorProto.INT8), "x is not of floats"),
                               (quantised_network(constants={"s": numpy.float32([1, 2, 3])}), "xq")):
            done = self.export(model)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(mention, done.stderr)
            self.assertFalse(os.path.exists(self.path("small_qdq_in_floats.onnx")))


class InsertTable(Folder):
    def insert(self, text):
        for name, content in (("page.md", text), ("table.md", "| new |\n")):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(content)
        done = run(os.path.join(SOURCE, "scripts/insert-table"), self.path("page.md"), "speed", self.path("table.md"))
        with open(self.path("page.md"), encoding="utf-8") as file:
            return done, file.read()

    def test_replaces_what_is_between_the_markers(self):
        done, text = self.insert("a\n<!-- speed:begin -->\n| old |\n<!-- speed:end -->\nb\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(text, "a\n<!-- speed:begin -->\n| new |\n<!-- speed:end -->\nb\n")

    def test_leaves_a_document_without_markers_alone(self):
        for broken in ("a\n", "<!-- speed:end -->\n<!-- speed:begin -->\n", "<!-- speed:begin -->\n"):
            done, text = self.insert(broken)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("<!-- speed:begin -->", done.stderr)
            self.assertEqual(text, broken)


class RefusedModels(Folder):
    """The examples of docs/models.md."""

    def setUp(self):
        super().setUp()
        done = run(os.path.join(SOURCE, "examples/refused/models.py"), self.folder.name)
        self.assertEqual(done.returncode, 0, done.stderr)

    def inspect(self, *arguments):
        return subprocess.run([FETTLE, "inspect", *arguments], cwd=self.folder.name, capture_output=True, text=True,
                              timeout=300, check=False)

    def test_messages_are_those_of_the_document(self):
        with open(os.path.join(SOURCE, "docs/models.md"), encoding="utf-8") as file:
            examples = re.findall(r"```console\n\$ fettle inspect (\S+)\n(.*?)```", file.read(), re.DOTALL)
        self.assertEqual(len(examples), 5)
        for model, message in examples:
            done = self.inspect(model)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stderr, message)

    def test_the_advice_helps(self):
        for arguments in (["free.onnx", "--shape", "image=1x3x224x224"], ["loop.onnx", "--bind", "count=3"]):
            done = self.inspect(*arguments)
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    FETTLE, SOURCE = os.path.abspath(sys.argv[1]), sys.argv[2]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
