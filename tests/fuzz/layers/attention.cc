// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/makers.h"

namespace fettle::fuzz {
namespace {

Made attention(ByteSource& bytes, Op op) {
  const std::int64_t batch = bytes.number(1, 2);
  const std::int64_t heads = bytes.number(1, 2);
  const std::int64_t all_heads = heads * bytes.number(1, 3);
  const std::int64_t length = bytes.number(1, 5);
  const std::int64_t keys = bytes.number(1, 6);
  const std::int64_t size = extent(bytes, 4, 20);
  Attributes a = with("offset", bytes.number(-2, 3));
  a.set("is_causal", bytes.number(0, 1));
  a.set("left_window_size", bytes.number(-1, 3));
  a.set("right_window_size", bytes.number(-1, 3));
  a.set("qk_matmul_output_mode", bytes.number(0, 3));
  a.set("softcap", bytes.once_in(2) ? 3.0f : 0.0f);
  constexpr float kScales[] = {0.5f, 1, -1, 1e20f};
  a.set("scale", bytes.one_of(kScales));
  const Shape mask{bytes.once_in(2) ? batch : 1, bytes.once_in(2) ? all_heads : 1, length, keys};
  std::vector<Operand> operands{input({batch, all_heads, length, size}), input({batch, heads, keys, size}),
                                input({batch, heads, keys, bytes.number(1, 5)})};
  const bool counts = bytes.once_in(3);
  if (bytes.once_in(2))
    operands.push_back(bytes.once_in(2) ? input(mask) : typed(mask, DataType::boolean, 0, 1));
  else if (counts)
    operands.push_back(left_out());
  if (counts) operands.push_back(typed({batch}, DataType::s64, -1, static_cast<double>(keys) + 1));
  if (bytes.once_in(3)) a.set("plain_softmax", std::int64_t{1});
  // Transposes that passes fold in: heads behind rows, as exporters have them.
  constexpr const char* kPerms[] = {"perm_q", "perm_k", "perm_v"};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!bytes.once_in(4)) continue;
    std::swap(operands[i].shape[1], operands[i].shape[2]);
    a.set(kPerms[i], Integers{0, 2, 1, 3});
  }
  if (bytes.once_in(4)) a.set("perm_y", Integers{0, 2, 1, 3});
  return make_layer(op, std::move(a), operands, {}, bytes.once_in(2) ? 1 : 2);
}

Made rotation(ByteSource& bytes, Op op) {
  const Shape x{bytes.number(1, 2), bytes.number(1, 3), bytes.number(1, 5), 2 * bytes.number(1, 6)};
  const std::int64_t half = bytes.number(1, x[3] / 2);
  Attributes a = with("interleaved", bytes.number(0, 1));
  a.set("rotary_embedding_dim", 2 * half);
  if (bytes.once_in(2)) {
    const Operand angles = input({x[0], x[2], half}, -1, 1);
    return make_layer(op, std::move(a), {input(x), angles, angles});
  }
  const std::int64_t positions = bytes.number(1, 9);
  const Operand angles = input({positions, half}, -1, 1);
  return make_layer(
      op, std::move(a),
      {input(x), angles, angles, typed({x[0], x[2]}, DataType::s64, -2, static_cast<double>(positions) + 2)});
}

Made written(ByteSource& bytes, Op op) {
  constexpr const char* kModes[] = {"linear", "circular"};
  const Shape cache{bytes.number(1, 3), bytes.number(1, 3), bytes.number(1, 9), bytes.number(1, 4)};
  Shape update = cache;
  const int axis = static_cast<int>(bytes.number(1, 3));
  update[axis] = bytes.number(1, cache[axis]);
  Attributes a = with("mode", word(bytes, kModes));
  a.set("axis", std::int64_t{axis});
  std::vector<Operand> operands{input(cache), input(update)};
  if (bytes.once_in(2))
    operands.push_back(typed({cache[0]}, DataType::s64, -1, static_cast<double>(cache[axis])));
  return make_layer(op, std::move(a), operands);
}

}  // namespace

std::span<const LayerMaker> attention_layers() {
  static constexpr LayerMaker kMakers[] = {
      {Op::attention, attention}, {Op::rotary_embedding, rotation}, {Op::tensor_scatter, written}};
  return kMakers;
}

}  // namespace fettle::fuzz
