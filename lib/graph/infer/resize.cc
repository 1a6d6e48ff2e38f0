// SPDX-License-Identifier: Apache-2.0
//
// Resize and Upsample.
#include "lib/graph/infer/infer.h"

#include <cmath>
#include <string>
#include <vector>

namespace fettle::graph {
namespace {

using Reals = std::vector<float>;

// Products of two extents, as positions need them, stay far from overflow.
constexpr std::int64_t kMaxExtent = std::int64_t{1} << 30;

// Upsample 1: attributes for height and width. Upsample 7: an attribute. Upsample 9, Resize 10: input 1.
// Resize 11 and later: input 2, or sizes in input 3. Empty where none are known.
Reals read_scales(NodeView& view, std::size_t scales_at) {
  const Attributes& attributes = view.attributes();
  if (attributes.has("height_scale"))
    return {1, 1, attributes.real("height_scale"), attributes.real("width_scale", 1)};
  if (attributes.has("scales")) {
    const auto given = attributes.reals("scales");
    return Reals(given.begin(), given.end());
  }
  return view.reals(scales_at).value_or(Reals{});
}

// ONNX computes extents from scales in float: 10 * 0.7f is 7. Upsample and Resize have done so since they are
// there, and regions of interest make no difference, whatever Resize's document says.
std::int64_t scaled_extent(std::int64_t extent, float scale) {
  const float scaled = std::floor(static_cast<float>(extent) * scale);
  constexpr auto kMost = static_cast<float>(kMaxExtent);
  return scaled >= 0 && scaled <= kMost ? static_cast<std::int64_t>(scaled) : -1;
}

// The output's shape, and the scales where no sizes were given.
bool find_output(NodeView& view, std::size_t scales_at, Reals& scales, Shape& output) {
  const Shape& x = view.shape(0);
  const auto rank = static_cast<std::size_t>(x.rank());
  const auto sizes = view.integers(3);
  if (sizes && sizes->size() == rank) {
    output = Shape(std::span<const std::int64_t>(*sizes));
  } else {
    scales = read_scales(view, scales_at);
    if (!view.expect(scales.size() == rank, "scales or sizes must be constant, with one value per dimension"))
      return false;
    for (int axis = 0; axis < x.rank(); ++axis)
      output.push_back(scaled_extent(x[axis], scales[static_cast<std::size_t>(axis)]));
  }
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool fits = output[axis] >= 0 && output[axis] <= kMaxExtent && x[axis] <= kMaxExtent &&
                      (x[axis] > 0 || output[axis] == 0);
    if (!view.expect(fits, scales.empty() ? "a size is out of range" : "a scale is out of range"))
      return false;
  }
  return true;
}

// The region of interest, which one way of mapping coordinates crops to, stays an operand.
bool keep_region(NodeView& view) {
  const bool crops = view.attributes().string("coordinate_transformation_mode") == "tf_crop_and_resize";
  if (crops && !view.expect(view.has(1) && view.shape(1) == Shape{2 * std::int64_t{view.rank(0)}},
                            "the region of interest (roi) needs two values per dimension"))
    return false;
  view.keep_inputs(crops ? 2 : 1);
  return true;
}

}  // namespace

bool infer_resize(NodeView& view) {
  // Canonical already: scales have become an attribute, empty where sizes were given, and both the output's
  // shape.
  if (view.attributes().has("extrapolation_value") && view.attributes().has("scales"))
    return view.expect(view.graph().value(view.node().outputs[0]).shape.has_value(), "the shape is missing");
  // Before opset 11 there was one way to map coordinates, and Resize, which can shrink too, took the next
  // element then.
  const bool upsample = view.node().op == Op::upsample;
  const bool old = upsample || view.graph().opset < 11;
  Reals scales;
  Shape output;
  if (!find_output(view, old ? 1 : 2, scales, output)) return false;
  std::string mode(view.attributes().string("mode", "nearest"));
  if (mode == "bilinear") mode = "linear";
  view.attributes().set("mode", mode);
  view.fill("coordinate_transformation_mode", std::string(old ? "asymmetric" : "half_pixel"));
  view.fill("nearest_mode", std::string(upsample ? "floor" : old ? "floor_or_ceil" : "round_prefer_floor"));
  view.fill("cubic_coeff_a", -0.75f);
  view.fill("exclude_outside", std::int64_t{0});
  view.fill("extrapolation_value", 0.0f);
  view.attributes().erase("height_scale");
  view.attributes().erase("width_scale");
  view.attributes().set("scales", scales);
  view.node().op = Op::resize;
  return keep_region(view) && view.set(0, output, view.type(0));
}

}  // namespace fettle::graph
