// SPDX-License-Identifier: Apache-2.0
#include "tuner/space.h"

#include "tuner/at.h"

#include <algorithm>
#include <utility>

namespace fettle::tuner {
namespace {

// Layers this small cost so little under any kernel that even the reference is worth a try.
constexpr std::int64_t kTinyElements = 4096;
constexpr std::int64_t kTinyMacs = 20'000;

std::vector<int> thread_counts(const Kernel& kernel, int most) {
  std::vector<int> counts{1};
  if (!kernel.threaded) return counts;
  for (int count = 2; count < most; count *= 2) counts.push_back(count);
  if (most > 1) counts.push_back(most);
  return counts;
}

// Whether a variant rounds weights that the graph has in real numbers to integers. How much of a network's
// accuracy that costs, data tell, not the difference of outputs for some input; floating-point numbers of 16
// bits are trusted within the tolerance.
bool makes_integers(const LayerInfo& layer, const Signature& signature) {
  const Signature own = signature_of(layer.desc, {signature.input.layout, signature.output.layout});
  return can_hold_f32(own.weights) && !can_hold_f32(signature.weights);
}

// Whether a variant has the formats that an entry asks for, whose types may be open.
bool fits_formats(const Signature& asked, const Signature& has) {
  const auto fits = [](FormatTag wanted, FormatTag given) {
    return wanted.layout == given.layout && (wanted.type == DataType::undefined || wanted.type == given.type);
  };
  return fits(asked.input, has.input) && fits(asked.output, has.output) &&
         (asked.weights == DataType::undefined || asked.weights == has.weights);
}

// Whether a tensor lies the same way in all layouts (but for zeros behind channels in blocks): low rank, one
// channel, or one pixel.
bool has_one_layout(const Shape& shape) {
  if (shape.rank() < 3 || shape[1] == 1) return true;
  const std::int64_t batch_channels = shape[0] * shape[1];
  return batch_channels > 0 && shape.elements() == batch_channels;
}

std::int64_t elements(const LayerInfo& layer) {
  std::int64_t sum = 0;
  for (const TensorDesc& tensor : layer.desc.inputs) sum += tensor.shape.elements();
  for (const TensorDesc& tensor : layer.desc.outputs) sum += tensor.shape.elements();
  return sum;
}

const PlanLayer* entry_of(const Plan* plan, int threads, const std::string& id) {
  if (plan == nullptr) return nullptr;
  const PlanPoint* best = nullptr;
  for (const PlanPoint& point : plan->points) {
    if (best == nullptr ||
        (point.threads <= threads && (best->threads > threads || point.threads > best->threads)))
      best = &point;
  }
  if (best == nullptr) return nullptr;
  const auto found = best->layers.find(id);
  return found == best->layers.end() ? nullptr : &found->second;
}

class Builder {
 public:
  Builder(const Problem& problem, const Plan* start) : problem_(problem), start_(start) {}

  Space build() {
    space_.model = problem_.model;
    space_.shapes = problem_.shapes;
    space_.threads = problem_.threads;
    for (std::size_t i = 0; i < problem_.layers.size(); ++i)
      index_[problem_.layers[i].id] = static_cast<int>(i);
    for (std::size_t i = 0; i < problem_.layers.size(); ++i) {
      add_layer(static_cast<int>(i));
      add_candidates(static_cast<int>(i));
      keep_pin(static_cast<int>(i));
    }
    for (int i = 0; i < static_cast<int>(space_.layers.size()); ++i) add_covered(i);
    for (int i = 0; i < static_cast<int>(space_.layers.size()); ++i) find_default(i);
    return std::move(space_);
  }

 private:
  SpaceValue& value(int number, const TensorDesc& desc) {
    SpaceValue& result = space_.values[number];
    result.shape = desc.shape;
    result.type = desc.format.type;
    result.output = problem_.outputs.count(number) != 0;
    result.picture = problem_.pictures.count(number) != 0;
    return result;
  }

