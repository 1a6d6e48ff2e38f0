// SPDX-License-Identifier: Apache-2.0
//
// Bytes as a valid graph: after the passes it is still valid, has the same inputs and outputs, and computes
// the same by the reference kernels.
#include "kernels/reference/evaluate.h"
#include "lib/base/extents.h"
#include "lib/graph/estimates.h"
#include "lib/graph/passes.h"
#include "tests/fuzz/graphs/random_graph.h"
#include "tests/fuzz/graphs/rounding.h"
#include "tests/fuzz/target.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <set>

namespace fettle::fuzz {
namespace {

using graph::Graph;
using graph::kNoNode;
using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::Value;
using graph::ValueId;

constexpr double kMostOperations = 1.5e4;
// What rounding is imitated with, and how far results may lie apart for it.
constexpr double kNoise = 1.0 / (1 << 20);
constexpr double kTolerance = 1e-5;

class Noise {
 public:
  explicit Noise(std::uint32_t seed) : seed_(seed) {}
  void disturb(std::span<std::byte> bytes) {
    if (seed_ == 0) return;
    auto* values = reinterpret_cast<float*>(bytes.data());
    for (std::size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
      seed_ = seed_ * 1664525u + 1013904223u;
      values[i] *= static_cast<float>(1 + kNoise * ((seed_ >> 16 & 1) == 0 ? 1 : -1));
    }
  }

 private:
  std::uint32_t seed_;
};

struct Evaluation {
  std::vector<std::vector<float>> outputs;
  double largest = 0;  ///< of all numbers on the way
  bool finite = true;
};

class Interpreter {
 public:
  Interpreter(const Graph& graph, std::uint32_t seed) : graph_(graph), noise_(seed) {}

  /// Nothing when a node has no reference kernel.
  std::optional<Evaluation> run() {
    for (ValueId input : graph_.inputs) fill(input);
    const Result<std::vector<NodeId>> order = graph_.topological_order();
    require_ok(order, "no order");
    for (NodeId id : *order) {
      if (!evaluate(id)) return std::nullopt;
    }
    for (ValueId output : graph_.outputs) {
      const auto values = floats_of(bytes_of(output)).first(elements_of(output));
      evaluation_.outputs.emplace_back(values.begin(), values.end());
    }
    return std::move(evaluation_);
  }

 private:
  static std::span<const float> floats_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
  }
  std::span<const std::byte> bytes_of(ValueId id) const {
    if (graph_.is_constant(id)) return graph_.value(id).constant->bytes;
    return held_.at(id);
  }
  // As the data have decided; elements lie at the start of the memory for the most that there can be.
  Shape shape_of(ValueId id) const {
    const auto found = shapes_.find(id);
    return found == shapes_.end() ? *graph_.value(id).shape : found->second;
  }
  std::size_t elements_of(ValueId id) const { return static_cast<std::size_t>(shape_of(id).elements()); }
  // The layer for the extents that its operands have; false where they do not fit each other.
  bool follow(const Node& node, std::span<const ConstantBytes> inputs, LayerDesc& layer) {
    std::vector<const void*> data;
    std::size_t at = 0;
    for (ValueId input : node.inputs) {
      if (input == kNoValue) continue;
      layer.inputs[at].shape = shape_of(input);
      data.push_back(inputs[at++].data());
    }
    for (auto* tensors : {&layer.inputs, &layer.outputs}) {
      for (TensorDesc& tensor : *tensors) tensor.bounded = 0;
    }
    if (follow_extents(layer, data) != nullptr) return false;
    for (auto* tensors : {&layer.inputs, &layer.outputs}) {
      for (TensorDesc& tensor : *tensors) tensor.strides = dense_strides(tensor.shape, tensor.format);
    }
    at = 0;
    for (ValueId output : node.outputs) {
      if (output == kNoValue) continue;
      const Shape& found = layer.outputs[at++].shape;
      for (int axis = 0; axis < found.rank(); ++axis)
        require(found[axis] <= (*graph_.value(output).shape)[axis], "an extent beyond its bound");
      shapes_[output] = found;
    }
    return true;
  }
  void take_found(const Node& node, std::span<const std::span<std::byte>> outputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const int holder = extents_result(node.op, i);
      if (holder < 0) continue;
      Shape found = *graph_.value(node.outputs[i]).shape;
      for (int axis = 0; axis < found.rank(); ++axis) {
        std::memcpy(&found[axis],
                    outputs[static_cast<std::size_t>(holder)].data() + static_cast<std::size_t>(axis) * 8, 8);
      }
      shapes_[node.outputs[i]] = found;
    }
  }
  void fill(ValueId input) {
    std::vector<std::byte>& bytes = held_[input];
    std::uint32_t seed = 1;
    for (std::int64_t i = 0; i < graph_.value(input).shape->elements(); ++i) {
      seed = seed * 1664525u + 1013904223u;
      const float value = static_cast<float>(seed >> 8) / (1 << 22) - 2.0f;
      const auto raw = std::as_bytes(std::span(&value, 1));
      bytes.insert(bytes.end(), raw.begin(), raw.end());
    }
  }
  bool evaluate(NodeId id) {
    const Node& node = graph_.node(id);
    std::vector<ConstantBytes> inputs;
    for (ValueId input : node.inputs) {
      if (input != kNoValue) inputs.push_back(bytes_of(input));
    }
    std::vector<std::span<std::byte>> outputs;
    for (ValueId output : node.outputs) {
      if (output == kNoValue) continue;
      const Value& value = graph_.value(output);
      held_[output].resize(dense_bytes(*value.shape, {Layout::nchw, value.type}));
      outputs.push_back(held_[output]);
    }
    LayerDesc layer = graph::describe(graph_, id);
    const auto is_bounded = [](const TensorDesc& tensor) { return tensor.bounded != 0; };
    const bool bounded = std::any_of(layer.inputs.begin(), layer.inputs.end(), is_bounded) ||
                         std::any_of(layer.outputs.begin(), layer.outputs.end(), is_bounded);
    if (bounded && !follow(node, inputs, layer)) return false;
    if (!kernels::evaluate_reference(layer, inputs, outputs)) return false;
    take_found(node, outputs);
    for (ValueId output : node.outputs) {
      if (output != kNoValue && graph_.value(output).type == DataType::f32) note(node, held_[output]);
    }
    return true;
  }
  void note(const Node& node, std::span<std::byte> bytes) {
    if (!stays_exact(graph_, node)) noise_.disturb(bytes);
    for (float value : floats_of(bytes)) {
      evaluation_.finite = evaluation_.finite && std::isfinite(value);
      evaluation_.largest = std::max(evaluation_.largest, std::abs(static_cast<double>(value)));
    }
  }

