// SPDX-License-Identifier: Apache-2.0
#include "kernels/xnnpack/operator.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

namespace fettle::kernels::xnnpack {

std::string_view status_text(xnn_status status) noexcept {
  switch (status) {
    case xnn_status_success:
      return "success";
    case xnn_status_uninitialized:
      return "uninitialized";
    case xnn_status_invalid_parameter:
      return "invalid parameter";
    case xnn_status_invalid_state:
      return "invalid state";
    case xnn_status_unsupported_parameter:
      return "unsupported parameter";
    case xnn_status_unsupported_hardware:
      return "unsupported hardware";
    case xnn_status_out_of_memory:
      return "out of memory";
    case xnn_status_reallocation_required:
      return "reallocation required";
    default:
      return "unknown status";
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
  const xnn_status status = xnn_run_operator(op_.get(), &threads_);
  if (status != xnn_status_success) return check(status, "run an operator");
  if (clamps_ || staging_ != nullptr) finish();
  return {};
}

void BoundOperator::add_clamp(const LayerDesc& layer, std::size_t elements) noexcept {
  clamps_ = layer.main().clamp.has_value();
  clamp_ = output_clamp(layer);
  elements_ = elements;
}

float* BoundOperator::set_output(void* output, void* staging) noexcept {
  output_ = static_cast<float*>(output);
  staging_ = static_cast<const float*>(staging);
  return staging != nullptr ? static_cast<float*>(staging) : output_;
}

// XNNPACK's own clamp operator reads past the end of what it clamps, which only inputs allow for, hence a
// plain loop.
void BoundOperator::finish() noexcept {
  constexpr std::size_t kBlock = 4096;
  const std::size_t blocks = (elements_ + kBlock - 1) / kBlock;
  const float* from = staging_ != nullptr ? staging_ : output_;
  parallel_for(threads_.pool, threads_.max_threads, static_cast<std::int64_t>(blocks),
               [&](std::int64_t begin, std::int64_t end, int) {
                 const std::size_t stop = std::min(elements_, static_cast<std::size_t>(end) * kBlock);
                 for (std::size_t i = static_cast<std::size_t>(begin) * kBlock; i < stop; ++i) {
                   const float raised = from[i] < clamp_.low ? clamp_.low : from[i];
                   output_[i] = raised > clamp_.high ? clamp_.high : raised;
                 }
               });
}

}  // namespace fettle::kernels::xnnpack
