// SPDX-License-Identifier: Apache-2.0
//
// Post-training quantisation, step by step: observe, equalise, choose ranges, round weights, correct biases,
// measure what each layer costs.
#include <fettle/quantiser.h>

#include "tuner/quantise/equalise.h"
#include "tuner/quantise/histogram.h"
#include "tuner/quantise/integer_layers.h"
#include "tuner/quantise/layer_weights.h"
#include "tuner/quantise/output_error.h"
#include "tuner/quantise/ranges.h"
#include "tuner/quantise/visited_run.h"
#include "tuner/quantise/weight_scales.h"
#include "tuner/tensor_places.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace fettle {
namespace tuner {
namespace {

constexpr std::size_t kErrorSamples = 32;   // that whole quantisations are compared on
constexpr std::size_t kRangeSamples = 8;    // that the ranges of one activation are compared on
constexpr std::size_t kLayerSamples = 16;   // that one layer's sensitivity is measured on
constexpr std::size_t kMomentSamples = 64;  // that patches are taken of

constexpr RangeMethod kMethods[] = {RangeMethod::min_max, RangeMethod::percentile, RangeMethod::kl,
                                    RangeMethod::mse};

// The numbers of some values on the data, and the samples that hold the least and the largest: what a range
// cuts off shows there.
struct Observed {
  Histogram histogram;
  std::size_t lowest = 0;
  std::size_t highest = 0;
};

// A quantisation on the way, with the network that it starts from.
struct Draft {
  Model real;  // in floats, equalised
  Quantisation quantisation;
  std::vector<QuantisedValue> values;
  std::map<std::size_t, LayerMoments> moments;  // by layer
  double noise = 0;
};

class Quantiser {
 public:
  Quantiser(const Model& model, const Samples& samples, const QuantiseOptions& options)
      : model_(model),
        samples_(samples),
        few_({std::min(samples.count, kMomentSamples), evenly(samples, kMomentSamples)}),
        options_(options),
        keep_(options.keep_real.begin(), options.keep_real.end()),
        weights_(std::make_shared<WeightStore>()) {}

  Result<QuantiseResult> run() {
    if (Status status = check(); !status) return std::move(status).error();
    Result<VisitedRun> real = VisitedRun::create(model_, weights_);
    if (!real) return std::move(real).error();
    Result<OutputErrors> errors = OutputErrors::create(*real, samples_, kErrorSamples);
    if (!errors) return std::move(errors).error();
    errors_ = *std::move(errors);
    Result<Draft> draft = build(model_, {});
    if (!draft) return std::move(draft).error();
    if (options_.equalise) {
      if (Status status = try_equalised(*real, *draft); !status) return std::move(status).error();
    }
    return finish(*std::move(draft));
  }

 private:
  static std::function<Status(std::size_t, std::span<const TensorView>)> evenly(const Samples& samples,
                                                                                std::size_t most) {
    const std::size_t count = std::min(samples.count, most);
    return [samples, count](std::size_t index, std::span<const TensorView> inputs) {
      return samples.load(index * samples.count / count, inputs);
    };
  }

  void progress(std::string_view phase, std::size_t done, std::size_t total) const {
    if (options_.progress) options_.progress({phase, done, total});
  }

  Status check() const {
    if (options_.type != DataType::s8 && options_.type != DataType::u8)
      return Error(ErrorCode::kInvalidArgument,
                   "activations cannot become " + std::string(to_string(options_.type)),
                   "QuantiseOptions::type is s8 or u8");
    if (samples_.count() < 2)
      return Error(ErrorCode::kInvalidArgument,
                   "there are " + std::to_string(samples_.count()) + " samples to quantise with",
                   "give some hundred that are like those that the network will see");
    for (const std::string& id : keep_) {
      const auto same = [&](const LayerInfo& layer) { return layer.id == id; };
      if (std::ranges::none_of(model_.layers(), same))
        return Error(ErrorCode::kInvalidArgument, "the model has no layer " + id + " to keep in floats",
                     "`fettle inspect` lists the layers");
    }
    if (integer_layers(model_, keep_).empty())
      return Error(ErrorCode::kInvalidArgument,
                   model_.name() + " has no layers that could compute with integers",
                   "is it quantised already?");
    for (const TensorInfo& output : model_.outputs()) {
      if (output.type != DataType::f32)
        return Error(ErrorCode::kInvalidArgument,
                     "output " + output.name + " is " + std::string(to_string(output.type)) +
                         ": what quantising costs is measured on f32",
                     "export the model without what turns its outputs into integers");
    }
    return {};
  }

