// SPDX-License-Identifier: Apache-2.0
//
// Pieces that the makers of layers share.
#pragma once

#include "tests/fuzz/byte_source.h"
#include "tests/kernels/layers.h"

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::fuzz {

using test::input;
using test::left_out;
using test::make_layer;
using test::Operand;
using test::parameter;
using test::TestLayer;
using test::typed;
using test::weight;
using test::with;
using Integers = std::vector<std::int64_t>;
/// Nothing when the bytes describe no valid layer.
using Made = std::optional<TestLayer>;

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// One of some words.
template <typename Words>
std::string word(ByteSource& bytes, const Words& words) {
  return bytes.one_of(words);
}
/// Indices that may count from the end of an axis, and now and then lie outside of it.
inline Operand indices(ByteSource& bytes, const Shape& shape, std::int64_t extent) {
  const double beyond = bytes.once_in(8) ? 3 : 0;
  const auto most = static_cast<double>(extent);
  const DataType type = bytes.once_in(2) ? DataType::s32 : DataType::s64;
  return typed(shape, type, -most - beyond, most - 1 + beyond, bytes.once_in(3));
}

/// An extent that is mostly small, now and then beyond a vector's or a tile's width.
std::int64_t extent(ByteSource& bytes, std::int64_t small, std::int64_t large);
Shape any_shape(ByteSource& bytes, int least = 0, int most = 5);
/// A shape that broadcasts to `shape`.
Shape narrowed(ByteSource& bytes, const Shape& shape);
std::optional<Clamp> any_clamp(ByteSource& bytes);
/// Pictures with some axes beside those of batch and channels.
Shape pictures(ByteSource& bytes, std::size_t axes, std::int64_t channels);
/// The attributes of a window over the axes; its extents also in `kernel`.
Attributes window(ByteSource& bytes, std::size_t axes, std::int64_t kernel_most, Integers& kernel);

}  // namespace fettle::fuzz
