// SPDX-License-Identifier: Apache-2.0
//
// Two versions of a network side by side on the same samples.
#include <fettle/accuracy.h>

#include "tuner/accuracy/decisions.h"

#include <fettle/runtime.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace fettle {
namespace {

std::vector<TensorView> inputs_of(Runtime& runtime) {
  std::vector<TensorView> views;
  for (std::size_t i = 0; i < runtime.input_count(); ++i) views.push_back(runtime.input(i));
  return views;
}
std::vector<TensorView> outputs_of(Runtime& runtime) {
  std::vector<TensorView> views;
  for (std::size_t i = 0; i < runtime.output_count(); ++i) views.push_back(runtime.output(i));
  return views;
}

Status check(const Program& reference, const Program& candidate) {
  const auto compare = [](std::span<const TensorInfo> a, std::span<const TensorInfo> b,
                          std::string_view what) -> Status {
    const bool same = std::ranges::equal(a, b, [](const TensorInfo& x, const TensorInfo& y) {
      return x.shape == y.shape && x.type == y.type;
    });
    if (same) return {};
    return Error(ErrorCode::kWrongShape, "the networks to compare have other " + std::string(what),
                 "compare versions of one network");
  };
  if (Status status = compare(reference.inputs(), candidate.inputs(), "inputs"); !status) return status;
  if (Status status = compare(reference.outputs(), candidate.outputs(), "outputs"); !status) return status;
  const std::span<const TensorInfo> outputs = reference.outputs();
  if (outputs.empty() || outputs.front().type != DataType::f32 || outputs.front().bytes == 0) {
    return Error(ErrorCode::kWrongShape, "accuracy is measured by the first output, which must be f32",
                 "export the model with its scores as the first output");
  }
  return {};
}

// What is summed over samples.
class Comparison {
 public:
  void add(std::span<const TensorView> reference, std::span<const TensorView> candidate) {
    for (std::size_t i = 0; i < reference.size(); ++i)
      add_energy(reference[i].values<float>(), candidate[i].values<float>());
    add_decisions(reference.front(), candidate.front());
  }

  void finish(AccuracyResult& result) const {
    constexpr double kMost = 200;
    const double decisions = std::max(decisions_, 1.0);
    result.agreement = same_ / decisions;
    result.mean_kl = divergence_ / decisions;
    result.sqnr_db = noise_ == 0 ? kMost : std::min(kMost, 10 * std::log10(signal_ / noise_));
    if (std::isnan(result.sqnr_db)) result.sqnr_db = -kMost;
    const std::vector<double> all(unchanged_.size(), 1.0);
    result.changed = paired_drop(all, unchanged_, true);
  }

 private:
  void add_energy(std::span<const float> reference, std::span<const float> candidate) {
    const std::size_t count = std::min(reference.size(), candidate.size());
    for (std::size_t i = 0; i < count; ++i) {
      const auto real = static_cast<double>(reference[i]);
      const double difference = real - static_cast<double>(candidate[i]);
      signal_ += real * real;
      noise_ += difference * difference;
    }
  }

  void add_decisions(const TensorView& reference, const TensorView& candidate) {
    const tuner::ScoreRows rows(reference.shape());
    decisions_ += static_cast<double>(rows.rows);
    if (!(reference.shape() == candidate.shape())) {  // the data chose another number of rows
      unchanged_.push_back(0);
      return;
    }
    const double before = same_;
    for (std::size_t row = 0; row < rows.rows; ++row) {
      gather(reference.values<float>(), rows, row, reference_);
      gather(candidate.values<float>(), rows, row, candidate_);
      same_ += tuner::decision(reference_) == tuner::decision(candidate_) ? 1 : 0;
      const bool known = tuner::distribution(reference_, from_) && tuner::distribution(candidate_, to_);
      divergence_ += known ? tuner::divergence(from_, to_) : 0;
    }
    unchanged_.push_back((same_ - before) / std::max<double>(1, static_cast<double>(rows.rows)));
  }

  static void gather(std::span<const float> values, const tuner::ScoreRows& rows, std::size_t row,
                     std::vector<float>& scores) {
    scores.resize(rows.classes);
    const std::size_t start = rows.start(row);
    for (std::size_t i = 0; i < rows.classes; ++i) scores[i] = values[start + i * rows.stride];
  }

  double signal_ = 0;
  double noise_ = 0;
  double decisions_ = 0;
  double same_ = 0;
  double divergence_ = 0;
  std::vector<double> unchanged_;  // share of a sample's decisions
  std::vector<float> reference_;
  std::vector<float> candidate_;
  std::vector<double> from_;
  std::vector<double> to_;
};

double mean(std::span<const double> scores) {
  double sum = 0;
  for (const double score : scores) sum += score;
  return scores.empty() ? 0 : sum / static_cast<double>(scores.size());
}

}  // namespace

Result<AccuracyResult> measure_accuracy(const Program& reference, const Program& candidate,
                                        const Samples& samples, std::span<TaskMetric* const> metrics,
                                        const AccuracyOptions& options) {
  if (samples.count == 0)
    return Error(ErrorCode::kInvalidArgument, "there are no samples", "give some pictures or arrays");
  if (Status status = check(reference, candidate); !status) return std::move(status).error();
  Result<Runtime> real = Runtime::create(reference);
  if (!real) return std::move(real).error();
  Result<Runtime> other = Runtime::create(candidate);
  if (!other) return std::move(other).error();
  const std::vector<TensorView> real_inputs = inputs_of(*real);
  const std::vector<TensorView> other_inputs = inputs_of(*other);
  Comparison comparison;
  std::vector<std::vector<double>> real_scores(metrics.size());
  std::vector<std::vector<double>> other_scores(metrics.size());
  for (std::size_t index = 0; index < samples.count; ++index) {
    if (Status status = samples.load(index, real_inputs); !status) return std::move(status).error();
    for (std::size_t i = 0; i < real_inputs.size(); ++i) {
      if (Status status = other_inputs[i].copy_from(std::span<const std::byte>(real_inputs[i].bytes()));
          !status)
        return std::move(status).error();
    }
    if (Status status = real->run(); !status) return std::move(status).error();
    if (Status status = other->run(); !status) return std::move(status).error();
    const std::vector<TensorView> expected = outputs_of(*real);
    const std::vector<TensorView> given = outputs_of(*other);
    comparison.add(expected, given);
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      const Result<double> before = metrics[i]->score(index, expected);
      if (!before) return before.error();
      const Result<double> after = metrics[i]->score(index, given);
      if (!after) return after.error();
      real_scores[i].push_back(*before);
      other_scores[i].push_back(*after);
    }
    if (options.progress && !options.progress(index + 1))
      return Error(ErrorCode::kInvalidArgument, "the measurement was stopped");
  }
  AccuracyResult result;
  result.samples = samples.count;
  comparison.finish(result);
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    result.metrics.push_back({std::string(metrics[i]->name()), mean(real_scores[i]), mean(other_scores[i]),
                              paired_drop(real_scores[i], other_scores[i], metrics[i]->is_fraction())});
  }
  return result;
}

}  // namespace fettle
