// SPDX-License-Identifier: Apache-2.0
//
// The mean over all pixels. The result has one pixel, so its bytes are the same in either layout.
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/rows.h"

#include <array>
#include <new>

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kPattern[] = {Op::global_average_pool};
constexpr LayoutPair kLayouts[] = {{Layout::nhwc, Layout::nhwc},
                                   {Layout::nhwc, Layout::nchw},
                                   {Layout::nchw, Layout::nchw},
                                   {Layout::nchw, Layout::nhwc}};

Refusal supports(const LayerDesc& layer, const Cpu&) {
  if (Refusal no = check_pattern(layer, Op::global_average_pool, 1); no != Refusal::none) return no;
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& y = layer.outputs[0];
  if (x.constant) return Refusal::constant;
  if (x.shape.rank() < 3 || y.shape.rank() != x.shape.rank()) return Refusal::rank;
  if (Refusal no = check_dense(x); no != Refusal::none) return no;
  if (Refusal no = check_dense(y); no != Refusal::none) return no;
  if (y.shape[0] != x.shape[0] || y.shape[1] != x.shape[1] || y.shape.elements() != x.shape[0] * x.shape[1]) {
    return Refusal::shape;
  }
  // XNNPACK counts the pixels in 32 bits.
  if (x.shape.elements() / (x.shape[0] * x.shape[1]) > kMaxExtent) return Refusal::too_large;
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

xnn_status create(Operator& op) noexcept {
  return xnn_create_reduce_nd(xnn_reduce_mean, xnn_datatype_fp32, nullptr, nullptr, 0, op.out());
}

xnn_status reshape(const Operator& op, const TensorDesc& x, std::size_t& workspace,
                   pthreadpool_t threads) noexcept {
  const auto batch = static_cast<std::size_t>(x.shape[0]);
  const auto channels = static_cast<std::size_t>(x.shape[1]);
  const std::size_t pixels = static_cast<std::size_t>(x.shape.elements()) / batch / channels;
  const bool channels_last = x.format.layout == Layout::nhwc;
  const std::array<std::size_t, 3> shape = {batch, channels_last ? pixels : channels,
                                            channels_last ? channels : pixels};
  const std::int64_t axis = channels_last ? 1 : 2;
  std::size_t alignment = 0;
  return xnn_reshape_reduce_nd(op.get(), 1, &axis, shape.size(), shape.data(), &workspace, &alignment,
                               threads);
}

// Sums over rows of channels are built up in the output.
bool needs_staging(const TensorDesc& x) noexcept {
  return x.format.layout == Layout::nhwc && static_cast<std::size_t>(x.shape[1]) % kReadBackFloats != 0;
}

std::size_t workspace_bytes(const LayerDesc& layer, int) {
  const TensorDesc& x = *layer.operand(0);
  return needs_staging(x) ? staging_bytes(static_cast<std::size_t>(x.shape[0] * x.shape[1])) : 0;
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    const TensorDesc& x = *args.layer.operand(0);
    if (Status created = check_created(create(op_), op_); !created) return created;
    std::size_t workspace = 0;
    if (Status shaped = check(reshape(op_, x, workspace, &threads_), "reshape an operator"); !shaped)
      return shaped;
    staged_ = needs_staging(x);
    add_clamp(args.layer, static_cast<std::size_t>(x.shape[0] * x.shape[1]));
    return {};
  }

  // XNNPACK's own workspace is for sums that are wider than the results. These are not: it adds up in the
  // output.
  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    float* output = set_output(outputs[0], staged_ ? workspace : nullptr);
    return check(xnn_setup_reduce_nd(op_.get(), nullptr, inputs[input_], output), "set up an operator");
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

constinit const Kernel kGlobalAveragePool = {
    .name = "global_average_pool.direct.f32.xnnpack",
    .revision = 1,
    .pattern = kPattern,
    .isa = kRequiredIsa,
    .type = DataType::f32,
    .layouts = kLayouts,
    .overread_bytes = kOverreadBytes,
    .threaded = true,
    .supports = supports,
    .workspace_bytes = workspace_bytes,
    .packed_bytes = nullptr,
    .pack = nullptr,
    .bind = bind,
};

}  // namespace fettle::kernels::xnnpack
