// SPDX-License-Identifier: Apache-2.0
//
// Builds products that are quantised while the network runs, as quantisers write them.
#pragma once

#include "tests/graph/qdq_builder.h"

namespace fettle::graph {

/// What a test may choose of such a product.
struct DynamicProduct {
  Op op = Op::matmul_integer;  ///< or conv_integer
  Shape x;
  Shape weight;
  DataType type = DataType::u8;  ///< of the weights
  std::vector<std::uint8_t> numbers;
  std::vector<std::uint8_t> zeros;      ///< none, one, or one for each output channel
  std::vector<float> scales = {0.01f};  ///< of the weights: one, or one for each output channel
  std::vector<float> bias;              ///< none, or one for each output channel
  bool scales_multiplied = true;        ///< x's scale times the weights' first, as ONNX Runtime has it
  Attributes attributes;
};

/// The product of a new input of f32; its result. The weights come first, then the multiplications.
inline ValueId add_dynamic_product(QdqBuilder& b, const DynamicProduct& product) {
  Graph& graph = b.graph;
  const ValueId x = b.stored_input(product.x, DataType::f32);
  Node quantize;
  quantize.op = Op::dynamic_quantize_linear;
  quantize.id = "quantize";
  quantize.inputs = {x};
  for (const char* name : {"bytes", "scale", "zero"}) {
    Value value;
    value.name = name;
    quantize.outputs.push_back(graph.add_value(std::move(value)));
  }
  const std::vector<ValueId> given = quantize.outputs;
  graph.add_node(std::move(quantize));
  // Constants of a convolution's channels have all axes behind the channels too.
  const auto channels = [&](std::size_t count) {
    if (count == 1) return Shape{};
    Shape shape{static_cast<std::int64_t>(count)};
    for (int i = 2; product.op == Op::conv_integer && i < product.x.rank(); ++i) shape.push_back(1);
    return shape;
  };
  std::vector<ValueId> inputs{given[0], b.raw(product.weight, product.type, product.numbers), given[2]};
  if (!product.zeros.empty())
    inputs.push_back(
        b.raw(product.zeros.size() == 1 ? Shape{} : Shape{static_cast<std::int64_t>(product.zeros.size())},
              product.type, product.zeros));
  const ValueId sums = b.op(product.op, std::move(inputs), product.attributes);
  Attributes to;
  to.set("to", std::string("f32"));
  const ValueId real = b.op(Op::cast, {sums}, to);
  const ValueId scales = b.raw(channels(product.scales.size()), DataType::f32, product.scales);
  ValueId result = product.scales_multiplied ? b.op(Op::mul, {real, b.op(Op::mul, {given[1], scales})})
                                             : b.op(Op::mul, {b.op(Op::mul, {real, scales}), given[1]});
  if (!product.bias.empty())
    result = b.op(Op::add, {b.raw(channels(product.bias.size()), DataType::f32, product.bias), result});
  return result;
}

}  // namespace fettle::graph
