// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/makers.h"

namespace fettle::fuzz {
namespace {

Made dense(ByteSource& bytes, Op op) {
  const std::int64_t m = extent(bytes, 4, 20);
  const std::int64_t k = extent(bytes, 9, 150);
  const std::int64_t n = extent(bytes, 9, 150);
  const bool a_turned = bytes.once_in(4);
  const bool b_turned = bytes.once_in(2);
  Attributes a;
  a.set("transA", std::int64_t{a_turned});
  a.set("transB", std::int64_t{b_turned});
  if (bytes.once_in(4)) a.set("alpha", 0.5f);
  if (bytes.once_in(4)) a.set("beta", -2.0f);
  std::vector<Operand> operands{input(a_turned ? Shape{k, m} : Shape{m, k}),
                                weight(b_turned ? Shape{n, k} : Shape{k, n})};
  if (bytes.once_in(6)) operands[1].constant = false;
  const Shape biases[] = {{}, {n}, {1, n}, {1}, {m, 1}, {m, n}};
  if (bytes.once_in(2)) operands.push_back(weight(bytes.one_of(biases)));
  return make_layer(op, std::move(a), operands, any_clamp(bytes));
}

Made product(ByteSource& bytes, Op op) {
  const std::int64_t k = extent(bytes, 9, 60);
  const Shape batch = any_shape(bytes, 0, 2);
  Shape left = narrowed(bytes, batch);
  Shape right = narrowed(bytes, batch);
  if (left.rank() > 0 || !bytes.once_in(4)) left.push_back(extent(bytes, 5, 20));
  left.push_back(k);
  right.push_back(k);
  if (right.rank() > 1 || !bytes.once_in(4)) right.push_back(extent(bytes, 5, 40));
  return make_layer(op, {}, {input(left), bytes.once_in(2) ? weight(right) : input(right)});
}

Made determinant(ByteSource& bytes, Op op) {
  Shape shape = any_shape(bytes, 0, 2);
  const std::int64_t edge = extent(bytes, 4, 9);
  shape.push_back(edge);
  shape.push_back(edge);
  return make_layer(op, {}, {input(shape)});
}

// Up to four operands over a few labels, which may be twice in a term, and a result of some of them.
Made labelled(ByteSource& bytes, Op op) {
  std::int64_t extents[4];
  for (std::int64_t& extent : extents) extent = bytes.number(1, 5);
  std::string equation;
  std::string known;
  std::vector<Operand> operands;
  for (auto count = bytes.number(1, 4); count > 0; --count) {
    Shape shape;
    for (auto rank = bytes.number(0, 3); rank > 0; --rank) {
      const auto label = static_cast<std::size_t>(bytes.index(3));
      const char letter = static_cast<char>('i' + label);
      equation += letter;
      if (known.find(letter) == std::string::npos) known += letter;
      shape.push_back(bytes.once_in(8) ? 1 : extents[label]);
    }
    operands.push_back(!operands.empty() && bytes.once_in(3) ? weight(shape) : input(shape));
    if (count > 1) equation += ',';
  }
  if (!bytes.once_in(4)) {
    equation += "->";
    for (const char letter : known) {
      if (bytes.once_in(2)) equation += letter;
    }
  }
  return make_layer(op, with("equation", std::move(equation)), operands);
}

// Sums of integers, with zero points that running tells.
Made of_integers(ByteSource& bytes, Op op) {
  const DataType left = bytes.once_in(2) ? DataType::u8 : DataType::s8;
  const DataType right = bytes.once_in(2) ? DataType::u8 : DataType::s8;
  const std::int64_t k = extent(bytes, 5, 40);
  const std::int64_t n = extent(bytes, 4, 30);
  const bool conv = op == Op::conv_integer;
  const Shape shape =
      conv ? Shape{1, k, bytes.number(3, 9), bytes.number(3, 9)} : Shape{extent(bytes, 4, 9), k};
  const Shape weights = conv ? Shape{n, k, bytes.number(1, 3), bytes.number(1, 3)} : Shape{k, n};
  std::vector<Operand> operands{typed(shape, left, 0, 255), typed(weights, right, 0, 255, bytes.once_in(2))};
  if (bytes.once_in(2)) operands.push_back(typed({}, left, 0, 255));
  if (operands.size() == 3 && bytes.once_in(2))
    operands.push_back(typed(bytes.once_in(2) ? Shape{n} : Shape{}, right, 0, 255));
  return make_layer(op, {}, operands);
}

}  // namespace

std::span<const LayerMaker> product_layers() {
  static constexpr LayerMaker kMakers[] = {
      {Op::gemm, dense},      {Op::matmul, product},           {Op::det, determinant},
      {Op::einsum, labelled}, {Op::conv_integer, of_integers}, {Op::matmul_integer, of_integers}};
  return kMakers;
}

}  // namespace fettle::fuzz
