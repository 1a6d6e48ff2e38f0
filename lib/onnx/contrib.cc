// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/contrib.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>

namespace fettle::onnx_import {

using graph::kNoValue;
using graph::ValueId;

ValueId Expansion::new_value() {
  graph::Value value;
  value.name = id_ + "#" + std::to_string(graph_.value_count());
  return graph_.add_value(std::move(value));
}

std::vector<ValueId> Expansion::add_several(Op op, std::string_view suffix, std::vector<ValueId> operands,
                                            std::size_t results, Attributes node_attributes) {
  while (!operands.empty() && operands.back() == kNoValue) operands.pop_back();
  std::vector<ValueId> made;
  for (std::size_t i = 0; i < results; ++i) made.push_back(new_value());
  nodes_.push_back(
      {op, id_ + std::string(suffix), std::move(node_attributes), {}, std::move(operands), made});
  return made;
}

ValueId Expansion::add(Op op, std::string_view suffix, std::vector<ValueId> operands,
                       Attributes node_attributes) {
  return add_several(op, suffix, std::move(operands), 1, std::move(node_attributes)).front();
}

void Expansion::give(std::size_t output, Op op, std::vector<ValueId> operands, Attributes node_attributes) {
  if (!wants(output)) return;
  while (!operands.empty() && operands.back() == kNoValue) operands.pop_back();
  const std::string id = output == 0 ? id_ : id_ + ".result" + std::to_string(output);
  nodes_.push_back({op, id, std::move(node_attributes), {}, std::move(operands), {outputs[output]}});
}

ValueId Expansion::constant(std::string_view suffix, DataType type, const Shape& shape,
                            std::span<const std::byte> bytes) {
  Result<ValueId> made = graph_.add_constant(id_ + std::string(suffix), type, shape, bytes);
  if (made) return *made;
  fail("out of memory");
  return kNoValue;
}

ValueId Expansion::scalar(std::string_view suffix, float value) {
  return constant(suffix, DataType::f32, Shape{}, std::as_bytes(std::span(&value, 1)));
}

ValueId Expansion::integers(std::string_view suffix, const std::vector<std::int64_t>& values) {
  return constant(suffix, DataType::s64, Shape{static_cast<std::int64_t>(values.size())},
                  std::as_bytes(std::span(values)));
}

namespace {

template <typename T>
Attributes with(std::string_view name, T value) {
  Attributes attributes;
  attributes.set(name, std::move(value));
  return attributes;
}

// The node's own attributes of these names.
Attributes only(const Expansion& e, std::initializer_list<std::string_view> names) {
  Attributes attributes;
  for (const std::string_view name : names) {
    if (const AttributeValue* value = e.attributes.find(name)) attributes.set(name, *value);
  }
  return attributes;
}

// A number in the type of another value.
ValueId scalar_like(Expansion& e, std::string_view suffix, float value, ValueId like) {
  return e.add(Op::cast_like, std::string(suffix) + ".typed", {e.scalar(suffix, value), like});
}

// Quantised layers are their real ones between DequantizeLinear and QuantizeLinear: stored numbers, scale and
// zero point from input `at` on.
ValueId dequantized(Expansion& e, std::string_view suffix, std::size_t at, std::int64_t axis = 1) {
  return e.add(Op::dequantize_linear, suffix, {e.in(at), e.in(at + 1), e.in(at + 2)}, with("axis", axis));
}

void give_quantized(Expansion& e, ValueId real, std::size_t scale_at) {
  e.give(0, Op::quantize_linear, {real, e.in(scale_at), e.in(scale_at + 1)});
}

void qlinear_binary(Expansion& e, Op op) {
  const ValueId a = dequantized(e, ".a", 0);
  const ValueId b = dequantized(e, ".b", 3);
  give_quantized(e, e.add(op, ".real", {a, b}), 6);
}
void qlinear_add(Expansion& e) { qlinear_binary(e, Op::add); }
void qlinear_mul(Expansion& e) { qlinear_binary(e, Op::mul); }

// Scale and zero point of the result come first.
void qlinear_concat(Expansion& e) {
  std::vector<ValueId> pieces;
  if (e.inputs.size() % 3 != 2) return e.fail("each piece needs a scale and a zero point");
  for (std::size_t at = 2; at < e.inputs.size(); at += 3)
    pieces.push_back(dequantized(e, ".piece" + std::to_string(pieces.size()), at));
  if (!e.attributes.has("axis")) return e.fail("attribute axis is missing");
  give_quantized(e, e.add(Op::concat, ".real", std::move(pieces), only(e, {"axis"})), 0);
}

void qlinear_unary(Expansion& e, Op op, Attributes attributes) {
  if (e.attributes.integer("channels_last") != 0)
    return e.fail("channels_last is not supported: export without the layout of another runtime");
  give_quantized(e, e.add(op, ".real", {dequantized(e, ".x", 0)}, std::move(attributes)), 3);
}
void qlinear_global_average_pool(Expansion& e) { qlinear_unary(e, Op::global_average_pool, {}); }
void qlinear_average_pool(Expansion& e) {
  qlinear_unary(e, Op::average_pool,
                only(e, {"auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides"}));
}
void qlinear_sigmoid(Expansion& e) { qlinear_unary(e, Op::sigmoid, {}); }
void qlinear_leaky_relu(Expansion& e) { qlinear_unary(e, Op::leaky_relu, only(e, {"alpha"})); }

// Before opset 13 the axes from `axis` on were one.
void qlinear_softmax(Expansion& e) {
  const std::int64_t axis = e.attributes.integer("axis", -1);
  const bool along_axis = e.attributes.integer("opset", 13) >= 13 || axis == -1;
  const ValueId x = dequantized(e, ".x", 0);
  if (along_axis) return give_quantized(e, e.add(Op::softmax, ".real", {x}, with("axis", axis)), 3);
  const ValueId matrix = e.add(Op::flatten, ".flatten", {x}, with("axis", axis));
  const ValueId scores = e.add(Op::softmax, ".real", {matrix}, with("axis", std::int64_t{1}));
  const ValueId shape = e.add(Op::shape, ".shape", {x});
  give_quantized(e, e.add(Op::reshape, ".reshape", {scores, shape}), 3);
}

// The bias has the scales of both factors, and alpha.
void qgemm(Expansion& e) {
  const float alpha = e.attributes.real("alpha", 1);
  const bool turned = e.attributes.integer("transB") != 0;
  const ValueId a = dequantized(e, ".a", 0);
  const ValueId b = dequantized(e, ".b", 3, turned ? 0 : 1);
  std::vector<ValueId> operands{a, b};
  if (e.has(6)) {
    ValueId scale = e.add(Op::mul, ".scales", {e.in(1), e.in(4)});
    if (alpha != 1) scale = e.add(Op::mul, ".scale", {scale, e.scalar(".alpha", alpha)});
    operands.push_back(e.add(Op::dequantize_linear, ".c", {e.in(6), scale}, with("axis", std::int64_t{0})));
  }
  Attributes attributes = only(e, {"alpha", "transA", "transB"});
  if (!e.has(7)) return e.give(0, Op::gemm, std::move(operands), std::move(attributes));
  give_quantized(e, e.add(Op::gemm, ".real", std::move(operands), std::move(attributes)), 7);
}

// The function that is fused behind a layer, with its parameters in order; none is an identity.
void give_activated(Expansion& e, ValueId x, const std::vector<float>& parameters) {
  const std::string_view name = e.attributes.string("activation");
  const auto parameter = [&](std::size_t i, float fallback) {
    return i < parameters.size() ? parameters[i] : fallback;
  };
  if (name.empty()) return e.give(0, Op::identity, {x});
  if (name == "Relu") return e.give(0, Op::relu, {x});
  if (name == "Sigmoid") return e.give(0, Op::sigmoid, {x});
  if (name == "Tanh") return e.give(0, Op::tanh, {x});
  if (name == "LeakyRelu") return e.give(0, Op::leaky_relu, {x}, with("alpha", parameter(0, 0.01f)));
  if (name == "HardSigmoid") {
    Attributes attributes = with("alpha", parameter(0, 0.2f));
    attributes.set("beta", parameter(1, 0.5f));
    return e.give(0, Op::hard_sigmoid, {x}, std::move(attributes));
  }
  if (name == "Clip") {
    Attributes attributes = with("min", parameter(0, -std::numeric_limits<float>::infinity()));
    attributes.set("max", parameter(1, std::numeric_limits<float>::infinity()));
    return e.give(0, Op::clamp, {x}, std::move(attributes));
  }
  e.fail("attribute activation is none of Relu, Sigmoid, Tanh, LeakyRelu, HardSigmoid or Clip");
}

void fused_conv(Expansion& e) {
  ValueId y = e.add(Op::conv, ".conv", {e.in(0), e.in(1), e.in(2)},
                    only(e, {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}));
  if (e.has(3)) y = e.add(Op::add, ".sum", {y, e.in(3)});
  const auto given = e.attributes.reals("activation_params");
  give_activated(e, y, {given.begin(), given.end()});
}

void fused_gemm(Expansion& e) {
  const ValueId y =
      e.add(Op::gemm, ".gemm", {e.in(0), e.in(1), e.in(2)}, only(e, {"alpha", "beta", "transA", "transB"}));
  std::vector<float> parameters;
  for (const char* name : {"activation_alpha", "activation_beta", "activation_gamma"}) {
    if (!e.attributes.has(name)) break;
    parameters.push_back(e.attributes.real(name));
  }
  give_activated(e, y, parameters);
}

// The last two axes of either may be turned, whatever the rank is: by labels.
void fused_matmul(Expansion& e) {
  if (e.attributes.integer("transBatchA") != 0 || e.attributes.integer("transBatchB") != 0)
    return e.fail("transBatchA and transBatchB are not supported");
  const bool a = e.attributes.integer("transA") != 0;
  const bool b = e.attributes.integer("transB") != 0;
  const float alpha = e.attributes.real("alpha", 1);
  const Op op = a || b ? Op::einsum : Op::matmul;
  Attributes attributes;
  if (a || b)
    attributes.set("equation", std::string(a ? "...ji," : "...ij,") + (b ? "...kj->...ik" : "...jk->...ik"));
  if (alpha == 1) return e.give(0, op, {e.in(0), e.in(1)}, std::move(attributes));
  const ValueId product = e.add(op, ".product", {e.in(0), e.in(1)}, std::move(attributes));
  e.give(0, Op::mul, {product, scalar_like(e, ".alpha", alpha, product)});
}

void gelu(Expansion& e) { e.give(0, Op::gelu, {e.in(0)}); }
void bias_gelu(Expansion& e) { e.give(0, Op::gelu, {e.add(Op::add, ".sum", {e.in(0), e.in(1)})}); }
void fast_gelu(Expansion& e) {
  const ValueId x = e.has(1) ? e.add(Op::add, ".sum", {e.in(0), e.in(1)}) : e.in(0);
  e.give(0, Op::gelu, {x}, with("approximate", std::string("tanh")));
}
void quick_gelu(Expansion& e) {
  e.give(0, Op::swish, {e.in(0)}, with("alpha", e.attributes.real("alpha", 1.702f)));
}

// Results: the normalised sum, mean and deviation (for training), and the sum itself.
void skip_layer_norm(Expansion& e) {
  if (e.wants(1) || e.wants(2)) return e.fail("mean and inv_std_var are results for training only");
  ValueId sum = e.add(Op::add, ".sum", {e.in(0), e.in(1)});
  if (e.has(4)) sum = e.add(Op::add, ".biased", {sum, e.in(4)});
  e.give(3, Op::identity, {sum});
  Attributes attributes = with("epsilon", e.attributes.real("epsilon", 1e-12f));
  attributes.set("axis", std::int64_t{-1});
  e.give(0, Op::layer_norm, {sum, e.in(2), e.in(3)}, std::move(attributes));
}

// What both attentions share: the heads, the mask, what is added to scores, keys of earlier calls.
struct Heads {
  ValueId queries, keys, values;
  ValueId mask = kNoValue;   // integers, as ONNX Runtime has them
  ValueId added = kNoValue;  // to the scores
  ValueId past_keys = kNoValue, past_values = kNoValue;
};

Attributes attention_attributes(const Expansion& e) {
  Attributes attributes;
  const std::int64_t heads = e.attributes.integer("num_heads");
  attributes.set("q_num_heads", heads);
  attributes.set("kv_num_heads", heads);
  attributes.set("is_causal", e.attributes.integer("unidirectional"));
  // 0 stands for the usual one.
  if (const float scale = e.attributes.real("scale"); scale != 0) attributes.set("scale", scale);
  attributes.set("mask_filter_value", e.attributes.real("mask_filter_value", -10000.0f));
  return attributes;
}

// The results of attention: Y, and keys and values with those of earlier calls, where they are wanted.
std::vector<ValueId> attend(Expansion& e, const Heads& heads, bool presents) {
  return e.add_several(Op::attention, ".attention",
                       {heads.queries, heads.keys, heads.values, heads.added, heads.past_keys,
                        heads.past_values, kNoValue, heads.mask},
                       presents ? 3 : 1, attention_attributes(e));
}

// Queries, keys and values are products of one input; keys and values of earlier calls come in one tensor.
void attention(Expansion& e) {
  if (e.attributes.integer("num_heads") < 1) return e.fail("attribute num_heads must be positive");
  if (e.attributes.integer("do_rotary") != 0) return e.fail("do_rotary is not supported");
  if (e.has(6)) return e.fail("past_sequence_length (a shared buffer for keys and values) is not supported");
  ValueId product = e.add(Op::matmul, ".product", {e.in(0), e.in(1)});
  if (e.has(2)) product = e.add(Op::add, ".biased", {product, e.in(2)});
  std::vector<ValueId> operands{product};
  const auto sizes = e.attributes.integers("qkv_hidden_sizes");
  if (!sizes.empty()) operands.push_back(e.integers(".sizes", {sizes.begin(), sizes.end()}));
  const std::vector<ValueId> parts =
      e.add_several(Op::split, ".split", std::move(operands), 3, with("axis", std::int64_t{-1}));
  Heads heads{parts[0], parts[1], parts[2], e.in(3), e.in(5)};
  if (e.has(4)) {
    const std::vector<ValueId> past =
        e.add_several(Op::split, ".past", {e.in(4)}, 2, with("axis", std::int64_t{0}));
    const ValueId first = e.integers(".first", {0});
    heads.past_keys = e.add(Op::squeeze, ".past_keys", {past[0], first});
    heads.past_values = e.add(Op::squeeze, ".past_values", {past[1], first});
  }
  const std::vector<ValueId> results = attend(e, heads, e.wants(1));
  e.give(0, Op::identity, {results[0]});
  if (!e.wants(1)) return;
  const ValueId first = e.integers(".outer", {0});
  const ValueId keys = e.add(Op::unsqueeze, ".present_keys", {results[1], first});
  const ValueId values = e.add(Op::unsqueeze, ".present_values", {results[2], first});
  e.give(1, Op::concat, {keys, values}, with("axis", std::int64_t{0}));
}

void multi_head_attention(Expansion& e) {
  if (e.attributes.integer("num_heads") < 1) return e.fail("attribute num_heads must be positive");
  if (!e.has(1) || !e.has(2)) return e.fail("packed queries, keys and values are not supported");
  if (e.has(8) || e.has(9)) return e.fail("past_sequence_length and cache_indirection are not supported");
  Heads heads{e.in(0), e.in(1), e.in(2), e.in(4), e.in(5), e.in(6), e.in(7)};
  if (e.has(3)) {
    const std::vector<ValueId> bias =
        e.add_several(Op::split, ".bias", {e.in(3)}, 3, with("axis", std::int64_t{0}));
    heads.queries = e.add(Op::add, ".queries", {heads.queries, bias[0]});
    heads.keys = e.add(Op::add, ".keys", {heads.keys, bias[1]});
    heads.values = e.add(Op::add, ".values", {heads.values, bias[2]});
  }
  const bool presents = e.wants(1) || e.wants(2);
  const std::vector<ValueId> results = attend(e, heads, presents);
  for (std::size_t i = 0; i < results.size(); ++i) e.give(i, Op::identity, {results[i]});
}

// Rounded to 8 bits while the network runs, multiplied as integers, and brought back.
void dynamic_quantize_matmul(Expansion& e) {
  const std::vector<ValueId> a = e.add_several(Op::dynamic_quantize_linear, ".a", {e.in(0)}, 3);
  const ValueId sums = e.add(Op::matmul_integer, ".product", {a[0], e.in(1), a[2], e.in(3)});
  const ValueId real = e.add(Op::cast, ".real", {sums}, with("to", std::string("f32")));
  const ValueId scale = e.add(Op::mul, ".scale", {a[1], e.in(2)});
  if (!e.has(4)) return e.give(0, Op::mul, {real, scale});
  e.give(0, Op::add, {e.add(Op::mul, ".scaled", {real, scale}), e.in(4)});
}

// Numbers of a few bits, the first in the lowest ones, each in a byte: `count` of each of `rows`.
std::vector<std::byte> unpacked(std::span<const std::byte> bytes, std::int64_t bits, std::size_t rows,
                                std::size_t count) {
  const auto width = static_cast<std::size_t>(bits);
  const std::size_t pitch = rows == 0 ? 0 : bytes.size() / rows;
  std::vector<std::byte> result;
  result.reserve(rows * count);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto byte = std::to_integer<unsigned>(bytes[row * pitch + i * width / 8]);
      result.push_back(static_cast<std::byte>(byte >> (i * width % 8) & ((1u << width) - 1)));
    }
  }
  return result;
}

