// SPDX-License-Identifier: Apache-2.0
//
// Changes of order in memory: transpose between any two layouts, and the conversion between nchw and nhwc.
#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/operation.h"
#include "lib/base/quantise.h"

namespace fettle::kernels::xnnpack {
namespace {

// Extents in the input's memory order, and for each axis of the output in its memory order, the input's axis.
// Axes of extent 1 are left out.
struct Permutation : Operation {
  std::array<std::size_t, XNN_MAX_TENSOR_DIMS> extent{};
  std::array<std::size_t, XNN_MAX_TENSOR_DIMS> from{};
  std::size_t rank = 0;
};

// The input's axis that becomes each of the output's axes, in ONNX order.
Refusal read_axes(const LayerPart& part, int rank, std::array<int, kMaxRank>& axes) {
  const std::span<const std::int64_t> perm = part.attributes.integers("perm");
  if (part.op == Op::transpose && perm.size() != static_cast<std::size_t>(rank)) return Refusal::attribute;
  std::uint32_t seen = 0;
  for (int i = 0; i < rank; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::int64_t axis = part.op == Op::transpose ? perm[at] : i;
    if (axis < 0 || axis >= rank || (seen >> axis & 1U) != 0) return Refusal::attribute;
    seen |= 1U << axis;
    axes[at] = static_cast<int>(axis);
  }
  return Refusal::none;
}

Refusal read_permutation(const LayerDesc& layer, Permutation& p, bool bytes) {
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& y = layer.outputs[0];
  if (x.constant) return Refusal::constant;
  const DataType type = bytes ? x.format.type : DataType::f32;
  if (bytes && (!is_quantised_type(type) || layer.main().clamp)) return Refusal::data_type;
  if (x.format.scale != y.format.scale || x.format.zero_point != y.format.zero_point)
    return Refusal::data_type;
  if (layer.main().op == Op::convert && !layer.main().attributes.entries().empty()) return Refusal::attribute;
  if (Refusal no = check_dense(x, type); no != Refusal::none) return no;
  if (Refusal no = check_dense(y, type); no != Refusal::none) return no;
  const int rank = x.shape.rank();
  if (rank < 1 || y.shape.rank() != rank) return Refusal::rank;
  std::array<int, kMaxRank> axes{};
  if (Refusal no = read_axes(layer.main(), rank, axes); no != Refusal::none) return no;
  for (int i = 0; i < rank; ++i) {
    if (y.shape[i] != x.shape[axes[static_cast<std::size_t>(i)]]) return Refusal::shape;
  }
  const std::array<int, kMaxRank> in = storage_order(rank, x.format.layout);
  const std::array<int, kMaxRank> out = storage_order(rank, y.format.layout);
  std::array<std::size_t, kMaxRank> place{};  // of each of the input's axes in memory
  for (int i = 0; i < rank; ++i) {
    const int axis = in[static_cast<std::size_t>(i)];
    if (x.shape[axis] == 1) continue;
    if (p.rank == p.extent.size()) return Refusal::rank;
    place[static_cast<std::size_t>(axis)] = p.rank;
    p.extent[p.rank++] = static_cast<std::size_t>(x.shape[axis]);
  }
  std::size_t at = 0;
  for (int i = 0; i < rank; ++i) {
    const int axis = axes[static_cast<std::size_t>(out[static_cast<std::size_t>(i)])];
    if (x.shape[axis] != 1) p.from[at++] = place[static_cast<std::size_t>(axis)];
  }
  if (p.rank == 0) p.extent[p.rank++] = 1;
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

// Elements of 4 bytes or of 1.
template <bool kBytes>
struct Transpose : Permutation {
  static constexpr DataType kType = kBytes ? DataType::undefined : DataType::f32;

  Refusal read(const LayerDesc& layer) {
    elements = static_cast<std::size_t>(layer.outputs[0].shape.elements());
    return read_permutation(layer, *this, kBytes);
  }
  xnn_status create(const LayerDesc&, Operator& op) const noexcept {
    return (kBytes ? xnn_create_transpose_nd_x8 : xnn_create_transpose_nd_x32)(0, op.out());
  }
  xnn_status reshape(xnn_operator_t op, std::size_t&, pthreadpool_t threads) const noexcept {
    const auto function = kBytes ? xnn_reshape_transpose_nd_x8 : xnn_reshape_transpose_nd_x32;
    return function(op, rank, extent.data(), from.data(), threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return set_up_with(kBytes ? xnn_setup_transpose_nd_x8 : xnn_setup_transpose_nd_x32, op, at);
  }
  std::size_t unclamped() const noexcept { return kBytes ? 0 : elements; }

  std::size_t elements = 0;
};

}  // namespace

constinit const Kernel kTranspose =
    entry<Transpose<false>, Op::transpose>("transpose.tiled.f32.xnnpack", kNchwNhwcAny<kF32>);
constinit const Kernel kConvert =
    entry<Transpose<false>, Op::convert>("convert.tiled.f32.xnnpack", kTurned<kF32>);
constinit const Kernel kTransposeQ8 =
    entry<Transpose<true>, Op::transpose>("transpose.tiled.q8.xnnpack", kNchwNhwcAny<>);
constinit const Kernel kConvertQ8 =
    entry<Transpose<true>, Op::convert>("convert.tiled.q8.xnnpack", kTurned<>);

}  // namespace fettle::kernels::xnnpack
