// SPDX-License-Identifier: Apache-2.0
//
// Pad in every mode (constant, reflect, edge, wrap), of elements of any size: rows of the innermost axis,
// whose middle is one copy, from rows that the other axes' borders say.
#include "kernels/portable/box.h"
#include "kernels/portable/portable.h"
#include "lib/base/narrow_floats.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace fettle::kernels::portable {
namespace {

enum class Border { constant, reflect, edge, wrap };

Border border_of(const LayerDesc& layer) {
  const std::string_view mode = layer.main().attributes.string("mode");
  if (mode == "reflect") return Border::reflect;
  if (mode == "edge") return Border::edge;
  return mode == "wrap" ? Border::wrap : Border::constant;
}

// Where a padded position comes from, or -1 for the constant.
std::int64_t padded_from(std::int64_t at, std::int64_t extent, Border border) {
  if (at >= 0 && at < extent) return at;
  switch (border) {
    case Border::edge:
      return at < 0 ? 0 : extent - 1;
    case Border::reflect:
      return at < 0 ? -at : 2 * (extent - 1) - at;
    case Border::wrap:
      return (at % extent + extent) % extent;
    case Border::constant:
      break;
  }
  return -1;
}

// The axes in the order in which they lie in memory.
struct PaddedAxes {
  int rank;
  std::array<std::int64_t, kMaxRank> in{}, out{}, before{};

  explicit PaddedAxes(const LayerDesc& layer) : rank(layer.inputs[0].shape.rank()) {
    const Shape& x = layer.inputs[0].shape;
    const Shape& y = layer.outputs[0].shape;
    const auto pads = layer.main().attributes.integers("pads");
    const bool channels_last = layer.inputs[0].format.layout == Layout::nhwc && rank >= 3;
    for (int i = 0; i < rank; ++i) {
      const int axis = !channels_last || i == 0 ? i : i + 1 == rank ? 1 : i + 1;
      const auto k = static_cast<std::size_t>(i);
      in[k] = x[axis], out[k] = y[axis], before[k] = pads[static_cast<std::size_t>(axis)];
    }
  }
  std::size_t inner() const { return static_cast<std::size_t>(rank - 1); }
};

// The row of the input that a row of the result is made of, or -1 for one of constants.
std::int64_t padded_row(const PaddedAxes& axes, std::int64_t row, Border border) {
  std::int64_t from = 0;
  std::int64_t step = 1;
  for (std::size_t i = axes.inner(); i-- > 0;) {
    const std::int64_t at = padded_from(row % axes.out[i] - axes.before[i], axes.in[i], border);
    if (at < 0) return -1;
    from += at * step;
    step *= axes.in[i];
    row /= axes.out[i];
  }
  return from;
}

template <typename T>
void pad_rows(const Call& call, T value) {
  const PaddedAxes axes(call.layer);
  const Border border = border_of(call.layer);
  const std::int64_t in = axes.in[axes.inner()];
  const std::int64_t out = axes.out[axes.inner()];
  const std::int64_t before = axes.before[axes.inner()];
  // The places of a row that lie inside.
  const std::int64_t first = std::clamp<std::int64_t>(before, 0, out);
  const std::int64_t last = std::clamp<std::int64_t>(before + in, first, out);
  call.parallel(call.layer.outputs[0].shape.elements() / out, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      T* y = call.out<T>() + row * out;
      const std::int64_t from = padded_row(axes, row, border);
      if (from < 0) {
        std::fill_n(y, out, value);
        continue;
      }
      const T* x = call.in<T>(0) + from * in;
      const auto put = [&](std::int64_t at) {
        const std::int64_t source = padded_from(at - before, in, border);
        y[at] = source < 0 ? value : x[source];
      };
      for (std::int64_t at = 0; at < first; ++at) put(at);
      if (last > first)
        std::memcpy(y + first, x + first - before, static_cast<std::size_t>(last - first) * sizeof(T));
      for (std::int64_t at = last; at < out; ++at) put(at);
    }
  });
}

void pad_in_any_mode(const Call& call) {
  const DataType type = call.layer.outputs[0].format.type;
  const float value = call.attributes().real("value");
  switch (size_of(type)) {
    case 1:
      return pad_rows<std::uint8_t>(call, 0);
    case 2:
      return pad_rows<std::uint16_t>(call, type == DataType::f16    ? to_f16(value)
                                           : type == DataType::bf16 ? to_bf16(value)
                                                                    : std::uint16_t{0});
    case 4:
      if (type == DataType::f32) return pad_rows<float>(call, value);
      return pad_rows<std::uint32_t>(call, 0);
    default:
      return pad_rows<std::uint64_t>(call, 0);
  }
}

Refusal supports_pad_any(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.inputs.size() != 1) return Refusal::op;
  const TensorDesc& x = layer.inputs[0];
  const TensorDesc& y = layer.outputs[0];
  const DataType type = x.format.type;
  if (type != y.format.type || !has_integer_size(type)) return Refusal::data_type;
  // Constants other than 0 are written for floats alone.
  const bool real = type == DataType::f32 || type == DataType::f16 || type == DataType::bf16;
  if (border_of(layer) == Border::constant && !real && layer.main().attributes.real("value") != 0)
    return Refusal::data_type;
  if (x.format.layout == Layout::nchwc || (x.format.layout != y.format.layout && x.shape.rank() >= 3))
    return Refusal::layout;
  if (x.constant && x.format.layout != Layout::nchw) return Refusal::constant;
  return x.shape.elements() > 0 && y.shape.elements() > 0 && x.shape.rank() > 0 ? Refusal::none
                                                                                : Refusal::shape;
}

constexpr Op kPadOp[] = {Op::pad};
constexpr Kernel kPadAny =
    entry<pad_in_any_mode>("pad.rows.any.portable", kPadOp, kNchwNhwc<>, supports_pad_any);
constexpr const Kernel* kPaddingEntries[] = {kept(kPadAny)};

}  // namespace

std::span<const Kernel* const> padding_entries() noexcept { return kPaddingEntries; }

}  // namespace fettle::kernels::portable
