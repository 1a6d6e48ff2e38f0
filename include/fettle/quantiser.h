// SPDX-License-Identifier: Apache-2.0
//
// The quantiser: from a network in floats and some data to a Quantisation, without training. Links with
// fettle::tuner.
#pragma once

#include <fettle/accuracy.h>
#include <fettle/error.h>
#include <fettle/export.h>
#include <fettle/model.h>
#include <fettle/quantisation.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

/// How the range of an activation is found from what it was on the data.
enum class RangeMethod {
  automatic,   ///< for each activation the one below with the least error of the network's outputs
  min_max,     ///< all that was seen
  percentile,  ///< all but 0.01 % at each end
  kl,          ///< the distribution in 8 bits diverges least from the one in floats
  mse,         ///< the least mean squared error
};
/// "auto", "min-max", "percentile", "kl", "mse".
FETTLE_API std::string_view to_string(RangeMethod method) noexcept;

/// How far a quantisation has come.
struct QuantiseProgress {
  std::string_view
      phase;  ///< "observe", "equalise", "ranges", "weights", "rounding", "sensitivity", "accuracy"
  std::size_t done = 0;  ///< of `total` in this phase
  std::size_t total = 0;
};

struct QuantiseOptions {
  DataType type = DataType::s8;  ///< of activations: s8 or u8. Weights are always s8
  RangeMethod method = RangeMethod::automatic;
  std::vector<std::string> keep_real;  ///< ids of layers that stay in floats
  bool equalise = true;                ///< try cross-layer equalisation, and keep it where outputs gain by it
  bool correct_biases = true;
  /// Round the weights of so many layers, those that cost the most, not to nearest but so that their result
  /// is best. Their weights are no longer those of the model: for a quantised file only, not for a plan.
  int rounded_layers = 0;
  /// Where the outputs' noise is above -24 dB, layers that cost the most for their work stay in floats, as
  /// long as the work of all of them is at most this share of the network's. 0: none do.
  double real_work = 0.1;
  bool sensitivity = true;  ///< measure each layer's share of the loss
  /// Whether a quantised model is good enough; may be null. While it is not, layers go back to floats, those
  /// first that cost the most for their work. Called some times with different models (the number of such
  /// layers is searched by halving). Where no number of layers is enough, all that can be quantised are.
  std::function<Result<bool>(const Model& quantised)> accept;
  std::function<void(const QuantiseProgress&)> progress;  ///< may be null
};

/// One activation's form and where it came from.
struct QuantisedValue {
  std::string name;
  ValueQuantisation form;
  RangeMethod method = RangeMethod::min_max;  ///< the one that was taken
  float low = 0;                              ///< what was seen
  float high = 0;
};

/// What a layer costs when it alone computes with integers.
struct LayerSensitivity {
  std::string layer;
  double noise = 0;  ///< energy of the outputs' differences from floats, over that of the outputs
  double kl = 0;     ///< see AccuracyResult::mean_kl
};

struct QuantiseResult {
  Quantisation quantisation;
  std::vector<QuantisedValue> values;
  std::vector<LayerSensitivity> layers;  ///< the most sensitive first; empty unless asked for
  std::vector<std::string> real_layers;  ///< ids of layers that stay in floats
  bool accepted = true;                  ///< by QuantiseOptions::accept
  double noise = 0;                      ///< of the whole, on the data: see LayerSensitivity
  double expected_noise = 0;             ///< the sum over the layers: what the whole is expected to have
  std::vector<std::string> notes;        ///< for people
};

/// Quantises all layers that can be, with activations' ranges from `samples`. Some hundred samples give good
/// ranges; labels are not needed. Runs the network several times per sample and once or more per layer.
/// Errors: kInvalidArgument (fewer than 2 samples; a layer of `keep_real` that is not there; a model whose
/// layers all compute with integers already; an activation that is not finite, which is named with its
/// layer), those of the samples, of compiling and of running.
FETTLE_API Result<QuantiseResult> quantise(const Model& model, const Samples& samples,
                                           const QuantiseOptions& options = {});

}  // namespace fettle
