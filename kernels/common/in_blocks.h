// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators in nchwc, by their algorithms for nhwc: each block of channels is a picture of its
// own.
#pragma once

#include "kernels/common/algorithm.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Whether activations are f32 in nchwc with blocks of one size, of the result's rank and with as many
/// channels, constants single numbers or, in batches of one, a number for each channel, and zeros that fill
/// blocks up stay zeros.
Refusal check_in_blocks(const LayerDesc& layer) noexcept;

/// The layer that has each block of channels as a dense picture in nhwc.
LayerDesc pictures_of_blocks(const LayerDesc& layer);

/// Unary and Binary.
template <typename Algorithm>
struct InBlocks {
  static constexpr std::uint32_t kInPlace = Algorithm::kInPlace;
  static constexpr std::span<const Signature> kSignatures = kNchwc<kF32>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const LayerDesc& layer) {
    const Refusal refusal = check_in_blocks(layer);
    return refusal != Refusal::none ? refusal : Algorithm::supports(pictures_of_blocks(layer));
  }
  template <typename Set>
  static Result<std::unique_ptr<BoundKernel>> bind(const Set& set, const BindArgs& args) {
    return guard_allocation([&]() -> Result<std::unique_ptr<BoundKernel>> {
      const LayerDesc pictures = pictures_of_blocks(args.layer);
      return Algorithm::bind(set, BindArgs{pictures, args.packed, args.pool, args.threads});
    });
  }
};

}  // namespace fettle::kernels
