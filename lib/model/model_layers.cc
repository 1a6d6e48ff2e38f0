// SPDX-License-Identifier: Apache-2.0
//
// From an imported graph to a model for certain input shapes: passes, layers. Again for other shapes.
#include "lib/base/op_names.h"
#include "lib/graph/estimates.h"
#include "lib/graph/passes.h"
#include "lib/graph/quantise_layers.h"
#include "lib/model/folding.h"
#include "lib/model/model_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <string_view>
#include <utility>

namespace fettle::runtime {
namespace {

TensorInfo describe_tensor(const graph::Value& value) {
  TensorInfo info;
  info.name = value.name;
  info.shape = *value.shape;
  info.type = value.type;
  info.bytes = dense_bytes(info.shape, {Layout::nchw, info.type});
  info.bounded = value.bounded != 0;
  return info;
}

// Of a layer so large that a count would not fit, the sum over a region's layers still fits.
std::int64_t saturated(double operations) {
  constexpr std::int64_t kMost = std::int64_t{1} << 56;
  return operations < static_cast<double>(kMost) ? static_cast<std::int64_t>(operations) : kMost;
}

// A run may take as long as the limits allow. Counted in floating point, which does not overflow.
Status check_work(const ModelState& state, std::span<const double> operations) {
  const double limit = static_cast<double>(state.source->limits.run_operations);
  const double total = std::accumulate(operations.begin(), operations.end(), 0.0);
  if (total <= limit) return {};
  const auto most = std::max_element(operations.begin(), operations.end());
  const LayerInfo& layer = state.layers[static_cast<std::size_t>(most - operations.begin())];
  return Error(ErrorCode::kLimitExceeded,
               fmt::format("{}: a run takes about {:.3g} operations, more than the limit of {}; the most, "
                           "{:.3g}, are those of {} ({})",
                           state.graph->name, total, state.source->limits.run_operations, *most, layer.id,
                           onnx_name(layer.desc.main().op)),
               "raise ModelLimits::run_operations if you trust the file and have the time");
}

Status describe_layers(ModelState& state) {
  const graph::Graph& graph = *state.graph;
  std::set<const Constant*> counted;  // values may share one
  std::vector<double> operations;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const auto id = static_cast<graph::NodeId>(i);
    const graph::Node& node = graph.node(id);
    LayerInfo layer;
    layer.id = node.id;
    layer.desc = graph::describe(graph, id);
    layer.macs = graph::count_macs(layer.desc);
    operations.push_back(graph::count_operations(layer.desc));
    layer.operations = saturated(operations.back());
    for (graph::ValueId input : node.inputs) {
      if (input == graph::kNoValue) continue;
      layer.inputs.push_back(graph.is_constant(input) ? -1 : input);
      const Constant* constant = graph.value(input).constant.get();
      if (constant != nullptr && counted.insert(constant).second)
        state.constant_bytes += constant->bytes.size();
    }
    for (graph::ValueId output : node.outputs) {
      if (output != graph::kNoValue) layer.outputs.push_back(output);
    }
    state.layers.push_back(std::move(layer));
    state.layer_nodes.push_back(id);
  }
  return check_work(state, operations);
}

// Standard algorithms compare bytes one after the other.
bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

// Passes compute the same weights again for every shape: where `graph` has what the layer of that id has in
// `other`, it uses those bytes.
void share_constants(graph::Graph& graph, const graph::Graph& other) {
  std::map<std::string_view, const graph::Node*> layers;
  for (std::size_t i = 0; i < other.node_count(); ++i) {
    const graph::Node& node = other.node(static_cast<graph::NodeId>(i));
    layers.emplace(node.id, &node);
  }
  const auto constant_of = [](const graph::Graph& owner, const graph::Node& node, std::size_t input) {
    const bool there = input < node.inputs.size() && node.inputs[input] != graph::kNoValue;
    return there ? owner.value(node.inputs[input]).constant : nullptr;
  };
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const graph::Node& node = graph.node(static_cast<graph::NodeId>(i));
    const auto layer = layers.find(node.id);
    for (std::size_t input = 0; layer != layers.end() && input < node.inputs.size(); ++input) {
      const auto own = constant_of(graph, node, input);
      const auto known = constant_of(other, *layer->second, input);
      if (own && known && own != known && same_bytes(own->bytes, known->bytes))
        graph.value(node.inputs[input]).constant = known;
    }
  }
}

// What a graph becomes layers with.
struct Origin {
  std::shared_ptr<const ModelSource> source;
  std::vector<graph::Problem> problems;  // what is known against the graph
  std::vector<std::string> notes;
  /// The names of outputs are the model's, whatever passes make of the values behind them.
  std::vector<std::string> output_names;
  const ModelState* known = nullptr;  // the model for other shapes, if there is one
};

Result<std::shared_ptr<ModelState>> make_layers(Origin origin, graph::Graph graph) {
  auto [source, problems, notes, output_names, known] = std::move(origin);
  auto state = std::make_shared<ModelState>();
  state->notes = std::move(notes);
  graph::PassContext context;
  context.evaluate = evaluator(source->keep_subnormals);
  context.limits = source->limits;
  context.problems = std::move(problems);
  if (Status status = graph::optimise(graph, context); !status) return std::move(status).error();
  state->passes = std::move(context.passes);
  state->folding_kernels.assign(context.folded_with.begin(), context.folded_with.end());
  if (known != nullptr) share_constants(graph, *known->graph);
  state->source = std::move(source);
  state->graph = std::make_shared<graph::Graph>(std::move(graph));
  for (graph::ValueId input : state->graph->inputs)
    state->inputs.push_back(describe_tensor(state->graph->value(input)));
  for (graph::ValueId output : state->graph->outputs)
    state->outputs.push_back(describe_tensor(state->graph->value(output)));
  for (std::size_t i = 0; i < output_names.size(); ++i) state->outputs[i].name = output_names[i];
  if (Status status = describe_layers(*state); !status) return std::move(status).error();
  return state;
}

