// SPDX-License-Identifier: Apache-2.0
//
// A layer, or a region of several connected layers, as kernels, plans and records see it: no names, no
// weights.
#pragma once

#include <fettle/error.h>
#include <fettle/export.h>
#include <fettle/op.h>
#include <fettle/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

/// One operand or result of a layer.
struct TensorDesc {
  Shape shape;  ///< logical, in ONNX order
  Format format;
  Strides strides{};      ///< in elements, see Strides; dense unless a kernel's Striding allows more
  bool constant = false;  ///< its bytes are known at compile time and are given to `pack`; always dense nchw
  /// Bit i: the extent of axis i in `shape` is the most there can be; what it is, the data of each run tell.
  /// The elements lie densely for the actual extents, at the start of memory that has room for the most.
  std::uint8_t bounded = 0;

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
  /// One line of printable ASCII that says everything but the contents of constants, for example
  /// "conv group=1 ... clamp=0,6 : f32 nchw 1x3x8x8, f32 const 16x3x3x3 -> f32 nhwc 1x16x4x4". Parts are
  /// joined by " + " and followed by their operands, unless those are simply all inputs in order; a tensor is
  /// its type, layout (where the rank is 3 or more, or it is not nchw), block, scale and zero point (where
  /// quantised), shape (with "<=" before bounded extents) and strides (where not dense); the results between
  /// parts stand behind " via ".
  /// docs/layer-text.md has the whole form. Never holds names or weights, so equal layers of different
  /// networks share their text.
  FETTLE_API std::string text() const;
  /// The text of a layer that takes the same time: scales, zero points, the bounds of clamps and the values
  /// of real attributes are replaced by fixed ones. Layers that differ in nothing else have the same key.
  FETTLE_API std::string cost_key() const;
  /// The inverse of text(): a layer with the same text, and so equal in all that a text shows. Of dense
  /// tensors the strides are those of dense_strides. Takes nothing for granted of `text`, which may come from
  /// anywhere, but says nothing of the operators' rules: that is check(). Time and memory grow with the
  /// length of the text, which may be 1 MiB at most. Thread-safe. Errors: kInvalidArgument, which names the
  /// column (counted from 1, in bytes) and what belongs there; kLimitExceeded (the length, attributes of a
  /// part, the elements of a tensor); kOutOfMemory.
  FETTLE_API static Result<LayerDesc> parse(std::string_view text);

  /// Part `index` as a layer by itself. Its inputs are the operands of the part that are not left out, in
  /// order (what is used twice appears twice); results of earlier parts are inputs like others.
  FETTLE_API LayerDesc part(std::size_t index) const;
  /// Whether the layer obeys the rules of its operators, as those of a model do: operands, attributes (those
  /// by which inference replaces operands, too, such as the labels of an einsum), and the shapes and types of
  /// all results. To be asked, before a kernel is, of layers that come from anywhere else, such as parse().
  /// Formats are not looked at beyond scales being positive: that is for kernels. Thread-safe. Errors:
  /// kModelInvalid, which names the part and the rule; kOutOfMemory.
  FETTLE_API Status check() const;
  /// Multiply-accumulates of all parts; 0 for operators that have none. Of layers that check() accepts.
  FETTLE_API std::int64_t macs() const;
};

}  // namespace fettle
