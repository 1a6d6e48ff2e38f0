// SPDX-License-Identifier: Apache-2.0
//
// Resize and Upsample.
#include "lib/base/extents.h"
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace fettle::graph {
namespace {

using Ints = std::vector<std::int64_t>;
using Reals = std::vector<float>;

// Products of two extents, as positions need them, stay far from overflow.
constexpr std::int64_t kMaxExtent = kMostResized;

// Upsample 1: attributes for height and width. Upsample 7: an attribute. Upsample 9, Resize 10: input 1.
// Resize 11 and later: input 2, or sizes in input 3. Empty where none are known.
Reals read_scales(NodeView& view, std::size_t scales_at) {
  const Attributes& attributes = view.attributes();
  if (attributes.has("height_scale"))
    return {1, 1, attributes.real("height_scale"), attributes.real("width_scale", 1)};
  if (!attributes.reals("scales").empty()) {
    const auto given = attributes.reals("scales");
    return Reals(given.begin(), given.end());
  }
  return view.reals(scales_at).value_or(Reals{});
}

// The axes that sizes, scales and the region speak of: all before opset 18.
bool read_axes(NodeView& view, Ints& axes) {
  const auto given = view.attributes().integers("axes");
  axes.assign(given.begin(), given.end());
  if (axes.empty()) {
    for (int axis = 0; axis < view.rank(0); ++axis) axes.push_back(axis);
  }
  std::vector<bool> named(static_cast<std::size_t>(view.rank(0)), false);
  for (std::int64_t& axis : axes) {
    if (!view.normal_axis(axis, view.rank(0))) return false;
    if (!view.expect(!named[static_cast<std::size_t>(axis)], "an axis is named twice")) return false;
    named[static_cast<std::size_t>(axis)] = true;
  }
  return true;
}

// One scale for all axes, so that none becomes larger, or none smaller, than its size says.
void keep_aspect_ratio(const Shape& x, const Ints& axes, const Ints& sizes, bool not_larger, Reals& scales,
                       Shape& output) {
  std::optional<double> scale;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const double ratio = static_cast<double>(sizes[i]) / static_cast<double>(x[static_cast<int>(axes[i])]);
    if (!scale || (not_larger ? ratio < *scale : ratio > *scale)) scale = ratio;
  }
  scales.assign(static_cast<std::size_t>(x.rank()), 1);
  for (const std::int64_t axis : axes) {
    const double extent = std::floor(*scale * static_cast<double>(x[static_cast<int>(axis)]) + 0.5);
    output[static_cast<int>(axis)] =
        extent <= static_cast<double>(kMaxExtent) ? static_cast<std::int64_t>(extent) : -1;
    scales[static_cast<std::size_t>(axis)] = static_cast<float>(*scale);
  }
}

// The output's shape, and the scales where no sizes were given. Regions of interest make no difference,
// whatever Resize's document says.
bool find_output(NodeView& view, std::size_t scales_at, const Ints& axes, Reals& scales, Shape& output) {
  const Shape x = view.shape(0);
  output = x;
  const auto sizes = view.integers(3);
  const std::string policy(view.attributes().string("keep_aspect_ratio_policy", "stretch"));
  if (sizes && sizes->size() == axes.size()) {
    const bool stays = std::any_of(axes.begin(), axes.end(),
                                   [&](std::int64_t axis) { return x[static_cast<int>(axis)] == 0; });
    for (std::size_t i = 0; i < axes.size(); ++i) output[static_cast<int>(axes[i])] = (*sizes)[i];
    if (policy != "stretch" && !stays && !axes.empty()) {
      if (!view.expect(view.bounded(0) == 0, "one scale for all axes does not follow extents of data"))
        return false;
      keep_aspect_ratio(x, axes, *sizes, policy == "not_larger", scales, output);
    }
  } else {
    const Reals given = read_scales(view, scales_at);
    if (!view.expect(given.size() == axes.size(),
                     "scales or sizes must be constant, with one value per dimension"))
      return false;
    scales.assign(static_cast<std::size_t>(x.rank()), 1);
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const auto axis = static_cast<int>(axes[i]);
      scales[static_cast<std::size_t>(axis)] = given[i];
      output[axis] = scaled_extent(x[axis], given[i]);
    }
  }
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool fits = output[axis] >= 0 && output[axis] <= kMaxExtent && x[axis] <= kMaxExtent &&
                      (x[axis] > 0 || output[axis] == 0);
    if (!view.expect(fits, scales.empty() ? "a size is out of range" : "a scale is out of range"))
      return false;
  }
  return true;
}

