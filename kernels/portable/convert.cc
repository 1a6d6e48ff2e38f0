// SPDX-License-Identifier: Apache-2.0
//
// Conversions between any two layouts, of f32, of 16 bits and of bytes, from and to any strides.
#include "kernels/portable/box.h"
#include "kernels/portable/portable.h"
#include "lib/base/narrow_floats.h"
#include "lib/base/quantise.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace fettle::kernels::portable {
namespace {

bool is_blocked(const TensorDesc& tensor) { return tensor.format.layout == Layout::nchwc; }

// How channels step: from block to block, and inside one.
struct ChannelSteps {
  std::int64_t block;
  std::int64_t lane;

  ChannelSteps(const TensorDesc& tensor, std::int64_t channels)
      : block(stride(tensor, 1) * (is_blocked(tensor) ? 1 : channels)),
        lane(is_blocked(tensor) ? 1 : stride(tensor, 1)) {}
};

// All axes but the channels.
Box pixels_of(const TensorDesc& x, const TensorDesc& y) {
  Box box;
  for (int axis = 0; axis < x.shape.rank(); ++axis) {
    if (axis != 1) box.add(x.shape[axis], stride(x, axis), stride(y, axis));
  }
  return box;
}

// Where either tensor has its channels in blocks: the whole blocks, what is left of the channels, and zeros
// behind them.
void convert_blocked(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  const std::int64_t block = std::max(x.format.block, y.format.block);
  const std::int64_t whole = x.shape[1] / block;
  const std::int64_t rest = x.shape[1] % block;
  const ChannelSteps from(x, block);
  const ChannelSteps to(y, block);
  const float* source = call.in(0) + whole * from.block;
  float* target = call.out() + whole * to.block;

  Box blocks = pixels_of(x, y);
  blocks.add(whole, from.block, to.block);
  blocks.add(block, from.lane, to.lane);
  copy_box(call, blocks, call.in(0), call.out());
  Box left = pixels_of(x, y);
  left.add(rest, from.lane, to.lane);
  copy_box(call, left, source, target);
  if (!is_blocked(y) || rest == 0) return;
  constexpr float kZero = 0;
  Box padding = pixels_of(x, y);
  padding.from.fill(0);
  padding.add(block - rest, 0, 1);
  copy_box(call, padding, &kZero, target + rest);
}

void convert_f32(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  if (is_blocked(x) || is_blocked(y)) return convert_blocked(call);
  copy_box(call, box_of(y.shape, x, y), call.in(0), call.out());
}

template <typename T>
void convert_elements(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  copy_box(call, box_of(y.shape, x, y), call.in<T>(0), call.out<T>());
}

// Eight pixels of eight channels, turned in registers.
using Eight [[gnu::vector_size(16)]] = std::uint16_t;

template <int... lane>
Eight pick(Eight a, Eight b) {
  return __builtin_shufflevector(a, b, lane...);
}

void turn(Eight (&rows)[8]) {
  // Each step interleaves rows that are four apart; after three of them they are columns.
  for (int step = 0; step < 3; ++step) {
    Eight next[8];
    for (int r = 0; r < 4; ++r) {
      next[2 * r] = pick<0, 8, 1, 9, 2, 10, 3, 11>(rows[r], rows[r + 4]);
      next[2 * r + 1] = pick<4, 12, 5, 13, 6, 14, 7, 15>(rows[r], rows[r + 4]);
    }
    std::copy_n(next, 8, rows);
  }
}

// to[c][r] = from[r][c], both with neighbouring elements along their second axis.
void turn_plane(const std::uint16_t* from, std::int64_t from_pitch, std::uint16_t* to, std::int64_t to_pitch,
                std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kSide = 8;
  const std::int64_t whole_rows = rows / kSide * kSide;
  const std::int64_t whole_columns = columns / kSide * kSide;
  for (std::int64_t c = 0; c < whole_columns; c += kSide) {
    for (std::int64_t r = 0; r < whole_rows; r += kSide) {
      Eight square[kSide];
      for (std::int64_t k = 0; k < kSide; ++k)
        std::memcpy(&square[k], from + (r + k) * from_pitch + c, sizeof(Eight));
      turn(square);
      for (std::int64_t k = 0; k < kSide; ++k)
        std::memcpy(to + (c + k) * to_pitch + r, &square[k], sizeof(Eight));
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c)
      to[c * to_pitch + r] = from[r * from_pitch + c];
  }
}

bool is_dense(const TensorDesc& tensor) {
  return tensor.strides == dense_strides(tensor.shape, tensor.format);
}

// Between dense nchw and nhwc, planes of pixels and channels are turned; all else is copied by strides.
void convert_narrow(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  if (x.format.layout == y.format.layout || x.shape.rank() < 3 || x.shape.elements() == 0 || !is_dense(x) ||
      !is_dense(y))
    return convert_elements<std::uint16_t>(call);
  const bool to_nhwc = y.format.layout == Layout::nhwc;
  const std::int64_t channels = x.shape[1];
  const std::int64_t plane = x.shape.elements() / x.shape[0];
  const std::int64_t pixels = plane / channels;
  const std::int64_t rows = to_nhwc ? channels : pixels;
  const std::int64_t columns = to_nhwc ? pixels : channels;
  // Threads take lines of whole squares.
  constexpr std::int64_t kLines = 32;
  const std::int64_t parts = (rows + kLines - 1) / kLines;
  call.parallel(x.shape[0] * parts, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % parts * kLines;
      turn_plane(call.in<std::uint16_t>(0) + i / parts * plane + first * columns, columns,
                 call.out<std::uint16_t>() + i / parts * plane + first, rows, std::min(kLines, rows - first),
                 columns);
    }
  });
}

