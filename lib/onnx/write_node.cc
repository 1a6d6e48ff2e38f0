// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/write_node.h"

#include "lib/base/op_names.h"
#include "lib/base/small_types.h"
#include "lib/graph/operators.h"
#include "lib/onnx/tensor.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::onnx_export {
namespace {

using Ints = std::vector<std::int64_t>;

constexpr std::int64_t kLeastOpset = 17;

// The first opset that has a type for operands.
std::int64_t opset_of_type(DataType type) {
  switch (type) {
    case DataType::f8e4m3fn:
    case DataType::f8e4m3fnuz:
    case DataType::f8e5m2:
    case DataType::f8e5m2fnuz:
      return 19;
    case DataType::s4:
    case DataType::u4:
      return 21;
    case DataType::f4e2m1:
      return 23;
    case DataType::f8e8m0:
      return 24;
    case DataType::s2:
    case DataType::u2:
      return 25;
    default:
      return kLeastOpset;
  }
}

bool differ_from(std::span<const std::int64_t> list, std::int64_t number) {
  return std::any_of(list.begin(), list.end(), [&](std::int64_t item) { return item != number; });
}

std::int64_t opset_of_quantisation(const graph::Graph& graph, const graph::Node& node) {
  const DataType from = graph.value(node.inputs.front()).type;
  const DataType to = graph.value(node.outputs.front()).type;
  const bool gives = node.op == Op::quantize_linear;
  const DataType stored = gives ? to : from;
  const bool wide = stored == DataType::s16 || stored == DataType::u16;
  if (node.inputs.size() < 2) return kLeastOpset;
  const DataType scale = graph.value(node.inputs[1]).type;
  const bool foreign = gives ? from != DataType::s32 && scale != from : scale != to;
  if (foreign) return 23;  // output_dtype, and scales of another type
  const bool typed = gives && node.inputs.size() < 3 && to != DataType::u8;
  if (wide || typed || node.attributes.has("block_size")) return 21;
  return scale == DataType::f32 && !is_small_float(stored) ? kLeastOpset : 19;
}

std::int64_t opset_of_attention(const graph::Graph& graph, const graph::Node& node) {
  if (is_plain_attention(graph, node)) return kLeastOpset;
  const bool windowed = node.attributes.integer("left_window_size", -1) >= 0 ||
                        node.attributes.integer("right_window_size", -1) >= 0;
  return windowed ? 25 : node.inputs.size() > 4 ? 24 : 23;
}

std::int64_t opset_of_node(const graph::Graph& graph, const graph::Node& node) {
  const Attributes& a = node.attributes;
  const auto& since = graph::operator_info(node.op).since;
  const std::int64_t first = since.begin() == since.end() ? kLeastOpset : *since.begin();
  switch (node.op) {
    case Op::gelu:
    case Op::swish:
    case Op::rms_norm:
      return kLeastOpset;  // in parts
    case Op::attention:
      return opset_of_attention(graph, node);
    case Op::average_pool:
      return differ_from(a.integers("dilations"), 1) ? 19 : kLeastOpset;
    case Op::lp_pool:
      return differ_from(a.integers("dilations"), 1) || a.integer("ceil_mode") != 0 ? 18 : kLeastOpset;
    case Op::pad:
      return a.string("mode") == "wrap" ? 19 : kLeastOpset;
    case Op::resize:
      if (a.string("coordinate_transformation_mode") == "half_pixel_symmetric") return 19;
      return a.has("antialias") ? 18 : kLeastOpset;
    case Op::scatter_elements:
    case Op::scatter_nd:
      return a.string("reduction") == "max" || a.string("reduction") == "min" ? 18 : kLeastOpset;
    case Op::grid_sample:
      return graph.value(node.inputs.front()).shape->rank() == 4 ? kLeastOpset : 20;
    case Op::group_norm:
      return 21;  // with scale and bias per channel
    case Op::cast:
      return a.has("round_mode") ? 24 : a.has("saturate") ? 19 : kLeastOpset;
    case Op::quantize_linear:
    case Op::dequantize_linear:
      return node.quantised ? kLeastOpset : opset_of_quantisation(graph, node);
    default:
      return first;
  }
}

// Attributes that ONNX has only since a later opset go where they say nothing.
void write_pool(NodeParts& parts) {
  Attributes attributes = parts.node.attributes;
  const bool average = parts.node.op == Op::average_pool;
  if (parts.node.op != Op::max_pool && parts.file.opset() < (average ? 19 : 18))
    attributes.erase("dilations");
  if (parts.node.op == Op::lp_pool && parts.file.opset() < 18) attributes.erase("ceil_mode");
  parts.last(onnx_name(parts.node.op), parts.inputs, attributes);
}

void write_as_it_is(NodeParts& parts) {
  parts.last(onnx_name(parts.node.op), parts.inputs, parts.node.attributes);
}

// Without what the first opsets said of C, and what does not matter any more.
void write_gemm(NodeParts& parts) {
  Attributes attributes = parts.node.attributes;
  attributes.erase("broadcast");
  parts.last("Gemm", parts.inputs, attributes);
}

void write_bounds(NodeParts& parts) {
  const Clamp bounds{parts.node.attributes.real("min"), parts.node.attributes.real("max")};
  write_clamp(parts.file, parts.node.id, bounds, parts.input(0), parts.outputs.front());
}

void write_reduction(NodeParts& parts) {
  reduced(parts, onnx_name(parts.node.op), "", parts.input(0), parts.integers("axes"),
          parts.node.attributes.integer("keepdims") != 0);
}

void write_split(NodeParts& parts) {
  parts.last("Split", {parts.input(0), parts.file.integers(parts.named(".sizes"), parts.integers("split"))},
             with("axis", parts.node.attributes.integer("axis")));
}

void write_cast(NodeParts& parts) {
  Attributes attributes = parts.node.attributes;
  attributes.set("to", std::int64_t{onnx_import::onnx_type(parts.result().type)});
  parts.last(onnx_name(parts.node.op), parts.inputs, attributes);
}

void write_quantisation(NodeParts& parts) {
  const bool gives = parts.node.op == Op::quantize_linear;
  const DataType stored = gives ? parts.result().type : parts.operand(0).type;
  Attributes attributes = parts.node.attributes;
  for (const char* name : {"scale", "zero_point", "to"}) attributes.erase(name);
  Names operands = parts.inputs;
  const auto scales = parts.node.attributes.reals("scale");
  if (!scales.empty() && operands.size() == 1) {
    const Ints zeros = parts.integers("zero_point");
    for (std::string& name :
         parts.file.quantisation(parts.node.id, stored, scales, zeros, attributes.has("axis")))
      operands.push_back(std::move(name));
  } else if (gives && !parts.has(2) && stored != DataType::u8) {
    attributes.set("output_dtype", std::int64_t{onnx_import::onnx_type(stored)});
  } else if (!gives && parts.operand(1).type != parts.result().type) {
    attributes.set("output_dtype", std::int64_t{onnx_import::onnx_type(parts.result().type)});
  }
  parts.last(onnx_name(parts.node.op), operands, attributes);
}

void write_top_k(NodeParts& parts) {
  Attributes attributes = parts.node.attributes;
  attributes.erase("k");
  const std::int64_t k = parts.node.attributes.integer("k");
  parts.last(
      "TopK",
      {parts.input(0), parts.has(1) ? parts.input(1) : parts.file.integers(parts.named(".k"), {&k, 1})},
      attributes);
}

void write_one_hot(NodeParts& parts) {
  const std::string depth = parts.file.integer(parts.named(".depth"), parts.node.attributes.integer("depth"));
  parts.last("OneHot", {parts.input(0), depth, parts.input(1)},
             with("axis", parts.node.attributes.integer("axis")));
}

void write_eye_like(NodeParts& parts) {
  Attributes attributes = with("k", parts.node.attributes.integer("k"));
  attributes.set("dtype", std::int64_t{onnx_import::onnx_type(parts.result().type)});
  parts.last("EyeLike", parts.inputs, attributes);
}

void write_einsum(NodeParts& parts) {
  std::string equation;
  std::size_t terms = 0;
  for (const std::int64_t label : parts.node.attributes.integers("labels")) {
    if (label >= 0)
      equation += static_cast<char>('a' + label);
    else
      equation += ++terms == parts.node.inputs.size() ? "->" : ",";
  }
  parts.last("Einsum", parts.inputs, with("equation", equation));
}

// Its modes had other names before opset 20.
void write_grid_sample(NodeParts& parts) {
  Attributes attributes = parts.node.attributes;
  const std::string_view mode = attributes.string("mode");
  if (parts.file.opset() < 20 && mode != "nearest")
    attributes.set("mode", std::string(mode == "linear" ? "bilinear" : "bicubic"));
  parts.last("GridSample", parts.inputs, attributes);
}

void write_affine_grid(NodeParts& parts) {
  const Shape& y = *parts.result().shape;
  Ints size{y[0], 1};
  for (int axis = 1; axis + 1 < y.rank(); ++axis) size.push_back(y[axis]);
  parts.last("AffineGrid", {parts.input(0), parts.file.integers(parts.named(".size"), size)},
             parts.node.attributes);
}

void write_dft(NodeParts& parts) {
  Attributes attributes = parts.node.attributes;
  attributes.erase("dft_length");
  Names operands{parts.input(0),
                 parts.file.integer(parts.named(".length"), parts.node.attributes.integer("dft_length"))};
  if (parts.file.opset() >= 20) {
    operands.push_back(parts.file.integer(parts.named(".axis"), attributes.integer("axis")));
    attributes.erase("axis");
  }
  parts.last("DFT", operands, attributes);
}

void write_stft(NodeParts& parts) {
  const auto number = [&](const char* suffix, const char* name) {
    return parts.file.integer(parts.named(suffix), parts.node.attributes.integer(name));
  };
  parts.last(
      "STFT",
      {parts.input(0), number(".step", "frame_step"), parts.input(1), number(".length", "frame_length")},
      with("onesided", parts.node.attributes.integer("onesided")));
}

void write_mel_weight_matrix(NodeParts& parts) {
  const auto number = [&](const char* suffix, const char* name) {
    return parts.file.integer(parts.named(suffix), parts.node.attributes.integer(name));
  };
  parts.last("MelWeightMatrix",
             {number(".bins", "num_mel_bins"), number(".length", "dft_length"),
              number(".rate", "sample_rate"), parts.input(0), parts.input(1)},
             with("output_datatype", std::int64_t{onnx_import::onnx_type(parts.result().type)}));
}

void write_col2im(NodeParts& parts) {
  Attributes attributes = parts.node.attributes;
  for (const char* name : {"image_shape", "block_shape"}) attributes.erase(name);
  parts.last("Col2Im",
             {parts.input(0), parts.file.integers(parts.named(".image"), parts.integers("image_shape")),
              parts.file.integers(parts.named(".block"), parts.integers("block_shape"))},
             attributes);
}

void write_operator(NodeParts& parts) {
  switch (parts.node.op) {
    case Op::clamp:
      return write_bounds(parts);
    case Op::gemm:
      return write_gemm(parts);
    case Op::matmul:
      return write_matmul(parts);
    case Op::attention:
      return write_attention(parts);
    case Op::gelu:
    case Op::gelu_tanh:
      return write_gelu(parts);
    case Op::swish:
      return write_swish(parts);
    case Op::rms_norm:
      return write_rms_norm(parts);
    case Op::channel_shuffle:
      return write_channel_shuffle(parts);
    case Op::lstm:
    case Op::gru:
    case Op::rnn:
      return write_recurrent(parts);
    case Op::slice:
      return write_slice(parts);
    case Op::pad:
      return write_pad(parts);
    case Op::reshape:
      return write_reshape(parts);
    case Op::resize:
      return write_resize(parts);
    case Op::expand:
    case Op::tile:
      return write_expand(parts);
    case Op::select:
      return write_select(parts);
    case Op::max_unpool:
      return write_max_unpool(parts);
    case Op::max_pool:
    case Op::average_pool:
    case Op::lp_pool:
      return write_pool(parts);
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
      return write_reduction(parts);
    case Op::split:
      return write_split(parts);
    case Op::cast:
    case Op::bit_cast:
      return write_cast(parts);
    case Op::quantize_linear:
    case Op::dequantize_linear:
      return write_quantisation(parts);
    case Op::top_k:
      return write_top_k(parts);
    case Op::one_hot:
      return write_one_hot(parts);
    case Op::eye_like:
      return write_eye_like(parts);
    case Op::einsum:
      return write_einsum(parts);
    case Op::grid_sample:
      return write_grid_sample(parts);
    case Op::affine_grid:
      return write_affine_grid(parts);
    case Op::dft:
      return write_dft(parts);
    case Op::stft:
      return write_stft(parts);
    case Op::mel_weight_matrix:
      return write_mel_weight_matrix(parts);
    case Op::col2im:
      return write_col2im(parts);
    // What is as ONNX has it.
    case Op::conv:
    case Op::conv_transpose:
    case Op::global_average_pool:
    case Op::global_max_pool:
    case Op::global_lp_pool:
    case Op::lrn:
    case Op::batch_norm:
    case Op::instance_norm:
    case Op::layer_norm:
    case Op::group_norm:
    case Op::leaky_relu:
    case Op::prelu:
    case Op::elu:
    case Op::selu:
    case Op::celu:
    case Op::thresholded_relu:
    case Op::sigmoid:
    case Op::hard_sigmoid:
    case Op::hard_swish:
    case Op::tanh:
    case Op::softplus:
    case Op::softsign:
    case Op::mish:
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
    case Op::tan:
    case Op::asin:
    case Op::acos:
    case Op::atan:
    case Op::sinh:
    case Op::cosh:
    case Op::asinh:
    case Op::acosh:
    case Op::atanh:
    case Op::shrink:
    case Op::is_nan:
    case Op::is_inf:
    case Op::logical_not:
    case Op::bitwise_not:
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
    case Op::bitwise_and:
    case Op::bitwise_or:
    case Op::bitwise_xor:
    case Op::bit_shift:
    case Op::where:
    case Op::arg_max:
    case Op::arg_min:
    case Op::softmax:
    case Op::log_softmax:
    case Op::hardmax:
    case Op::concat:
    case Op::transpose:
    case Op::gather:
    case Op::gather_elements:
    case Op::gather_nd:
    case Op::scatter_elements:
    case Op::scatter_nd:
    case Op::tensor_scatter:
    case Op::depth_to_space:
    case Op::space_to_depth:
    case Op::identity:
    case Op::cum_sum:
    case Op::cum_prod:
    case Op::det:
    case Op::trilu:
    case Op::reverse_sequence:
    case Op::roi_align:
    case Op::nll_loss:
    case Op::deform_conv:
    case Op::rotary_embedding:
    case Op::dynamic_quantize_linear:
    case Op::conv_integer:
    case Op::matmul_integer:
      return write_as_it_is(parts);
    default:
      return parts.refuse("writing it is not supported");
  }
}

// What no operator can do about, whatever it is.
std::string refusal(const graph::Graph& graph, const graph::Node& node) {
  if (!node.bodies.empty()) return "it has graphs inside";
  if (node.attributes.has("dynamic_type")) return "it quantises its operand while the network runs";
  for (const auto* values : {&node.inputs, &node.outputs}) {
    for (const graph::ValueId id : *values) {
      if (id != graph::kNoValue && graph.value(id).bounded != 0) return "it has extents that depend on data";
    }
  }
  return {};
}

}  // namespace

