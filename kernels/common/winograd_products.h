// SPDX-License-Identifier: Apache-2.0
//
// Between Winograd's transforms: how those of a block's patches lie in the workspace, and the matrix product
// at each point.
#pragma once

#include "kernels/common/panels.h"
#include "kernels/common/winograd.h"

#include <cstdint>

namespace fettle::kernels {

/// Floats from one patch, vector of channels and point to the next.
struct WinogradPitches {
  std::int64_t patch, vector, point;
};

/// What the products are of: the panels of each point, and what sums begin with.
struct WinogradWeights {
  const float* panels;
  const float* bias;   ///< as in ProductWeights
  const float* zeros;  ///< as many
};

/// The products of all points for up to `most_patches` patches. Those of a point take the place of the
/// transforms at the point before, which nobody needs any more and the cache still has.
class WinogradProducts {
 public:
  WinogradProducts(const WinogradSet& set, const Panels& panels, std::int64_t most_patches) noexcept;

  const WinogradPitches& input() const noexcept { return input_; }
  const WinogradPitches& output() const noexcept { return output_; }
  /// Where in a workspace the first point's transforms are, and its products.
  float* transformed(float* workspace) const noexcept { return workspace + input_.point; }
  float* products(float* workspace) const noexcept { return workspace; }
  std::int64_t workspace_floats() const noexcept { return (points_ + 1) * input_.point; }

  void multiply(const WinogradWeights& weights, std::int64_t patches, float* workspace) const noexcept;

 private:
  /// What a point's sums begin with.
  const float* begin(const WinogradWeights& weights, std::int64_t point) const noexcept;
  void multiply_by_vectors(const WinogradWeights& weights, std::int64_t patches,
                           float* workspace) const noexcept;
  void multiply_by_patches(const WinogradWeights& weights, std::int64_t patches,
                           float* workspace) const noexcept;

  const WinogradSet& set_;
  const Panels panels_;
  const std::int64_t points_;
  WinogradPitches input_, output_;  // points lie equally far apart in both
};

}  // namespace fettle::kernels