  // All of it for a network in floats, `equalised` already.
  Result<Draft> build(const Model& real, std::vector<Equalisation> equalised) {
    Draft draft{real, {}, {}, {}, 0};
    draft.quantisation.equalised = std::move(equalised);
    Result<VisitedRun> run = VisitedRun::create(real, weights_);
    if (!run) return std::move(run).error();
    const IntegerLayers layers = integer_layers(real, keep_);
    Result<std::vector<Observed>> observed = observe(real, *run, layers);
    if (!observed) return std::move(observed).error();
    if (Status status = choose_ranges(draft, *run, layers, *observed); !status)
      return std::move(status).error();
    Result<std::map<std::size_t, LayerMoments>> moments = input_moments(
        real, *run, few_, layers.layers, [&](std::size_t done) { progress("weights", done, few_.count()); });
    if (!moments) return std::move(moments).error();
    draft.moments = *std::move(moments);
    for (std::size_t i = 0; i < layers.layers.size(); ++i) {
      const LayerInfo& layer = real.layers()[layers.layers[i]];
      LayerQuantisation& form = draft.quantisation.layers[layer.id];
      if (has_weights(layer)) {
        const ValueQuantisation& input =
            draft.quantisation.values.at(std::string(real.value_name(layer.inputs.front())));
        form.weight_scales = weight_scales(weights_of(real, layers.layers[i]),
                                           draft.moments.at(layers.layers[i]), input.scale);
      }
      progress("weights", i + 1, layers.layers.size());
    }
    if (Status status = drop_layers_in_floats(draft); !status) return std::move(status).error();
    Result<double> noise = noise_of(draft.quantisation);
    if (!noise) return std::move(noise).error();
    draft.noise = *noise;
    if (options_.correct_biases) {
      if (Status status = correct_biases(draft); !status) return std::move(status).error();
    }
    return draft;
  }

  Result<std::vector<Observed>> observe(const Model& real, VisitedRun& run, const IntegerLayers& layers) {
    std::vector<Observed> observed(layers.groups.size());
    std::map<int, std::size_t> group_of;
    for (std::size_t group = 0; group < layers.groups.size(); ++group) {
      for (const int value : layers.groups[group]) group_of[value] = group;
    }
    for (std::size_t sample = 0; sample < samples_.count(); ++sample) {
      int wrong = -1;
      Status status = run.run(samples_, sample, [&](int value, const TensorDesc& desc, void* data) {
        const auto found = group_of.find(value);
        if (found == group_of.end() || desc.format.type != DataType::f32) return;
        Observed& seen = observed[found->second];
        Histogram& histogram = seen.histogram;
        const float low = histogram.low();
        const float high = histogram.high();
        for_each_real(desc, static_cast<float*>(data), [&](float& real_value) { histogram.add(real_value); });
        if (histogram.low() < low) seen.lowest = sample;
        if (histogram.high() > high) seen.highest = sample;
        if (histogram.not_finite() > 0 && wrong < 0) wrong = value;
      });
      if (!status) return std::move(status).error();
      if (wrong >= 0) return not_finite(real, wrong, sample);
      progress("observe", sample + 1, samples_.count());
    }
    for (std::size_t group = 0; group < observed.size(); ++group) {
      const Histogram& seen = observed[group].histogram;
      if (seen.low() != seen.high() && !seen.empty()) continue;
      notes_.insert("value " + std::string(real.value_name(layers.groups[group].front())) + " is always " +
                    std::to_string(seen.low()) + " on the data: is the preprocessing right?");
    }
    return observed;
  }

  static Error not_finite(const Model& real, int value, std::size_t sample) {
    std::string layer;
    for (const LayerInfo& info : real.layers()) {
      if (std::ranges::find(info.outputs, value) != info.outputs.end()) layer = " of layer " + info.id;
    }
    return {ErrorCode::kInvalidArgument,
            "value " + std::string(real.value_name(value)) + layer + " has NaN or infinities on sample " +
                std::to_string(sample),
            "check the preprocessing (mean, std, order); or keep the layer in floats"};
  }

  // Changes the elements to what they would be in 8 bits.
  static void round_elements(const ValueQuantisation& form, const TensorDesc& desc, void* data) {
    const float low = form.type == DataType::s8 ? -128 : 0;
    const auto zero = static_cast<float>(form.zero_point);
    for_each_real(desc, static_cast<float*>(data), [&](float& value) {
      const float stored = std::clamp(std::nearbyint(value / form.scale) + zero, low, low + 255);
      value = form.scale * (stored - zero);
    });
  }

