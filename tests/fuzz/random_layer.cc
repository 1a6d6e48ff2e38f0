// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/random_layer.h"

#include <limits>
#include <utility>

namespace fettle::fuzz {
namespace {

using test::input;
using test::make_layer;
using test::Operand;
using test::parameter;
using test::TestLayer;
using test::typed;
using test::weight;
using Integers = std::vector<std::int64_t>;
using Made = std::optional<TestLayer>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Mostly small, now and then beyond a vector's or a tile's width.
std::int64_t extent(ByteSource& bytes, std::int64_t small, std::int64_t large) {
  return bytes.once_in(4) ? bytes.number(1, large) : bytes.number(1, small);
}

Shape any_shape(ByteSource& bytes, int least = 0, int most = 5) {
  Shape shape;
  for (auto rank = bytes.number(least, most); rank > 0; --rank) shape.push_back(extent(bytes, 5, 35));
  return shape;
}

// A shape that broadcasts to `shape`.
Shape narrowed(ByteSource& bytes, const Shape& shape) {
  Shape result;
  for (auto axis = static_cast<int>(bytes.number(0, shape.rank())); axis < shape.rank(); ++axis)
    result.push_back(bytes.once_in(3) ? 1 : shape[axis]);
  return result;
}

std::optional<Clamp> any_clamp(ByteSource& bytes) {
  constexpr Clamp kClamps[] = {{0, kInfinity}, {0, 6}, {-0.5f, 0.25f}, {-kInfinity, 0}, {0.125f, 0.125f}};
  return bytes.once_in(2) ? std::optional<Clamp>(bytes.one_of(kClamps)) : std::nullopt;
}

Attributes window(ByteSource& bytes, std::size_t axes, std::int64_t kernel_most, Integers& kernel) {
  Attributes a;
  Integers strides;
  Integers dilations;
  Integers pads;
  for (std::size_t i = 0; i < axes; ++i) {
    kernel.push_back(bytes.number(1, kernel_most));
    strides.push_back(bytes.number(1, 3));
    dilations.push_back(bytes.once_in(4) ? bytes.number(1, 3) : 1);
  }
  for (std::size_t i = 0; i < 2 * axes; ++i) pads.push_back(bytes.number(0, kernel_most));
  a.set("kernel_shape", kernel);
  a.set("strides", std::move(strides));
  a.set("dilations", std::move(dilations));
  constexpr const char* kAutomatic[] = {"SAME_UPPER", "SAME_LOWER", "VALID"};
  if (bytes.once_in(4))
    a.set("auto_pad", std::string(bytes.one_of(kAutomatic)));
  else
    a.set("pads", std::move(pads));
  return a;
}

Shape pictures(ByteSource& bytes, std::size_t axes, std::int64_t channels) {
  Shape shape{bytes.once_in(4) ? 2 : 1, channels};
  for (std::size_t i = 0; i < axes; ++i) shape.push_back(extent(bytes, 6, 20));
  return shape;
}

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
  if (op == Op::average_pool) a.erase("dilations");
  a.set("ceil_mode", bytes.number(0, 1));
  if (op == Op::average_pool) a.set("count_include_pad", bytes.number(0, 1));
  return make_layer(op, std::move(a), {input(shape)}, any_clamp(bytes));
}

Made dense(ByteSource& bytes) {
  const std::int64_t m = extent(bytes, 4, 20);
  const std::int64_t k = extent(bytes, 9, 150);
  const std::int64_t n = extent(bytes, 9, 150);
  const bool a_turned = bytes.once_in(4);
  const bool b_turned = bytes.once_in(2);
  Attributes a;
  a.set("transA", std::int64_t{a_turned});
  a.set("transB", std::int64_t{b_turned});
  if (bytes.once_in(4)) a.set("alpha", 0.5f);
  if (bytes.once_in(4)) a.set("beta", -2.0f);
  std::vector<Operand> operands{input(a_turned ? Shape{k, m} : Shape{m, k}),
                                weight(b_turned ? Shape{n, k} : Shape{k, n})};
  if (bytes.once_in(6)) operands[1].constant = false;
  const Shape biases[] = {{}, {n}, {1, n}, {1}, {m, 1}, {m, n}};
  if (bytes.once_in(2)) operands.push_back(weight(bytes.one_of(biases)));
  return make_layer(Op::gemm, std::move(a), operands, any_clamp(bytes));
}

Made product(ByteSource& bytes) {
  const std::int64_t k = extent(bytes, 9, 60);
  const Shape batch = any_shape(bytes, 0, 2);
  Shape left = narrowed(bytes, batch);
  Shape right = narrowed(bytes, batch);
  if (left.rank() > 0 || !bytes.once_in(4)) left.push_back(extent(bytes, 5, 20));
  left.push_back(k);
  right.push_back(k);
  if (right.rank() > 1 || !bytes.once_in(4)) right.push_back(extent(bytes, 5, 40));
  return make_layer(Op::matmul, {}, {input(left), bytes.once_in(2) ? weight(right) : input(right)});
}

Made unary(ByteSource& bytes, Op op) {
  const bool positive = op == Op::log || op == Op::sqrt || op == Op::reciprocal;
  Attributes a;
  if (op == Op::clamp) {
    const std::optional<Clamp> clamp = any_clamp(bytes);
    a.set("min", clamp ? clamp->low : -kInfinity);
    a.set("max", clamp ? clamp->high : 0.75f);
  }
  if (bytes.once_in(4) && (op == Op::elu || op == Op::leaky_relu || op == Op::celu)) a.set("alpha", 0.75f);
  return make_layer(op, std::move(a), {input(any_shape(bytes), positive ? 0.125 : -8, 8)});
}

Made binary(ByteSource& bytes, Op op) {
  const Shape whole = any_shape(bytes);
  const bool right = bytes.once_in(2) || op == Op::prelu;
  const double low = op == Op::pow ? 0.125 : op == Op::div ? 0.5 : -2;
  Operand a = input(right ? whole : narrowed(bytes, whole), low);
  Operand b = input(right ? narrowed(bytes, whole) : whole, low);
  b.constant = bytes.once_in(3) || op == Op::prelu;
  if (op == Op::logical_and || op == Op::logical_or || op == Op::logical_xor) {
    a = typed(a.shape, DataType::boolean, 0, 1);
    b = typed(b.shape, DataType::boolean, 0, 1, b.constant);
  } else if (bytes.once_in(6) && op != Op::prelu && op != Op::pow) {
    const DataType type = bytes.once_in(2) ? DataType::s32 : DataType::s64;
    a = typed(a.shape, type, 1, 9);
    b = typed(b.shape, type, 1, 9, b.constant);
  }
  Attributes attributes;
  if (op == Op::mod && a.type == DataType::f32) attributes.set("fmod", std::int64_t{1});
  const bool clamps =
      (op == Op::add || op == Op::sub || op == Op::mul || op == Op::div) && a.type == DataType::f32;
  return make_layer(op, std::move(attributes), {a, b}, clamps ? any_clamp(bytes) : std::nullopt);
}

Made reduction(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1);
  Integers axes;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (bytes.once_in(2)) axes.push_back(axis);
  }
  Attributes a;
  a.set("keepdims", bytes.number(0, 1));
  const double low = op == Op::reduce_log_sum ? 0.125 : -2;
  if (op == Op::reduce_sum && !axes.empty())
    return make_layer(op, std::move(a), {input(shape, low), parameter(axes)});
  if (op != Op::reduce_sum) a.set("axes", axes);
  return make_layer(op, std::move(a), {input(shape, low)});
}

