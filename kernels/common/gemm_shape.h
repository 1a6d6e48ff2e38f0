// SPDX-License-Identifier: Apache-2.0
//
// The numbers of a dense layer (Gemm with constant weights), read off its layer.
#pragma once

#include <fettle/kernel.h>

#include <cstdint>
#include <span>

namespace fettle::kernels {

struct GemmShape {
  std::int64_t m, n, k;  ///< m x k times k x n
  bool transposed;       ///< the weight is given as n x k
  float alpha;           ///< factor of the product
  float beta;            ///< factor of the bias

  /// `layer` must have passed check_gemm.
  explicit GemmShape(const LayerDesc& layer);

  /// Writes n numbers: beta times the bias, which may be a single number or absent.
  void scaled_bias(const LayerDesc& layer, std::span<const ConstantBytes> constants, float* bias) const;
};

/// A computed input of rank 2, constant weights, a constant bias of n numbers or of one, or none; f32.
Refusal check_gemm(const LayerDesc& layer);

}  // namespace fettle::kernels