// The region of interest, which one way of mapping coordinates crops to, stays an operand; that of some axes
// becomes one of all.
bool keep_region(NodeView& view, const Ints& axes) {
  const bool crops = view.attributes().string("coordinate_transformation_mode") == "tf_crop_and_resize";
  if (crops && !view.expect(view.has(1) && view.shape(1) == Shape{2 * static_cast<std::int64_t>(axes.size())},
                            "the region of interest (roi) needs two values per dimension"))
    return false;
  view.keep_inputs(crops ? 2 : 1);
  const auto rank = static_cast<std::size_t>(view.rank(0));
  if (!crops || axes.size() == rank) return true;
  const auto given = view.reals(1);
  if (!view.expect(given.has_value(), "the region of interest (roi) of some axes must be constant"))
    return false;
  Reals region(2 * rank, 0);
  std::fill(region.begin() + static_cast<std::ptrdiff_t>(rank), region.end(), 1.0f);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    region[static_cast<std::size_t>(axes[i])] = (*given)[i];
    region[static_cast<std::size_t>(axes[i]) + rank] = (*given)[i + axes.size()];
  }
  Result<ValueId> constant =
      view.graph().add_constant(view.node().id + ".roi", DataType::f32,
                                Shape{static_cast<std::int64_t>(2 * rank)}, std::as_bytes(std::span(region)));
  if (!constant) return view.fail("out of memory");
  view.node().inputs[1] = *constant;
  return true;
}

// A filter is only stretched where elements are mixed, and become fewer.
bool stretches(NodeView& view, const Reals& scales, const Shape& output) {
  if (view.attributes().integer("antialias") == 0 || view.attributes().string("mode") == "nearest")
    return false;
  bool shrinks = false;
  for (int axis = 0; axis < output.rank(); ++axis)
    shrinks = shrinks || (scales.empty() ? output[axis] < view.shape(0)[axis]
                                         : scales[static_cast<std::size_t>(axis)] < 1);
  return shrinks;
}

// What follows for the result's extents from bounds of the scales, which have been computed in float, and may
// be rounded up.
std::vector<Interval> scaled_extents(NodeView& view, std::size_t scales) {
  std::vector<Interval> known = view.numbers(scales);
  known.resize(static_cast<std::size_t>(view.rank(0)), {0, std::numeric_limits<double>::infinity()});
  for (int axis = 0; axis < view.rank(0); ++axis) {
    Interval& one = known[static_cast<std::size_t>(axis)];
    const auto most = static_cast<double>(view.shape(0)[axis]);
    const bool fixed = (view.bounded(0) >> axis & 1u) == 0;
    if (one.low == one.high && std::abs(one.low) <= 0x1p60) {
      one.high = static_cast<double>(scaled_extent(view.shape(0)[axis], static_cast<float>(one.low)));
      one.low = fixed ? one.high : 0;
      continue;
    }
    constexpr double kRoundedUp = 1 + 0x1p-20;
    one.high = std::floor(most * one.high * kRoundedUp);
    one.low = 0;
  }
  return known;
}

