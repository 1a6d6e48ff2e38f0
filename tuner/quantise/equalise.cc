// SPDX-License-Identifier: Apache-2.0
#include "tuner/quantise/equalise.h"

#include "tuner/quantise/layer_weights.h"
#include "tuner/tensor_places.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace fettle::tuner {
namespace {

struct Pair {
  std::size_t first;
  std::size_t second;
};

bool is_depthwise(const LayerWeights& weights) { return weights.groups > 1 && weights.inputs == 1; }

// Channels of rank 4 lie along axis 1, of matrices along the last.
std::int64_t channel_of(const Shape& shape, std::int64_t element) {
  if (shape.rank() != 4) return element % shape[shape.rank() - 1];
  return element / (shape[2] * shape[3]) % shape[1];
}

std::vector<Pair> find_pairs(const Model& model) {
  const std::span<const LayerInfo> layers = model.layers();
  std::map<int, std::vector<std::size_t>> readers;
  std::map<int, std::size_t> producers;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (const int input : layers[i].inputs) {
      if (input >= 0) readers[input].push_back(i);
    }
    for (const int output : layers[i].outputs) producers[output] = i;
  }
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!has_weights(layers[i])) continue;
    const std::optional<Clamp>& clamp = layers[i].desc.main().clamp;
    if (clamp && clamp->low != 0) continue;
    const auto found = readers.find(layers[i].outputs.front());
    if (found == readers.end() || found->second.size() != 1) continue;
    const LayerInfo& second = layers[found->second.front()];
    if (!has_weights(second) || second.inputs.front() != layers[i].outputs.front()) continue;
    const LayerWeights weights = weights_of(model, found->second.front());
    if (weights.groups == 1 || (is_depthwise(weights) && weights.groups == weights_of(model, i).outputs))
      pairs.push_back({i, found->second.front()});
  }
  return pairs;
}

// For each input channel the largest weight that meets it.
std::vector<double> input_ranges(const LayerWeights& weights) {
  const bool depthwise = is_depthwise(weights);
  std::vector<double> ranges(static_cast<std::size_t>(depthwise ? weights.groups : weights.inputs), 0);
  for (std::int64_t output = 0; output < weights.outputs; ++output) {
    for (std::int64_t input = 0; input < weights.inputs; ++input) {
      const std::int64_t channel = depthwise ? output / (weights.outputs / weights.groups) : input;
      for (std::int64_t tap = 0; tap < weights.taps; ++tap) {
        double& range = ranges[static_cast<std::size_t>(channel)];
        range =
            std::max(range, static_cast<double>(std::abs(weights.values[weights.at(output, input, tap)])));
      }
    }
  }
  return ranges;
}

// Beyond these a channel's bias, in units of its scale, would grow out of 32 bits.
constexpr double kMostFactor = 64;
// How far above what was seen a bound has to stay.
constexpr double kRoom = 1.1;

// Factors whose geometric mean is 1 over the channels that have any; the others stay as they are. Below an
// upper bound the largest is 1, and none is so small that the bound would cut off what was seen.
std::vector<float> factors_of(const LayerWeights& second, const std::vector<double>& activations,
                              double bound) {
  const std::vector<double> weights = input_ranges(second);
  std::vector<double> factors;
  double logarithms = 0;
  double known = 0;
  for (std::size_t i = 0; i < activations.size(); ++i) {
    double factor = 0;
    if (activations[i] > 0 && weights[i] > 0)
      factor = is_depthwise(second) ? activations[i] : std::sqrt(activations[i] / weights[i]);
    factors.push_back(factor);
    if (factor > 0) {
      logarithms += std::log(factor);
      known += 1;
    }
  }
  const bool bounded = std::isfinite(bound);
  double unit = known > 0 ? std::exp(logarithms / known) : 1;
  if (bounded && known > 0) unit = *std::ranges::max_element(factors);
  std::vector<float> result;
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const double least =
        std::max(1 / kMostFactor, bounded ? std::min(1.0, kRoom * activations[i] / bound) : 0);
    const double factor = std::clamp(factors[i] / unit, least, bounded ? 1.0 : kMostFactor);
    result.push_back(factors[i] > 0 ? static_cast<float>(factor) : 1.0f);
  }
  return result;
}

}  // namespace

Result<std::vector<Equalisation>> find_equalisation(const Model& model, VisitedRun& run, KeptSamples& samples,
                                                    const std::function<void(std::size_t)>& progress) {
  const std::vector<Pair> pairs = find_pairs(model);
  std::map<int, std::vector<double>> ranges;
  for (const Pair& pair : pairs) {
    const LayerInfo& first = model.layers()[pair.first];
    ranges[first.outputs.front()].resize(static_cast<std::size_t>(weights_of(model, pair.first).outputs), 0);
  }
  for (std::size_t sample = 0; sample < samples.count() && !pairs.empty(); ++sample) {
    Status status = run.run(samples, sample, [&](int value, const TensorDesc& desc, void* data) {
      const auto found = ranges.find(value);
      if (found == ranges.end() || desc.format.type != DataType::f32) return;
      const auto* reals = static_cast<const float*>(data);
      for_each_place(desc, [&](std::int64_t i, std::int64_t place) {
        double& range = found->second[static_cast<std::size_t>(channel_of(desc.shape, i))];
        range = std::max(range, static_cast<double>(std::abs(reals[place])));
      });
    });
    if (!status) return std::move(status).error();
    progress(sample + 1);
  }
  std::vector<Equalisation> result;
  for (const Pair& pair : pairs) {
    const LayerInfo& first = model.layers()[pair.first];
    const std::optional<Clamp>& clamp = first.desc.main().clamp;
    const double bound = clamp ? static_cast<double>(clamp->high) : INFINITY;
    result.push_back({first.id, model.layers()[pair.second].id,
                      factors_of(weights_of(model, pair.second), ranges[first.outputs.front()], bound)});
  }
  return result;
}

}  // namespace fettle::tuner
