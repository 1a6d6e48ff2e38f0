// SPDX-License-Identifier: Apache-2.0
#include "lib/base/channel_block.h"
#include "tests/kernels/layers.h"

namespace fettle::test {
namespace {

// Window, strides, dilations and padding, not alike in both directions.
Attributes window(Random& random, std::int64_t largest, bool dilated) {
  Attributes a;
  const auto pair = [&](std::int64_t low, std::int64_t high) {
    const std::int64_t first = pick(random, low, high);
    return Integers{first, random() % 4 == 0 ? pick(random, low, high) : first};
  };
  const Integers kernel = pair(1, largest);
  const Integers dilations = dilated && random() % 4 == 0 ? pair(1, 3) : Integers{1, 1};
  a.set("kernel_shape", kernel);
  a.set("strides", pair(1, 3));
  a.set("dilations", dilations);
  Integers pads(4);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::int64_t most = std::min<std::int64_t>(kernel[i % 2] - 1, 3);
    pads[i] = i < 2 || random() % 4 == 0 ? pick(random, 0, most) : pads[i - 2];
  }
  a.set("pads", pads);
  return a;
}

std::optional<Clamp> some_clamp(Random& random) {
  switch (random() % 4) {
    case 0:
      return Clamp{0, std::numeric_limits<float>::infinity()};
    case 1:
      return Clamp{0, 6};
    case 2:
      return Clamp{-0.5f, 0.25f};
    default:
      return std::nullopt;
  }
}

Shape picture(Random& random, std::int64_t channels) {
  return {random() % 5 == 0 ? 2 : 1, channels, pick(random, 1, 15), pick(random, 1, 19)};
}

void visit_if(const std::optional<TestLayer>& layer, const Visit& visit) {
  if (layer) visit(*layer);
}

void visit_convolution(Random& random, const Visit& visit) {
  Attributes a = window(random, 7, true);
  const auto kernel = a.integers("kernel_shape");
  std::int64_t groups = 1;
  std::int64_t in_group = pick(random, 1, 37);
  std::int64_t out_group = pick(random, 1, 43);
  if (const auto kind = random() % 4; kind == 0) {  // depthwise
    groups = pick(random, 1, 45);
    in_group = 1;
    out_group = 1;
  } else if (kind == 1) {
    groups = pick(random, 2, 4);
    const std::int64_t block = random() % 3 == 0 ? channel_block(this_cpu().isa) : 1;
    in_group = block * pick(random, 1, block == 1 ? 9 : 2);
    out_group = block * pick(random, 1, block == 1 ? 9 : 3);
  }
  a.set("group", groups);
  std::vector<Operand> operands{input(picture(random, groups * in_group)),
                                weight({groups * out_group, in_group, kernel[0], kernel[1]})};
  if (random() % 2 == 0) operands.push_back(weight({groups * out_group}));
  visit_if(make_layer(Op::conv, std::move(a), operands, some_clamp(random)), visit);
}

// What networks are made of: square windows of odd size, padded to keep the picture's size, on pictures of
// several tiles.
void visit_usual(Random& random, const Visit& visit) {
  Attributes a;
  const std::int64_t side = std::int64_t{2} * pick(random, 1, 3) + 1;
  const std::int64_t stride = pick(random, 1, 4) == 1 ? 2 : 1;
  a.set("kernel_shape", Integers{side, side});
  a.set("strides", Integers{stride, stride});
  a.set("pads", Integers(4, side / 2));
  const bool depthwise = pick(random, 1, 3) == 1;
  const std::int64_t in = pick(random, 1, 36);
  const std::int64_t out = depthwise ? in : pick(random, 1, 50);
  a.set("group", depthwise ? in : 1);
  const Shape shape{1, in, pick(random, 1, 14), pick(random, 1, 25)};
  visit_if(make_layer(Op::conv, std::move(a),
                      {input(shape), weight({out, depthwise ? 1 : in, side, side}), weight({out})},
                      some_clamp(random)),
           visit);
}

void visit_pointwise(Random& random, const Visit& visit) {
  Attributes a;
  a.set("kernel_shape", Integers{1, 1});
  const std::int64_t in = pick(random, 1, 70);
  const std::int64_t out = pick(random, 1, 70);
  visit_if(
      make_layer(Op::conv, std::move(a), {input(picture(random, in)), weight({out, in, 1, 1}), weight({out})},
                 some_clamp(random)),
      visit);
}

void visit_transposed(Random& random, const Visit& visit) {
  Attributes a = window(random, 4, true);
  const auto kernel = a.integers("kernel_shape");
  const auto strides = a.integers("strides");
  const std::int64_t groups = random() % 4 == 0 ? 2 : 1;
  const std::int64_t in = groups * pick(random, 1, 13);
  const std::int64_t out = random() % 4 == 0 ? pick(random, 14, 70) : pick(random, 1, 13);
  a.set("group", groups);
  if (random() % 2 == 0)
    a.set("output_padding", Integers{pick(random, 0, strides[0] - 1), pick(random, 0, strides[1] - 1)});
  std::vector<Operand> operands{input(picture(random, in)), weight({in, out, kernel[0], kernel[1]})};
  if (random() % 2 == 0) operands.push_back(weight({groups * out}));
  visit_if(make_layer(Op::conv_transpose, std::move(a), operands, some_clamp(random)), visit);
}

// Phases of no tap, of one and of several.
void visit_transposed_depthwise(Random& random, const Visit& visit) {
  Attributes a = window(random, 7, random() % 4 == 0);
  const auto kernel = a.integers("kernel_shape");
  const std::int64_t channels = pick(random, 1, 70);
  a.set("group", channels);
  const Shape shape{pick(random, 1, 2), channels, pick(random, 1, 7), pick(random, 1, 20)};
  std::vector<Operand> operands{input(shape), weight({channels, 1, kernel[0], kernel[1]})};
  if (random() % 2 == 0) operands.push_back(weight({channels}));
  visit_if(make_layer(Op::conv_transpose, std::move(a), operands, some_clamp(random)), visit);
}

void visit_pool(Random& random, Op op, const Visit& visit) {
  Attributes a = window(random, 5, op == Op::max_pool || random() % 4 == 0);
  if (random() % 2 == 0) a.set("ceil_mode", std::int64_t{1});
  if (op == Op::average_pool && random() % 2 == 0) a.set("count_include_pad", std::int64_t{1});
  visit_if(make_layer(op, std::move(a), {input(picture(random, pick(random, 1, 40)))}, some_clamp(random)),
           visit);
}

// Signals and volumes: fewer and more than two directions.
void visit_other_ranks(Random& random, const Visit& visit) {
  const std::int64_t channels = pick(random, 1, 20);
  const std::int64_t out = pick(random, 1, 20);
  const std::int64_t length = pick(random, 1, 4);
  Attributes line;
  line.set("kernel_shape", Integers{length});
  line.set("strides", Integers{pick(random, 1, 2)});
  line.set("pads", Integers{pick(random, 0, length - 1), pick(random, 0, length - 1)});
  const Operand signal = input({pick(random, 1, 2), channels, pick(random, 4, 30)});
  visit_if(make_layer(Op::conv, line, {signal, weight({out, channels, length}), weight({out})},
                      some_clamp(random)),
           visit);
  visit_if(make_layer(Op::conv_transpose, line, {signal, weight({channels, out, length}), weight({out})},
                      some_clamp(random)),
           visit);
  visit_if(make_layer(Op::max_pool, line, {signal}), visit);
  visit_if(make_layer(Op::average_pool, line, {signal}), visit);
  const Operand volume =
      input({pick(random, 1, 2), channels, pick(random, 1, 4), pick(random, 1, 5), pick(random, 1, 4)});
  for (Op op : {Op::global_average_pool, Op::global_max_pool}) {
    visit_if(make_layer(op, {}, {signal}, some_clamp(random)), visit);
    visit_if(make_layer(op, {}, {volume}, some_clamp(random)), visit);
  }
}

// Three directions, none like another.
Attributes cuboid(Random& random, bool dilated) {
  Attributes a;
  Integers kernel;
  Integers pads(6);
  Integers strides;
  Integers dilations;
  for (std::size_t i = 0; i < 3; ++i) {
    kernel.push_back(pick(random, 1, 3));
    strides.push_back(pick(random, 1, 3));
    dilations.push_back(dilated ? pick(random, 1, 2) : 1);
    pads[i] = pick(random, 0, kernel[i] - 1);
    pads[i + 3] = pick(random, 0, kernel[i] - 1);
  }
  a.set("kernel_shape", kernel);
  a.set("strides", strides);
  a.set("dilations", dilations);
  a.set("pads", pads);
  return a;
}

void visit_volumes(Random& random, const Visit& visit) {
  Attributes a = cuboid(random, random() % 3 == 0);
  const Integers kernel(a.integers("kernel_shape").begin(), a.integers("kernel_shape").end());
  const std::int64_t groups = random() % 3 == 0 ? 2 : 1;
  const std::int64_t in = groups * pick(random, 1, 9);
  const std::int64_t out = pick(random, 1, 9);
  const Operand volume =
      input({pick(random, 1, 2), in, pick(random, 1, 6), pick(random, 1, 7), pick(random, 1, 11)});
  visit_if(make_layer(Op::max_pool, a, {volume}, some_clamp(random)), visit);
  Attributes mean = cuboid(random, random() % 4 == 0);
  mean.set("ceil_mode", pick(random, 0, 1));
  mean.set("count_include_pad", pick(random, 0, 1));
  visit_if(make_layer(Op::average_pool, mean, {volume}, some_clamp(random)), visit);
  a.set("group", groups);
  // Weights that are computed, and biases.
  const bool constant = random() % 2 == 0;
  const auto weights = [&](const Shape& shape) { return typed(shape, DataType::f32, -1, 1, constant); };
  std::vector<Operand> operands{volume,
                                weights({groups * out, in / groups, kernel[0], kernel[1], kernel[2]})};
  if (random() % 2 == 0) operands.push_back(weights({groups * out}));
  visit_if(make_layer(Op::conv, a, operands, some_clamp(random)), visit);
  operands[1] = weights({in, out, kernel[0], kernel[1], kernel[2]});
  visit_if(make_layer(Op::conv_transpose, a, operands, some_clamp(random)), visit);
}

// Taps that are moved by offsets; columns back to an image.
void visit_moved_taps(Random& random, const Visit& visit) {
  Attributes a = window(random, 3, true);
  const auto kernel = a.integers("kernel_shape");
  const std::int64_t taps = kernel[0] * kernel[1];
  const std::int64_t groups = pick(random, 1, 2);
  const std::int64_t offset_groups = pick(random, 1, 2);
  const std::int64_t in = 2 * pick(random, 1, 2);
  const std::int64_t out = groups * pick(random, 1, 3);
  const Shape image = picture(random, in);
  a.set("group", groups);
  a.set("offset_group", offset_groups);
  // What a convolution of that window gives has as many places.
  Attributes plain = a;
  plain.erase("offset_group");
  const auto like =
      make_layer(Op::conv, plain, {input(image), weight({out, in / groups, kernel[0], kernel[1]})});
  if (like) {
    const Shape& y = like->desc.outputs[0].shape;
    std::vector<Operand> operands{input(image), weight({out, in / groups, kernel[0], kernel[1]}),
                                  input({image[0], 2 * offset_groups * taps, y[2], y[3]})};
    if (random() % 2 == 0) operands.push_back(random() % 2 == 0 ? weight({out}) : left_out());
    if (operands.size() > 3 && random() % 2 == 0)
      operands.push_back(input({image[0], offset_groups * taps, y[2], y[3]}));
    visit_made(Op::deform_conv, std::move(a), operands, visit);
  }
  const std::int64_t height = pick(random, 3, 7);
  const std::int64_t width = pick(random, 3, 7);
  Attributes back = with("strides", Integers{pick(random, 1, 2), pick(random, 1, 2)});
  back.set("dilations", Integers{1, pick(random, 1, 2)});
  back.set("pads", Integers{0, 1, pick(random, 0, 1), 0});
  const auto stride = back.integers("strides");
  const auto pads = back.integers("pads");
  const std::int64_t down = (height + pads[0] + pads[2] - 2) / stride[0] + 1;
  const std::int64_t across = (width + pads[1] + pads[3] - back.integers("dilations")[1] - 1) / stride[1] + 1;
  visit_made(Op::col2im, std::move(back),
             {input({2, 3 * 4, down * across}), parameter({height, width}), parameter({2, 2})}, visit);
}

// Weights that another layer computes: few kernels take them.
void visit_computed_weights(Random& random, const Visit& visit) {
  Attributes a = window(random, 3, true);
  const auto kernel = a.integers("kernel_shape");
  const std::int64_t in = pick(random, 1, 9);
  const std::int64_t out = pick(random, 1, 9);
  const Operand image = input(picture(random, in));
  visit_if(make_layer(Op::conv, a, {image, input({out, in, kernel[0], kernel[1]})}, some_clamp(random)),
           visit);
  visit_if(make_layer(Op::conv_transpose, a, {image, input({in, out, kernel[0], kernel[1]}), input({out})},
                      some_clamp(random)),
           visit);
}

}  // namespace

void visit_windows(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    visit_convolution(random, visit);
    visit_convolution(random, visit);
    if (i % 2 == 0) visit_usual(random, visit);
    visit_pointwise(random, visit);
    visit_transposed(random, visit);
    visit_transposed_depthwise(random, visit);
    visit_other_ranks(random, visit);
    visit_volumes(random, visit);
    visit_computed_weights(random, visit);
    visit_moved_taps(random, visit);
    visit_pool(random, Op::max_pool, visit);
    visit_pool(random, Op::average_pool, visit);
    for (Op op : {Op::global_average_pool, Op::global_max_pool})
      visit_if(make_layer(op, {}, {input(picture(random, pick(random, 1, 40)))}, some_clamp(random)), visit);
  }
}

}  // namespace fettle::test
