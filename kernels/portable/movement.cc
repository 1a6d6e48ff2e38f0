// SPDX-License-Identifier: Apache-2.0
//
// Moving elements: any operator whose output is a strided walk through its inputs. Of f32, of 16 bits and of
// bytes in several layouts, of all other types in ONNX order. Each is a set of boxes, copied by one routine
// that finds the longest runs of neighbours.
#include "kernels/common/blocked.h"
#include "kernels/portable/box.h"
#include "kernels/portable/portable.h"
#include "lib/base/channel_block.h"
#include "lib/base/narrow_floats.h"
#include "lib/base/quantise.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace fettle::kernels::portable {
namespace {

template <typename T>
void concat(const Call& call) {
  const auto axis = static_cast<int>(call.attributes().integer("axis"));
  const TensorDesc& y = call.layer.outputs.front();
  std::int64_t start = 0;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const TensorDesc& x = call.layer.inputs[i];
    copy_box(call, box_of(x.shape, x, y), call.in<T>(i),
             call.out<T>() + offset_along(y.strides, y.format, axis, start));
    start += x.shape[axis];
  }
}

template <typename T>
void split(const Call& call) {
  const auto axis = static_cast<int>(call.attributes().integer("axis"));
  const TensorDesc& x = call.layer.inputs.front();
  std::int64_t start = 0;
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    const TensorDesc& y = call.layer.outputs[i];
    copy_box(call, box_of(y.shape, x, y), call.in<T>(0) + offset_along(x.strides, x.format, axis, start),
             call.out<T>(i));
    start += y.shape[axis];
  }
}

template <typename T>
void slice(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  const auto starts = call.attributes().integers("starts");
  const auto axes = call.attributes().integers("axes");
  const auto steps = call.attributes().integers("steps");
  std::array<std::int64_t, kMaxRank> step;
  step.fill(1);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    step[static_cast<std::size_t>(axes[i])] = steps[i];
    offset += starts[i] * stride(x, static_cast<int>(axes[i]));
  }
  Box box;
  for (int axis = 0; axis < y.shape.rank(); ++axis)
    box.add(y.shape[axis], stride(x, axis) * step[static_cast<std::size_t>(axis)], stride(y, axis));
  copy_box(call, box, call.in<T>(0) + offset, call.out<T>());
}

template <typename T>
void transpose(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  const auto perm = call.attributes().integers("perm");
  Box box;
  for (int axis = 0; axis < y.shape.rank(); ++axis)
    box.add(y.shape[axis], stride(x, static_cast<int>(perm[static_cast<std::size_t>(axis)])),
            stride(y, axis));
  copy_box(call, box, call.in<T>(0), call.out<T>());
}

template <typename T>
void copy(const Call& call) {
  const auto count = static_cast<std::size_t>(call.layer.outputs.front().shape.elements());
  if (count > 0) std::memcpy(call.out<T>(), call.in<T>(0), count * sizeof(T));  // nothing may lie nowhere
}

// Block rows and columns become pixels: six loops over channel, row, block row, column, block column.
template <typename T>
void depth_to_space(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  const std::int64_t block = call.attributes().integer("blocksize");
  const bool depth_first = call.attributes().string("mode") == "DCR";
  const std::int64_t cell = (depth_first ? y.shape[1] : 1) * stride(x, 1);
  Box box;
  box.add(y.shape[0], stride(x, 0), stride(y, 0));
  box.add(y.shape[1], (depth_first ? 1 : block * block) * stride(x, 1), stride(y, 1));
  box.add(x.shape[2], stride(x, 2), block * stride(y, 2));
  box.add(block, block * cell, stride(y, 2));
  box.add(x.shape[3], stride(x, 3), block * stride(y, 3));
  box.add(block, cell, stride(y, 3));
  copy_box(call, box, call.in<T>(0), call.out<T>());
}

Refusal supports_plain(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  for (const TensorDesc& x : layer.inputs) {
    if (x.constant && layout_of(layer) != Layout::nchw) return Refusal::constant;
  }
  return uniform_f32(layer);
}

