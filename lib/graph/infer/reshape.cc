// SPDX-License-Identifier: Apache-2.0
//
// Operators that give a tensor another shape: all become `reshape`.
#include "lib/graph/infer/infer.h"

#include "lib/base/checked.h"
#include "lib/base/extents.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fettle::graph {
namespace {

using Ints = std::vector<std::int64_t>;

// The output shape says everything, and where extents depend on data, `from` says where they come from (see
// kRest).
bool becomes_reshape(NodeView& view, const Shape& output, Ints from) {
  const bool bounded = view.bounded(0) != 0;
  if (!bounded && !view.expect(output.elements() == view.shape(0).elements(),
                               "the result has another number of elements"))
    return false;
  view.node().op = Op::reshape;
  view.node().attributes = {};
  if (bounded) view.attributes().set("from", std::move(from));
  view.keep_inputs(1);
  return view.set(0, output, view.type(0));
}

// What of the operand's elements is left for one axis, beside those that are copied or known.
bool fill_rest(NodeView& view, const Ints& from, Ints& wanted) {
  const Shape& x = view.shape(0);
  // What is copied stands on both sides, so that -1 is known beside an extent of 0, too.
  Shape left = x;
  std::int64_t known = 1;
  int rest = -1;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] >= 0) {
      wanted[i] = x[static_cast<int>(from[i])];
      left[static_cast<int>(from[i])] = 1;
    } else if (from[i] == kRest) {
      if (!view.expect(rest < 0, "the new shape has more than one -1")) return false;
      rest = static_cast<int>(i);
    } else {
      const auto product = wanted[i] < 0 ? std::nullopt : checked_mul(known, wanted[i]);
      if (!view.expect(product.has_value(), "the new shape is not valid")) return false;
      known = *product;
    }
  }
  if (rest >= 0) {
    // Of the most elements that there can be, some may be left over.
    const bool fits = known > 0 && (view.bounded(0) != 0 || left.elements() % known == 0);
    if (!view.expect(fits, "the new shape does not fit the number of elements")) return false;
    wanted[static_cast<std::size_t>(rest)] = left.elements() / known;
  }
  return view.expect(checked_elements(wanted).has_value(), "the new shape is not valid");
}

bool reshape_to(NodeView& view, Ints wanted, Ints from) {
  if (!fill_rest(view, from, wanted)) return false;
  return becomes_reshape(view, Shape(std::span<const std::int64_t>(wanted)), std::move(from));
}

// A shape that is computed while the network runs. No extent is larger than all elements.
bool reshape_by_operand(NodeView& view) {
  if (view.stands_alone(0)) return true;
  if (!view.expect(view.rank(1) == 1 && view.bounded(1) == 0 && view.type(1) == DataType::s64,
                   "the rank of the result depends on the data"))
    return false;
  const Shape& x = view.shape(0);
  const bool allow_zero = view.attributes().integer("allowzero") != 0;
  // Beside an extent of 0 the others may be anything.
  const double all = x.elements() > 0 ? static_cast<double>(x.elements()) : INFINITY;
  std::vector<Interval> extents = view.numbers(1);
  if (extents.empty()) extents.resize(static_cast<std::size_t>(view.shape(1)[0]), Interval{-1, all});
  double least = 1;
  for (const Interval& extent : extents) least *= std::max(1.0, extent.low);
  for (std::size_t i = 0; i < extents.size(); ++i) {
    Interval& extent = extents[i];
    const auto axis = static_cast<int>(i);
    const bool copies = !allow_zero && extent.low <= 0 && extent.high >= 0 && axis < x.rank();
    if (copies && extent.low == extent.high) {
      const auto most = static_cast<double>(x[axis]);
      extent = {is_bounded(view.bounded(0), axis) ? 0 : most, most};
      continue;
    }
    const bool fills = extent.low < 0;
    double most = fills ? all / least : std::min(extent.high, all);
    if (copies) most = std::max(most, static_cast<double>(x[axis]));
    if (extent.low == extent.high && !fills && extent.high <= all) continue;
    extent = {0, std::floor(std::max(most, std::min(extent.high, all)))};
  }
  return view.set_computed(0, extents, view.type(0), 1);
}

}  // namespace