Made normalisation(ByteSource& bytes, Op op) {
  const Shape shape = pictures(bytes, 2, extent(bytes, 5, 35));
  const Shape each{shape[1]};
  Attributes a;
  switch (op) {
    case Op::batch_norm:
      return make_layer(op, {},
                        {input(shape), weight(each), weight(each), weight(each), weight(each, 0.5, 2)});
    case Op::instance_norm:
      return make_layer(op, {}, {input(shape), weight(each), weight(each)});
    case Op::layer_norm: {
      const std::int64_t axis = bytes.number(0, 3);
      a.set("axis", axis);
      const Shape row(shape.dims().subspan(static_cast<std::size_t>(axis)));
      return make_layer(op, std::move(a), {input(shape), weight(row), weight(row)});
    }
    default:
      a.set("size", bytes.number(1, 6));
      return make_layer(op, std::move(a), {input(shape)});
  }
}

Made along_axis(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1);
  Attributes a;
  a.set("axis", bytes.number(-shape.rank(), shape.rank() - 1));
  if (op == Op::arg_max || op == Op::arg_min) a.set("keepdims", bytes.number(0, 1));
  return make_layer(op, std::move(a), {input(shape)});
}

Made joined(ByteSource& bytes) {
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
  return make_layer(Op::concat, std::move(a), parts);
}

