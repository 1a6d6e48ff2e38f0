// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {
namespace {

Operand indices(const Shape& shape, std::int64_t extent) {
  return typed(shape, DataType::s64, static_cast<double>(-extent), static_cast<double>(extent - 1));
}

void visit_indexing(Random& random, const Visit& visit) {
  const Shape shape{pick(random, 1, 5), pick(random, 1, 7), pick(random, 1, 9)};
  const std::int64_t axis = pick(random, 0, 2);
  const std::int64_t extent = shape[static_cast<int>(axis)];
  Shape part = shape;
  part[static_cast<int>(axis)] = pick(random, 1, 12);
  visit_made(Op::gather_elements, with("axis", axis), {input(shape), indices(part, extent)}, visit);
  const char* reductions[] = {"none", "add", "mul", "max", "min"};
  Attributes a = with("axis", axis);
  a.set("reduction", std::string(reductions[random() % 5]));
  visit_made(Op::scatter_elements, std::move(a), {input(shape), indices(part, extent), input(part)}, visit);

  const std::int64_t least = std::min({shape[0], shape[1], shape[2]});
  const std::int64_t spelt = pick(random, 1, 3);
  Shape updates{4};
  for (int i = static_cast<int>(spelt); i < 3; ++i) updates.push_back(shape[i]);
  visit_made(Op::gather_nd, {}, {input(shape), indices({4, spelt}, least)}, visit);
  visit_made(Op::gather_nd, with("batch_dims", std::int64_t{1}),
             {input(shape), indices({shape[0], 3, 1}, shape[1])}, visit);
  visit_made(Op::scatter_nd, with("reduction", std::string(reductions[random() % 5])),
             {input(shape), indices({4, spelt}, least), input(updates)}, visit);
}

void visit_making(Random& random, const Visit& visit) {
  const Shape shape{pick(random, 1, 5), pick(random, 1, 7)};
  const std::int64_t depth = pick(random, 1, 9);
  visit_made(Op::one_hot, with("axis", pick(random, -3, 2)),
             {indices(shape, depth), parameter({depth}), input({2})}, visit);
  Attributes upper = with("upper", pick(random, 0, 1));
  visit_made(Op::trilu, upper, {input({2, shape[0], shape[1]}), typed({}, DataType::s64, -3, 3)}, visit);
  visit_made(Op::trilu, upper, {input(shape)}, visit);
  // Folding leaves none of these in a network, so their layers are made by hand.
  TestLayer eye = make_layer(Op::identity, {}, {input(shape)}).value();
  eye.desc.parts[0].op = Op::eye_like;
  eye.desc.parts[0].attributes.set("k", pick(random, -2, 2));
  visit(eye);
  const auto layer = make_layer(
      Op::reverse_sequence, {},
      {input({shape[0], shape[1], 3}), typed({shape[1]}, DataType::s64, 0, static_cast<double>(shape[0]))});
  REQUIRE(layer);
  visit(*layer);
  for (const Op op : {Op::cum_sum, Op::cum_prod})
    visit_made(op, with("reverse", pick(random, 0, 1)),
               {input({2, shape[0], shape[1]}), typed({}, DataType::s64, -3, 2)}, visit);
}

// Long lines, of which few elements are wanted or nearly all, with many that are equal; and more boxes than
// are kept.
void visit_long_selection(Random& random, const Visit& visit) {
  const std::int64_t length = pick(random, 100, 1000);
  const std::int64_t kept = random() % 3 == 0 ? pick(random, length / 2, length) : pick(random, 1, 20);
  Attributes a = with("axis", std::int64_t{1});
  a.set("largest", pick(random, 0, 1));
  const Shape shape{2, length, pick(random, 1, 2)};
  visit_made(Op::top_k, a, {input(shape), parameter({kept})}, visit, 2);
  for (const DataType type : {DataType::s32, DataType::s64})
    visit_made(Op::top_k, a, {typed(shape, type, -20, 20), parameter({kept})}, visit, 2);
  const std::int64_t boxes = pick(random, 50, 100);
  visit_made(Op::non_max_suppression, with("center_point_box", pick(random, 0, 1)),
             {input({1, boxes, 4}, -3, 3), input({1, 2, boxes}, 0), parameter({pick(random, 5, 100)}),
              typed({}, DataType::f32, 0, 0.3), typed({}, DataType::f32, 0, 1)},
             visit, 2);
}

void visit_selection(Random& random, const Visit& visit) {
  const Shape shape{pick(random, 1, 4), pick(random, 1, 9), pick(random, 1, 5)};
  const std::int64_t axis = pick(random, 0, 2);
  Attributes a = with("axis", axis);
  a.set("largest", pick(random, 0, 1));
  const std::int64_t most = shape[static_cast<int>(axis)];
  visit_made(Op::top_k, std::move(a), {input(shape), parameter({pick(random, 1, most)})}, visit, 2);
  visit_made(Op::non_zero, with("transposed", pick(random, 0, 1)), {typed(shape, DataType::s32, -1, 1)},
             visit, 2);
  const Operand condition = typed({pick(random, 1, most + 2)}, DataType::boolean, 0, 1);
  visit_made(Op::compress, with("axis", axis), {input(shape), condition}, visit, 2);
  visit_made(Op::compress, {}, {input(shape), condition}, visit, 2);
  Attributes sorted = with("sorted", pick(random, 0, 1));
  visit_made(Op::unique, sorted, {typed(shape, DataType::s32, -3, 3)}, visit, 6);
  sorted.set("axis", axis);
  visit_made(Op::unique, std::move(sorted), {typed(shape, DataType::s32, 0, 1)}, visit, 6);
  const std::int64_t boxes = pick(random, 1, 12);
  Operand none;
  none.left_out = true;
  visit_made(Op::non_max_suppression, with("center_point_box", pick(random, 0, 1)),
             {input({2, boxes, 4}, 0.1), input({2, 3, boxes}, 0), parameter({pick(random, 1, 4)}),
              typed({}, DataType::f32, 0, 1), random() % 2 == 0 ? none : typed({}, DataType::f32, 0, 1)},
             visit, 2);
}

}  // namespace

void visit_choosing(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    visit_indexing(random, visit);
    visit_making(random, visit);
    visit_selection(random, visit);
    visit_long_selection(random, visit);
  }
}

}  // namespace fettle::test