  const Graph& graph_;
  Noise noise_;
  std::map<ValueId, std::vector<std::byte>> held_;
  std::map<ValueId, Shape> shapes_;  // of values that depend on data
  Evaluation evaluation_;
};

// Infinite where an extent that depends on the data differs.
double distance(const Evaluation& a, const Evaluation& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.outputs.size(); ++i) {
    if (a.outputs[i].size() != b.outputs[i].size()) return std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < a.outputs[i].size(); ++j)
      largest = std::max(
          largest, std::abs(static_cast<double>(a.outputs[i][j]) - static_cast<double>(b.outputs[i][j])));
  }
  return largest;
}

graph::PassContext context() {
  graph::PassContext made;
  made.evaluate = kernels::evaluate_reference;
  return made;
}

void print(const char* title, const Graph& graph) {
  std::fprintf(stderr, "%s:\n", title);
  const auto order = graph.topological_order();
  for (NodeId id : *order) {
    const Node& node = graph.node(id);
    std::string text = "  " + node.id + " " + graph::describe(graph, id).text() + "  (";
    for (ValueId input : node.inputs) text += " " + std::to_string(input);
    text += " ) ->";
    for (ValueId output : node.outputs) text += " " + std::to_string(output);
    std::fprintf(stderr, "%s\n", text.c_str());
  }
}

void check_node(const Graph& graph, NodeId id, const std::set<ValueId>& inputs) {
  const Node& node = graph.node(id);
  require(!node.id.empty() && !node.outputs.empty(), "a node without a name or outputs");
  for (ValueId output : node.outputs) {
    if (output == kNoValue) continue;
    const Value& value = graph.value(output);
    require(value.producer == id, "a value does not know its producer");
    require(value.constant == nullptr && !inputs.contains(output), "a node makes a constant or an input");
    require(value.shape && value.type != DataType::undefined, "a value without shape or type");
  }
  for (ValueId input : node.inputs) {
    if (input == kNoValue) continue;
    require(input >= 0 && static_cast<std::size_t>(input) < graph.value_count(),
            "an input that is not there");
    const Value& value = graph.value(input);
    require(value.producer != kNoNode || value.constant != nullptr || inputs.contains(input),
            "a value that nothing makes");
    if (value.producer == kNoNode) continue;
    const std::vector<ValueId>& made = graph.node(value.producer).outputs;
    require(std::find(made.begin(), made.end(), input) != made.end(),
            "a producer that does not make its value");
  }
}

