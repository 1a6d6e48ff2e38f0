// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

namespace fettle::test {

TEST_CASE("a profile has a time for every step that does work", "[runtime]") {
  const Program program = value_of(Program::compile(parse(residual_network())));
  Runtime runtime = value_of(Runtime::create(program));
  outputs_of(runtime);
  for (const StepTime& time : runtime.profile()) CHECK(time.runs == 0);

  runtime.set_profiling(true);
  for (int i = 0; i < 5; ++i) succeeds(runtime.run());
  REQUIRE(runtime.profile().size() == program.steps().size());
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < program.steps().size(); ++i) {
    const StepTime& time = runtime.profile()[i];
    if (program.steps()[i].alias) continue;
    CHECK(time.runs == 5);
    CHECK(time.min_ns <= time.last_ns);
    CHECK(time.total_ns >= 5 * time.min_ns);
    CHECK(time.start_ns >= end);  // one after the other
    end = time.start_ns + time.last_ns;
  }
  const std::string table = runtime.profile_table();
  for (const StepInfo& step : program.steps()) {
    if (!step.alias) CHECK(table.find(step.kernel) != std::string::npos);
  }
  runtime.set_profiling(true);
  for (const StepTime& time : runtime.profile()) CHECK(time.runs == 0);
}

TEST_CASE("a trace is JSON with an event for each step", "[runtime]") {
  onnx_bytes::ModelBytes bytes = residual_network();
  // A name that JSON must escape, and one that is no UTF-8.
  bytes.nodes.back() = onnx_bytes::node("Relu", {"s"}, {"y"}, {}, "relu \"\\\n\x01");
  bytes.nodes[2] =
      onnx_bytes::node("Conv", {"ra", "b.w", "b.b"}, {"b"},
                       {onnx_bytes::attribute("pads", onnx_bytes::Dims{1, 1, 1, 1})}, "latin \xe4\xf6 \xc3");
  bytes.nodes[3] = onnx_bytes::node("Add", {"b", "ra"}, {"s"}, {}, "sum \"\\\n\x01");
  const Program program = value_of(Program::compile(parse(bytes)));
  RuntimeOptions options;
  options.profile = true;
  Runtime runtime = value_of(Runtime::create(program, options));
  outputs_of(runtime);
  const nlohmann::json trace = nlohmann::json::parse(runtime.profile_trace(), nullptr, false);
  REQUIRE_FALSE(trace.is_discarded());
  const nlohmann::json& events = trace.is_array() ? trace : trace.at("traceEvents");
  std::size_t complete = 0;
  for (const nlohmann::json& event : events) {
    if (event.at("ph") != "X") continue;
    ++complete;
    CHECK(event.at("dur").get<double>() >= 0);
    CHECK(event.contains("ts"));
    CHECK(event.contains("name"));
  }
  std::size_t working = 0;
  for (const StepInfo& step : program.steps()) working += step.alias ? 0 : 1;
  CHECK(complete == working);
}

}  // namespace fettle::test
