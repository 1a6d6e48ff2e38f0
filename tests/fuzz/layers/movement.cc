// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/makers.h"

namespace fettle::fuzz {
namespace {

Made joined(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1);
  const std::int64_t axis = bytes.number(0, shape.rank() - 1);
  std::vector<Operand> parts;
  for (std::int64_t count = bytes.number(1, 4); count > 0; --count) {
    Shape part = shape;
    part[static_cast<int>(axis)] = extent(bytes, 4, 20);
    parts.push_back(input(part));
  }
  Attributes a;
  a.set("axis", axis);
  return make_layer(op, std::move(a), parts);
}

Made divided(ByteSource& bytes, Op op) {
  Shape shape = any_shape(bytes, 1);
  const std::int64_t axis = bytes.number(0, shape.rank() - 1);
  Integers sizes;
  std::int64_t sum = 0;
  for (std::int64_t count = bytes.number(1, 4); count > 0; --count) {
    sizes.push_back(extent(bytes, 4, 20));
    sum += sizes.back();
  }
  shape[static_cast<int>(axis)] = sum;
  Attributes a;
  a.set("axis", axis);
  return make_layer(op, std::move(a), {input(shape), parameter(sizes)}, {}, sizes.size());
}

Made cut(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1);
  Integers starts;
  Integers ends;
  Integers steps;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    starts.push_back(bytes.number(-shape[axis] - 1, shape[axis] + 1));
    ends.push_back(bytes.once_in(2) ? 1000 : bytes.number(-shape[axis] - 1, shape[axis] + 1));
    steps.push_back(bytes.once_in(3) ? bytes.number(-3, 3) : 1);
  }
  Integers axes;
  for (int axis = 0; axis < shape.rank(); ++axis) axes.push_back(axis);
  return make_layer(op, {},
                    {input(shape), parameter(starts), parameter(ends), parameter(axes), parameter(steps)});
}

Made padded(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1);
  Integers pads;
  for (int i = 0; i < 2 * shape.rank(); ++i) pads.push_back(bytes.number(-1, 3));
  constexpr const char* kModes[] = {"constant", "reflect", "edge"};
  Attributes a;
  a.set("mode", std::string(bytes.one_of(kModes)));
  return make_layer(op, std::move(a), {input(shape), parameter(pads), weight({1})});
}

Made turned(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1);
  Integers order;
  for (int axis = 0; axis < shape.rank(); ++axis) order.insert(order.begin() + bytes.index(axis), axis);
  Attributes a;
  a.set("perm", std::move(order));
  return make_layer(op, std::move(a), {input(shape)});
}

Made repeated(ByteSource& bytes, Op op) {
  const Shape whole = any_shape(bytes, 1, 4);
  if (op == Op::expand)
    return make_layer(op, {}, {input(narrowed(bytes, whole)), parameter({whole.begin(), whole.end()})});
  Integers times;
  for (int axis = 0; axis < whole.rank(); ++axis) times.push_back(bytes.number(1, 3));
  return make_layer(op, {}, {input(whole), parameter(times)});
}

Made resized(ByteSource& bytes, Op op) {
  constexpr const char* kModes[] = {"nearest", "linear", "cubic"};
  constexpr const char* kCoordinates[] = {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel",
                                          "tf_half_pixel_for_nn"};
  constexpr const char* kNearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  const Shape shape = pictures(bytes, 2, extent(bytes, 5, 35));
  Attributes a;
  a.set("mode", std::string(bytes.one_of(kModes)));
  a.set("coordinate_transformation_mode", std::string(bytes.one_of(kCoordinates)));
  a.set("nearest_mode", std::string(bytes.one_of(kNearest)));
  if (bytes.once_in(3)) {
    constexpr float kScales[] = {1, 2, 1.3333334f, 0.6f, 0.7f, 3.5f};
    a.set("scales", std::vector<float>{1, 1, bytes.one_of(kScales), bytes.one_of(kScales)});
    return make_layer(Op::upsample, std::move(a), {input(shape)});
  }
  const Operand none{Shape{0}, true, DataType::f32};
  const Integers sizes{shape[0], shape[1], bytes.once_in(2) ? shape[2] * 2 : extent(bytes, 8, 20),
                       bytes.once_in(2) ? shape[3] * 2 : extent(bytes, 8, 20)};
  return make_layer(op, std::move(a), {input(shape), none, none, parameter(sizes)});
}

Made blocks(ByteSource& bytes, Op op) {
  const std::int64_t block = bytes.number(1, 3);
  const std::int64_t channels = bytes.number(1, 6);
  const std::int64_t height = bytes.number(1, 5);
  const std::int64_t width = bytes.number(1, 5);
  Attributes a;
  a.set("blocksize", block);
  if (op == Op::space_to_depth)
    return make_layer(op, std::move(a), {input({1, channels, height * block, width * block})});
  a.set("mode", std::string(bytes.once_in(2) ? "CRD" : "DCR"));
  return make_layer(op, std::move(a), {input({2, channels * block * block, height, width})});
}

// A change of format, which has no operator of ONNX: between layouts, or from pictures of bytes.
Made converted(ByteSource& bytes, Op op) {
  const bool picture = bytes.once_in(2);
  const Shape shape = picture ? Shape{bytes.number(1, 2), 3, extent(bytes, 5, 30), extent(bytes, 5, 30)}
                              : any_shape(bytes, 3);
  const bool whole = picture || bytes.once_in(4);
  Made layer = make_layer(Op::identity, {}, {whole ? typed(shape, DataType::u8, 0, 255) : input(shape)});
  if (!layer) return layer;
  LayerPart& part = layer->desc.parts[0];
  part.op = op;
  part.operands = {0};
  if (!picture) return layer;
  part.attributes.set("scale", std::vector<float>{0.5f, 0.25f, 2.0f});
  part.attributes.set("shift", std::vector<float>{-1, 0, 3});
  part.attributes.set("swap", bytes.number(0, 1));
  layer->desc.outputs[0].format.type = DataType::f32;
  layer->desc.outputs[0].strides = dense_strides(shape, layer->desc.outputs[0].format);
  return layer;
}

Made reshaped(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1);
  return make_layer(op, {}, {input(shape), parameter({bytes.once_in(2) ? shape[0] : 1, -1})});
}

}  // namespace

std::span<const LayerMaker> movement_layers() {
  static constexpr LayerMaker kMakers[] = {{Op::concat, joined},
                                           {Op::split, divided},
                                           {Op::slice, cut},
                                           {Op::pad, padded},
                                           {Op::transpose, turned},
                                           {Op::expand, repeated},
                                           {Op::tile, repeated},
                                           {Op::resize, resized},
                                           {Op::depth_to_space, blocks},
                                           {Op::space_to_depth, blocks},
                                           {Op::reshape, reshaped},
                                           {Op::convert, converted},
                                           {Op::convert, converted}};
  return kMakers;
}

}  // namespace fettle::fuzz