void check_valid(const Graph& graph) {
  require_ok(graph.topological_order(), "the passes make a cycle");
  const std::set<ValueId> inputs(graph.inputs.begin(), graph.inputs.end());
  std::set<std::string> ids;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const auto id = static_cast<NodeId>(i);
    require(!graph.node(id).removed, "a removed node is left");
    require(ids.insert(graph.node(id).id).second, "two nodes have one name");
    check_node(graph, id, inputs);
  }
  // What inference says now must be what it said before the rewriting.
  Graph again = graph;
  graph::PassContext fresh = context();
  require_ok(graph::simplify(again, fresh), "the optimised graph cannot be inferred");
  for (const graph::Problem& problem : fresh.problems)
    fail("the passes make a node invalid: " + problem.reason);
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    const auto id = static_cast<ValueId>(i);
    require(again.value(id).shape == graph.value(id).shape, "a shape is not what inference says");
  }
}

void check_interface(const Graph& before, const Graph& after) {
  require(after.inputs.size() == before.inputs.size(), "an input is lost");
  require(after.outputs.size() == before.outputs.size(), "an output is lost");
  for (std::size_t i = 0; i < before.inputs.size(); ++i) {
    require(after.value(after.inputs[i]).shape == before.value(before.inputs[i]).shape,
            "an input is changed");
  }
  for (std::size_t i = 0; i < before.outputs.size(); ++i) {
    const Value& was = before.value(before.outputs[i]);
    const Value& is = after.value(after.outputs[i]);
    // Folding tells how large a result is that depended on the data.
    const bool told = was.bounded != 0;
    if ((was.shape == is.shape || told) && was.type == is.type) continue;
    print("before", before);
    print("after", after);
    fail("output " + std::to_string(i) + " has another shape or type");
  }
}

// Whether the optimised graph computes what the graph did, up to what rounding may make of it.
void check_same(const Graph& before, const Graph& after) {
  const std::optional<Evaluation> expected = Interpreter(before, 0).run();
  if (!expected || !expected->finite || expected->largest > 1e12) return;
  const std::optional<Evaluation> result = Interpreter(after, 0).run();
  require(result.has_value(), "the passes make a node that no kernel runs");
  double spread = 0;
  for (std::uint32_t seed : {1u, 2u, 3u}) {
    // Where rounding decides how many elements there are (NonZero of a sum near zero), nothing can be said.
    const std::optional<Evaluation> disturbed = Interpreter(before, seed).run();
    if (!disturbed) return;
    spread = std::max(spread, distance(*disturbed, *expected));
  }
  double largest = 0;
  for (const std::vector<float>& output : expected->outputs) {
    for (float value : output) largest = std::max(largest, std::abs(static_cast<double>(value)));
  }
  const double apart = distance(*result, *expected);
  if (apart <= kTolerance * largest + 8 * spread) return;
  print("before", before);
  print("after", after);
  fail("the passes change the result by " + std::to_string(apart) + ", rounding by " +
       std::to_string(spread) + ", the largest is " + std::to_string(largest));
}

bool depends_on_data(const Graph& graph) {
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    if (graph.value(static_cast<graph::ValueId>(i)).bounded != 0) return true;
  }
  return false;
}

void try_graph(ByteSource bytes) {
  Graph made = random_graph(bytes);
  if (made.outputs.empty()) return;
  double operations = 0;
  for (std::size_t i = 0; i < made.node_count(); ++i) {
    const auto id = static_cast<NodeId>(i);
    if (!made.node(id).removed) operations += graph::count_operations(graph::describe(made, id));
  }
  if (operations > kMostOperations) return;

  Graph inferred = made;
  graph::PassContext simplified = context();
  require_ok(graph::simplify(inferred, simplified), "a valid graph cannot be inferred");
  // Folding may tell extents that depend on data, which then do not fit each other, as a run would say.
  if (!simplified.problems.empty() && depends_on_data(made)) return;
  for (const graph::Problem& problem : simplified.problems) {
    print("made", made);
    fail("inference refuses its own result: " + problem.node + ": " + problem.reason);
  }

  Graph optimised = made;
  graph::PassContext passes = context();
  const Status status = graph::optimise(optimised, passes);
  if (!status) print("before", made);
  require_ok(status, "a valid graph cannot be optimised");
  check_valid(optimised);
  check_interface(made, optimised);
  check_same(made, inferred);
  check_same(inferred, optimised);

  Graph again = optimised;
  graph::PassContext more = context();
  require_ok(graph::optimise(again, more), "an optimised graph cannot be optimised");
  if (graph::structure_hash(again) != graph::structure_hash(optimised)) {
    print("once", optimised);
    print("twice", again);
    fail("the passes stop before nothing changes");
  }
}

}  // namespace
}  // namespace fettle::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fettle::fuzz::try_graph(fettle::fuzz::ByteSource(data, size));
  return 0;
}
