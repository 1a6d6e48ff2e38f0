// SPDX-License-Identifier: Apache-2.0
//
// Operators that move elements: what has become an attribute, or is said by the result's shape, becomes an
// operand again.
#include "lib/base/extents.h"
#include "lib/onnx/tensor.h"
#include "lib/onnx/write_node.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace fettle::onnx_export {
namespace {

using Ints = std::vector<std::int64_t>;

// What Resize 10, which knew one way to round, does: up where an axis shrinks, else down.
std::optional<std::string> rounding_of_opset_10(const Shape& x, const Shape& y) {
  bool shrinks = false;
  bool grows = false;
  for (int axis = 0; axis < x.rank(); ++axis) {
    shrinks = shrinks || y[axis] < x[axis];
    grows = grows || y[axis] > x[axis];
  }
  if (shrinks && grows) return std::nullopt;
  return std::string(shrinks ? "ceil" : "floor");
}

}  // namespace

void write_slice(NodeParts& parts) {
  FileBuilder& file = parts.file;
  Ints axes = parts.integers("axes");
  Ints steps = parts.integers("steps");
  if (parts.node.attributes.has("starts")) {
    Ints ends = parts.integers("ends");
    // A backward slice that goes to the first element ends before it; -1 would be the last one.
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (steps[i] < 0 && ends[i] < 0) ends[i] = std::numeric_limits<std::int64_t>::min();
    }
    parts.last("Slice", {parts.input(0), file.integers(parts.named(".starts"), parts.integers("starts")),
                         file.integers(parts.named(".ends"), ends), file.integers(parts.named(".axes"), axes),
                         file.integers(parts.named(".steps"), steps)});
    return;
  }
  if (parts.operand(1).type != DataType::s64) return parts.refuse("its bounds are computed as s32");
  parts.last("Slice",
             {parts.input(0), parts.input(1), parts.input(2), file.integers(parts.named(".axes"), axes),
              file.integers(parts.named(".steps"), steps)});
}

void write_pad(NodeParts& parts) {
  std::string value = parts.input(1);
  const float number = parts.node.attributes.real("value");
  if (value.empty() && number != 0) {
    value = parts.file.real(parts.named(".value"), number, parts.operand(0).type);
    if (value.empty()) return parts.refuse("it pads integers with a real number");
  }
  parts.last("Pad",
             {parts.input(0), parts.file.integers(parts.named(".pads"), parts.integers("pads")), value},
             with("mode", std::string(parts.node.attributes.string("mode", "constant"))));
}

void write_reshape(NodeParts& parts) {
  if (parts.has(1)) {
    parts.last("Reshape", parts.inputs, parts.node.attributes);
    return;
  }
  const Shape& shape = *parts.result().shape;
  const bool empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  parts.last("Reshape", {parts.input(0), parts.file.integers(parts.named(".shape"), shape.dims())},
             empty ? with("allowzero", std::int64_t{1}) : Attributes());
}

void write_expand(NodeParts& parts) {
  const bool tile = parts.node.op == Op::tile;
  std::string by = parts.input(1);
  if (by.empty() && tile) by = parts.file.integers(parts.named(".repeats"), parts.integers("repeats"));
  if (by.empty()) by = parts.file.integers(parts.named(".shape"), parts.result().shape->dims());
  parts.last(tile ? "Tile" : "Expand", {parts.input(0), by});
}

void write_resize(NodeParts& parts) {
  Attributes attributes = parts.node.attributes;
  attributes.erase("scales");
  const Shape& x = *parts.operand(0).shape;
  const Shape& y = *parts.result().shape;
  if (attributes.string("nearest_mode") == "floor_or_ceil") {
    const bool rounds = attributes.string("mode") == "nearest";
    const auto rounding = rounding_of_opset_10(x, y);
    if (rounds && !rounding)
      return parts.refuse("it makes one axis larger and another smaller by the rules of opset 10");
    attributes.set("nearest_mode", rounding.value_or("floor"));
  }
  Names operands{parts.input(0), parts.input(1), parts.input(2), parts.input(3)};
  const auto scales = parts.node.attributes.reals("scales");
  if (operands[2].empty() && operands[3].empty()) {
    bool scaled = !scales.empty();
    bool as_sized = true;  // whether sizes would say the same scales
    for (int axis = 0; axis < x.rank() && !scales.empty(); ++axis) {
      const float scale = scales[static_cast<std::size_t>(axis)];
      scaled = scaled && scaled_extent(x[axis], scale) == y[axis];
      as_sized = as_sized && scale == static_cast<float>(y[axis]) / static_cast<float>(x[axis]);
    }
    if (!scaled && !as_sized) return parts.refuse("its sizes are not those that its scales give");
    if (scaled)
      operands[2] = parts.file.reals(parts.named(".scales"), scales);
    else
      operands[3] = parts.file.integers(parts.named(".sizes"), y.dims());
  }
  parts.last("Resize", operands, attributes);
}

// Both values have one shape, or there would be extents that depend on the condition.
void write_select(NodeParts& parts) {
  std::string condition = parts.input(0);
  if (!(*parts.operand(1).shape == *parts.operand(2).shape))
    return parts.refuse("its condition decides about the shape of its result");
  if (parts.operand(0).shape->rank() > 0)
    condition =
        parts.step("Reshape", ".condition", {condition, parts.file.integers(parts.named(".scalar"), {})});
  parts.last("Where", {condition, parts.input(1), parts.input(2)});
}

// Any window does whose pool would have read a tensor of the shape through which places count.
void write_max_unpool(NodeParts& parts) {
  const Shape& x = *parts.operand(0).shape;
  const Ints pooled = parts.integers("places_shape");
  Ints kernel;
  for (int axis = 2; axis < x.rank(); ++axis)
    kernel.push_back(pooled[static_cast<std::size_t>(axis)] - x[axis] + 1);
  if (std::any_of(kernel.begin(), kernel.end(), [](std::int64_t extent) { return extent < 1; }))
    return parts.refuse("its places count through a smaller tensor than its operand");
  Names operands{parts.input(0), parts.input(1)};
  const Shape& y = *parts.result().shape;
  if (!std::equal(pooled.begin(), pooled.end(), y.begin(), y.end()))
    operands.push_back(parts.file.integers(parts.named(".shape"), y.dims()));
  parts.last("MaxUnpool", operands, with("kernel_shape", kernel));
}

}  // namespace fettle::onnx_export
