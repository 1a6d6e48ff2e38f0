// SPDX-License-Identifier: Apache-2.0
//
// Counts allocations at the level of malloc, in all threads: a running network must not make any, nor free
// any.
#include "tests/common/data.h"
#include "tests/common/plans.h"
#include "tests/common/sanitized.h"
#include "tests/onnx/model_bytes.h"

#include <fettle/runtime.h>

#include <catch2/catch_test_macros.hpp>

#include <atomic>

#if defined(__GLIBC__) && !FETTLE_SANITIZED
#define FETTLE_COUNTS_ALLOCATIONS 1

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace {
constinit std::atomic<long> g_calls{0};
}

extern "C" {
void* malloc(size_t size) { return g_calls.fetch_add(1), __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return g_calls.fetch_add(1), __libc_calloc(count, size); }
void* realloc(void* old, size_t size) { return g_calls.fetch_add(1), __libc_realloc(old, size); }
void* memalign(size_t alignment, size_t size) {
  return g_calls.fetch_add(1), __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** result, size_t alignment, size_t size) {
  *result = memalign(alignment, size);
  return *result == nullptr ? 12 : 0;
}
void free(void* memory) {
  if (memory != nullptr) g_calls.fetch_add(1);
  __libc_free(memory);
}
}
#endif

namespace fettle::test {
namespace {

#ifdef FETTLE_COUNTS_ALLOCATIONS
void check_runs(const Model& model, const Plan* plan, int threads, bool profile) {
  CompileOptions options;
  options.threads = threads;
  if (threads == 2 && plan == nullptr && model.name() == "glyphs")
    options.inputs["image"] = {.u8_nhwc = true, .mean = {127.5f}, .std = {127.5f}};
  const Program program = value_of(Program::compile(model, plan, options));
  RuntimeOptions runtime_options;
  runtime_options.profile = profile;
  Runtime runtime = value_of(Runtime::create(program, runtime_options));
  for (std::size_t i = 0; i < runtime.input_count(); ++i) {
    const auto bytes = runtime.input(i).bytes();
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
  }
  // The very first run counts too.
  const long before = g_calls;
  bool good = true;
  for (int i = 0; i < 10; ++i) good = good && runtime.run();
  const long after = g_calls;
  INFO(model.name() << ", " << (plan == nullptr ? "default" : "plan") << ", " << threads << " threads");
  CHECK(good);
  CHECK(after - before == 0);
}
#endif

}  // namespace

TEST_CASE("running a network allocates and frees nothing in any thread", "[runtime]") {
#ifdef FETTLE_COUNTS_ALLOCATIONS
  const long before = g_calls;
  int* volatile number = new int(1);
  delete number;
  REQUIRE(g_calls - before == 2);  // what is counted is what the program calls

  std::vector<std::string> paths{glyphs_model()};
  for (const std::string& name : shared_networks()) {
    if (name != "edsr_f32b5_x2") paths.push_back(shared_model(name));
  }
  if (paths.size() == 1) WARN("no shared models in " << shared_path("models"));
  for (const std::string& path : paths) {
    const Model model = value_of(Model::load(path));
    const Plan nchw = homogeneous_plan(model, 2, ".portable", Layout::nchw);
    const Plan nhwc = homogeneous_plan(model, 2, ".portable", Layout::nhwc);
    const Plan random = random_plan(model, 2, 5);
    for (const int threads : {1, 2}) {
      for (const Plan* plan : {static_cast<const Plan*>(nullptr), &nchw, &nhwc, &random})
        check_runs(model, plan, threads, threads == 2);
    }
  }
#else
  SKIP("allocations cannot be counted here");
#endif
}

TEST_CASE("runs with extents and conditions that depend on data allocate nothing", "[runtime][extents]") {
#ifdef FETTLE_COUNTS_ALLOCATIONS
  using namespace onnx_bytes;
  // The positive numbers of x; all of them twice where there are more than 3.
  const Message twice =
      graph({node("Concat", {"p", "p"}, {"a"}, {attribute("axis", std::int64_t{0})})}, {}, {"a"});
  const Message negative = graph({node("Neg", {"p"}, {"b"})}, {}, {"b"});
  ModelBytes bytes;
  bytes.opset = 13;
  bytes.inputs = {value_info("x", {6})};
  bytes.outputs = {"y"};
  bytes.initialisers = {floats("nought", {}, {0}), integers("zero", {0}),
                        tensor<std::int64_t>("few", kInt64, {}, {3})};
  bytes.nodes = {node("Greater", {"x", "nought"}, {"m"}),
                 node("NonZero", {"m"}, {"places"}),
                 node("Squeeze", {"places", "zero"}, {"at"}),
                 node("Gather", {"x", "at"}, {"p"}),
                 node("Size", {"p"}, {"n"}),
                 node("Greater", {"n", "few"}, {"many"}),
                 node("If", {"many"}, {"y"}, {body("then_branch", twice), body("else_branch", negative)})};
  const Model model = value_of(Model::parse(as_bytes(bytes.bytes()), "test"));
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(model))));
  const std::vector<std::vector<float>> inputs{
      {1, 2, 3, 4, 5, 6}, {-1, -1, -1, -1, -1, -1}, {1, -1, 2, -1, -1, -1}, {1, 2, 3, 4, -1, -1}};
  const std::vector<std::int64_t> extents{12, 0, 2, 8};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    succeeds(runtime.input(0).copy_from(inputs[i]));
    const long before = g_calls;
    const Status status = runtime.run();
    const long after = g_calls;
    succeeds(status);
    CHECK(after - before == 0);
    CHECK(runtime.output(0).shape() == Shape{extents[i]});
  }
#else
  SKIP("allocations cannot be counted here");
#endif
}

}  // namespace fettle::test
