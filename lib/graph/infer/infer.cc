// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/infer/infer.h"

#include "lib/base/checked.h"
#include "lib/base/op_names.h"

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

std::optional<std::int64_t> NodeView::integer(std::size_t i) {
  const auto values = integers(i);
  if (!values || values->size() != 1) return std::nullopt;
  return values->front();
}

std::optional<bool> NodeView::truth(std::size_t i) {
  if (!has(i) || !graph_.is_constant(node().inputs[i])) return std::nullopt;
  const Value& value = graph_.value(node().inputs[i]);
  if (value.type != DataType::boolean || value.constant->bytes.size() != 1) return std::nullopt;
  return value.constant->bytes.front() != std::byte{0};
}

bool NodeView::is_zero(std::size_t i) {
  if (!has(i) || !graph_.is_constant(node().inputs[i]) || shape(i).elements() != 1) return false;
  const std::span<const std::byte> bytes = graph_.value(node().inputs[i]).constant->bytes;
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

DataType NodeView::take_type(std::string_view attribute, DataType fallback) {
  if (!attributes().has(attribute)) {
    const DataType known = graph_.value(node().outputs[0]).type;  // by an earlier round
    return known == DataType::undefined ? fallback : known;
  }
  const DataType type = data_type_from_string(attributes().string(attribute));
  attributes().erase(attribute);
  return type;
}

ValueId NodeView::add(Op op, const char* suffix, std::vector<ValueId> inputs, const Shape& shape,
                      DataType type, Attributes attributes) {
  Value value;
  value.name = node().id + suffix + "#" + std::to_string(graph_.value_count());
  value.type = type;
  value.shape = shape;
  const ValueId output = graph_.add_value(std::move(value));
  Node made;
  made.op = op;
  made.id = node().id + suffix;
  made.attributes = std::move(attributes);
  made.inputs = std::move(inputs);
  made.outputs = {output};
  graph_.add_node(std::move(made));
  return output;
}

ValueId NodeView::scalar(float value, DataType type) {
  Result<ValueId> constant =
      graph_.add_constant(node().id, DataType::f32, Shape{}, std::as_bytes(std::span(&value, 1)));
  if (!constant) {
    fail("out of memory");
    return kNoValue;
  }
  if (type == DataType::f32) return *constant;
  Attributes attributes;
  attributes.set("to", std::string(to_string(type)));
  return add(Op::cast, ".scalar", {*constant}, Shape{}, type, std::move(attributes));
}

void NodeView::reshape_input(std::size_t i, const Shape& shape) {
  const Value& value = graph_.value(node().inputs[i]);
  if (value.constant) {
    Value copy = value;
    copy.name += "#" + std::to_string(graph_.value_count());
    copy.shape = shape;
    node().inputs[i] = graph_.add_value(std::move(copy));
  } else {
    const ValueId reshaped = add(Op::reshape, ".reshape", {node().inputs[i]}, shape, value.type);
    node().inputs[i] = reshaped;
  }
}

void NodeView::complete_outputs(std::size_t count) {
  node().outputs.resize(std::max(count, node().outputs.size()), kNoValue);
  for (std::size_t i = 0; i < count; ++i) {
    if (node().outputs[i] != kNoValue) continue;
    Value value;
    value.name = node().id + "#" + std::to_string(graph_.value_count());
    value.producer = id_;
    const ValueId added = graph_.add_value(std::move(value));
    node().outputs[i] = added;
  }
}

bool NodeView::set_bounded(std::size_t output, const Shape& shape, DataType type, std::size_t extents) {
  graph_.value(node().outputs[output]).extents = node().outputs[extents];
  return set(output, shape, type) && set(extents, Shape{shape.rank()}, DataType::s64);
}

bool NodeView::fail(std::string reason) {
  const std::string_view known = onnx_name(node().op);
  const std::string_view name = known.empty() ? to_string(node().op) : known;
  context_.problems.push_back({node().id, std::string(name), std::move(reason)});
  return false;
}

void become_empty_constant(Value& value) {
  value.producer = kNoNode;
  value.constant = std::make_shared<Constant>();
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
    case Op::lp_pool:
      return infer_pool;
    case Op::global_lp_pool:
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
    case Op::is_inf:
    case Op::shrink:
    case Op::tan:
    case Op::asin:
    case Op::acos:
    case Op::atan:
    case Op::sinh:
    case Op::cosh:
    case Op::asinh:
    case Op::acosh:
    case Op::atanh:
      return infer_unary;
    case Op::bit_shift:
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
    case Op::hardmax:
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
    case Op::channel_shuffle:
      return infer_channel_shuffle;
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
      return infer_quantize;
    case Op::dequantize_linear:
      return infer_dequantize;
    case Op::dynamic_quantize_linear:
      return infer_dynamic_quantize;
    case Op::conv_integer:
      return infer_conv_integer;
    case Op::matmul_integer:
      return infer_matmul_integer;
    case Op::mean_variance_norm:
      return infer_mean_variance_norm;
    case Op::lp_normalization:
      return infer_lp_normalization;
    case Op::cum_sum:
      return infer_cum_sum;
    case Op::einsum:
      return infer_einsum;
    case Op::det:
      return infer_det;
    case Op::cast_like:
      return infer_cast_like;
    case Op::max_unpool:
      return infer_max_unpool;
    case Op::gather_elements:
      return infer_gather_elements;
    case Op::gather_nd:
      return infer_gather_nd;
    case Op::scatter_elements:
      return infer_scatter_elements;
    case Op::scatter:
      return infer_scatter_elements;
    case Op::scatter_nd:
      return infer_scatter_nd;
    case Op::one_hot:
      return infer_one_hot;
    case Op::trilu:
      return infer_trilu;
    case Op::reverse_sequence:
      return infer_reverse_sequence;
    case Op::eye_like:
      return infer_eye_like;
    case Op::top_k:
      return infer_top_k;
    case Op::non_zero:
      return infer_non_zero;
    case Op::compress:
      return infer_compress;
    case Op::unique:
      return infer_unique;
    case Op::non_max_suppression:
      return infer_non_max_suppression;
    case Op::grid_sample:
      return infer_grid_sample;
    case Op::roi_align:
      return infer_roi_align;
    case Op::dft:
      return infer_dft;
    case Op::stft:
      return infer_stft;
    case Op::hann_window:
      return infer_window;
    case Op::hamming_window:
      return infer_window;
    case Op::blackman_window:
      return infer_window;
    case Op::mel_weight_matrix:
      return infer_mel_weight_matrix;
    case Op::nll_loss:
      return infer_nll_loss;
    case Op::cross_entropy_loss:
      return infer_cross_entropy_loss;
    case Op::lstm:
    case Op::gru:
    case Op::rnn:
      return infer_recurrent;
    // Their bodies take their place before any rule is asked for.
    case Op::branch:
    case Op::loop:
    case Op::scan:
      return nullptr;
    // The importer rewrites these; passes never see them.
    case Op::sum:
    case Op::mean:
    case Op::constant:
    case Op::convert:
    case Op::qlinear_conv:
    case Op::qlinear_matmul:
      return nullptr;
  }
  return nullptr;
}

}  // namespace fettle::graph
