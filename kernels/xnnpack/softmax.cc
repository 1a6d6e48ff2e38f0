// SPDX-License-Identifier: Apache-2.0
//
// Softmax over the axis that lies innermost in memory.
#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/operation.h"

namespace fettle::kernels::xnnpack {
namespace {

struct Softmax : Operation {
  static constexpr std::uint32_t kInPlace = 1;
  static constexpr bool kHasWorkspace = true;

  Refusal read(const LayerDesc& layer);
  // The exponentials are stored in the output and then scaled there.
  bool stages() const noexcept { return length % kReadBackFloats != 0; }
  std::size_t workspace_bytes(int) const noexcept { return stages() ? staging_bytes(elements) : 0; }
  std::size_t unclamped() const noexcept { return elements; }
  xnn_status create(const LayerDesc&, Operator& op) const noexcept {
    return xnn_create_softmax_nc_f32(0, op.out());
  }
  xnn_status reshape(xnn_operator_t op, std::size_t&, pthreadpool_t threads) const noexcept {
    return xnn_reshape_softmax_nc_f32(op, length, length, length, elements / length, threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return set_up_with(xnn_setup_softmax_nc_f32, op, at);
  }

  std::size_t length = 0;  // of a row
  std::size_t elements = 0;
};

Refusal Softmax::read(const LayerDesc& layer) {
  if (Refusal no = check_unary(layer, DataType::f32, DataType::f32); no != Refusal::none) return no;
  const TensorDesc& x = *layer.operand(0);
  const int rank = x.shape.rank();
  if (rank < 1) return Refusal::rank;
  const int innermost = storage_order(rank, x.format.layout)[static_cast<std::size_t>(rank - 1)];
  std::int64_t axis = layer.main().attributes.integer("axis", -1);
  if (axis < 0) axis += rank;
  if (axis != innermost) return Refusal::attribute;
  length = static_cast<std::size_t>(x.shape[innermost]);
  elements = static_cast<std::size_t>(x.shape.elements());
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

}  // namespace

constinit const Kernel kSoftmax = entry<Softmax, Op::softmax>("softmax.rows.f32.xnnpack", kNchwNhwc<kF32>);

}  // namespace fettle::kernels::xnnpack
