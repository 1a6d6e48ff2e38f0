// SPDX-License-Identifier: Apache-2.0
//
// float16 and bfloat16: casts, and what moves elements without computing.
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <utility>
#include <vector>

namespace fettle::test {
namespace {

// Elements of any bits: bytes are drawn one by one.
Operand narrow(const Shape& shape, DataType type) { return typed(shape, type, 0, 255); }

Attributes to(DataType type) { return with("to", std::string(to_string(type))); }

void visit_casts(const Shape& shape, const Visit& visit) {
  constexpr DataType kReal[] = {DataType::f32, DataType::f16, DataType::bf16};
  for (const DataType target : kReal) {
    for (const DataType type : {DataType::f16, DataType::bf16}) {
      if (type != target) visit_made(Op::cast, to(target), {narrow(shape, type)}, visit);
    }
    visit_made(Op::cast, to(target), {typed(shape, DataType::s8, 0, 255)}, visit);
    visit_made(Op::cast, to(target), {typed(shape, DataType::u8, 0, 255)}, visit);
    visit_made(Op::cast, to(target), {typed(shape, DataType::boolean, 0, 1)}, visit);
    for (const double most : {300.0, 1e5, 2e9}) {
      visit_made(Op::cast, to(target), {typed(shape, DataType::s32, -most, most)}, visit);
      visit_made(Op::cast, to(target), {typed(shape, DataType::s64, -1e6 * most, most)}, visit);
    }
    if (target == DataType::f32) continue;
    // Subnormal, ordinary and too large numbers.
    for (const double most : {1e-7, 1e-4, 10.0, 1e5})
      visit_made(Op::cast, to(target), {input(shape, -most, most)}, visit);
  }
}

// Types of 8 and fewer bits, to and from each other and the rest.
void visit_small_casts(Random& random, const Shape& shape, const Visit& visit) {
  struct Small {
    DataType type;
    double low, high;  // of bytes that are elements
  };
  constexpr Small kSmall[] = {{DataType::f8e4m3fn, 0, 255}, {DataType::f8e4m3fnuz, 0, 255},
                              {DataType::f8e5m2, 0, 255},   {DataType::f8e5m2fnuz, 0, 255},
                              {DataType::f8e8m0, 0, 255},   {DataType::f4e2m1, 0, 15},
                              {DataType::s4, 0, 7},         {DataType::u4, 0, 15},
                              {DataType::s2, 0, 1},         {DataType::u2, 0, 3}};
  for (const Small& small : kSmall) {
    for (const double most : {0.01, 5.0, 600.0}) {
      Attributes a = to(small.type);
      a.set("saturate", pick(random, 0, 1));
      const char* modes[] = {"up", "down", "nearest"};
      a.set("round_mode", std::string(modes[random() % 3]));
      visit_made(Op::cast, std::move(a), {input(shape, -most, most)}, visit);
    }
    const Operand elements = typed(shape, small.type, small.low, small.high);
    for (const DataType type : {DataType::f32, DataType::f16, DataType::s32, DataType::f8e5m2, DataType::u4})
      if (type != small.type) visit_made(Op::cast, to(type), {elements}, visit);
    visit_made(Op::transpose, with("perm", Integers{0, 2, 3, 1}), {elements}, visit);
  }
}

void visit_moves(Random& random, const Shape& shape, DataType type, const Visit& visit) {
  const std::int64_t axis = pick(random, 1, 3);
  Shape other = shape;
  other[static_cast<int>(axis)] = pick(random, 1, 9);
  visit_made(Op::concat, with("axis", axis), {narrow(shape, type), narrow(other, type)}, visit);
  const std::int64_t extent = shape[static_cast<int>(axis)];
  visit_made(Op::split, with("axis", axis), {narrow(shape, type), parameter({1, extent - 1})}, visit, 2);
  visit_made(Op::slice, {},
             {narrow(shape, type), parameter({shape[2] - 1, 0}), parameter({-100, shape[3]}),
              parameter({2, 3}), parameter({-1, 2})},
             visit);
  visit_made(Op::transpose, with("perm", Integers{0, 2, 3, 1}), {narrow(shape, type)}, visit);
  visit_made(Op::reshape, {}, {narrow(shape, type), parameter({shape[0], -1})}, visit);
  Attributes pads = with("pads", Integers{0, 1, 0, 2, 1, 0, 3, -1});
  pads.set("value", 0.3f);
  visit_made(Op::pad, std::move(pads), {narrow(shape, type)}, visit);
  Attributes depth = with("blocksize", std::int64_t{2});
  depth.set("mode", std::string("DCR"));
  visit_made(Op::depth_to_space, std::move(depth), {narrow({1, 12, shape[2], shape[3]}, type)}, visit);
  TestLayer layer = make_layer(Op::identity, {}, {narrow(shape, type)}).value();
  layer.desc.parts[0].op = Op::convert;
  visit(layer);
}

}  // namespace

void visit_narrow(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    const Shape shape{random() % 2 == 0 ? 1 : 3, pick(random, 2, 21), pick(random, 2, 9), pick(random, 2, 9)};
    visit_casts(i % 4 == 0 ? Shape{pick(random, 1, 10000)} : shape, visit);
    visit_small_casts(random, {1, pick(random, 1, 5), 3, pick(random, 1, 9)}, visit);
    for (const DataType type : {DataType::f16, DataType::bf16}) visit_moves(random, shape, type, visit);
  }
}

}  // namespace fettle::test
