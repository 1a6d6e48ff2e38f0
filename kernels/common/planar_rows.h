// SPDX-License-Identifier: Apache-2.0
//
// Convolution of pictures with few channels, above all a network's first layer, from nchw to nhwc or nchwc.
// Of the copied rows (planar_input.h) a tile reads numbers at equal distances, one for each output, and
// multiplies them with vectors of output channels. Pictures are read as they come.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Neighbouring outputs of a row times a panel of channels: output[r][j] = clamp(bias[j] + sum over k of
/// input[distances[k] + r * step] * weights[k][j]).
struct PlanarTile {
  const float* input;             ///< the first number under the first output's window
  const std::int64_t* distances;  ///< from there to what each row of weights multiplies, in floats
  std::int64_t depth;             ///< rows of weights; at least 1
  std::int64_t step;              ///< floats from one output's input to the next one's
  const float* panel;             ///< the rows of weights
  const float* bias;              ///< of each column, in whole vectors
  float* output;                  ///< the first output's first vector
  std::int64_t output_pitch;      ///< floats from one output to the next
  std::int64_t vector_pitch;      ///< and from one vector of channels to the next
  std::size_t last_lanes;         ///< of the last vector that there are channels for
  bool fills;                     ///< whether the other lanes become zeros, or are not stored
  float low, high;                ///< clamp
};

using PlanarKernel = void (*)(const PlanarTile& tile) noexcept;

/// The tiles of one instruction set: a function for each number of vectors across and outputs.
struct PlanarSet {
  const TileSet* tiles;  ///< of the same sizes; how panels are cut is theirs
  PlanarKernel kernels[kMostVectors][kMostRows];
};

/// Convolutions of few channels in one group.
struct PlanarRows {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr Signature kSignatures[] = {{Layout::nchw, Layout::nhwc, DataType::f32},
                                              {Layout::nchw, Layout::nchwc, DataType::f32}};
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const PlanarSet& set, const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const PlanarSet& set, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const PlanarSet& set, const LayerDesc& layer);
  static Status pack(const PlanarSet& set, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const PlanarSet& set, const BindArgs& args,
                                                   const UnaryFunction& activation = {});
};

}  // namespace fettle::kernels
