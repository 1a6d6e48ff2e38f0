// SPDX-License-Identifier: Apache-2.0
//
// A layer, or a region of several connected layers, as kernels, plans and records see it: no names, no
// weights.
#pragma once

#include <fettle/export.h>
#include <fettle/op.h>
#include <fettle/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace fettle {

/// One operand or result of a layer.
struct TensorDesc {
  Shape shape;  ///< logical, in ONNX order
  Format format;
  Strides strides{};      ///< in elements, see Strides; dense unless a kernel's Striding allows more
  bool constant = false;  ///< its bytes are known at compile time and are given to `pack`; always dense nchw

  /// Whether `strides` are those of a dense tensor (extents of 1 put no condition on their stride).
  FETTLE_API bool dense() const noexcept;
};

/// min(max(x, low), high); infinite where there is no bound.
struct Clamp {
  float low;
  float high;
  friend bool operator==(const Clamp&, const Clamp&) = default;
};

/// An operand of a part that ONNX leaves out (an optional input).
inline constexpr int kNoOperand = -1;
/// The operand that is the result of an earlier part of the same region.
constexpr int result_of_part(int part) noexcept { return -2 - part; }
/// The inverse: the part, or -1 when the operand is an input of the layer or left out.
constexpr int part_of_operand(int operand) noexcept { return operand <= -2 ? -2 - operand : -1; }

/// One operator of a layer or region, with what passes have fused into it.
struct LayerPart {
  Op op = Op::identity;
  Attributes attributes;
  std::optional<Clamp> clamp;  ///< applied to the result (Relu, Relu6, Clip)
  /// What the operator computes from, in ONNX's order: an index into LayerDesc::inputs, kNoOperand, or
  /// result_of_part. conv, conv_transpose: x, weight (ONNX order OIHW / IOHW), bias if there. gemm: a, b, c
  /// if there.
  std::vector<int> operands;
};

/// A layer, or a region of several connected layers, as a kernel sees it. Its canonical text is the key of
/// records, tests, benchmarks and repro lines.
struct LayerDesc {
  /// One for a layer; for a region in execution order, the last gives the outputs.
  std::vector<LayerPart> parts;
  std::vector<TensorDesc> inputs;
  std::vector<TensorDesc> outputs;
  /// Shapes of the results of all parts but the last; their formats are the kernel's affair.
  std::vector<TensorDesc> inner;

  const LayerPart& main() const noexcept { return parts.front(); }
  /// The tensor that `operand` of the first part names, or nullptr when it is left out.
  FETTLE_API const TensorDesc* operand(std::size_t index) const noexcept;
  /// For example "conv group=1 ... clamp=0,6 : f32 nchw 1x3x8x8, f32 const 16x3x3x3 -> f32 nhwc 1x16x4x4".
  /// Never holds names or weights, so equal layers of different networks share their text.
  FETTLE_API std::string text() const;
};

}  // namespace fettle
