// SPDX-License-Identifier: Apache-2.0
#include "tuner/runtime_device.h"

#include "tuner/conditions.h"

#include <fettle/runtime.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <utility>

namespace fettle::tuner {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The same numbers for every subject: a small generator of our own, so that they are equal everywhere.
class Random {
 public:
  std::uint32_t next() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<std::uint32_t>(state_ >> 33);
  }
  float real() { return static_cast<float>(next() & 0xffffffu) / 8388608.0f - 1.0f; }

 private:
  std::uint64_t state_ = 0x9e3779b97f4a7c15ull;
};

void fill_input(const TensorView& view, Random& random) {
  for (float& value : view.values<float>()) value = random.real();
  for (double& value : view.values<double>()) value = random.real();
  for (std::uint8_t& value : view.values<std::uint8_t>()) value = static_cast<std::uint8_t>(random.next());
  for (std::int8_t& value : view.values<std::int8_t>()) value = static_cast<std::int8_t>(random.next());
  // Wider integers and booleans are indices or flags more often than not: zeros are in range for both.
}

template <typename T>
void append(const TensorView& view, std::vector<float>& target) {
  for (const T value : view.values<const T>()) target.push_back(static_cast<float>(value));
}

std::vector<float> read_output(const TensorView& view) {
  std::vector<float> values;
  append<float>(view, values);
  append<double>(view, values);
  append<std::int8_t>(view, values);
  append<std::uint8_t>(view, values);
  append<std::int32_t>(view, values);
  append<std::int64_t>(view, values);
  if (values.empty()) {
    for (std::byte byte : view.bytes()) values.push_back(static_cast<float>(std::to_integer<int>(byte)));
  }
  return values;
}

class RuntimeSubject final : public Subject {
 public:
  explicit RuntimeSubject(Runtime runtime) : runtime_(std::move(runtime)) { fill(); }

  std::span<const StepInfo> steps() const override { return runtime_.program().steps(); }
  Plan effective_plan() const override { return runtime_.program().effective_plan(); }
  std::size_t arena_bytes() const override { return runtime_.program().arena().bytes; }
  std::size_t bytes() const override { return arena_bytes() + runtime_.program().weight_bytes(); }

  Result<double> run(std::vector<double>* step_us) override {
    const double start = seconds_now();
    Status status = runtime_.run();
    const double us = (seconds_now() - start) * 1e6;
    if (!status) return std::move(status).error();
    if (step_us != nullptr) {
      step_us->clear();
      for (const StepTime& time : runtime_.profile())
        step_us->push_back(static_cast<double>(time.last_ns) * 1e-3);
    }
    return us;
  }

  Result<std::vector<std::vector<float>>> outputs() override {
    fill();
    if (Status status = runtime_.run(); !status) return std::move(status).error();
    std::vector<std::vector<float>> all;
    for (std::size_t i = 0; i < runtime_.output_count(); ++i) all.push_back(read_output(runtime_.output(i)));
    return all;
  }

 private:
  void fill() {
    Random random;
    for (std::size_t i = 0; i < runtime_.input_count(); ++i) fill_input(runtime_.input(i), random);
  }

  Runtime runtime_;
};

}  // namespace

RuntimeDevice::RuntimeDevice(const Model& model, const TuneOptions& options)
    : model_(model), compile_(options.compile) {
  compile_.threads = options.threads;
  compile_.weights = std::make_shared<WeightStore>();
  compile_.weight_policy = WeightPolicy::keep;
  compile_.log = nullptr;
}

Result<std::unique_ptr<RuntimeDevice>> RuntimeDevice::create(const Model& model, const TuneOptions& options) {
  std::unique_ptr<RuntimeDevice> device(new RuntimeDevice(model, options));
  if (options.threads > 1) {
    ThreadPoolOptions pool;
    pool.threads = options.threads;
    Result<std::shared_ptr<ThreadPool>> made = make_thread_pool(pool);
    if (!made) return std::move(made).error();
    device->pool_ = *std::move(made);
  }
  return device;
}

Result<std::unique_ptr<Subject>> RuntimeDevice::prepare(const Plan* plan, bool profile) {
  Result<Program> program = compile(plan);
  if (!program) return std::move(program).error();
  RuntimeOptions options;
  options.pool = pool_;
  options.profile = profile;
  Result<Runtime> runtime = Runtime::create(*program, options);
  if (!runtime) return std::move(runtime).error();
  return std::unique_ptr<Subject>(std::make_unique<RuntimeSubject>(*std::move(runtime)));
}

double RuntimeDevice::now_s() { return seconds_now(); }

PlanDevice RuntimeDevice::description() const { return Plan::this_device(); }

std::size_t RuntimeDevice::memory_limit() const {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return std::size_t{256} << 20;
  return static_cast<std::size_t>(pages) / 4 * static_cast<std::size_t>(page);
}

std::string RuntimeDevice::conditions() { return sysfs_conditions(); }

Problem RuntimeDevice::problem(const Program& standard) const {
  Problem problem;
  problem.model = {model_.name(), model_.graph_hash(), model_.weights_hash()};
  for (const TensorInfo& input : model_.inputs()) problem.shapes[input.name] = input.shape;
  problem.layers.assign(model_.layers().begin(), model_.layers().end());
  problem.variants = enumerate_variants(model_, compile_);
  problem.default_plan = standard.effective_plan();
  problem.threads = compile_.threads;
  std::set<int> consumed;
  for (const LayerInfo& layer : problem.layers) consumed.insert(layer.inputs.begin(), layer.inputs.end());
  for (const LayerInfo& layer : problem.layers) {
    for (int value : layer.outputs) {
      if (consumed.count(value) == 0) problem.outputs.insert(value);
    }
  }
  std::set<std::string> ids;
  for (const LayerInfo& layer : problem.layers) ids.insert(layer.id);
  for (const StepInfo& step : standard.steps()) {
    if (!step.conversion || step.inputs.empty() || step.inputs[0] < 0) continue;
    if (!step.desc.inputs.empty() && step.desc.inputs[0].format.type == DataType::u8)
      problem.pictures.insert(step.inputs[0]);
    // Conversions that no layer asked for are those of outputs: such a value leaves the network though layers
    // use it too.
    if (ids.count(step.layer) == 0) problem.outputs.insert(step.inputs[0]);
  }
  return problem;
}

}  // namespace fettle::tuner
