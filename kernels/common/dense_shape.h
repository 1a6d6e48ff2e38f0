// SPDX-License-Identifier: Apache-2.0
//
// The numbers of a dense layer of integers: Gemm, or MatMul with a matrix of weights.
#pragma once

#include <fettle/kernel.h>

#include <cstdint>

namespace fettle::kernels {

/// A dense layer on a matrix or, for matmul, on everything before the last axis as rows.
struct DenseShape {
  std::int64_t rows, outputs, depth;
  bool outputs_first;
  explicit DenseShape(const LayerDesc& layer) {
    const Shape& w = layer.inputs[1].shape;
    outputs_first = layer.main().attributes.integer("transB") != 0;
    outputs = w[outputs_first ? 0 : 1];
    depth = w[outputs_first ? 1 : 0];
    rows = layer.outputs.front().shape.elements() / outputs;
  }
  /// Where weight k of an output stands.
  std::int64_t element(std::int64_t output, std::int64_t k) const {
    return outputs_first ? output * depth + k : k * outputs + output;
  }
};

/// Whether operands and result have the shapes of one.
inline Refusal check_dense_layer(const LayerDesc& layer) {
  if (layer.inputs.size() < 2 || layer.outputs.empty()) return Refusal::op;
  const Shape& x = layer.inputs[0].shape;
  const Shape& w = layer.inputs[1].shape;
  const Shape& y = layer.outputs.front().shape;
  if (x.rank() < 2 || w.rank() != 2 || y.rank() != x.rank()) return Refusal::rank;
  if (x.elements() <= 0 || w.elements() <= 0 || y.elements() <= 0) return Refusal::shape;
  if (layer.main().attributes.integer("transA") != 0) return Refusal::attribute;
  for (int axis = 0; axis + 1 < x.rank(); ++axis) {
    if (x[axis] != y[axis]) return Refusal::shape;
  }
  const DenseShape s(layer);
  return x[x.rank() - 1] == s.depth && y[y.rank() - 1] == s.outputs ? Refusal::none : Refusal::shape;
}

}  // namespace fettle::kernels