// Concat and split: in blocks of channels each piece but the last is made of whole ones.
Refusal supports_pieces(const LayerDesc& layer, const Cpu& cpu) {
  if (layout_of(layer) != Layout::nchwc) return supports_plain(layer, cpu);
  if (layer.main().clamp) return Refusal::clamp;
  const int block = layer.outputs.front().format.block;
  if (const Refusal refusal = check_blocked_f32(layer, block); refusal != Refusal::none) return refusal;
  const bool along_channels = layer.main().attributes.integer("axis") == 1;
  const auto& pieces = layer.main().op == Op::concat ? layer.inputs : layer.outputs;
  for (const TensorDesc& piece : pieces) {
    if (along_channels && &piece != &pieces.back() && piece.shape[1] % block != 0) return Refusal::shape;
  }
  const bool computed =
      std::none_of(layer.inputs.begin(), layer.inputs.end(), [](const TensorDesc& x) { return x.constant; });
  return computed ? Refusal::none : Refusal::constant;
}

// All tensors of one of the types, whose elements moving does not change.
Refusal supports_types(const LayerDesc& layer, bool (*fits)(DataType)) {
  if (layer.main().clamp) return Refusal::clamp;
  const Layout layout = layout_of(layer);
  if (layout == Layout::nchwc) return Refusal::layout;
  const DataType type = layer.outputs.front().format.type;
  if (!fits(type)) return Refusal::data_type;
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (tensor.format.type != type) return Refusal::data_type;
      if (tensor.constant && layout != Layout::nchw) return Refusal::constant;
      if (tensor.shape.rank() >= 3 && tensor.format.layout != layout) return Refusal::layout;
    }
  }
  return Refusal::none;
}

// Bytes: u8 and s8, quantised or not.
Refusal supports_bytes(const LayerDesc& layer, const Cpu&) {
  return supports_types(layer, [](DataType type) { return is_quantised_type(type); });
}

Refusal supports_narrow(const LayerDesc& layer, const Cpu&) {
  return supports_types(layer, [](DataType type) { return is_narrow_float(type); });
}

Refusal supports_narrow_nchw(const LayerDesc& layer, const Cpu& cpu) {
  return layout_of(layer) == Layout::nchw ? supports_narrow(layer, cpu) : Refusal::layout;
}

Refusal supports_bytes_nchw(const LayerDesc& layer, const Cpu& cpu) {
  return layout_of(layer) == Layout::nchw ? supports_bytes(layer, cpu) : Refusal::layout;
}

Refusal supports_nchw(const LayerDesc& layer, const Cpu& cpu) {
  return layout_of(layer) == Layout::nchw ? supports_plain(layer, cpu) : Refusal::layout;
}

// Elements of any type whose size is that of an integer.
Refusal supports_sized(const LayerDesc& layer, const Cpu&) {
  if (layout_of(layer) != Layout::nchw) return Refusal::layout;
  return supports_types(layer, has_integer_size);
}

// The same where further operands are computed bounds, and no elements.
Refusal supports_sized_alone(const LayerDesc& layer, const Cpu& cpu) {
  return layer.inputs.size() == 1 ? supports_sized(layer, cpu) : Refusal::op;
}

constexpr Op kMovementOps[] = {Op::concat,    Op::split,   Op::slice,
                               Op::transpose, Op::reshape, Op::depth_to_space};
// Copies by strides read and write views as they are, and whatever extents there are.
template <Compute compute>
constexpr Kernel strided_entry(std::size_t op, std::string_view name, std::span<const Signature> signatures,
                               Refusal (*check)(const LayerDesc&, const Cpu&)) {
  Kernel kernel = entry<compute>(name, {&kMovementOps[op], 1}, signatures, check);
  kernel.input_striding = Striding::any;
  kernel.output_striding = Striding::any;
  if (kMovementOps[op] != Op::depth_to_space) kernel.bounded_axes = BoundedAxes::any;
  return kernel;
}

constexpr Kernel kConcat =
    strided_entry<concat<float>>(0, "concat.copy.f32.portable", kSameLayout<kF32>, supports_pieces);
constexpr Kernel kSplit =
    strided_entry<split<float>>(1, "split.copy.f32.portable", kSameLayout<kF32>, supports_pieces);
constexpr Kernel kSlice =
    strided_entry<slice<float>>(2, "slice.copy.f32.portable", kNchwNhwc<kF32>, supports_plain);
constexpr Kernel kTranspose =
    strided_entry<transpose<float>>(3, "transpose.copy.f32.portable", kNchw<kF32>, supports_nchw);
