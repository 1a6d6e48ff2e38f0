// SPDX-License-Identifier: Apache-2.0
//
// Bytes as the text of a plan: the strict reader, writing and reading again, and compiling a network with it.
// A plan may be refused or not followed; unless it quantises, it cannot make the network compute something
// else.
#include "tests/fuzz/target.h"
#include "tests/runtime/models.h"

#include <fettle/plan.h>
#include <fettle/runtime.h>

#include <bit>
#include <utility>

namespace fettle::fuzz {
namespace {

bool same_number(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool same_device(const PlanDevice& a, const PlanDevice& b) {
  const auto same_cores = [](const PlanDevice::Cores& x, const PlanDevice::Cores& y) {
    return x.midr == y.midr && x.count == y.count && x.l1d == y.l1d && x.l2 == y.l2;
  };
  return a.isa == b.isa && a.library == b.library &&
         std::equal(a.cores.begin(), a.cores.end(), b.cores.begin(), b.cores.end(), same_cores);
}

bool same_expectation(const PlanExpectation& a, const PlanExpectation& b) {
  return same_number(a.latency_us.median, b.latency_us.median) &&
         same_number(a.latency_us.low, b.latency_us.low) &&
         same_number(a.latency_us.high, b.latency_us.high) &&
         same_number(a.default_latency_us, b.default_latency_us) && a.arena_bytes == b.arena_bytes;
}

bool same_plan(const Plan& a, const Plan& b) {
  const auto same_points = [](const PlanPoint& x, const PlanPoint& y) {
    return x.threads == y.threads && x.shapes == y.shapes && x.layers == y.layers;
  };
  return a.model.name == b.model.name && a.model.graph == b.model.graph &&
         a.model.weights == b.model.weights && same_device(a.device, b.device) &&
         a.objective == b.objective && a.expected.has_value() == b.expected.has_value() &&
         (!a.expected || same_expectation(*a.expected, *b.expected)) &&
         (a.quantisation == nullptr) == (b.quantisation == nullptr) &&
         (a.quantisation == nullptr || *a.quantisation == *b.quantisation) &&
         std::equal(a.points.begin(), a.points.end(), b.points.begin(), b.points.end(), same_points);
}

const Model& network() {
  static const Model model = test::parse(test::residual_network());
  return model;
}

const std::vector<float>& expected_outputs() {
  static const std::vector<float> outputs = test::outputs_of(test::value_of(Program::compile(network())));
  return outputs;
}

// Its numbers may be anything: what they make is refused by name, or runs.
void quantise(Plan plan) {
  CompileOptions careful;
  careful.quantised_plans = false;
  require(!Program::compile(network(), &plan, careful), "a plan quantises where it may not");
  plan.model.weights = network().weights_hash();
  const Result<Program> program = Program::compile(network(), &plan);
  if (!program) {
    require(program.error().code() == ErrorCode::kPlanMalformed, program.error().message());
    return;
  }
  test::outputs_of(*program);
}

void follow(Plan plan) {
  // A plan for another graph is refused at once; this one is made to be for the network.
  require(!Program::compile(network(), &plan) || plan.model.graph == network().graph_hash(),
          "a plan for another graph was taken");
  plan.model.graph = network().graph_hash();
  if (plan.quantisation != nullptr) return quantise(std::move(plan));
  require_ok(Program::compile(network(), &plan), "a plan for the graph does not compile");
  if (plan.points.empty()) return;
  plan.points.front().shapes = {{"x", network().inputs()[0].shape}};
  CompileOptions options;
  options.threads = 2;
  const Result<Program> program = Program::compile(network(), &plan, options);
  require_ok(program, "a plan for the graph and its shapes does not compile");
  require(program->threads() <= 2, "a plan uses more threads than allowed");
  require(test::relative_error(test::outputs_of(*program), expected_outputs()) < 1e-4,
          "a plan changes what the network computes");
}

void try_plan(std::string_view text) {
  const Result<Plan> plan = Plan::parse(text, "fuzzed");
  if (!plan) {
    require(!plan.error().message().empty(), "an error without a message");
    require(plan.error().code() != ErrorCode::kInternal, plan.error().message());
    return;
  }
  const std::string written = plan->json();
  const Result<Plan> again = Plan::parse(written, "written");
  require_ok(again, "a written plan cannot be read");
  require(same_plan(*plan, *again), "a plan changes when it is written and read");
  require(again->json() == written, "a plan's text changes when it is read and written");
  match_device(plan->device, Plan::this_device());
  follow(*plan);
}

}  // namespace
}  // namespace fettle::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fettle::fuzz::try_plan({reinterpret_cast<const char*>(data), size});
  return 0;
}
