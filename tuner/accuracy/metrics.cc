// SPDX-License-Identifier: Apache-2.0
//
// The metrics that Fettle brings: top-k of classes, PSNR of pictures; and paired differences of scores.
#include <fettle/accuracy.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace fettle {
namespace {

class TopK final : public TaskMetric {
 public:
  TopK(std::vector<int> classes, int k)
      : classes_(std::move(classes)), k_(k), name_("top" + std::to_string(k)) {}

  std::string_view name() const override { return name_; }

  Result<double> score(std::size_t index, std::span<const TensorView> outputs) override {
    const std::span<const float> scores = outputs.front().values<float>();
    const auto wanted = static_cast<std::size_t>(classes_[index]);
    if (classes_[index] < 0 || wanted >= scores.size()) {
      return Error(ErrorCode::kWrongShape,
                   "sample " + std::to_string(index) + " has class " + std::to_string(classes_[index]) +
                       ", output " + outputs.front().info().name + " has " + std::to_string(scores.size()) +
                       " scores",
                   "labels count from 0; is this the right file, or a class offset needed?");
    }
    const float own = scores[wanted];
    if (std::isnan(own)) return 0.0;
    int before = 0;
    for (std::size_t i = 0; i < scores.size() && before < k_; ++i)
      before += scores[i] > own || (scores[i] == own && i < wanted) ? 1 : 0;
    return before < k_ ? 1.0 : 0.0;
  }

 private:
  std::vector<int> classes_;
  int k_;
  std::string name_;
};

class Psnr final : public TaskMetric {
 public:
  Psnr(std::function<Result<std::vector<float>>(std::size_t)> target, double peak)
      : target_(std::move(target)), peak_(peak) {}

  std::string_view name() const override { return "psnr"; }
  bool is_fraction() const override { return false; }

  Result<double> score(std::size_t index, std::span<const TensorView> outputs) override {
    const std::span<const float> given = outputs.front().values<float>();
    Result<std::vector<float>> target = target_(index);
    if (!target) return std::move(target).error();
    if (target->size() != given.size()) {
      return Error(ErrorCode::kWrongShape,
                   "the target of sample " + std::to_string(index) + " has " +
                       std::to_string(target->size()) + " elements, output " + outputs.front().info().name +
                       " has " + std::to_string(given.size()),
                   "targets need the output's shape and order");
    }
    double error = 0;
    for (std::size_t i = 0; i < given.size(); ++i) {
      const double difference = static_cast<double>(given[i]) - static_cast<double>((*target)[i]);
      error += difference * difference;
    }
    error /= static_cast<double>(given.size());
    constexpr double kMost = 100;
    if (!(error > 0)) return error == 0 ? kMost : 0.0;  // NaN is as bad as can be
    return std::min(kMost, 10 * std::log10(peak_ * peak_ / error));
  }

 private:
  std::function<Result<std::vector<float>>(std::size_t)> target_;
  double peak_;
};

}  // namespace

std::unique_ptr<TaskMetric> top_k_metric(std::vector<int> classes, int k) {
  return std::make_unique<TopK>(std::move(classes), k);
}

std::unique_ptr<TaskMetric> psnr_metric(std::function<Result<std::vector<float>>(std::size_t index)> target,
                                        double peak) {
  return std::make_unique<Psnr>(std::move(target), peak);
}

PairedDifference paired_drop(std::span<const double> reference, std::span<const double> candidate,
                             bool fractions) {
  constexpr double kTwoSided95 = 1.959964;
  const auto n = static_cast<double>(reference.size());
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double difference = reference[i] - candidate[i];
    sum += difference;
    squares += difference * difference;
  }
  // Agresti and Min add half a sample to each cell of the table: two more samples, one of which differs.
  const double more = fractions ? 2 : 0;
  const double differing = squares + (fractions ? 1 : 0);
  const double count = n + more;
  const double spread = std::sqrt(std::max(0.0, differing - sum * sum / count));
  return {sum / n, (sum - kTwoSided95 * spread) / count, (sum + kTwoSided95 * spread) / count};
}

}  // namespace fettle
