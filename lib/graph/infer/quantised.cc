// SPDX-License-Identifier: Apache-2.0
//
// Operators between real and quantised numbers, and products of integers.
#include "lib/base/quantise.h"
#include "lib/base/small_types.h"
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <cmath>

namespace fettle::graph {
namespace {

bool is_real(DataType type) {
  return type == DataType::f32 || type == DataType::f16 || type == DataType::bf16 || type == DataType::f64;
}
// What elements are quantised to: integers, or floating-point numbers of fewer bits, but no mere exponents.
bool is_stored(DataType type) {
  return !integer_range(type).empty() || (is_small_float(type) && type != DataType::f8e8m0);
}

// Blocks of elements along an axis share a scale.
bool check_blocks(NodeView& view, std::int64_t block) {
  const Shape& x = view.shape(0);
  const Shape& scale = view.shape(1);
  std::int64_t axis = view.attributes().integer("axis", 1);
  if (!view.normal_axis(axis, x.rank())) return false;
  view.attributes().set("axis", axis);
  view.attributes().set("block_size", block);
  bool fits = scale.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i)
    fits = scale[i] == (i == axis ? x[i] / block + (x[i] % block != 0 ? 1 : 0) : x[i]);
  return view.expect(fits, "the scale needs the input's shape with one value per block along its axis");
}

// Scale and zero point have one value, one per extent of the axis, or one per block.
bool check_parameters(NodeView& view, DataType stored) {
  if (!view.expect(view.has(1) && is_real(view.type(1)), "a scale of a real type is needed")) return false;
  // One value may be a scalar or a tensor of one element, whichever of them the other is.
  const auto alike = [](const Shape& a, const Shape& b) {
    return a == b || (a.elements() == 1 && b.elements() == 1);
  };
  if (view.has(2) && !view.expect(view.type(2) == stored && alike(view.shape(1), view.shape(2)),
                                  "the zero point needs the quantised type and the scale's shape"))
    return false;
  if (!is_small_float(stored) || view.attributes().integer("saturate", 1) != 0)
    view.attributes().erase("saturate");
  const std::int64_t block = view.attributes().integer("block_size");
  if (!view.expect(block >= 0, "attribute block_size is negative")) return false;
  if (block > 0 && view.rank(1) > 1) return check_blocks(view, block);
  view.attributes().erase("block_size");
  const bool per_axis = view.rank(1) == 1 && view.shape(1)[0] != 1;
  if (!per_axis) {
    view.attributes().erase("axis");
    return view.expect(view.shape(1).elements() == 1,
                       "the scale must be one value, or one per extent of an axis");
  }
  std::int64_t axis = view.attributes().integer("axis", 1);
  if (!view.normal_axis(axis, view.rank(0))) return false;
  view.attributes().set("axis", axis);
  return view.expect(view.shape(1)[0] == view.shape(0)[static_cast<int>(axis)],
                     "the scale needs one value per extent of its axis");
}

// Turns constant scales and zero points into attributes, for the types that quantised layers have.
bool take_parameters(NodeView& view, DataType type) {
  const bool layers = is_quantised_type(type) || type == DataType::s32;
  if (!layers || view.attributes().has("block_size")) return true;
  std::optional<std::vector<float>> scales = view.reals(1);
  if (!scales) return true;
  std::vector<std::int64_t> zeros(scales->size(), 0);
  if (view.has(2)) {
    std::optional<std::vector<std::int64_t>> stored = stored_values(view.graph(), view.node().inputs[2]);
    if (!stored) return true;
    zeros = *std::move(stored);
  }
  const bool positive = std::all_of(scales->begin(), scales->end(),
                                    [](float scale) { return std::isfinite(scale) && scale > 0; });
  if (!positive) return view.fail("a scale is not a positive number: quantise the model again");
  view.attributes().set("scale", *std::move(scales));
  view.attributes().set("zero_point", std::move(zeros));
  view.keep_inputs(1);
  return true;
}

bool is_canonical(NodeView& view) { return view.inputs() == 1 && view.attributes().has("scale"); }

// A zero point of ConvInteger and MatMulInteger: one number, or for the second operand one an output channel.
bool check_zero_point(NodeView& view, std::size_t input, std::int64_t channels) {
  if (!view.has(input)) return true;
  const std::int64_t count = view.shape(input).elements();
  const bool fits = view.type(input) == view.type(input - 2) && view.rank(input) <= 1 &&
                    (count == 1 || (input == 3 && count == channels));
  return view.expect(fits,
                     "a zero point needs its operand's type, and one number (or one an output channel "
                     "for the weights)");
}

bool check_integer_operands(NodeView& view) {
  return view.expect(is_quantised_type(view.type(0)) && is_quantised_type(view.type(1)),
                     "the operands must be u8 or s8");
}

}  // namespace

