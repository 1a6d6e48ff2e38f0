// SPDX-License-Identifier: Apache-2.0
//
// Convolution of pictures with few channels, as planar_rows.h, but with neighbouring outputs of a row along
// the lanes of a vector instead of output channels: no lane is wasted where channels do not fill vectors, and
// no weight is loaded as a vector. Of the copied rows (planar_input.h) a tile reads vectors, and multiplies
// each with the weights of a group of channels. Results are planes; for nhwc and nchwc those of one row and
// as many channels as fill a cache line are turned while they lie in L1.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/convert.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/planar_input.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Neighbouring outputs of a row for a group of channels: output[c][i] = clamp(bias[c] + sum over k of
/// input[distances[k] + i] * weights[k][c]).
struct PlanarPixelsTile {
  const float* input;             ///< the first number under the first output's window
  const std::int64_t* distances;  ///< from there to what each row of weights multiplies, in floats
  std::int64_t depth;             ///< rows of weights; at least 1
  const float* weights;           ///< the rows
  const float* bias;              ///< of each channel of the group
  float* output;                  ///< the first channel's first output
  std::int64_t output_pitch;      ///< floats from one channel to the next
  std::int64_t channels;          ///< how many of the group are stored; at least 1
  std::size_t last_lanes;         ///< of the last vector, how many are stored
  float low, high;                ///< clamp
};

using PlanarPixelsKernel = void (*)(const PlanarPixelsTile& tile) noexcept;

inline constexpr int kMostPixelVectors = 3;

/// What an instruction set brings.
struct PlanarPixelsSet {
  int lanes;                                      ///< outputs along a vector
  int group;                                      ///< channels of a tile
  int most_vectors;                               ///< of outputs, in a tile
  PlanarPixelsKernel kernels[kMostPixelVectors];  ///< by vectors - 1
  SplitKernel split;
  const ConvertSet* convert;
};

/// Convolutions of few channels in one group.
struct PlanarPixels {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr Signature kSignatures[] = {{Layout::nchw, Layout::nhwc, DataType::f32},
                                              {Layout::nchw, Layout::nchwc, DataType::f32},
                                              {Layout::nchw, Layout::nchw, DataType::f32}};
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const PlanarPixelsSet& set, const LayerDesc& layer) noexcept;
  /// Whether planar_rows, which does not turn its results, would waste so many lanes that this is faster:
  /// where output channels leave more than a fifth of 16 lanes empty.
  static bool pays(const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const PlanarPixelsSet& set, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const PlanarPixelsSet& set, const LayerDesc& layer);
  static Status pack(const PlanarPixelsSet& set, const LayerDesc& layer,
                     std::span<const ConstantBytes> constants, std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const PlanarPixelsSet& set, const BindArgs& args,
                                                   const UnaryFunction& activation = {});
};

}  // namespace fettle::kernels