constexpr Kernel kReshape = [] {
  Kernel kernel =
      entry<copy<float>>("reshape.copy.f32.portable", {&kMovementOps[4], 1}, kNchw<kF32>, supports_nchw);
  kernel.bounded_axes = BoundedAxes::any;
  return kernel;
}();
constexpr Kernel kDepthToSpace = strided_entry<depth_to_space<float>>(5, "depth_to_space.copy.f32.portable",
                                                                      kNchwNhwc<kF32>, supports_plain);

using Byte = std::uint8_t;
constexpr Kernel kConcatBytes =
    strided_entry<concat<Byte>>(0, "concat.copy.q8.portable", kNchwNhwc<>, supports_bytes);
constexpr Kernel kTransposeBytes =
    strided_entry<transpose<Byte>>(3, "transpose.copy.q8.portable", kNchw<>, supports_bytes_nchw);
constexpr Kernel kReshapeBytes = [] {
  Kernel kernel =
      entry<copy<Byte>>("reshape.copy.q8.portable", {&kMovementOps[4], 1}, kNchw<>, supports_bytes_nchw);
  kernel.bounded_axes = BoundedAxes::any;
  return kernel;
}();

using Narrow = std::uint16_t;  // f16 and bf16
constexpr Kernel kConcatNarrow =
    strided_entry<concat<Narrow>>(0, "concat.copy.x16.portable", kNchwNhwc<>, supports_narrow);
constexpr Kernel kSplitNarrow =
    strided_entry<split<Narrow>>(1, "split.copy.x16.portable", kNchwNhwc<>, supports_narrow);
constexpr Kernel kSliceNarrow =
    strided_entry<slice<Narrow>>(2, "slice.copy.x16.portable", kNchwNhwc<>, supports_narrow);
constexpr Kernel kTransposeNarrow =
    strided_entry<transpose<Narrow>>(3, "transpose.copy.x16.portable", kNchw<>, supports_narrow_nchw);
constexpr Kernel kReshapeNarrow = [] {
  Kernel kernel =
      entry<copy<Narrow>>("reshape.copy.x16.portable", {&kMovementOps[4], 1}, kNchw<>, supports_narrow_nchw);
  return kernel;
}();
constexpr Kernel kDepthToSpaceNarrow = strided_entry<depth_to_space<Narrow>>(
    5, "depth_to_space.copy.x16.portable", kNchwNhwc<>, supports_narrow);

// Any other types.
void concat_any(const Call& call) {
  with_integer_of_size(call, [&]<typename T>(T) { concat<T>(call); });
}
void split_any(const Call& call) {
  with_integer_of_size(call, [&]<typename T>(T) { split<T>(call); });
}
void slice_any(const Call& call) {
  with_integer_of_size(call, [&]<typename T>(T) { slice<T>(call); });
}
void transpose_any(const Call& call) {
  with_integer_of_size(call, [&]<typename T>(T) { transpose<T>(call); });
}
constexpr Kernel kConcatAny =
    strided_entry<concat_any>(0, "concat.copy.any.portable", kNchw<>, supports_sized);
constexpr Kernel kSplitAny =
    strided_entry<split_any>(1, "split.copy.any.portable", kNchw<>, supports_sized_alone);
constexpr Kernel kSliceAny =
    strided_entry<slice_any>(2, "slice.copy.any.portable", kNchw<>, supports_sized_alone);
constexpr Kernel kTransposeAny =
    strided_entry<transpose_any>(3, "transpose.copy.any.portable", kNchw<>, supports_sized_alone);

constexpr const Kernel* kMovementEntries[] = {
    kept(kConcatBytes),     kept(kTransposeBytes), kept(kReshapeBytes),       kept(kConcat),
    kept(kSplit),           kept(kSlice),          kept(kTranspose),          kept(kReshape),
    kept(kDepthToSpace),    kept(kConcatNarrow),   kept(kSplitNarrow),        kept(kSliceNarrow),
    kept(kTransposeNarrow), kept(kReshapeNarrow),  kept(kDepthToSpaceNarrow), kept(kConcatAny),
    kept(kSplitAny),        kept(kSliceAny),       kept(kTransposeAny)};

}  // namespace

std::span<const Kernel* const> movement_entries() noexcept { return kMovementEntries; }

}  // namespace fettle::kernels::portable
