// SPDX-License-Identifier: Apache-2.0
//
// Products of matrices (Gemm, MatMul): dense layers and linear layers of transformers, with constant weights
// that were packed beforehand, and products of two computed operands, such as those of attention, whose right
// one is packed while the network runs. Transposes of operands and of the result are folded into the places
// that are read and written (GotoBLAS's division of labour: Goto and van de Geijn, 2008).
//
// With one row, the usual case of a classifier's last layer, all time goes into reading the weights, which
// lie in the order in which they are read.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/convert.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/product_weights.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// What an instruction set brings: tiles, and squares turned in registers, as wide as a vector of the tiles;
/// and how the tiles want constant right operands to be stored.
struct ProductSet {
  const TileSet& tiles;
  const ConvertSet& convert;
  const WeightStorage& weights = kF32Weights;
};

/// Gemm, or MatMul with any batch axes, in f32; with a second part, a function of the result or the addition
/// of a tensor of its shape.
struct Product {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr std::span<const Signature> kSignatures = kNchw<kF32>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;
  static constexpr bool kResidualInPlace = true;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const ProductSet& set, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const ProductSet& set, const LayerDesc& layer);
  static Status pack(const ProductSet& set, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const ProductSet& set, const BindArgs& args,
                                                   const UnaryFunction& activation = {});
};

/// The same where constant weights are stored in another type, for layers that wait for memory: their sums
/// have the weights' rounding errors. Not exact with infinities: a small weight may become zero, and its
/// product with an infinity NaN.
template <DataType weights, int rounding_bits>
struct NarrowProduct : Product {
  static constexpr std::uint32_t kRevision = 1;
  static constexpr std::span<const Signature> kSignatures = kNchwWeights<weights>;
  static constexpr float kRounding = float{1 << rounding_bits};
  static constexpr NonFinite kNonFinite = NonFinite::spreads_in_tile;

  static Refusal supports(const LayerDesc& layer) noexcept {
    const Refusal refusal = Product::supports(layer);
    return refusal == Refusal::none && !layer.operand(1)->constant ? Refusal::not_constant : refusal;
  }
};
/// f32 has 24 bits, the others 11 and 8; s8 has 7 for the largest weight of a column, and some less for most.
using ProductF16Weights = NarrowProduct<DataType::f16, 13>;
using ProductBf16Weights = NarrowProduct<DataType::bf16, 16>;
using ProductS8Weights = NarrowProduct<DataType::s8, 19>;

}  // namespace fettle::kernels
