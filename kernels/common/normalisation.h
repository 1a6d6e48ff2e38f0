// SPDX-License-Identifier: Apache-2.0
//
// LayerNorm, RMSNorm and InstanceNorm: rows of neighbouring elements, each brought to a mean of 0 and a
// variance of 1. What the graph computes by them, GroupNorm and mean-variance normalisation, too.
#pragma once

#include "kernels/common/algorithm.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, of dense rows.
struct NormRows {
  const float* x;
  float* y;
  std::int64_t rows, length;
  const float* scale;  ///< of each element of a row, the same in all rows
  const float* bias;   ///< likewise; null: 0
  float epsilon;
  float* means;     ///< of each row; null: not wanted
  float* inverses;  ///< 1 / sqrt(variance + epsilon), likewise
};

/// The same of rows with one scale and bias each.
struct NormPlanes {
  const float* x;
  float* y;
  std::int64_t planes, length;
  const float* scale;  ///< of each plane
  const float* bias;
  float epsilon;
};

/// What an instruction set brings.
struct NormSet {
  void (*layer_norm)(const NormRows& rows) noexcept;
  void (*rms_norm)(const NormRows& rows) noexcept;  ///< a mean of 0 is taken for granted; no bias
  void (*instance_norm)(const NormPlanes& planes) noexcept;
};

/// Dense tensors in nchw.
struct LayerNorm {
  static constexpr std::span<const Signature> kSignatures = kNchw<kF32>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;
  static constexpr std::uint32_t kInPlace = 1;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const NormSet& set, const BindArgs& args);
};

/// RMSNorm, likewise.
struct RmsNorm : LayerNorm {
  static Refusal supports(const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const NormSet& set, const BindArgs& args);
};

/// InstanceNorm, likewise.
struct InstanceNorm : LayerNorm {
  static Refusal supports(const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const NormSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
