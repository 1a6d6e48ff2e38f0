// SPDX-License-Identifier: Apache-2.0
//
// Quantised convolutions in nhwc (int8 convolution): pointers to the input under each tap instead of im2col
// (Dukhan, 2019, arXiv:1907.02129), as kernels/common/indirect.h in f32.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/q8/tile.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <memory>
#include <span>

namespace fettle::kernels {

/// u8 or s8 with weights of the same type, any zero points, a scale for each output channel or one for all;
/// any window, strides, dilations and groups. Equal to the reference bit for bit.
struct IndirectQ8 {
  static constexpr std::span<const Signature> kSignatures = kNhwc<>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;
  static constexpr std::uint32_t kOverread = kQ8Group - 1;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const TileQ8Set& set, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const TileQ8Set& set, const LayerDesc& layer);
  static Status pack(const TileQ8Set& set, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const TileQ8Set& set, const BindArgs& args);
};

}  // namespace fettle::kernels