std::int64_t needed_opset(const graph::Graph& graph) {
  std::int64_t opset = kLeastOpset;
  const auto need = [&](std::int64_t wanted) { opset = std::max(opset, wanted); };
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const graph::Node& node = graph.node(static_cast<graph::NodeId>(i));
    if (node.removed) continue;
    need(opset_of_node(graph, node));
    for (const auto* values : {&node.inputs, &node.outputs}) {
      for (const graph::ValueId id : *values) {
        if (id != graph::kNoValue) need(opset_of_type(graph.value(id).type));
      }
    }
  }
  for (const auto* values : {&graph.inputs, &graph.outputs}) {
    for (const graph::ValueId id : *values) need(opset_of_type(graph.value(id).type));
  }
  return opset;
}

std::string reduced(const NodeParts& parts, std::string_view op, std::string_view suffix,
                    const std::string& input, const std::vector<std::int64_t>& axes, bool keeps) {
  Attributes attributes = with("keepdims", std::int64_t{keeps ? 1 : 0});
  Names operands{input};
  if (parts.file.opset() >= 18 || op == "ReduceSum")
    operands.push_back(parts.file.integers(parts.named(".axes"), axes));
  else
    attributes.set("axes", axes);
  if (!suffix.empty()) return parts.step(op, suffix, operands, attributes);
  parts.last(op, operands, attributes);
  return parts.outputs.front();
}

