// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace fettle::test {
namespace {

Shape small_picture(Random& random) {
  return {random() % 4 == 0 ? 2 : 1, pick(random, 1, 21), pick(random, 1, 9), pick(random, 1, 9)};
}

void visit_joining(Random& random, const Visit& visit) {
  const Shape shape = small_picture(random);
  const std::int64_t axis = pick(random, 0, 3);
  std::vector<Operand> parts;
  for (std::int64_t i = pick(random, 1, 3); i >= 0; --i) {
    Shape part = shape;
    part[static_cast<int>(axis)] = pick(random, 1, 9);
    parts.push_back(input(part));
  }
  visit_made(Op::concat, with("axis", axis), parts, visit);

  Shape whole = shape;
  const Integers sizes{pick(random, 1, 5), pick(random, 1, 5), pick(random, 1, 5)};
  whole[static_cast<int>(axis)] = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  visit_made(Op::split, with("axis", axis), {input(whole), parameter(sizes)}, visit, 3);

  // Along channels in pieces that blocks of channels, however large, do not cut.
  const Integers blocks{16 * pick(random, 1, 2), 16, pick(random, 1, 20)};
  parts.clear();
  for (const std::int64_t channels : blocks) parts.push_back(input({shape[0], channels, shape[2], shape[3]}));
  visit_made(Op::concat, with("axis", std::int64_t{1}), parts, visit);
  whole = shape;
  whole[1] = std::accumulate(blocks.begin(), blocks.end(), std::int64_t{0});
  visit_made(Op::split, with("axis", std::int64_t{1}), {input(whole), parameter(blocks)}, visit, 3);
}

void visit_cutting(Random& random, const Visit& visit) {
  const Shape shape = small_picture(random);
  Integers starts;
  Integers ends;
  Integers steps;
  for (int axis = 0; axis < 4; ++axis) {
    const bool backwards = random() % 6 == 0;
    const std::int64_t low = pick(random, 0, shape[axis] - 1);
    const std::int64_t high = pick(random, low + 1, shape[axis]);
    starts.push_back(backwards ? high - 1 : low);
    ends.push_back(backwards ? low - 1 - shape[axis] : high);
    steps.push_back(backwards ? -1 : pick(random, 1, 2));
    if (backwards && low == 0) ends.back() = -1000;
  }
  visit_made(Op::slice, {},
             {input(shape), parameter(starts), parameter(ends), parameter({0, 1, 2, 3}), parameter(steps)},
             visit);

  Integers pads;
  for (int i = 0; i < 8; ++i) pads.push_back(pick(random, 0, std::min<std::int64_t>(3, shape[i % 4] - 1)));
  const std::string modes[] = {"constant", "reflect", "edge", "wrap"};
  const std::string mode = modes[random() % 4];
  Operand value = weight({1});
  visit_made(Op::pad, with("mode", mode), {input(shape), parameter(pads), value}, visit);
}

// What is only a layer where extents depend on data. Inference folds it for operands that are known.
void visit_computed(const Visit& visit) {
  const auto made = [&](const std::string& text, std::vector<std::vector<std::int64_t>> integers) {
    Result<LayerDesc> desc = LayerDesc::parse(text);
    INFO(text << (desc ? "" : desc.error().text()));
    REQUIRE(desc);
    TestLayer layer{*std::move(desc), {}};
    for (std::size_t i = 0; i < layer.desc.inputs.size(); ++i) {
      const TensorDesc& tensor = layer.desc.inputs[i];
      auto& bytes = layer.inputs.emplace_back(dense_bytes(tensor.shape, tensor.format), std::byte{1});
      if (tensor.format.type == DataType::s64) std::memcpy(bytes.data(), integers[i].data(), bytes.size());
    }
    visit(layer);
  };
  made("shape end=3 start=1 : f32 nchw 2x3x4 -> s64 2", {});
  made("size : f32 nchw 2x3x4 -> s64 scalar", {});
  made("range : s64 scalar, s64 scalar, s64 scalar -> s64 4", {{3}, {-4}, {-2}});
  made("constant_of_shape type=f32 value=[0,0,128,63] : s64 2 -> f32 2x3", {{2, 3}});
  made("select : boolean scalar, f32 2x3, f32 2x3 -> f32 2x3", {});
  made("slice axes=[1,0] steps=[-2,1] : f32 3x5, s64 2, s64 2 -> f32 2x3", {{}, {-1, 1}, {-100, 100}});
  made("reshape from=[0,-1] : f32 nchw <=2x3x4 -> f32 <=2x12", {});
  made("reshape from=[0,-1] : u8 nchw <=2x3x4 -> u8 <=2x12", {});
  made("slice axes=[1] ends=[3] normalised=1 starts=[1] steps=[1] : f32 nchw 2x4x3 -> f32 nchw 2x2x3", {});
  made("reshape allowzero=0 : f32 2x6, s64 3 -> f32 nchw 2x3x2", {{}, {0, -1, 2}});
}

void visit_turning(Random& random, const Visit& visit) {
  const Shape shape = small_picture(random);
  Integers order{0, 1, 2, 3};
  std::shuffle(order.begin(), order.end(), random);
  visit_made(Op::transpose, with("perm", order), {input(shape)}, visit);
  visit_made(Op::transpose, with("perm", Integers{0, 2, 3, 1}), {input(shape)}, visit);
  visit_made(Op::transpose, with("perm", Integers{1, 0}), {input({pick(random, 1, 70), pick(random, 1, 70)})},
             visit);
  visit_made(Op::reshape, {}, {input(shape), parameter({shape[0], -1})}, visit);
  visit_made(Op::identity, {}, {input(shape)}, visit);
  const std::int64_t block = pick(random, 2, 3);
  for (const char* mode : {"DCR", "CRD"}) {
    Attributes a = with("blocksize", block);
    a.set("mode", std::string(mode));
    visit_made(Op::depth_to_space, std::move(a), {input({1, 5 * block * block, shape[2], shape[3]})}, visit);
  }
  for (const std::int64_t groups : {std::int64_t{1}, std::int64_t{2}, block * 2}) {
    visit_made(Op::channel_shuffle, with("group", groups),
               {input({shape[0], groups * pick(random, 1, 40), shape[2], shape[3]})}, visit);
  }
  visit_made(Op::space_to_depth, with("blocksize", block),
             {input({1, 5, shape[2] * block, shape[3] * block})}, visit);
}

void visit_repeating(Random& random, const Visit& visit) {
  const Shape shape = small_picture(random);
  visit_made(Op::expand, {}, {input({1, shape[1], 1, 1}), parameter({2, shape[1], shape[2], 3})}, visit);
  visit_made(Op::tile, {}, {input(shape), parameter({1, 2, 1, 3})}, visit);
  const std::int64_t axis = pick(random, 0, 3);
  visit_made(Op::gather, with("axis", axis),
             {input(shape),
              typed({2, 3}, DataType::s64, 0, static_cast<double>(shape[static_cast<int>(axis)] - 1), true)},
             visit);
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const char* coordinates :
         {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel", "tf_half_pixel_for_nn"}) {
      const char* nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
      Attributes a = with("mode", std::string(mode));
      a.set("coordinate_transformation_mode", std::string(coordinates));
      a.set("nearest_mode", std::string(nearest[random() % 4]));
      const Integers sizes{shape[0], shape[1], pick(random, 1, 20), pick(random, 1, 20)};
      const Operand none{Shape{0}, true, DataType::f32};
      visit_made(Op::resize, a, {input(shape), none, none, parameter(sizes)}, visit);
      visit_made(Op::resize, std::move(a),
                 {input(shape), none, none, parameter({shape[0], shape[1], shape[2] * 2, shape[3] * 2})},
                 visit);
    }
  }
}

