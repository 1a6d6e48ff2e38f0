// SPDX-License-Identifier: Apache-2.0
//
// Operators that move or reshape data.
#include "lib/graph/infer/infer.h"

#include "lib/base/checked.h"
#include "lib/base/small_types.h"

#include <algorithm>

namespace fettle::graph {
namespace {

using Ints = std::vector<std::int64_t>;

// Flatten, squeeze and unsqueeze are reshapes whose output shape says everything.
bool becomes_reshape(NodeView& view, const Shape& output) {
  if (!view.expect(output.elements() == view.shape(0).elements(),
                   "the result has another number of elements"))
    return false;
  view.node().op = Op::reshape;
  view.node().attributes = {};
  view.keep_inputs(1);
  return view.set(0, output, view.type(0));
}

bool normal_axes(NodeView& view, Ints& axes, int rank) {
  for (std::int64_t& axis : axes) {
    if (!view.normal_axis(axis, rank)) return false;
  }
  Ints sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  return view.expect(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(),
                     "an axis is named twice");
}

// Whether a Dropout drops nothing: outside training, or with a ratio of 0, whatever the mode is.
bool drops_nothing(NodeView& view) {
  if (!view.has(2)) return true;
  const std::optional<bool> training = view.truth(2);
  if (training && !*training) return true;
  if (view.has(1) && view.is_zero(1)) return true;
  if (!training) return view.fail("training_mode must be constant, or the ratio a constant 0");
  return view.fail("it drops at random (training_mode is true and the ratio is not 0): export for inference");
}

// The mask of a Dropout that drops nothing: all ones, boolean since opset 10.
bool make_mask(NodeView& view, ValueId mask) {
  const Shape shape = view.shape(0);
  const DataType type = view.graph().opset >= 10 ? DataType::boolean : view.type(0);
  const ValueId one = view.scalar(1, type);
  if (one == kNoValue) return false;
  view.graph().value(mask).type = type;
  view.graph().value(mask).shape = shape;
  view.graph().add_node({Op::expand, view.node().id + ".mask", {}, {}, {one}, {mask}});
  return true;
}

// Parts without elements are no results of a split whose other parts have some.
void drop_empty_parts(NodeView& view, Ints sizes) {
  std::vector<ValueId>& outputs = view.node().outputs;
  const auto of_no_elements = [](std::int64_t size) { return size == 0; };
  if (view.shape(0).elements() == 0 || std::none_of(sizes.begin(), sizes.end(), of_no_elements)) return;
  std::vector<ValueId> kept;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (sizes[i] > 0)
      kept.push_back(outputs[i]);
    else if (outputs[i] != kNoValue)
      become_empty_constant(view.graph().value(outputs[i]));
  }
  outputs = std::move(kept);
  std::erase(sizes, 0);
  view.attributes().set("split", std::move(sizes));
}

}  // namespace

bool infer_reshape(NodeView& view) {
  if (!view.has(1) && !view.attributes().has("shape")) {
    // Canonical already: the output's shape was set before.
    const auto& known = view.graph().value(view.node().outputs[0]).shape;
    return view.expect(known.has_value(), "the new shape is missing") && becomes_reshape(view, Shape(*known));
  }
  std::optional<Ints> wanted;
  if (!view.parameter("shape", 1, wanted)) return false;
  if (!view.expect(wanted->size() <= kMaxRank, kTooManyDimensions)) return false;
  const bool allow_zero = view.attributes().integer("allowzero") != 0;
  const Shape& x = view.shape(0);
  int free_axis = -1;
  std::int64_t known = 1;
  // What is copied stands on both sides, so that -1 is known beside an extent of 0, too.
  Shape left = x;
  for (std::size_t i = 0; i < wanted->size(); ++i) {
    std::int64_t& extent = (*wanted)[i];
    if (extent == 0 && !allow_zero) {
      if (!view.expect(static_cast<int>(i) < x.rank(), "a 0 in the new shape has no input dimension to copy"))
        return false;
      extent = x[static_cast<int>(i)];
      left[static_cast<int>(i)] = 1;
      continue;
    }
    if (extent == -1) {
      if (!view.expect(free_axis < 0, "the new shape has more than one -1")) return false;
      free_axis = static_cast<int>(i);
      continue;
    }
    const auto product = extent < 0 ? std::nullopt : checked_mul(known, extent);
    if (!view.expect(product.has_value(), "the new shape is not valid")) return false;
    known = *product;
  }
  if (free_axis >= 0) {
    if (!view.expect(known > 0 && left.elements() % known == 0,
                     "the new shape does not fit the number of elements"))
      return false;
    (*wanted)[static_cast<std::size_t>(free_axis)] = left.elements() / known;
  }
  return view.expect(checked_elements(*wanted).has_value(), "the new shape is not valid") &&
         becomes_reshape(view, Shape(std::span<const std::int64_t>(*wanted)));
}

