// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/makers.h"

namespace fettle::fuzz {
namespace {

Made reduction(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1);
  Integers axes;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (bytes.once_in(2)) axes.push_back(axis);
  }
  Attributes a;
  a.set("keepdims", bytes.number(0, 1));
  const double low = op == Op::reduce_log_sum ? 0.125 : -2;
  if (op == Op::reduce_sum && !axes.empty())
    return make_layer(op, std::move(a), {input(shape, low), parameter(axes)});
  if (op != Op::reduce_sum) a.set("axes", axes);
  return make_layer(op, std::move(a), {input(shape, low)});
}

Made normalisation(ByteSource& bytes, Op op) {
  const Shape shape = pictures(bytes, 2, extent(bytes, 5, 35));
  const Shape each{shape[1]};
  Attributes a;
  switch (op) {
    case Op::batch_norm:
      return make_layer(op, {},
                        {input(shape), weight(each), weight(each), weight(each), weight(each, 0.5, 2)});
    case Op::instance_norm:
      return make_layer(op, {}, {input(shape), weight(each), weight(each)});
    case Op::layer_norm: {
      const std::int64_t axis = bytes.number(0, 3);
      a.set("axis", axis);
      const Shape row(shape.dims().subspan(static_cast<std::size_t>(axis)));
      return make_layer(op, std::move(a), {input(shape), weight(row), weight(row)});
    }
    case Op::rms_norm: {
      const std::int64_t axis = bytes.number(0, 3);
      a.set("axis", axis);
      return make_layer(op, std::move(a),
                        {input(shape), weight(Shape(shape.dims().subspan(static_cast<std::size_t>(axis))))});
    }
    case Op::group_norm: {
      const std::int64_t groups = bytes.number(1, 3);
      a.set("num_groups", groups);
      const Shape grouped{shape[0], groups * shape[1], shape[2], shape[3]};
      return make_layer(op, std::move(a), {input(grouped), weight({grouped[1]}), weight({grouped[1]})});
    }
    default:
      a.set("size", bytes.number(1, 6));
      return make_layer(op, std::move(a), {input(shape)});
  }
}

Made along_axis(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1);
  Attributes a;
  a.set("axis", bytes.number(-shape.rank(), shape.rank() - 1));
  if (op == Op::arg_max || op == Op::arg_min) a.set("keepdims", bytes.number(0, 1));
  return make_layer(op, std::move(a), {input(shape)});
}

Made running_sum(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes, 1);
  Attributes a = with("reverse", bytes.number(0, 1));
  a.set("exclusive", bytes.number(0, 1));
  const auto rank = static_cast<double>(shape.rank());
  return make_layer(op, std::move(a),
                    {input(shape), typed({}, DataType::s64, -rank, rank - 1, bytes.once_in(2))});
}

// Targets that may lie outside of the classes.
Made loss(ByteSource& bytes, Op op) {
  const Shape shape = pictures(bytes, static_cast<std::size_t>(bytes.number(0, 3)), extent(bytes, 5, 35));
  constexpr const char* kReductions[] = {"mean", "sum", "none"};
  Attributes a = with("reduction", word(bytes, kReductions));
  if (bytes.once_in(2)) a.set("ignore_index", bytes.number(-1, 3));
  Shape targets{shape[0]};
  for (int axis = 2; axis < shape.rank(); ++axis) targets.push_back(shape[axis]);
  const double beyond = bytes.once_in(8) ? 2 : 0;
  const auto classes = static_cast<double>(shape[1]);
  std::vector<Operand> operands{input(shape), typed(targets, DataType::s64, -beyond, classes - 1 + beyond)};
  if (bytes.once_in(2)) operands.push_back(weight({shape[1]}, 0.1, 1));
  return make_layer(op, std::move(a), operands);
}

}  // namespace

std::span<const LayerMaker> reduction_layers() {
  static constexpr LayerMaker kMakers[] = {
      {Op::reduce_sum, reduction},     {Op::reduce_mean, reduction},
      {Op::reduce_max, reduction},     {Op::reduce_min, reduction},
      {Op::reduce_prod, reduction},    {Op::reduce_l1, reduction},
      {Op::reduce_l2, reduction},      {Op::reduce_sum_square, reduction},
      {Op::reduce_log_sum, reduction}, {Op::reduce_log_sum_exp, reduction},
      {Op::batch_norm, normalisation}, {Op::instance_norm, normalisation},
      {Op::layer_norm, normalisation}, {Op::rms_norm, normalisation},
      {Op::group_norm, normalisation}, {Op::lrn, normalisation},
      {Op::softmax, along_axis},       {Op::log_softmax, along_axis},
      {Op::hardmax, along_axis},       {Op::arg_max, along_axis},
      {Op::arg_min, along_axis},       {Op::cum_sum, running_sum},
      {Op::cum_prod, running_sum},     {Op::nll_loss, loss}};
  return kMakers;
}

}  // namespace fettle::fuzz
