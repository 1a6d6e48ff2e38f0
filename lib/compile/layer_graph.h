// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "lib/base/constant.h"
#include "lib/model/model_state.h"

#include <fettle/kernel.h>

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace fettle::runtime {

/// How the layers of a model hang together.
class LayerGraph {
 public:
  explicit LayerGraph(const ModelState& model);

  const ModelState& model() const { return *model_; }
  const LayerInfo& layer(int index) const { return model_->layers[static_cast<std::size_t>(index)]; }
  int size() const { return static_cast<int>(model_->layers.size()); }
  /// The layer of that id, or -1.
  int find(std::string_view id) const;
  /// What `kernel` can cover when its pattern begins at `first`: the layers of the pattern, by itself and
  /// followed by each of its epilogues, without `first`. Inner results have no other use.
  std::vector<std::vector<int>> matches(const Kernel& kernel, int first) const;
  /// One description for a layer and those it covers, every format nchw.
  LayerDesc describe(int first, std::span<const int> covers) const;
  /// For each input of describe(first, covers): the value's number, or -1 for constants.
  std::vector<int> input_values(int first, std::span<const int> covers) const;
  /// For each input of describe(first, covers): the constant, or null.
  std::vector<std::shared_ptr<const Constant>> input_constants(int first, std::span<const int> covers) const;

 private:
  int sole_consumer(int value) const;
  bool append(std::span<const Op> ops, int first, std::vector<int>& covers) const;

  const ModelState* model_;
  std::vector<std::vector<int>> consumers_;  ///< by value: layers that use it, with repetition
  std::vector<char> is_output_;              ///< by value
};

}  // namespace fettle::runtime
