// SPDX-License-Identifier: Apache-2.0
//
// Extents of what operators move, cut, join and repeat.
#include "lib/base/checked.h"
#include "lib/base/following.h"

#include <algorithm>
#include <array>

namespace fettle {

const char* Following::concat() noexcept {
  const auto along = static_cast<int>(attributes().integer("axis"));
  TensorDesc all = in(0);
  for (std::size_t i = 1; i < layer_.main().operands.size(); ++i) {
    for (int axis = 0; axis < all.shape.rank(); ++axis) {
      const Extent a = extent_of(all, axis);
      const Extent b = extent_of(in(i), axis);
      if (axis == along) {
        const auto sum = checked_add(a.most, b.most);
        if (!sum) return kOutOfRange;
        set(all, axis, {*sum, a.bounded || b.bounded});
        continue;
      }
      const std::optional<Extent> both = same(a, b);
      if (!both) return kUnfit;
      set(all, axis, *both);
    }
  }
  return keep(all);
}

const char* Following::split() noexcept {
  const auto along = static_cast<int>(attributes().integer("axis"));
  if (is_bounded(in(0), along)) return "the axis that is split has an extent that depends on the data";
  for (TensorDesc& piece : layer_.outputs) {
    for (int axis = 0; axis < piece.shape.rank(); ++axis) {
      if (axis != along) set(piece, axis, extent_of(in(0), axis));
    }
  }
  return nullptr;
}

const char* Following::slice() noexcept {
  const auto axes = attributes().integers("axes");
  const auto steps = attributes().integers("steps");
  const bool computed = layer_.main().operands.size() > 1;
  for (int axis = 0; axis < in(0).shape.rank(); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) set(out(), axis, extent_of(in(0), axis));
  }
  // Those of the axes that it slices inference has found, unless they are operands.
  if (!computed || !running()) return nullptr;
  const auto count = static_cast<std::int64_t>(axes.size());
  if (!has_integers(1, count) || !has_integers(2, count)) return kUnfit;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto axis = static_cast<int>(axes[static_cast<std::size_t>(i)]);
    std::int64_t start = integers(1)[i];
    set(out(), axis,
        {slice_extent(in(0).shape[axis], steps[static_cast<std::size_t>(i)], start, integers(2)[i]), false});
  }
  return nullptr;
}

const char* Following::pad() noexcept {
  const auto pads = attributes().integers("pads");
  const int rank = in(0).shape.rank();
  for (int axis = 0; axis < rank; ++axis) {
    const Extent x = extent_of(in(0), axis);
    const std::int64_t more =
        pads[static_cast<std::size_t>(axis)] + pads[static_cast<std::size_t>(axis + rank)];
    if (x.bounded && attributes().string("mode") != "constant")
      return "padding that copies elements does not follow extents that depend on the data";
    if (x.most + more < 0) return kOutOfRange;
    set(out(), axis, {x.most + more, x.bounded});
  }
  return nullptr;
}

const char* Following::transpose() noexcept {
  const auto perm = attributes().integers("perm");
  for (int axis = 0; axis < out().shape.rank(); ++axis)
    set(out(), axis, extent_of(in(0), static_cast<int>(perm[static_cast<std::size_t>(axis)])));
  return nullptr;
}

const char* Following::reshape() noexcept {
  if (has(1)) return running() ? reshape_by_operand() : nullptr;
  const auto from = attributes().integers("from");
  if (from.empty()) {
    // An operand of one shape, given another once and for all.
    return in(0).bounded == 0 ? nullptr : "the operator does not follow its operand's extents";
  }
  std::array<std::int64_t, kMaxRank> wanted{};
  for (std::size_t i = 0; i < from.size(); ++i) {
    const int axis = static_cast<int>(i);
    wanted[i] = from[i] == kFixed ? out().shape[axis] : from[i];
  }
  return reshape_to(std::span(wanted).first(from.size()), from);
}

