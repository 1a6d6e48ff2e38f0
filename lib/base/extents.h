// SPDX-License-Identifier: Apache-2.0
//
// Extents that only running tells: what those of a layer's results are, once those of its operands are known.
// The same rules serve inference, which asks for bounds and for the axes that have no more than one, and
// running, which asks for the extents themselves.
#pragma once

#include <fettle/layer.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace fettle {

constexpr bool is_bounded(std::uint8_t bounded, int axis) noexcept { return (bounded >> axis & 1u) != 0; }
inline bool is_bounded(const TensorDesc& tensor, int axis) noexcept {
  return is_bounded(tensor.bounded, axis);
}
inline void set_bounded(TensorDesc& tensor, int axis, bool on = true) noexcept {
  const auto bit = static_cast<std::uint8_t>(1u << axis);
  tensor.bounded = static_cast<std::uint8_t>(on ? tensor.bounded | bit : tensor.bounded & ~bit);
}

/// The extents of a tensor as layer texts have them: those that are bounds after "<=".
std::string extents_text(const TensorDesc& tensor);

/// Shapes broadcast as numpy does, with bounds: what is bounded may be 1 or what it is paired with, too.
/// Nothing where no extents within the bounds fit.
std::optional<TensorDesc> broadcast_bounded(const TensorDesc& a, const TensorDesc& b) noexcept;

/// The result that holds (as s64, an extent an axis) the extents of result `output`, for operators that find
/// these by computing: NonZero, Compress, Unique, NonMaxSuppression. -1 for all others.
int extents_result(Op op, std::size_t output) noexcept;

/// Fills in shapes and bounds of the results of a layer of one part from those of its operands: the results
/// keep their ranks. `data` are the operands' contents while a network runs, and empty before; operands that
/// say extents are not looked at without them, so that results which they decide keep what they have. What
/// extents_result names is left alone. Does not allocate. Null, or what does not fit, or why the operator
/// cannot follow its operands.
const char* follow_extents(LayerDesc& layer, std::span<const void* const> data) noexcept;

/// Whether the results have other extents for other contents of the operand.
bool reads_extents(const LayerPart& part, std::size_t operand) noexcept;

/// In the attribute `from` of a reshape, which has an entry for each axis of the result: the extent of that
/// axis of the operand (0 and more), what is left of the operand's elements, or the extent in its own shape.
inline constexpr std::int64_t kRest = -1;
inline constexpr std::int64_t kFixed = -2;

/// Gives a tensor of a layer, counted with the inputs first and the outputs behind them, another extent: it
/// is dense. What BoundKernel::set_extent is for kernels that look at the layer when they run.
void set_extent(LayerDesc& layer, std::size_t tensor, int axis, std::int64_t extent) noexcept;

/// How many elements a slice takes of an axis, and the first of them in the place of `start`, as ONNX counts:
/// from the end if negative, and clamped.
std::int64_t slice_extent(std::int64_t extent, std::int64_t step, std::int64_t& start,
                          std::int64_t end) noexcept;
/// How many elements of an axis there are after Resize by a scale, which ONNX computes in float: 10 * 0.7f
/// is 7. -1 where there are none or too many to count.
std::int64_t scaled_extent(std::int64_t extent, float scale) noexcept;
/// The most elements that Resize makes of an axis.
inline constexpr std::int64_t kMostResized = std::int64_t{1} << 30;
/// How many elements a range of integers has; nothing where delta is 0 or there are too many to count.
std::optional<std::int64_t> range_count(std::int64_t start, std::int64_t limit, std::int64_t delta) noexcept;

}  // namespace fettle