bool infer_flatten(NodeView& view) {
  std::int64_t axis = view.attributes().integer("axis", 1);
  const Shape& x = view.shape(0);
  if (!view.expect(axis >= -x.rank() && axis <= x.rank(), "the axis is outside the tensor")) return false;
  if (axis < 0) axis += x.rank();
  Shape output{1, 1};
  for (int i = 0; i < x.rank(); ++i) output[i < axis ? 0 : 1] *= x[i];
  return becomes_reshape(view, output);
}

bool infer_squeeze(NodeView& view) {
  std::optional<Ints> axes;
  if (!view.parameter("axes", 1, axes)) return false;
  const Shape& x = view.shape(0);
  if (axes && !normal_axes(view, *axes, x.rank())) return false;
  Shape output;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool named = axes && std::find(axes->begin(), axes->end(), axis) != axes->end();
    if (named && !view.expect(x[axis] == 1, "a squeezed dimension is not 1")) return false;
    if (named || (!axes && x[axis] == 1)) continue;
    output.push_back(x[axis]);
  }
  return becomes_reshape(view, output);
}

bool infer_unsqueeze(NodeView& view) {
  std::optional<Ints> axes;
  if (!view.parameter("axes", 1, axes)) return false;
  if (!view.expect(axes.has_value(), "axes are missing")) return false;
  const Shape& x = view.shape(0);
  const int rank = x.rank() + static_cast<int>(std::min<std::size_t>(axes->size(), 100));
  if (!view.expect(rank <= kMaxRank, kTooManyDimensions) || !normal_axes(view, *axes, rank)) return false;
  Shape output;
  int next = 0;
  for (int axis = 0; axis < rank; ++axis) {
    const bool added = std::find(axes->begin(), axes->end(), axis) != axes->end();
    output.push_back(added ? 1 : x[next++]);
  }
  return becomes_reshape(view, output);
}

bool infer_concat(NodeView& view) {
  const int rank = view.rank(0);
  std::int64_t axis = view.attributes().integer("axis", 1);
  if (!view.normal_axis(axis, rank)) return false;
  Shape output = view.shape(0);
  std::int64_t extent = 0;
  for (std::size_t i = 0; i < view.inputs(); ++i) {
    if (!view.expect(view.has(i) && view.rank(i) == rank && view.type(i) == view.type(0),
                     "the inputs differ in rank or type"))
      return false;
    for (int d = 0; d < rank; ++d) {
      if (d != axis && !view.expect(view.shape(i)[d] == output[d],
                                    "the inputs differ along another axis than the concatenated one"))
        return false;
    }
    const auto sum = checked_add(extent, view.shape(i)[static_cast<int>(axis)]);
    if (!view.expect(sum.has_value(), "the result is too large")) return false;
    extent = *sum;
  }
  output[static_cast<int>(axis)] = extent;
  view.attributes().set("axis", axis);
  const DataType type = view.type(0);
  // Pieces without elements add nothing. Where the result has elements, some piece has too.
  if (output.elements() > 0) {
    std::erase_if(view.node().inputs, [&](ValueId input) { return view.graph().value(input).empty(); });
  }
  return view.set(0, output, type);
}

