// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/infer/infer.h"

#include "lib/base/checked.h"

#include <algorithm>

namespace fettle::graph {

std::optional<std::vector<std::int64_t>> NodeView::integers(std::size_t i) {
  if (!has(i) || !graph_.is_constant(node().inputs[i])) return std::nullopt;
  const Value& value = graph_.value(node().inputs[i]);
  std::vector<std::int64_t> result;
  if (value.type == DataType::s64) {
    const auto values = value.constant->values<std::int64_t>();
    result.assign(values.begin(), values.end());
  } else if (value.type == DataType::s32) {
    const auto values = value.constant->values<std::int32_t>();
    result.assign(values.begin(), values.end());
  } else {
    return std::nullopt;
  }
  return result;
}

std::optional<std::vector<float>> NodeView::reals(std::size_t i) {
  if (!has(i) || !graph_.is_constant(node().inputs[i])) return std::nullopt;
  const Value& value = graph_.value(node().inputs[i]);
  if (value.type != DataType::f32) return std::nullopt;
  const auto values = value.constant->values<float>();
  return std::vector<float>(values.begin(), values.end());
}

bool NodeView::parameter(std::string_view attribute, std::size_t input,
                         std::optional<std::vector<std::int64_t>>& result) {
  if (has(input)) {
    result = integers(input);
    return result.has_value() || fail("input " + std::to_string(input) + " (" + std::string(attribute) +
                                      ") must be constant integers");
  }
  if (attributes().has(attribute)) {
    const auto values = attributes().integers(attribute);
    result.emplace(values.begin(), values.end());
  }
  return true;
}

bool NodeView::normal_axis(std::int64_t& axis, int rank, int beyond) {
  if (axis < -static_cast<std::int64_t>(rank) - beyond || axis >= rank + beyond) {
    return fail("axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  }
  if (axis < 0) axis += rank + beyond;
  return true;
}

bool NodeView::set(std::size_t output, const Shape& shape, DataType type) {
  if (output >= node().outputs.size() || node().outputs[output] == kNoValue) return true;
  const std::optional<std::int64_t> elements =
      checked_elements(shape.dims(), context_.limits.tensor_elements);
  if (!elements || !checked_bytes(*elements, type))
    return fail("the result " + shape.text() + " is larger than the limits allow");
  Value& value = graph_.value(node().outputs[output]);
  value.shape = shape;
  value.type = type;
  return true;
}

bool NodeView::fail(std::string reason) {
  context_.problems.push_back({node().id, std::string(to_string(node().op)), std::move(reason)});
  return false;
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  Shape result;
  for (int axis = 0; axis < rank; ++axis) {
    const int i = axis - (rank - a.rank());
    const int j = axis - (rank - b.rank());
    const std::int64_t left = i < 0 ? 1 : a[i];
    const std::int64_t right = j < 0 ? 1 : b[j];
    if (left != right && left != 1 && right != 1) return std::nullopt;
    result.push_back(left == 1 ? right : left);
  }
  return result;
}

Rule rule_for(Op op) noexcept {
  switch (op) {
    case Op::conv:
      return infer_conv;
    case Op::conv_transpose:
      return infer_conv_transpose;
    case Op::gemm:
      return infer_gemm;
    case Op::matmul:
      return infer_matmul;
    case Op::max_pool:
    case Op::average_pool:
      return infer_pool;
    case Op::global_average_pool:
    case Op::global_max_pool:
      return infer_global_pool;
    case Op::lrn:
    case Op::batch_norm:
    case Op::instance_norm:
    case Op::layer_norm:
      return infer_normalisation;
    case Op::clamp:
    case Op::relu:
      return infer_clamp;
    case Op::leaky_relu:
    case Op::elu:
    case Op::selu:
    case Op::celu:
    case Op::thresholded_relu:
    case Op::sigmoid:
    case Op::hard_sigmoid:
    case Op::hard_swish:
    case Op::swish:
    case Op::tanh:
    case Op::softplus:
    case Op::softsign:
    case Op::gelu:
    case Op::erf:
    case Op::exp:
    case Op::log:
    case Op::sqrt:
    case Op::reciprocal:
    case Op::abs:
    case Op::neg:
    case Op::floor:
    case Op::ceil:
    case Op::round:
    case Op::sign:
    case Op::sin:
    case Op::cos:
    case Op::logical_not:
    case Op::is_nan:
      return infer_unary;
    case Op::prelu:
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::pow:
    case Op::mod:
    case Op::min:
    case Op::max:
    case Op::equal:
    case Op::greater:
    case Op::less:
    case Op::greater_or_equal:
    case Op::less_or_equal:
    case Op::logical_and:
    case Op::logical_or:
    case Op::logical_xor:
      return infer_binary;
    case Op::where:
      return infer_where;
    case Op::softmax:
    case Op::log_softmax:
      return infer_softmax;
    case Op::reduce_sum:
    case Op::reduce_mean:
    case Op::reduce_max:
    case Op::reduce_min:
    case Op::reduce_prod:
    case Op::reduce_l1:
    case Op::reduce_l2:
    case Op::reduce_sum_square:
    case Op::reduce_log_sum:
    case Op::reduce_log_sum_exp:
      return infer_reduce;
    case Op::arg_max:
    case Op::arg_min:
      return infer_arg;
    case Op::reshape:
      return infer_reshape;
    case Op::flatten:
      return infer_flatten;
    case Op::squeeze:
      return infer_squeeze;
    case Op::unsqueeze:
      return infer_unsqueeze;
    case Op::concat:
      return infer_concat;
    case Op::split:
      return infer_split;
    case Op::slice:
      return infer_slice;
    case Op::pad:
      return infer_pad;
    case Op::transpose:
      return infer_transpose;
    case Op::expand:
      return infer_expand;
    case Op::tile:
      return infer_tile;
    case Op::gather:
      return infer_gather;
    case Op::resize:
    case Op::upsample:
      return infer_resize;
    case Op::depth_to_space:
    case Op::space_to_depth:
      return infer_depth_space;
    case Op::cast:
      return infer_cast;
    case Op::identity:
    case Op::dropout:
      return infer_identity;
    case Op::shape:
    case Op::size:
      return infer_shape;
    case Op::constant_of_shape:
      return infer_constant_of_shape;
    case Op::range:
      return infer_range;
    case Op::quantize_linear:
    case Op::dequantize_linear:
      return infer_quantize;
    // The importer rewrites these; passes never see them.
    case Op::sum:
    case Op::mean:
    case Op::constant:
    case Op::convert:
      return nullptr;
  }
  return nullptr;
}

}  // namespace fettle::graph
