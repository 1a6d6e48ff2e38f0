// SPDX-License-Identifier: Apache-2.0
//
// Largest elements and averages under windows, or of whole pictures, in nhwc, and in nchwc, where each block
// of channels is a picture of its own in nhwc. Threads share the output's rows, and where there are few of
// these, their channels.
#pragma once

#include "kernels/common/algorithm.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// An output row, or some channels of it.
struct PoolRow {
  const float* input;          ///< first pixel of the input row under the first window row that lies inside
  std::int64_t input_pitch;    ///< floats from pixel to pixel
  std::int64_t tap_row_pitch;  ///< floats between input rows under neighbouring window rows
  std::int64_t tap_rows;       ///< window rows that lie inside
  std::int64_t in_w;
  float* output;  ///< the first pixel
  std::int64_t output_pitch;
  std::int64_t channels, outputs;
  std::int64_t columns, stride, dilation, pad_left;  ///< of the window
  // An average divides by so many rows times the columns inside, or, where padding counts, times those left
  // of `counted_w`.
  std::int64_t counted_rows;
  std::int64_t counted_w;
  bool counts_padding;
  float low, high;
};

/// What an instruction set brings for one kind of pool.
struct PoolSet {
  int lanes;
  void (*row)(const PoolRow& row) noexcept;
};

/// max_pool without the places, average_pool and the global ones. There is no row for global_average_pool, of
/// which other kernels are as fast.
struct Pool {
  static constexpr std::span<const Signature> kSignatures = kNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const PoolSet& set, const BindArgs& args);
};

/// The same in blocks of channels.
struct BlockedPool {
  static constexpr std::span<const Signature> kSignatures = kNchwc<kF32>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const PoolSet& set, const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const PoolSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
