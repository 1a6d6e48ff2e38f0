// SPDX-License-Identifier: Apache-2.0
//
// Quantised dense layers (int8 Gemm and MatMul with constant weights).
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/q8/tile.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <memory>
#include <span>

namespace fettle::kernels {

/// A matrix or, for matmul, everything before the last axis as rows, in u8 or s8; weights and zero points as
/// IndirectQ8. Equal to the reference bit for bit.
struct DenseQ8 {
  static constexpr std::span<const Signature> kSignatures = kNchw<>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;
  static constexpr std::uint32_t kOverread = kQ8Group - 1;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t packed_bytes(const TileQ8Set& set, const LayerDesc& layer);
  static Status pack(const TileQ8Set& set, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const TileQ8Set& set, const BindArgs& args);
};

}  // namespace fettle::kernels
