// SPDX-License-Identifier: Apache-2.0
//
// The functions that recurrent operators apply to their gates: names and ONNX's defaults.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace fettle {

/// In the order of kActivations.
enum class Activation : std::uint8_t {
  relu,
  tanh,
  sigmoid,
  affine,
  leaky_relu,
  thresholded_relu,
  scaled_tanh,
  hard_sigmoid,
  elu,
  softsign,
  softplus
};

/// A function's name, which of the two parameters it takes, and what they are where the model says nothing.
struct ActivationRow {
  std::string_view name;
  bool takes_alpha;
  bool takes_beta;
  float alpha;
  float beta;
};
inline constexpr ActivationRow kActivations[] = {
    {"Relu", false, false, 0, 0},         {"Tanh", false, false, 0, 0},
    {"Sigmoid", false, false, 0, 0},      {"Affine", true, true, 1, 0},
    {"LeakyRelu", true, false, 0.01f, 0}, {"ThresholdedRelu", true, false, 1, 0},
    {"ScaledTanh", true, true, 1, 1},     {"HardSigmoid", true, true, 0.2f, 0.5f},
    {"Elu", true, false, 1, 0},           {"Softsign", false, false, 0, 0},
    {"Softplus", false, false, 0, 0},
};

/// The function of that name; ONNX does not mind about case here.
inline std::optional<Activation> activation_from_name(std::string_view name) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (std::size_t i = 0; i < std::size(kActivations); ++i) {
    const std::string_view known = kActivations[i].name;
    if (std::equal(known.begin(), known.end(), name.begin(), name.end(),
                   [&](char a, char b) { return lower(a) == lower(b); }))
      return static_cast<Activation>(i);
  }
  return std::nullopt;
}

/// Takes the text before the next comma off the front of `list`.
inline std::string_view take_name(std::string_view& list) noexcept {
  const std::size_t comma = std::min(list.find(','), list.size());
  const std::string_view name = list.substr(0, comma);
  list.remove_prefix(std::min(comma + 1, list.size()));
  return name;
}

}  // namespace fettle
