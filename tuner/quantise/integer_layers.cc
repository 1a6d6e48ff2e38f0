// SPDX-License-Identifier: Apache-2.0
#include "tuner/quantise/integer_layers.h"

#include "tuner/quantise/layer_weights.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace fettle::tuner {
namespace {

class Chooser {
 public:
  Chooser(const Model& model, const std::set<std::string>& keep)
      : layers_(model.layers()), chosen_(layers_.size(), false), possible_(layers_.size(), false) {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      possible_[i] = has_integer_form(layers_[i].desc) && !keep.contains(layers_[i].id);
      for (const int output : layers_[i].outputs) producer_[output] = i;
      for (const int input : layers_[i].inputs) {
        if (input >= 0) readers_[input].push_back(i);
      }
    }
  }

  std::vector<std::size_t> choose() {
    for (std::size_t i = 0; i < layers_.size(); ++i) chosen_[i] = possible_[i] && has_weights(layers_[i]);
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < layers_.size(); ++i) {
        if (chosen_[i] || !possible_[i] || !pays(layers_[i])) continue;
        chosen_[i] = true;
        changed = true;
      }
    }
    std::vector<std::size_t> result;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (chosen_[i]) result.push_back(i);
    }
    return result;
  }

 private:
  bool pays(const LayerInfo& layer) const {
    const auto from_integers = [&](int input) {
      const auto producer = producer_.find(input);
      return producer != producer_.end() && chosen_[producer->second];
    };
    const bool all = std::ranges::all_of(layer.inputs, from_integers);
    if (!keeps_quantisation(layer.desc)) return all;
    const auto readers = readers_.find(layer.outputs.front());
    const bool read =
        readers != readers_.end() &&
        std::ranges::all_of(readers->second, [&](std::size_t reader) { return chosen_[reader]; });
    return all || (read && std::ranges::any_of(layer.inputs, from_integers));
  }

  const std::span<const LayerInfo> layers_;
  std::vector<bool> chosen_;
  std::vector<bool> possible_;
  std::map<int, std::size_t> producer_;
  std::map<int, std::vector<std::size_t>> readers_;
};

// Values that are one, by their smallest number.
class Union {
 public:
  int find(int value) {
    int& parent = parents_.try_emplace(value, value).first->second;
    return parent == value ? value : find(parent);
  }
  void join(int a, int b) {
    const int first = find(a);
    const int second = find(b);
    parents_[std::max(first, second)] = std::min(first, second);
  }
  std::vector<std::vector<int>> groups() {
    std::map<int, std::vector<int>> all;
    for (const auto& [value, parent] : parents_) all[find(value)].push_back(value);
    std::vector<std::vector<int>> result;
    for (auto& [root, values] : all) result.push_back(std::move(values));
    return result;
  }

 private:
  std::map<int, int> parents_;
};

}  // namespace

IntegerLayers integer_layers(const Model& model, const std::set<std::string>& keep) {
  IntegerLayers result;
  result.layers = Chooser(model, keep).choose();
  Union values;
  for (const std::size_t index : result.layers) {
    const LayerInfo& layer = model.layers()[index];
    const int output = layer.outputs.front();
    values.find(output);
    for (const int input : layer.inputs) {
      if (input < 0) continue;
      values.find(input);
      if (keeps_quantisation(layer.desc)) values.join(input, output);
    }
  }
  result.groups = values.groups();
  return result;
}

}  // namespace fettle::tuner
