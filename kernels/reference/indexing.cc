// SPDX-License-Identifier: Apache-2.0
//
// Operators that read or write where integers say. What a computed index is cannot be known before: one that
// lies outside its axis is clamped to it.
#include "kernels/larger.h"
#include "kernels/reference/numbers.h"

#include <algorithm>
#include <cmath>

namespace fettle::kernels::reference {
namespace {

std::int64_t inside(std::int64_t index, std::int64_t extent) {
  return std::clamp<std::int64_t>(index < 0 ? index + extent : index, 0, extent - 1);
}

void gather(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const auto indices = operand<std::int64_t>(b, 1);
  const int axis = static_cast<int>(b.attributes().integer("axis"));
  const int index_rank = indices.rank();
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index at{};
    std::copy_n(i.begin() + axis, index_rank, at.begin());
    Index from{};
    std::copy_n(i.begin(), axis, from.begin());
    from[static_cast<std::size_t>(axis)] = inside(indices[at], x.extent(axis));
    for (int k = axis + 1; k < x.desc.shape.rank(); ++k)
      from[static_cast<std::size_t>(k)] = i[static_cast<std::size_t>(k + index_rank - 1)];
    move(y, i, x, from);
  });
}

void gather_elements(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const auto indices = operand<std::int64_t>(b, 1);
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from = i;
    from[axis] = inside(indices[i], x.extent(static_cast<int>(axis)));
    move(y, i, x, from);
  });
}

// The index into a tensor that the last axis of `indices` spells at `at`, after `start` axes of their own.
void spell(const Numbers<std::int64_t>& indices, Index at, const Shape& shape, int start, Index& target) {
  const int last = indices.rank() - 1;
  for (std::int64_t k = 0; k < indices.extent(last); ++k) {
    at[static_cast<std::size_t>(last)] = k;
    const int axis = start + static_cast<int>(k);
    target[static_cast<std::size_t>(axis)] = inside(indices[at], shape[axis]);
  }
}

void gather_nd(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const auto indices = operand<std::int64_t>(b, 1);
  const int batch = static_cast<int>(b.attributes().integer("batch_dims"));
  const int last = indices.rank() - 1;
  const int spelt = static_cast<int>(indices.extent(last));
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from{};
    std::copy_n(i.begin(), batch, from.begin());
    spell(indices, i, x.desc.shape, batch, from);
    for (int axis = batch + spelt; axis < x.desc.shape.rank(); ++axis)
      from[static_cast<std::size_t>(axis)] = i[static_cast<std::size_t>(axis - spelt - batch + last)];
    move(y, i, x, from);
  });
}

void copy_input(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) { move(y, i, x, i); });
}

// Puts update `i` into place `to`, or what reduction makes of both.
void update(const Buffers& b, const Index& to, const Index& i) {
  const std::string_view reduction = b.attributes().string("reduction", "none");
  if (reduction == "none") return Mover(b)(b.out<std::byte>(), to, b.in<std::byte>(2), i);
  with_number(b.layer.outputs.front().format.type, [&](auto number) {
    using T = decltype(number);
    const auto y = result<T>(b);
    const T value = operand<T>(b, 2)[i];
    if (reduction == "max") return y.set(to, larger(y[to], value));
    if (reduction == "min") return y.set(to, smaller(y[to], value));
    y.set(to, reduction == "mul" ? multiply_add(y[to], value, T{}) : multiply_add(T{1}, y[to], value));
  });
}

void scatter_elements(const Buffers& b) {
  copy_input(b);
  const auto indices = operand<std::int64_t>(b, 1);
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const std::int64_t extent = b.layer.outputs.front().shape[static_cast<int>(axis)];
  for_each_index(indices.shape(), [&](const Index& i) {
    Index to = i;
    to[axis] = inside(indices[i], extent);
    update(b, to, i);
  });
}

void scatter_nd(const Buffers& b) {
  copy_input(b);
  const auto indices = operand<std::int64_t>(b, 1);
  const Shape& shape = b.layer.outputs.front().shape;
  const int last = indices.rank() - 1;
  const int spelt = static_cast<int>(indices.extent(last));
  for_each_index(b.in<std::byte>(2).desc.shape, [&](const Index& i) {
    Index to{};
    spell(indices, i, shape, 0, to);
    for (int axis = spelt; axis < shape.rank(); ++axis)
      to[static_cast<std::size_t>(axis)] = i[static_cast<std::size_t>(axis - spelt + last)];
    update(b, to, i);
  });
}

