// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/graphs/makers.h"

#include <utility>

namespace fettle::fuzz {
namespace {

ValueId convolution(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  if (extents.rank() < 3 || extents[1] == 0) return kNoValue;
  const bool transposed = g.bytes().once_in(4);
  const std::int64_t groups = g.bytes().once_in(3) ? extents[1] : 1;
  const std::int64_t out = g.bytes().number(1, 5);
  Shape weight = transposed ? Shape{extents[1], out} : Shape{groups * out, extents[1] / groups};
  Integers pads;
  Integers strides;
  for (int axis = 2; axis < extents.rank(); ++axis) {
    weight.push_back(g.bytes().number(1, 3));
    strides.push_back(g.bytes().number(1, 2));
  }
  for (int i = 0; i < 2 * (extents.rank() - 2); ++i) pads.push_back(g.bytes().number(0, 2));
  Attributes a = with("group", groups);
  a.set("strides", std::move(strides));
  a.set("pads", std::move(pads));
  std::vector<ValueId> inputs{x, g.constant(weight)};
  if (g.bytes().once_in(2)) inputs.push_back(g.constant({groups * out}));
  return g.add(transposed ? Op::conv_transpose : Op::conv, std::move(inputs), std::move(a));
}

ValueId dense(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  if (extents.rank() < 1) return kNoValue;
  const std::int64_t k = extents[extents.rank() - 1];
  const std::int64_t n = g.bytes().number(1, 8);
  if (extents.rank() != 2 || g.bytes().once_in(3)) return g.add(Op::matmul, {x, g.constant({k, n})});
  const bool turned = g.bytes().once_in(2);
  Attributes a = with("transB", std::int64_t{turned});
  if (g.bytes().once_in(4)) a.set("alpha", 0.5f);
  if (g.bytes().once_in(4)) a.set("beta", 2.0f);
  std::vector<ValueId> inputs{x, g.constant(turned ? Shape{n, k} : Shape{k, n})};
  const Shape biases[] = {{}, {1}, {n}, {1, n}, {extents[0], 1}, {extents[0], n}};
  if (g.bytes().once_in(2)) inputs.push_back(g.constant(g.bytes().one_of(biases)));
  return g.add(Op::gemm, std::move(inputs), std::move(a));
}

ValueId pool(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  if (extents.rank() < 3) return kNoValue;
  if (g.bytes().once_in(3))
    return g.add(g.bytes().once_in(2) ? Op::global_max_pool : Op::global_average_pool, {x});
  Integers kernel;
  Integers pads;
  for (int axis = 2; axis < extents.rank(); ++axis) kernel.push_back(g.bytes().number(1, 3));
  for (int i = 0; i < 2 * (extents.rank() - 2); ++i) pads.push_back(g.bytes().number(0, 1));
  Attributes a = with("kernel_shape", std::move(kernel));
  a.set("pads", std::move(pads));
  a.set("ceil_mode", g.bytes().number(0, 1));
  const bool maximum = g.bytes().once_in(2);
  if (!maximum) a.set("count_include_pad", g.bytes().number(0, 1));
  return g.add(maximum ? Op::max_pool : Op::average_pool, {x}, std::move(a));
}

ValueId batch_norm(GraphBuilder& g, ValueId x) {
  if (g.shape(x).rank() < 2) return kNoValue;
  const Shape each{g.shape(x)[1]};
  return g.add(Op::batch_norm,
               {x, g.constant(each), g.constant(each), g.constant(each), g.constant(each, 0.25f, 2)});
}

ValueId resized(GraphBuilder& g, ValueId x) {
  if (g.shape(x).rank() != 4) return kNoValue;
  Attributes a = with("mode", std::string(g.bytes().once_in(2) ? "linear" : "nearest"));
  a.set("coordinate_transformation_mode", std::string(g.bytes().once_in(2) ? "half_pixel" : "align_corners"));
  const ValueId none = g.constant({0});
  return g.add(Op::resize,
               {x, none, none,
                g.integers({g.shape(x)[0], g.shape(x)[1], g.bytes().number(1, 9), g.bytes().number(1, 9)})},
               std::move(a));
}

ValueId normalised(GraphBuilder& g, ValueId x) {
  const int rank = g.shape(x).rank();
  if (rank < 3) return kNoValue;
  switch (g.bytes().number(0, 3)) {
    case 0: {
      const Shape each{g.shape(x)[1]};
      return g.add(Op::instance_norm, {x, g.constant(each), g.constant(each)});
    }
    case 1:
      return g.add(Op::lrn, {x}, with("size", g.bytes().number(1, 4)));
    case 2:
      return g.add(Op::lp_normalization, {x}, with("p", g.bytes().number(1, 2)));
    default:
      return g.add(Op::mean_variance_norm, {x}, with("axes", Integers{g.bytes().number(0, rank - 1)}));
  }
}

// A pool with the places of its results, and the way back.
ValueId unpooled(GraphBuilder& g, ValueId) {
  const ValueId x = g.any_exact();
  if (g.shape(x).rank() != 4) return kNoValue;
  Attributes a = with("kernel_shape", Integers{2, 2});
  a.set("strides", Integers{2, 2});
  a.set("storage_order", g.bytes().number(0, 1));
  const ValueId largest = g.add(Op::max_pool, {x}, a, 2);
  if (largest == kNoValue) return kNoValue;
  a.erase("storage_order");
  return g.add(Op::max_unpool, {largest, largest + 1}, std::move(a));
}

}  // namespace

std::span<const GraphMaker> window_makers() {
  static constexpr GraphMaker kMakers[] = {convolution, convolution, pool,       batch_norm,
                                           dense,       resized,     normalised, unpooled};
  return kMakers;
}

}  // namespace fettle::fuzz
