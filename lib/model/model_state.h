// SPDX-License-Identifier: Apache-2.0
//
// What a Model holds. Shared and immutable once made.
#pragma once

#include "lib/graph/graph.h"
#include "lib/graph/imported.h"

#include <fettle/model.h>
#include <fettle/quantisation.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

namespace runtime {

/// What models of one file have in common, whatever the shapes of their inputs.
struct ModelSource {
  std::string name;
  std::string graph_hash;  ///< of the graph as imported
  std::string weights_hash;
  std::int64_t opset = 0;
  std::size_t imported_nodes = 0;
  ModelLimits limits;
  bool keep_subnormals = false;
  std::vector<graph::DeclaredInput> inputs;
  std::optional<graph::Graph> graph;  ///< as imported; nothing when it was released, or has but one shape
};

}  // namespace runtime

struct ModelState {
  static const ModelState& of(const Model& model) noexcept { return *model.state_; }
  static Model model_of(std::shared_ptr<const ModelState> state) noexcept { return Model(std::move(state)); }

  std::shared_ptr<const runtime::ModelSource> source;
  std::shared_ptr<const graph::Graph> graph;  ///< after passes
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<LayerInfo> layers;           ///< in execution order
  std::vector<graph::NodeId> layer_nodes;  ///< the node of each layer
  std::size_t constant_bytes = 0;
  std::vector<std::string_view> folding_kernels;
  std::vector<PassInfo> passes;
  std::vector<std::string> notes;
  std::shared_ptr<const Quantisation> quantisation;  ///< what Model::quantised was given; null: nothing
};

namespace runtime {

/// A model of an imported graph, for the shapes of the options. Errors: see Model::load.
Result<Model> make_model(graph::Imported imported, const std::string& name, const ModelOptions& options);
/// See Model::quantised.
Result<Model> quantise_model(const Model& model, std::shared_ptr<const Quantisation> quantisation);
/// See Model::with_shapes.
Result<Model> reshape_model(const Model& model, const std::map<std::string, Shape>& shapes);

}  // namespace runtime
}  // namespace fettle
