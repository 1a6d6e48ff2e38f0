#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the models that docs/models.md shows being refused.

    models.py FOLDER
"""

import os
import sys

try:
    import numpy
    from onnx import TensorProto, helper, numpy_helper, save
except ImportError as error:
    sys.exit(f"{error}; Debian's package is python3-onnx")


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def several():
    """Three nodes with attributes that ONNX does not have, or had not in this opset."""
    nodes = [
        helper.make_node("Conv", ["image", "weights"], ["features"], name="stem", auto_pad="SAME"),
        helper.make_node("Pad", ["image", "pads"], ["framed"], name="border", mode="wrap"),
        helper.make_node("Resize", ["image", "", "scales"], ["large"], name="larger", mode="spline"),
    ]
    constants = {
        "weights": numpy.zeros((8, 3, 3, 3), numpy.float32),
        "pads": numpy.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "scales": numpy.array([1, 1, 2, 2], numpy.float32),
    }
    return nodes, [value("image", [1, 3, 32, 32])], [value(name, None) for name in ("features", "framed", "large")], constants


def free():
    """The number of pictures and their size are left to whoever runs it."""
    nodes = [helper.make_node("Relu", ["image"], ["positive"], name="relu")]
    return nodes, [value("image", ["batch", 3, "height", "width"])], [value("positive", None)], {}


def unknown():
    """An operator that Fettle does not have, and one that is not ONNX's."""
    nodes = [
        helper.make_node("Bernoulli", ["image"], ["noise"], name="coin"),
        helper.make_node("FancyPooling", ["noise"], ["scores"], name="pool", domain="com.example"),
    ]
    return nodes, [value("image", [1, 3, 32, 32])], [value("scores", None)], {}


def loop():
    """How often the loop runs is only known when data comes."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["again"], ["go_on"]), helper.make_node("Add", ["x", "one"], ["next"])],
        "body",
        [value("i", [], TensorProto.INT64), value("again", [], TensorProto.BOOL), value("x", [4])],
        [value("go_on", [], TensorProto.BOOL), value("next", [4])],
    )
    nodes = [helper.make_node("Loop", ["count", "", "start"], ["end"], name="repeat", body=body)]
    inputs = [value("start", [4]), value("count", [], TensorProto.INT64)]
    return nodes, inputs, [value("end", [4])], {"one": numpy.ones(4, numpy.float32)}


def strings():
    """What strings there are, nobody can compute with; the scores beside them could be."""
    nodes = [
        helper.make_node("Gather", ["labels", "best"], ["name"], name="label"),
        helper.make_node("Softmax", ["scores"], ["shares"], name="softmax"),
    ]
    inputs = [value("scores", [1, 3]), value("best", [1], TensorProto.INT64), value("words", [2], TensorProto.STRING)]
    labels = numpy.array(["cat", "dog", "fox"], dtype=object)
    return nodes, inputs, [value("name", None, TensorProto.STRING), value("shares", None)], {"labels": labels}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    for make in (several, free, unknown, loop, strings):
        nodes, inputs, outputs, constants = make()
        tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
        graph = helper.make_graph(nodes, make.__name__, inputs, outputs, tensors)
        save(helper.make_model(graph, opset_imports=opset, ir_version=8), os.path.join(sys.argv[1], f"{make.__name__}.onnx"))


if __name__ == "__main__":
    main()
