// SPDX-License-Identifier: Apache-2.0
//
// Operators of transformers, and what carries a state from one call to the next.
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {
namespace {

// Masks of every form, and of one head for all; windows; lengths; scores as a second result.
void visit_attention_layer(Random& random, const Visit& visit) {
  const std::int64_t heads = pick(random, 1, 3);
  const std::int64_t groups = pick(random, 1, 2);
  const std::int64_t batch = pick(random, 1, 2);
  const bool longer = random() % 4 == 0;
  const std::int64_t length = pick(random, 1, longer ? 70 : 7);
  const std::int64_t keys = pick(random, 1, longer ? 80 : 9);
  const std::int64_t size = pick(random, 1, 12);
  Attributes a = with("is_causal", pick(random, 0, 1));
  a.set("softcap", random() % 2 == 0 ? 0.0f : 2.0f);
  a.set("left_window_size", pick(random, -1, 3));
  a.set("right_window_size", pick(random, -1, 3));
  a.set("qk_matmul_output_mode", pick(random, 0, 3));
  std::vector<Operand> operands{input({batch, heads * groups, length, size}),
                                input({batch, heads, keys, size}),
                                input({batch, heads, keys, pick(random, 1, 12)})};
  const Shape masks[] = {{length, keys}, {batch, 1, length, keys}, {1, heads * groups, 1, keys}, {keys}};
  const Shape& mask = masks[random() % std::size(masks)];
  const bool counts = random() % 3 == 0;
  switch (random() % 3) {
    case 0:
      operands.push_back(input(mask));
      break;
    case 1:
      operands.push_back(typed(mask, DataType::boolean, 0, 1));
      break;
    default:
      if (counts) operands.push_back(left_out());
  }
  if (counts) {
    for (int past = 0; past < 2; ++past) operands.push_back(left_out());
    operands.push_back(typed({batch}, DataType::s64, 0, static_cast<double>(keys)));
  }
  // The scores are its fourth result in files, the second one of layers.
  a.set("offset", pick(random, 0, 2));
  a.set("scale", 0.5f);
  if (counts) operands.erase(operands.begin() + 4, operands.begin() + 6);
  const auto layer = make_layer(Op::attention, a, operands, {}, 1 + random() % 2);
  REQUIRE(layer);
  visit(*layer);

  // The same as passes make it of MatMul, Softmax and MatMul with transposes around them.
  const char* const perms[] = {"perm_q", "perm_k", "perm_v"};
  for (std::size_t i = 0; i < 3; ++i) {
    if (random() % 3 == 0) continue;
    const Integers order = any_order(random, 4, i > 0);
    operands[i].shape = stored_for(operands[i].shape, order);
    a.set(perms[i], order);
  }
  if (random() % 3 != 0) a.set("perm_y", any_order(random, 4, false));
  if (random() % 2 == 0 && !counts && (operands.size() < 4 || operands[3].type != DataType::boolean)) {
    a.set("plain_softmax", std::int64_t{1});
    a.set("is_causal", std::int64_t{0});
    a.set("softcap", 0.0f);
    for (const char* window : {"left_window_size", "right_window_size"}) a.set(window, std::int64_t{-1});
  }
  const auto fused = make_layer(Op::attention, std::move(a), operands);
  REQUIRE(fused);
  visit(*fused);
}

void visit_rotation(Random& random, const Visit& visit) {
  const std::int64_t batch = pick(random, 1, 2);
  const std::int64_t length = pick(random, 1, 5);
  const std::int64_t size = 2 * pick(random, 1, 6);
  const std::int64_t rotated = 2 * pick(random, 1, size / 2);
  Attributes a = with("interleaved", pick(random, 0, 1));
  a.set("rotary_embedding_dim", rotated == size ? 0 : rotated);
  const Operand x = input({batch, pick(random, 1, 3), length, size});
  const Operand by_place = input({batch, length, rotated / 2}, -1, 1);
  visit_made(Op::rotary_embedding, a, {x, by_place, by_place}, visit);
  const std::int64_t positions = pick(random, 1, 9);
  const Operand by_position = input({positions, rotated / 2}, -1, 1);
  // Positions that there are not are those nearest to them.
  visit_made(Op::rotary_embedding, std::move(a),
             {x, by_position, by_position,
              typed({batch, length}, DataType::s64, -1, static_cast<double>(positions))},
             visit);
}

void visit_cache(Random& random, const Visit& visit) {
  const std::int64_t batch = pick(random, 1, 3);
  const std::int64_t length = pick(random, 1, 9);
  Attributes a = with("mode", std::string(random() % 2 == 0 ? "linear" : "circular"));
  const Shape cache{batch, 2, length, 3};
  std::vector<Operand> operands{input(cache), input({batch, 2, pick(random, 1, length), 3})};
  if (random() % 4 != 0) operands.push_back(typed({batch}, DataType::s64, -1, static_cast<double>(length)));
  visit_made(Op::tensor_scatter, std::move(a), operands, visit);
}

}  // namespace

void visit_attention(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    visit_attention_layer(random, visit);
    visit_rotation(random, visit);
    visit_cache(random, visit);
  }
}

}  // namespace fettle::test
