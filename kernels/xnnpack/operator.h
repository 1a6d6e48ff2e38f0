// SPDX-License-Identifier: Apache-2.0
//
// XNNPACK's operators as owned objects, its status codes as Fettle's, and what all bound operators share.
#pragma once

#include "kernels/xnnpack/pthreadpool_shim.h"
#include "lib/base/guard.h"

#include <fettle/error.h>
#include <fettle/kernel.h>

#include <xnnpack.h>

#include <cstddef>
#include <string_view>
#include <utility>

namespace fettle::kernels::xnnpack {

/// Owns one operator.
class Operator {
 public:
  Operator() = default;
  ~Operator() { reset(); }
  Operator(Operator&& other) noexcept : op_(std::exchange(other.op_, nullptr)) {}
  Operator& operator=(Operator&& other) noexcept {
    if (this != &other) {
      reset();
      op_ = std::exchange(other.op_, nullptr);
    }
    return *this;
  }
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  xnn_operator_t get() const noexcept { return op_; }
  explicit operator bool() const noexcept { return op_ != nullptr; }
  /// Where a create function writes the operator; what was owned is deleted.
  xnn_operator_t* out() noexcept {
    reset();
    return &op_;
  }
  void reset() noexcept {
    if (op_ != nullptr) xnn_delete_operator(op_);
    op_ = nullptr;
  }

 private:
  xnn_operator_t op_ = nullptr;
};

/// XNNPACK's own text of a status.
std::string_view status_text(xnn_status status) noexcept;

/// Prepares XNNPACK; cheap when that has happened. Thread-safe.
Status ensure_initialized() noexcept;

/// Success, kOutOfMemory, or kKernelFailed with the status and the step ("create", "reshape", ...) in the
/// message.
Status check(xnn_status status, std::string_view step) noexcept;

/// The result of a create function. Some of them report success although they ran out of memory, and leave no
/// operator.
Status check_created(xnn_status status, const Operator& op) noexcept;

/// The clamp of the layer's only part; infinite when there is none.
Clamp output_clamp(const LayerDesc& layer) noexcept;

/// Whether XNNPACK can apply the layer's clamp: neither bound is NaN, and they are in order.
bool clamp_is_valid(const LayerDesc& layer) noexcept;

/// A bound kernel that runs one operator, and then what the operator leaves undone: copying the result out of
/// the workspace, and clamping it.
class BoundOperator : public BoundKernel {
 public:
  Status run() noexcept final;

 protected:
  explicit BoundOperator(const BindArgs& args) noexcept : threads_{args.pool, args.threads} {}

  /// For operators that cannot clamp: the layer's clamp is applied to the dense output of that many elements.
  void add_clamp(const LayerDesc& layer, std::size_t elements) noexcept;
  /// Where the operator writes. Given a staging buffer of as many elements as add_clamp was told of, it
  /// writes there, and the result is copied to `output`.
  float* set_output(void* output, void* staging = nullptr) noexcept;

  Operator op_;          // NOLINT(misc-non-private-member-variables-in-classes)
  pthreadpool threads_;  // NOLINT(misc-non-private-member-variables-in-classes)

 private:
  void finish() noexcept;

  bool clamps_ = false;
  Clamp clamp_{0, 0};
  std::size_t elements_ = 0;
  float* output_ = nullptr;
  const float* staging_ = nullptr;
};

/// XNNPACK computes the ends of rows with loads of four floats. Operators that read their own output back
/// therefore read past its end unless rows are a multiple of this; their output must then be staged in the
/// workspace.
inline constexpr std::size_t kReadBackFloats = 4;

/// The bytes of a staging buffer for that many floats.
constexpr std::size_t staging_bytes(std::size_t elements) noexcept {
  return elements * sizeof(float) + XNN_EXTRA_BYTES;
}

/// A kKernelFailed error, or kOutOfMemory when there is no memory left to say so.
Error kernel_failed(std::string_view message, std::string_view hint = {}) noexcept;

}  // namespace fettle::kernels::xnnpack
