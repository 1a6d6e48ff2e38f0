// SPDX-License-Identifier: Apache-2.0
//
// Dynamic quantisation, as exporters and quantisers write it: DynamicQuantizeLinear gives x's bytes, scale
// and zero point, ConvInteger or MatMulInteger multiplies them with constant weights, and Cast and Mul make
// real numbers of the sums. Together they are one product, whose form op.h has; so is an Add of a bias behind
// it.
//
// Layers that share one DynamicQuantizeLinear find the range of x each for itself, which reads x once more.
#include "lib/base/quantise.h"
#include "lib/graph/passes.h"
#include "lib/graph/passes/quantised.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace fettle::graph {
namespace {

// A product of integers with what follows it.
struct Chain {
  NodeId product = kNoNode;
  NodeId quantize = kNoNode;    // what gives x
  std::vector<float> scales;    // of the weights, times other constants: one, or one for each output channel
  std::int64_t zero_point = 0;  // of the weights
  std::int64_t channels = 0;
  std::vector<NodeId> followers;  // the cast and the multiplications, in order
};

class DynamicProducts {
 public:
  explicit DynamicProducts(Graph& graph) : graph_(graph) {}

  Result<bool> run() {
    Result<std::vector<NodeId>> order = graph_.topological_order();
    if (!order) return std::move(order).error();
    bool changed = false;
    for (NodeId id : *order) {
      if (graph_.node(id).removed) continue;
      Result<bool> one = is_dynamic(graph_.node(id)) ? take_bias(id) : fuse(id);
      if (!one) return one;
      changed = changed || *one;
    }
    return changed;
  }

 private:
  static bool is_dynamic(const Node& node) { return node.attributes.has("dynamic_type"); }

  const Node* producer(ValueId value) const {
    if (value == kNoValue || graph_.value(value).producer == kNoNode) return nullptr;
    return &graph_.node(graph_.value(value).producer);
  }
  // The next node of a chain, if it alone uses the result.
  NodeId next(NodeId id, Op op) const {
    const NodeId follower = graph_.sole_consumer(graph_.node(id).outputs.front());
    return follower != kNoNode && graph_.node(follower).op == op ? follower : kNoNode;
  }

  Result<bool> fuse(NodeId id) {
    std::optional<Chain> chain = read_product(id);
    if (!chain || !read_followers(*chain)) return false;
    return replace(*chain);
  }

  std::optional<Chain> read_product(NodeId id) const {
    const Node& node = graph_.node(id);
    const bool integers = node.op == Op::matmul_integer || node.op == Op::conv_integer;
    if (!integers || node.inputs.size() < 3 || !graph_.value(node.outputs.front()).shape) return std::nullopt;
    const Node* quantize = producer(node.inputs[0]);
    if (quantize == nullptr || quantize->op != Op::dynamic_quantize_linear ||
        node.inputs[0] != quantize->outputs[0] || node.inputs[2] != quantize->outputs[2] ||
        !graph_.is_constant(node.inputs[1]))
      return std::nullopt;
    const Shape& x = *graph_.value(node.inputs[0]).shape;
    const Shape& w = *graph_.value(node.inputs[1]).shape;
    const bool dense = node.op == Op::matmul_integer;
    if (dense && (w.rank() != 2 || x.rank() < 2)) return std::nullopt;
    Chain chain;
    chain.product = id;
    chain.quantize = graph_.value(node.inputs[0]).producer;
    chain.channels = w[dense ? 1 : 0];
    if (x.elements() == 0 || w.elements() == 0 || w.elements() / chain.channels > kMaxQuantisedDepth)
      return std::nullopt;
    if (node.inputs.size() > 3 && node.inputs[3] != kNoValue) {
      const auto zeros = stored_values(graph_, node.inputs[3]);
      const bool one = zeros && !zeros->empty() &&
                       std::all_of(zeros->begin(), zeros->end(),
                                   [&](std::int64_t zero) { return zero == zeros->front(); });
      if (!one) return std::nullopt;
      chain.zero_point = zeros->front();
    }
    chain.scales = {1.0f};
    return chain;
  }

  // Cast, then multiplications by x's scale, once, and by constants.
  bool read_followers(Chain& chain) const {
    const NodeId cast = next(chain.product, Op::cast);
    if (cast == kNoNode || graph_.value(graph_.node(cast).outputs.front()).type != DataType::f32)
      return false;
    chain.followers = {cast};
    bool scaled = false;
    for (NodeId at = next(cast, Op::mul); at != kNoNode; at = next(at, Op::mul)) {
      if (!multiply(chain, at, chain.followers.back(), scaled)) break;
      chain.followers.push_back(at);
    }
    return scaled && std::all_of(chain.scales.begin(), chain.scales.end(), is_valid_scale);
  }

  // Takes the other factor of a multiplication into the chain's scales. False: it is neither a constant for
  // all or for each channel, nor x's scale, nor a product of both.
  bool multiply(Chain& chain, NodeId id, NodeId before, bool& scaled) const {
    const Node& mul = graph_.node(id);
    const ValueId sums = graph_.node(before).outputs.front();
    if (mul.clamp || mul.inputs[0] == mul.inputs[1] || !same_shape(id, before)) return false;
    const ValueId other = mul.inputs[mul.inputs[0] == sums ? 1 : 0];
    const ValueId x_scale = graph_.node(chain.quantize).outputs[1];
    if (other == x_scale) return !std::exchange(scaled, true);
    if (graph_.is_constant(other)) return scale_by(chain, other);
    const Node* product = producer(other);
    if (scaled || product == nullptr || product->op != Op::mul || product->clamp) return false;
    const bool left = product->inputs[0] == x_scale;
    if (!left && product->inputs[1] != x_scale) return false;
    const ValueId factor = product->inputs[left ? 1 : 0];
    // The product has the factor's shape: x's scale has none.
    if (!graph_.is_constant(factor) || !scale_by(chain, factor)) return false;
    scaled = true;
    return true;
  }

