// SPDX-License-Identifier: Apache-2.0
//
// Global average pooling of quantised pictures. XNNPACK sums up in the workspace.
#include "kernels/xnnpack/mean.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/quantised.h"
#include "kernels/xnnpack/rows.h"

#include <new>

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kPattern[] = {Op::global_average_pool};

Refusal read(const LayerDesc& layer, Mean& m) {
  if (layer.outputs.size() != 1) return Refusal::op;
  const DataType type = layer.outputs[0].format.type;
  if (Refusal no = check_quantised(layer, type); no != Refusal::none) return no;
  if (Refusal no = read_mean(layer, Op::global_average_pool, m, type); no != Refusal::none) return no;
  return range_is_full(layer) ? Refusal::none : Refusal::clamp;
}

Refusal supports(const LayerDesc& layer, const Cpu&) {
  Mean m;
  return read(layer, m);
}

std::size_t workspace_bytes(const LayerDesc& layer, int) {
  Mean m;
  return read(layer, m) == Refusal::none ? staging_bytes(m.results) : 0;
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Mean m;
    if (read(args.layer, m) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    const xnn_quantization_params x = quantization_of(args.layer.operand(0)->format);
    const xnn_quantization_params y = quantization_of(args.layer.outputs[0].format);
    const xnn_status status = xnn_create_reduce_nd(
        xnn_reduce_mean, datatype_of(args.layer.outputs[0].format.type), &x, &y, 0, op_.out());
    if (Status created = check_created(status, op_); !created) return created;
    std::size_t workspace = 0;
    std::size_t alignment = 0;
    const xnn_status shaped = xnn_reshape_reduce_nd(op_.get(), m.axes, m.axis.data(), m.rank, m.extent.data(),
                                                    &workspace, &alignment, &threads_);
    if (Status done = check(shaped, "reshape an operator"); !done) return done;
    return workspace <= staging_bytes(m.results) ? Status{} : check(xnn_status_reallocation_required, "bind");
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    return check(xnn_setup_reduce_nd(op_.get(), workspace, inputs[input_], outputs[0]), "set up an operator");
  }

 private:
  std::size_t input_;
};

Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound> bound(new (std::nothrow) Bound(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

}  // namespace

constinit const Kernel kGlobalAveragePoolQ8 = {
    .name = "global_average_pool.direct.q8.xnnpack",
    .revision = 1,
    .pattern = kPattern,
    .isa = kRequiredIsa,
    .type = DataType::undefined,
    .layouts = kMeanLayouts,
    .overread_bytes = kOverreadBytes,
    .threaded = true,
    .supports = supports,
    .workspace_bytes = workspace_bytes,
    .packed_bytes = nullptr,
    .pack = nullptr,
    .bind = bind,
};

}  // namespace fettle::kernels::xnnpack
