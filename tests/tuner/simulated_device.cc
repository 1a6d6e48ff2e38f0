// SPDX-License-Identifier: Apache-2.0
#include "tests/tuner/simulated_device.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace fettle::tuner::testing {
namespace {

constexpr Op kConv[] = {Op::conv};
constexpr Op kAdd[] = {Op::add};
constexpr Op kConvAdd[] = {Op::conv, Op::add};
constexpr DataType kF32 = DataType::f32;
constexpr Signature kNhwc[] = {{Layout::nhwc, Layout::nhwc, kF32}};
constexpr Signature kBoth[] = {{Layout::nchw, Layout::nchw, kF32}, {Layout::nhwc, Layout::nhwc, kF32}};
constexpr Signature kAll[] = {{Layout::nchw, Layout::nchw, kF32},
                              {Layout::nhwc, Layout::nhwc, kF32},
                              {Layout::nchwc, Layout::nchwc, kF32}};
constexpr Signature kNchwOut[] = {{Layout::nchw, Layout::nchw, kF32}, {Layout::nchw, Layout::nhwc, kF32}};

Kernel row(std::string_view name, std::span<const Op> pattern, std::span<const Signature> signatures,
           bool threaded, float rounding = 1) {
  Kernel kernel{};
  kernel.name = name;
  kernel.revision = 1;
  kernel.pattern = pattern;
  kernel.signatures = signatures;
  kernel.threaded = threaded;
  kernel.rounding = rounding;
  return kernel;
}

const Kernel kRows[] = {
    row("conv.indirect.f32.fast", kConv, kNhwc, true),
    row("conv.gemm.f32.plain", kConv, kAll, true),
    row("conv.winograd.f32.plain", kConv, kNchwOut, false, 8),
    row("conv.direct.f32.reference", kConv, kBoth, false),
    row("convadd.rows.f32.fast", kConvAdd, kNhwc, false),
    row("add.simple.f32.fast", kAdd, kNhwc, false),
    row("add.simple.f32.plain", kAdd, kAll, false),
};

const Kernel& find(const std::string& name) {
  return *std::find_if(std::begin(kRows), std::end(kRows),
                       [&](const Kernel& kernel) { return kernel.name == name; });
}

Variant variant_of(const Kernel& kernel, const Signature& signature) {
  Variant variant;
  variant.kernel = kernel.name;
  variant.revision = kernel.revision;
  variant.signature = signature;
  return variant;
}

TensorDesc tensor() {
  TensorDesc desc;
  desc.shape = Shape{1, 16, 20, 20};
  return desc;
}

}  // namespace

class SimulatedSubject final : public Subject {
 public:
  SimulatedSubject(SimulatedDevice& device, const Plan* plan, bool profile)
      : device_(device), lowered_(device.lower(plan)), profile_(profile) {
    for (const auto& step : lowered_) steps_.push_back(step.info);
    if (plan != nullptr)
      plan_ = *plan;
    else
      plan_ = device.problem_.default_plan;
    device_.most_alive_ = std::max(device_.most_alive_, ++device_.alive_);
  }
  ~SimulatedSubject() override { --device_.alive_; }

  std::span<const StepInfo> steps() const override { return steps_; }
  Plan effective_plan() const override { return plan_; }
  std::size_t arena_bytes() const override { return 1000; }
  std::size_t bytes() const override { return 1000; }
  Result<double> run(std::vector<double>* step_us) override {
    const double drift = 1 + std::uniform_real_distribution<>(0, 1)(device_.rng_) * device_.options_.drift;
    double total = 0;
    if (step_us != nullptr) step_us->clear();
    for (const auto& step : lowered_) {
      const double us = device_.noisy(step.us, drift);
      if (step_us != nullptr && profile_) step_us->push_back(us);
      total += us;
    }
    device_.now_s_ += total * 1e-6;
    return total;
  }
  Result<std::vector<std::vector<float>>> outputs() override {
    bool winograd = false;
    for (const StepInfo& step : steps_) winograd = winograd || step.kernel == "conv.winograd.f32.plain";
    return std::vector<std::vector<float>>{
        {1.0f, winograd ? 3.0f * (1 - device_.options_.winograd_error) : 3.0f}};
  }

