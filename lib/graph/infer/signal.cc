// SPDX-License-Identifier: Apache-2.0
//
// Signals: Fourier transforms, windows, the mel scale.
#include "lib/graph/infer/infer.h"

#include <algorithm>

namespace fettle::graph {
namespace {

// Products of two lengths stay far from overflow.
constexpr std::int64_t kMaxLength = 1 << 24;

// A positive length from a constant input or, once it is canonical, from the attribute of that name.
bool read_length(NodeView& view, const char* name, std::size_t input, std::int64_t& length) {
  if (!view.attributes().has(name)) {
    const std::optional<std::int64_t> given = view.integer(input);
    if (!given) return view.fail(std::string("input ") + name + " must be one constant integer");
    view.attributes().set(name, *given);
  }
  length = view.attributes().integer(name);
  return (length >= 1 && length <= kMaxLength) || view.fail(std::string(name) + " is out of range");
}

// Real or complex numbers along the last axis.
bool is_signal(NodeView& view, int least_rank) {
  const Shape& x = view.shape(0);
  return view.expect(x.rank() >= least_rank && (x[x.rank() - 1] == 1 || x[x.rank() - 1] == 2),
                     "the last extent must be 1 (real) or 2 (complex)");
}

}  // namespace

bool infer_dft(NodeView& view) {
  if (!is_signal(view, 2)) return false;
  Shape output = view.shape(0);
  const bool has_axis = view.has(2);
  const std::optional<std::int64_t> given = view.integer(2);
  if (!view.expect(!has_axis || given, "the axis must be one constant integer")) return false;
  // An operand since opset 20, with another default.
  std::int64_t axis = given ? *given : view.attributes().integer("axis", view.graph().opset >= 20 ? -2 : 1);
  if (!view.normal_axis(axis, output.rank()) ||
      !view.expect(axis != output.rank() - 1, "the axis must not be the last one"))
    return false;
  view.attributes().set("axis", axis);
  std::int64_t length = 0;
  if (!view.has(1)) view.fill("dft_length", output[static_cast<int>(axis)]);
  if (!read_length(view, "dft_length", 1, length)) return false;
  view.fill("inverse", std::int64_t{0});
  view.fill("onesided", std::int64_t{0});
  output[static_cast<int>(axis)] = view.attributes().integer("onesided") != 0 ? length / 2 + 1 : length;
  output[output.rank() - 1] = 2;
  view.keep_inputs(1);
  return view.set(0, output, view.type(0));
}

bool infer_stft(NodeView& view) {
  Shape x = view.shape(0);
  // A signal without the last axis is real.
  if (x.rank() == 2) {
    x.push_back(1);
    view.reshape_input(0, x);
  }
  if (!view.expect(x.rank() == 3, "a signal N x length x 1 or 2 is needed") || !is_signal(view, 3))
    return false;
  std::int64_t step = 0;
  std::int64_t length = 0;
  const bool canonical = view.attributes().has("frame_step");
  const std::size_t window_at = canonical ? 1 : 2;
  const bool windowed = view.has(window_at);
  if (windowed) {
    if (!view.expect(view.rank(window_at) == 1 && view.type(window_at) == view.type(0),
                     "the window needs rank 1 and the signal's type"))
      return false;
    const std::int64_t extent = view.shape(window_at)[0];
    if (!view.has(3)) view.fill("frame_length", extent);
  }
  if (!read_length(view, "frame_step", 1, step) || !read_length(view, "frame_length", 3, length))
    return false;
  if (!view.expect(!windowed || view.shape(window_at)[0] == length, "the window does not have frame_length"))
    return false;
  if (!view.expect(length <= x[1], "the frame is longer than the signal")) return false;
  view.fill("onesided", std::int64_t{1});
  if (!canonical) {
    const ValueId window = windowed ? view.node().inputs[2] : kNoValue;
    view.node().inputs.resize(1);
    if (windowed) view.node().inputs.push_back(window);
  }
  const std::int64_t bins = view.attributes().integer("onesided") != 0 ? length / 2 + 1 : length;
  return view.set(0, Shape{x[0], (x[1] - length) / step + 1, bins, 2}, view.type(0));
}

bool infer_window(NodeView& view) {
  const std::optional<std::int64_t> size = view.integer(0);
  if (!view.expect(size && *size >= 0 && *size <= kMaxLength, "the size must be one constant integer"))
    return false;
  view.fill("periodic", std::int64_t{1});
  return view.set(0, Shape{*size}, view.take_type("output_datatype", DataType::f32));
}

bool infer_mel_weight_matrix(NodeView& view) {
  std::int64_t bins = 0;
  std::int64_t length = 0;
  std::int64_t rate = 0;
  const bool canonical = view.attributes().has("num_mel_bins");
  if (!canonical && !view.expect(view.inputs() == 5, "five inputs are needed")) return false;
  if (!read_length(view, "num_mel_bins", 0, bins) || !read_length(view, "dft_length", 1, length) ||
      !read_length(view, "sample_rate", 2, rate))
    return false;
  if (!canonical) view.node().inputs.erase(view.node().inputs.begin(), view.node().inputs.begin() + 3);
  const Value& known = view.graph().value(view.node().outputs[0]);
  const DataType type = canonical ? known.type : view.take_type("output_datatype", DataType::f32);
  return view.set(0, Shape{length / 2 + 1, bins}, type);
}

}  // namespace fettle::graph
