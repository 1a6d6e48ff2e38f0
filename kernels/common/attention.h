// SPDX-License-Identifier: Apache-2.0
//
// Attention (scaled dot-product, causal, multi-head, grouped-query) in blocks that stay in the cache: keys
// and values of a head are packed into panels once; then a tile of queries at a time is multiplied by the
// keys, weighed by softmax and multiplied by the values, so that scores never leave the cache. Keys that none
// of the tile's queries may look at are left out.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/convert.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// A query's products with keys, which become weights.
struct ScoreRow {
  float* scores;
  std::int64_t count;
  float scale;
  const float* added;  ///< to each score times scale; null: nothing
  bool hides;          ///< -inf among what is added hides a key, whatever its score; all hidden: weights of 0
};

/// What an instruction set brings: softmax of a row of scores in place.
struct ScoreSet {
  void (*weigh)(const ScoreRow& row) noexcept;
};

/// And with it tiles, and squares turned in registers, as wide as a vector of the tiles.
struct AttentionSet {
  const TileSet& tiles;
  const ConvertSet& convert;
  const ScoreSet& scores;
};

/// Attention in f32 without a second result.
struct Attention {
  static constexpr std::span<const Signature> kSignatures = kNchw<kF32>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const AttentionSet& set, const LayerDesc& layer, int threads);
  static Result<std::unique_ptr<BoundKernel>> bind(const AttentionSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
