// SPDX-License-Identifier: Apache-2.0
//
// A plan: for each layer the variant to run, and what the plan was made for. JSON text, small, diffable, made
// to be edited by hand; the only link between tuner and runtime. docs/plan-format.md describes the text.
#pragma once

#include <fettle/error.h>
#include <fettle/export.h>
#include <fettle/kernel.h>
#include <fettle/quantisation.h>
#include <fettle/types.h>
#include <fettle/variant.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

/// What a plan says of one layer (or of a region whose first layer it is).
struct PlanLayer {
  /// Types that its signature leaves open are the graph's.
  Variant variant;
  bool pinned = false;  ///< set by hand: tuners keep it

  friend bool operator==(const PlanLayer&, const PlanLayer&) = default;
};

/// One operating point: a number of threads and shapes, with the choice for each layer.
struct PlanPoint {
  int threads = 1;
  std::map<std::string, Shape> shapes;      ///< by input name
  std::map<std::string, PlanLayer> layers;  ///< by layer id; layers left out take their default
};

/// Microseconds: median with the bounds of its 95 % confidence interval.
struct PlanLatency {
  double median = 0;
  double low = 0;
  double high = 0;
};

/// What the tuner measured for the plan.
struct PlanExpectation {
  PlanLatency latency_us;
  double default_latency_us = 0;
  std::size_t arena_bytes = 0;
};

struct PlanModel {
  std::string name;
  std::string graph;    ///< Model::graph_hash
  std::string weights;  ///< Model::weights_hash
};

/// A device as plans and records name it.
struct PlanDevice {
  std::vector<std::string> isa;  ///< instruction sets that kernels ask for, as in isa_text()
  struct Cores {
    std::uint32_t midr = 0;
    int count = 0;
    std::size_t l1d = 0;
    std::size_t l2 = 0;

    friend bool operator==(const Cores&, const Cores&) = default;
  };
  std::vector<Cores> cores;
  std::string library;  ///< version of the library that measured

  /// The object of JSON that plans have under "device", on one line.
  FETTLE_API std::string json() const;
  /// Reads such an object, strictly. Errors: kPlanMalformed with the place named.
  FETTLE_API static Result<PlanDevice> parse(std::string_view text, const std::string& name = "device");
};

/// A plan. A plain value; reading and writing are pure functions of text.
struct Plan {
  static constexpr int kFormatVersion = 1;
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20;  ///< larger files are refused

  PlanModel model;
  PlanDevice device;
  std::string objective = "latency";
  std::optional<PlanExpectation> expected;
  /// Makes a float model's layers compute with integers, before the points choose kernels for them. Made for
  /// the weights that `model` names; null: nothing. Copies of the plan share it.
  std::shared_ptr<const Quantisation> quantisation;
  std::vector<PlanPoint> points;

  /// Reads the text of a plan, strictly: unknown or repeated keys, wrong types and out-of-range numbers are
  /// kPlanMalformed with the place named. `name` stands for the file in messages.
  FETTLE_API static Result<Plan> parse(std::string_view text, const std::string& name = "plan");
  /// Errors beside those of parse: kFileNotFound, kFileUnreadable, kLimitExceeded.
  FETTLE_API static Result<Plan> load(const std::string& path);
  /// Indented JSON text; parse(json()) gives the same plan, floats to the bit.
  FETTLE_API std::string json() const;
  /// Writes the text to a new file beside `path` and renames it, so that no reader ever sees half a plan.
  FETTLE_API Status save(const std::string& path) const;
  /// Describes this CPU, for plans made here.
  FETTLE_API static PlanDevice this_device();
};

/// How well a plan's device fits this one.
enum class DeviceMatch { exact, same_cores, other };
FETTLE_API DeviceMatch match_device(const PlanDevice& plan, const PlanDevice& here) noexcept;

}  // namespace fettle
