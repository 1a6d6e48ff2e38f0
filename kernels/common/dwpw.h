// SPDX-License-Identifier: Apache-2.0
//
// A depthwise convolution and the pointwise one after it in one pass over nhwc, in blocks of pixels: what the
// first gives for a block stays in a workspace in the cache, where the tiles of the second find their rows.
// Threads share blocks. Each number is summed as the two kernels would alone.
//
// Blocks are whole rows of the output, so many that their values between the convolutions take a 32nd of the
// L2 cache, which is about what stays in L1; rows longer than that are cut. Where the pointwise weights do
// not stay in L2, they are read once for each block, and blocks take a quarter of it.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/conv_pair.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Two convolutions, the first depthwise, the second pointwise in one group; with a third part, the addition
/// of a tensor of the result's shape.
struct Dwpw {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr std::span<const Signature> kSignatures = kNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;
  static constexpr bool kResidualInPlace = true;

  static Refusal supports(const ConvPairSet& set, const LayerDesc& region);
  static std::size_t workspace_bytes(const ConvPairSet& set, const LayerDesc& region, int threads);
  static std::size_t packed_bytes(const ConvPairSet& set, const LayerDesc& region);
  static Status pack(const ConvPairSet& set, const LayerDesc& region,
                     std::span<const ConstantBytes> constants, std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const ConvPairSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
