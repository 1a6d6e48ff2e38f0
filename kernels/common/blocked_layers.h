// SPDX-License-Identifier: Apache-2.0
//
// Means of images that lie in nchwc, where blocks are as large as a vector.
#pragma once

#include "kernels/common/algorithm.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// What an instruction set brings.
struct BlockedSet {
  int lanes;
  /// The mean of `pixels` vectors, of which `channels` lanes are stored.
  void (*mean)(const float* from, std::int64_t pixels, Clamp clamp, float* to, std::size_t channels) noexcept;
};

/// global_average_pool, whose results of a pixel each lie in nchw: a dense layer reads them next.
struct BlockedMean {
  static constexpr Signature kSignatures[] = {{Layout::nchwc, Layout::nchw, DataType::f32}};
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const BlockedSet& set, const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const BlockedSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
