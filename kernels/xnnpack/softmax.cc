// SPDX-License-Identifier: Apache-2.0
//
// Softmax over the axis that lies innermost in memory.
#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/rows.h"

#include <new>

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kPattern[] = {Op::softmax};

Refusal supports(const LayerDesc& layer, const Cpu&) {
  if (Refusal no = check_pattern(layer, Op::softmax, 1); no != Refusal::none) return no;
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& y = layer.outputs[0];
  if (x.constant) return Refusal::constant;
  if (Refusal no = check_dense(x); no != Refusal::none) return no;
  if (Refusal no = check_dense(y); no != Refusal::none) return no;
  const int rank = x.shape.rank();
  if (rank < 1) return Refusal::rank;
  if (!(x.shape == y.shape)) return Refusal::shape;
  if (x.format.layout != y.format.layout) return Refusal::layout;
  const int innermost = storage_order(rank, x.format.layout)[static_cast<std::size_t>(rank - 1)];
  std::int64_t axis = layer.main().attributes.integer("axis", -1);
  if (axis < 0) axis += rank;
  if (axis != innermost) return Refusal::attribute;
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

// The length of a row: the innermost extent.
std::size_t row_length(const TensorDesc& x) noexcept {
  const int rank = x.shape.rank();
  return static_cast<std::size_t>(
      x.shape[storage_order(rank, x.format.layout)[static_cast<std::size_t>(rank - 1)]]);
}

// The exponentials are stored in the output and then scaled there.
std::size_t workspace_bytes(const LayerDesc& layer, int) {
  const TensorDesc& x = *layer.operand(0);
  return row_length(x) % kReadBackFloats == 0 ? 0
                                              : staging_bytes(static_cast<std::size_t>(x.shape.elements()));
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    const TensorDesc& x = *args.layer.operand(0);
    const std::size_t length = row_length(x);
    staged_ = length % kReadBackFloats != 0;
    const auto elements = static_cast<std::size_t>(x.shape.elements());
    if (Status created = check_created(xnn_create_softmax_nc_f32(0, op_.out()), op_); !created)
      return created;
    const xnn_status status =
        xnn_reshape_softmax_nc_f32(op_.get(), length, length, length, elements / length, &threads_);
    if (Status shaped = check(status, "reshape an operator"); !shaped) return shaped;
    add_clamp(args.layer, elements);
    return {};
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    float* output = set_output(outputs[0], staged_ ? workspace : nullptr);
    return check(xnn_setup_softmax_nc_f32(op_.get(), static_cast<const float*>(inputs[input_]), output),
                 "set up an operator");
  }

 private:
  std::size_t input_;
  bool staged_ = false;
};

Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound> bound(new (std::nothrow) Bound(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

}  // namespace

constinit const Kernel kSoftmax = {
    .name = "softmax.rows.f32.xnnpack",
    .revision = 1,
    .pattern = kPattern,
    .isa = kRequiredIsa,
    .type = DataType::f32,
    .layouts = kSameLayout,
    .overread_bytes = kOverreadBytes,
    .in_place = 1,
    .threaded = true,
    .supports = supports,
    .workspace_bytes = workspace_bytes,
    .packed_bytes = nullptr,
    .pack = nullptr,
    .bind = bind,
};

}  // namespace fettle::kernels::xnnpack
