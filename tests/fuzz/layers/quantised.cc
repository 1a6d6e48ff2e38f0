// SPDX-License-Identifier: Apache-2.0
//
// Quantised layers as the compiler makes them: by the pass, from an operator between DequantizeLinear and
// QuantizeLinear.
#include "kernels/reference/evaluate.h"
#include "tests/fuzz/layers/makers.h"
#include "tests/graph/dynamic_builder.h"
#include "tests/graph/qdq_builder.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace fettle::fuzz {
namespace {

using graph::QdqBuilder;
using graph::StoredAs;
using graph::ValueId;

// Numbers without a pattern, from one byte.
std::vector<std::uint8_t> numbers(ByteSource& bytes, std::int64_t count) {
  std::vector<std::uint8_t> result;
  std::uint32_t seed = bytes.byte();
  for (std::int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    result.push_back(static_cast<std::uint8_t>(seed >> 24));
  }
  return result;
}

// Multiples of one number, in f32.
std::vector<std::uint8_t> reals(ByteSource& bytes, std::int64_t count) {
  const float unit = 0.002f * static_cast<float>(bytes.number(1, 40));
  const auto zero = static_cast<float>(bytes.number(0, 255));
  std::vector<float> values;
  for (const std::uint8_t number : numbers(bytes, count))
    values.push_back((static_cast<float>(number) - zero) * unit);
  std::vector<std::uint8_t> result(values.size() * sizeof(float));
  if (!values.empty()) std::memcpy(result.data(), values.data(), result.size());
  return result;
}

DataType any_type(ByteSource& bytes) { return bytes.once_in(2) ? DataType::s8 : DataType::u8; }

StoredAs activation(ByteSource& bytes, DataType type) {
  const float scale = 0.002f * static_cast<float>(bytes.number(1, 40));
  const std::int64_t zero = bytes.once_in(2) ? bytes.number(0, 255) : 128;
  return {type, {scale}, type == DataType::s8 ? zero - 128 : zero};
}

// The one quantised layer that the passes make, with bytes for its operands.
Made layer_of(ByteSource& bytes, QdqBuilder& builder, ValueId result, Op op) {
  graph::Graph& graph = builder.graph;
  graph.outputs = {result};
  graph::PassContext context;
  context.evaluate = kernels::evaluate_reference;
  if (!optimise(graph, context)) return std::nullopt;  // a window larger than its input
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const auto id = static_cast<graph::NodeId>(i);
    const graph::Node& node = graph.node(id);
    if (node.op != op || !node.quantised) continue;
    TestLayer layer{describe(graph, id), {}};
    if (layer.desc.outputs[0].shape.elements() == 0) return std::nullopt;
    for (ValueId input : node.inputs) {
      const graph::Value& value = graph.value(input);
      const std::int64_t count = value.constant ? 0 : value.shape->elements();
      const auto drawn = value.type == DataType::f32 ? reals(bytes, count) : numbers(bytes, count);
      const auto contents = value.constant ? value.constant->bytes : std::as_bytes(std::span(drawn));
      layer.inputs.emplace_back(contents.begin(), contents.end());
    }
    return layer;
  }
  return std::nullopt;
}

// Weights of one scale or one an output channel, and a bias in units of both scales.
struct Weights {
  ValueId weight;
  ValueId bias;
  StoredAs result;  // with a scale that lets the sums use most of the range
};
Weights weights(ByteSource& bytes, QdqBuilder& b, const Shape& shape, int channel_axis, const StoredAs& x) {
  const std::int64_t channels = shape[channel_axis];
  StoredAs as = activation(bytes, bytes.once_in(8) ? any_type(bytes) : x.type);
  as.axis = channel_axis;
  if (channels > 1 && bytes.once_in(2)) as.scales.resize(static_cast<std::size_t>(channels), 0.01f);
  if (as.scales.size() > 1 || bytes.once_in(2)) as.zero = as.type == DataType::s8 ? 0 : 128;
  for (float& scale : as.scales) scale *= static_cast<float>(bytes.number(1, 4));
  StoredAs bias_as{DataType::s32, as.scales, 0, 0};
  for (float& scale : bias_as.scales) scale *= x.scales[0];
  std::vector<std::int32_t> bias;
  for (const std::uint8_t number : numbers(bytes, channels)) bias.push_back((number - 128) * 64);
  StoredAs result = activation(bytes, x.type);
  const auto depth = static_cast<float>(shape.elements() / channels);
  const float largest = *std::max_element(as.scales.begin(), as.scales.end());
  result.scales = {x.scales[0] * largest * 100 * std::sqrt(depth)};
  return {b.constant(shape, numbers(bytes, shape.elements()), as), b.constant(Shape{channels}, bias, bias_as),
          result};
}