  void add_layer(int index) {
    const LayerInfo& info = problem_.layers[at(index)];
    SpaceLayer layer;
    layer.id = info.id;
    layer.text = info.desc.text();
    layer.cost_key = info.desc.cost_key();
    for (std::size_t i = 0; i < info.inputs.size(); ++i) {
      if (info.inputs[i] < 0) continue;
      SpaceValue& input = value(info.inputs[i], info.desc.inputs[i]);
      if (std::find(input.consumers.begin(), input.consumers.end(), index) != input.consumers.end()) continue;
      input.consumers.push_back(index);
      layer.inputs.push_back(info.inputs[i]);
    }
    for (std::size_t i = 0; i < info.outputs.size(); ++i) {
      value(info.outputs[i], info.desc.outputs[i]).producer = index;
      layer.outputs.push_back(info.outputs[i]);
    }
    space_.layers.push_back(std::move(layer));
  }

  void add_candidates(int index) {
    SpaceLayer& layer = space_.layers[at(index)];
    const LayerInfo& info = problem_.layers[at(index)];
    const std::vector<VariantInfo>& variants = problem_.variants[at(index)].variants;
    const bool tiny = elements(info) <= kTinyElements && info.macs <= kTinyMacs;
    const bool alternatives = std::any_of(variants.begin(), variants.end(), [](const VariantInfo& variant) {
      return variant.refusal == Refusal::none && variant.variant.covers.empty() && !variant.reference;
    });
    const PlanLayer* entry = entry_of(start_, problem_.threads, layer.id);
    for (const VariantInfo& variant : variants) {
      const bool named = entry != nullptr && entry->variant.kernel == variant.variant.kernel;
      std::string_view left_out;
      if (variant.reference && alternatives && !tiny && !variant.is_default && !(named && entry->pinned))
        left_out = "too slow to be worth the budget";
      else if (makes_integers(info, variant.variant.signature) && !named)
        left_out = "integer weights need a bound of the accuracy";
      std::vector<int> covers;
      for (const std::string& id : variant.variant.covers) {
        if (const auto found = index_.find(id); found != index_.end()) covers.push_back(found->second);
      }
      const bool possible =
          variant.refusal == Refusal::none && covers.size() == variant.variant.covers.size();
      if (!possible || !left_out.empty()) {
        layer.excluded.push_back(
            {variant.variant, variant.refusal, possible ? left_out : std::string_view()});
        continue;
      }
      for (int threads : thread_counts(*variant.kernel, problem_.threads)) {
        Candidate candidate;
        candidate.variant = variant.variant;
        candidate.variant.threads = threads;
        candidate.rounding = variant.kernel->rounding;
        candidate.reference = variant.reference;
        candidate.covers = covers;
        layer.candidates.push_back(std::move(candidate));
      }
    }
  }

  // Leaves what the start plan pins alone.
  void keep_pin(int index) {
    SpaceLayer& layer = space_.layers[at(index)];
    const PlanLayer* pin = entry_of(start_, problem_.threads, layer.id);
    if (pin == nullptr || !pin->pinned) return;
    std::vector<Candidate> kept;
    int most = 0;  // a pinned count that is not tried becomes the next lower one
    const auto fits = [&](const Candidate& candidate) {
      return candidate.variant.kernel == pin->variant.kernel &&
             fits_formats(pin->variant.signature, candidate.variant.signature) &&
             candidate.variant.covers == pin->variant.covers;
    };
    for (const Candidate& candidate : layer.candidates) {
      if (fits(candidate) && candidate.variant.threads <= std::max(1, pin->variant.threads))
        most = std::max(most, candidate.variant.threads);
    }
    for (const Candidate& candidate : layer.candidates) {
      if (fits(candidate) && candidate.variant.threads == most) kept.push_back(candidate);
    }
    if (kept.empty()) {
      space_.notes.push_back("layer " + layer.id + ": the pinned " + pin->variant.kernel +
                             " cannot run here; the pin was dropped");
      return;
    }
    layer.candidates = std::move(kept);
    layer.pinned = true;
  }

