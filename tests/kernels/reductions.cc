// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {
namespace {

Shape matrix_or_picture(Random& random) {
  if (random() % 3 == 0) return {pick(random, 1, 9), pick(random, 1, 70)};
  return {random() % 4 == 0 ? 2 : 1, pick(random, 1, 33), pick(random, 1, 9), pick(random, 1, 9)};
}

}  // namespace

void visit_reductions(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    for (Op op :
         {Op::reduce_sum, Op::reduce_mean, Op::reduce_max, Op::reduce_min, Op::reduce_prod, Op::reduce_l1,
          Op::reduce_l2, Op::reduce_sum_square, Op::reduce_log_sum, Op::reduce_log_sum_exp}) {
      const Shape shape = matrix_or_picture(random);
      Integers axes;
      for (int at = 0; at < shape.rank(); ++at) {
        if (random() % 2 == 0) axes.push_back(at);
      }
      if (shape.rank() == 4 && random() % 2 == 0) axes = {2, 3};
      if (axes.empty()) axes = {shape.rank() - 1};
      Attributes a;
      a.set("keepdims", pick(random, 0, 1));
      if (op != Op::reduce_sum) a.set("axes", axes);
      std::vector<Operand> operands{input(shape, op == Op::reduce_log_sum ? 0.1 : -2)};
      if (op == Op::reduce_sum) operands.push_back(parameter(axes));
      visit_made(op, std::move(a), operands, visit);
    }
    const Shape shape = matrix_or_picture(random);
    const std::int64_t rank = shape.rank();
    for (Op op : {Op::softmax, Op::log_softmax, Op::hardmax})
      visit_made(op, with("axis", pick(random, -rank, rank - 1)), {input(shape)}, visit);
    for (Op op : {Op::arg_max, Op::arg_min})
      visit_made(op, with("axis", pick(random, 0, rank - 1)), {input(shape)}, visit);
    const std::int64_t channels = pick(random, 1, 33);
    const Shape picture{random() % 2 == 0 ? 1 : 2, channels, pick(random, 1, 9), pick(random, 1, 9)};
    const Shape each{channels};
    visit_made(Op::batch_norm, {},
               {input(picture), weight(each), weight(each), weight(each), weight(each, 0.5, 2)}, visit);
    visit_made(Op::instance_norm, {}, {input(picture), weight(each), weight(each)}, visit);
    const std::int64_t groups = pick(random, 1, 3);
    const Shape grouped{picture[0], groups * channels, picture[2], picture[3]};
    visit_made(Op::group_norm, with("num_groups", groups),
               {input(grouped), weight({grouped[1]}), weight({grouped[1]})}, visit);
    visit_made(Op::rms_norm, with("axis", std::int64_t{2}),
               {input(picture), weight({picture[2], picture[3]})}, visit);
    visit_made(Op::layer_norm, with("axis", std::int64_t{-1}),
               {input(picture), weight({picture[3]}), weight({picture[3]})}, visit);
    Attributes loss;
    const char* reductions[] = {"mean", "sum", "none"};
    loss.set("reduction", std::string(reductions[random() % 3]));
    loss.set("ignore_index", std::int64_t{-1});
    visit_made(
        Op::nll_loss, std::move(loss),
        {input(picture),
         typed({picture[0], picture[2], picture[3]}, DataType::s64, 0, static_cast<double>(channels - 1)),
         weight(each, 0.1, 1)},
        visit);
    Attributes a;
    a.set("size", pick(random, 1, 5));
    visit_made(Op::lrn, std::move(a), {input(picture)}, visit);
  }
}

}  // namespace fettle::test
