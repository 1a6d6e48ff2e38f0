// SPDX-License-Identifier: Apache-2.0
//
// Convolution in nchwc, direct: any window, stride, dilation and padding. A tile is some neighbouring pixels
// of an output row times some blocks of output channels; its sums stay in registers while all blocks of input
// channels and all taps pass by. Nothing is gathered for it where its windows lie inside the image and next
// to each other; elsewhere the pixels that it reads are copied first, with zeros for what lies outside.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/elementwise_unary.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// A tile's work. Pitches are in floats. Each pixel is a vector of channels, and so is each weight.
struct DirectTile {
  const float* input;  ///< under the first pixel's first tap, of the first block of channels
  std::int64_t block_pitch, row_pitch, tap_pitch;  ///< from block to block, window row to row, tap to tap
  std::int64_t blocks;                             ///< of input channels
  std::int64_t rows, columns;                      ///< of the window, those that are summed
  const float* weights;        ///< of the first vector of outputs: for each block, tap and channel a vector
  std::int64_t skipped;        ///< floats of the weights of rows that are not summed, for each block
  std::int64_t weights_pitch;  ///< between vectors of outputs
  const float* bias;           ///< of the first vector of outputs; the others' are behind it
  float* output;
  std::int64_t output_pitch;  ///< between vectors of outputs, for the residual too
  const float* residual;      ///< added to the result; null: nothing is, and `last` is not applied
  std::size_t last_lanes;     ///< channels of the last vector; behind them zeros are stored
  float low, high;            ///< clamp of the sum
  float last_low, last_high;  ///< clamp after the addition
  const char* prefetch;       ///< what will be needed soon is fetched into L2 meanwhile, from here
  std::size_t prefetch_step;  ///< bytes further with each tap and channel; 0: nothing is needed
};

/// Copies `count` vectors that are `step` floats apart to neighbouring places.
using DirectCopy = void (*)(const float* from, std::int64_t step, float* to, std::int64_t count) noexcept;
using DirectKernel = void (*)(const DirectTile& tile) noexcept;

inline constexpr int kMostDirectVectors = 4;
inline constexpr int kMostDirectPixels = 14;

/// What an instruction set brings: tiles by vectors and pixels.
struct DirectSet {
  int lanes;
  /// By vectors - 1: as many as sums fit into registers; 0: no such tile.
  int most_pixels[kMostDirectVectors];
  DirectKernel kernels[kMostDirectVectors][kMostDirectPixels];
  DirectCopy copy;
};

/// Convolutions whose groups, if there are several, are of whole blocks; alone or with a residual added.
struct Direct {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr std::span<const Signature> kSignatures = kNchwc<kF32>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;
  static constexpr bool kResidualInPlace = true;

  static Refusal supports(const DirectSet& set, const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const DirectSet& set, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const DirectSet& set, const LayerDesc& layer);
  static Status pack(const DirectSet& set, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const DirectSet& set, const BindArgs& args,
                                                   const UnaryFunction& activation = {});
};

}  // namespace fettle::kernels
