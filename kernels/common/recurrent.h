// SPDX-License-Identifier: Apache-2.0
//
// LSTM, GRU and RNN with constant weights: the input's part of the gates of all steps is one product; then
// each step is a product of the states with weights in panels, which adds what the input gave, and the gates'
// functions (Appleyard et al., 2016, arXiv:1604.01946, for one layer).
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <memory>
#include <span>

namespace fettle::kernels {

/// What an instruction set brings.
struct RecurrentSet {
  const TileSet& tiles;
  const UnarySet& functions;
};

/// Layers without peepholes, clipping and coupled gates, whose activations are sigmoid, tanh and relu: what
/// exporters write.
struct Recurrent {
  static constexpr std::span<const Signature> kSignatures = kNchw<kF32>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const RecurrentSet& set, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const RecurrentSet& set, const LayerDesc& layer);
  static Status pack(const RecurrentSet& set, const LayerDesc& layer,
                     std::span<const ConstantBytes> constants, std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const RecurrentSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
