// SPDX-License-Identifier: Apache-2.0
//
// Transposed depthwise convolution in nhwc. The outputs of a phase (phase_shape.h) are an ordinary depthwise
// convolution of stride 1 with some of the taps, in reverse order, whose results lie as many pixels apart as
// the transposed one's stride is wide; so the loops of depthwise convolutions compute it. Threads share the
// output's rows.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/depthwise.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Transposed convolutions of each channel by itself, to one channel, not dilated.
struct DepthwisePhases {
  static constexpr std::span<const Signature> kSignatures = kNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t packed_bytes(const DepthwiseSet& set, const LayerDesc& layer);
  static Status pack(const DepthwiseSet& set, const LayerDesc& layer,
                     std::span<const ConstantBytes> constants, std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const DepthwiseSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
