// SPDX-License-Identifier: Apache-2.0
//
// Slice: with bounds that are known, or by operands that say them while the network runs.
#include "lib/graph/infer/infer.h"

#include "lib/base/extents.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fettle::graph {
namespace {

using Ints = std::vector<std::int64_t>;

bool read_axes(NodeView& view, std::size_t count, Ints& axes, Ints& steps) {
  std::optional<Ints> given_axes;
  std::optional<Ints> given_steps;
  if (!view.parameter("axes", 3, given_axes) || !view.parameter("steps", 4, given_steps)) return false;
  if (!given_axes) {
    given_axes.emplace();
    for (std::size_t i = 0; i < count; ++i) given_axes->push_back(static_cast<std::int64_t>(i));
  }
  if (!given_steps) given_steps.emplace(count, 1);
  if (!view.expect(given_axes->size() == count && given_steps->size() == count,
                   "axes or steps have the wrong length"))
    return false;
  if (!view.normal_axes(*given_axes, view.rank(0))) return false;
  if (!view.expect(std::find(given_steps->begin(), given_steps->end(), 0) == given_steps->end(),
                   "a step is 0"))
    return false;
  axes = *std::move(given_axes);
  steps = *std::move(given_steps);
  return true;
}

// How many elements there are at most, of an extent that is at most `extent` (or is it), from anywhere in
// `start` to anywhere in `end`.
Interval most_elements(double extent, bool bounded, Interval start, Interval end, std::int64_t step) {
  const bool exact = start.low == start.high && end.low == end.high && std::abs(start.low) < 0x1p62 &&
                     std::abs(end.low) < 0x1p62;
  if (exact && !bounded) {
    auto from = static_cast<std::int64_t>(start.low);
    const auto count = static_cast<double>(
        slice_extent(static_cast<std::int64_t>(extent), step, from, static_cast<std::int64_t>(end.low)));
    return {count, count};
  }
  double span = extent;
  if (step > 0 && start.low >= 0) {
    // From the front: what is before the start is left out, whatever the extent.
    const double last = end.low >= 0 ? std::min(end.high, extent) : end.high < 0 ? extent + end.high : extent;
    span = std::max(0.0, last - std::min(start.low, extent));
  } else if (step > 0 && start.high < 0) {
    // From the back.
    span = std::min(extent, -start.low);
    if (end.high < 0) span = std::max(0.0, std::min(extent, -start.low) + end.high);
    if (end.low >= 0) span = std::min(span, end.high);
  }
  return {0, std::ceil(span / std::abs(static_cast<double>(step)))};
}

// Of a layer by itself: a result that could be a slice along these axes.
bool fits_alone(NodeView& view, const Ints& axes) {
  const Shape& x = view.shape(0);
  const Shape& y = *view.graph().value(view.node().outputs[0]).shape;
  bool fits = x.rank() == y.rank();
  for (int axis = 0; fits && axis < x.rank(); ++axis) {
    const bool sliced = std::find(axes.begin(), axes.end(), axis) != axes.end();
    fits = sliced ? y[axis] <= x[axis] : y[axis] == x[axis];
  }
  return view.expect(fits, "the result is no slice of the operand");
}

// The start and the end of each axis as operands.
bool slice_by_operands(NodeView& view, const Ints& axes, Ints steps) {
  const Shape x = view.shape(0);
  std::vector<Interval> extents;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const auto most = static_cast<double>(x[axis]);
    extents.push_back({is_bounded(view.bounded(0), axis) ? 0 : most, most});
  }
  const Interval anything{-INFINITY, INFINITY};
  std::vector<Interval> starts = view.numbers(1);
  std::vector<Interval> ends = view.numbers(2);
  starts.resize(axes.size(), anything);
  ends.resize(axes.size(), anything);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<int>(axes[i]);
    extents[static_cast<std::size_t>(axis)] = most_elements(
        static_cast<double>(x[axis]), is_bounded(view.bounded(0), axis), starts[i], ends[i], steps[i]);
  }
  view.attributes() = {};
  view.attributes().set("axes", axes);
  view.attributes().set("steps", std::move(steps));
  view.keep_inputs(3);
  if (view.stands_alone(0)) return fits_alone(view, axes);
  return view.set_computed(0, extents, view.type(0), 1);
}

bool slice_by_attributes(NodeView& view, Ints starts, Ints ends, Ints axes, Ints steps) {
  const Shape& x = view.shape(0);
  Shape output = x;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const int axis = static_cast<int>(axes[i]);
    const std::int64_t extent = x[axis];
    // A step beyond the axis takes one element, as one of its length does.
    const std::int64_t longest = std::max<std::int64_t>(extent, 1);
    std::int64_t& step = steps[i];
    step = std::clamp(step, -longest, longest);
    std::int64_t& start = starts[i];
    std::int64_t& end = ends[i];
    // A canonical backward slice ends at -1, which must not be taken for the last element again.
    const bool canonical = !view.has(1) && view.attributes().integer("normalised") != 0;
    if (!canonical) {
      if (start < 0) start += extent;
      if (end < 0) end += extent;
    }
    start = std::clamp<std::int64_t>(start, step > 0 ? 0 : -1, step > 0 ? extent : extent - 1);
    end = std::clamp<std::int64_t>(end, step > 0 ? 0 : -1, step > 0 ? extent : extent - 1);
    const std::int64_t span = step > 0 ? end - start : start - end;
    const std::int64_t stride = step > 0 ? step : -step;
    output[axis] = span <= 0 ? 0 : (span + stride - 1) / stride;
  }
  view.attributes().set("starts", std::move(starts));
  view.attributes().set("ends", std::move(ends));
  view.attributes().set("axes", std::move(axes));
  view.attributes().set("steps", std::move(steps));
  view.attributes().set("normalised", std::int64_t{1});
  view.keep_inputs(1);
  return view.set(0, output, view.type(0));
}

}  // namespace

bool infer_slice(NodeView& view) {
  Ints axes;
  Ints steps;
  const bool computed = view.computed(1) || view.computed(2);
  std::optional<Ints> starts;
  std::optional<Ints> ends;
  if (computed) {
    const auto listed = [&](std::size_t i) {
      return view.has(i) && view.rank(i) == 1 && view.bounded(i) == 0 &&
             (view.type(i) == DataType::s64 || view.type(i) == DataType::s32);
    };
    if (!view.expect(listed(1) && listed(2) && view.shape(1) == view.shape(2) && view.shape(1)[0] <= kMaxRank,
                     "starts and ends are missing or differ in length"))
      return false;
    return read_axes(view, static_cast<std::size_t>(view.shape(1)[0]), axes, steps) &&
           slice_by_operands(view, axes, std::move(steps));
  }
  if (!view.parameter("starts", 1, starts) || !view.parameter("ends", 2, ends)) return false;
  if (!view.expect(starts && ends && starts->size() == ends->size() && starts->size() <= kMaxRank,
                   "starts and ends are missing or differ in length"))
    return false;
  if (!read_axes(view, starts->size(), axes, steps)) return false;
  const bool bounded = std::any_of(axes.begin(), axes.end(), [&](std::int64_t axis) {
    return is_bounded(view.bounded(0), static_cast<int>(axis));
  });
  if (!bounded)
    return slice_by_attributes(view, *std::move(starts), *std::move(ends), std::move(axes), std::move(steps));
  // Where the axis ends, only running tells.
  if (!view.has(1)) {
    view.keep_inputs(1);
    if (!view.add_operand("starts", *starts) || !view.add_operand("ends", *ends)) return false;
  }
  return slice_by_operands(view, axes, std::move(steps));
}

}  // namespace fettle::graph
