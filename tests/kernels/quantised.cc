// SPDX-License-Identifier: Apache-2.0
//
// Layers of quantised numbers, made as the compiler makes them: by the pass from operators between
// DequantizeLinear and QuantizeLinear.
#include "kernels/reference/evaluate.h"
#include "tests/graph/dynamic_builder.h"
#include "tests/graph/qdq_builder.h"
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstring>
#include <limits>

namespace fettle::test {
namespace {

using graph::QdqBuilder;
using graph::StoredAs;
using graph::ValueId;

std::vector<std::uint8_t> random_bytes(Random& random, std::int64_t count) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() >> 8);
  return bytes;
}

float random_scale(Random& random) { return 0.002f * static_cast<float>(pick(random, 1, 40)); }

StoredAs activation(Random& random, DataType type) {
  const std::int64_t zeros[] = {0, 128, 255, pick(random, 0, 255)};
  const std::int64_t zero = zeros[random() % 4];
  return {type, {random_scale(random)}, type == DataType::s8 ? zero - 128 : zero};
}

DataType some_type(Random& random) { return random() % 2 == 0 ? DataType::u8 : DataType::s8; }

std::optional<Clamp> some_clamp(Random& random, float scale) {
  switch (random() % 4) {
    case 0:
      return Clamp{0, std::numeric_limits<float>::infinity()};
    case 1:
      return Clamp{-20 * scale, 30 * scale};
    default:
      return std::nullopt;
  }
}

std::vector<std::uint8_t> random_reals(Random& random, std::int64_t count) {
  const float unit = random_scale(random);
  std::vector<float> reals;
  for (const std::uint8_t byte : random_bytes(random, count))
    reals.push_back((static_cast<float>(byte) - 60) * unit);
  std::vector<std::uint8_t> bytes(reals.size() * sizeof(float));
  std::memcpy(bytes.data(), reals.data(), bytes.size());
  return bytes;
}

// The one quantised layer that the passes make of the graph, with bytes for its operands.
void visit_layer(QdqBuilder& builder, ValueId result, Op op, Random& random, const Visit& visit) {
  graph::Graph& graph = builder.graph;
  graph.outputs = {result};
  graph::PassContext context;
  context.evaluate = kernels::evaluate_reference;
  const Status status = optimise(graph, context);
  if (!status) return;  // a window larger than its input
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const graph::Node& node = graph.node(static_cast<graph::NodeId>(i));
    if (node.op != op) continue;
    REQUIRE(node.quantised);
    TestLayer layer{describe(graph, static_cast<graph::NodeId>(i)), {}};
    if (layer.desc.outputs[0].shape.elements() == 0) return;
    for (ValueId input : node.inputs) {
      const graph::Value& value = graph.value(input);
      const std::int64_t count = value.shape->elements();
      const auto drawn =
          value.type == DataType::f32 ? random_reals(random, count) : random_bytes(random, count);
      const auto bytes = value.constant ? value.constant->bytes : std::as_bytes(std::span(drawn));
      layer.inputs.emplace_back(bytes.begin(), bytes.end());
    }
    return visit(layer);
  }
  FAIL("no " << to_string(op));
}

// Weights of one scale or, for s8, one an output channel; and a bias in units of both scales.
struct Weights {
  ValueId weight;
  ValueId bias;
  float scale;  // the largest
};
Weights weights(QdqBuilder& b, Random& random, const Shape& shape, int channel_axis, const StoredAs& x) {
  const std::int64_t channels = shape[channel_axis];
  StoredAs as = activation(random, random() % 8 == 0 ? some_type(random) : x.type);
  const bool per_channel = random() % 2 == 0 && channels > 1;
  if (random() % 2 == 0 || per_channel) as.zero = as.type == DataType::s8 ? 0 : 128;
  as.axis = channel_axis;
  if (per_channel) as.scales.resize(static_cast<std::size_t>(channels));
  for (float& scale : as.scales) scale = random_scale(random);
  std::vector<std::int32_t> bias;
  StoredAs bias_as{DataType::s32, as.scales, 0, 0};
  for (float& scale : bias_as.scales) scale *= x.scales[0];
  for (std::int64_t i = 0; i < channels; ++i)
    bias.push_back(static_cast<std::int32_t>(pick(random, -9999, 9999)));
  return {b.constant(shape, random_bytes(random, shape.elements()), as),
          b.constant(Shape{channels}, bias, bias_as), *std::max_element(as.scales.begin(), as.scales.end())};
}

