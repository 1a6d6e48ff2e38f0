// SPDX-License-Identifier: Apache-2.0
//
// Boxes of elements, copied from one tensor's strides to another's by one routine that finds the longest runs
// of neighbours.
#pragma once

#include "kernels/portable/portable.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

namespace fettle::kernels::portable {

/// As many axes as a tensor has, one of them in blocks.
inline constexpr std::size_t kMaxAxes = kMaxRank + 1;

/// A box of elements with the steps of source and target along each axis, outermost first.
struct Box {
  int rank = 0;
  std::array<std::int64_t, kMaxAxes> extent{};
  std::array<std::int64_t, kMaxAxes> from{};
  std::array<std::int64_t, kMaxAxes> to{};

  void add(std::int64_t n, std::int64_t step_from, std::int64_t step_to) {
    if (n == 1) return;
    const auto i = static_cast<std::size_t>(rank++);
    extent[i] = n;
    from[i] = step_from;
    to[i] = step_to;
  }
  /// Sorts the axes so that the target is written in order, and merges those that continue each other.
  void normalise() {
    for (int i = 1; i < rank; ++i) {
      for (int j = i; j > 0 && to[static_cast<std::size_t>(j)] > to[static_cast<std::size_t>(j - 1)]; --j) {
        const auto a = static_cast<std::size_t>(j);
        std::swap(extent[a], extent[a - 1]);
        std::swap(from[a], from[a - 1]);
        std::swap(to[a], to[a - 1]);
      }
    }
    for (int i = rank - 1; i > 0; --i) {
      const auto inner = static_cast<std::size_t>(i);
      const std::size_t outer = inner - 1;
      if (from[outer] != from[inner] * extent[inner] || to[outer] != to[inner] * extent[inner]) continue;
      extent[outer] *= extent[inner];
      from[outer] = from[inner];
      to[outer] = to[inner];
      for (int k = i; k + 1 < rank; ++k) {
        const auto at = static_cast<std::size_t>(k);
        extent[at] = extent[at + 1], from[at] = from[at + 1], to[at] = to[at + 1];
      }
      --rank;
    }
    if (rank == 0) add(1, 1, 1), rank = 1, extent[0] = 1, from[0] = 1, to[0] = 1;
  }
  /// Puts the longest axis innermost where lines would be short, if such a line stays in the L1 cache of the
  /// target until the next ones have filled its gaps.
  void lengthen_lines() {
    constexpr std::int64_t kShort = 8;
    constexpr std::int64_t kNear = 4096;
    const auto inner = static_cast<std::size_t>(rank - 1);
    if (extent[inner] >= kShort) return;
    std::size_t longest = inner;
    for (std::size_t axis = 0; axis < inner; ++axis) {
      if (extent[axis] > extent[longest] && extent[axis] * to[axis] <= kNear) longest = axis;
    }
    for (; longest < inner; ++longest) {
      std::swap(extent[longest], extent[longest + 1]);
      std::swap(from[longest], from[longest + 1]);
      std::swap(to[longest], to[longest + 1]);
    }
  }
};

template <typename T>
void copy_line(const T* x, std::int64_t from, T* y, std::int64_t to, std::int64_t count) {
  if (from == 1 && to == 1)
    std::memcpy(y, x, static_cast<std::size_t>(count) * sizeof(T));
  else
    for (std::int64_t i = 0; i < count; ++i) y[i * to] = x[i * from];
}

/// Where a line of a box begins: along its innermost axis. Moves from line to line without divisions, which
/// take longer than a short line does.
class LinePlace {
 public:
  LinePlace(const Box& box, std::int64_t line) : box_(box) {
    for (std::size_t axis = outer_axes(); axis-- > 0;) {
      at_[axis] = line % box.extent[axis];
      line /= box.extent[axis];
      from += at_[axis] * box.from[axis];
      to += at_[axis] * box.to[axis];
    }
  }
  void next() {
    for (std::size_t axis = outer_axes(); axis-- > 0;) {
      from += box_.from[axis];
      to += box_.to[axis];
      if (++at_[axis] < box_.extent[axis]) return;
      at_[axis] = 0;
      from -= box_.extent[axis] * box_.from[axis];
      to -= box_.extent[axis] * box_.to[axis];
    }
  }

  std::int64_t from = 0;
  std::int64_t to = 0;

 private:
  std::size_t outer_axes() const { return static_cast<std::size_t>(box_.rank - 1); }

  const Box& box_;
  std::array<std::int64_t, kMaxAxes> at_{};
};

/// Copies the box, on several threads; nothing where it is empty.
template <typename T>
void copy_box(const Call& call, Box box, const T* x, T* y) {
  for (int axis = 0; axis < box.rank; ++axis) {
    if (box.extent[static_cast<std::size_t>(axis)] == 0) return;
  }
  box.normalise();
  box.lengthen_lines();
  const auto inner = static_cast<std::size_t>(box.rank - 1);
  std::int64_t lines = 1;
  for (std::size_t axis = 0; axis < inner; ++axis) lines *= box.extent[axis];
  call.parallel(lines, [&](std::int64_t begin, std::int64_t end, int) {
    LinePlace place(box, begin);
    for (std::int64_t i = begin; i < end; ++i, place.next())
      copy_line(x + place.from, box.from[inner], y + place.to, box.to[inner], box.extent[inner]);
  });
}

inline std::int64_t stride(const TensorDesc& tensor, int axis) {
  return tensor.strides[static_cast<std::size_t>(axis)];
}

/// Whether elements are as large as an integer, by which they can be moved.
inline bool has_integer_size(DataType type) {
  const std::size_t size = size_of(type);
  return size == 1 || size == 2 || size == 4 || size == 8;
}

/// Calls body with an integer of the size of the result's elements, which has_integer_size.
template <typename Body>
void with_integer_of_size(const Call& call, Body&& body) {
  switch (size_of(call.layer.outputs.front().format.type)) {
    case 1:
      return body(std::uint8_t{});
    case 2:
      return body(std::uint16_t{});
    case 4:
      return body(std::uint32_t{});
    default:
      return body(std::uint64_t{});
  }
}

/// The whole of `shape`, read and written by the two tensors' strides. Both or none are in blocks of
/// channels; what fills the last one up is copied too.
inline Box box_of(const Shape& shape, const TensorDesc& from, const TensorDesc& to) {
  Box box;
  const std::int64_t block = from.format.block;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const std::int64_t extent = axis == 1 && block > 0 ? (shape[1] + block - 1) / block : shape[axis];
    box.add(extent, stride(from, axis), stride(to, axis));
  }
  if (block > 0) box.add(block, 1, 1);
  return box;
}

}  // namespace fettle::kernels::portable