  // Gives the layers that a region covers the choice of being covered.
  void add_covered(int index) {
    for (std::size_t c = 0; c < space_.layers[at(index)].candidates.size(); ++c) {
      const Candidate region = space_.layers[at(index)].candidates[c];
      for (int other : region.covers) {
        if (space_.layers[at(other)].pinned) continue;  // which rules this region out
        Candidate covered;
        covered.variant = region.variant;
        covered.region = index;
        covered.region_candidate = static_cast<int>(c);
        space_.layers[at(other)].candidates.push_back(std::move(covered));
      }
    }
  }

  void find_default(int index) {
    SpaceLayer& layer = space_.layers[at(index)];
    const PlanLayer* entry = entry_of(&problem_.default_plan, problem_.threads, layer.id);
    if (entry == nullptr) return;
    for (std::size_t c = 0; c < layer.candidates.size(); ++c) {
      Candidate& candidate = layer.candidates[c];
      if (candidate.covered() || candidate.variant != entry->variant) continue;
      candidate.is_default = true;
      layer.default_candidate = static_cast<int>(c);
      for (const int other : candidate.covers) find_default_of_covered(other, index, static_cast<int>(c));
      return;
    }
  }

  void find_default_of_covered(int index, int region, int region_candidate) {
    SpaceLayer& layer = space_.layers[at(index)];
    for (std::size_t c = 0; c < layer.candidates.size(); ++c) {
      Candidate& candidate = layer.candidates[c];
      if (candidate.region != region || candidate.region_candidate != region_candidate) continue;
      candidate.is_default = true;
      layer.default_candidate = static_cast<int>(c);
    }
  }

  const Problem& problem_;
  const Plan* start_;
  Space space_;
  std::map<std::string, int> index_;
};

}  // namespace

FormatTag SpaceValue::stored(FormatTag tag) const {
  const bool held = type == DataType::f32 && can_hold_f32(tag.type);
  return {has_one_layout(shape) ? Layout::nchw : tag.layout, held ? tag.type : type};
}

int Space::find(const std::string& id) const noexcept {
  const auto found =
      std::find_if(layers.begin(), layers.end(), [&](const SpaceLayer& layer) { return layer.id == id; });
  return found == layers.end() ? -1 : static_cast<int>(found - layers.begin());
}

Space build_space(const Problem& problem, const Plan* start) { return Builder(problem, start).build(); }

Choice default_choice(const Space& space) {
  Choice choice;
  for (const SpaceLayer& layer : space.layers) choice.push_back(layer.default_candidate);
  return choice;
}

Plan plan_of(const Space& space, const Choice& choice) {
  Plan plan;
  plan.model = space.model;
  plan.device = Plan::this_device();
  PlanPoint point;
  point.threads = space.threads;
  point.shapes = space.shapes;
  for (std::size_t i = 0; i < choice.size(); ++i) {
    const SpaceLayer& layer = space.layers[i];
    if (layer.candidates.empty()) continue;
    const Candidate& candidate = layer.candidates[at(choice[i])];
    if (candidate.covered()) continue;
    PlanLayer entry;
    entry.variant = candidate.variant;
    entry.pinned = layer.pinned;
    point.layers[layer.id] = std::move(entry);
  }
  plan.points.push_back(std::move(point));
  return plan;
}

std::string conversion_key(const Shape& shape, const Format& from, const Format& to) {
  const auto text = [](const Format& format) {
    return std::string(to_string(format.type)) + " " + std::string(to_string(format.layout));
  };
  return shape.text() + " " + text(from) + ">" + text(to);
}

std::string kernel_family(const std::string& kernel) {
  const std::size_t dot = kernel.rfind('.');
  return dot == std::string::npos ? kernel : kernel.substr(dot + 1);
}

}  // namespace fettle::tuner
