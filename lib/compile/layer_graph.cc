// SPDX-License-Identifier: Apache-2.0
#include "lib/compile/layer_graph.h"

#include <algorithm>
#include <utility>

namespace fettle::runtime {

LayerGraph::LayerGraph(const ModelState& model) : model_(&model) {
  const std::size_t values = model.graph->value_count();
  consumers_.resize(values);
  is_output_.resize(values, 0);
  for (int index = 0; index < size(); ++index) {
    for (int value : layer(index).inputs) {
      if (value >= 0) consumers_[static_cast<std::size_t>(value)].push_back(index);
    }
  }
  for (graph::ValueId value : model.graph->outputs) is_output_[static_cast<std::size_t>(value)] = 1;
}

int LayerGraph::find(std::string_view id) const {
  const auto found = std::find_if(model_->layers.begin(), model_->layers.end(),
                                  [&](const LayerInfo& l) { return l.id == id; });
  return found == model_->layers.end() ? -1 : static_cast<int>(found - model_->layers.begin());
}

int LayerGraph::sole_consumer(int value) const {
  const auto index = static_cast<std::size_t>(value);
  if (is_output_[index] || consumers_[index].size() != 1) return -1;
  return consumers_[index].front();
}

// Adds the layers of these operators that follow `first` and those it covers so far; false where the graph
// goes on in another way.
bool LayerGraph::append(std::span<const Op> ops, int first, std::vector<int>& covers) const {
  for (const Op op : ops) {
    const LayerInfo& last = layer(covers.empty() ? first : covers.back());
    if (last.outputs.size() != 1) return false;
    const int next = sole_consumer(last.outputs.front());
    if (next < 0 || layer(next).desc.main().op != op) return false;
    covers.push_back(next);
  }
  return true;
}

std::vector<std::vector<int>> LayerGraph::matches(const Kernel& kernel, int first) const {
  std::vector<int> pattern;
  if (layer(first).desc.main().op != kernel.pattern.front() ||
      !append(kernel.pattern.subspan(1), first, pattern))
    return {};
  std::vector<std::vector<int>> all{pattern};
  for (const std::span<const Op> epilogue : kernel.epilogues) {
    std::vector<int> covers = pattern;
    if (append(epilogue, first, covers)) all.push_back(std::move(covers));
  }
  return all;
}

LayerDesc LayerGraph::describe(int first, std::span<const int> covers) const {
  LayerDesc region = layer(first).desc;
  int inner_value = layer(first).outputs.empty() ? -1 : layer(first).outputs.front();
  for (int index : covers) {
    const LayerInfo& next = layer(index);
    LayerPart part = next.desc.main();
    const int producer = static_cast<int>(region.parts.size()) - 1;
    std::vector<int> renumbered(next.desc.inputs.size());
    for (std::size_t i = 0; i < next.desc.inputs.size(); ++i) {
      if (next.inputs[i] == inner_value) {
        renumbered[i] = result_of_part(producer);
      } else {
        renumbered[i] = static_cast<int>(region.inputs.size());
        region.inputs.push_back(next.desc.inputs[i]);
      }
    }
    for (int& operand : part.operands) {
      if (operand >= 0) operand = renumbered[static_cast<std::size_t>(operand)];
    }
    region.inner.push_back(region.outputs.front());
    region.outputs = next.desc.outputs;
    region.parts.push_back(std::move(part));
    inner_value = next.outputs.empty() ? -1 : next.outputs.front();
  }
  return region;
}

std::vector<int> LayerGraph::input_values(int first, std::span<const int> covers) const {
  std::vector<int> values = layer(first).inputs;
  int inner_value = layer(first).outputs.empty() ? -1 : layer(first).outputs.front();
  for (int index : covers) {
    for (int value : layer(index).inputs) {
      if (value != inner_value) values.push_back(value);
    }
    inner_value = layer(index).outputs.empty() ? -1 : layer(index).outputs.front();
  }
  return values;
}

std::vector<std::shared_ptr<const Constant>> LayerGraph::input_constants(int first,
                                                                         std::span<const int> covers) const {
  std::vector<std::shared_ptr<const Constant>> constants;
  int inner_value = -1;
  const auto append = [&](int index) {
    const graph::Graph& graph = *model_->graph;
    for (graph::ValueId value : graph.node(model_->layer_nodes[static_cast<std::size_t>(index)]).inputs) {
      if (value == graph::kNoValue || value == inner_value) continue;
      constants.push_back(graph.value(value).constant);
    }
    inner_value = layer(index).outputs.empty() ? -1 : layer(index).outputs.front();
  };
  append(first);
  for (int index : covers) append(index);
  return constants;
}

}  // namespace fettle::runtime
