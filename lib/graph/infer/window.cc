// SPDX-License-Identifier: Apache-2.0
//
// Operators that slide a window: convolutions and pools.
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fettle::graph {
namespace {

using Ints = std::vector<std::int64_t>;

// Extents from files are kept far below where window arithmetic could overflow.
constexpr std::int64_t kMaxWindow = 1 << 20;

bool window_list(NodeView& view, std::string_view name, std::size_t count, std::int64_t fallback,
                 std::int64_t low, Ints& list) {
  const auto given = view.attributes().integers(name);
  list.assign(given.begin(), given.end());
  if (list.empty()) list.assign(count, fallback);
  const bool fits = list.size() == count && std::all_of(list.begin(), list.end(), [&](std::int64_t v) {
                      return v >= low && v <= kMaxWindow;
                    });
  if (!fits)
    return view.fail("attribute " + std::string(name) + " needs " + std::to_string(count) + " numbers from " +
                     std::to_string(low) + " to 1048576");
  view.attributes().set(name, list);
  return true;
}

struct Window {
  Ints kernel;
  Ints strides;
  Ints dilations;
  Ints pads;  // begins, then ends
  std::string auto_pad;

  std::int64_t reach(std::size_t axis) const { return dilations[axis] * (kernel[axis] - 1) + 1; }
};

bool read_window(NodeView& view, std::size_t axes, Window& window) {
  if (!window_list(view, "kernel_shape", axes, 1, 1, window.kernel)) return false;
  if (!window_list(view, "strides", axes, 1, 1, window.strides)) return false;
  if (!window_list(view, "dilations", axes, 1, 1, window.dilations)) return false;
  window.auto_pad = view.attributes().string("auto_pad", "NOTSET");
  if (window.auto_pad != "NOTSET") view.attributes().erase("pads");
  return window_list(view, "pads", 2 * axes, 0, 0, window.pads);
}

// Makes automatic padding explicit, for operators whose output shrinks by the stride.
void resolve_auto_pad(NodeView& view, Window& window, const Shape& x) {
  const std::size_t axes = window.kernel.size();
  if (window.auto_pad == "SAME_UPPER" || window.auto_pad == "SAME_LOWER") {
    for (std::size_t i = 0; i < axes; ++i) {
      const std::int64_t extent = x[static_cast<int>(i) + 2];
      const std::int64_t out = (extent + window.strides[i] - 1) / window.strides[i];
      const std::int64_t total =
          std::max<std::int64_t>(0, (out - 1) * window.strides[i] + window.reach(i) - extent);
      const std::int64_t less = total / 2;
      window.pads[i] = window.auto_pad == "SAME_UPPER" ? less : total - less;
      window.pads[i + axes] = total - window.pads[i];
    }
  }
  view.attributes().erase("auto_pad");
  view.attributes().set("pads", window.pads);
}

bool window_output(NodeView& view, const Window& window, const Shape& x, bool ceil_mode, Shape& output) {
  const std::size_t axes = window.kernel.size();
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t padded =
        x[static_cast<int>(i) + 2] + window.pads[i] + window.pads[i + axes] - window.reach(i);
    if (padded < 0)
      return view.fail("the window is larger than the padded input along axis " + std::to_string(i + 2));
    std::int64_t extent = padded / window.strides[i] + 1;
    if (ceil_mode && padded % window.strides[i] != 0) {
      // A window that would begin in the padding at the end does not count.
      if (extent * window.strides[i] < x[static_cast<int>(i) + 2] + window.pads[i]) ++extent;
    }
    output.push_back(extent);
  }
  return true;
}

bool check_bias(NodeView& view, std::int64_t channels) {
  if (!view.has(2)) {
    view.keep_inputs(2);
    return true;
  }
  return view.expect(view.rank(2) == 1 && view.shape(2)[0] == channels,
                     "the bias needs one number for each output channel");
}

bool read_kernel_shape(NodeView& view) {
  if (!view.attributes().has("kernel_shape")) {
    const auto dims = view.shape(1).dims();
    view.attributes().set("kernel_shape", Ints(dims.begin() + 2, dims.end()));
  }
  const auto kernel = view.attributes().integers("kernel_shape");
  const auto dims = view.shape(1).dims().subspan(2);
  return view.expect(std::equal(kernel.begin(), kernel.end(), dims.begin(), dims.end()),
                     "kernel_shape differs from the weight's shape");
}

bool check_group(NodeView& view, std::int64_t& group) {
  group = view.attributes().integer("group", 1);
  view.attributes().set("group", group);
  return view.expect(group >= 1 && group <= kMaxWindow, "attribute group must be positive");
}

// The exponent of a norm, which opset 1 had as a real number.
bool read_power(NodeView& view) {
  const float real = view.attributes().real("p", 2);
  const std::int64_t whole = real >= 1 && real <= 64 ? static_cast<std::int64_t>(real) : 0;  // not for NaN
  const std::int64_t power = view.attributes().integer("p", whole);
  view.attributes().set("p", power);
  return view.expect(power >= 1 && power <= 64, "attribute p must be from 1 to 64");
}

}  // namespace