 private:
  SimulatedDevice& device_;
  std::vector<SimulatedDevice::Step> lowered_;
  std::vector<StepInfo> steps_;
  Plan plan_;
  bool profile_;
};

// Values: 0 is the input; a convolution reads the last value; every third layer adds the value before the
// convolution.
SimulatedDevice::SimulatedDevice(const Options& options) : options_(options), rng_(options.seed) {
  problem_.model = {"simulated", "graph", "weights"};
  problem_.shapes["input"] = Shape{1, 16, 20, 20};
  problem_.threads = options.threads;
  PlanPoint point;
  point.threads = options.threads;
  for (int i = 0; i < options.layers; ++i) {
    const bool add = i % 3 == 2;
    LayerInfo layer;
    layer.id = (add ? "add" : "conv") + std::to_string(i);
    layer.macs = 1'000'000;
    LayerPart part;
    part.op = add ? Op::add : Op::conv;
    part.attributes.set("index", std::int64_t{i});  // makes texts differ
    layer.desc.parts.push_back(part);
    layer.inputs = add ? std::vector<int>{i, i - 1} : std::vector<int>{i};
    for (std::size_t k = 0; k < layer.inputs.size(); ++k) layer.desc.inputs.push_back(tensor());
    layer.desc.outputs.push_back(tensor());
    layer.outputs = {i + 1};
    problem_.layers.push_back(layer);
    LayerVariants variants;
    variants.layer = layer.id;
    for (const Kernel& kernel : kRows) {
      if (kernel.pattern[0] != part.op) continue;
      const bool region = kernel.pattern.size() > 1;
      if (region && (!options.regions || i % 3 != 1 || i + 1 >= options.layers)) continue;
      for (const Signature& signature : kernel.signatures) {
        VariantInfo variant;
        variant.kernel = &kernel;
        variant.variant = variant_of(kernel, signature);
        variant.reference = kernel.name.ends_with(".reference");
        if (region) variant.variant.covers = {"add" + std::to_string(i + 1)};
        variants.variants.push_back(variant);
      }
    }
    VariantInfo refused;
    refused.kernel = &kRows[0];
    refused.variant = variant_of(kRows[0], {Layout::nchw, Layout::nchw, kF32});
    refused.refusal = Refusal::layout;
    if (!add) variants.variants.push_back(refused);
    problem_.variants.push_back(variants);
    PlanLayer entry;
    const Kernel& kernel = find(add ? "add.simple.f32.fast" : "conv.indirect.f32.fast");
    entry.variant = variant_of(kernel, kernel.signatures.front());
    entry.variant.threads = add ? 1 : options.threads;
    point.layers[layer.id] = entry;
  }
  problem_.outputs.insert(options.layers);
  problem_.default_plan.model = problem_.model;
  problem_.default_plan.points.push_back(point);
}

double SimulatedDevice::variant_us(int layer, const Variant& entry) const {
  const Signature layouts(entry.signature.input.layout, entry.signature.output.layout);
  const std::string key = std::to_string(layer) + entry.kernel + layouts.text();
  auto found = costs_.find(key);
  if (found == costs_.end()) {
    std::mt19937 rng(static_cast<unsigned>(std::hash<std::string>{}(key + std::to_string(options_.seed))));
    double us = std::uniform_real_distribution<>(20, 100)(rng);
    if (entry.kernel.find("add") == 0) us *= 0.1;
    if (entry.kernel.find("reference") != std::string::npos) us = 5000;
    if (layer % 2 == 0 && entry.signature.output.layout == Layout::nchw) us *= options_.slow_nchw;
    if (options_.fast_winograd && entry.kernel.find("winograd") != std::string::npos) us = 5;
    if (options_.equal_costs) us = 50;
    found = costs_.emplace(key, us).first;
  }
  // Some layers gain from threads, others lose.
  const double speed = layer % 2 == 0 ? 1 + 0.8 * (entry.threads - 1) : 1 - 0.1 * (entry.threads - 1);
  return found->second / speed;
}

