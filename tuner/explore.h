// SPDX-License-Identifier: Apache-2.0
//
// Exploring: runs settings in interleaved rounds and fills the cost table.
#pragma once

#include "tuner/cost_table.h"
#include "tuner/device.h"
#include "tuner/settings.h"
#include "tuner/space.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fettle::tuner {

/// Passes that take longer warm their caches themselves.
inline constexpr double kWarmUpUs = 20000;

/// Limits that every phase looks at between passes.
struct Limits {
  Device* device = nullptr;
  std::function<bool()> stopped;   ///< asked to end early
  std::function<void()> progress;  ///< told after each pass; may be null

  bool over(double until_s) const { return device->now_s() >= until_s || (stopped && stopped()); }
  void tell() const {
    if (progress) progress();
  }
};

class Explorer {
 public:
  /// Setting 0 is the default; without pins it is compiled from a null plan, as applications get it.
  Explorer(const Space& space, Limits limits, CostTable& table);

  /// Adds a setting; it takes part from the next round on. Gives its number, the same for an equal choice.
  int add(const Setting& setting);
  /// Runs rounds until `until_s`, or until every setting has been seen often enough or has lost.
  void run(double until_s);
  /// The same with these settings and the default alone, until each of these has been seen often enough: all
  /// of them take part until then, so that they have seen the same conditions.
  void run_together(double until_s, const std::vector<int>& settings);

  /// Passes over the network so far.
  int passes() const noexcept { return passes_; }
  /// Median of a setting's whole passes in microseconds; 0 when it never ran.
  double total_us(int setting) const;
  /// How often a setting has been visited.
  int visits(int setting) const { return runs_[static_cast<std::size_t>(setting)].visits; }
  const Choice& choice(int setting) const { return runs_[static_cast<std::size_t>(setting)].setting.choice; }
  const std::string& name(int setting) const { return runs_[static_cast<std::size_t>(setting)].setting.name; }
  int settings() const noexcept { return static_cast<int>(runs_.size()); }
  /// Settings that could not be compiled or run, and why.
  const std::vector<std::string>& notes() const noexcept { return notes_; }
  /// Frees all subjects.
  void release();

 private:
  struct Run {
    Setting setting;
    std::unique_ptr<Subject> subject;
    std::vector<int> layer_of_step;  // -1: not to be counted
    std::vector<std::string> conversion_of_step;
    std::vector<double> totals;
    double pass_us = 0;
    int visits = 0;
    bool failed = false;
    bool lost = false;
    bool gathered = false;  // of what slow settings had that is worth a second look
    std::size_t bytes = 0;
  };

  void visit_all(const std::vector<std::size_t>& order, double until_s);
  bool prepare(std::size_t index);
  void map_steps(Run& run) const;
  void visit(std::size_t index, double share_s);
  bool pass(Run& run, std::vector<double>& step_us);
  void record(std::size_t index, const std::vector<double>& step_us, double total_us);
  bool finished(std::size_t index) const;
  void drop_losers();
  bool slow(const Run& run) const;
  std::vector<Candidacy> undecided(std::size_t index) const;
  bool dominated(int layer, int candidate) const;
  bool dominated_region(int layer, int candidate) const;
  void evict(std::size_t keep);

  const Space& space_;
  Limits limits_;
  CostTable& table_;
  std::vector<Run> runs_;
  std::vector<std::string> notes_;
  int passes_ = 0;
  int rounds_ = 0;
};

}  // namespace fettle::tuner