bool infer_conv(NodeView& view) {
  const int rank = view.rank(0);
  if (!view.expect(rank >= 3 && view.has(1) && view.rank(1) == rank,
                   "input and weight need the same rank of 3 or more"))
    return false;
  std::int64_t group = 1;
  if (!check_group(view, group) || !read_kernel_shape(view)) return false;
  const Shape& x = view.shape(0);
  const Shape& weight = view.shape(1);
  if (!view.expect(weight[1] >= 1 && weight[0] >= 1 && weight[0] % group == 0 && x[1] % group == 0 &&
                       x[1] / group == weight[1],
                   "the weight's channels do not fit the input and the groups")) {
    return false;
  }
  if (!check_bias(view, weight[0])) return false;
  Window window;
  if (!read_window(view, static_cast<std::size_t>(rank) - 2, window)) return false;
  resolve_auto_pad(view, window, x);
  Shape output{x[0], weight[0]};
  return window_output(view, window, x, false, output) && view.set(0, output, view.type(0));
}

bool infer_conv_transpose(NodeView& view) {
  const int rank = view.rank(0);
  if (!view.expect(rank >= 3 && view.has(1) && view.rank(1) == rank,
                   "input and weight need the same rank of 3 or more"))
    return false;
  std::int64_t group = 1;
  if (!check_group(view, group) || !read_kernel_shape(view)) return false;
  const Shape& x = view.shape(0);
  const Shape& weight = view.shape(1);
  if (!view.expect(x[1] == weight[0] && x[1] % group == 0 && weight[1] >= 1,
                   "the weight's channels do not fit the input and the groups"))
    return false;
  if (!check_bias(view, weight[1] * group)) return false;
  const auto axes = static_cast<std::size_t>(rank) - 2;
  Window window;
  Ints extra;
  if (!read_window(view, axes, window) || !window_list(view, "output_padding", axes, 0, 0, extra))
    return false;
  const auto wanted = view.attributes().integers("output_shape");
  const Ints output_shape(wanted.begin(), wanted.end());
  if (!view.expect(output_shape.empty() || output_shape.size() == axes,
                   "attribute output_shape has the wrong length"))
    return false;
  Shape output{x[0], weight[1] * group};
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t full =
        window.strides[i] * (x[static_cast<int>(i) + 2] - 1) + extra[i] + window.reach(i);
    const bool same = window.auto_pad == "SAME_UPPER" || window.auto_pad == "SAME_LOWER";
    if (!output_shape.empty() || same) {
      const std::int64_t extent =
          output_shape.empty() ? x[static_cast<int>(i) + 2] * window.strides[i] : output_shape[i];
      const std::int64_t total = std::max<std::int64_t>(0, full - extent);
      extra[i] += std::max<std::int64_t>(0, extent - full);
      // Of an odd total the larger half lies at the start, unless SAME_UPPER says otherwise.
      window.pads[i] = window.auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
      window.pads[i + axes] = total - window.pads[i];
    }
    const std::int64_t extent = window.strides[i] * (x[static_cast<int>(i) + 2] - 1) + extra[i] +
                                window.reach(i) - window.pads[i] - window.pads[i + axes];
    if (!view.expect(extent >= 1, "the padding removes the whole output")) return false;
    output.push_back(extent);
  }
  view.attributes().erase("output_shape");
  view.attributes().erase("auto_pad");
  view.attributes().set("pads", window.pads);
  view.attributes().set("output_padding", extra);
  return view.set(0, output, view.type(0));
}

bool infer_pool(NodeView& view) {
  const int rank = view.rank(0);
  if (!view.expect(rank >= 3, "the input needs a rank of 3 or more")) return false;
  if (!view.expect(view.attributes().has("kernel_shape"), "attribute kernel_shape is missing")) return false;
  const bool places = view.node().outputs.size() > 1 && view.node().outputs[1] != kNoValue;
  if (!view.expect(!places || view.node().op == Op::max_pool, "there is a second output")) return false;
  if (!places) {
    view.node().outputs.resize(1);
    view.attributes().erase("storage_order");
  }
  if (view.node().op == Op::lp_pool && !read_power(view)) return false;
  Window window;
  if (!read_window(view, static_cast<std::size_t>(rank) - 2, window)) return false;
  const Shape& x = view.shape(0);
  resolve_auto_pad(view, window, x);
  for (std::size_t i = 0; i < window.kernel.size(); ++i) {
    const std::int64_t reach = window.reach(i);
    if (!view.expect(window.pads[i] < reach && window.pads[i + window.kernel.size()] < reach,
                     "the padding is as wide as the window"))
      return false;
  }
  view.fill("ceil_mode", std::int64_t{0});
  if (view.node().op == Op::average_pool) view.fill("count_include_pad", std::int64_t{0});
  Shape output{x[0], x[1]};
  return window_output(view, window, x, view.attributes().integer("ceil_mode") != 0, output) &&
         view.set(0, output, view.type(0)) && view.set(1, output, DataType::s64);
}