void write_clamp(FileBuilder& file, const std::string& id, const Clamp& clamp, const std::string& input,
                 const std::string& output) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (clamp.low == 0 && clamp.high == kInfinity) {
    file.add("Relu", id, {input}, {output});
    return;
  }
  const std::string low = clamp.low == -kInfinity ? std::string() : file.real(id + ".min", clamp.low);
  const std::string high = clamp.high == kInfinity ? std::string() : file.real(id + ".max", clamp.high);
  file.add("Clip", id, {input, low, high}, {output});
}

std::string write_operation(FileBuilder& file, const graph::Node& node, const Names& inputs,
                            const Names& outputs) {
  Names results = outputs;
  if (node.clamp) results.front() = file.new_name(node.id + ".unclamped");
  NodeParts parts{file, node, inputs, results};
  write_operator(parts);
  if (node.clamp) write_clamp(file, node.id + ".clamp", *node.clamp, results.front(), outputs.front());
  return std::move(parts.problem);
}

std::string write_node(FileBuilder& file, const graph::Node& node) {
  if (std::string problem = refusal(file.graph(), node); !problem.empty()) return problem;
  if (node.quantised) return write_quantised(file, node);
  Names inputs;
  for (const graph::ValueId input : node.inputs) inputs.push_back(file.name_of(input));
  Names outputs;
  for (const graph::ValueId output : node.outputs) outputs.push_back(file.name_of(output));
  return write_operation(file, node, inputs, outputs);
}

}  // namespace fettle::onnx_export
