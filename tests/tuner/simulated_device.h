// SPDX-License-Identifier: Apache-2.0
//
// A device that does not exist: its variants and conversions have known costs, its clock is simulated, its
// timings are noisy on request. What the tuner finds can be compared with the true optimum.
#pragma once

#include "tuner/device.h"
#include "tuner/space.h"

#include <map>
#include <random>
#include <string>
#include <vector>

namespace fettle::tuner::testing {

/// A chain of convolutions with residual adds; kernels of two families, threaded and not, a region, a slow
/// reference.
class SimulatedDevice final : public Device {
 public:
  struct Options {
    int layers = 6;
    int threads = 1;
    unsigned seed = 1;
    double noise = 0;  ///< of each step, lognormal
    double drift = 0;  ///< of each pass, uniform on top
    double conversion_us = 8;
    bool equal_costs = false;  ///< all variants cost the same: nothing can be won
    double slow_nchw = 1;      ///< how many times as long every other layer takes to write nchw
    bool fast_winograd = false;
    float winograd_error = 0;  ///< of the outputs when any layer uses the kernel that rounds more
    bool regions = true;
  };
  explicit SimulatedDevice(const Options& options);

  const Problem& problem() const { return problem_; }
  /// The true cost of a plan, in microseconds, conversions included.
  double true_us(const Plan* plan) const;
  /// The lowest true cost over all choices of the space, by brute force.
  double best_us(const Space& space) const;
  int prepared() const { return prepared_; }
  int alive() const { return alive_; }
  int most_alive() const { return most_alive_; }
  void set_memory_limit(std::size_t bytes) { memory_limit_ = bytes; }

  Result<std::unique_ptr<Subject>> prepare(const Plan* plan, bool profile) override;
  double now_s() override { return now_s_; }
  PlanDevice description() const override;
  std::size_t memory_limit() const override { return memory_limit_; }
  std::string conditions() override { return {}; }

 private:
  friend class SimulatedSubject;
  struct Step {
    StepInfo info;
    double us = 0;
  };
  std::vector<Step> lower(const Plan* plan) const;
  double variant_us(int layer, const Variant& entry) const;
  double noisy(double us, double drift);

  Options options_;
  Problem problem_;
  mutable std::map<std::string, double> costs_;
  std::mt19937 rng_;
  double now_s_ = 100;
  int prepared_ = 0;
  int alive_ = 0;
  int most_alive_ = 0;
  std::size_t memory_limit_ = std::size_t{1} << 30;
};

}  // namespace fettle::tuner::testing