bool infer_global_pool(NodeView& view) {
  if (view.node().op == Op::global_lp_pool && !read_power(view)) return false;
  const Shape& x = view.shape(0);
  if (!view.expect(x.rank() >= 3, "the input needs a rank of 3 or more")) return false;
  Shape output{x[0], x[1]};
  for (int axis = 2; axis < x.rank(); ++axis) output.push_back(1);
  return view.set(0, output, view.type(0));
}

// A convolution whose taps are moved by offsets, which are computed, and perhaps weighted by a mask.
bool infer_deform_conv(NodeView& view) {
  const int rank = view.rank(0);
  if (!view.expect(rank == 4 && view.rank(1) == rank && view.has(2) && view.rank(2) == rank,
                   "input, weight and offsets need rank 4"))
    return false;
  std::int64_t group = 1;
  if (!check_group(view, group) || !read_kernel_shape(view)) return false;
  const std::int64_t offset_group = view.attributes().integer("offset_group", 1);
  view.attributes().set("offset_group", offset_group);
  view.attributes().erase("auto_pad");  // padding is spelt out
  const Shape& x = view.shape(0);
  const Shape& weight = view.shape(1);
  if (!view.expect(weight[1] >= 1 && weight[0] >= 1 && weight[0] % group == 0 && x[1] % group == 0 &&
                       x[1] / group == weight[1],
                   "the weight's channels do not fit the input and the groups") ||
      !view.expect(offset_group >= 1 && offset_group <= kMaxWindow && x[1] % offset_group == 0,
                   "the channels must be a multiple of attribute offset_group"))
    return false;
  Window window;
  if (!read_window(view, static_cast<std::size_t>(rank) - 2, window)) return false;
  Shape output{x[0], weight[0]};
  if (!window_output(view, window, x, false, output)) return false;
  const std::int64_t taps = offset_group * window.kernel[0] * window.kernel[1];
  if (!view.expect(view.shape(2) == Shape({x[0], 2 * taps, output[2], output[3]}),
                   "the offsets need two values for each offset group, tap and result"))
    return false;
  while (view.inputs() > 3 && !view.has(view.inputs() - 1)) view.keep_inputs(view.inputs() - 1);
  if (view.has(3) &&
      !view.expect(view.shape(3) == Shape{weight[0]}, "the bias needs one number for each output channel"))
    return false;
  if (view.has(4) && !view.expect(view.shape(4) == Shape({x[0], taps, output[2], output[3]}),
                                  "the mask needs one value for each offset group, tap and result"))
    return false;
  return view.set(0, output, view.type(0));
}

namespace {

// The extents of an image or a block, once an operand, then an attribute.
bool read_extents(NodeView& view, const char* name, std::size_t input, Ints& extents) {
  std::optional<Ints> given;
  if (!view.parameter(name, view.attributes().has(name) ? view.inputs() : input, given)) return false;
  const bool fits = given && !given->empty() && given->size() + 2 <= static_cast<std::size_t>(kMaxRank) &&
                    std::all_of(given->begin(), given->end(),
                                [](std::int64_t extent) { return extent >= 1 && extent <= kMaxWindow; });
  if (!fits) return view.fail(std::string(name) + " must be constant, with extents from 1 to 1048576");
  extents = *std::move(given);
  return true;
}

}  // namespace

// Columns, each what a window saw, back to an image: what windows share is added up.
bool infer_col2im(NodeView& view) {
  Ints image;
  Window window;
  if (!read_extents(view, "image_shape", 1, image) || !read_extents(view, "block_shape", 2, window.kernel))
    return false;
  const std::size_t axes = image.size();
  const Shape& x = view.shape(0);
  if (!view.expect(window.kernel.size() == axes && x.rank() == 3,
                   "columns N x (C * block) x L are needed, and a block with the image's axes") ||
      !window_list(view, "strides", axes, 1, 1, window.strides) ||
      !window_list(view, "dilations", axes, 1, 1, window.dilations) ||
      !window_list(view, "pads", 2 * axes, 0, 0, window.pads))
    return false;
  std::int64_t block = 1;
  std::int64_t places = 1;
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t room = image[i] + window.pads[i] + window.pads[i + axes] - window.reach(i);
    if (!view.expect(room >= 0 && block <= kMaxWindow && places <= (std::int64_t{1} << 40),
                     "the block is larger than the padded image"))
      return false;
    block *= window.kernel[i];
    places *= room / window.strides[i] + 1;
  }
  if (!view.expect(x[1] % block == 0 && x[2] == places,
                   "the columns are not those of the image: N x (C * block) x (number of places)"))
    return false;
  Shape output{x[0], x[1] / block};
  for (const std::int64_t extent : image) output.push_back(extent);
  view.attributes().set("image_shape", std::move(image));
  view.attributes().set("block_shape", std::move(window.kernel));
  view.keep_inputs(1);
  return view.set(0, output, view.type(0));
}

}  // namespace fettle::graph