  Status choose_ranges(Draft& draft, VisitedRun& run, const IntegerLayers& layers,
                       const std::vector<Observed>& observed) {
    for (std::size_t group = 0; group < layers.groups.size(); ++group) {
      const std::vector<int>& values = layers.groups[group];
      const Histogram& histogram = observed[group].histogram;
      RangeMethod method = options_.method;
      if (method == RangeMethod::automatic) {
        const Result<RangeMethod> best = best_method(run, values, observed[group]);
        if (!best) return best.error();
        method = *best;
      }
      const ValueQuantisation form = calibrate(histogram, method, options_.type);
      for (const int value : values) {
        const std::string name(draft.real.value_name(value));
        draft.quantisation.values[name] = form;
        draft.values.push_back({name, form, method, histogram.low(), histogram.high()});
      }
      progress("ranges", group + 1, layers.groups.size());
    }
    return {};
  }

  // The method whose range costs the outputs the least when this activation alone has 8 bits.
  Result<RangeMethod> best_method(VisitedRun& run, const std::vector<int>& values, const Observed& observed) {
    const std::set<std::size_t> extremes{observed.lowest, observed.highest};
    RangeMethod best = RangeMethod::min_max;
    double least = INFINITY;
    std::vector<ValueQuantisation> tried;
    for (const RangeMethod method : kMethods) {
      const ValueQuantisation form = calibrate(observed.histogram, method, options_.type);
      if (std::ranges::find(tried, form) != tried.end()) continue;
      tried.push_back(form);
      const Result<double> noise = errors_.measure(
          run, samples_,
          [&](int value, const TensorDesc& desc, void* data) {
            const bool wanted = std::ranges::find(values, value) != values.end();
            if (wanted && desc.format.type == DataType::f32) round_elements(form, desc, data);
          },
          kRangeSamples, extremes);
      if (!noise) return noise.error();
      if (*noise < least) {
        least = *noise;
        best = method;
      }
    }
    return best;
  }

  // What the library leaves in floats, such as a layer whose sums may not fit 32 bits, would only cost
  // conversions.
  Status drop_layers_in_floats(Draft& draft) {
    for (bool dropped = true; dropped && !draft.quantisation.layers.empty();) {
      dropped = false;
      const Result<Model> quantised = model_.quantised(draft.quantisation);
      if (!quantised) return quantised.error();
      for (const LayerInfo& layer : quantised->layers()) {
        const bool integers = layer.desc.outputs.front().format.scale != 0;
        if (integers || draft.quantisation.layers.erase(layer.id) == 0) continue;
        notes_.insert("layer " + layer.id + " stays in floats: its numbers do not fit integers");
        dropped = true;
      }
    }
    if (draft.quantisation.layers.empty())
      return Error(ErrorCode::kInvalidArgument,
                   "no layer of " + model_.name() + " can compute with integers");
    return {};
  }

  Result<double> noise_of(const Quantisation& quantisation) {
    const Result<Model> quantised = model_.quantised(quantisation);
    if (!quantised) return quantised.error();
    const Result<OutputError> error = errors_.measure(*quantised, samples_, weights_, kErrorSamples);
    if (!error) return error.error();
    return error->noise;
  }

  // Shifts biases by what rounding the weights moves the mean results, if the outputs gain by it.
  Status correct_biases(Draft& draft) {
    Quantisation corrected = draft.quantisation;
    for (const auto& [index, input] : draft.moments) {
      const auto layer = corrected.layers.find(draft.real.layers()[index].id);
      if (layer == corrected.layers.end()) continue;
      LayerQuantisation& form = layer->second;
      const LayerWeights weights = weights_of(draft.real, index);
      form.bias_shift =
          bias_shift(weights, input, form.weight_scales,
                     form.weights.empty() ? nearest(weights, form.weight_scales) : form.weights);
    }
    const Result<double> noise = noise_of(corrected);
    if (!noise) return noise.error();
    if (*noise >= draft.noise) return {};
    draft.noise = *noise;
    draft.quantisation = std::move(corrected);
    return {};
  }

