// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <utility>

namespace fettle::test {
namespace {

// Transposes of operands and of the result, and a bias, as passes fuse them into a product.
void visit_fused_product(Random& random, std::int64_t m, std::int64_t k, std::int64_t n, const Visit& visit) {
  const std::int64_t batch = pick(random, 1, 3);
  const std::int64_t heads = pick(random, 1, 4);
  Attributes a;
  Shape left{batch, heads, m, k};
  Shape right = random() % 3 == 0 ? Shape{k, n} : Shape{batch, random() % 3 == 0 ? 1 : heads, k, n};
  const auto perhaps_in_order = [&](const char* name, Shape& shape, bool exchanged) {
    if (random() % 3 == 0) return;
    const Integers order = any_order(random, shape.rank(), exchanged);
    shape = stored_for(shape, order);
    a.set(name, order);
  };
  perhaps_in_order("perm_a", left, false);
  perhaps_in_order("perm_b", right, true);
  if (random() % 3 != 0) a.set("perm_y", any_order(random, 4, false));
  std::vector<Operand> operands{input(left), random() % 2 == 0 ? weight(right) : input(right)};
  if (random() % 2 == 0) operands.push_back(weight({n}));
  visit_made(Op::matmul, std::move(a), operands, visit);
}

}  // namespace

void visit_products(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    const std::int64_t m = random() % 2 == 0 ? 1 : pick(random, 1, 20);
    const std::int64_t k = pick(random, 1, 300);
    const std::int64_t n = pick(random, 1, 140);
    Attributes a;
    const bool a_turned = random() % 8 == 0;
    const bool b_turned = random() % 2 == 0;
    a.set("transA", std::int64_t{a_turned});
    a.set("transB", std::int64_t{b_turned});
    if (random() % 4 == 0) a.set("alpha", 0.5f);
    if (random() % 4 == 0) a.set("beta", 2.0f);
    std::vector<Operand> operands{input(a_turned ? Shape{k, m} : Shape{m, k}),
                                  weight(b_turned ? Shape{n, k} : Shape{k, n})};
    if (random() % 8 == 0) operands[1].constant = false;
    const Shape biases[] = {{n}, {1, n}, {1}, {m, n}};
    if (random() % 4 != 0) operands.push_back(weight(biases[random() % 4]));
    const std::optional<Clamp> clamp = random() % 3 == 0 ? std::optional<Clamp>({0, 6}) : std::nullopt;
    const auto gemm = make_layer(Op::gemm, std::move(a), operands, clamp);
    REQUIRE(gemm);
    visit(*gemm);

    const std::int64_t batch = pick(random, 1, 4);
    const std::vector<std::pair<Shape, Shape>> shapes{{{m, k}, {k, n}},
                                                      {{batch, m, k}, {k, n}},
                                                      {{batch, m, k}, {batch, k, n}},
                                                      {{m, k}, {batch, k, n}},
                                                      {{2, batch, m, k}, {2, batch, k, n}},
                                                      {{2, 1, m, k}, {batch, k, n}}};
    for (const auto& [left, right] : shapes) {
      const auto product =
          make_layer(Op::matmul, {}, {input(left), random() % 2 == 0 ? weight(right) : input(right)});
      REQUIRE(product);
      visit(*product);
    }
    visit_made(Op::matmul, {}, {weight({m, k}), input({batch, k, n})}, visit);
    visit_made(Op::matmul, {}, {input({batch, 3, m, k}), input({batch, 1, k, n}), weight({n})}, visit);
    visit_fused_product(random, m, k, n, visit);
  }
}

void visit_many_weights(Random& random, int count, const Visit& visit) {
  const std::size_t known = this_cpu().cores.front().l2_bytes;
  const std::size_t cache = known != 0 ? known : std::size_t{1} << 20;
  const auto floats = static_cast<std::int64_t>(cache / sizeof(float));
  const auto visit_layer = [&](Op op, Attributes attributes, const std::vector<Operand>& operands) {
    const std::optional<Clamp> clamp = random() % 2 == 0 ? std::optional<Clamp>({-3, 6}) : std::nullopt;
    const auto layer = make_layer(op, std::move(attributes), operands, clamp);
    REQUIRE(layer);
    visit(*layer);
  };
  for (int i = 0; i < count; ++i) {
    const std::int64_t k = pick(random, 150, 300);
    // Whole tiles of any kernel's, and in one of three a rest.
    const std::int64_t n =
        floats * pick(random, 65, 80) / 100 / k / 32 * 32 + (i % 3 == 1 ? pick(random, 1, 31) : 0);
    const std::int64_t m = pick(random, 9, 20);
    const std::int64_t taps = i % 2 == 0 ? 1 : 3;
    Attributes window;
    window.set("kernel_shape", std::vector<std::int64_t>{1, taps});
    window.set("pads", std::vector<std::int64_t>{0, taps / 2, 0, taps / 2});
    visit_layer(Op::conv, window, {input({1, k / taps, 2, m}), weight({n, k / taps, 1, taps}), weight({n})});
    window.set("strides", std::vector<std::int64_t>{1, 2});
    visit_layer(Op::conv_transpose, window, {input({1, k / taps, 2, m}), weight({k / taps, n, 1, taps})});
    Attributes turned;
    turned.set("transB", std::int64_t{i % 2});
    visit_layer(Op::gemm, turned,
                {input({m, k}), weight(i % 2 == 0 ? Shape{k, n} : Shape{n, k}), weight({n})});
    visit_layer(Op::matmul, {}, {input({2, m, k}), weight({k, n})});
  }
}

}  // namespace fettle::test