// Sizes, or scales, that are computed while the network runs stay an operand: the fourth or the third. With
// sizes the extents then say the scales.
bool resize_by_operand(NodeView& view, const Ints& axes, std::size_t at, bool scaled) {
  const bool plain = view.attributes().string("coordinate_transformation_mode") != "tf_crop_and_resize" &&
                     view.attributes().string("keep_aspect_ratio_policy", "stretch") == "stretch" &&
                     static_cast<int>(axes.size()) == view.rank(0) &&
                     view.attributes().integer("antialias") == 0;
  if (!view.expect(
          plain && std::is_sorted(axes.begin(), axes.end()),
          "computed sizes or scales need all axes in order, stretching, and no antialias or region of "
          "interest") ||
      !view.expect(view.rank(at) == 1 && view.bounded(at) == 0 && view.shape(at)[0] == view.rank(0) &&
                       view.type(at) == (scaled ? DataType::f32 : DataType::s64),
                   "sizes or scales need one value per dimension"))
    return false;
  const ValueId says = view.node().inputs[at];
  const std::size_t to = scaled ? 2 : 3;
  view.node().inputs.resize(1);
  view.node().inputs.resize(to, kNoValue);
  view.node().inputs.push_back(says);
  if (view.stands_alone(0)) {
    return view.expect(view.graph().value(view.node().outputs[0]).shape->rank() == view.rank(0),
                       "the result has another rank than the operand");
  }
  if (scaled) return view.set_computed(0, scaled_extents(view, to), view.type(0), to);
  TensorDesc output;
  return view.computed_shape(to, output) && view.set_bounded(0, output.shape, view.type(0), output.bounded);
}

}  // namespace

bool infer_resize(NodeView& view) {
  // Canonical already: scales have become an attribute, empty where sizes were given, and both the output's
  // shape.
  const bool canonical = view.attributes().has("extrapolation_value") && view.attributes().has("scales");
  if (canonical && !view.has(2) && !view.has(3))
    return view.expect(view.graph().value(view.node().outputs[0]).shape.has_value(), "the shape is missing");
  // Before opset 11 there was one way to map coordinates, and Resize, which can shrink too, took the next
  // element then.
  const bool upsample = view.node().op == Op::upsample;
  const bool old = !canonical && (upsample || view.graph().opset < 11);
  const std::size_t scales_at = old ? 1 : 2;
  Ints axes;
  Reals scales;
  Shape output;
  const bool sized = !old && view.has(3) && view.shape(3).elements() > 0;
  const bool scaled = !sized && view.computed(scales_at);
  const bool computed = sized ? view.computed(3) : scaled;
  if (!read_axes(view, axes)) return false;
  if (!computed && !find_output(view, scales_at, axes, scales, output)) return false;
  std::string mode(view.attributes().string("mode", "nearest"));
  if (mode == "bilinear") mode = "linear";
  view.attributes().set("mode", mode);
  view.fill("coordinate_transformation_mode", std::string(old ? "asymmetric" : "half_pixel"));
  view.fill("nearest_mode", std::string(upsample ? "floor" : old ? "floor_or_ceil" : "round_prefer_floor"));
  view.fill("cubic_coeff_a", -0.75f);
  view.fill("exclude_outside", std::int64_t{0});
  view.fill("extrapolation_value", 0.0f);
  // Sizes leave nothing to be even about: the positions are those of half_pixel.
  if (scales.empty() && !scaled &&
      view.attributes().string("coordinate_transformation_mode") == "half_pixel_symmetric")
    view.attributes().set("coordinate_transformation_mode", std::string("half_pixel"));
  if (!computed && !stretches(view, scales, output)) view.attributes().erase("antialias");
  const bool resized = !computed || resize_by_operand(view, axes, scaled ? scales_at : 3, scaled);
  for (const char* name : {"height_scale", "width_scale", "axes", "keep_aspect_ratio_policy"})
    view.attributes().erase(name);
  view.attributes().set("scales", scales);
  view.node().op = Op::resize;
  return computed ? resized : keep_region(view, axes) && view.set(0, output, view.type(0));
}

}  // namespace fettle::graph
