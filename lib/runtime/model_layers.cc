// SPDX-License-Identifier: Apache-2.0
//
// From an imported graph to a model for certain input shapes: passes, layers.
#include "lib/graph/passes.h"
#include "lib/runtime/evaluate.h"
#include "lib/runtime/model_state.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

namespace fettle::runtime {
namespace {

TensorInfo describe_tensor(const graph::Value& value) {
  TensorInfo info;
  info.name = value.name;
  info.shape = *value.shape;
  info.type = value.type;
  info.bytes = dense_bytes(info.shape, {Layout::nchw, info.type});
  return info;
}

// Values that hold the extents of outputs become outputs themselves, behind the model's own.
void add_extents(graph::Graph& graph, std::vector<int>& extents) {
  const std::size_t own = graph.outputs.size();
  for (std::size_t i = 0; i < own; ++i) {
    const graph::ValueId id = graph.value(graph.outputs[i]).extents;
    if (id == graph::kNoValue) {
      extents.push_back(-1);
      continue;
    }
    const auto found =
        std::find(graph.outputs.begin() + static_cast<std::ptrdiff_t>(own), graph.outputs.end(), id);
    extents.push_back(static_cast<int>(found - graph.outputs.begin()));
    if (found == graph.outputs.end()) graph.outputs.push_back(id);
  }
}

void describe_layers(Model::State& state) {
  const graph::Graph& graph = *state.graph;
  std::set<const graph::Constant*> counted;  // values may share one
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const auto id = static_cast<graph::NodeId>(i);
    const graph::Node& node = graph.node(id);
    LayerInfo layer;
    layer.id = node.id;
    layer.desc = graph::describe(graph, id);
    layer.macs = graph::count_macs(layer.desc);
    for (graph::ValueId input : node.inputs) {
      if (input == graph::kNoValue) continue;
      layer.inputs.push_back(graph.is_constant(input) ? -1 : input);
      const graph::Constant* constant = graph.value(input).constant.get();
      if (constant != nullptr && counted.insert(constant).second)
        state.constant_bytes += constant->bytes.size();
    }
    for (graph::ValueId output : node.outputs) {
      if (output != graph::kNoValue) layer.outputs.push_back(output);
    }
    state.layers.push_back(std::move(layer));
    state.layer_nodes.push_back(id);
  }
}

// Makes the layers of a graph whose inputs have no shapes yet. `problems` are what is known against it.
Result<Model> plan_layers(std::shared_ptr<const ModelSource> source, graph::Graph graph,
                          std::span<const std::optional<Shape>> shapes, std::vector<graph::Problem> problems) {
  for (std::size_t i = 0; i < shapes.size(); ++i) graph.value(graph.inputs[i]).shape = shapes[i];
  auto state = std::make_shared<Model::State>();
  // The names of outputs are the model's, whatever passes make of the values behind them.
  std::vector<std::string> output_names;
  for (graph::ValueId output : graph.outputs) output_names.push_back(graph.value(output).name);
  graph::PassContext context;
  context.evaluate = evaluate_constant;
  context.limits = source->limits;
  context.problems = std::move(problems);
  if (Status status = graph::optimise(graph, context); !status) return std::move(status).error();
  add_extents(graph, state->extents);
  state->source = std::move(source);
  state->own_outputs = output_names.size();
  state->graph = std::make_shared<graph::Graph>(std::move(graph));
  for (graph::ValueId input : state->graph->inputs)
    state->inputs.push_back(describe_tensor(state->graph->value(input)));
  for (graph::ValueId output : state->graph->outputs)
    state->outputs.push_back(describe_tensor(state->graph->value(output)));
  for (std::size_t i = 0; i < output_names.size(); ++i) {
    state->outputs[i].name = output_names[i];
    state->outputs[i].bounded = state->extents[i] >= 0;
  }
  describe_layers(*state);
  return Model(std::move(state));
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
  source->inputs = std::move(imported.inputs);
  const Result<std::vector<std::optional<Shape>>> shapes =
      graph::input_shapes(graph.name, source->inputs, options.shapes, options.limits, imported.problems);
  if (!shapes) return shapes.error();
  return plan_layers(std::move(source), std::move(graph), *shapes, std::move(imported.problems));
}

}  // namespace fettle::runtime