bool infer_split(NodeView& view) {
  const Shape& x = view.shape(0);
  std::int64_t axis = view.attributes().integer("axis", 0);
  if (!view.normal_axis(axis, x.rank())) return false;
  std::optional<Ints> sizes;
  if (!view.parameter("split", 1, sizes)) return false;
  const std::size_t count = view.node().outputs.size();
  const std::int64_t extent = x[static_cast<int>(axis)];
  if (const std::int64_t parts = view.attributes().integer("num_outputs"); parts != 0) {
    if (!view.expect(!sizes && parts == static_cast<std::int64_t>(count),
                     "num_outputs is not the number of outputs, or stands beside sizes"))
      return false;
    // The last ones get what is left.
    sizes.emplace();
    const std::int64_t each = (extent + parts - 1) / parts;
    for (std::int64_t left = extent; sizes->size() < count; left -= sizes->back())
      sizes->push_back(std::min(each, left));
    view.attributes().erase("num_outputs");
  }
  if (!sizes) {
    const auto pieces = static_cast<std::int64_t>(count);
    if (!view.expect(pieces > 0 && extent % pieces == 0, "the axis cannot be split into equal parts"))
      return false;
    sizes.emplace(count, extent / pieces);
  }
  std::int64_t sum = 0;
  for (std::int64_t size : *sizes) {
    if (!view.expect(size >= 0 && size <= extent - sum, "the parts do not add up to the axis")) return false;
    sum += size;
  }
  if (!view.expect(sizes->size() == count && sum == extent, "the parts do not add up to the axis"))
    return false;
  view.attributes().set("axis", axis);
  view.attributes().set("split", *sizes);
  view.keep_inputs(1);
  for (std::size_t i = 0; i < count; ++i) {
    Shape output = x;
    output[static_cast<int>(axis)] = (*sizes)[i];
    if (!view.set(i, output, view.type(0))) return false;
  }
  drop_empty_parts(view, *std::move(sizes));
  return true;
}

bool infer_slice(NodeView& view) {
  const Shape& x = view.shape(0);
  std::optional<Ints> starts;
  std::optional<Ints> ends;
  std::optional<Ints> axes;
  std::optional<Ints> steps;
  if (!view.parameter("starts", 1, starts) || !view.parameter("ends", 2, ends) ||
      !view.parameter("axes", 3, axes) || !view.parameter("steps", 4, steps))
    return false;
  if (!view.expect(starts && ends && starts->size() == ends->size() && starts->size() <= kMaxRank,
                   "starts and ends are missing or differ in length"))
    return false;
  if (!axes) {
    axes.emplace();
    for (std::size_t i = 0; i < starts->size(); ++i) axes->push_back(static_cast<std::int64_t>(i));
  }
  if (!steps) steps.emplace(starts->size(), 1);
  if (!view.expect(axes->size() == starts->size() && steps->size() == starts->size(),
                   "axes or steps have the wrong length"))
    return false;
  if (!normal_axes(view, *axes, x.rank())) return false;
  Shape output = x;
  for (std::size_t i = 0; i < axes->size(); ++i) {
    const int axis = static_cast<int>((*axes)[i]);
    const std::int64_t extent = x[axis];
    // A step beyond the axis takes one element, as one of its length does.
    const std::int64_t longest = std::max<std::int64_t>(extent, 1);
    std::int64_t& step = (*steps)[i];
    if (!view.expect(step != 0, "a step is 0")) return false;
    step = std::clamp(step, -longest, longest);
    std::int64_t& start = (*starts)[i];
    std::int64_t& end = (*ends)[i];
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
  view.attributes().set("starts", *starts);
  view.attributes().set("ends", *ends);
  view.attributes().set("axes", *axes);
  view.attributes().set("steps", *steps);
  view.attributes().set("normalised", std::int64_t{1});
  view.keep_inputs(1);
  return view.set(0, output, view.type(0));
}

bool infer_transpose(NodeView& view) {
  const Shape& x = view.shape(0);
  const auto given = view.attributes().integers("perm");
  Ints perm(given.begin(), given.end());
  if (perm.empty()) {
    for (int axis = x.rank(); axis-- > 0;) perm.push_back(axis);
  }
  Ints sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  bool valid = sorted.size() == static_cast<std::size_t>(x.rank());
  for (std::size_t i = 0; valid && i < sorted.size(); ++i) valid = sorted[i] == static_cast<std::int64_t>(i);
  if (!view.expect(valid, "perm is not a permutation of the axes")) return false;
  Shape output;
  for (std::int64_t axis : perm) output.push_back(x[static_cast<int>(axis)]);
  view.attributes().set("perm", perm);
  return view.set(0, output, view.type(0));
}

bool infer_expand(NodeView& view) {
  if (!view.has(1))
    return view.expect(view.graph().value(view.node().outputs[0]).shape.has_value(), "the shape is missing");
  const std::optional<Ints> wanted = view.integers(1);
  if (!view.expect(wanted.has_value(), "the shape must be constant") ||
      !view.expect(wanted->size() <= kMaxRank, kTooManyDimensions))
    return false;
  const bool positive =
      std::all_of(wanted->begin(), wanted->end(), [](std::int64_t extent) { return extent >= 0; });
  const std::optional<Shape> output =
      positive ? broadcast(view.shape(0), Shape(std::span<const std::int64_t>(*wanted))) : std::nullopt;
  if (!view.expect(output.has_value(), "the input cannot be expanded to the shape")) return false;
  view.keep_inputs(1);
  return view.set(0, *output, view.type(0));
}

bool infer_tile(NodeView& view) {
  std::optional<Ints> repeats;
  if (!view.parameter("repeats", 1, repeats)) return false;
  const Shape& x = view.shape(0);
  if (!view.expect(repeats && repeats->size() == static_cast<std::size_t>(x.rank()),
                   "repeats needs one number for each dimension"))
    return false;
  Shape output = x;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const std::int64_t times = (*repeats)[static_cast<std::size_t>(axis)];
    const auto extent = times < 0 ? std::nullopt : checked_mul(x[axis], times);
    if (!view.expect(extent.has_value(), "repeats are out of range")) return false;
    output[axis] = *extent;
  }
  view.attributes().set("repeats", *repeats);
  view.keep_inputs(1);
  return view.set(0, output, view.type(0));
}

