// SPDX-License-Identifier: Apache-2.0
//
// Models: import, hashes, passes, layers.
#include <fettle/model.h>

#include "lib/base/guard.h"
#include "lib/base/mapped_file.h"
#include "lib/graph/passes.h"
#include "lib/runtime/evaluate.h"
#include "lib/runtime/model_state.h"

#if FETTLE_WITH_ONNX
#include "lib/onnx/reader.h"
#endif

#include <algorithm>
#include <set>
#include <utility>

namespace fettle {
namespace {

std::string stem(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (const std::size_t dot = name.rfind('.'); dot != std::string::npos && dot > 0) name.resize(dot);
  return name;
}

// The folder that a file is in; "." where the path names none.
std::string folder_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<graph::Graph> import(std::span<const std::byte> bytes, const std::string& name,
                            const std::string& folder, const ModelOptions& options) {
#if FETTLE_WITH_ONNX
  return onnx_import::read(bytes, name, folder, options);
#else
  static_cast<void>(bytes);
  static_cast<void>(folder);
  static_cast<void>(options);
  return Error(ErrorCode::kNotCompiledIn, name + ": this build cannot read ONNX files",
               "build with FETTLE_ONNX=ON");
#endif
}

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

Result<Model> build(std::span<const std::byte> bytes, const std::string& path, const std::string& name,
                    const std::string& folder, const ModelOptions& options) {
  Result<graph::Graph> imported = import(bytes, path, folder, options);
  if (!imported) return std::move(imported).error();
  auto state = std::make_shared<Model::State>();
  state->name = name;
  state->opset = imported->opset;
  state->imported_nodes = imported->live_nodes();
  state->graph_hash = graph::structure_hash(*imported);
  state->weights_hash = graph::weights_hash(*imported);
  // The names of outputs are the model's, whatever passes make of the values behind them.
  std::vector<std::string> output_names;
  for (graph::ValueId output : imported->outputs) output_names.push_back(imported->value(output).name);
  graph::PassContext context;
  context.evaluate = runtime::evaluate_constant;
  context.limits = options.limits;
  if (Status status = graph::optimise(*imported, context); !status) return std::move(status).error();
  add_extents(*imported, state->extents);
  state->own_outputs = output_names.size();
  state->graph = std::make_shared<graph::Graph>(*std::move(imported));
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

Result<Model> Model::load(const std::string& path, const ModelOptions& options) {
  return guard_allocation([&]() -> Result<Model> {
    Result<std::shared_ptr<const MappedFile>> file = MappedFile::open(path, options.limits.file_bytes);
    if (!file) return std::move(file).error();
    return build((*file)->bytes(), path, stem(path), folder_of(path), options);
  });
}

Result<Model> Model::parse(std::span<const std::byte> bytes, const std::string& name,
                           const ModelOptions& options) {
  return guard_allocation([&]() -> Result<Model> {
    if (bytes.size() > options.limits.file_bytes)
      return Error(ErrorCode::kLimitExceeded, name + " has " + std::to_string(bytes.size()) +
                                                  " bytes, more than ModelLimits::file_bytes");
    return build(bytes, name, name, "", options);
  });
}

const std::string& Model::name() const noexcept { return state_->name; }
std::span<const TensorInfo> Model::inputs() const noexcept { return state_->inputs; }
std::span<const TensorInfo> Model::outputs() const noexcept {
  return std::span(state_->outputs).first(state_->own_outputs);
}
const std::string& Model::graph_hash() const noexcept { return state_->graph_hash; }
const std::string& Model::weights_hash() const noexcept { return state_->weights_hash; }
std::span<const LayerInfo> Model::layers() const noexcept { return state_->layers; }
std::size_t Model::constant_bytes() const noexcept { return state_->constant_bytes; }
std::int64_t Model::opset() const noexcept { return state_->opset; }
std::size_t Model::imported_nodes() const noexcept { return state_->imported_nodes; }

}  // namespace fettle
