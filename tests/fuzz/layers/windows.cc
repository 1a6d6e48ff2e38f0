// SPDX-License-Identifier: Apache-2.0
#include <utility>
#include "tests/fuzz/layers/makers.h"

namespace fettle::fuzz {
namespace {

Made convolution(ByteSource& bytes, Op op) {
  const auto axes = static_cast<std::size_t>(bytes.once_in(4) ? bytes.number(1, 3) : 2);
  Integers kernel;
  Attributes a = window(bytes, axes, bytes.once_in(4) ? 7 : 3, kernel);
  const std::int64_t groups = bytes.once_in(2) ? extent(bytes, 4, 35) : 1;
  const std::int64_t in = groups > 4 ? bytes.number(1, 2) : extent(bytes, 5, 35);
  const std::int64_t out = groups > 4 ? bytes.number(1, 2) : extent(bytes, 5, 35);
  a.set("group", groups);
  Shape shape = op == Op::conv ? Shape{groups * out, in} : Shape{groups * in, out};
  for (std::int64_t taps : kernel) shape.push_back(taps);
  if (op == Op::conv_transpose && bytes.once_in(2)) {
    Integers extra;
    for (std::size_t i = 0; i < axes; ++i) extra.push_back(bytes.number(0, 1));
    a.set("output_padding", std::move(extra));
  }
  std::vector<Operand> operands{input(pictures(bytes, axes, groups * in)), weight(shape)};
  if (bytes.once_in(2)) operands.push_back(weight({groups * out}));
  if (bytes.once_in(16)) operands[1].constant = false;
  return make_layer(op, std::move(a), operands, any_clamp(bytes));
}

Made pool(ByteSource& bytes, Op op) {
  const auto axes = static_cast<std::size_t>(bytes.once_in(4) ? bytes.number(1, 3) : 2);
  const Shape shape = pictures(bytes, axes, extent(bytes, 5, 35));
  if (op == Op::global_average_pool || op == Op::global_max_pool)
    return make_layer(op, {}, {input(shape)},
                      op == Op::global_average_pool ? any_clamp(bytes) : std::nullopt);
  Integers kernel;
  Attributes a = window(bytes, axes, bytes.once_in(4) ? 7 : 3, kernel);
  if (op == Op::lp_pool) a.set("p", bytes.number(1, 3));
  a.set("ceil_mode", bytes.number(0, 1));
  if (op == Op::average_pool) a.set("count_include_pad", bytes.number(0, 1));
  return make_layer(op, std::move(a), {input(shape)}, op == Op::lp_pool ? std::nullopt : any_clamp(bytes));
}

// With the places of its results as a second one.
Made pool_with_places(ByteSource& bytes, Op op) {
  Integers kernel;
  Attributes a = window(bytes, 2, 3, kernel);
  a.set("storage_order", bytes.number(0, 1));
  return make_layer(op, std::move(a), {input(pictures(bytes, 2, extent(bytes, 3, 9)))}, {}, 2);
}

Made global_norm(ByteSource& bytes, Op op) {
  return make_layer(op, with("p", bytes.number(1, 3)), {input(pictures(bytes, 2, extent(bytes, 3, 9)))});
}

// A window whose padding is spelt out.
Attributes plain_window(ByteSource& bytes, Integers& kernel) {
  Attributes a;
  Integers strides;
  Integers dilations;
  Integers pads(4);
  kernel.clear();
  for (std::size_t i = 0; i < 2; ++i) {
    kernel.push_back(bytes.number(1, 3));
    strides.push_back(bytes.number(1, 3));
    dilations.push_back(bytes.number(1, 2));
    pads[i] = bytes.number(0, 2);
    pads[i + 2] = bytes.number(0, 2);
  }
  a.set("strides", std::move(strides));
  a.set("dilations", std::move(dilations));
  a.set("pads", std::move(pads));
  return a;
}

// The taps of a convolution are moved by offsets; its shape says how many there are.
Made moved_taps(ByteSource& bytes, Op op) {
  Integers kernel;
  Attributes a = plain_window(bytes, kernel);
  const std::int64_t groups = bytes.number(1, 2);
  const std::int64_t offset_groups = bytes.number(1, 2);
  const Shape image = pictures(bytes, 2, 2 * groups);
  a.set("group", groups);
  const Operand weights = weight({2 * groups, 2, kernel[0], kernel[1]});
  const Made like = make_layer(Op::conv, a, {input(image), weights});
  if (!like) return like;
  const Shape& y = like->desc.outputs[0].shape;
  a.set("offset_group", offset_groups);
  const std::int64_t taps = offset_groups * kernel[0] * kernel[1];
  const double reach = bytes.once_in(8) ? 1e9 : 3;
  std::vector<Operand> operands{input(image), weights,
                                input({image[0], 2 * taps, y[2], y[3]}, -reach, reach)};
  if (bytes.once_in(2)) operands.push_back(bytes.once_in(2) ? left_out() : weight({2 * groups}));
  if (operands.size() > 3 && bytes.once_in(2)) operands.push_back(input({image[0], taps, y[2], y[3]}));
  return make_layer(op, std::move(a), operands);
}

// Columns of all places of a block in an image.
Made from_columns(ByteSource& bytes, Op op) {
  Integers block;
  Attributes a = plain_window(bytes, block);
  const Integers image{bytes.number(1, 7), bytes.number(1, 7)};
  std::int64_t places = 1;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t room = image[i] + a.integers("pads")[i] + a.integers("pads")[i + 2] -
                              a.integers("dilations")[i] * (block[i] - 1) - 1;
    if (room < 0) return {};
    places *= room / a.integers("strides")[i] + 1;
  }
  return make_layer(
      op, std::move(a),
      {input({1, bytes.number(1, 3) * block[0] * block[1], places}), parameter(image), parameter(block)});
}

// A convolution, and what is added to its result: a region.
Made residual(ByteSource& bytes, Op op) {
  Made region = convolution(bytes, op);
  if (!region) return region;
  const Shape shape = region->desc.outputs[0].shape;
  const Made sum = make_layer(Op::add, {}, {input(shape), input(shape)}, any_clamp(bytes));
  if (!sum) return sum;
  region->desc.inner = {region->desc.outputs[0]};
  region->desc.inputs.push_back(sum->desc.inputs[1]);
  region->inputs.push_back(sum->inputs[1]);
  LayerPart part = sum->desc.parts[0];
  part.operands = {result_of_part(0), static_cast<int>(region->desc.inputs.size()) - 1};
  if (bytes.once_in(2)) std::swap(part.operands[0], part.operands[1]);
  region->desc.parts.push_back(std::move(part));
  return region;
}

}  // namespace

std::span<const LayerMaker> window_layers() {
  static constexpr LayerMaker kMakers[] = {
      {Op::conv, convolution},           {Op::conv, convolution},
      {Op::conv_transpose, convolution}, {Op::max_pool, pool},
      {Op::average_pool, pool},          {Op::lp_pool, pool},
      {Op::global_average_pool, pool},   {Op::global_max_pool, pool},
      {Op::max_pool, pool_with_places},  {Op::global_lp_pool, global_norm},
      {Op::deform_conv, moved_taps},     {Op::col2im, from_columns}};
  return kMakers;
}

std::span<const LayerMaker> region_layers() {
  static constexpr LayerMaker kMakers[] = {{Op::conv, residual}};
  return kMakers;
}

}  // namespace fettle::fuzz
