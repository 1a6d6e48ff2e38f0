// SPDX-License-Identifier: Apache-2.0
//
// Dense layers on bytes, tile by tile: what those of quantised layers and those that quantise x themselves
// have in common.
#pragma once

#include "kernels/portable/portable.h"
#include "kernels/portable/product_q8.h"

namespace fettle::kernels::portable {

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
inline Refusal check_dense(const LayerDesc& layer) {
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

inline constexpr std::int64_t kTileRows = 16;
inline constexpr std::int64_t kTileOutputs = 128;

/// Scratch memory of one thread.
inline std::size_t tile_bytes(const DenseShape& s) {
  return static_cast<std::size_t>(kTileRows * padded_depth(s.depth)) * sizeof(std::int16_t) +
         static_cast<std::size_t>(kTileRows * kTileOutputs) * sizeof(std::int32_t);
}

/// Multiplies the rows of x with w and calls finish(row, first output, count, sums) for each row of a tile.
template <typename Finish>
void for_each_tile(const Call& call, const DenseShape& s, const WeightRows& w, const std::uint8_t* x,
                   std::uint8_t flip, std::byte* workspace, Finish&& finish) {
  const std::int64_t across = (s.outputs + kTileOutputs - 1) / kTileOutputs;
  const std::int64_t down = (s.rows + kTileRows - 1) / kTileRows;
  call.parallel(down * across, [&](std::int64_t begin, std::int64_t end, int worker) {
    auto* rows =
        reinterpret_cast<std::int16_t*>(workspace + static_cast<std::size_t>(worker) * tile_bytes(s));
    auto* sums = reinterpret_cast<std::int32_t*>(rows + kTileRows * w.depth);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = i / across * kTileRows;
      const std::int64_t height = std::min(kTileRows, s.rows - row);
      const std::int64_t first = i % across * kTileOutputs;
      const std::int64_t last = std::min(s.outputs, first + kTileOutputs);
      for (std::int64_t r = 0; r < height; ++r)
        widen(x + (row + r) * s.depth, s.depth, flip, rows + r * w.depth);
      multiply(w, rows, height, first, last, sums, kTileOutputs, 1);
      for (std::int64_t r = 0; r < height; ++r) finish(row + r, first, last - first, sums + r * kTileOutputs);
    }
  });
}

}  // namespace fettle::kernels::portable