Made divided(ByteSource& bytes) {
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
  return make_layer(Op::split, std::move(a), {input(shape), parameter(sizes)}, {}, sizes.size());
}

Made cut(ByteSource& bytes) {
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
  return make_layer(Op::slice, {},
                    {input(shape), parameter(starts), parameter(ends), parameter(axes), parameter(steps)});
}

Made padded(ByteSource& bytes) {
  const Shape shape = any_shape(bytes, 1);
  Integers pads;
  for (int i = 0; i < 2 * shape.rank(); ++i) pads.push_back(bytes.number(-1, 3));
  constexpr const char* kModes[] = {"constant", "reflect", "edge"};
  Attributes a;
  a.set("mode", std::string(bytes.one_of(kModes)));
  return make_layer(Op::pad, std::move(a), {input(shape), parameter(pads), weight({1})});
}

Made turned(ByteSource& bytes) {
  const Shape shape = any_shape(bytes, 1);
  Integers order;
  for (int axis = 0; axis < shape.rank(); ++axis) order.insert(order.begin() + bytes.index(axis), axis);
  Attributes a;
  a.set("perm", std::move(order));
  return make_layer(Op::transpose, std::move(a), {input(shape)});
}

Made repeated(ByteSource& bytes, Op op) {
  const Shape whole = any_shape(bytes, 1, 4);
  if (op == Op::expand)
    return make_layer(op, {}, {input(narrowed(bytes, whole)), parameter({whole.begin(), whole.end()})});
  Integers times;
  for (int axis = 0; axis < whole.rank(); ++axis) times.push_back(bytes.number(1, 3));
  return make_layer(op, {}, {input(whole), parameter(times)});
}

Made gathered(ByteSource& bytes) {
  const Shape shape = any_shape(bytes, 1, 4);
  const std::int64_t axis = bytes.number(0, shape.rank() - 1);
  const auto most = static_cast<double>(shape[static_cast<int>(axis)] - 1);
  Attributes a;
  a.set("axis", axis);
  const DataType type = bytes.once_in(2) ? DataType::s32 : DataType::s64;
  return make_layer(Op::gather, std::move(a),
                    {input(shape), typed(any_shape(bytes, 0, 2), type, 0, most, bytes.once_in(2))});
}

