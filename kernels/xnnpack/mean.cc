// SPDX-License-Identifier: Apache-2.0
//
// The mean over axes: reduce_mean, and global average pooling, which is the mean over all pixels. The result
// may be in either layout where its numbers come in the same order: after global pooling they always do.
#include "kernels/xnnpack/mean.h"

#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/entries.h"

#include <array>

namespace fettle::kernels::xnnpack {
namespace {

// A bit for each of the input's axes that is averaged; 0 when the attributes are wrong.
std::uint32_t averaged_axes(const LayerPart& part, int rank) noexcept {
  std::uint32_t averaged = 0;
  if (part.op == Op::global_average_pool) {
    for (int axis = 2; axis < rank; ++axis) averaged |= 1U << axis;
    return averaged;
  }
  for (const std::int64_t axis : part.attributes.integers("axes")) {
    if (axis < 0 || axis >= rank) return 0;
    averaged |= 1U << axis;
  }
  return averaged;
}

// Whether the result's shape is right, and its numbers lie in the order in which they are computed.
Refusal check_result(const LayerDesc& layer, std::uint32_t averaged) noexcept {
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& y = layer.outputs[0];
  const bool keeps = layer.main().op == Op::global_average_pool || y.shape.rank() == x.shape.rank();
  std::array<int, kMaxRank> from{};  // the input's axis that each of the result's comes from
  int rank = 0;
  for (int axis = 0; axis < x.shape.rank(); ++axis) {
    const bool gone = (averaged >> axis & 1U) != 0;
    if (gone && !keeps) continue;
    if (rank == y.shape.rank() || y.shape[rank] != (gone ? 1 : x.shape[axis])) return Refusal::shape;
    from[static_cast<std::size_t>(rank++)] = axis;
  }
  if (rank != y.shape.rank()) return Refusal::shape;
  const std::array<int, kMaxRank> in = storage_order(x.shape.rank(), x.format.layout);
  const std::array<int, kMaxRank> out = storage_order(rank, y.format.layout);
  int next = 0;
  for (int i = 0; i < rank; ++i) {
    const int axis = out[static_cast<std::size_t>(i)];
    if (y.shape[axis] == 1) continue;
    // The next of the input's axes that is left and more than one long must be this one.
    const auto left = [&](int a) { return (averaged >> a & 1U) == 0 && x.shape[a] > 1; };
    while (!left(in[static_cast<std::size_t>(next)])) ++next;
    if (in[static_cast<std::size_t>(next++)] != from[static_cast<std::size_t>(axis)]) return Refusal::layout;
  }
  return Refusal::none;
}

}  // namespace

Refusal read_mean(const LayerDesc& layer, Mean& m, DataType type) {
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& y = layer.outputs[0];
  if (x.constant) return Refusal::constant;
  if (Refusal no = check_dense(x, type); no != Refusal::none) return no;
  if (Refusal no = check_dense(y, type); no != Refusal::none) return no;
  const int rank = x.shape.rank();
  if (layer.main().op == Op::global_average_pool && rank < 3) return Refusal::rank;
  const std::uint32_t averaged = averaged_axes(layer.main(), rank);
  if (averaged == 0) return Refusal::attribute;
  if (Refusal no = check_result(layer, averaged); no != Refusal::none) return no;
  const std::array<int, kMaxRank> order = storage_order(rank, x.format.layout);
  for (int i = 0; i < rank; ++i) {
    const int axis = order[static_cast<std::size_t>(i)];
    if (x.shape[axis] == 1) continue;
    if (m.rank == m.extent.size()) return Refusal::rank;
    if ((averaged >> axis & 1U) != 0) {
      m.axis[m.axes++] = static_cast<std::int64_t>(m.rank);
      m.row = 1;
    } else {
      m.results *= static_cast<std::size_t>(x.shape[axis]);
      m.row *= static_cast<std::size_t>(x.shape[axis]);
    }
    m.extent[m.rank++] = static_cast<std::size_t>(x.shape[axis]);
  }
  if (m.axes == 0) {  // the mean of single numbers
    if (m.rank == m.extent.size()) return Refusal::rank;
    m.axis[m.axes++] = static_cast<std::int64_t>(m.rank);
    m.extent[m.rank++] = 1;
    m.row = 1;
  }
  // XNNPACK counts what it averages in 32 bits.
  if (x.shape.elements() / static_cast<std::int64_t>(m.results) > kMaxExtent) return Refusal::too_large;
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

namespace {

struct MeanF32 : Mean {
  Refusal read(const LayerDesc& layer) { return read_mean(layer, *this, DataType::f32); }
  // Sums of whole rows of the input are built up in the output.
  bool stages() const noexcept {
    return axis[axes - 1] + 1 != static_cast<std::int64_t>(rank) && row % kReadBackFloats != 0;
  }
  std::size_t workspace_bytes(int) const noexcept { return stages() ? staging_bytes(results) : 0; }
  std::size_t unclamped() const noexcept { return results; }
  xnn_status create(const LayerDesc&, Operator& op) const noexcept {
    return xnn_create_reduce_nd(xnn_reduce_mean, xnn_datatype_fp32, nullptr, nullptr, 0, op.out());
  }
  // XNNPACK's own workspace is for sums that are wider than the results. These are not: it adds up in the
  // output.
  xnn_status reshape(xnn_operator_t op, std::size_t&, pthreadpool_t threads) const noexcept {
    std::size_t unused = 0;
    return reshape_with(op, unused, threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return xnn_setup_reduce_nd(op, nullptr, at.operand[0], at.output);
  }
};

}  // namespace

constinit const Kernel kGlobalAveragePool =
    entry<MeanF32, Op::global_average_pool>("global_average_pool.direct.f32.xnnpack", kNchwNhwcAny<kF32>);
constinit const Kernel kReduceMean =
    entry<MeanF32, Op::reduce_mean>("reduce_mean.direct.f32.xnnpack", kNchwNhwcAny<kF32>);

}  // namespace fettle::kernels::xnnpack