  // Rounds the weights of the layers that cost the most anew, one layer after the other, and keeps what the
  // outputs gain by.
  Status round_layers(Draft& draft, const std::vector<LayerSensitivity>& layers) {
    int left = options_.rounded_layers;
    for (const LayerSensitivity& sensitive : layers) {
      if (left == 0) break;
      for (const auto& [index, input] : draft.moments) {
        const bool integers = draft.quantisation.layers.contains(sensitive.layer);
        if (draft.real.layers()[index].id != sensitive.layer || !integers) continue;
        progress("rounding", static_cast<std::size_t>(options_.rounded_layers - left),
                 static_cast<std::size_t>(options_.rounded_layers));
        --left;
        Quantisation rounded = draft.quantisation;
        LayerQuantisation& form = rounded.layers.at(sensitive.layer);
        const LayerWeights weights = weights_of(draft.real, index);
        form.weights = best_rounding(weights, input, form.weight_scales);
        if (options_.correct_biases)
          form.bias_shift = bias_shift(weights, input, form.weight_scales, form.weights);
        const Result<double> noise = noise_of(rounded);
        if (!noise) return noise.error();
        if (*noise >= draft.noise) continue;
        draft.noise = *noise;
        draft.quantisation = std::move(rounded);
      }
    }
    return {};
  }

  Status try_equalised(VisitedRun& real, Draft& draft) {
    Result<std::vector<Equalisation>> pairs = find_equalisation(
        model_, real, samples_, [&](std::size_t done) { progress("equalise", done, samples_.count()); });
    if (!pairs) return std::move(pairs).error();
    if (pairs->empty()) return {};
    Quantisation alone;
    alone.equalised = *pairs;
    const Result<Model> equalised = model_.quantised(alone);
    if (!equalised) return equalised.error();
    Result<Draft> other = build(*equalised, *std::move(pairs));
    if (!other) return std::move(other).error();
    if (other->noise < draft.noise) draft = *std::move(other);
    return {};
  }

  // A quantisation of one layer alone.
  static Quantisation alone(const Quantisation& all, const LayerInfo& layer, const Model& real) {
    Quantisation one;
    one.equalised = all.equalised;
    one.layers[layer.id] = all.layers.at(layer.id);
    for (const std::vector<int>* values : {&layer.inputs, &layer.outputs}) {
      for (const int value : *values) {
        const auto found = all.values.find(std::string(real.value_name(value)));
        if (found != all.values.end()) one.values.insert(*found);
      }
    }
    return one;
  }

  Status measure_layers(const Draft& draft, QuantiseResult& result) {
    const auto total = draft.quantisation.layers.size();
    std::size_t done = 0;
    for (const LayerInfo& layer : draft.real.layers()) {
      if (!draft.quantisation.layers.contains(layer.id)) continue;
      progress("sensitivity", ++done, total);
      if (keeps_quantisation(layer.desc)) continue;
      const Result<Model> quantised = model_.quantised(alone(draft.quantisation, layer, draft.real));
      if (!quantised) return quantised.error();
      const Result<OutputError> error = errors_.measure(*quantised, samples_, weights_, kLayerSamples);
      if (!error) return error.error();
      result.layers.push_back({layer.id, error->noise, error->kl});
      result.expected_noise += error->noise;
    }
    std::ranges::stable_sort(result.layers, std::greater<>(), &LayerSensitivity::noise);
    return {};
  }

  // The layers with weights or sums, those first that cost the outputs the most for the work that they are.
  std::vector<std::string> worst_first(const QuantiseResult& result) const {
    std::map<std::string, double> work;
    double all = 1;
    for (const LayerInfo& layer : model_.layers()) {
      work[layer.id] = static_cast<double>(layer.operations);
      all += work[layer.id];
    }
    constexpr double kLeastShare = 0.01;  // small layers cost conversions instead
    std::vector<std::pair<double, std::string>> order;
    for (const LayerSensitivity& layer : result.layers)
      order.emplace_back(layer.noise / (work[layer.layer] / all + kLeastShare), layer.layer);
    std::ranges::stable_sort(order, std::greater<>(), &std::pair<double, std::string>::first);
    std::vector<std::string> ids;
    for (auto& [score, id] : order) ids.push_back(std::move(id));
    return ids;
  }

  // The draft without the first `count` of the worst layers.
  Quantisation without(const Draft& draft, const std::vector<std::string>& worst, std::size_t count) const {
    Quantisation fewer = draft.quantisation;
    std::set<std::string> keep = keep_;
    keep.insert(worst.begin(), worst.begin() + static_cast<std::ptrdiff_t>(count));
    // What only moves numbers may have no integers beside it any more.
    std::set<std::string> left;
    for (const std::size_t index : integer_layers(draft.real, keep).layers)
      left.insert(draft.real.layers()[index].id);
    std::erase_if(fewer.layers, [&](const auto& layer) { return !left.contains(layer.first); });
    return fewer;
  }