// Resizing by scales, of which extents are only what is left of them when they are rounded down.
void visit_scaling(Random& random, const Visit& visit) {
  const Shape shape = small_picture(random);
  const auto scale = [&](int axis) {
    const float scales[] = {1, 1.3333334f, 1.5f, 2, 2.2f, 0.7f, 0.6f};
    return scales[random() % (shape[axis] > 1 ? 7 : 5)];
  };
  for (const char* mode : {"nearest", "linear"}) {
    for (const char* coordinates :
         {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel", "tf_half_pixel_for_nn"}) {
      const char* nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "floor_or_ceil"};
      Attributes a = with("mode", std::string(mode));
      a.set("coordinate_transformation_mode", std::string(coordinates));
      a.set("nearest_mode", std::string(nearest[random() % 5]));
      a.set("scales", std::vector<float>{1, 1, scale(2), scale(3)});
      visit_made(Op::upsample, std::move(a), {input(shape)}, visit);
    }
  }
}

// Changes of format have no operator of ONNX: between the layouts, and from pictures of bytes.
void visit_conversions(Random& random, const Visit& visit) {
  const Shape shapes[] = {small_picture(random), {1, pick(random, 1, 40), pick(random, 1, 30)}};
  for (const Shape& shape : shapes) {
    TestLayer layer = make_layer(Op::identity, {}, {input(shape)}).value();
    layer.desc.parts[0].op = Op::convert;
    layer.desc.parts[0].operands = {0};
    visit(layer);
  }
  const Shape shape{random() % 2 == 0 ? 1 : 2, 3, pick(random, 1, 40), pick(random, 1, 40)};
  TestLayer layer = make_layer(Op::identity, {}, {typed(shape, DataType::u8, 0, 255)}).value();
  LayerPart& part = layer.desc.parts[0];
  part.op = Op::convert;
  part.operands = {0};
  part.attributes.set("scale", std::vector<float>{0.5f, 0.25f, 2.0f});
  part.attributes.set("shift", std::vector<float>{-1, 0, 3});
  part.attributes.set("swap", pick(random, 0, 1));
  layer.desc.outputs[0].format.type = DataType::f32;
  layer.desc.outputs[0].strides = dense_strides(shape, layer.desc.outputs[0].format);
  visit(layer);
}