// Whether blocks, where there are any, have channels to hold and one size.
bool blocks_fit(const TensorDesc& x, const TensorDesc& y) {
  for (const TensorDesc* tensor : {&x, &y}) {
    if (is_blocked(*tensor) && (tensor->format.block == 0 || tensor->shape.rank() < 3)) return false;
  }
  return !is_blocked(x) || !is_blocked(y) || x.format.block == y.format.block;
}

// What moves elements neither clamps nor scales them.
Refusal check_move(const LayerDesc& layer) {
  if (layer.main().clamp) return Refusal::clamp;
  const TensorDesc& x = layer.inputs.front();
  const TensorDesc& y = layer.outputs.front();
  return layer.main().attributes.entries().empty() && x.shape == y.shape ? Refusal::none : Refusal::attribute;
}

Refusal supports_f32(const LayerDesc& layer, const Cpu&) {
  const TensorDesc& x = layer.inputs.front();
  const TensorDesc& y = layer.outputs.front();
  if (x.format.type != DataType::f32 || y.format.type != DataType::f32 || x.format.scale != 0 ||
      y.format.scale != 0)
    return Refusal::data_type;
  return blocks_fit(x, y) ? check_move(layer) : Refusal::layout;
}

Refusal supports_elements(const LayerDesc& layer, bool (*fits)(DataType)) {
  const TensorDesc& x = layer.inputs.front();
  const TensorDesc& y = layer.outputs.front();
  if (!fits(x.format.type) || x.format.type != y.format.type || x.format.scale != y.format.scale ||
      x.format.zero_point != y.format.zero_point)
    return Refusal::data_type;
  return is_blocked(x) || is_blocked(y) ? Refusal::layout : check_move(layer);
}

Refusal converts_bytes(const LayerDesc& layer, const Cpu&) {
  return supports_elements(layer, [](DataType type) { return is_quantised_type(type); });
}

Refusal converts_narrow(const LayerDesc& layer, const Cpu&) {
  return supports_elements(layer, [](DataType type) { return is_narrow_float(type); });
}

constexpr Op kConvertOp[] = {Op::convert};
template <DataType type>
constexpr Signature kAnyLayouts[] = {{Layout::nchw, Layout::nhwc, type},  {Layout::nhwc, Layout::nchw, type},
                                     {Layout::nhwc, Layout::nhwc, type},  {Layout::nchw, Layout::nchw, type},
                                     {Layout::nchw, Layout::nchwc, type}, {Layout::nchwc, Layout::nchw, type},
                                     {Layout::nhwc, Layout::nchwc, type}, {Layout::nchwc, Layout::nhwc, type},
                                     {Layout::nchwc, Layout::nchwc, type}};

// Copies by strides read and write views as they are.
template <Compute compute, DataType type = DataType::undefined>
constexpr Kernel convert_entry(std::string_view name, Refusal (*supports)(const LayerDesc&, const Cpu&)) {
  Kernel kernel = entry<compute>(name, kConvertOp, kAnyLayouts<type>, supports);
  kernel.input_striding = Striding::any;
  kernel.output_striding = Striding::any;
  return kernel;
}

constexpr Kernel kFloats = convert_entry<convert_f32, kF32>("convert.copy.f32.portable", supports_f32);
constexpr Kernel kBytes =
    convert_entry<convert_elements<std::uint8_t>>("convert.copy.q8.portable", converts_bytes);
constexpr Kernel kNarrow = convert_entry<convert_narrow>("convert.copy.x16.portable", converts_narrow);
constexpr const Kernel* kConvertEntries[] = {kept(kBytes), kept(kFloats), kept(kNarrow)};

}  // namespace

std::span<const Kernel* const> convert_entries() noexcept { return kConvertEntries; }

}  // namespace fettle::kernels::portable
