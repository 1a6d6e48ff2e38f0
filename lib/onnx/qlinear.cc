// SPDX-License-Identifier: Apache-2.0
//
// QLinearConv and QLinearMatMul mean the same as their float operators between DequantizeLinear and
// QuantizeLinear, so they are imported as these; the pass that knows such groups makes integer layers of
// both.
#include "lib/onnx/node.h"

#include <utility>

namespace fettle::onnx_import {

using graph::ValueId;

namespace {

// QLinearConv and QLinearMatMul begin alike: each operand with its scale and zero point, then the result's.
constexpr std::size_t kA = 0, kB = 3, kY = 6, kBias = 8;

}  // namespace

ValueId NodeImporter::add_dequantize(const std::string& id, std::vector<ValueId> inputs, std::int64_t axis) {
  const ValueId real = new_value();
  graph::Node node{Op::dequantize_linear, id, {}, {}, std::move(inputs), {real}};
  node.attributes.set("axis", axis);
  finish(std::move(node));
  return real;
}

void NodeImporter::add_qlinear(graph::Node node) {
  const std::vector<ValueId> in = node.inputs;
  const ValueId result = node.outputs.front();
  const bool conv = node.op == Op::qlinear_conv;
  // A matrix's scales stand one per row on the left, one per column on the right.
  const std::int64_t axis_a = conv ? 1 : -2;
  const std::int64_t axis_b = conv ? 0 : -1;
  node.op = conv ? Op::conv : Op::matmul;
  node.inputs = {add_dequantize(node.id + ".a", {in[kA], in[kA + 1], in[kA + 2]}, axis_a),
                 add_dequantize(node.id + ".b", {in[kB], in[kB + 1], in[kB + 2]}, axis_b)};
  if (conv && in.size() > kBias && in[kBias] != graph::kNoValue) {
    // The bias is stored in units of both scales, with zero point 0.
    const ValueId scale = new_value();
    finish({Op::mul, node.id + ".scale", {}, {}, {in[kA + 1], in[kB + 1]}, {scale}});
    node.inputs.push_back(add_dequantize(node.id + ".bias", {in[kBias], scale}, 0));
  }
  const ValueId real = new_value();
  graph::Node quantize{Op::quantize_linear, node.id + ".y", {}, {}, {real, in[kY], in[kY + 1]}, {result}};
  quantize.attributes.set("axis", axis_a);
  node.outputs = {real};
  finish(std::move(node));
  finish(std::move(quantize));
}

}  // namespace fettle::onnx_import