bool infer_reshape(NodeView& view) {
  if (view.computed(1)) return reshape_by_operand(view);
  if (!view.has(1) && !view.attributes().has("shape")) {
    // Canonical already: the output's shape was set before.
    const auto& known = view.graph().value(view.node().outputs[0]).shape;
    if (!view.expect(known.has_value(), "the new shape is missing")) return false;
    const auto given = view.attributes().integers("from");
    if (given.empty()) return becomes_reshape(view, Shape(*known), {});
    const Ints wanted(known->begin(), known->end());
    if (!view.expect(given.size() == wanted.size() && std::all_of(given.begin(), given.end(),
                                                                  [&](std::int64_t axis) {
                                                                    return axis >= kFixed &&
                                                                           axis < view.rank(0);
                                                                  }),
                     "from does not fit the operand"))
      return false;
    return reshape_to(view, wanted, Ints(given.begin(), given.end()));
  }
  std::optional<Ints> wanted;
  if (!view.parameter("shape", 1, wanted)) return false;
  if (!view.expect(wanted->size() <= kMaxRank, kTooManyDimensions)) return false;
  const bool allow_zero = view.attributes().integer("allowzero") != 0;
  Ints from(wanted->size(), kFixed);
  for (std::size_t i = 0; i < wanted->size(); ++i) {
    if ((*wanted)[i] == -1) from[i] = kRest;
    if ((*wanted)[i] != 0 || allow_zero) continue;
    if (!view.expect(static_cast<int>(i) < view.rank(0),
                     "a 0 in the new shape has no input dimension to copy"))
      return false;
    from[i] = static_cast<std::int64_t>(i);
  }
  return reshape_to(view, *std::move(wanted), std::move(from));
}

bool infer_flatten(NodeView& view) {
  std::int64_t axis = view.attributes().integer("axis", 1);
  const Shape& x = view.shape(0);
  if (!view.expect(axis >= -x.rank() && axis <= x.rank(), "the axis is outside the tensor")) return false;
  if (axis < 0) axis += x.rank();
  Shape output{1, 1};
  for (int i = 0; i < x.rank(); ++i) output[i < axis ? 0 : 1] *= x[i];
  // An axis by itself is copied; of several, one side may have extents that depend on data.
  Ints from;
  for (const bool behind : {false, true}) {
    const int begin = behind ? static_cast<int>(axis) : 0;
    const int end = behind ? x.rank() : static_cast<int>(axis);
    bool bounded = false;
    for (int i = begin; i < end; ++i) bounded = bounded || is_bounded(view.bounded(0), i);
    from.push_back(end - begin == 1 ? begin : bounded ? kRest : kFixed);
  }
  if (!view.expect(from[0] != kRest || from[1] != kRest,
                   "both extents of the result depend on the data; reshape it by Shape and Concat"))
    return false;
  return becomes_reshape(view, output, std::move(from));
}

bool infer_squeeze(NodeView& view) {
  std::optional<Ints> axes;
  if (!view.parameter("axes", 1, axes)) return false;
  const Shape& x = view.shape(0);
  if (axes && !view.normal_axes(*axes, x.rank())) return false;
  if (!view.expect(axes || view.bounded(0) == 0, "the rank of the result depends on the data; name the axes"))
    return false;
  Shape output;
  Ints from;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool named = axes && std::find(axes->begin(), axes->end(), axis) != axes->end();
    const bool one = x[axis] == 1 || (is_bounded(view.bounded(0), axis) && x[axis] > 1);
    if (named && !view.expect(one, "a squeezed dimension is not 1")) return false;
    if (named || (!axes && x[axis] == 1)) continue;
    output.push_back(x[axis]);
    from.push_back(axis);
  }
  return becomes_reshape(view, output, std::move(from));
}

bool infer_unsqueeze(NodeView& view) {
  std::optional<Ints> axes;
  if (!view.parameter("axes", 1, axes)) return false;
  if (!view.expect(axes.has_value(), "axes are missing")) return false;
  const Shape& x = view.shape(0);
  const int rank = x.rank() + static_cast<int>(std::min<std::size_t>(axes->size(), 100));
  if (!view.expect(rank <= kMaxRank, kTooManyDimensions) || !view.normal_axes(*axes, rank)) return false;
  Shape output;
  Ints from;
  int next = 0;
  for (int axis = 0; axis < rank; ++axis) {
    const bool added = std::find(axes->begin(), axes->end(), axis) != axes->end();
    from.push_back(added ? kFixed : next);
    output.push_back(added ? 1 : x[next++]);
  }
  return becomes_reshape(view, output, std::move(from));
}

}  // namespace fettle::graph