bool infer_quantize(NodeView& view) {
  if (is_canonical(view)) {
    const DataType type = data_type_from_string(view.attributes().string("to"));
    return view.expect(is_quantised_type(type), "attribute to must be u8 or s8") &&
           view.set(0, view.shape(0), type);
  }
  // The type of the zero point, else what an attribute says.
  DataType type = data_type_from_string(view.attributes().string("to", "u8"));
  if (view.attributes().has("output_dtype"))
    type = data_type_from_string(view.attributes().string("output_dtype"));
  if (view.has(2)) {
    if (!view.expect(!view.attributes().has("output_dtype") || type == view.type(2),
                     "output_dtype is not the type of the zero point"))
      return false;
    type = view.type(2);
  }
  // How finely the quotient is to be rounded: as f32 it is, at least.
  for (const char* name : {"output_dtype", "precision"}) view.attributes().erase(name);
  if (!view.expect(is_stored(type), "the result must be integers of 16 or fewer bits, or 8- or 4-bit floats"))
    return false;
  if (!view.expect(is_real(view.type(0)) || view.type(0) == DataType::s32,
                   "only real numbers and s32 can be quantised"))
    return false;
  if (!check_parameters(view, type)) return false;
  const bool plain = view.type(0) == DataType::f32 || view.type(0) == DataType::s32;
  if (plain && !take_parameters(view, type)) return false;
  view.attributes().set("to", std::string(to_string(type)));
  return view.set(0, view.shape(0), type);
}

bool infer_dequantize(NodeView& view) {
  if (is_canonical(view)) return view.set(0, view.shape(0), DataType::f32);
  const DataType type = view.type(0);
  if (!view.expect(is_stored(type) || type == DataType::s32,
                   "the input must be s32, integers of 16 or fewer bits, or 8- or 4-bit floats"))
    return false;
  if (!check_parameters(view, type)) return false;
  const DataType real = view.take_type("output_dtype", view.type(1));
  if (!view.expect(is_real(real), "output_dtype must be a real type")) return false;
  if (real == DataType::f32 && view.type(1) == DataType::f32 && !take_parameters(view, type)) return false;
  return view.set(0, view.shape(0), real);
}

bool infer_dynamic_quantize(NodeView& view) {
  if (!view.expect(view.type(0) == DataType::f32, "only f32 can be quantised")) return false;
  const std::vector<ValueId>& outputs = view.node().outputs;
  const bool named =
      outputs.size() == 3 && std::find(outputs.begin(), outputs.end(), kNoValue) == outputs.end();
  if (!view.expect(named, "all three outputs need a name")) return false;
  return view.set(0, view.shape(0), DataType::u8) && view.set(1, Shape{}, DataType::f32) &&
         view.set(2, Shape{}, DataType::u8);
}

bool infer_conv_integer(NodeView& view) {
  if (!check_integer_operands(view)) return false;
  const std::vector<ValueId> inputs = view.node().inputs;
  if (!check_zero_point(view, 2, 0) || !check_zero_point(view, 3, view.shape(1)[0])) return false;
  // The window is a convolution's; the operands after the weights are none of its.
  view.keep_inputs(2);
  const bool fits = infer_conv(view);
  view.node().inputs = inputs;
  return fits && view.set(0, *view.graph().value(view.node().outputs.front()).shape, DataType::s32);
}

bool infer_matmul_integer(NodeView& view) {
  if (!check_integer_operands(view)) return false;
  const Shape& b = view.shape(1);
  if (!view.expect(b.rank() >= 1, "scalars cannot be multiplied as matrices")) return false;
  if (!check_zero_point(view, 2, 0) || !check_zero_point(view, 3, b[b.rank() - 1])) return false;
  const std::optional<Shape> output = matmul_shape(view);
  return output && view.set(0, *output, DataType::s32);
}

}  // namespace fettle::graph