const char* Following::reshape_to(std::span<const std::int64_t> wanted,
                                  std::span<const std::int64_t> from) noexcept {
  std::array<bool, kMaxRank> copied{};
  std::int64_t fixed = 1;
  int rest = -1;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto to = static_cast<int>(i);
    if (from[i] >= 0) {
      copied[static_cast<std::size_t>(from[i])] = true;
      set(out(), to, extent_of(in(0), static_cast<int>(from[i])));
    } else if (from[i] == kRest) {
      rest = to;
    } else {
      const auto product = checked_mul(fixed, wanted[i]);
      if (!product) return kOutOfRange;
      fixed = *product;
      set(out(), to, {wanted[i], false});
    }
  }
  std::int64_t left = 1;
  bool bounded = false;
  for (int axis = 0; axis < in(0).shape.rank(); ++axis) {
    if (copied[static_cast<std::size_t>(axis)]) continue;
    const auto product = checked_mul(left, in(0).shape[axis]);
    if (!product) return kOutOfRange;
    left = *product;
    bounded = bounded || is_bounded(in(0), axis);
  }
  if (rest >= 0) {
    if (fixed == 0 || (!bounded && left % fixed != 0)) return kUnfit;
    set(out(), rest, {left / fixed, bounded});
    return nullptr;
  }
  const bool fits = bounded ? left >= fixed : left == fixed;
  return fits ? nullptr : kUnfit;
}

const char* Following::reshape_by_operand() noexcept {
  const Integers shape = integers(1);
  const bool allow_zero = attributes().integer("allowzero") != 0;
  if (shape.size() != out().shape.rank()) return kUnfit;
  std::array<std::int64_t, kMaxRank> wanted{};
  std::array<std::int64_t, kMaxRank> from{};
  bool has_rest = false;
  for (std::int64_t i = 0; i < shape.size(); ++i) {
    const auto k = static_cast<std::size_t>(i);
    wanted[k] = shape[i];
    from[k] = kFixed;
    if (wanted[k] == 0 && !allow_zero) {
      if (i >= in(0).shape.rank()) return kUnfit;
      from[k] = i;
    } else if (wanted[k] == -1 && !has_rest) {
      has_rest = true;
      from[k] = kRest;
    } else if (wanted[k] < 0) {
      return kOutOfRange;
    }
  }
  const auto count = static_cast<std::size_t>(shape.size());
  return reshape_to(std::span(wanted).first(count), std::span(from).first(count));
}

bool Following::read_shape(std::size_t operand, TensorDesc& desc) const noexcept {
  const Integers numbers = integers(operand);
  if (numbers.size() > kMaxRank) return false;
  desc.bounded = 0;
  desc.shape = Shape{};
  for (std::int64_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] < 0) return false;
    desc.shape.push_back(numbers[i]);
  }
  return true;
}

const char* Following::expand() noexcept {
  if (!has(1)) return in(0).bounded == 0 ? nullptr : kUnfit;
  if (!running()) return nullptr;
  TensorDesc wanted;
  if (!read_shape(1, wanted)) return kOutOfRange;
  const std::optional<TensorDesc> both = broadcast_bounded(in(0), wanted);
  if (!both || both->shape.rank() != out().shape.rank()) return kUnfit;
  return keep(*both);
}

const char* Following::tile() noexcept {
  const bool computed = has(1);
  if (computed && !running()) return nullptr;
  if (computed && !has_integers(1, in(0).shape.rank())) return kUnfit;
  const auto repeats = attributes().integers("repeats");
  for (int axis = 0; axis < in(0).shape.rank(); ++axis) {
    const Extent x = extent_of(in(0), axis);
    const std::int64_t times = computed ? integers(1)[axis] : repeats[static_cast<std::size_t>(axis)];
    const auto extent = times < 0 ? std::nullopt : checked_mul(x.most, times);
    if (!extent) return kOutOfRange;
    set(out(), axis, {*extent, x.bounded});
  }
  return nullptr;
}

}  // namespace fettle