// The same of a graph whose inputs have no shapes yet.
Result<Model> plan_layers(std::shared_ptr<const ModelSource> source, graph::Graph graph,
                          std::span<const std::optional<Shape>> shapes, std::vector<graph::Problem> problems,
                          std::vector<std::string> notes, const ModelState* known = nullptr) {
  for (std::size_t i = 0; i < shapes.size(); ++i) graph.value(graph.inputs[i]).shape = shapes[i];
  Origin origin{std::move(source), std::move(problems), std::move(notes), {}, known};
  for (graph::ValueId output : graph.outputs) origin.output_names.push_back(graph.value(output).name);
  Result<std::shared_ptr<ModelState>> state = make_layers(std::move(origin), std::move(graph));
  if (!state) return std::move(state).error();
  return ModelState::model_of(*std::move(state));
}

bool same_quantisation(const std::shared_ptr<const Quantisation>& a,
                       const std::shared_ptr<const Quantisation>& b) {
#if FETTLE_WITH_QUANTISATION
  return a == b || *a == *b;
#else
  return a == b;
#endif
}

// `known` is the quantised model for other shapes, if there is one.
Result<Model> quantise(const Model& model, std::shared_ptr<const Quantisation> quantisation,
                       const ModelState* known) {
#if FETTLE_WITH_QUANTISATION
  const ModelState& real = ModelState::of(model);
  graph::Graph graph = *real.graph;
  if (Status status = graph::quantise_layers(graph, *quantisation); !status) return std::move(status).error();
  Origin origin{real.source, {}, real.notes, {}, known};
  for (const TensorInfo& output : real.outputs) origin.output_names.push_back(output.name);
  Result<std::shared_ptr<ModelState>> state = make_layers(std::move(origin), std::move(graph));
  if (!state) return std::move(state).error();
  (*state)->quantisation = std::move(quantisation);
  return ModelState::model_of(*std::move(state));
#else
  static_cast<void>(quantisation);
  static_cast<void>(known);
  return Error(ErrorCode::kNotCompiledIn,
               model.name() + ": this build leaves out the kernels that compute with integers",
               "build with the kernels that `fettle kernels` lists for the model and its plan");
#endif
}

}  // namespace

Result<Model> make_model(graph::Imported imported, const std::string& name, const ModelOptions& options) {
  graph::Graph& graph = imported.graph;
  auto source = std::make_shared<ModelSource>();
  source->name = name;
  source->graph_hash = graph::structure_hash(graph);
  source->weights_hash = graph::weights_hash(graph);
  source->opset = graph.opset;
  source->imported_nodes = graph.live_nodes();
  source->limits = options.limits;
  source->keep_subnormals = options.keep_subnormals;
  source->inputs = std::move(imported.inputs);
  std::vector<std::string> notes;
  const Result<std::vector<std::optional<Shape>>> shapes = graph::input_shapes(
      graph.name, source->inputs, options.shapes, options.limits, imported.problems, notes);
  if (!shapes) return shapes.error();
  const bool any_free = std::ranges::any_of(source->inputs, &graph::DeclaredInput::free);
  if (any_free && options.graph_policy == GraphPolicy::keep) source->graph = graph;
  return plan_layers(std::move(source), std::move(graph), *shapes, std::move(imported.problems),
                     std::move(notes));
}

Result<Model> quantise_model(const Model& model, std::shared_ptr<const Quantisation> quantisation) {
  const ModelState& state = ModelState::of(model);
  if (!state.quantisation) return quantise(model, std::move(quantisation), nullptr);
  if (same_quantisation(state.quantisation, quantisation)) return model;
  return Error(ErrorCode::kInvalidArgument, state.graph->name + " is quantised already, in another way",
               "quantise the model as it was loaded");
}

Result<Model> reshape_model(const Model& model, const std::map<std::string, Shape>& shapes) {
  const ModelState& known = ModelState::of(model);
  const std::string& path = known.graph->name;
  std::map<std::string, Shape> all = shapes;
  bool same = true;
  for (const TensorInfo& input : known.inputs)
    same = all.emplace(input.name, input.shape).first->second == input.shape && same;
  std::vector<graph::Problem> none;  // every input has a shape
  std::vector<std::string> no_notes;
  const Result<std::vector<std::optional<Shape>>> resolved =
      graph::input_shapes(path, known.source->inputs, all, known.source->limits, none, no_notes);
  if (!resolved) return resolved.error();
  if (same) return model;
  if (!known.source->graph) {
    return Error(ErrorCode::kInvalidArgument,
                 path + ": the imported graph was released, and another input shape needs it",
                 "load the model with ModelOptions::graph_policy at GraphPolicy::keep, or load it again");
  }
  Result<Model> reshaped = plan_layers(known.source, *known.source->graph, *resolved, {}, {}, &known);
  return reshaped && known.quantisation ? quantise(*reshaped, known.quantisation, &known)
                                        : std::move(reshaped);
}

}  // namespace fettle::runtime
