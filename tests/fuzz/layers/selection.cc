// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/makers.h"

namespace fettle::fuzz {
namespace {

// Few different numbers, so that some are equal.
Operand repeating(ByteSource& bytes, const Shape& shape) {
  const DataType type = bytes.once_in(2) ? DataType::s32 : DataType::u8;
  return typed(shape, type, 0, static_cast<double>(bytes.number(1, 5)));
}

Made largest(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1, 4);
  const std::int64_t axis = bytes.number(0, shape.rank() - 1);
  Attributes a = with("axis", axis);
  a.set("largest", bytes.number(0, 1));
  const Integers k{bytes.number(1, shape[static_cast<int>(axis)])};
  return make_layer(op, std::move(a),
                    {bytes.once_in(2) ? repeating(bytes, shape) : input(shape), parameter(k)}, {}, 2);
}

Made coordinates(ByteSource& bytes, Op op) {
  return make_layer(op, with("transposed", bytes.number(0, 1)), {repeating(bytes, any_shape(bytes, 1, 4))},
                    {}, 2);
}

Made kept(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1, 4);
  Attributes a;
  if (bytes.once_in(2)) a.set("axis", bytes.number(-shape.rank(), shape.rank() - 1));
  return make_layer(op, std::move(a),
                    {input(shape), typed({extent(bytes, 5, 40)}, DataType::boolean, 0, 1, bytes.once_in(4))},
                    {}, 2);
}

Made distinct(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1, 3);
  Attributes a = with("sorted", bytes.number(0, 1));
  if (bytes.once_in(2)) a.set("axis", bytes.number(-shape.rank(), shape.rank() - 1));
  return make_layer(op, std::move(a), {bytes.once_in(4) ? input(shape) : repeating(bytes, shape)}, {}, 6);
}

Made suppressed(ByteSource& bytes, Op op) {
  const std::int64_t boxes = extent(bytes, 5, 20);
  const std::int64_t batch = bytes.number(1, 2);
  const auto threshold = [&] {
    return bytes.once_in(3) ? left_out() : typed(bytes.once_in(2) ? Shape{1} : Shape{}, DataType::f32, 0, 1);
  };
  std::vector<Operand> operands{
      input({batch, boxes, 4}, bytes.once_in(2) ? 0.1 : -2), input({batch, bytes.number(1, 3), boxes}, 0),
      bytes.once_in(3) ? typed({}, DataType::s64, -1, 25) : parameter({bytes.number(0, 5)})};
  operands.push_back(threshold());
  operands.push_back(threshold());
  while (operands.back().left_out) operands.pop_back();
  return make_layer(op, with("center_point_box", bytes.number(0, 1)), operands, {}, 2);
}

}  // namespace

std::span<const LayerMaker> selection_layers() {
  static constexpr LayerMaker kMakers[] = {{Op::top_k, largest},
                                           {Op::non_zero, coordinates},
                                           {Op::compress, kept},
                                           {Op::unique, distinct},
                                           {Op::non_max_suppression, suppressed}};
  return kMakers;
}

}  // namespace fettle::fuzz
