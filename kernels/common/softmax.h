// SPDX-License-Identifier: Apache-2.0
//
// Softmax along the axis that lies innermost in memory: rows of numbers.
#pragma once

#include "kernels/common/algorithm.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Rows that lie one after the other.
struct SoftmaxRows {
  const float* x;
  float* y;  ///< may be `x`
  std::int64_t rows, length;
};

/// What an instruction set brings.
struct SoftmaxSet {
  void (*kernel)(const SoftmaxRows& rows) noexcept;
};

/// Dense tensors of any rank.
struct Softmax {
  static constexpr Op kOps[] = {Op::softmax};
  static constexpr std::uint32_t kInPlace = 1;
  static constexpr std::span<const Signature> kSignatures = kNchwNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const SoftmaxSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
