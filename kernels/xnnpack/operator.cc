// SPDX-License-Identifier: Apache-2.0
#include "kernels/xnnpack/operator.h"

#include <cmath>
#include <limits>
#include <string>

namespace fettle::kernels::xnnpack {

std::string_view status_text(xnn_status status) noexcept {
  switch (status) {
    case xnn_status_success: return "success";
    case xnn_status_uninitialized: return "uninitialized";
    case xnn_status_invalid_parameter: return "invalid parameter";
    case xnn_status_invalid_state: return "invalid state";
    case xnn_status_unsupported_parameter: return "unsupported parameter";
    case xnn_status_unsupported_hardware: return "unsupported hardware";
    case xnn_status_out_of_memory: return "out of memory";
    case xnn_status_reallocation_required: return "reallocation required";
    default: return "unknown status";
  }
}

Error kernel_failed(std::string_view message, std::string_view hint) noexcept {
  Status status = guard_allocation(
      [&]() -> Status { return Error(ErrorCode::kKernelFailed, std::string(message), std::string(hint)); });
  return std::move(status).error();
}

Status check(xnn_status status, std::string_view step) noexcept {
  if (status == xnn_status_success) return {};
  if (status == xnn_status_out_of_memory) return out_of_memory();
  return guard_allocation([&]() -> Status {
    std::string message = "XNNPACK refused to ";
    message.append(step).append(": ").append(status_text(status));
    return Error(ErrorCode::kKernelFailed, std::move(message));
  });
}

Status check_created(xnn_status status, const Operator& op) noexcept {
  if (status == xnn_status_success && !op) return out_of_memory();
  return check(status, "create an operator");
}

// XNNPACK's default allocator is malloc, whose failures come back as xnn_status_out_of_memory.
Status ensure_initialized() noexcept { return check(xnn_initialize(nullptr), "initialize"); }

Clamp output_clamp(const LayerDesc& layer) noexcept {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return layer.main().clamp.value_or(Clamp{-kInfinity, kInfinity});
}

bool clamp_is_valid(const LayerDesc& layer) noexcept {
  const Clamp clamp = output_clamp(layer);
  return clamp.low <= clamp.high;  // false for NaN
}

Status BoundOperator::run() noexcept {
  xnn_status status = xnn_run_operator(op_.get(), &threads_);
  if (status == xnn_status_success && clamp_) status = xnn_run_operator(clamp_.get(), &threads_);
  return check(status, "run an operator");
}

Status BoundOperator::add_clamp(const LayerDesc& layer, std::size_t elements) noexcept {
  if (!layer.main().clamp) return {};
  const Clamp clamp = output_clamp(layer);
  xnn_unary_params params{};
  params.clamp.min = clamp.low;
  params.clamp.max = clamp.high;
  const xnn_status status = xnn_create_unary_elementwise_nc(xnn_unary_clamp, xnn_datatype_fp32, xnn_datatype_fp32, &params,
                                                            nullptr, nullptr, 0, clamp_.out());
  if (Status created = check_created(status, clamp_); !created) return created;
  return check(xnn_reshape_unary_elementwise_nc(clamp_.get(), 1, elements, elements, elements, &threads_),
               "reshape an operator");
}

Status BoundOperator::set_clamp_buffer(void* output) noexcept {
  if (!clamp_) return {};
  return check(xnn_setup_unary_elementwise_nc(clamp_.get(), output, output), "set up an operator");
}

}  // namespace fettle::kernels::xnnpack