// Operands: indices, depth (which the output's shape tells), and the two values.
void one_hot(const Buffers& b) {
  const auto indices = operand<double>(b, 0);
  const auto values = b.in<std::byte>(1);
  const auto y = b.out<std::byte>();
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const std::int64_t depth = y.extent(static_cast<int>(axis));
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index at{};
    std::copy_n(i.begin(), axis, at.begin());
    std::copy(i.begin() + static_cast<std::ptrdiff_t>(axis) + 1, i.end(),
              at.begin() + static_cast<std::ptrdiff_t>(axis));
    const double index = std::trunc(indices[at]);
    const bool hot = (index < 0 ? index + static_cast<double>(depth) : index) == static_cast<double>(i[axis]);
    move(y, i, values, {hot ? 1 : 0});
  });
}

// Keeps one side of the diagonals, which the second operand can shift.
void trilu(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const std::int64_t shift = b.has(1) ? operand<std::int64_t>(b, 1)[{}] : 0;
  const bool upper = b.attributes().integer("upper", 1) != 0;
  const auto row = static_cast<std::size_t>(y.desc.shape.rank() - 2);
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    const std::int64_t distance = i[row + 1] - i[row];
    if (upper ? distance >= shift : distance <= shift) return move(y, i, x, i);
    std::memset(y.data + y.offset(i) * static_cast<std::int64_t>(move.bytes), 0, move.bytes);
  });
}

// Turns the first elements of each sequence round, as many as the second operand says.
void reverse_sequence(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const auto lengths = operand<std::int64_t>(b, 1);
  const auto time = static_cast<std::size_t>(b.attributes().integer("time_axis"));
  const auto batch = static_cast<std::size_t>(b.attributes().integer("batch_axis"));
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    const std::int64_t length = std::min(lengths[{i[batch]}], x.extent(static_cast<int>(time)));
    Index from = i;
    if (i[time] < length) from[time] = length - 1 - i[time];
    move(y, i, x, from);
  });
}

// Ones along a diagonal; the operand gives no more than its shape.
void eye_like(const Buffers& b) {
  const auto y = result(b);
  const std::int64_t shift = b.attributes().integer("k");
  for_each_index(y.shape(), [&](const Index& i) { y.set(i, i[1] - i[0] == shift ? 1 : 0); });
}

bool whole(const TensorDesc* tensor) {
  return tensor != nullptr && kind_of(tensor->format.type) == Kind::whole;
}

// Operand 1 holds integers that count along an axis, which must have elements.
Refusal supports_indices(const LayerDesc& layer, const Cpu& cpu) {
  if (!whole(layer.operand(1)) || layer.operand(0)->format.type != layer.outputs.front().format.type)
    return Refusal::data_type;
  if (layer.operand(0)->shape.elements() == 0) return Refusal::shape;
  return any_type(layer, cpu);
}

Refusal supports_one_hot(const LayerDesc& layer, const Cpu& cpu) {
  const bool alike = layer.operand(1)->format.type == layer.outputs.front().format.type;
  return alike ? any_type(layer, cpu) : Refusal::data_type;
}

Refusal supports_trilu(const LayerDesc& layer, const Cpu& cpu) {
  return layer.operand(1) == nullptr || whole(layer.operand(1)) ? any_type(layer, cpu) : Refusal::data_type;
}

constexpr auto kIndexingEntries =
    join(kFamily<gather, supports_indices, "copy.any", Op::gather>,
         kFamily<gather_elements, supports_indices, "copy.any", Op::gather_elements>,
         kFamily<gather_nd, supports_indices, "copy.any", Op::gather_nd>,
         kFamily<scatter_elements, supports_indices, "copy.any", Op::scatter_elements>,
         kFamily<scatter_nd, supports_indices, "copy.any", Op::scatter_nd>,
         kFamily<one_hot, supports_one_hot, "copy.any", Op::one_hot>,
         kFamily<trilu, supports_trilu, "copy.any", Op::trilu>,
         kFamily<reverse_sequence, supports_indices, "copy.any", Op::reverse_sequence>,
         kFamily<eye_like, any_type, "direct.any", Op::eye_like>);

}  // namespace

std::span<const Kernel* const> indexing_entries() noexcept { return kIndexingEntries; }

}  // namespace fettle::kernels::reference
