// SPDX-License-Identifier: Apache-2.0
//
// An inverted residual (MobileNetV2, arXiv 1801.04381) in one pass over nhwc: a pointwise convolution that
// widens, a depthwise one, a pointwise one that narrows, and maybe an addition. What is between them stays in
// the cache, see WidenedRows. Threads share blocks of output rows. Each number is summed as the kernels of
// the layers would alone. It pays where the widened pictures are larger than the cache.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/conv_pair.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Pointwise, depthwise, pointwise; with a fourth part, the addition of a tensor of the result's shape.
struct InvertedResidual {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr std::span<const Signature> kSignatures = kNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const ConvPairSet& set, const LayerDesc& region);
  static std::size_t workspace_bytes(const ConvPairSet& set, const LayerDesc& region, int threads);
  static std::size_t packed_bytes(const ConvPairSet& set, const LayerDesc& region);
  static Status pack(const ConvPairSet& set, const LayerDesc& region,
                     std::span<const ConstantBytes> constants, std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const ConvPairSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
