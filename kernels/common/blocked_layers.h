// SPDX-License-Identifier: Apache-2.0
//
// What stands between convolutions, in nchwc, so that values may stay in blocks: maxima of windows, means of
// images, sums. Blocks are as large as a vector.
#pragma once

#include "kernels/common/row.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// An output row of one block. Pitches and distances are in pixels, which are vectors.
struct MaximumRow {
  const float* input;      ///< the image's row under the first window row that lies inside
  std::int64_t rows;       ///< of the window, those that lie inside
  std::int64_t row_pitch;  ///< between input rows under neighbouring window rows
  std::int64_t in_w, out_w;
  std::int64_t columns, stride, dilation, pad_left;
  float* output;
  float low, high;
};

/// What an instruction set brings.
struct BlockedSet {
  int lanes;
  void (*maximum)(const MaximumRow& row) noexcept;
  /// The mean of `pixels` vectors, of which `channels` lanes are stored.
  void (*mean)(const float* from, std::int64_t pixels, Clamp clamp, float* to, std::size_t channels) noexcept;
  /// y = clamp(a + b); `count` is a multiple of `lanes`.
  void (*add)(const float* a, const float* b, float* y, std::int64_t count, Clamp clamp) noexcept;
};

/// Pictures' max_pool without indices.
struct BlockedMaxPool {
  static constexpr LayoutPair kLayouts[] = {{Layout::nchwc, Layout::nchwc}};
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const BlockedSet& set, const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const BlockedSet& set, const BindArgs& args);
};

/// global_average_pool, whose results of a pixel each lie in nchw: a dense layer reads them next.
struct BlockedMean {
  static constexpr LayoutPair kLayouts[] = {{Layout::nchwc, Layout::nchw}};
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const BlockedSet& set, const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const BlockedSet& set, const BindArgs& args);
};

/// Sums of two values of the same shape.
struct BlockedAdd {
  static constexpr LayoutPair kLayouts[] = {{Layout::nchwc, Layout::nchwc}};
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const BlockedSet& set, const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const BlockedSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
