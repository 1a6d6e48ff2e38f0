// SPDX-License-Identifier: Apache-2.0
//
// Pretrained networks for other pictures than those they were exported for: their extents are made free
// first.
#include "lib/model/model_state.h"
#include "tests/common/data.h"
#include "tests/fuzz/wire_format.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>

namespace fettle::test {
namespace {

using fuzz::Field;
using fuzz::Kind;

// Frees all extents of the graph's inputs but the channels: an extent that says nothing is free.
void free_extents(std::vector<Field>& fields, bool in_input) {
  int axis = 0;
  for (Field& field : fields) {
    if (field.kind == Kind::dimension && in_input && axis++ != 1) field.fields.clear();
    // Outputs are value_infos too; inputs are field 11 of a graph.
    free_extents(field.fields, in_input || (field.kind == Kind::value_info && field.id == 11));
  }
}

std::string free_network_bytes(const std::string& name) {
  std::ifstream file(shared_model(name), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  auto fields = fuzz::read_message(Kind::model, bytes);
  REQUIRE(fields);
  free_extents(*fields, false);
  return fuzz::write_message(*fields);
}

struct Case {
  const char* name;
  Shape first;
  Shape second;
};

const Case kCases[] = {
    {"resnet8_cifar10", {1, 3, 32, 32}, {2, 3, 40, 48}},
    {"resnet8_cifar10_int8_qdq", {1, 3, 32, 32}, {2, 3, 40, 48}},
    {"resnet20_cifar10", {1, 3, 32, 32}, {2, 3, 40, 48}},
    {"mobilenet_v2_0.5_96", {1, 3, 96, 96}, {1, 3, 160, 160}},
    {"mobilenet_v2_1.0_224", {1, 3, 224, 224}, {1, 3, 160, 160}},
    {"mobilenet_v1_0.25_224_bn", {1, 3, 224, 224}, {1, 3, 96, 128}},
    {"squeezenet1.1", {1, 3, 224, 224}, {1, 3, 128, 128}},
    {"edsr_f32b5_x2", {1, 3, 120, 160}, {1, 3, 60, 52}},
};

// Bytes of the constants that the imported graph alone keeps.
std::size_t kept_bytes(const Model& model) {
  std::set<const Constant*> counted;
  const auto count = [&](const graph::Graph& graph) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < graph.value_count(); ++i) {
      const Constant* constant = graph.value(static_cast<graph::ValueId>(i)).constant.get();
      if (constant != nullptr && counted.insert(constant).second) bytes += constant->bytes.size();
    }
    return bytes;
  };
  count(*ModelState::of(model).graph);
  return count(*ModelState::of(model).source->graph);
}

template <typename Work>
double milliseconds(const Work& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(
        best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

void check_network(const Case& entry) {
  INFO(entry.name);
  const std::string bytes = free_network_bytes(entry.name);
  const std::string input = value_of(Model::load(shared_model(entry.name))).inputs()[0].name;
  const auto load = [&](const Shape& shape) {
    ModelOptions options;
    options.shapes[input] = shape;
    return value_of(Model::parse(onnx_bytes::as_bytes(bytes), entry.name, options));
  };
  const Model first = load(entry.first);
  const Model second = value_of(first.with_shapes({{input, entry.second}}));
  const Model fresh = load(entry.second);
  CHECK(second.graph_hash() == fresh.graph_hash());
  CHECK(second.weights_hash() == fresh.weights_hash());
  CompileOptions options;
  options.weights = std::make_shared<WeightStore>();
  const Program program = value_of(Program::compile(first, nullptr, options));
  const std::size_t weights = options.weights->bytes();
  const Program other = value_of(Program::compile(second, nullptr, options));
  CHECK(options.weights->bytes() == weights);
  CHECK(outputs_of(other) == outputs_of(value_of(Program::compile(fresh))));

  const double loading = milliseconds([&] { load(entry.second); });
  const double reshaping = milliseconds([&] { value_of(first.with_shapes({{input, entry.second}})); });
  const double compiling = milliseconds([&] { value_of(Program::compile(fresh)); });
  const double sharing = milliseconds([&] { value_of(Program::compile(second, nullptr, options)); });
  std::printf(
      "%-26s parse %6.2f ms, other shape %6.2f ms; compile %6.2f ms, with shared weights %6.2f ms; "
      "weights %8zu bytes, kept for other shapes %8zu\n",
      entry.name, loading, reshaping, compiling, sharing, first.constant_bytes(), kept_bytes(first));
}

}  // namespace

TEST_CASE("networks for another picture are what a load for it gives", "[runtime][shared][reshape]") {
  if (shared_networks().empty()) SKIP("no shared models in " << shared_path("models"));
  for (const Case& entry : kCases) {
    if (!quick() || entry.first.elements() <= 3 * 32 * 32) check_network(entry);
  }
}

}  // namespace fettle::test
