// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/makers.h"

#include <algorithm>

namespace fettle::fuzz {
namespace {

constexpr const char* kReductions[] = {"none", "add", "mul"};

Made gathered(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1, 4);
  const std::int64_t axis = bytes.number(0, shape.rank() - 1);
  const auto most = static_cast<double>(shape[static_cast<int>(axis)] - 1);
  Attributes a;
  a.set("axis", axis);
  const DataType type = bytes.once_in(2) ? DataType::s32 : DataType::s64;
  return make_layer(op, std::move(a),
                    {input(shape), typed(any_shape(bytes, 0, 2), type, 0, most, bytes.once_in(2))});
}

// Indices of the data's rank, which go no further than the data but along one axis.
Made by_element(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1, 4);
  const std::int64_t axis = bytes.number(0, shape.rank() - 1);
  Shape part = shape;
  for (int i = 0; i < shape.rank(); ++i)
    part[i] = i == axis ? extent(bytes, 5, 40) : bytes.number(1, shape[i]);
  Attributes a = with("axis", axis - (bytes.once_in(4) ? shape.rank() : 0));
  std::vector<Operand> operands{input(shape), indices(bytes, part, shape[static_cast<int>(axis)])};
  if (op == Op::scatter_elements) {
    a.set("reduction", word(bytes, kReductions));
    operands.push_back(input(part));
  }
  return make_layer(op, std::move(a), operands);
}

// Indices whose last axis spells places in the data, behind batch axes that both have.
Made by_place(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1, 4);
  const bool gathers = op == Op::gather_nd;
  const std::int64_t batch = gathers ? bytes.number(0, shape.rank() - 1) : 0;
  const std::int64_t spelt = bytes.number(1, shape.rank() - batch);
  Shape places(shape.dims().first(static_cast<std::size_t>(batch)));
  for (auto count = bytes.number(batch == 0 ? 1 : 0, 2); count > 0; --count)
    places.push_back(bytes.number(1, 5));
  Shape updates = places;
  std::int64_t least = shape[static_cast<int>(batch)];
  for (auto axis = static_cast<int>(batch); axis < shape.rank(); ++axis) {
    if (axis < batch + spelt)
      least = std::min(least, shape[axis]);
    else
      updates.push_back(shape[axis]);
  }
  places.push_back(spelt);
  std::vector<Operand> operands{input(shape), indices(bytes, places, least)};
  if (gathers) return make_layer(op, with("batch_dims", batch), operands);
  operands.push_back(input(updates));
  return make_layer(op, with("reduction", word(bytes, kReductions)), operands);
}

Made hot(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 0, 4);
  const std::int64_t depth = extent(bytes, 5, 40);
  return make_layer(op, with("axis", bytes.number(-shape.rank() - 1, shape.rank())),
                    {indices(bytes, shape, depth), parameter({depth}), input({2})});
}

Made triangle(ByteSource& bytes, Op op) {
  std::vector<Operand> operands{input(any_shape(bytes, 2))};
  if (bytes.once_in(2)) operands.push_back(typed({}, DataType::s64, -5, 5, bytes.once_in(2)));
  return make_layer(op, with("upper", bytes.number(0, 1)), operands);
}

Made reversed(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 2);
  const std::int64_t time = bytes.number(0, 1);
  Attributes a = with("time_axis", time);
  a.set("batch_axis", 1 - time);
  const auto most = static_cast<double>(shape[static_cast<int>(time)] + 1);
  return make_layer(op, std::move(a),
                    {input(shape), typed({shape[static_cast<int>(1 - time)]}, DataType::s64, -1, most)});
}

// Folding leaves none in a network, so that its layer is made by hand.
Made diagonal(ByteSource& bytes, Op op) {
  Made layer = make_layer(Op::identity, {}, {input(any_shape(bytes, 2, 2))});
  if (!layer) return layer;
  layer->desc.parts[0].op = op;
  layer->desc.parts[0].attributes.set("k", bytes.number(-5, 5));
  return layer;
}

}  // namespace

std::span<const LayerMaker> indexing_layers() {
  static constexpr LayerMaker kMakers[] = {
      {Op::gather, gathered},    {Op::gather_elements, by_element}, {Op::scatter_elements, by_element},
      {Op::gather_nd, by_place}, {Op::scatter_nd, by_place},        {Op::one_hot, hot},
      {Op::trilu, triangle},     {Op::reverse_sequence, reversed},  {Op::eye_like, diagonal}};
  return kMakers;
}

}  // namespace fettle::fuzz
