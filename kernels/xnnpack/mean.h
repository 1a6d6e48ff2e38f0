// SPDX-License-Identifier: Apache-2.0
//
// What the rows for means of floats and of quantised numbers share.
#pragma once

#include "kernels/xnnpack/operation.h"

#include <fettle/kernel.h>

#include <xnnpack.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace fettle::kernels::xnnpack {

/// The input in memory order without axes of extent 1, and which of them are averaged.
struct Mean : Operation {
  static constexpr bool kHasWorkspace = true;

  xnn_status reshape_with(xnn_operator_t op, std::size_t& workspace, pthreadpool_t threads) const noexcept {
    std::size_t alignment = 0;
    return xnn_reshape_reduce_nd(op, axes, axis.data(), rank, extent.data(), &workspace, &alignment, threads);
  }

  std::array<std::size_t, XNN_MAX_TENSOR_DIMS> extent{};
  std::size_t rank = 0;
  std::array<std::int64_t, XNN_MAX_TENSOR_DIMS> axis{};
  std::size_t axes = 0;
  std::size_t results = 1;
  std::size_t row = 1;  ///< how many results lie side by side in the input
};

/// Reads a mean whose input and result have that type.
Refusal read_mean(const LayerDesc& layer, Mean& mean, DataType type);

}  // namespace fettle::kernels::xnnpack
