// SPDX-License-Identifier: Apache-2.0
//
// Accuracy: what a network computes on real data, beside another version of it (in floats, before
// quantisation). Links with fettle::tuner.
#pragma once

#include <fettle/error.h>
#include <fettle/export.h>
#include <fettle/program.h>
#include <fettle/tensor.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

/// Where inputs come from. A plain value; the function must give the same numbers for the same index.
struct Samples {
  std::size_t count = 0;
  /// Fills all inputs of a runtime, in the model's order, with sample `index` < count.
  std::function<Status(std::size_t index, std::span<const TensorView> inputs)> load;
};

/// A task's own measure of one sample: a detector's recall, the PSNR of a picture. Larger is better. Users
/// may write their own.
class TaskMetric {
 public:
  virtual ~TaskMetric() = default;
  virtual std::string_view name() const = 0;
  /// The score of what the network gave for sample `index`. Called from one thread. Errors end the
  /// measurement.
  virtual Result<double> score(std::size_t index, std::span<const TensorView> outputs) = 0;
  /// Whether scores lie between 0 and 1, so that their means are fractions of something.
  virtual bool is_fraction() const { return true; }
};

/// 1 where the class is among the k largest of the first output's f32 scores, else 0. NaN is never among
/// them; of equal scores the first counts. `classes` has a number for each sample. The score's error:
/// kWrongShape where the output has no such class.
FETTLE_API std::unique_ptr<TaskMetric> top_k_metric(std::vector<int> classes, int k);
/// Peak signal to noise ratio of the first output, in dB, at most 100: 10 log10(peak^2 / mean squared error).
/// `target` gives the right elements of a sample, in the output's order.
FETTLE_API std::unique_ptr<TaskMetric> psnr_metric(
    std::function<Result<std::vector<float>>(std::size_t index)> target, double peak);

/// A mean of paired differences with its 95 % interval. For fractions the interval is Agresti and Min's
/// (Statistics in Medicine 24, 2005), which is not empty where no sample differs; else the normal one.
struct PairedDifference {
  double value = 0;
  double low = 0;
  double high = 0;
};
/// The mean of `reference[i] - candidate[i]`. Both have the same size.
FETTLE_API PairedDifference paired_drop(std::span<const double> reference, std::span<const double> candidate,
                                        bool fractions);

/// The means of one metric over all samples.
struct MetricResult {
  std::string name;
  double reference = 0;
  double candidate = 0;
  PairedDifference drop;  ///< reference minus candidate: positive where the candidate is worse
};

/// How alike two versions of a network are on some samples.
struct AccuracyResult {
  std::size_t samples = 0;
  /// Share of decisions that are the same: the index of the largest of the first output's scores, sample by
  /// sample, or row by row where it has several. Scores lie along axis 1 of outputs of rank 4 and more, along
  /// the last axis otherwise.
  double agreement = 0;
  /// Mean over decisions of the Kullback-Leibler divergence from the reference's distribution to the
  /// candidate's, in nats. Scores that are no distributions (not within 0 to 1, or not summing to 1) go
  /// through softmax.
  double mean_kl = 0;
  /// 10 log10 of the energy of all outputs over that of their differences, in dB; 200 where there are none.
  double sqnr_db = 0;
  /// Mean over samples of the share of decisions that are not the same: no metric of decisions, such as
  /// top-1, can lose more.
  PairedDifference changed;
  std::vector<MetricResult> metrics;  ///< in the order of the metrics given
};

struct AccuracyOptions {
  /// Called after each sample with how many are done; false ends the measurement with kInvalidArgument.
  std::function<bool(std::size_t done)> progress;
};

/// Runs both programs, which have equal inputs and outputs, on all samples. f32 outputs count. Errors:
/// kWrongShape (the programs differ, an output that is not f32), kInvalidArgument (no samples), those of the
/// samples and metrics, and of running.
FETTLE_API Result<AccuracyResult> measure_accuracy(const Program& reference, const Program& candidate,
                                                   const Samples& samples,
                                                   std::span<TaskMetric* const> metrics = {},
                                                   const AccuracyOptions& options = {});

}  // namespace fettle