// A scale with which results of sums of so many products use most of their range.
StoredAs spread(Random& random, const StoredAs& x, float weight_scale, std::int64_t depth) {
  StoredAs y = activation(random, x.type);
  y.scales = {x.scales[0] * weight_scale * 100 * std::sqrt(static_cast<float>(depth))};
  return y;
}

// Products of real numbers with integers.
void visit_dynamic(Random& random, graph::DynamicProduct product, std::int64_t channels, Op op,
                   const Visit& visit) {
  const auto count = static_cast<std::size_t>(channels);
  product.type = some_type(random);
  product.numbers = random_bytes(random, product.weight.elements());
  product.zeros = random_bytes(random, random() % 2 == 0 ? 1 : 0);
  product.scales.resize(random() % 2 == 0 ? count : 1);
  for (float& scale : product.scales) scale = random_scale(random);
  if (random() % 2 == 0) product.bias.resize(count);
  for (float& bias : product.bias) bias = static_cast<float>(pick(random, -99, 99)) / 8;
  QdqBuilder b;
  ValueId y = add_dynamic_product(b, product);
  if (op != Op::matmul && random() % 3 == 0) y = b.op(Op::relu, {y});
  visit_layer(b, y, op, random, visit);
}

Shape quantised_picture(Random& random, std::int64_t channels) {
  return {random() % 5 == 0 ? 2 : 1, channels, pick(random, 1, 13), pick(random, 1, 17)};
}

Attributes quantised_window(Random& random, std::int64_t largest, bool dilated) {
  Attributes a;
  const std::int64_t height = pick(random, 1, largest);
  const std::int64_t width = random() % 3 == 0 ? pick(random, 1, largest) : height;
  a.set("kernel_shape", Integers{height, width});
  a.set("strides", Integers{pick(random, 1, 3), pick(random, 1, 3)});
  const std::int64_t dilation = dilated && random() % 4 == 0 ? 2 : 1;
  a.set("dilations", Integers{dilation, dilation});
  a.set("pads", Integers{pick(random, 0, height - 1), pick(random, 0, width - 1), pick(random, 0, height - 1),
                         pick(random, 0, width - 1)});
  return a;
}

struct Convolution {
  Attributes attributes;
  Shape weight;
  std::int64_t in_channels = 0;
};

Convolution some_convolution(Random& random) {
  Attributes a = quantised_window(random, random() % 4 == 0 ? 7 : 4, true);
  std::int64_t groups = 1;
  std::int64_t in_group = pick(random, 1, 37);
  std::int64_t out_group = pick(random, 1, 43);
  if (const auto kind = random() % 4; kind == 0) {  // depthwise
    groups = pick(random, 2, 45);
    in_group = 1;
    out_group = 1;
  } else if (kind == 1) {
    groups = pick(random, 2, 4);
    in_group = pick(random, 1, 9);
    out_group = pick(random, 1, 9);
  } else if (kind == 2) {
    a = {};
    a.set("kernel_shape", Integers{1, 1});
  }
  a.set("group", groups);
  const auto kernel = a.integers("kernel_shape");
  const Shape weight{groups * out_group, in_group, kernel[0], kernel[1]};
  return {a, weight, groups * in_group};
}

void visit_conv(Random& random, const Visit& visit) {
  const auto [a, shape, in_channels] = some_convolution(random);
  QdqBuilder b;
  const StoredAs x = activation(random, some_type(random));
  const ValueId in = b.input(quantised_picture(random, in_channels), x);
  const Weights w = weights(b, random, shape, 0, x);
  const StoredAs y = spread(random, x, w.scale, shape.elements() / shape[0]);
  std::vector<ValueId> operands{in, w.weight};
  if (random() % 4 != 0) operands.push_back(w.bias);
  const ValueId out = b.op(Op::conv, operands, a, some_clamp(random, y.scales[0]));
  visit_layer(b, b.quantised(out, y), Op::conv, random, visit);
}