// Weights [N, blocks, bytes of a block] with a scale for each block, and perhaps zero points, packed as they
// are.
void matmul_nbits(Expansion& e) {
  const std::int64_t k = e.attributes.integer("K");
  const std::int64_t n = e.attributes.integer("N");
  const std::int64_t bits = e.attributes.integer("bits", 4);
  const std::int64_t block = e.attributes.integer("block_size");
  constexpr std::int64_t kMost = 1 << 24;
  if (k < 1 || n < 1 || block < 16 || k > kMost || n > kMost || block > kMost || block % 16 != 0)
    return e.fail("K, N or block_size is out of range");
  if (bits != 2 && bits != 4 && bits != 8) return e.fail("bits must be 2, 4 or 8");
  if (e.has(4)) return e.fail("g_idx is not supported");
  const std::int64_t blocks = (k + block - 1) / block;
  const graph::Value weights = e.graph().value(e.in(1));
  if (!weights.constant || weights.type != DataType::u8 ||
      static_cast<std::int64_t>(weights.constant->bytes.size()) != n * blocks * (block * bits / 8))
    return e.fail("the weights must be a constant of N x blocks x (block_size * bits / 8) bytes");
  const DataType type = bits == 2 ? DataType::u2 : bits == 4 ? DataType::u4 : DataType::u8;
  // Rows of whole blocks, of which what lies behind K does not count.
  std::vector<std::byte> stored = unpacked(
      weights.constant->bytes, bits, static_cast<std::size_t>(n * blocks), static_cast<std::size_t>(block));
  const std::int64_t padded = blocks * block;
  if (padded != k) {
    std::byte* const rows = stored.data();
    for (std::int64_t row = 1; row < n; ++row) std::copy_n(rows + row * padded, k, rows + row * k);
    stored.resize(static_cast<std::size_t>(n * k));
  }
  const ValueId q = e.constant(".weights", type, Shape{n, k}, stored);
  ValueId zeros = kNoValue;
  const Shape each{n, blocks};
  if (e.has(3)) {
    const graph::Value packed = e.graph().value(e.in(3));
    const std::int64_t pitch = (blocks * bits + 7) / 8;
    if (!packed.constant || packed.type != DataType::u8 ||
        static_cast<std::int64_t>(packed.constant->bytes.size()) != n * pitch)
      return e.fail("the zero points must be a constant of N x (blocks * bits / 8) bytes");
    zeros = e.constant(".zeros", type, each,
                       unpacked(packed.constant->bytes, bits, static_cast<std::size_t>(n),
                                static_cast<std::size_t>(blocks)));
  } else {
    const std::vector<std::byte> middle(static_cast<std::size_t>(n * blocks),
                                        static_cast<std::byte>(1u << (bits - 1)));
    zeros = e.constant(".zeros", type, each, middle);
  }
  const ValueId scales = e.add(Op::reshape, ".scales", {e.in(2), e.integers(".each", {n, blocks})});
  Attributes attributes = with("axis", std::int64_t{1});
  attributes.set("block_size", block);
  const ValueId real = e.add(Op::dequantize_linear, ".real", {q, scales, zeros}, std::move(attributes));
  const ValueId turned =
      e.add(Op::transpose, ".turned", {real}, with("perm", std::vector<std::int64_t>{1, 0}));
  if (!e.has(5)) return e.give(0, Op::matmul, {e.in(0), turned});
  e.give(0, Op::add, {e.add(Op::matmul, ".product", {e.in(0), turned}), e.in(5)});
}