Made convolution(ByteSource& bytes, Op op) {
  Integers kernel;
  Attributes a = window(bytes, 2, bytes.once_in(4) ? 7 : 3, kernel);
  const std::int64_t groups = bytes.once_in(2) ? extent(bytes, 4, 45) : 1;
  const std::int64_t in = groups > 4 ? bytes.number(1, 2) : extent(bytes, 5, 35);
  const std::int64_t out = groups > 4 ? bytes.number(1, 2) : extent(bytes, 5, 35);
  a.set("group", groups);
  QdqBuilder b;
  const StoredAs x = activation(bytes, any_type(bytes));
  std::vector<ValueId> operands{b.input(pictures(bytes, 2, groups * in), x)};
  const Weights w = weights(bytes, b, {groups * out, in, kernel[0], kernel[1]}, 0, x);
  operands.push_back(w.weight);
  if (!bytes.once_in(4)) operands.push_back(w.bias);
  return layer_of(bytes, b, b.quantised(b.op(op, operands, std::move(a), any_clamp(bytes)), w.result), op);
}

Made dense(ByteSource& bytes, Op op) {
  const std::int64_t depth = extent(bytes, 9, 150);
  const std::int64_t outputs = extent(bytes, 9, 140);
  const bool turned = op == Op::gemm && bytes.once_in(2);
  QdqBuilder b;
  const StoredAs x = activation(bytes, any_type(bytes));
  Shape shape{extent(bytes, 4, 20), depth};
  if (op == Op::matmul) shape = {bytes.number(1, 3), shape[0], depth};
  std::vector<ValueId> operands{b.input(shape, x)};
  const Weights w =
      weights(bytes, b, turned ? Shape{outputs, depth} : Shape{depth, outputs}, turned ? 0 : 1, x);
  operands.push_back(w.weight);
  Attributes a;
  if (op == Op::gemm) {
    a.set("transB", std::int64_t{turned});
    operands.push_back(w.bias);
  }
  const auto clamp = op == Op::gemm ? any_clamp(bytes) : std::nullopt;
  return layer_of(bytes, b, b.quantised(b.op(op, operands, std::move(a), clamp), w.result), op);
}

// Products that quantise x themselves.
Made dynamic_product(ByteSource& bytes, Op op) {
  graph::DynamicProduct product;
  product.op = op == Op::conv ? Op::conv_integer : Op::matmul_integer;
  const std::int64_t depth = extent(bytes, 9, op == Op::conv ? 35 : 150);
  const std::int64_t outputs = extent(bytes, 9, op == Op::conv ? 35 : 140);
  if (op == Op::conv) {
    Integers kernel;
    product.attributes = window(bytes, 2, 3, kernel);
    product.x = pictures(bytes, 2, depth);
    product.weight = {outputs, depth, kernel[0], kernel[1]};
  } else {
    product.x = {extent(bytes, 4, 20), depth};
    if (op == Op::matmul) product.x = {bytes.number(1, 3), product.x[0], depth};
    product.weight = {depth, outputs};
  }
  product.type = any_type(bytes);
  product.numbers = numbers(bytes, product.weight.elements());
  if (bytes.once_in(2)) product.zeros = {bytes.byte()};
  if (bytes.once_in(2)) product.scales.resize(static_cast<std::size_t>(outputs), 0.01f);
  for (float& scale : product.scales) scale *= static_cast<float>(bytes.number(1, 4));
  if (bytes.once_in(2)) product.bias.resize(static_cast<std::size_t>(outputs), 0.25f);
  QdqBuilder b;
  ValueId y = add_dynamic_product(b, product);
  if (op != Op::matmul && bytes.once_in(3)) y = b.op(Op::relu, {y});
  return layer_of(bytes, b, y, op);
}

Made sum(ByteSource& bytes, Op op) {
  QdqBuilder b;
  const StoredAs x = activation(bytes, any_type(bytes));
  const StoredAs w = activation(bytes, x.type);
  StoredAs y = activation(bytes, x.type);
  if (op == Op::mul) y.scales = {x.scales[0] * w.scales[0] * 100};
  const Shape shape = any_shape(bytes, 1, 4);
  const Shape other = bytes.once_in(2) ? shape : narrowed(bytes, shape);
  const ValueId left = b.input(shape, x);
  const ValueId right =
      bytes.once_in(3) ? b.constant(other, numbers(bytes, other.elements()), w) : b.input(other, w);
  const bool swapped = bytes.once_in(4);
  const ValueId out = b.op(op, {swapped ? right : left, swapped ? left : right}, {}, any_clamp(bytes));
  return layer_of(bytes, b, b.quantised(out, y), op);
}

