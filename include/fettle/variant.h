// SPDX-License-Identifier: Apache-2.0
//
// A variant: one way to compute one layer, or a region of layers. What plans choose, tuners measure and
// records are about.
#pragma once

#include <fettle/error.h>
#include <fettle/export.h>
#include <fettle/types.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

/// Where a tensor's elements lie and how each is stored: a Format without the numbers that belong to a value
/// (its quantisation) or to the CPU (the channels in a block of nchwc).
struct FormatTag {
  Layout layout = Layout::nchw;
  DataType type = DataType::undefined;  ///< `undefined`: as the graph has it

  friend auto operator<=>(const FormatTag&, const FormatTag&) = default;
};

/// "nhwc f32"; the layout only where the type is `undefined`.
FETTLE_API std::string to_string(FormatTag tag);

/// Whether activations that the graph has in f32 may be held in the type: what floating-point signatures can
/// change.
constexpr bool can_hold_f32(DataType type) noexcept {
  return type == DataType::f32 || type == DataType::f16 || type == DataType::bf16;
}

/// The formats that a kernel works in: of the activations that it reads, of those that it writes, and the
/// stored type of constant weights (of convolutions, products and recurrent layers; the input's type for
/// others). Operands of other kinds (indices, masks, lengths) keep the graph's type, in nchw, and so do
/// activations of rank 2 and less as far as the layout goes. Kernels offer signatures, in which a type may be
/// `undefined`; that of a variant has all types, as they are in its layer.
struct Signature {
  FormatTag input;
  FormatTag output;
  DataType weights = DataType::undefined;

  constexpr Signature() = default;
  constexpr Signature(FormatTag in, FormatTag out, DataType stored_weights) noexcept
      : input(in), output(out), weights(stored_weights) {}
  /// Input, output and weights of one type.
  constexpr Signature(Layout in, Layout out, DataType type = DataType::undefined) noexcept
      : input{in, type}, output{out, type}, weights(type) {}

  friend auto operator<=>(const Signature&, const Signature&) = default;

  /// "nhwc f32", "nchw f32>nhwc s8" where output and input differ, "nhwc u8 w:s8" where the weights' type is
  /// not the input's; "nhwc" without types.
  FETTLE_API std::string text() const;
  /// The inverse. Errors: kInvalidArgument, which says what is expected.
  FETTLE_API static Result<Signature> parse(std::string_view text);
};

/// A number that a kernel can be told, such as a tile size.
struct Parameter {
  std::string name;  ///< lower-case letters, digits and underscores, beginning with a letter
  std::int64_t value = 0;

  friend auto operator<=>(const Parameter&, const Parameter&) = default;
};

/// One way to compute a layer, or a region whose first layer it is. A plain value, ordered member by member.
struct Variant {
  std::string kernel;          ///< Kernel::name
  std::uint32_t revision = 0;  ///< Kernel::revision
  Signature signature;
  std::vector<Parameter> parameters;  ///< sorted by name, each name once; no kernel takes any yet
  int threads = 1;
  std::vector<std::string> covers;  ///< ids of the further layers that a region covers, in order

  friend auto operator<=>(const Variant&, const Variant&) = default;

  /// One line: kernel, revision, signature, parameters, threads if more than one, covered layers if any:
  /// `conv.tile.f32.avx2, revision 1, nchw f32>nhwc f32, tile=8, threads 2, covers "relu" "add"`. The ids
  /// have a backslash before quotes and backslashes, and \xHH for what is not printable ASCII.
  FETTLE_API std::string text() const;
  /// The inverse; takes nothing for granted of `text`. Errors: kInvalidArgument, which says what is expected
  /// where.
  FETTLE_API static Result<Variant> parse(std::string_view text);
};

}  // namespace fettle
