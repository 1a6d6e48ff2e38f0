// SPDX-License-Identifier: Apache-2.0
#include "tuner/quantise/output_error.h"

#include "tuner/accuracy/decisions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fettle::tuner {
namespace {

struct Energies {
  double signal = 0;
  double noise = 0;

  void add(std::span<const float> real, std::span<const float> other) {
    for (std::size_t i = 0; i < std::min(real.size(), other.size()); ++i) {
      const auto value = static_cast<double>(real[i]);
      const double difference = value - static_cast<double>(other[i]);
      signal += value * value;
      noise += difference * difference;
    }
  }
  double relative() const {
    const double ratio = noise / std::max(signal, std::numeric_limits<double>::min());
    return std::isnan(ratio) ? std::numeric_limits<double>::infinity() : ratio;
  }
};

// The mean over the first output's decisions.
double divergence_of(const Shape& shape, std::span<const float> real, std::span<const float> other) {
  const ScoreRows rows(shape);
  std::vector<float> a(rows.classes);
  std::vector<float> b(rows.classes);
  std::vector<double> from;
  std::vector<double> to;
  double sum = 0;
  for (std::size_t row = 0; row < rows.rows; ++row) {
    for (std::size_t i = 0; i < rows.classes; ++i) {
      a[i] = real[rows.start(row) + i * rows.stride];
      b[i] = other[rows.start(row) + i * rows.stride];
    }
    if (distribution(a, from) && distribution(b, to)) sum += divergence(from, to);
  }
  return sum / static_cast<double>(std::max<std::size_t>(rows.rows, 1));
}

}  // namespace

Result<OutputErrors> OutputErrors::create(VisitedRun& real, KeptSamples& samples, std::size_t most) {
  OutputErrors errors;
  const std::size_t count = std::min(most, samples.count());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = i * samples.count() / count;
    if (Status status = samples.load(index, real.runtime()); !status) return std::move(status).error();
    if (Status status = real.runtime().run(); !status) return std::move(status).error();
    errors.samples_.push_back({index, real.outputs()});
  }
  return errors;
}

Result<OutputError> OutputErrors::measure(const Model& model, KeptSamples& samples,
                                          std::shared_ptr<WeightStore> weights, std::size_t most) const {
  CompileOptions options;
  options.threads = 1;
  options.weights = std::move(weights);
  const Result<Program> program = Program::compile(model, nullptr, options);
  if (!program) return program.error();
  Result<Runtime> runtime = Runtime::create(*program);
  if (!runtime) return std::move(runtime).error();
  Energies energies;
  OutputError error;
  const std::size_t count = std::min(most, samples_.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (Status status = samples.load(samples_[i].index, *runtime); !status) return std::move(status).error();
    if (Status status = runtime->run(); !status) return std::move(status).error();
    std::vector<float> outputs;
    for (std::size_t k = 0; k < runtime->output_count(); ++k) {
      const std::span<const float> values = runtime->output(k).values<float>();
      outputs.insert(outputs.end(), values.begin(), values.end());
    }
    energies.add(samples_[i].outputs, outputs);
    if (outputs.size() == samples_[i].outputs.size())
      error.kl += divergence_of(runtime->output(0).shape(), samples_[i].outputs, outputs);
  }
  error.noise = energies.relative();
  error.kl /= static_cast<double>(std::max<std::size_t>(count, 1));
  return error;
}

Result<double> OutputErrors::measure(VisitedRun& run, KeptSamples& samples, const VisitedRun::Visitor& visit,
                                     std::size_t most, const std::set<std::size_t>& more) const {
  Energies energies;
  for (const std::size_t sample : more) {
    if (Status status = samples.load(sample, run.runtime()); !status) return std::move(status).error();
    if (Status status = run.runtime().run(); !status) return std::move(status).error();
    const std::vector<float> real = run.outputs();
    if (Status status = run.run(samples, sample, visit); !status) return std::move(status).error();
    energies.add(real, run.outputs());
  }
  for (std::size_t i = 0; i < std::min(most, samples_.size()); ++i) {
    if (Status status = run.run(samples, samples_[i].index, visit); !status) return std::move(status).error();
    energies.add(samples_[i].outputs, run.outputs());
  }
  return energies.relative();
}

}  // namespace fettle::tuner
