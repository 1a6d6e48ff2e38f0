// SPDX-License-Identifier: Apache-2.0
//
// Operators that move elements, of any type; casts and conversions.
#include "kernels/reference/numbers.h"
#include "kernels/reference/small_floats.h"
#include "lib/base/extents.h"
#include "lib/base/small_types.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace fettle::kernels::reference {
namespace {

void concat(const Buffers& b) {
  const auto y = b.out<std::byte>();
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const Mover move(b);
  std::int64_t start = 0;
  for (std::size_t operand = 0; operand < b.layer.main().operands.size(); ++operand) {
    const auto x = b.in<std::byte>(operand);
    for_each_index(x.desc.shape, [&](const Index& i) {
      Index to = i;
      to[axis] += start;
      move(y, to, x, i);
    });
    start += x.extent(static_cast<int>(axis));
  }
}

void split(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const Mover move(b);
  std::int64_t start = 0;
  for (std::size_t part = 0; part < b.outputs.size(); ++part) {
    const auto y = b.out<std::byte>(part);
    for_each_index(y.desc.shape, [&](const Index& i) {
      Index from = i;
      from[axis] += start;
      move(y, i, x, from);
    });
    start += y.extent(static_cast<int>(axis));
  }
}

// The first element that a slice takes of its k-th axis: an attribute, or an operand that counts as ONNX
// does.
std::int64_t first_of_slice(const Buffers& b, std::size_t k, int axis) {
  if (!b.has(1)) return b.attributes().integers("starts")[k];
  const Index at{static_cast<std::int64_t>(k)};
  std::int64_t start = operand<std::int64_t>(b, 1)[at];
  slice_extent(b.layer.inputs.front().shape[axis], b.attributes().integers("steps")[k], start,
               operand<std::int64_t>(b, 2)[at]);
  return start;
}

void slice(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const auto axes = b.attributes().integers("axes");
  const auto steps = b.attributes().integers("steps");
  std::array<std::int64_t, kMaxRank> starts{};
  for (std::size_t k = 0; k < axes.size(); ++k) starts[k] = first_of_slice(b, k, static_cast<int>(axes[k]));
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from = i;
    for (std::size_t k = 0; k < axes.size(); ++k) {
      const auto axis = static_cast<std::size_t>(axes[k]);
      // A result that is larger than what there is, in a layer that nothing has told its extents.
      from[axis] =
          std::clamp<std::int64_t>(starts[k] + i[axis] * steps[k], 0, x.extent(static_cast<int>(axis)) - 1);
    }
    move(y, i, x, from);
  });
}

// Where a padded position comes from, or -1 for the constant.
std::int64_t padded_source(std::int64_t at, std::int64_t extent, std::string_view mode) {
  if (at >= 0 && at < extent) return at;
  if (mode == "edge") return at < 0 ? 0 : extent - 1;
  if (mode == "reflect") return at < 0 ? -at : 2 * (extent - 1) - at;
  if (mode == "wrap") return (at % extent + extent) % extent;
  return -1;
}

void pad(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const auto pads = b.attributes().integers("pads");
  const std::string_view mode = b.attributes().string("mode");
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from{};
    bool inside = true;
    for (int axis = 0; axis < x.desc.shape.rank(); ++axis) {
      const auto k = static_cast<std::size_t>(axis);
      from[k] = padded_source(i[k] - pads[k], x.extent(axis), mode);
      inside = inside && from[k] >= 0;
    }
    if (inside) return move(y, i, x, from);
    if (b.has(1)) return move(y, i, b.in<std::byte>(1), {});
    store(y.desc.format.type, y.data, y.offset(i), static_cast<double>(b.attributes().real("value")));
  });
}

void transpose(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const auto perm = b.attributes().integers("perm");
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from{};
    for (std::size_t axis = 0; axis < perm.size(); ++axis)
      from[static_cast<std::size_t>(perm[axis])] = i[axis];
    move(y, i, x, from);
  });
}

// Reads and writes in row-major order, whatever the shapes.
void reshape(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const Mover move(b);
  Index from{};
  for_each_index(y.desc.shape, [&](const Index& i) {
    move(y, i, x, from);
    for (int axis = x.desc.shape.rank(); axis-- > 0;) {
      if (++from[static_cast<std::size_t>(axis)] < x.extent(axis)) break;
      from[static_cast<std::size_t>(axis)] = 0;
    }
  });
}

// Expand and tile: positions wrap around the input's extents.
void repeat(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const Mover move(b);
  const int missing = y.desc.shape.rank() - x.desc.shape.rank();
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from{};
    for (int axis = 0; axis < x.desc.shape.rank(); ++axis)
      from[static_cast<std::size_t>(axis)] = i[static_cast<std::size_t>(axis + missing)] % x.extent(axis);
    move(y, i, x, from);
  });
}

void where(const Buffers& b) {
  const auto condition = b.in<std::uint8_t>(0);
  const auto y = b.out<std::byte>();
  const Mover move(b);
  const int rank = y.desc.shape.rank();
  for_each_index(y.desc.shape, [&](const Index& i) {
    const bool chosen = condition[broadcast_index(i, rank, condition.desc.shape)] != 0;
    const auto from = b.in<std::byte>(chosen ? 1 : 2);
    move(y, i, from, broadcast_index(i, rank, from.desc.shape));
  });
}

// One of two tensors. One that is smaller than the result, in a layer that nothing has told its extents, is
// read again from its start.
void select(const Buffers& b) {
  const bool holds = *b.in<std::uint8_t>(0).data != 0;
  const auto x = b.in<std::byte>(holds ? 1 : 2);
  const auto y = b.out<std::byte>();
  if (x.desc.shape.elements() == 0) return;
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from = i;
    for (int axis = 0; axis < x.desc.shape.rank(); ++axis)
      from[static_cast<std::size_t>(axis)] %= x.extent(axis);
    move(y, i, x, from);
  });
}