bool infer_gather(NodeView& view) {
  const Shape& x = view.shape(0);
  std::int64_t axis = view.attributes().integer("axis", 0);
  if (!view.expect(view.inputs() == 2 && (view.type(1) == DataType::s64 || view.type(1) == DataType::s32),
                   "the indices must be integers"))
    return false;
  if (!view.normal_axis(axis, x.rank())) return false;
  if (!view.expect(x.rank() - 1 + view.rank(1) <= kMaxRank, kTooManyDimensions)) return false;
  if (const auto indices = view.integers(1)) {
    const std::int64_t extent = x[static_cast<int>(axis)];
    const bool inside = std::all_of(indices->begin(), indices->end(),
                                    [&](std::int64_t i) { return i >= -extent && i < extent; });
    if (!view.expect(inside, "an index lies outside the axis")) return false;
  }
  view.attributes().set("axis", axis);
  Shape output(x.dims().first(static_cast<std::size_t>(axis)));
  for (std::int64_t extent : view.shape(1)) output.push_back(extent);
  for (int i = static_cast<int>(axis) + 1; i < x.rank(); ++i) output.push_back(x[i]);
  return has_elements_for(view, output) && view.set(0, output, view.type(0));
}

bool infer_depth_space(NodeView& view) {
  const Shape& x = view.shape(0);
  const std::int64_t block = view.attributes().integer("blocksize");
  if (!view.expect(x.rank() == 4 && block >= 1 && block <= 1024,
                   "rank 4 and a positive blocksize are needed"))
    return false;
  if (view.node().op == Op::depth_to_space) {
    view.fill("mode", std::string("DCR"));
    if (!view.expect(x[1] % (block * block) == 0, "the channels are not a multiple of the squared blocksize"))
      return false;
    return view.set(0, Shape{x[0], x[1] / (block * block), x[2] * block, x[3] * block}, view.type(0));
  }
  if (!view.expect(x[2] % block == 0 && x[3] % block == 0, "the picture is not a multiple of the blocksize"))
    return false;
  return view.set(0, Shape{x[0], x[1] * block * block, x[2] / block, x[3] / block}, view.type(0));
}

bool infer_cast(NodeView& view) {
  const DataType type = data_type_from_string(view.attributes().string("to"));
  if (!view.expect(type != DataType::undefined, "unsupported target type")) return false;
  // Only some types of 8 bits leave a choice.
  const bool saturates = !is_small_float(type) || view.attributes().integer("saturate", 1) != 0;
  if (saturates) view.attributes().erase("saturate");
  if (type != DataType::f8e8m0 || view.attributes().string("round_mode") == "up")
    view.attributes().erase("round_mode");
  return view.set(0, view.shape(0), type);
}