void visit_dense(Random& random, const Visit& visit) {
  const std::int64_t depth = pick(random, 1, 300);
  const std::int64_t outputs = pick(random, 1, 140);
  const std::int64_t rows = pick(random, 1, 20);
  const bool turned = random() % 2 == 0;
  QdqBuilder b;
  const StoredAs x = activation(random, some_type(random));
  const ValueId in = b.input(Shape{rows, depth}, x);
  const Weights w =
      weights(b, random, turned ? Shape{outputs, depth} : Shape{depth, outputs}, turned ? 0 : 1, x);
  const StoredAs y = spread(random, x, w.scale, depth);
  Attributes a;
  a.set("transB", std::int64_t{turned});
  const ValueId out = b.op(Op::gemm, {in, w.weight, w.bias}, a, some_clamp(random, y.scales[0]));
  visit_layer(b, b.quantised(out, y), Op::gemm, random, visit);

  QdqBuilder m;
  const ValueId left = m.input(Shape{pick(random, 1, 3), rows, depth}, x);
  const Weights v = weights(m, random, Shape{depth, outputs}, 1, x);
  const StoredAs z = spread(random, x, v.scale, depth);
  visit_layer(m, m.quantised(m.op(Op::matmul, {left, v.weight}), z), Op::matmul, random, visit);
}

void visit_dynamic_products(Random& random, const Visit& visit) {
  const Convolution conv = some_convolution(random);
  graph::DynamicProduct product;
  product.op = Op::conv_integer;
  product.x = quantised_picture(random, conv.in_channels);
  product.weight = conv.weight;
  product.attributes = conv.attributes;
  visit_dynamic(random, product, conv.weight[0], Op::conv, visit);
  const std::int64_t depth = pick(random, 1, 300);
  const std::int64_t outputs = pick(random, 1, 140);
  product = {};
  product.x = {pick(random, 1, 20), depth};
  product.weight = {depth, outputs};
  visit_dynamic(random, product, outputs, Op::gemm, visit);
  product.x = {pick(random, 1, 3), pick(random, 1, 9), depth};
  visit_dynamic(random, product, outputs, Op::matmul, visit);
}

void visit_sum(Random& random, Op op, const Visit& visit) {
  QdqBuilder b;
  const StoredAs x = activation(random, some_type(random));
  const StoredAs w = activation(random, x.type);
  StoredAs y = activation(random, x.type);
  if (op == Op::mul) y.scales = {x.scales[0] * w.scales[0] * 100};
  const Shape shape = quantised_picture(random, pick(random, 1, 40));
  const Shape others[] = {shape, {1, shape[1], 1, 1}, {1}, {shape[0], 1, shape[2], shape[3]}};
  const Shape other = random() % 2 == 0 ? shape : others[random() % 4];
  const ValueId left = b.input(shape, x);
  const ValueId right =
      random() % 3 == 0 ? b.constant(other, random_bytes(random, other.elements()), w) : b.input(other, w);
  const std::optional<Clamp> clamp = some_clamp(random, y.scales[0]);
  const bool swapped = random() % 4 == 0;
  const ValueId out = b.op(op, {swapped ? right : left, swapped ? left : right}, {}, clamp);
  visit_layer(b, b.quantised(out, y), op, random, visit);
}

void visit_pools(Random& random, const Visit& visit) {
  const Shape shape = quantised_picture(random, pick(random, 1, 40));
  const StoredAs x = activation(random, some_type(random));
  StoredAs y = activation(random, x.type);
  y.scales = {x.scales[0] * 0.5f};
  for (Op op : {Op::max_pool, Op::average_pool, Op::global_average_pool}) {
    Attributes a =
        op == Op::global_average_pool ? Attributes{} : quantised_window(random, 4, op == Op::max_pool);
    if (op == Op::average_pool) a.erase("dilations");
    if (op != Op::global_average_pool && random() % 2 == 0) a.set("ceil_mode", std::int64_t{1});
    if (op == Op::average_pool && random() % 2 == 0) a.set("count_include_pad", std::int64_t{1});
    QdqBuilder b;
    const StoredAs& result = op == Op::max_pool ? x : y;
    const ValueId out = b.op(op, {b.input(shape, x)}, a, some_clamp(random, result.scales[0]));
    visit_layer(b, b.quantised(out, result), op, random, visit);
  }
}