// A convolution, and the residual that is added to its result.
TestLayer with_residual(const TestLayer& first) {
  TestLayer region = first;
  const Shape shape = first.desc.outputs[0].shape;
  const TestLayer sum = make_layer(Op::add, {}, {input(shape), input(shape)},
                                   shape[1] % 2 == 0 ? std::optional<Clamp>({0, 6}) : std::nullopt)
                            .value();
  region.desc.inner = {first.desc.outputs[0]};
  region.desc.inputs.push_back(sum.desc.inputs[1]);
  region.inputs.push_back(sum.inputs[1]);
  LayerPart part = sum.desc.parts[0];
  part.operands = {result_of_part(0), static_cast<int>(region.desc.inputs.size()) - 1};
  if (shape[shape.rank() - 1] % 2 == 0) std::swap(part.operands[0], part.operands[1]);
  region.desc.parts.push_back(std::move(part));
  return region;
}

// A layer, and a function of its result.
TestLayer activated(const TestLayer& first, Op op) {
  TestLayer region = first;
  const Shape shape = first.desc.outputs[0].shape;
  LayerPart part = make_layer(op, {}, {input(shape)}).value().desc.parts[0];
  part.operands = {result_of_part(0)};
  region.desc.inner = {first.desc.outputs[0]};
  region.desc.parts.push_back(std::move(part));
  return region;
}

}  // namespace

void visit_movement(Random& random, int count, const Visit& visit) {
  visit_computed(visit);
  for (int i = 0; i < count; ++i) {
    visit_joining(random, visit);
    visit_cutting(random, visit);
    visit_turning(random, visit);
    visit_repeating(random, visit);
    visit_scaling(random, visit);
    visit_conversions(random, visit);
  }
}

void visit_regions(Random& random, int count, const Visit& visit) {
  constexpr Op kActivations[] = {Op::hard_swish, Op::swish, Op::hard_sigmoid, Op::sigmoid,
                                 Op::leaky_relu, Op::elu,   Op::tanh,         Op::gelu};
  std::size_t next[4]{};  // of convolutions, depthwise ones, dense layers, products
  visit_windows(random, count, [&](const TestLayer& first) {
    if (first.desc.main().op != Op::conv) return;
    visit(with_residual(first));
    // Windows of 3x3 are few and have several kernels: they meet all activations, the others some in turn.
    const Attributes& a = first.desc.main().attributes;
    const bool square = a.integers("kernel_shape")[0] == 3 && a.integers("kernel_shape").back() == 3 &&
                        a.integers("strides").back() == 1;
    const bool depthwise = a.integer("group") > 1 && first.desc.inputs[1].shape[1] == 1;
    for (std::size_t i = 0; i < (square ? std::size(kActivations) : 4); ++i)
      visit(activated(first, kActivations[next[depthwise ? 1 : 0]++ % std::size(kActivations)]));
  });
  visit_products(random, count / 2, [&](const TestLayer& first) {
    visit(with_residual(first));
    std::size_t& turn = next[first.desc.main().op == Op::gemm ? 2 : 3];
    for (int i = 0; i < 2; ++i) visit(activated(first, kActivations[turn++ % std::size(kActivations)]));
  });
}

}  // namespace fettle::test