bool infer_bit_cast(NodeView& view) {
  const DataType type = data_type_from_string(view.attributes().string("to"));
  return view.expect(size_of(type) == size_of(view.type(0)) && size_of(type) > 0,
                     "the target type needs as many bits as the input's") &&
         view.set(0, view.shape(0), type);
}

// To given extents: what is too large loses elements on both sides, what is too small gets zeros there.
bool infer_center_crop_pad(NodeView& view) {
  const Shape x = view.shape(0);
  const DataType type = view.type(0);
  const std::optional<Ints> wanted = view.integers(1);
  if (!view.expect(wanted.has_value(), "the shape must be constant")) return false;
  const auto given = view.attributes().integers("axes");
  Ints axes(given.begin(), given.end());
  if (axes.empty()) {
    for (int axis = 0; axis < x.rank(); ++axis) axes.push_back(axis);
  }
  if (!normal_axes(view, axes, x.rank()) ||
      !view.expect(wanted->size() == axes.size(), "the shape needs one extent for each axis"))
    return false;
  Shape cropped = x;
  Shape output = x;
  Ints starts;
  Ints ends;
  Ints pads(2 * static_cast<std::size_t>(x.rank()), 0);
  constexpr std::int64_t kMost = 1 << 30;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<int>(axes[i]);
    const std::int64_t extent = (*wanted)[i];
    if (!view.expect(extent >= 0 && extent <= kMost, "an extent of the shape is out of range")) return false;
    const std::int64_t kept = std::min(x[axis], extent);
    starts.push_back((x[axis] - kept) / 2);
    ends.push_back(starts.back() + kept);
    pads[static_cast<std::size_t>(axis)] = (extent - kept) / 2;
    pads[static_cast<std::size_t>(axis + x.rank())] = extent - kept - (extent - kept) / 2;
    cropped[axis] = kept;
    output[axis] = extent;
  }
  const ValueId left = add_crop(view, std::move(axes), std::move(starts), std::move(ends), cropped);
  view.node().op = Op::pad;
  view.node().attributes = {};
  view.attributes().set("mode", std::string("constant"));
  view.attributes().set("value", 0.0f);
  view.attributes().set("pads", std::move(pads));
  view.node().inputs = {left};
  return view.set(0, output, type);
}

bool infer_channel_shuffle(NodeView& view) {
  const std::int64_t groups = view.attributes().integer("group");
  const Shape& x = view.shape(0);
  return view.expect(x.rank() >= 3 && groups > 0 && x[1] % groups == 0, "groups of unequal size") &&
         view.same_as_input();
}

bool infer_identity(NodeView& view) {
  if (view.node().op == Op::dropout) {
    if (!drops_nothing(view)) return false;
    const std::vector<ValueId> results = view.node().outputs;
    if (results.size() > 1 && results[1] != kNoValue && !make_mask(view, results[1])) return false;
    view.node().outputs.resize(1);
  }
  view.node().op = Op::identity;
  view.node().attributes = {};
  view.keep_inputs(1);
  return view.same_as_input();
}

bool infer_shape(NodeView& view) {
  const std::int64_t rank = view.rank(0);
  if (view.node().op == Op::size) return view.set(0, Shape{}, DataType::s64);
  std::int64_t start = view.attributes().integer("start", 0);
  std::int64_t end = view.attributes().integer("end", rank);
  if (start < 0) start += rank;
  if (end < 0) end += rank;
  start = std::clamp<std::int64_t>(start, 0, rank);
  end = std::clamp<std::int64_t>(end, start, rank);
  view.attributes().set("start", start);
  view.attributes().set("end", end);
  return view.set(0, Shape{end - start}, DataType::s64);
}

bool infer_constant_of_shape(NodeView& view) {
  const std::optional<Ints> wanted = view.integers(0);
  if (!view.expect(wanted.has_value(), "the shape must be constant") ||
      !view.expect(wanted->size() <= kMaxRank, kTooManyDimensions))
    return false;
  const bool positive =
      std::all_of(wanted->begin(), wanted->end(), [](std::int64_t extent) { return extent >= 0; });
  return view.expect(positive, "a dimension is negative") &&
         view.set(0, Shape(std::span<const std::int64_t>(*wanted)),
                  data_type_from_string(view.attributes().string("type", "f32")));
}

}  // namespace fettle::graph