void visit_moves(Random& random, const Visit& visit) {
  const Shape shape = quantised_picture(random, pick(random, 1, 20));
  const StoredAs x = activation(random, some_type(random));
  const StoredAs y = activation(random, x.type);
  const auto with_one = [&](Op op, Attributes a, std::vector<Operand> parameters) {
    QdqBuilder b;
    std::vector<ValueId> operands{b.input(shape, x)};
    for (const Operand& parameter : parameters)
      operands.push_back(b.raw(parameter.shape, parameter.type, parameter.integers));
    visit_layer(b, b.op(op, operands, std::move(a)), op, random, visit);
  };
  Attributes turned;
  turned.set("perm", Integers{0, 2, 3, 1});
  if (shape[1] > 1 && shape[2] * shape[3] > 1) with_one(Op::transpose, turned, {});
  with_one(Op::reshape, {}, {parameter({shape[0], 1, -1})});
  QdqBuilder joined;
  Attributes axis;
  axis.set("axis", pick(random, 1, 3));
  const ValueId sum = joined.op(Op::concat, {joined.input(shape, x), joined.input(shape, x)}, axis);
  visit_layer(joined, joined.quantised(sum, x), Op::concat, random, visit);
  QdqBuilder bounded;
  Attributes bounds;
  bounds.set("min", -10 * x.scales[0]);
  bounds.set("max", 40 * x.scales[0]);
  visit_layer(bounded, bounded.quantised(bounded.op(Op::clamp, {bounded.input(shape, x)}, bounds), x),
              Op::clamp, random, visit);
  QdqBuilder again;
  visit_layer(again, again.quantised(again.input(shape, x), y), Op::quantize_linear, random, visit);
}

void visit_borders(Random& random, const Visit& visit) {
  const Shape shape = quantised_picture(random, pick(random, 1, 20));
  const DataType type = some_type(random);
  const auto scales = [&](const Shape& of) { return typed(of, DataType::f32, 0.01, 0.1, true); };
  const auto zeros = [&](const Shape& of) { return typed(of, type, 0, 255, true); };
  Attributes along;
  along.set("axis", std::int64_t{1});
  const Shape channels{shape[1]};
  visit(*make_layer(Op::quantize_linear, {}, {input(shape, -9, 9), scales({}), zeros({})}));
  visit(*make_layer(Op::dequantize_linear, {}, {typed(shape, type, 0, 255), scales({}), zeros({})}));
  visit(*make_layer(Op::quantize_linear, along, {input(shape, -9, 9), scales(channels), zeros(channels)}));
  visit(*make_layer(Op::dequantize_linear, along,
                    {typed(shape, type, 0, 255), scales(channels), zeros(channels)}));
  // Other types, and blocks that share a scale: scale and zero point stay operands.
  for (const DataType small : {DataType::s4, DataType::u2, DataType::u16, DataType::f8e4m3fn}) {
    const double most = small == DataType::u2 ? 3 : 7;
    Attributes blocks = with("block_size", std::int64_t{3});
    blocks.set("axis", std::int64_t{1});
    Shape each = shape;
    each[1] = (shape[1] + 2) / 3;
    const Operand zero_points = typed(each, small, 0, most);
    visit(*make_layer(Op::quantize_linear, blocks, {input(shape, -9, 9), input(each, 0.01, 2), zero_points}));
    visit(*make_layer(Op::dequantize_linear, blocks,
                      {typed(shape, small, 0, most), input(each, 0.01, 2), zero_points}));
    visit(*make_layer(Op::dequantize_linear, along, {typed(shape, small, 0, most), scales(channels)}));
  }
  visit(*make_layer(Op::dynamic_quantize_linear, {}, {input(shape)}, {}, 3));
  const Operand zero = typed({}, type, 0, 255);
  visit(*make_layer(
      Op::matmul_integer, {},
      {typed({3, 7}, type, 0, 255), typed({7, 5}, type, 0, 255), zero, typed({5}, type, 0, 255)}));
  visit(*make_layer(Op::conv_integer, {},
                    {typed({1, 3, 6, 5}, type, 0, 255), typed({4, 3, 2, 3}, type, 0, 255), zero}));
  TestLayer changed = make_layer(Op::identity, {}, {typed(shape, type, 0, 255)}).value();
  changed.desc.parts[0].op = Op::convert;
  changed.desc.parts[0].operands = {0};
  visit(changed);
}

}  // namespace

void visit_quantised(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < 3; ++j) visit_conv(random, visit);
    visit_dense(random, visit);
    visit_dynamic_products(random, visit);
    visit_sum(random, Op::add, visit);
    visit_sum(random, Op::mul, visit);
    visit_pools(random, visit);
    visit_moves(random, visit);
    visit_borders(random, visit);
  }
}

}  // namespace fettle::test