Made resized(ByteSource& bytes) {
  constexpr const char* kModes[] = {"nearest", "linear", "cubic"};
  constexpr const char* kCoordinates[] = {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"};
  constexpr const char* kNearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  const Shape shape = pictures(bytes, 2, extent(bytes, 5, 35));
  Attributes a;
  a.set("mode", std::string(bytes.one_of(kModes)));
  a.set("coordinate_transformation_mode", std::string(bytes.one_of(kCoordinates)));
  a.set("nearest_mode", std::string(bytes.one_of(kNearest)));
  const Operand none{Shape{0}, true, DataType::f32};
  const Integers sizes{shape[0], shape[1], bytes.once_in(2) ? shape[2] * 2 : extent(bytes, 8, 20),
                       bytes.once_in(2) ? shape[3] * 2 : extent(bytes, 8, 20)};
  return make_layer(Op::resize, std::move(a), {input(shape), none, none, parameter(sizes)});
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

Made chosen(ByteSource& bytes) {
  const Shape whole = any_shape(bytes);
  Operand condition = typed(narrowed(bytes, whole), DataType::boolean, 0, 1);
  condition.constant = bytes.once_in(4);
  return make_layer(Op::where, {}, {condition, input(narrowed(bytes, whole)), input(whole)});
}

// Operators whose types say what they do.
Made typed_unary(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes);
  if (op == Op::logical_not) return make_layer(op, {}, {typed(shape, DataType::boolean, 0, 1)});
  constexpr DataType kTypes[] = {DataType::f32, DataType::s32, DataType::s64, DataType::u8,
                                 DataType::boolean};
  const DataType from = bytes.one_of(kTypes);
  Attributes a;
  a.set("to", std::string(to_string(bytes.one_of(kTypes))));
  return make_layer(op, std::move(a), {typed(shape, from, 0, from == DataType::boolean ? 1 : 100)});
}

// A change of format, which has no operator of ONNX: between layouts, or from pictures of bytes.
Made converted(ByteSource& bytes) {
  const bool picture = bytes.once_in(2);
  const Shape shape = picture ? Shape{bytes.number(1, 2), 3, extent(bytes, 5, 30), extent(bytes, 5, 30)}
                              : any_shape(bytes, 3);
  Made layer = make_layer(Op::identity, {}, {picture ? typed(shape, DataType::u8, 0, 255) : input(shape)});
  if (!layer) return layer;
  LayerPart& part = layer->desc.parts[0];
  part.op = Op::convert;
  part.operands = {0};
  if (!picture) return layer;
  part.attributes.set("scale", std::vector<float>{0.5f, 0.25f, 2.0f});
  part.attributes.set("shift", std::vector<float>{-1, 0, 3});
  part.attributes.set("swap", bytes.number(0, 1));
  layer->desc.outputs[0].format.type = DataType::f32;
  layer->desc.outputs[0].strides = dense_strides(shape, layer->desc.outputs[0].format);
  return layer;
}

// A convolution, and what is added to its result: a region.
Made residual(ByteSource& bytes) {
  Made region = convolution(bytes, Op::conv);
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

Made moved(ByteSource& bytes, Op op) {
  switch (op) {
    case Op::concat:
      return joined(bytes);
    case Op::split:
      return divided(bytes);
    case Op::slice:
      return cut(bytes);
    case Op::pad:
      return padded(bytes);
    case Op::transpose:
      return turned(bytes);
    case Op::expand:
    case Op::tile:
      return repeated(bytes, op);
    case Op::gather:
      return gathered(bytes);
    case Op::resize:
      return resized(bytes);
    case Op::depth_to_space:
    case Op::space_to_depth:
      return blocks(bytes, op);
    case Op::reshape: {
      const Shape shape = any_shape(bytes, 1);
      return make_layer(op, {}, {input(shape), parameter({bytes.once_in(2) ? shape[0] : 1, -1})});
    }
    default:
      return std::nullopt;
  }
}

Made of_operator(ByteSource& bytes, Op op) {
  switch (op) {
    case Op::conv:
    case Op::conv_transpose:
      return convolution(bytes, op);
    case Op::max_pool:
    case Op::average_pool:
    case Op::global_average_pool:
    case Op::global_max_pool:
      return pool(bytes, op);
    case Op::gemm:
      return dense(bytes);
    case Op::matmul:
      return product(bytes);
    case Op::softmax:
    case Op::log_softmax:
    case Op::arg_max:
    case Op::arg_min:
      return along_axis(bytes, op);
    case Op::batch_norm:
    case Op::instance_norm:
    case Op::layer_norm:
    case Op::lrn:
      return normalisation(bytes, op);
    case Op::where:
      return chosen(bytes);
    case Op::cast:
    case Op::logical_not:
      return typed_unary(bytes, op);
    case Op::convert:
      return converted(bytes);
    case Op::identity:
      return residual(bytes);
    default:
      if (op >= Op::reduce_sum && op <= Op::reduce_log_sum_exp) return reduction(bytes, op);
      if ((op >= Op::add && op <= Op::max) || (op >= Op::equal && op <= Op::logical_xor) || op == Op::prelu)
        return binary(bytes, op);
      if (op >= Op::leaky_relu && op <= Op::clamp && op != Op::logical_not) return unary(bytes, op);
      return moved(bytes, op);
  }
}

}  // namespace

std::optional<TestLayer> random_layer(ByteSource& bytes) {
  return of_operator(bytes, static_cast<Op>(bytes.number(0, static_cast<int>(Op::convert))));
}

}  // namespace fettle::fuzz