  // Leaves the few layers in floats that make most of the noise and little of the work, where there is much
  // noise.
  Status keep_worst_in_floats(Draft& draft, const QuantiseResult& result) {
    constexpr double kNoise = 0.004;  // -24 dB
    std::map<std::string, double> work;
    double all = 0;
    for (const LayerInfo& layer : model_.layers())
      all += work[layer.id] = static_cast<double>(layer.operations);
    const std::vector<std::string> worst = worst_first(result);
    double spent = 0;
    double noise = draft.noise;
    std::vector<std::string> kept;
    for (const std::string& id : worst) {
      if (noise <= kNoise) break;
      if (spent + work[id] > options_.real_work * all) continue;
      spent += work[id];
      kept.push_back(id);
      noise -= std::ranges::find(result.layers, id, &LayerSensitivity::layer)->noise;
    }
    if (kept.empty()) return {};
    const Quantisation fewer = without(draft, kept, kept.size());
    if (fewer.layers.empty()) return {};
    const Result<double> measured = noise_of(fewer);
    if (!measured) return measured.error();
    if (*measured >= draft.noise) return {};
    draft.noise = *measured;
    draft.quantisation = fewer;
    for (const std::string& id : kept)
      notes_.insert("layer " + id + " stays in floats: it would make much of the noise");
    return {};
  }

  // With the fewest of the worst layers in floats with which the result is accepted.
  Status loosen(Draft& draft, QuantiseResult& result) {
    const std::vector<std::string> worst = worst_first(result);
    std::size_t calls = 0;
    const auto accepted = [&](std::size_t count) -> Result<bool> {
      progress("accuracy", calls++, 16);
      const Result<Model> quantised = model_.quantised(without(draft, worst, count));
      if (!quantised) return quantised.error();
      return options_.accept(*quantised);
    };
    Result<bool> enough = accepted(0);
    if (!enough || *enough) return enough ? Status() : Status(std::move(enough).error());
    enough = accepted(worst.size());
    if (!enough) return std::move(enough).error();
    result.accepted = *enough;
    if (!*enough) return {};
    std::size_t too_few = 0;
    std::size_t count = worst.size();
    while (count - too_few > 1) {
      const std::size_t middle = too_few + (count - too_few) / 2;
      enough = accepted(middle);
      if (!enough) return std::move(enough).error();
      (*enough ? count : too_few) = middle;
    }
    draft.quantisation = without(draft, worst, count);
    const Result<double> noise = noise_of(draft.quantisation);
    if (!noise) return noise.error();
    draft.noise = *noise;
    return {};
  }

  Result<QuantiseResult> finish(Draft draft) {
    QuantiseResult result;
    if (options_.sensitivity || options_.rounded_layers > 0 || options_.real_work > 0 || options_.accept) {
      if (Status status = measure_layers(draft, result); !status) return std::move(status).error();
    }
    if (options_.real_work > 0) {
      if (Status status = keep_worst_in_floats(draft, result); !status) return std::move(status).error();
    }
    if (Status status = round_layers(draft, result.layers); !status) return std::move(status).error();
    if (options_.accept) {
      if (Status status = loosen(draft, result); !status) return std::move(status).error();
    }
    result.noise = draft.noise;
    for (const LayerInfo& layer : model_.layers()) {
      if (!draft.quantisation.layers.contains(layer.id)) result.real_layers.push_back(layer.id);
    }
    result.notes.assign(notes_.begin(), notes_.end());
    result.values = std::move(draft.values);
    result.quantisation = std::move(draft.quantisation);
    return result;
  }

  const Model model_;
  KeptSamples samples_;
  KeptSamples few_;
  const QuantiseOptions& options_;
  const std::set<std::string> keep_;
  std::shared_ptr<WeightStore> weights_;
  OutputErrors errors_;
  std::set<std::string> notes_;
};

}  // namespace
}  // namespace tuner

std::string_view to_string(RangeMethod method) noexcept {
  switch (method) {
    case RangeMethod::automatic:
      return "auto";
    case RangeMethod::min_max:
      return "min-max";
    case RangeMethod::percentile:
      return "percentile";
    case RangeMethod::kl:
      return "kl";
    case RangeMethod::mse:
      return "mse";
  }
  return "";
}

Result<QuantiseResult> quantise(const Model& model, const Samples& samples, const QuantiseOptions& options) {
  if (model.quantisation() != nullptr)
    return Error(ErrorCode::kInvalidArgument, model.name() + " is quantised already",
                 "quantise the model as it was loaded");
  return tuner::Quantiser(model, samples, options).run();
}

}  // namespace fettle