std::vector<SimulatedDevice::Step> SimulatedDevice::lower(const Plan* plan) const {
  const PlanPoint& point = plan != nullptr ? plan->points.front() : problem_.default_plan.points.front();
  std::vector<Step> steps;
  std::map<int, std::vector<Layout>> there{{0, {Layout::nchw}}};
  const auto need = [&](int value, Layout layout, const std::string& layer) {
    std::vector<Layout>& have = there[value];
    if (std::find(have.begin(), have.end(), layout) != have.end()) return;
    Step step;
    step.info.layer = layer;
    step.info.kernel = "convert";
    step.info.conversion = true;
    step.info.desc.inputs = {tensor()};
    step.info.desc.outputs = {tensor()};
    step.info.desc.inputs[0].format.layout = have.front();
    step.info.desc.outputs[0].format.layout = layout;
    step.us = options_.conversion_us;
    have.push_back(layout);
    steps.push_back(step);
  };
  for (int i = 0; i < options_.layers; ++i) {
    const LayerInfo& info = problem_.layers[static_cast<std::size_t>(i)];
    const auto found = point.layers.find(info.id);
    if (found == point.layers.end()) continue;  // covered
    const Variant& entry = found->second.variant;
    const Layout read = entry.signature.input.layout;
    for (int value : info.inputs) need(value, read, info.id);
    int output = i + 1;
    if (!entry.covers.empty()) {  // the add's other operand
      need(i, read, info.id);
      output = i + 2;
    }
    Step step;
    step.info.layer = info.id;
    step.info.desc.parts.resize(1 + entry.covers.size());
    step.info.kernel = entry.kernel;
    step.info.threads = entry.threads;
    step.us = variant_us(i, entry);
    there[output] = {entry.signature.output.layout};
    steps.push_back(step);
  }
  need(options_.layers, Layout::nchw, "output");
  return steps;
}

PlanDevice SimulatedDevice::description() const {
  PlanDevice device;
  device.isa = {"simulated"};
  device.library = "none";
  return device;
}

double SimulatedDevice::noisy(double us, double drift) {
  if (options_.noise <= 0) return us * drift;
  return us * drift * std::exp(std::normal_distribution<>(0, options_.noise)(rng_));
}

double SimulatedDevice::true_us(const Plan* plan) const {
  double sum = 0;
  for (const Step& step : lower(plan)) sum += step.us;
  return sum;
}

double SimulatedDevice::best_us(const Space& space) const {
  Choice choice(space.layers.size(), 0);
  double best = std::numeric_limits<double>::infinity();
  for (;;) {
    bool consistent = true;
    for (std::size_t i = 0; i < choice.size(); ++i) {
      const Candidate& candidate = space.layers[i].candidates[static_cast<std::size_t>(choice[i])];
      if (candidate.covered())
        consistent =
            consistent && choice[static_cast<std::size_t>(candidate.region)] == candidate.region_candidate;
      for (int other : candidate.covers) {
        const Candidate& covered =
            space.layers[static_cast<std::size_t>(other)]
                .candidates[static_cast<std::size_t>(choice[static_cast<std::size_t>(other)])];
        consistent =
            consistent && covered.region == static_cast<int>(i) && covered.region_candidate == choice[i];
      }
    }
    if (consistent) {
      const Plan plan = plan_of(space, choice);
      best = std::min(best, true_us(&plan));
    }
    std::size_t i = 0;
    while (i < choice.size() && ++choice[i] == static_cast<int>(space.layers[i].candidates.size()))
      choice[i++] = 0;
    if (i == choice.size()) return best;
  }
}

Result<std::unique_ptr<Subject>> SimulatedDevice::prepare(const Plan* plan, bool profile) {
  ++prepared_;
  return std::unique_ptr<Subject>(std::make_unique<SimulatedSubject>(*this, plan, profile));
}

}  // namespace fettle::tuner::testing