// ONNX's own, which ONNX Runtime had for more types before ONNX did.
void quantize(Expansion& e) {
  e.give(0, Op::quantize_linear, {e.in(0), e.in(1), e.in(2)}, only(e, {"axis", "block_size", "saturate"}));
}
void dequantize(Expansion& e) {
  e.give(0, Op::dequantize_linear, {e.in(0), e.in(1), e.in(2)}, only(e, {"axis", "block_size"}));
}

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

constexpr ContribOperator kOperators[] = {
    {"QLinearAdd", 2, 7, 8, "", qlinear_add},
    {"QLinearMul", 2, 7, 8, "", qlinear_mul},
    {"QLinearConcat", 1, 5, kAny, "axis", qlinear_concat},
    {"QLinearGlobalAveragePool", 2, 4, 5, "channels_last", qlinear_global_average_pool},
    {"QLinearAveragePool", 2, 4, 5,
     "auto_pad ceil_mode channels_last count_include_pad kernel_shape pads strides", qlinear_average_pool},
    {"QLinearSigmoid", 2, 4, 5, "", qlinear_sigmoid},
    {"QLinearLeakyRelu", 2, 4, 5, "alpha", qlinear_leaky_relu},
    {"QLinearSoftmax", 2, 4, 5, "axis opset", qlinear_softmax},
    {"QGemm", 2, 6, 9, "alpha transA transB", qgemm},
    {"QuantizeLinear", 2, 2, 3, "axis block_size saturate", quantize},
    {"DequantizeLinear", 2, 2, 3, "axis block_size", dequantize},
    {"FusedConv", 2, 2, 4, "activation activation_params auto_pad dilations group kernel_shape pads strides",
     fused_conv},
    {"FusedGemm", 2, 2, 3,
     "activation activation_alpha activation_beta activation_gamma alpha beta transA transB", fused_gemm},
    {"FusedMatMul", 2, 2, 2, "alpha transA transB transBatchA transBatchB", fused_matmul},
    {"Gelu", 1, 1, 1, "", gelu},
    {"BiasGelu", 2, 2, 2, "", bias_gelu},
    {"FastGelu", 1, 1, 2, "", fast_gelu},
    {"QuickGelu", 1, 1, 1, "alpha", quick_gelu},
    {"SkipLayerNormalization", 3, 3, 5, "epsilon", skip_layer_norm},
    {"Attention", 2, 2, 7,
     "do_rotary mask_filter_value num_heads past_present_share_buffer qkv_hidden_sizes rotary_embedding_dim "
     "scale "
     "unidirectional",
     attention},
    {"MultiHeadAttention", 1, 1, 10, "mask_filter_value num_heads scale unidirectional",
     multi_head_attention},
    {"DynamicQuantizeMatMul", 3, 3, 5, "", dynamic_quantize_matmul},
    {"MatMulNBits", 3, 3, 6, "K N accuracy_level bits block_size weight_prepacked", matmul_nbits},
};

}  // namespace

bool ContribOperator::has_attribute(std::string_view attribute) const noexcept {
  for (std::string_view rest = attributes; !rest.empty();) {
    const std::size_t space = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, space) == attribute) return true;
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  return false;
}

const ContribOperator* find_contrib(std::string_view name) noexcept {
  const auto found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                  [&](const ContribOperator& op) { return op.name == name; });
  return found == std::end(kOperators) ? nullptr : found;
}

}  // namespace fettle::onnx_import