  bool same_shape(NodeId a, NodeId b) const {
    return graph_.value(graph_.node(a).outputs.front()).shape ==
           graph_.value(graph_.node(b).outputs.front()).shape;
  }

  bool scale_by(Chain& chain, ValueId constant) const {
    const std::optional<std::vector<float>> factors = per_channel(chain.product, chain.channels, constant);
    if (!factors) return false;
    if (factors->size() > chain.scales.size()) chain.scales.resize(factors->size(), chain.scales.front());
    for (std::size_t i = 0; i < chain.scales.size(); ++i)
      chain.scales[i] *= (*factors)[factors->size() == 1 ? 0 : i];
    return true;
  }

  // A constant as one number, or one for each output channel of the product.
  std::optional<std::vector<float>> per_channel(NodeId product, std::int64_t channels, ValueId id) const {
    const Value& value = graph_.value(id);
    if (!value.constant || value.type != DataType::f32) return std::nullopt;
    const Node& node = graph_.node(product);
    const int rank = graph_.value(node.outputs.front()).shape->rank();
    const bool conv = node.op == Op::conv_integer || node.op == Op::conv;
    if (value.shape->rank() > rank) return std::nullopt;
    const int axis = (conv ? 1 : rank - 1) - (rank - value.shape->rank());
    for (int i = 0; i < value.shape->rank(); ++i) {
      const std::int64_t extent = (*value.shape)[i];
      if (extent != 1 && !(i == axis && extent == channels)) return std::nullopt;
    }
    const auto numbers = value.constant->values<float>();
    return std::vector<float>(numbers.begin(), numbers.end());
  }

  Result<ValueId> add_floats(const std::string& name, const std::vector<float>& numbers) {
    return graph_.add_constant(name, DataType::f32, Shape{static_cast<std::int64_t>(numbers.size())},
                               std::as_bytes(std::span(numbers)));
  }

  Result<bool> replace(const Chain& chain) {
    const Node before = graph_.node(chain.product);
    const std::string& name = before.id;
    const bool per_channel = chain.scales.size() > 1;
    const ValueQuantisation weights{graph_.value(before.inputs[1]).type,
                                    per_channel ? 1.0f : chain.scales.front(),
                                    static_cast<std::int32_t>(chain.zero_point)};
    std::vector<ValueId> inputs{graph_.node(chain.quantize).inputs.front(),
                                add_quantised_constant(graph_, name + ".weight", before.inputs[1], weights)};
    Result<ValueId> bias =
        add_floats(name + ".bias", std::vector<float>(static_cast<std::size_t>(chain.channels), 0.0f));
    if (!bias) return std::move(bias).error();
    inputs.push_back(*bias);
    if (per_channel) {
      Result<ValueId> scales = add_floats(name + ".scales", chain.scales);
      if (!scales) return std::move(scales).error();
      inputs.push_back(*scales);
    }
    const ValueId result = graph_.node(chain.followers.back()).outputs.front();
    for (NodeId follower : chain.followers) graph_.remove_node(follower);
    become_dynamic(chain.product, std::move(inputs), result);
    return true;
  }

  void become_dynamic(NodeId id, std::vector<ValueId> inputs, ValueId result) {
    Node& node = graph_.node(id);
    graph_.value(node.outputs.front()).producer = kNoNode;
    if (node.op == Op::conv_integer) {
      node.op = Op::conv;
    } else if (graph_.value(inputs.front()).shape->rank() == 2) {
      become_gemm(node);
    } else {
      node.op = Op::matmul;
    }
    node.attributes.set("dynamic_type", std::string(to_string(DataType::u8)));
    node.quantised = true;  // the weights' scale is theirs
    node.inputs = std::move(inputs);
    node.outputs = {result};
    graph_.value(result).producer = id;
  }

  // An addition of constants behind the product goes into its bias.
  Result<bool> take_bias(NodeId id) {
    const NodeId add = next(id, Op::add);
    if (add == kNoNode || graph_.node(id).clamp || !same_shape(add, id)) return false;
    const Node& sum = graph_.node(add);
    const ValueId product = graph_.node(id).outputs.front();
    if (sum.inputs[0] == sum.inputs[1]) return false;
    const ValueId other = sum.inputs[sum.inputs[0] == product ? 1 : 0];
    const auto old = graph_.value(graph_.node(id).inputs[2]).constant->values<float>();
    const auto added = per_channel(id, static_cast<std::int64_t>(old.size()), other);
    if (!added) return false;
    std::vector<float> bias(old.begin(), old.end());
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] += (*added)[added->size() == 1 ? 0 : i];
    Result<ValueId> constant = add_floats(graph_.node(id).id + ".bias", bias);
    if (!constant) return std::move(constant).error();
    const std::optional<Clamp> clamp = sum.clamp;
    const ValueId result = sum.outputs.front();
    graph_.remove_node(add);
    Node& node = graph_.node(id);
    graph_.value(product).producer = kNoNode;
    node.inputs[2] = *constant;
    node.outputs = {result};
    node.clamp = clamp;
    graph_.value(result).producer = id;
    return true;
  }

  Graph& graph_;
};

}  // namespace

Result<bool> fuse_dynamic_products(Graph& graph, PassContext&) { return DynamicProducts(graph).run(); }

}  // namespace fettle::graph