// The extents of a tensor, and the number of its elements.
void shape(const Buffers& b) {
  const auto y = result<std::int64_t>(b);
  const auto start = static_cast<int>(b.attributes().integer("start"));
  for (std::int64_t i = 0; i < y.extent(0); ++i)
    y.set({i}, b.layer.inputs.front().shape[start + static_cast<int>(i)]);
}

void size(const Buffers& b) { result<std::int64_t>(b).set({}, b.layer.inputs.front().shape.elements()); }

void range(const Buffers& b) {
  const auto y = result<std::int64_t>(b);
  std::int64_t value = operand<std::int64_t>(b, 0)[{}];
  const std::int64_t delta = operand<std::int64_t>(b, 2)[{}];
  for (std::int64_t i = 0; i < y.extent(0); ++i) {
    y.set({i}, value);
    value = multiply_add<std::int64_t>(1, value, delta);
  }
}

// The bytes of one element again and again; zeros where there are none.
void constant_of_shape(const Buffers& b) {
  const TensorDesc& desc = b.layer.outputs.front();
  const auto element = b.attributes().integers("value");
  auto* bytes = static_cast<std::uint8_t*>(b.outputs.front());
  const std::size_t count = dense_bytes(desc.shape, desc.format);
  for (std::size_t i = 0; i < count; ++i)
    bytes[i] = element.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(element[i % element.size()]);
}

void depth_to_space(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const std::int64_t block = b.attributes().integer("blocksize");
  const bool depth_first = b.attributes().string("mode") == "DCR";
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    const std::int64_t cell = i[2] % block * block + i[3] % block;
    const std::int64_t channel = depth_first ? cell * y.extent(1) + i[1] : i[1] * block * block + cell;
    move(y, i, x, {i[0], channel, i[2] / block, i[3] / block});
  });
}

void space_to_depth(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const std::int64_t block = b.attributes().integer("blocksize");
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    const std::int64_t cell = i[1] / x.extent(1);
    move(y, i, x, {i[0], i[1] % x.extent(1), i[2] * block + cell / block, i[3] * block + cell % block});
  });
}

void channel_shuffle(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const std::int64_t groups = b.attributes().integer("group");
  const std::int64_t size = x.extent(1) / groups;
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from = i;
    from[1] = i[1] % groups * size + i[1] / groups;
    move(y, i, x, from);
  });
}

// To types of 8 and fewer bits, with what is left to choose there.
void cast_to_small(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = b.out<std::uint8_t>();
  const bool saturate = b.attributes().integer("saturate", 1) != 0;
  const std::string_view mode = b.attributes().string("round_mode", "up");
  const PowerRounding rounding = mode == "up"     ? PowerRounding::up
                                 : mode == "down" ? PowerRounding::down
                                                  : PowerRounding::nearest;
  for_each_index(y.desc.shape, [&](const Index& i) {
    y[i] = static_cast<std::uint8_t>(small_float_bits(y.desc.format.type, x[i], saturate, rounding));
  });
}

void cast(const Buffers& b) {
  if (is_small_float(b.layer.outputs.front().format.type)) return cast_to_small(b);
  with_number(b.layer.inputs.front().format.type, [&](auto number) {
    using T = decltype(number);
    const auto x = operand<T>(b, 0);
    const auto y = result<T>(b);
    for_each_index(y.shape(), [&](const Index& i) { y.set(i, x[i]); });
  });
}

Refusal supports_select(const LayerDesc& layer, const Cpu& cpu) {
  const bool alike = layer.inputs.size() == 3 && layer.inputs[0].format.type == DataType::boolean &&
                     layer.inputs[1].format.type == layer.outputs[0].format.type &&
                     layer.inputs[2].format.type == layer.outputs[0].format.type;
  return alike ? any_type(layer, cpu) : Refusal::data_type;
}

Refusal supports_dense_fill(const LayerDesc& layer, const Cpu& cpu) {
  return layer.outputs.front().dense() ? any_type(layer, cpu) : Refusal::strides;
}

constexpr auto kMovementEntries = join(
    kFamily<concat, any_type, "copy.any", Op::concat>, kFamily<split, any_type, "copy.any", Op::split>,
    kFamily<slice, any_type, "copy.any", Op::slice>, kFamily<pad, any_number, "copy.any", Op::pad>,
    kFamily<transpose, any_type, "copy.any", Op::transpose>,
    kFamily<reshape, any_type, "copy.any", Op::reshape, Op::identity, Op::bit_cast>,
    kFamily<repeat, any_type, "copy.any", Op::expand, Op::tile>,
    kFamily<where, any_type, "copy.any", Op::where>, kFamily<select, supports_select, "copy.any", Op::select>,
    kFamily<shape, any_type, "direct.any", Op::shape>, kFamily<size, any_type, "direct.any", Op::size>,
    kFamily<range, any_number, "direct.any", Op::range>,
    kFamily<constant_of_shape, supports_dense_fill, "direct.any", Op::constant_of_shape>,
    kFamily<depth_to_space, any_type, "copy.any", Op::depth_to_space>,
    kFamily<channel_shuffle, any_type, "copy.any", Op::channel_shuffle>,
    kFamily<space_to_depth, any_type, "copy.any", Op::space_to_depth>,
    kFamily<cast, any_number, "direct.any", Op::cast>);

}  // namespace

std::span<const Kernel* const> movement_entries() noexcept { return kMovementEntries; }

}  // namespace fettle::kernels::reference
