// SPDX-License-Identifier: Apache-2.0
//
// The space that the tuner explores: for each layer the variants that it may have, and the values between
// layers whose formats they must agree on or convert.
#pragma once

#include <fettle/model.h>
#include <fettle/plan.h>
#include <fettle/program.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::tuner {

/// What the tuner knows of the network before it measures: public facts of model and library, so that a test
/// can make one.
struct Problem {
  PlanModel model;
  std::map<std::string, Shape> shapes;  ///< of the inputs
  std::vector<LayerInfo> layers;
  std::vector<LayerVariants> variants;  ///< in the order of `layers`
  std::set<int> outputs;                ///< values that leave the network (always nchw)
  std::set<int> pictures;               ///< input values that arrive as 8-bit nhwc pictures
  Plan default_plan;                    ///< the default, written out
  int threads = 1;                      ///< the most
};

/// A variant of a layer, or that another layer's region covers it.
struct Candidate {
  Variant variant;            ///< of the region, for a layer that it covers
  std::vector<int> covers;    ///< numbers of variant.covers; none for a layer that a region covers
  int region = -1;            ///< the layer whose region covers this one; -1: a variant of its own
  int region_candidate = -1;  ///< which candidate of that layer
  bool is_default = false;
  float rounding = 1;      ///< Kernel::rounding
  bool reference = false;  ///< VariantInfo::reference

  bool covered() const noexcept { return region >= 0; }
};

/// A variant that cannot be, or is not to be measured, for the explanation.
struct Excluded {
  Variant variant;
  Refusal refusal = Refusal::none;  ///< none: the kernel would run the layer
  std::string_view left_out = {};   ///< VariantCost::left_out
};

struct SpaceLayer {
  std::string id;
  std::string text;         ///< LayerDesc::text with every format nchw
  std::string cost_key;     ///< LayerDesc::cost_key
  std::vector<int> inputs;  ///< values, constants left out
  std::vector<int> outputs;
  std::vector<Candidate> candidates;
  std::vector<Excluded> excluded;
  int default_candidate = 0;
  bool pinned = false;  ///< `candidates` holds what the start plan pins alone
};

struct SpaceValue {
  Shape shape;
  DataType type = DataType::f32;
  int producer = -1;           ///< -1: an input of the network
  std::vector<int> consumers;  ///< layers, each once
  bool output = false;
  bool picture = false;

  /// The format in which a layer has it whose signature says `tag`: types that are no floating-point numbers
  /// stay the graph's, and layouts in which it lies the same way are one.
  FormatTag stored(FormatTag tag) const;
  /// The format in which it enters and leaves the network.
  FormatTag plain() const { return stored({Layout::nchw, type}); }
};

struct Space {
  PlanModel model;
  std::map<std::string, Shape> shapes;
  int threads = 1;
  std::vector<SpaceLayer> layers;
  std::map<int, SpaceValue> values;
  std::vector<std::string> notes;  ///< pins that could not be kept

  int find(const std::string& id) const noexcept;
};

/// A choice of one candidate for each layer.
using Choice = std::vector<int>;

/// Builds the space. Thread counts are 1, 2, 4, ... and `problem.threads` for kernels that can use them.
/// Kernels of the reference are left out where another kernel does the same work and the layer is not tiny,
/// and those that store real weights in integers, whose errors no comparison of outputs bounds: only layers
/// for which `start` names one have it. Layers pinned by `start` (may be null) keep their entry alone; a pin
/// that this build cannot follow is noted and dropped.
Space build_space(const Problem& problem, const Plan* start);

/// The default's choice.
Choice default_choice(const Space& space);
/// The choice as a plan with every layer written out; pins of `start` are marked again.
Plan plan_of(const Space& space, const Choice& choice);
/// The key of a conversion: "1x16x8x8 f32 nchw>f32 nhwc".
std::string conversion_key(const Shape& shape, const Format& from, const Format& to);
/// The last part of a kernel's name, such as "xnnpack": what homogeneous settings are made of.
std::string kernel_family(const std::string& kernel);

}  // namespace fettle::tuner