Made pool(ByteSource& bytes, Op op) {
  const Shape shape = pictures(bytes, 2, extent(bytes, 5, 40));
  Integers kernel;
  Attributes a;
  if (op != Op::global_average_pool) {
    a = window(bytes, 2, 3, kernel);
    a.set("ceil_mode", bytes.number(0, 1));
  }
  if (op == Op::average_pool) {
    a.erase("dilations");
    a.set("count_include_pad", bytes.number(0, 1));
  }
  QdqBuilder b;
  const StoredAs x = activation(bytes, any_type(bytes));
  const StoredAs y = op == Op::max_pool ? x : activation(bytes, x.type);
  const ValueId out = b.op(op, {b.input(shape, x)}, std::move(a), any_clamp(bytes));
  return layer_of(bytes, b, b.quantised(out, y), op);
}

// What only moves stored numbers, or compares them.
Made moved(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 2, 4);
  const StoredAs x = activation(bytes, any_type(bytes));
  QdqBuilder b;
  std::vector<ValueId> operands{b.input(shape, x)};
  Attributes a;
  if (op == Op::concat) {
    a.set("axis", bytes.number(0, shape.rank() - 1));
    operands.push_back(b.input(shape, x));
  } else if (op == Op::transpose) {
    Integers perm;
    for (int axis = 0; axis < shape.rank(); ++axis) perm.insert(perm.begin() + bytes.index(axis), axis);
    a.set("perm", std::move(perm));
  } else if (op == Op::reshape) {
    operands.push_back(b.raw(Shape{2}, DataType::s64, Integers{shape[0], -1}));
  } else if (op == Op::clamp) {
    a.set("min", -10 * x.scales[0]);
    a.set("max", static_cast<float>(bytes.number(-5, 60)) * x.scales[0]);
  }
  return layer_of(bytes, b, b.quantised(b.op(op, operands, std::move(a)), x), op);
}

Made quantised_again(ByteSource& bytes, Op op) {
  QdqBuilder b;
  const StoredAs x = activation(bytes, any_type(bytes));
  return layer_of(bytes, b, b.quantised(b.input(any_shape(bytes), x), activation(bytes, any_type(bytes))),
                  op);
}

// Between integers and real numbers, with scales for all or along an axis.
Made border(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1, 4);
  const std::int64_t axis = bytes.number(0, shape.rank() - 1);
  const Shape each = bytes.once_in(2) ? Shape{shape[static_cast<int>(axis)]} : Shape{};
  const DataType type = any_type(bytes);
  const bool constant = !bytes.once_in(4);
  const Operand x = op == Op::quantize_linear ? input(shape, -9, 9) : typed(shape, type, 0, 255);
  return make_layer(
      op, with("axis", axis),
      {x, typed(each, DataType::f32, 0.01, 0.1, constant), typed(each, type, 0, 255, constant)});
}

// Types that no quantised layer has, and blocks that share a scale.
Made small_border(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1, 4);
  const std::int64_t axis = bytes.number(0, shape.rank() - 1);
  constexpr DataType kTypes[] = {DataType::s4,       DataType::u4,     DataType::s2,    DataType::u2,
                                 DataType::f8e4m3fn, DataType::f8e5m2, DataType::f4e2m1};
  const DataType type = bytes.one_of(kTypes);
  const std::int64_t block = bytes.number(1, 4);
  Shape each = shape;
  each[static_cast<int>(axis)] = (shape[static_cast<int>(axis)] + block - 1) / block;
  Attributes a = with("axis", axis);
  a.set("block_size", block);
  a.set("saturate", bytes.number(0, 1));
  const Operand x = op == Op::quantize_linear ? input(shape, -9, 9) : typed(shape, type, 0, 1);
  return make_layer(op, std::move(a), {x, typed(each, DataType::f32, 0.01, 2), typed(each, type, 0, 1)});
}

Made measured(ByteSource& bytes, Op op) {
  return make_layer(op, {}, {input(any_shape(bytes), bytes.once_in(4) ? 0 : -2)}, {}, 3);
}

}  // namespace

std::span<const LayerMaker> quantised_layers() {
  static constexpr LayerMaker kMakers[] = {{Op::conv, convolution},
                                           {Op::conv, convolution},
                                           {Op::gemm, dense},
                                           {Op::matmul, dense},
                                           {Op::conv, dynamic_product},
                                           {Op::gemm, dynamic_product},
                                           {Op::matmul, dynamic_product},
                                           {Op::add, sum},
                                           {Op::mul, sum},
                                           {Op::max_pool, pool},
                                           {Op::average_pool, pool},
                                           {Op::global_average_pool, pool},
                                           {Op::concat, moved},
                                           {Op::transpose, moved},
                                           {Op::reshape, moved},
                                           {Op::clamp, moved},
                                           {Op::quantize_linear, quantised_again},
                                           {Op::quantize_linear, border},
                                           {Op::dequantize_linear, border},
                                           {Op::quantize_linear, small_border},
                                           {Op::dequantize_linear, small_border},
                                           {Op::dynamic_quantize_linear, measured}};
  return kMakers;
}

}  // namespace fettle::fuzz
